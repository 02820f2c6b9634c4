//! Sectors of pairwise subjects, as clients register them (OpenID Connect Core §8.1, Registration §5).

use gatepass::store::audit;
use serde_json::{Value, json};

use super::registration::{METADATA, assert_refused};
use crate::on_both;
use crate::support::registrant::{Registrant, register, with};
use crate::support::relying_party::claims;
use crate::support::{Published, World};

const URI: &str = "https://notes.example/cb";

/// A server that may fetch from `published`.
async fn world(published: &Published) -> World {
    let authority = published.authority.to_str().unwrap();
    let settings =
        [("outbound.allowed_hosts", published.host.as_str()), ("outbound.extra_ca_file", authority)];
    World::on_sqlite(&settings).await
}

fn in_sector(published: &Published, redirect_uris: Value) -> Value {
    let uri = format!("https://{}/sector.json", published.host);
    with(json!({
        "subject_type": "pairwise", "sector_identifier_uri": uri, "redirect_uris": redirect_uris,
    }))
}

on_both!(a_pairwise_client_has_one_host_or_a_sector(world) {
    for (redirect_uris, is_one_host) in [
        (json!([URI]), true),
        (json!([URI, "https://notes.example/other"]), true),
        (json!([URI, "https://NOTES.example/other"]), true),
        (json!([URI, "https://app.notes.example/cb"]), false),
        (json!([URI, "http://127.0.0.1/cb"]), false),
    ] {
        let document = with(json!({ "subject_type": "pairwise", "redirect_uris": redirect_uris }));
        let answer = register(&world, None, &document).await;
        match is_one_host {
            true => assert_eq!(answer.json()["subject_type"], "pairwise", "{}", answer.body),
            false => assert_refused(&answer, METADATA, &redirect_uris.to_string()),
        }
    }
    // No host at all.
    let native = json!({
        "subject_type": "pairwise", "redirect_uris": ["com.example.notes:/cb"],
        "application_type": "native", "token_endpoint_auth_method": "none",
    });
    assert_refused(&register(&world, None, &with(native)).await, METADATA, "a private-use scheme");
    for uri in ["http://notes.example/sector", "javascript:alert(1)", "https://a b/", "notes.example"] {
        let answer = register(&world, None, &with(json!({ "sector_identifier_uri": uri }))).await;
        assert_refused(&answer, METADATA, uri);
        assert!(answer.json()["error_description"].as_str().unwrap().starts_with("sector_identifier_uri: "));
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_lists_every_redirect_uri_or_nothing_is_registered() {
    let published = Published::new(json!([URI, "https://app.example/cb", "https://more.example/"])).await;
    let world = world(&published).await;
    let document = in_sector(&published, json!([URI, "https://app.example/cb"]));
    let told = Registrant::new(&world, &document).await.told;
    assert_eq!(told["sector_identifier_uri"], document["sector_identifier_uri"]);

    // For a client with public subjects too: what it says of itself is true.
    let mut public = in_sector(&published, json!(["https://evil.example/cb"]));
    public["subject_type"] = json!("public");
    assert_refused(&register(&world, None, &public).await, METADATA, "a public client");

    for (redirect_uris, listed) in [
        (json!(["https://evil.example/cb"]), json!([URI])),
        (json!([URI, "https://evil.example/cb"]), json!([URI])),
        (json!([URI]), json!([format!("{URI}/")])),
        (json!([URI]), json!([])),
        (json!([URI]), json!({ "redirect_uris": [URI] })),
        (json!([URI]), json!([URI, 5])),
        (json!([URI]), json!(URI)),
    ] {
        published.publish(&listed);
        let answer = register(&world, None, &in_sector(&published, redirect_uris)).await;
        assert_refused(&answer, METADATA, &listed.to_string());
        assert!(!answer.body.contains("evil.example"), "what was fetched is not told: {}", answer.body);
    }
    published.fails();
    assert_refused(&register(&world, None, &in_sector(&published, json!([URI]))).await, METADATA, "503");
}

on_both!(a_sector_is_no_way_into_our_network(world) {
    // Each fails alike: nobody maps our network by registering.
    let mut told = std::collections::BTreeSet::new();
    for uri in ["https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://no-such-host.invalid/"] {
        let answer = register(&world, None, &with(json!({ "sector_identifier_uri": uri }))).await;
        assert_refused(&answer, METADATA, uri);
        told.insert(answer.body);
    }
    assert_eq!(told.len(), 1, "{told:?}");
});

on_both!(strangers_have_us_fetch_no_more_often_than_they_may_register(world, [("registration.address_clients", "3")]) {
    let document = with(json!({ "sector_identifier_uri": "https://no-such-host.invalid/" }));
    for expected in [400, 400, 400, 429] {
        assert_eq!(register(&world, None, &document).await.status, expected);
    }
    let clients = audit::list(world.app.store.read(), None, 10).await.unwrap();
    assert!(clients.is_empty());
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_of_one_sector_know_a_person_by_one_subject() {
    let published = Published::new(json!([URI, "https://app.example/cb"])).await;
    let world = world(&published).await;
    world.user("alice").await;
    let mut subjects = Vec::new();
    for redirect_uri in [URI, "https://app.example/cb"] {
        let client = Registrant::new(&world, &in_sector(&published, json!([redirect_uri]))).await;
        let tokens = client.relying_party(&world).await.tokens("alice", "openid").await;
        subjects.push(claims(tokens["id_token"].as_str().unwrap())["sub"].clone());
    }
    assert_eq!(subjects[0], subjects[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_does_not_take_its_people_along_into_another_sector() {
    let published = Published::new(json!([URI])).await;
    let world = world(&published).await;
    let own = json!({ "subject_type": "pairwise", "redirect_uris": ["https://evil.example/cb"] });
    let evil = Registrant::new(&world, &with(own.clone())).await;
    let public =
        Registrant::new(&world, &with(json!({ "redirect_uris": ["https://evil.example/cb"] }))).await;
    let moved = with(json!({ "subject_type": "pairwise" }));
    for (client, document) in
        [(&evil, &moved), (&public, &moved), (&evil, &in_sector(&published, json!([URI])))]
    {
        assert_refused(&client.put(document.clone()).await, METADATA, &document.to_string());
    }
    // Within its sector it changes as it likes; what was proven is not fetched again.
    let mut changed = own;
    changed["redirect_uris"] = json!(["https://evil.example/new"]);
    assert_eq!(evil.put(with(changed)).await.status, 200);
    let listed = Registrant::new(&world, &in_sector(&published, json!([URI]))).await;
    published.fails();
    assert_eq!(listed.put(in_sector(&published, json!([URI]))).await.status, 200);
}
