//! Any node serves any step, and a restart loses nobody: all that a sign-in needs lies in the database.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use gatepass::id::Id;
use gatepass::jobs;

use crate::on_both;
use crate::support::world::PASSWORD;

on_both!(every_step_of_a_sign_in_may_meet_another_node(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let other = world.another_node().await;
    let mut browser = world.browser();

    let sent = shop.ask("openid email", &[]);
    let begun = browser.get(&sent.target).await;
    let mut browser = browser.at(&other);
    let signed_in = browser.sign_in(begun.location(), "alice", PASSWORD).await;
    let mut browser = browser.at(&world);
    let resumed = browser.get(signed_in.location()).await;
    let mut browser = browser.at(&other);
    let agreed = browser.allow(resumed.location()).await;
    let mut browser = browser.at(&world);
    let answer = browser.get(agreed.location()).await;
    // The code of one node, redeemed at the other.
    let there = shop.at(&other);
    let tokens = there.redeem(&answer.parameters()["code"], &sent).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let tokens = tokens.json();
    assert_eq!(shop.introspect(tokens["access_token"].as_str().unwrap()).await["active"], true);
    let refreshed = shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.json();
    // Ended on one node, dead on the other.
    assert_eq!(there.revoke(refreshed["refresh_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(there.userinfo(refreshed["access_token"].as_str().unwrap()).await.status, 401);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shop.userinfo(refreshed["access_token"].as_str().unwrap()).await.status, 401);
});

on_both!(a_restart_in_the_middle_of_a_sign_in_loses_nobody(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let earlier = shop.tokens_in(&mut browser, "alice", "openid").await;
    let sent = shop.ask("openid profile", &[]);
    let begun = browser.get(&sent.target).await;
    assert!(begun.location().contains("/consent/"));
    world.stops().await;

    let after = world.another_node().await;
    let shop = shop.at(&after);
    let mut browser = browser.at(&after);
    let answer = browser.walk(begun.location(), "alice", PASSWORD).await;
    assert_eq!(shop.redeem(&answer.parameters()["code"], &sent).await.status, 200);
    assert_eq!(shop.refresh(earlier["refresh_token"].as_str().unwrap()).await.status, 200);
});

on_both!(a_second_node_finds_the_keys_of_the_first(world) {
    let other = world.another_node().await;
    let (here, there) = (world.app.issuer.ring().jwks(world.now()), other.app.issuer.ring().jwks(world.now()));
    assert_eq!(here, there);
});

on_both!(three_nodes_redeem_a_code_once_and_agree_on_its_successor(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let (second, third) = (world.another_node().await, world.another_node().await);
    let shops = [shop.clone(), shop.at(&second), shop.at(&third)];
    let mut browser = world.browser();

    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let answers = join_all((0..30).map(|turn| shops[turn % 3].refresh(refresh_token))).await;
    let successors: BTreeSet<String> =
        answers.iter().map(|answer| answer.json()["refresh_token"].as_str().unwrap().to_owned()).collect();
    assert_eq!(successors.len(), 1);

    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let answers = join_all((0..30).map(|turn| shops[turn % 3].redeem(&code, &sent))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.error() == "invalid_grant"));
});

on_both!(a_stolen_refresh_token_is_known_after_a_restart_and_a_pruning(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid offline_access").await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let second = shop.refresh(first).await.json();
    world.stops().await;

    let after = world.another_node().await;
    let shop = shop.at(&after);
    let mut current = second["refresh_token"].as_str().unwrap().to_owned();
    // Kept alive for longer than anything that is not needed is kept.
    for _ in 0..3 {
        world.time_passes(Duration::from_secs(20 * 24 * 3600));
        jobs::prune(&after.app.store, Id::new(), Duration::from_secs(3600), world.now()).await.unwrap();
        let idle = Duration::from_secs(30 * 24 * 3600);
        jobs::resting::prune(&after.app.store, idle, world.now()).await.unwrap();
        current = shop.refresh(&current).await.json()["refresh_token"].as_str().unwrap().to_owned();
    }
    assert_eq!(shop.refresh(first).await.error(), "invalid_grant");
    assert_eq!(shop.refresh(&current).await.error(), "invalid_grant");
});
