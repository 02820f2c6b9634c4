//! What the rows of grants keep: what was granted stands once, and lives as long as a grant names it.

use std::time::Duration;

use gatepass::jobs;
use gatepass::store::{ConnectionTrait, Store, dead_grants, invariants};
use sea_orm::Statement;
use serde_json::Value;

use crate::on_both;
use crate::support::relying_party::{RelyingParty, claims};

async fn count(store: &Store, rows: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {rows}");
    let counted = Statement::from_string(store.read().get_database_backend(), sql);
    store.read().query_one_raw(counted).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

on_both!(what_many_were_granted_stands_once_and_goes_with_the_last_of_them(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let terms = async || count(&world.app.store, "terms").await;
    for _ in 0..3 {
        shop.tokens("alice", "openid").await;
    }
    assert_eq!(terms().await, 1);
    shop.tokens("alice", "openid email").await;
    assert_eq!(terms().await, 2);
    world.time_passes(Duration::from_secs(100 * 24 * 3600));
    let idle = Duration::from_secs(30 * 24 * 3600);
    let mut left = vec![2];
    // The grants go in their hour of the day, what they named in the two hours after it.
    for _ in 0..26 {
        world.time_passes(Duration::from_secs(3600));
        jobs::resting::prune(&world.app.store, idle, world.now()).await.unwrap();
        left.push(terms().await);
    }
    assert_eq!((count(&world.app.store, "grants").await, left.last()), (0, Some(&0)), "{left:?}");
    let anew = shop.tokens("alice", "openid").await;
    assert_eq!(shop.refresh(anew["refresh_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(terms().await, 1);
});

on_both!(terms_that_nobody_finds_any_more_stay_as_long_as_a_grant_names_them(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let born = shop.tokens("alice", "openid").await["refresh_token"].as_str().unwrap().to_owned();
    // As if it had been born at the moment in which they were hidden.
    world.app.store.read().execute_unprepared("UPDATE terms SET fingerprint = NULL").await.unwrap();
    world
        .app
        .store
        .write((), |tx, ()| Box::pin(dead_grants::remove_terms(tx, 100)))
        .await
        .unwrap();
    assert_eq!(shop.refresh(&born).await.status, 200);
    shop.tokens("alice", "openid").await;
    assert_eq!(count(&world.app.store, "terms").await, 2, "others get terms of their own");
});

on_both!(a_grant_lives_on_through_a_migration_and_back(world) {
    world.user("alice").await;
    let (shop, news) = (world.shop().await, world.client("news", |_| ()).await);
    let scope = "openid email offline_access";
    let before = shop.tokens("alice", scope).await;
    let other = news.tokens("alice", "openid").await;
    let ended = shop.tokens("alice", scope).await;
    shop.revoke(ended["refresh_token"].as_str().unwrap()).await;
    let store = &world.app.store;
    let migrations = store.migrations().await.unwrap();
    let from = migrations.iter().position(|one| one.name.ends_with("_000022_terms")).unwrap();
    store.migrate_down((migrations.len() - from) as u32).await.unwrap();
    assert_eq!(count(store, "grants WHERE scope = 'email offline_access openid' AND client_id = 'shop'").await, 2);
    store.migrate().await.unwrap();
    assert_eq!(count(store, "terms").await, 2);

    let refresh = async |party: &RelyingParty, tokens: &Value| {
        party.refresh(tokens["refresh_token"].as_str().unwrap()).await
    };
    let after = refresh(&shop, &before).await.json();
    assert_eq!(after["scope"], before["scope"]);
    let said = |tokens: &Value| claims(tokens["access_token"].as_str().unwrap());
    for name in ["auth_time", "sub", "sid"] {
        assert_eq!(said(&after)[name], said(&before)[name], "{name}");
    }
    assert_eq!(refresh(&news, &other).await.status, 200);
    assert_eq!(refresh(&shop, &ended).await.status, 400);
    for finding in invariants::check(store).await.unwrap() {
        assert_eq!(finding.breaches, 0, "{}", finding.sentence);
    }
});
