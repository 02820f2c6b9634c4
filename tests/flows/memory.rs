//! What a node remembers of the lines that tokens descend from, and when it must ask.

use std::time::Duration;

use gatepass::app;
use gatepass::store::Store;
use gatepass::tokens::access_token;
use serde_json::Value;

use crate::on_both;
use crate::support::World;

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

/// A process that hears nothing of what others end.
async fn deaf(world: &World) -> Store {
    app::open_store(&world.app.config).await.unwrap()
}

async fn lives(store: &Store, world: &World, token: &str) -> bool {
    let token = access_token::read(&world.app.issuer, token, world.now()).unwrap();
    store.root_of(&token.line()).await.unwrap().is_some()
}

on_both!(whoever_hears_nothing_asks_the_database_each_time(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let machine = shop.token(&[("grant_type", "client_credentials"), ("scope", "orders:read")]).await.json();
    let store = deaf(&world).await;
    for token in [access_token(&tokens), access_token(&machine)] {
        let (before, _) = store.statements();
        for _ in 0..3 {
            assert!(lives(&store, &world, token).await);
        }
        assert_eq!(store.statements().0 - before, 3);
        assert_eq!(shop.revoke(token).await.status, 200);
        assert!(!lives(&store, &world, token).await, "ended by somebody else, a moment ago");
    }
});

on_both!(what_one_node_ends_is_over_on_another_within_a_second(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let elsewhere = world.another_node().await;
    let there = shop.at(&elsewhere);
    let tokens = shop.tokens("alice", "openid").await;
    let other = shop.tokens("alice", "openid").await;
    for token in [&tokens, &other] {
        assert_eq!(there.introspect(access_token(token)).await["active"], true, "and is remembered");
    }
    shop.revoke(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(shop.introspect(access_token(&tokens)).await["active"], false, "at once");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(there.introspect(access_token(&tokens)).await["active"], false);
    assert_eq!(there.introspect(access_token(&other)).await["active"], true, "nothing else");
});

on_both!(what_a_person_changes_is_told_at_once(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid profile").await;
    let elsewhere = world.another_node().await;
    let there = shop.at(&elsewhere);
    assert!(there.userinfo(access_token(&tokens)).await.json()["nickname"].is_null());
    let nickname = async || shop.userinfo(access_token(&tokens)).await.json()["nickname"].clone();
    assert_eq!(nickname().await, Value::Null);
    let edits = vec![("nickname", Some(Value::from("Al")))];
    gatepass::sign_in::profile::change(&world.app.store, alice.id, edits, world.now()).await.unwrap();
    assert_eq!(nickname().await, "Al");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(there.userinfo(access_token(&tokens)).await.json()["nickname"], "Al", "and elsewhere soon");
});
