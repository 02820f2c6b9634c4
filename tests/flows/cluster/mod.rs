//! Several nodes that share a Redis: it spares the database work, and nothing that it says or does not say decides.

mod faults;

use std::time::Duration;

use futures_util::future::join_all;
use gatepass::protocol::algorithm::Algorithm;
use gatepass::protocol::client_metadata::AuthMethod;
use gatepass::registration;
use gatepass::store::{clients, keys};
use serde_json::json;

use super::keys::try_rotate;
use crate::endpoints::client_assertion;
use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;
use crate::support::{Browser, ClientSigner, Redis, RelyingParty, World};

async fn machine(shop: &RelyingParty) -> Answer {
    shop.token(&[("grant_type", "client_credentials"), ("scope", "orders:read")]).await
}

async fn guess(node: &World, world: &World, username: &str, password: &str) -> u16 {
    world.browser().at(node).sign_in("/login", username, password).await.status
}

/// Whether the node still knows what is in `browser`.
async fn knows(browser: &Browser, node: &World) -> bool {
    browser.at(node).get("/account").await.status == 200
}

on_both!(a_client_is_read_once_for_all_nodes(world) {
    let Some(redis) = Redis::start().await else { return };
    let shop = world.shop().await;
    let (first, second) = (redis.node_of(&world).await, redis.node_of(&world).await);
    assert_eq!(machine(&shop.at(&first)).await.status, 200);
    redis.holds(1).await;
    let before = second.statements();
    assert_eq!(machine(&shop.at(&second)).await.status, 200);
    assert_eq!(second.statements(), before, "the first has told it");
});

on_both!(a_disabled_client_is_refused_everywhere_within_three_seconds_whatever_redis_remembers(world) {
    let Some(redis) = Redis::start().await else { return };
    let shop = world.shop().await;
    let (first, second) = (redis.node_of(&world).await, redis.node_of(&world).await);
    assert_eq!(machine(&shop.at(&first)).await.status, 200);
    redis.holds(1).await;
    let copy = redis.copy().await;
    world.disable_client(&shop).await;
    tokio::time::sleep(Duration::from_millis(3100)).await;
    // A restored Redis, or one whose clock stood still.
    redis.goes_back_to(&copy).await;
    for node in [&first, &second] {
        assert_eq!(machine(&shop.at(node)).await.error(), "invalid_client");
    }
});

on_both!(what_a_node_has_changed_it_sees_at_once_whatever_redis_remembers(world) {
    let Some(redis) = Redis::start().await else { return };
    let shop = world.shop().await;
    let (first, second) = (redis.node_of(&world).await, redis.node_of(&world).await);
    assert_eq!(machine(&shop.at(&second)).await.status, 200);
    redis.holds(1).await;
    let copy = redis.copy().await;
    let changed = clients::Client { status: clients::Status::Disabled(world.now()), ..shop.client.clone() };
    registration::change(&first.app.store, changed, world.now()).await.unwrap();
    redis.goes_back_to(&copy).await;
    assert_eq!(machine(&shop.at(&first)).await.error(), "invalid_client");
});

on_both!(an_ended_session_is_refused_at_once_on_every_node_whatever_redis_remembers(world) {
    let Some(redis) = Redis::start().await else { return };
    world.user("alice").await;
    let shop = world.shop().await;
    let (first, second) = (redis.node_of(&world).await, redis.node_of(&world).await);
    let mut browser = world.browser().at(&first);
    let tokens = shop.at(&first).tokens_in(&mut browser, "alice", "openid").await;
    let (code, sent) = shop.at(&second).code(&mut browser, "alice", "openid").await;
    assert!(knows(&browser, &first).await && knows(&browser, &second).await);
    let copy = redis.copy().await;

    let sid = claims(tokens["id_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
    let page = browser.get("/account").await;
    let ended = browser.clone().submit(&page, &format!("/account/devices/{sid}/end"), &[]).await;
    assert_eq!(ended.status, 303, "{}", ended.body);
    redis.goes_back_to(&copy).await;
    for node in [&second, &first] {
        assert!(!knows(&browser, node).await);
        let silent = browser.at(node).get(&shop.ask("openid", &[("prompt", "none")]).target).await;
        assert_eq!(silent.parameters()["error"], "login_required");
        let there = shop.at(node);
        assert_eq!(there.redeem(&code, &sent).await.error(), "invalid_grant");
        assert_eq!(there.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        assert_eq!(there.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    }
});

on_both!(an_address_that_was_refused_costs_no_node_a_statement(world) {
    let Some(redis) = Redis::start().await else { return };
    let (first, second) = (redis.node_of(&world).await, redis.node_of(&world).await);
    for turn in 0..20 {
        let node = if turn % 2 == 0 { &first } else { &second };
        assert_eq!(guess(node, &world, &format!("user{turn}"), "wrong").await, 422, "{turn}");
    }
    assert_eq!(guess(&first, &world, "user", "wrong").await, 429);
    redis.holds(1).await;
    let mut browser = world.browser().at(&second);
    let page = browser.get("/login").await;
    let before = second.statements();
    let fields = [("username", "user"), ("password", "wrong"), ("action", "sign-in")];
    let refused = browser.submit(&page, "/login", &fields).await;
    assert_eq!((refused.status, second.statements()), (429, before));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((30..=60).contains(&wait), "{wait}");
    // What was refused is not refused for longer, if Redis keeps it for longer.
    let copy = redis.copy().await;
    world.time_passes(Duration::from_secs(wait + 1));
    redis.goes_back_to(&copy).await;
    assert_eq!(guess(&second, &world, "user", "wrong").await, 422);
});

on_both!(a_flush_gives_nobody_a_fresh_budget(world) {
    let Some(redis) = Redis::start().await else { return };
    world.user("alice").await;
    let (first, second) = (redis.node_of(&world).await, redis.node_of(&world).await);
    // Of an account: five.
    for turn in 0..5 {
        let node = if turn % 2 == 0 { &first } else { &second };
        assert_eq!(guess(node, &world, "alice", "wrong").await, 422, "{turn}");
        redis.is_flushed().await;
    }
    for node in [&first, &second] {
        assert_eq!(guess(node, &world, "alice", PASSWORD).await, 429, "the right one has to wait too");
    }
    // Of an address: twenty.
    for turn in 7..20 {
        let node = if turn % 2 == 0 { &first } else { &second };
        assert_eq!(guess(node, &world, &format!("user{turn}"), "wrong").await, 422, "{turn}");
        redis.is_flushed().await;
    }
    for node in [&first, &second] {
        assert_eq!(guess(node, &world, "bobby", "wrong").await, 429);
        redis.is_flushed().await;
    }
});

on_both!(nothing_is_accepted_twice_after_a_flush(world) {
    let Some(redis) = Redis::start().await else { return };
    world.user("alice").await;
    let shop = world.shop().await;
    let signer = ClientSigner::shared();
    let bank = world
        .client("bank", |metadata| {
            metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            metadata.jwks = serde_json::from_value(json!({ "keys": [signer.jwk()] })).ok();
        })
        .await;
    let nodes = [redis.node_of(&world).await, redis.node_of(&world).await];
    let assertion = signer.sign(&client_assertion::claims(&world, &bank));
    let (code, sent) = shop.code(&mut world.browser(), "alice", "openid").await;
    let there = shop.at(&nodes[0]);
    let tokens = there.redeem(&code, &sent).await.json();
    let old = tokens["refresh_token"].as_str().unwrap();
    let new = there.refresh(old).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(client_assertion::present(&bank.at(&nodes[0]), "/token", &assertion).await.status, 200);
    world.time_passes(Duration::from_secs(31));
    let rounds = (0..10).map(async |turn| {
        let node = &nodes[turn % 2];
        redis.is_flushed().await;
        let replayed = client_assertion::present(&bank.at(node), "/token", &assertion).await;
        (replayed.error(), shop.at(node).refresh(old).await.error())
    });
    for answer in join_all(rounds).await {
        assert_eq!(answer, ("invalid_client".to_owned(), "invalid_grant".to_owned()));
    }
    let node = &nodes[1];
    assert_eq!(shop.at(node).refresh(&new).await.error(), "invalid_grant", "the theft was noticed");
    assert_eq!(shop.at(node).redeem(&code, &sent).await.error(), "invalid_grant");
});

on_both!(who_reads_all_of_redis_learns_nothing(world) {
    let Some(redis) = Redis::start().await else { return };
    world.user("alice").await;
    let shop = world.shop().await;
    let node = redis.node_of(&world).await;
    let secret = shop.secret.as_ref().unwrap();
    shop.at(&node).tokens_in(&mut world.browser().at(&node), "alice", "openid").await;
    for turn in 0..20 {
        guess(&node, &world, &format!("user{turn}"), "wrong").await;
    }
    redis.holds(2).await;
    let fingerprint = secret.fingerprint();
    let canaries: [&[u8]; 8] = [
        shop.id().as_bytes(), secret.reveal().as_bytes(), fingerprint.as_bytes(), b"127.0.0.1", b"alice",
        b"shop.example", b"redirect", b"user",
    ];
    for (key, value) in redis.copy().await {
        assert!(key.starts_with("gatepass:"), "{key}");
        for canary in canaries {
            assert!(!key.as_bytes().windows(canary.len()).any(|window| window == canary), "{key}");
            assert!(!value.windows(canary.len()).any(|window| window == canary), "{canary:?} in {key}");
        }
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_in_one_redis_do_not_meet() {
    let Some(redis) = Redis::start().await else { return };
    let (ours, theirs) = (World::on_sqlite(&[]).await, World::on_sqlite(&[]).await);
    let shop = ours.shop().await;
    let (our_node, their_node) = (redis.node_of(&ours).await, redis.node_of(&theirs).await);
    assert_eq!(machine(&shop.at(&our_node)).await.status, 200);
    redis.holds(1).await;
    assert!(their_node.app.store.client(shop.id()).await.unwrap().is_none());
}

on_both!(of_three_nodes_that_rotate_together_one_does_and_all_follow(world) {
    let nodes = [world.another_node().await, world.another_node().await, world.another_node().await];
    for round in 1..=5 {
        let rows = keys::list(world.app.store.read()).await.unwrap();
        let turns = join_all(nodes.iter().map(|node| try_rotate(node, &rows, Algorithm::ES256))).await;
        assert_eq!(turns.into_iter().filter(|won| *won).count(), 1, "round {round}");
        let mut seen = Vec::new();
        for node in &nodes {
            node.app.refresh_keys(world.now()).await.unwrap();
            seen.push(node.app.issuer.ring().jwks(world.now()));
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "round {round}");
        world.time_passes(Duration::from_secs(601));
    }
});
