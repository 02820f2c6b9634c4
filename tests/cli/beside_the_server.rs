//! Commands on the database of a server that runs: it follows within seconds.

use std::time::Duration;

use gatepass::clock::Timestamp;
use gatepass::id::Id;
use gatepass::store::audit;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use super::Operator;
use crate::on_both;
use crate::support::Follower;
use crate::support::world::PASSWORD;

const NEW_PASSWORD: &str = "purple whales dance at noon";

on_both!(users_come_and_go(world) {
    let operator = Operator::beside(&world);
    let claims = operator.home.join("claims.json");
    std::fs::write(&claims, r#"{"name": "Alice Example", "email": "alice@example.com", "email_verified": true}"#).unwrap();
    let add = ["user", "add", " Alice ", "--password-stdin", "--claims", claims.to_str().unwrap(), "--json"];
    let alice = operator.pipes(&format!("{PASSWORD}\n"), &add).json();
    assert_eq!((&alice["username"], &alice["status"]), (&json!("alice"), &json!("active")));
    operator.adds_user("bob", NEW_PASSWORD);

    let names = |list: Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(operator.json(&["user", "list"])), ["alice", "bob"]);
    assert_eq!(names(operator.json(&["user", "list", "--limit", "1"])), ["alice"]);
    assert_eq!(names(operator.json(&["user", "list", "--after", "alice"])), ["bob"]);

    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid email").await;
    let userinfo = shop.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!((&userinfo["sub"], &userinfo["email"]), (&alice["sub"], &json!("alice@example.com")));
    let shown = operator.json(&["user", "show", "alice"]);
    assert_eq!((shown["sessions"].as_array().unwrap().len(), &shown["apps"]), (1, &json!(["shop"])));
    assert_eq!(operator.json(&["user", "show", alice["sub"].as_str().unwrap()]), shown);

    assert_eq!(operator.json(&["user", "disable", "alice"])["status"], "disabled");
    assert_eq!(shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.json()["error"], "invalid_grant");
    assert_eq!(shop.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_ne!(world.browser().sign_in("/login", "alice", PASSWORD).await.status, 303);
    operator.does(&["user", "disable", "alice"]);

    assert_eq!(operator.json(&["user", "enable", "alice"])["status"], "active");
    world.signed_in("alice").await;
    assert_eq!(shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.json()["error"], "invalid_grant");

    let tokens = shop.tokens("alice", "openid").await;
    operator.pipes(r#"{"name": "Alice B."}"#, &["user", "set-claims", "alice", "-"]).words();
    assert_eq!(operator.json(&["user", "show", "alice"])["claims"], json!({ "name": "Alice B." }));

    operator.does(&["user", "remove", "alice"]);
    assert_eq!(shop.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(operator.refused(&["user", "show", "alice"]).0, "not_found");
    assert_eq!(operator.refused(&["user", "remove", "alice"]).0, "not_found");
    assert_eq!(names(operator.json(&["user", "list"])), ["bob"]);
    // Somebody else of the same name is somebody else.
    operator.adds_user("alice", PASSWORD);
    assert_ne!(operator.json(&["user", "show", "alice"])["sub"], alice["sub"]);

    let trail = operator.json(&["audit", "list", "--user", alice["sub"].as_str().unwrap()]);
    let events: Vec<&str> = trail.as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!((events.first(), events.last()), (Some(&"user_removed"), Some(&"user_added")));
    assert!(events.contains(&"user_disabled") && events.contains(&"user_enabled"), "{events:?}");
});

on_both!(the_trail_of_last_year_goes_into_a_file_and_then_away(world) {
    let operator = Operator::beside(&world);
    operator.adds_user("alice", PASSWORD);
    let begins = Timestamp::from_secs(1_735_689_600);
    let told = (0..1203).map(|number| audit::Entry {
        id: Id::new(),
        // Many at the same moment; the last of them in the first moment of 2025.
        at: begins.minus(Duration::from_secs((1202 - number) / 100)),
        event: "user_added".to_owned(),
        user_id: None,
        client_id: Some(number.to_string()),
        detail: json!({}),
    });
    let write = world.app.store.write(told.collect(), |tx, told: &Vec<audit::Entry>| {
        Box::pin(async move {
            for entry in told {
                audit::append(tx, entry).await?;
            }
            Ok(())
        })
    });
    write.await.unwrap();
    let file = operator.home.join("trail.jsonl");
    let export = ["audit", "export", "--before", "2025-01-01", file.to_str().unwrap()];
    assert_eq!(operator.json(&export)["exported"], 1103);
    assert_eq!(operator.refused(&export).0, "output", "nothing is written over");
    let text = std::fs::read_to_string(&file).unwrap();
    let clients = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["client_id"].clone());
    assert!(clients.eq((0..1103).map(|number| json!(number.to_string()))), "each once, the oldest first");

    assert_eq!(operator.says(&["audit", "prune", "--before", "2999-01-01"]).code, 2);
    assert_eq!(operator.json(&["audit", "prune", "--before", "2025-01-01"])["removed"], 1103);
    assert_eq!(operator.json(&["audit", "prune", "--before", "2025-01-01"])["removed"], 0);
    let left = operator.json(&["audit", "list", "--limit", "1000"]);
    assert_eq!(left.as_array().unwrap().len(), 101, "the new year's, and alice");
});

on_both!(a_new_password_ends_what_the_old_one_opened(world) {
    let operator = Operator::beside(&world);
    operator.adds_user("alice", PASSWORD);
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid offline_access").await;
    operator.pipes(NEW_PASSWORD, &["user", "set-password", "alice", "--password-stdin"]).words();
    assert_eq!(shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.json()["error"], "invalid_grant");
    assert_eq!(operator.json(&["session", "list", "--user", "alice"]), json!([]));
    assert_ne!(world.browser().sign_in("/login", "alice", PASSWORD).await.status, 303);
    assert_eq!(world.browser().sign_in("/login", "alice", NEW_PASSWORD).await.status, 303);
});

on_both!(an_ended_session_takes_its_apps_along(world) {
    world.user("alice").await;
    world.user("bob").await;
    let operator = Operator::beside(&world);
    let shop = world.shop().await;
    let (here, there) = (shop.tokens("alice", "openid").await, shop.tokens("alice", "openid offline_access").await);
    let bobs = shop.tokens("bob", "openid").await;
    let refreshes = async |tokens: &Value| shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.status == 200;

    assert_eq!(operator.json(&["session", "list"]).as_array().unwrap().len(), 3);
    let alices = operator.json(&["session", "list", "--user", "alice"]);
    assert_eq!((alices.as_array().unwrap().len(), &alices[0]["amr"]), (2, &json!(["pwd"])));
    // The most recent one comes first.
    let sid = alices[0]["sid"].as_str().unwrap();
    operator.does(&["session", "end", sid]);
    assert_eq!(operator.refused(&["session", "end", sid]).0, "not_found");
    assert_eq!(operator.refused(&["session", "end", "nonsense"]).0, "not_found");
    assert!(!refreshes(&there).await && refreshes(&here).await);
    operator.does(&["session", "end", "--user", "alice", "--all"]);
    assert!(refreshes(&bobs).await);
    assert_eq!(operator.json(&["session", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(operator.json(&["session", "list", "--user", "alice"]), json!([]));
});

on_both!(keys_are_announced_then_sign_then_retire(world) {
    let operator = Operator::beside(&world);
    let states = |list: &Value, alg: &str| -> Vec<String> {
        let keys = list.as_array().unwrap().iter().filter(|key| key["alg"] == alg);
        keys.map(|key| key["state"].as_str().unwrap().to_owned()).collect()
    };
    let before = operator.json(&["key", "list"]);
    assert_eq!(["ES256", "RS256", "EdDSA"].map(|alg| states(&before, alg)), [["signing"], ["signing"], ["signing"]]);
    let after = operator.json(&["key", "rotate", "ES256", "EdDSA"]);
    assert_eq!(states(&after, "ES256"), ["signing", "announced"]);
    assert_eq!(states(&after, "EdDSA"), ["signing", "announced"]);
    assert_eq!(states(&after, "RS256"), ["signing"]);
    assert!(!after.to_string().contains("\"d\""));

    world.app.refresh_keys(world.now()).await.unwrap();
    let jwks = world.browser().get("/jwks").await.json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 5);

    let stolen = before.as_array().unwrap().iter().find(|key| key["alg"] == "RS256").unwrap()["kid"].as_str().unwrap();
    operator.does(&["key", "retire", stolen]);
    world.app.refresh_keys(world.now()).await.unwrap();
    let jwks = world.browser().get("/jwks").await.body;
    assert!(!jwks.contains(stolen));
    assert!(states(&operator.json(&["key", "list"]), "RS256").contains(&"signing".to_owned()));
    // A name of base64url may begin like a flag.
    for unknown in ["nonsense", "-4abc"] {
        assert_eq!(operator.refused(&["key", "retire", unknown]).0, "not_found");
    }
});

on_both!(doctor_finds_a_broken_invariant(world) {
    let operator = Operator::beside(&world).knowing("GATEPASS_ISSUER__URL", "https://id.invalid");
    let operator = operator.knowing("GATEPASS_SERVER__TRUSTED_PROXIES", "10.0.0.1");
    world.user("alice").await;
    world.signed_in("alice").await;
    let failed = |operator: &Operator| -> Vec<String> {
        let said = operator.says(&["doctor", "--check", "--json"]);
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(said.code, i32::from(answer["healthy"] == false));
        let found = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == "failed");
        found.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(failed(&operator), Vec::<String>::new());
    let database = Database::connect(world.app.config.database.url.reveal()).await.unwrap();
    database.execute_unprepared("UPDATE users SET disabled_at = 1").await.unwrap();
    database.close().await.unwrap();
    let failed = failed(&operator);
    assert!(failed.len() == 1 && failed[0].contains("no disabled user has a live session"), "{failed:?}");
});

on_both!(every_command_answers_in_words_and_in_json(world) {
    world.user("alice").await;
    world.shop().await;
    world.signed_in("alice").await;
    let operator = Operator::beside(&world);
    for command in [
        &["migrate", "status"][..],
        &["migrate", "up"],
        &["user", "list"],
        &["user", "show", "alice"],
        &["user", "enable", "alice"],
        &["client", "list"],
        &["client", "show", "shop"],
        &["client", "update", "shop", "--name", "Shop"],
        &["session", "list"],
        &["key", "list"],
        &["audit", "list"],
        &["audit", "list", "--user", "alice", "--limit", "1"],
        &["config", "example"],
        &["config", "check", "--dev"],
    ] {
        assert!(!operator.does(command).trim().is_empty(), "{command:?}");
        assert!(!operator.json(command).is_null(), "{command:?}");
    }
});

on_both!(operators_see_how_far_each_api_lags(world) {
    let operator = Operator::beside(&world);
    assert_eq!(operator.json(&["feed", "followers"]), json!({ "newest": 0, "followers": [] }));
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::ask(&api, &world, "?instance=kitchen-1").await;
    follower.caught_up().await;
    for _ in 0..2 {
        let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
        shop.revoke(tokens["access_token"].as_str().unwrap()).await;
    }
    let receipt = [("instance", "kitchen-1"), ("applied", "1")];
    assert_eq!(api.post("/revocations/receipts", &receipt).await.status, 204);
    let listed = operator.json(&["feed", "followers"]);
    assert_eq!(listed["newest"], 2);
    let [process] = listed["followers"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&process["client_id"], &process["instance"]), (&json!("orders"), &json!("kitchen-1")));
    assert_eq!((&process["applied"], &process["behind"]), (&json!(1), &json!(1)));
    assert!(process["lag_ms"].as_u64().unwrap() < 60_000, "{process}");
    assert!(operator.does(&["feed", "followers"]).contains("kitchen-1"));
});
