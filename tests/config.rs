//! What configuration accepts, and what it says about the rest.

mod addresses;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use gatepass::config::{self, Complaints, Config, Mode, Sources};
use gatepass::id::Id;

/// A folder of its own for one test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("gatepass-config-{}", Id::<Folder>::new()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sources(file: &str, environment: &[(&str, &str)]) -> (Folder, Sources) {
    let folder = Folder::new();
    let file = Some(folder.file("gatepass.toml", file, 0o600));
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    (folder, Sources { file, environment, ..Sources::default() })
}

fn dev(file: &str, environment: &[(&str, &str)]) -> Result<Config, Complaints> {
    let (_folder, sources) = sources(file, environment);
    Config::load(&sources, Mode::Development)
}

fn production(file: &str, environment: &[(&str, &str)]) -> Result<Config, Complaints> {
    let (_folder, sources) = sources(file, environment);
    Config::load(&sources, Mode::Production)
}

/// Key, origin without the folder, what is wrong.
fn complaints(result: Result<Config, Complaints>) -> Vec<String> {
    let said = result.unwrap_err().0.into_iter().map(|complaint| {
        let origin = complaint.origin.to_string();
        let origin = origin.rsplit('/').next().unwrap().to_owned();
        format!("{} ({origin}): {}", complaint.key, complaint.wrong)
    });
    said.collect()
}

const MINIMAL: &str =
    "[issuer]\nurl = \"https://id.example.com\"\n[server]\ntrusted_proxies = [\"10.0.0.1\"]\n";

#[test]
fn nothing_at_all_is_enough_for_development() {
    let mut config = dev("", &[]).unwrap();
    assert_eq!(config.issuer.url.as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.database.url.reveal(), "sqlite:./gatepass-data/gatepass.db");
    assert_eq!(config.issuer.code_lifetime(), Duration::from_secs(60));
    assert_eq!(config.sign_in.session_idle(), Duration::from_secs(12 * 3600));
    assert!(config.keys.sealing_key.is_none());
    assert!(!config.sets("server.listen"));
    config.follow_listener(([127, 0, 0, 1], 41234).into());
    assert_eq!(config.issuer.url.as_str(), "http://127.0.0.1:41234");
}

#[test]
fn the_example_names_every_setting_and_says_the_defaults() {
    let example = config::example();
    let file: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    for setting in config::settings() {
        let section = example.split(&format!("\n[{}]\n", setting.section)).nth(1).unwrap();
        let section = section.split("\n[").next().unwrap();
        assert_eq!(section.matches(&format!("\n#{} = ", setting.name)).count(), 1, "{}", setting.key());
        assert!(!setting.doc.is_empty());
    }
    // Where there is no default the example's value is taken away again.
    let without = config::settings().filter(|setting| setting.default.is_empty());
    let file = without.fold(file, |file, setting| {
        let line = format!("\n{} = {}\n", setting.name, setting.like);
        assert!(file.contains(&line), "{line}");
        file.replace(&line, "\n")
    });
    let explained = dev(&file, &[]).unwrap();
    let silent = dev("", &[]).unwrap();
    assert!(explained.sets("server.listen"));
    let shown = |config: &Config| {
        let text = format!("{config:#?}");
        text.split_once("written:").unwrap().0.to_owned()
    };
    assert_eq!(shown(&explained), shown(&silent));
}

#[test]
fn every_example_of_a_value_is_a_good_one() {
    let folder = Folder::new();
    let pem = folder.file("tls.pem", "", 0o600).display().to_string();
    let file: String = config::settings()
        .filter(|setting| setting.default.is_empty())
        .map(|setting| match setting.name.ends_with("_file") {
            true => format!("{}.{} = \"{pem}\"\n", setting.section, setting.name),
            false => format!("{}.{} = {}\n", setting.section, setting.name, setting.like),
        })
        .collect();
    production(&file, &[]).unwrap();
}

#[test]
fn the_environment_beats_the_file_and_a_flag_beats_both() {
    let file = "[server]\nlisten = \"127.0.0.1:1111\"\ndata_dir = \"/file\"\nmax_connections = 7\n";
    let variables =
        [("GATEPASS_SERVER__LISTEN", "127.0.0.1:2222"), ("GATEPASS_SERVER__DATA_DIR", "/variable")];
    let (_folder, sources) = sources(file, &variables);
    let sources = sources.with_flag("server.listen", "--listen", Some("127.0.0.1:3333".to_owned()));
    let config = Config::load(&sources, Mode::Development).unwrap();
    assert_eq!(config.server.listen.port(), 3333);
    assert_eq!(config.server.data_dir, PathBuf::from("/variable"));
    assert_eq!(config.server.max_connections, 7);
    assert_eq!(config.database.url.reveal(), "sqlite:/variable/gatepass.db");
    assert_eq!(config.issuer.url.as_str(), "http://127.0.0.1:3333");
}

#[test]
fn lists_and_tables_can_stand_in_variables() {
    let variables = [
        ("GATEPASS_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("GATEPASS_ISSUER__SCOPES", "{ orders = \"See your orders\" }"),
    ];
    let config = dev("", &variables).unwrap();
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.issuer.scopes["orders"].description, "See your orders");
}

#[test]
fn a_scope_of_ones_own_asks_for_claims_that_only_a_user_can_have() {
    let scopes = |about: &str| {
        let file = format!("[issuer.scopes]\norders = \"See your orders\"\nemployee = {about}\n");
        dev(&file, &[]).map(|config| config.issuer.scopes["employee"].clone())
    };
    let employee =
        scopes("{ description = \"a\", description_ko = \"b\", claims = [\"badge\", \"email\"] }").unwrap();
    assert_eq!(employee.description_ko.as_deref(), Some("b"));
    assert_eq!(employee.claims.iter().collect::<Vec<_>>(), ["badge", "email"]);
    assert!(scopes("{ description = \"a\" }").unwrap().claims.is_empty());
    for wrong in [
        "{ claims = [\"badge\"] }",
        "{ description = \"\" }",
        "{ description = \"a\", colour = \"red\" }",
        "{ description = \"a\", claims = \"badge\" }",
        "{ description = \"a\", claims = [\"two words\"] }",
        "{ description = \"a\", claims = [\"sub\"] }",
        "{ description = \"a\", claims = [\"aud\"] }",
        "5",
    ] {
        assert!(scopes(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_secret_can_lie_in_a_file_of_its_own() {
    let folder = Folder::new();
    let hex = "00".repeat(31) + "ff";
    let path = folder.file("key", &format!("{hex}\n"), 0o400);
    let variable = [("GATEPASS_KEYS__SEALING_KEY_FILE", path.to_str().unwrap())];
    let key = dev("", &variable).unwrap().keys.sealing_key.unwrap();
    assert_eq!(key.reveal()[31], 0xff);

    let twice = [variable[0], ("GATEPASS_KEYS__SEALING_KEY", hex.as_str())];
    let said = ["keys.sealing_key (GATEPASS_KEYS__SEALING_KEY_FILE): GATEPASS_KEYS__SEALING_KEY is set too"];
    assert_eq!(complaints(dev("", &twice)), said);

    // Only a secret can.
    let variable = [("GATEPASS_BRAND__NAME_FILE", path.to_str().unwrap())];
    let said = ["GATEPASS_BRAND__NAME_FILE (GATEPASS_BRAND__NAME_FILE): no setting is called so"];
    assert_eq!(complaints(dev("", &variable)), said);
}

#[test]
fn all_complaints_are_made_at_once() {
    let file = r#"
port = 80
[server]
listen = "everywhere"
max_connection = 5
max_connections = 0
drain_seconds = "8"
[oauth]
url = "x"
[issuer]
url = "https://id.example.com/?a=b"
code_lifetime_seconds = 3600
scopes = { openid = "mine", "two words" = "b" }
[keys]
sealing_key = "hunter2"
[brand]
accent = "red"
logo_uri = "http://example.com/logo.png"
[log]
format = "xml"
level = "loud=very"
"#;
    let variables = [
        ("GATEPASS_SERVER__TRUSTED_PROXIES", "10.0.0.0/99"),
        ("GATEPASS_SIGN_IN__ACCOUNT_ATTEMPTS", "+5"),
        ("GATEPASS_SIGNIN__ACCOUNT_ATTEMPTS", "5"),
        ("GATEPASS_DATABASE__URL_FILE", "/nowhere"),
        ("PATH", "/bin"),
    ];
    let said = complaints(production(file, &variables));
    let expected = [
        "oauth (gatepass.toml line 8): there is no such section",
        "port (gatepass.toml line 2): this stands outside of any section",
        "server.max_connection (gatepass.toml line 5): there is no such setting",
        "database.url (nowhere): it cannot be read: No such file or directory (os error 2)",
        "GATEPASS_SIGNIN__ACCOUNT_ATTEMPTS (GATEPASS_SIGNIN__ACCOUNT_ATTEMPTS): no setting is called so",
        "server.listen (gatepass.toml line 4): \"everywhere\" will not do",
        "server.trusted_proxies (GATEPASS_SERVER__TRUSTED_PROXIES): \"10.0.0.0/99\" will not do",
        "server.max_connections (gatepass.toml line 6): 0 is out of range",
        "server.drain_seconds (gatepass.toml line 7): \"8\" will not do",
        "issuer.url (gatepass.toml line 11): \"https://id.example.com/?a=b\" will not do",
        "issuer.code_lifetime_seconds (gatepass.toml line 12): 3600 is out of range",
        "issuer.scopes (gatepass.toml line 13): { openid = \"mine\", \"two words\" = \"b\" } will not do",
        "sign_in.account_attempts (GATEPASS_SIGN_IN__ACCOUNT_ATTEMPTS): \"+5\" will not do",
        "keys.sealing_key (gatepass.toml line 15): this value will not do",
        "log.format (gatepass.toml line 20): \"xml\" will not do",
        "log.level (gatepass.toml line 21): \"loud=very\" will not do",
        "brand.accent (gatepass.toml line 17): \"red\" will not do",
        "brand.logo_uri (gatepass.toml line 18): \"http://example.com/logo.png\" will not do",
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_is_not_toml_is_said_with_its_line() {
    let said = complaints(dev("[server]\nlisten = \n[brand]\nname = \"x\"\naccent = #\n", &[]));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("the file (gatepass.toml line 2)"), "{said:?}");
    assert!(said[1].starts_with("the file (gatepass.toml line 5)"), "{said:?}");
}

#[test]
fn a_complaint_says_what_would_be_right() {
    let refusal = dev("[server]\nlisten = 8080", &[]).unwrap_err();
    let line = refusal.0[0].to_string();
    let right =
        "8080 will not do; write an IP address with a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"";
    assert!(line.ends_with(right), "{line}");
    let refusal = dev("[server]\nport = 8080", &[]).unwrap_err().to_string();
    assert!(refusal.contains("[server] knows listen, management_listen, data_dir"), "{refusal}");
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let sources = Sources { file: Some("/nowhere/gatepass.toml".into()), ..Sources::default() };
    let said = complaints(Config::load(&sources, Mode::Development));
    let expected =
        ["the file (gatepass.toml line 1): it cannot be read: No such file or directory (os error 2)"];
    assert_eq!(said, expected);
}

#[test]
fn a_secret_in_a_file_that_everybody_may_read_is_refused() {
    let folder = Folder::new();
    let with_mode = |text: &str, mode| {
        let file = Some(folder.file("gatepass.toml", text, mode));
        Config::load(&Sources { file, ..Sources::default() }, Mode::Development)
    };
    let sealed = format!("[keys]\nsealing_key = \"{}\"", "ab".repeat(32));
    let postgres = "[database]\nurl = \"postgres://gatepass:hunter2@localhost/gatepass\"";
    for (secret, key) in [(sealed.as_str(), "keys.sealing_key"), (postgres, "database.url")] {
        let said = complaints(with_mode(secret, 0o644));
        let wrong = "this secret stands in a file that everybody may read";
        assert_eq!(said, [format!("{key} (gatepass.toml line 2): {wrong}")]);
        with_mode(secret, 0o640).unwrap();
    }
    with_mode("[database]\nurl = \"postgres://localhost/gatepass\"", 0o644).unwrap();

    let path = folder.file("key", &"ab".repeat(32), 0o644);
    let variable = [("GATEPASS_KEYS__SEALING_KEY_FILE", path.to_str().unwrap())];
    assert_eq!(complaints(dev("", &variable)).len(), 1);
}

#[test]
fn lifetimes_must_agree() {
    let file = "[issuer]\nrefresh_idle_days = 91\n[sign_in]\nremember_idle_days = 15\nargon2_parallelism = 64\n\
                argon2_memory_kib = 100\n";
    let said = complaints(dev(file, &[]));
    let expected = [
        "issuer.refresh_idle_days (gatepass.toml line 2): 91 days are more than refresh_absolute_days",
        "sign_in.remember_idle_days (gatepass.toml line 4): this is more than session_absolute_days",
        "sign_in.argon2_memory_kib (gatepass.toml line 6): 100 is less than 8 KiB a lane",
    ];
    assert_eq!(said, expected);
}

#[test]
fn secrets_are_neither_printed_nor_complained_with() {
    let canary = "c0ffee".repeat(10) + "beef";
    let url = format!("postgres://gatepass:{canary}@localhost/gatepass");
    let secrets = [("GATEPASS_KEYS__SEALING_KEY", canary.as_str()), ("GATEPASS_DATABASE__URL", url.as_str())];
    let config = dev("", &secrets).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("c0ffee"), "{printed}");

    let wrong = [("GATEPASS_KEYS__SEALING_KEY", "c0ffee"), ("GATEPASS_DATABASE__URL", "c0ffee")];
    let refusal = dev("", &wrong).unwrap_err();
    assert_eq!(refusal.0.len(), 2);
    let printed = format!("{refusal} {refusal:?}");
    assert!(!printed.contains("c0ffee"), "{printed}");
}
