//! The revocation feed and who may read it: it names no token, but who signs out when is nobody else's business.

use std::time::{Duration, Instant};

use gatepass::protocol::client_metadata::AuthMethod;
use gatepass::registration;
use gatepass::secret::Secret;
use gatepass::store::clients::Client;

use crate::on_both;
use crate::support::relying_party::basic;
use crate::support::{Follower, World};

/// An answer that ends: a feed that is opened to the wrong one would go on for ever.
async fn ask(world: &World, path: &str, authorization: Option<&str>) -> crate::support::browser::Answer {
    let headers: Vec<(&str, &[u8])> =
        authorization.iter().map(|value| ("authorization", value.as_bytes())).collect();
    let answer = world.send("GET", path, &headers, "");
    tokio::time::timeout(Duration::from_secs(10), answer).await.expect("a refusal")
}

on_both!(a_stranger_hears_nothing(world) {
    let api = world.api("orders").await;
    let secret = api.secret.as_ref().unwrap().reveal();
    let right = basic("orders", secret);
    for wrong in [
        None,
        Some(basic("orders", "not the secret of the orders API, but as long")),
        Some(basic("nobody", secret)),
        Some(format!("Bearer {secret}")),
        Some("Basic".to_owned()),
    ] {
        let refused = ask(&world, "/revocations", wrong.as_deref()).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_client"), "{wrong:?}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic "), "{wrong:?}");
    }
    // Neither in the query, where every log keeps it, nor twice.
    let in_query = ask(&world, &format!("/revocations?client_id=orders&client_secret={secret}"), None).await;
    assert_eq!(in_query.status, 401);
    let twice = [("authorization", right.as_bytes()), ("authorization", right.as_bytes())];
    assert_eq!(world.send("GET", "/revocations", &twice, "").await.status, 400);
});

on_both!(an_app_and_a_public_client_hear_nothing(world) {
    let shop = world.shop().await;
    let refused = ask(&world, "/revocations", Some(&basic("shop", shop.secret.as_ref().unwrap().reveal()))).await;
    assert_eq!((refused.status, refused.error().as_str()), (403, "unauthorized_client"));
    world.public_client("page").await;
    assert_eq!(ask(&world, "/revocations", Some(&basic("page", ""))).await.status, 401);
    // Its secret belongs into forms.
    let other = world
        .client("other", |metadata| {
            metadata.resources = vec!["https://other.example".to_owned()];
            metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
        })
        .await;
    let secret = other.secret.as_ref().unwrap().reveal();
    assert_eq!(ask(&world, "/revocations", Some(&basic("other", secret))).await.status, 401);
});

on_both!(what_is_no_position_and_no_name_is_refused(world) {
    let api = world.api("orders").await;
    let right = basic("orders", api.secret.as_ref().unwrap().reveal());
    for query in ["after=x", "after=-1", "after=1.5", "after=99999999999999999999", "after=1&after=1"] {
        let refused = ask(&world, &format!("/revocations?{query}"), Some(&right)).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"), "{query}");
    }
    for instance in ["a%20b", "a%0Ab", &"a".repeat(65), "%C3%A9"] {
        let refused = ask(&world, &format!("/revocations?instance={instance}"), Some(&right)).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"), "{instance}");
    }
    let headers = [("authorization", right.as_bytes()), ("last-event-id", b"x".as_slice())];
    assert_eq!(world.send("GET", "/revocations", &headers, "").await.status, 400);
});

on_both!(a_client_cannot_take_every_place(world) {
    let (api, other) = (world.api("orders").await, world.api("stock").await);
    let mut followers = Vec::new();
    for _ in 0..128 {
        followers.push(Follower::begin(&api, &world, None).await);
    }
    let right = basic("orders", api.secret.as_ref().unwrap().reveal());
    assert_eq!(ask(&world, "/revocations", Some(&right)).await.status, 429);
    Follower::begin(&other, &world, None).await.caught_up().await;
    followers.pop();
    // The server notices that somebody has gone.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Follower::begin(&api, &world, None).await.caught_up().await;
});

on_both!(an_entry_holds_no_token(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let tokens = shop.tokens("alice", "openid").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    shop.revoke(access_token).await;
    shop.revoke(tokens["refresh_token"].as_str().unwrap()).await;
    for told in Follower::begin(&api, &world, None).await.caught_up().await {
        let text = told.data.to_string();
        for part in access_token.split('.') {
            assert!(!text.contains(part));
        }
        assert!(!text.contains("rt_") && !text.contains("alice"), "{text}");
    }
});

on_both!(a_stream_ends_when_its_credential_is_taken_back(world) {
    let api = world.api("orders").await;
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let changed = Client { secret: Some(Secret::new().fingerprint()), ..api.client.clone() };
    registration::change(&world.app.store, changed, world.now()).await.unwrap();
    let began = Instant::now();
    while follower.next().await.is_some() {
        assert!(began.elapsed() < Duration::from_secs(12), "it goes on");
    }
});
