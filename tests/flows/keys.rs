//! Rotating keys while tokens are about: without a restart, without one failed verification.

use std::time::Duration;

use gatepass::keys::rotation::{self, Overlap};
use gatepass::protocol::algorithm::Algorithm;
use gatepass::store::keys::{self, StoredKey};
use serde_json::Value;

use crate::on_both;
use crate::support::World;
use crate::support::relying_party::header;

const OVERLAP: Overlap = Overlap {
    announce: Duration::from_secs(600),
    longest_token: Duration::from_secs(3600),
    skew: Duration::from_secs(60),
};

pub async fn rotate(world: &World, algorithm: Algorithm) {
    let rows = keys::list(world.app.store.read()).await.unwrap();
    assert!(try_rotate(world, &rows, algorithm).await);
    world.app.refresh_keys(world.now()).await.unwrap();
}

/// Decides over `rows`. `false`: somebody else was faster.
pub async fn try_rotate(world: &World, rows: &[StoredKey], algorithm: Algorithm) -> bool {
    let sealing = &world.app.installation.sealing;
    let rotation = rotation::rotate(rows, algorithm, world.now(), &OVERLAP, sealing);
    world.app.store.write(rotation, |tx, rotation| Box::pin(rotation.write(tx))).await.unwrap()
}

pub async fn published(world: &World) -> Vec<String> {
    let jwks: Value = reqwest::get(format!("{}/jwks", world.issuer)).await.unwrap().json().await.unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    for key in keys {
        for private in ["d", "p", "q", "k"] {
            assert!(key[private].is_null(), "a private key is published");
        }
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

on_both!(a_new_key_is_published_before_it_signs_and_an_old_one_as_long_as_its_tokens_live(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let machine = async || {
        let answer = shop.token(&[("grant_type", "client_credentials"), ("scope", "orders:read")]).await.json();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let kid = |token: &str| header(token)["kid"].as_str().unwrap().to_owned();
    let before = machine().await;
    let at_first = published(&world).await;
    assert_eq!(at_first.len(), 3);

    rotate(&world, Algorithm::ES256).await;
    let announced = published(&world).await;
    assert_eq!(announced.len(), 4);
    let new = announced.iter().find(|kid| !at_first.contains(kid)).unwrap().clone();
    assert_eq!(kid(&machine().await), kid(&before), "announced only");

    world.time_passes(Duration::from_secs(560));
    let last = machine().await;
    assert_eq!(kid(&last), kid(&before));
    world.time_passes(Duration::from_secs(41));
    let first = machine().await;
    assert_eq!(kid(&first), new);
    for token in [&last, &first] {
        assert_eq!(shop.introspect(token).await["active"], true);
    }
    assert!(published(&world).await.contains(&kid(&last)), "its tokens are about");
    world.time_passes(Duration::from_secs(3661));
    assert!(!published(&world).await.contains(&kid(&last)));
});

on_both!(a_key_that_is_retired_at_once_is_worth_nothing_at_once(world) {
    let shop = world.shop().await;
    let answer = shop.token(&[("grant_type", "client_credentials"), ("scope", "orders:read")]).await.json();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(shop.introspect(&token).await["active"], true);
    let rows = keys::list(world.app.store.read()).await.unwrap();
    let kid = header(&token)["kid"].as_str().unwrap().to_owned();
    let sealing = &world.app.installation.sealing;
    let rotation = rotation::retire_at_once(&rows, &kid, world.now(), sealing).unwrap();
    world.app.store.write(rotation, |tx, rotation| Box::pin(rotation.write(tx))).await.unwrap();
    world.app.refresh_keys(world.now()).await.unwrap();
    assert_eq!(shop.introspect(&token).await["active"], false);
    let answer = shop.token(&[("grant_type", "client_credentials"), ("scope", "orders:read")]).await;
    assert_eq!(answer.status, 200, "its heir signs at once: {}", answer.body);
});
