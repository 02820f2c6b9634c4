//! Commands that add, change and remove clients, beside a server that runs.

use std::time::{Duration, Instant};

use gatepass::registration::Registered;
use gatepass::secret::Secret;
use gatepass::store::clients;
use serde_json::{Value, json};

use super::Operator;
use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::{Endpoint, Published, RelyingParty, World};

/// The client that `client add --json` has answered.
async fn party(world: &World, added: &Value) -> RelyingParty {
    let id = added["client_id"].as_str().unwrap();
    let client = clients::find(world.app.store.read(), id).await.unwrap().unwrap();
    let secret = added["client_secret"].as_str().map(Secret::claimed);
    RelyingParty::new(&world.issuer, Registered { client, secret })
}

/// Longer than any node remembers a client.
async fn soon(mut holds: impl AsyncFnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

on_both!(clients_come_and_go(world) {
    let operator = Operator::beside(&world);
    let added = operator.json(&[
        "client", "add", "--name", "Reports", "--grant-type", "client_credentials", "--scope", "read write",
        "--audience", "https://api.example", "--access-token", "opaque",
    ]);
    let id = added["client_id"].as_str().unwrap();
    let secret = added["client_secret"].as_str().unwrap();
    assert_eq!((&added["response_types"], &added["redirect_uris"]), (&json!([]), &json!([])));
    let reports = party(&world, &added).await;
    let ask = || reports.token(&[("grant_type", "client_credentials"), ("scope", "read")]);
    let tokens = ask().await.json();
    assert_eq!(tokens["scope"], "read");

    let api = operator.json(&[
        "client", "add", "--id", "orders-api", "--resource", "https://api.example", "--grant-type", "client_credentials",
    ]);
    let seen = party(&world, &api).await.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((&seen["active"], &seen["client_id"]), (&json!(true), &json!(id)));

    for again in [&["client", "show", id][..], &["client", "list"], &["audit", "list"], &["client", "update", id]] {
        let (words, json) = (operator.does(again), operator.json(again).to_string());
        assert!(!words.contains(secret) && !json.contains("client_secret\":"), "{again:?}");
    }
    assert_eq!(operator.refused(&["client", "add", "--id", "orders-api", "--grant-type", "client_credentials"]).0, "exists");

    let changed = operator.json(&["client", "update", id, "--scope", "read", "--new-secret"]);
    assert_ne!(changed["client_secret"], secret);
    assert_eq!((&changed["scope"], &changed["client_name"]), (&json!("read"), &json!("Reports")));
    assert!(soon(async || ask().await.status == 401).await, "the old secret is worth nothing");
    let reports = party(&world, &changed).await;
    let ask = || reports.token(&[("grant_type", "client_credentials")]);
    assert_eq!(ask().await.status, 200);

    assert_eq!(operator.json(&["client", "update", id, "--disable"])["status"], "disabled");
    assert!(soon(async || ask().await.status == 401).await);
    assert_eq!(operator.json(&["client", "update", id, "--enable"])["status"], "active");
    assert!(soon(async || ask().await.status == 200).await);
    operator.does(&["client", "remove", id]);
    assert!(soon(async || ask().await.status == 401).await);
    assert_eq!(operator.refused(&["client", "show", id]).0, "not_found");
    assert_eq!(operator.refused(&["client", "update", id]).0, "not_found");
});

on_both!(a_client_is_described_by_flags_and_by_metadata(world) {
    let operator = Operator::beside(&world);
    let metadata = r#"{"client_name": "Old", "redirect_uris": ["https://shop.example/cb"], "default_max_age": 60}"#;
    let add = ["client", "add", "--metadata", "-", "--name", "Shop", "--json"];
    let added = operator.pipes(metadata, &add).json();
    let id = added["client_id"].as_str().unwrap();
    assert_eq!((&added["client_name"], &added["default_max_age"]), (&json!("Shop"), &json!(60)));
    assert_eq!(added["scope"], "address email offline_access openid phone profile");
    assert_eq!(added["response_types"], json!(["code"]));
    let changes = r#"{"default_max_age": null, "consent": "implied", "scope": "openid"}"#;
    let changed = operator.pipes(changes, &["client", "update", id, "--metadata", "-", "--json"]).json();
    assert_eq!((&changed["default_max_age"], &changed["consent"]), (&Value::Null, &json!("implied")));
    assert_eq!((&changed["client_name"], &changed["scope"]), (&json!("Shop"), &json!("openid")));

    let app = operator.json(&["client", "add", "--public", "--redirect-uri", "com.example.app:/cb"]);
    assert_eq!(app["client_secret"], Value::Null);
    let app = app["client_id"].as_str().unwrap();
    assert_eq!(operator.refused(&["client", "update", app, "--new-secret"]).0, "usage");
    let confidential = ["client", "update", app, "--auth-method", "client_secret_post"];
    assert_eq!(operator.refused(&confidential).0, "invalid_redirect_uri");
    let confidential = operator.json(&[&confidential[..], &["--redirect-uri", "https://app.example/cb"]].concat());
    assert!(confidential["client_secret"].is_string(), "a secret is made for who needs one");

    let own = "f".repeat(32);
    let add = ["client", "add", "--grant-type", "client_credentials", "--secret-stdin", "--json"];
    let brought = operator.pipes(&own, &add).json();
    assert_eq!(brought["client_secret"], Value::Null, "who brought it knows it");
    assert_eq!(operator.pipes("short", &add).refusal().0, "invalid_client_metadata");
});

on_both!(a_removed_client_leaves_nothing_to_a_later_one_of_its_name(world) {
    world.user("alice").await;
    let operator = Operator::beside(&world);
    let add = ["client", "add", "--id", "shop", "--redirect-uri", "https://shop.example/callback", "--public"];
    let shop = party(&world, &operator.json(&add)).await;
    let tokens = shop.tokens("alice", "openid").await;
    operator.does(&["client", "remove", "shop"]);
    assert_eq!(operator.json(&["user", "show", "alice"])["apps"], json!([]));
    operator.does(&add);
    assert_eq!(shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.json()["error"], "invalid_grant");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_keeps_the_people_of_one_sector_apart_from_others() {
    let published = Published::new(json!(["https://notes.example/cb", "https://app.example/cb"])).await;
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    let operator = Operator::beside(&world)
        .knowing("GATEPASS_OUTBOUND__ALLOWED_HOSTS", &published.host)
        .knowing("GATEPASS_OUTBOUND__EXTRA_CA_FILE", published.authority.to_str().unwrap());
    let sector = format!("https://{}/sector.json", published.host);
    let add = |rest: &[&'static str]| {
        let mut command = vec!["client", "add", "--pairwise", "--redirect-uri", "https://notes.example/cb"];
        command.extend(rest);
        command
    };
    assert_eq!(
        operator.refused(&add(&["--redirect-uri", "https://app.example/cb"])).0,
        "invalid_client_metadata"
    );
    let notes = operator.json(&add(&[]));
    let id = notes["client_id"].as_str().unwrap();
    let browser = world.signed_in("alice").await;
    let subject = async |added: &Value| {
        let tokens = party(&world, added).await.tokens_in(&mut browser.clone(), "alice", "openid").await;
        claims(tokens["id_token"].as_str().unwrap())["sub"].clone()
    };
    assert_eq!(notes["subject_type"], "pairwise");
    let alone = subject(&notes).await;

    let update = ["client", "update", id, "--pairwise", "--sector-identifier-uri", &sector];
    let refused = [&update[..], &["--redirect-uri", "https://evil.example/cb"]].concat();
    assert_eq!(operator.refused(&refused).0, "invalid_client_metadata");
    operator.json(&update);
    let mut together = Value::Null;
    let moved = soon(async || {
        together = subject(&notes).await;
        together != alone
    });
    assert!(moved.await);
    let app = [
        "client",
        "add",
        "--pairwise",
        "--sector-identifier-uri",
        &sector,
        "--redirect-uri",
        "https://app.example/cb",
    ];
    assert_eq!(subject(&operator.json(&app)).await, together);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_name_is_fetched_without_the_proxy_of_the_surroundings() {
    // A proxy would resolve names and connect for us, past every rule about addresses (RFC 9700 §4.13).
    let published = Published::new(json!(["https://notes.example/cb"])).await;
    let world = World::on_sqlite(&[]).await;
    let proxy = Endpoint::start().await;
    let mut operator = Operator::beside(&world)
        .knowing("GATEPASS_OUTBOUND__ALLOWED_HOSTS", &published.host)
        .knowing("GATEPASS_OUTBOUND__EXTRA_CA_FILE", published.authority.to_str().unwrap());
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"] {
        operator = operator.knowing(variable, &proxy.origin);
    }
    let sector = format!("https://{}/sector.json", published.host);
    operator.json(&[
        "client",
        "add",
        "--pairwise",
        "--redirect-uri",
        "https://notes.example/cb",
        "--sector-identifier-uri",
        &sector,
    ]);
    assert_eq!((published.visits(), proxy.received().len()), (1, 0));
}
