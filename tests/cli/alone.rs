//! Commands without a server: what they refuse, and in which words.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Operator;

const GOOD: &str = "purple whales dance at noon";

#[test]
fn a_mistyped_folder_does_not_become_an_installation() {
    let operator = Operator::new();
    for command in [&["user", "list"][..], &["key", "rotate"], &["migrate", "status"], &["audit", "list"]] {
        let (code, message) = operator.refused(command);
        assert_eq!(code, "no_database");
        assert!(message.contains("--data-dir"), "{message}");
    }
    assert!(!operator.data_dir.exists());
}

#[test]
fn a_database_goes_up_and_down_and_says_where_it_is() {
    let operator = Operator::with_database();
    let applied = |answer: serde_json::Value| -> Vec<bool> {
        answer.as_array().unwrap().iter().map(|migration| migration["applied"].as_bool().unwrap()).collect()
    };
    let all = applied(operator.json(&["migrate", "status"]));
    assert!(!all.is_empty() && all.iter().all(|applied| *applied));
    operator.adds_user("alice", GOOD);
    assert_eq!(operator.refused(&["migrate", "down"]).0, "usage");
    assert_eq!(operator.json(&["user", "list"])[0]["username"], "alice");
    assert_eq!(applied(operator.json(&["migrate", "down", "--yes"])).pop(), Some(false));
    assert_eq!(operator.refused(&["user", "list"]).0, "not_migrated");
    let none = applied(operator.json(&["migrate", "down", "--yes", "--steps", "1000"]));
    assert!(none.iter().all(|applied| !applied), "{none:?}");
    operator.does(&["migrate", "up"]);
    assert_eq!(operator.json(&["user", "list"]), serde_json::json!([]));
}

#[test]
fn only_the_operator_can_look_into_what_was_made() {
    let operator = Operator::with_database();
    operator.does(&["key", "rotate", "ES256"]);
    let mode = |name: &str| operator.data_dir.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("gatepass.db"), mode("sealing.key")), (0o700, 0o600, 0o600));
}

#[test]
fn a_usage_error_has_exit_code_2_and_is_json_when_json_was_asked_for() {
    let operator = Operator::new();
    for arguments in [
        &["frobnicate"][..],
        &["user", "add"],
        &["user", "add", "alice", "--password", "secret"],
        &["user", "add", "alice", "--password-stdin", "--password-hash", "x"],
        &["client", "add", "--grant-type", "password"],
        &["client", "add", "--auth-method", "none"],
        &["client", "add", "--public", "--auth-method", "client_secret_basic"],
        &["client", "update", "shop", "--enable", "--disable"],
        &["key", "rotate", "HS256"],
        &["session", "end"],
        &["session", "end", "--user", "alice"],
        &["session", "end", "--all"],
        &["user", "list", "--limit", "0"],
        &["try", "--issuer", "https://id.example"],
        &["try", "--listen", "0.0.0.0:8081"],
    ] {
        assert_eq!(operator.refused(arguments).0, "usage", "{arguments:?}");
        let said = operator.says(arguments);
        assert!(said.code == 2 && said.err.starts_with("error: "), "{said:?}");
    }
    assert!(operator.says(&["user"]).err.contains("set-password"), "half a command lists the rest");
    assert_eq!(operator.says(&["--help"]).code, 0);
    assert_eq!(operator.says(&["--version"]).words().trim(), concat!("gatepass ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn everything_that_is_wrong_with_a_user_is_said_at_once() {
    let operator = Operator::with_database();
    let claims = operator.home.join("claims.json");
    fs::write(&claims, r#"{"email": "nobody", "name": 7, "role": "root", "locale": "en"}"#).unwrap();
    let add = ["user", "add", "a b", "--password-stdin", "--claims", claims.to_str().unwrap(), "--json"];
    let (code, message) = operator.pipes(GOOD, &add).refusal();
    assert_eq!(code, "invalid_user");
    for about in ["username: ", "email: ", "name: ", "role: "] {
        assert!(message.lines().any(|line| line.starts_with(about)), "{message}");
    }
    assert_eq!(operator.json(&["user", "list"]), serde_json::json!([]));
}

#[test]
fn a_password_is_judged_before_it_is_taken() {
    let operator = Operator::with_database();
    let add = |name: &str, password: &str| {
        operator.pipes(password, &["user", "add", name, "--password-stdin", "--json"])
    };
    for weak in ["short", "password123", "alice.example", "correct\u{0}horse\u{0}battery"] {
        assert_eq!(add("alice.example", weak).refusal().0, "unacceptable_password", "{weak:?}");
    }
    assert_eq!(add("alice", "").refusal().0, "input");
    // Nobody is there to type one.
    let (code, message) = operator.refused(&["user", "add", "alice"]);
    assert!(code == "input" && message.contains("--password-stdin"), "{message}");
    assert_eq!(add("alice", GOOD).json()["username"], "alice");
    assert_eq!(add("ALICE", GOOD).refusal().0, "exists");
}

#[test]
fn a_hash_from_another_system_is_taken_over_if_it_is_one() {
    let operator = Operator::with_database();
    let phc =
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$PN+9UGdSMWjTZOc4CG4Tk1mIa3EQRBVeoqqxZfm4Rjk";
    let bomb = phc.replace("m=64", "m=4000000");
    for hash in ["password", "$2b$12$abcdefghijklmnopqrstuv", bomb.as_str()] {
        let refused = operator.refused(&["user", "add", "alice", "--password-hash", hash]);
        assert_eq!(refused.0, "invalid_password_hash", "{hash}");
    }
    operator.pipes(phc, &["user", "add", "alice", "--password-hash", "-"]).words();
    operator.does(&["user", "add", "bob", "--password-hash", phc]);
}

#[test]
fn standard_input_holds_one_thing() {
    let operator = Operator::with_database();
    let add = ["user", "add", "alice", "--password-stdin", "--claims", "-", "--json"];
    assert_eq!(operator.pipes("{}", &add).refusal().0, "usage");
    let add = ["client", "add", "--secret-stdin", "--metadata", "-", "--json"];
    assert_eq!(operator.pipes("{}", &add).refusal().0, "usage");
}

#[test]
fn everything_that_is_wrong_with_a_client_is_said_at_once() {
    let operator = Operator::with_database();
    let (code, message) = operator.refused(&[
        "client",
        "add",
        "--public",
        "--trusted",
        "--no-pkce",
        "--redirect-uri",
        "http://shop.example/cb",
        "--redirect-uri",
        "https://*.shop.example/cb",
        "--logo-uri",
        "javascript:alert(1)",
    ]);
    assert_eq!(code, "invalid_client_metadata");
    for about in
        ["pkce: ", "consent: ", "logo_uri: ", "http://shop.example/cb: ", "https://*.shop.example/cb: "]
    {
        assert!(message.lines().any(|line| line.starts_with(about)), "{message}");
    }
    let metadata = r#"{"redirect_uris": "https://shop.example/cb", "colour": "red", "scope": "openid"}"#;
    let (_, message) = operator.pipes(metadata, &["client", "add", "--metadata", "-", "--json"]).refusal();
    assert!(message.contains("redirect_uris: ") && message.contains("colour: "), "{message}");
    assert_eq!(operator.json(&["client", "list"]), serde_json::json!([]));
}

#[test]
fn a_wrong_sealing_key_is_refused_and_the_right_one_is_not_replaced() {
    let operator = Operator::with_database();
    operator.does(&["key", "rotate"]);
    let key = fs::read(operator.data_dir.join("sealing.key")).unwrap();
    let wrong = operator
        .command(&["key", "rotate", "--json"])
        .env("GATEPASS_KEYS__SEALING_KEY", "0".repeat(64))
        .output()
        .unwrap();
    assert_eq!(super::operator::Said::from(wrong).refusal().0, "sealing_key");
    fs::remove_file(operator.data_dir.join("sealing.key")).unwrap();
    assert_eq!(operator.refused(&["key", "rotate"]).0, "sealing_key");
    assert!(!operator.data_dir.join("sealing.key").exists());
    fs::write(operator.data_dir.join("sealing.key"), key).unwrap();
    // Written by an editor, for everybody to read.
    assert_eq!(operator.refused(&["key", "rotate"]).0, "file");
}

#[test]
fn the_example_is_a_configuration_and_a_check_says_what_is_wrong() {
    let operator = Operator::new();
    let file = operator.home.join("gatepass.toml");
    fs::write(&file, operator.does(&["config", "example"])).unwrap();
    let (code, message) = operator.refused(&["config", "check"]);
    assert!(code == "configuration" && message.contains("issuer.url"), "{message}");
    operator.does(&["config", "check", "--dev"]);
    fs::write(&file, "[issuer]\nurl = \"https://id.example\"\ncolour = 1\n[server]\nlisten = 8080\n")
        .unwrap();
    let (_, message) = operator.refused(&["config", "check"]);
    for wrong in ["issuer.colour", "server.listen", "gatepass.toml line 3", "gatepass.toml line 5"] {
        assert!(message.contains(wrong), "{message}");
    }
    // Commands beside the server need neither an issuer nor TLS, but nothing that cannot be understood.
    assert_eq!(operator.refused(&["user", "list"]).0, "configuration");
    fs::write(&file, "[server]\nlisten = \"0.0.0.0:8080\"\ntls_key_file = \"/nowhere\"\n").unwrap();
    operator.does(&["migrate", "up"]);
    operator.does(&["user", "list"]);
    assert_eq!(operator.refused(&["--config", "nowhere.toml", "user", "list"]).0, "configuration");
}

#[test]
fn doctor_tells_what_is_missing_before_the_first_start() {
    let operator = Operator::new().knowing("GATEPASS_ISSUER__URL", "https://id.invalid");
    let operator = operator.knowing("GATEPASS_SERVER__TRUSTED_PROXIES", "10.0.0.1");
    let findings = |operator: &Operator| -> Vec<String> {
        let said = operator.says(&["doctor", "--json"]);
        let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(said.code == 0, answer["healthy"].as_bool().unwrap());
        let found = answer["findings"].as_array().unwrap();
        found
            .iter()
            .map(|f| format!("{} {}", f["check"].as_str().unwrap(), f["verdict"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(findings(&operator), ["configuration ok", "files ok", "database failed", "issuer warning"]);
    operator.does(&["migrate", "up"]);
    let found = findings(&operator);
    assert!(found.contains(&"sealing key warning".to_owned()), "{found:?}");
    fs::set_permissions(operator.data_dir.join("gatepass.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let found = findings(&operator);
    assert!(found.contains(&"files failed".to_owned()), "{found:?}");
}
