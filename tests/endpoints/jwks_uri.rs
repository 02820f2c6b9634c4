//! Keys that a client publishes itself: fetched when needed, remembered, and never a way into our network (RFC 7591
//! §2, RFC 9700 §4.13).

use std::time::Duration;

use futures_util::future::join_all;
use gatepass::protocol::algorithm::ClientAlgorithm::ES256;
use gatepass::protocol::client_metadata::AuthMethod;
use serde_json::json;

use super::client_assertion::{assert_refused, claims, present};
use crate::support::{ClientSigner, Published, RelyingParty, World};

/// A server that may fetch from `published`.
async fn world(published: &Published) -> World {
    let authority = published.authority.to_str().unwrap();
    World::on_sqlite(&[
        ("outbound.allowed_hosts", published.host.as_str()),
        ("outbound.extra_ca_file", authority),
    ])
    .await
}

async fn publishing_client(world: &World, jwks_uri: &str) -> RelyingParty {
    world
        .client("shop", |metadata| {
            metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            metadata.jwks_uri = Some(jwks_uri.to_owned());
        })
        .await
}

async fn status(world: &World, party: &RelyingParty, signer: &ClientSigner) -> u16 {
    present(party, "/token", &signer.sign(&claims(world, party))).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_keys_are_fetched_once_and_again_when_they_change() {
    let (old, new) = (ClientSigner::new("old", ES256), ClientSigner::new("new", ES256));
    let published = Published::new(old.jwks()).await;
    let world = world(&published).await;
    let party = publishing_client(&world, &published.url()).await;
    let answers = join_all((0..20).map(|_| status(&world, &party, &old))).await;
    assert_eq!(answers, [200; 20]);
    assert_eq!(published.visits(), 1, "twenty clients of a cold cache share one fetch");

    published.publish(new.jwks());
    assert_eq!(status(&world, &party, &new).await, 200, "an unknown kid is looked for");
    assert_eq!(published.visits(), 2);
    assert_eq!(status(&world, &party, &old).await, 401, "what was withdrawn counts no more");

    published.publish(json!({"keys": [old.jwk(), new.jwk()]}));
    world.time_passes(Duration::from_secs(601));
    assert_eq!(status(&world, &party, &old).await, 200, "after ten minutes they are read again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_names_causes_one_fetch_in_a_minute() {
    let (genuine, stranger) = (ClientSigner::new("genuine", ES256), ClientSigner::new("stranger", ES256));
    let published = Published::new(genuine.jwks()).await;
    let world = world(&published).await;
    let party = publishing_client(&world, &published.url()).await;
    assert_eq!(status(&world, &party, &genuine).await, 200);
    let before = published.visits();
    for _ in 0..5 {
        let answers = join_all((0..40).map(|_| status(&world, &party, &stranger))).await;
        assert_eq!(answers, [401; 40]);
    }
    assert_eq!(published.visits() - before, 1);
    assert_eq!(status(&world, &party, &genuine).await, 200, "the client itself is not held up");
    world.time_passes(Duration::from_secs(61));
    assert_eq!(status(&world, &party, &stranger).await, 401);
    assert_eq!(published.visits() - before, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_otherwise_than_any_key_could_causes_no_fetch() {
    let signer = ClientSigner::new("a", ES256);
    let published = Published::new(signer.jwks()).await;
    let world = world(&published).await;
    let party = publishing_client(&world, &published.url()).await;
    for alg in ["none", "HS256", "ES512", ""] {
        let assertion = signer.sign_with(&json!({"alg": alg, "kid": "a"}), &claims(&world, &party));
        assert_refused(&present(&party, "/token", &assertion).await, alg);
    }
    assert_eq!(published.visits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_client_refuses_it_only_when_its_keys_are_old() {
    let signer = ClientSigner::new("a", ES256);
    let published = Published::new(signer.jwks()).await;
    let world = world(&published).await;
    let party = publishing_client(&world, &published.url()).await;
    published.fails();
    for _ in 0..3 {
        let answer = present(&party, "/token", &signer.sign(&claims(&world, &party))).await;
        assert_refused(&answer, "no keys yet");
    }
    assert_eq!(published.visits(), 1, "a failure is remembered");
    published.publish(signer.jwks());
    world.time_passes(Duration::from_secs(61));
    assert_eq!(status(&world, &party, &signer).await, 200);

    published.fails();
    world.time_passes(Duration::from_secs(1800));
    assert_eq!(status(&world, &party, &signer).await, 200, "half an hour old");
    world.time_passes(Duration::from_secs(1900));
    assert_eq!(status(&world, &party, &signer).await, 401, "more than an hour old");

    world.time_passes(Duration::from_secs(61));
    for document in ["<html>", r#"{"keys":[{"kty":"oct","k":"AQAB"}]}"#, &" ".repeat(70_000)] {
        published.publish(document);
        assert_eq!(status(&world, &party, &signer).await, 401);
        world.time_passes(Duration::from_secs(61));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_allowed_by_name_is_never_connected_to() {
    let signer = ClientSigner::new("a", ES256);
    let published = Published::new(signer.jwks()).await;
    let world = World::on_sqlite(&[]).await;
    let port = published.host.split_once(':').unwrap().1;
    for (number, uri) in [
        published.url(),
        format!("https://127.0.0.1:{port}/jwks"),
        format!("https://[::ffff:127.0.0.1]:{port}/jwks"),
        format!("https://2130706433:{port}/jwks"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let party = world
            .client(&format!("shop-{number}"), |metadata| {
                metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
                metadata.jwks_uri = Some(uri.clone());
            })
            .await;
        assert_refused(&present(&party, "/token", &signer.sign(&claims(&world, &party))).await, uri);
    }
    assert_eq!(published.visits(), 0);
}
