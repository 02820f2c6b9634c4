//! Any node serves any step, and a restart loses nobody: all that a sign-in needs lies in the database.

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
