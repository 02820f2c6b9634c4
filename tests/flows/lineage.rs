//! Cutting the line: everything below the cut is dead.

use std::time::Duration;

use serde_json::Value;

use crate::on_both;
use crate::support::RelyingParty;
use crate::support::relying_party::claims;

async fn is_alive(shop: &RelyingParty, tokens: &Value) -> bool {
    let access_token = tokens["access_token"].as_str().unwrap();
    let active = shop.introspect(access_token).await["active"] == true;
    assert_eq!(shop.userinfo(access_token).await.status == 200, active);
    active
}

async fn refreshes(shop: &RelyingParty, tokens: &Value) -> bool {
    shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.status == 200
}

on_both!(a_replayed_code_is_refused_and_what_came_of_it_dies(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let (code, sent) = shop.code(&mut world.browser(), "alice", "openid").await;
    let tokens = shop.redeem(&code, &sent).await.json();
    assert!(is_alive(&shop, &tokens).await);
    world.time_passes(Duration::from_secs(30));
    let replayed = shop.redeem(&code, &sent).await;
    assert_eq!((replayed.status, replayed.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert!(!is_alive(&shop, &tokens).await);
    assert!(!refreshes(&shop, &tokens).await);
});

on_both!(a_code_that_is_replayed_a_day_later_still_ends_what_came_of_it(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let (code, sent) = shop.code(&mut world.browser(), "alice", "openid").await;
    let tokens = shop.redeem(&code, &sent).await.json();
    world.time_passes(Duration::from_secs(24 * 3600));
    assert_eq!(shop.redeem(&code, &sent).await.json()["error"], "invalid_grant");
    assert!(!refreshes(&shop, &tokens).await);
});

on_both!(a_code_dies_after_a_minute(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let (code, sent) = shop.code(&mut world.browser(), "alice", "openid").await;
    world.time_passes(Duration::from_secs(61));
    assert_eq!(shop.redeem(&code, &sent).await.json()["error"], "invalid_grant");
});

on_both!(a_thief_without_the_verifier_burns_nothing(world) {
    world.user("alice").await;
    let (shop, thief) = (world.shop().await, world.client("thief", |_| {}).await);
    let (code, sent) = shop.code(&mut world.browser(), "alice", "openid").await;
    let mut wrong = sent.clone();
    wrong.verifier = "a".repeat(43);
    assert_eq!(shop.redeem(&code, &wrong).await.json()["error"], "invalid_grant");
    assert_eq!(thief.redeem(&code, &sent).await.json()["error"], "invalid_grant");
    assert_eq!(shop.redeem(&code, &sent).await.status, 200);
});

on_both!(signing_out_ends_the_apps_of_this_browser_but_not_offline_access(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let online = shop.tokens_in(&mut browser, "alice", "openid").await;
    let offline = shop.tokens_in(&mut browser, "alice", "openid offline_access").await;
    let elsewhere = shop.tokens("alice", "openid").await;
    let page = browser.get("/logout").await;
    browser.submit(&page, "/logout/confirm", &[]).await;
    assert!(!is_alive(&shop, &online).await && !refreshes(&shop, &online).await);
    assert!(is_alive(&shop, &offline).await && refreshes(&shop, &offline).await);
    assert!(is_alive(&shop, &elsewhere).await);
    let silent = browser.get(&shop.ask("openid", &[("prompt", "none")]).target).await;
    assert_eq!(silent.parameters()["error"], "login_required");
});

on_both!(ending_a_device_ends_everything_born_there(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut lost = world.browser();
    let online = shop.tokens_in(&mut lost, "alice", "openid").await;
    let offline = shop.tokens_in(&mut lost, "alice", "openid offline_access").await;
    let sid = claims(online["access_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
    let mut here = world.signed_in("alice").await;
    let account = here.get("/account").await;
    let path = format!("/account/devices/{sid}/end");
    let ended = here.submit(&account, &path, &[]).await;
    assert_eq!(ended.status, 303, "{}", ended.body);
    for tokens in [&online, &offline] {
        assert!(!is_alive(&shop, tokens).await && !refreshes(&shop, tokens).await);
    }
    let silent = lost.get(&shop.ask("openid", &[("prompt", "none")]).target).await;
    assert_eq!(silent.parameters()["error"], "login_required");
});

on_both!(removing_an_app_ends_its_grants_and_asks_again(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let mut browser = world.browser();
    let at_shop = shop.tokens_in(&mut browser, "alice", "openid offline_access").await;
    let at_bank = bank.tokens_in(&mut browser, "alice", "openid").await;
    let account = browser.get("/account").await;
    let removed = browser.submit(&account, "/account/apps/shop/remove", &[]).await;
    assert_eq!(removed.status, 303, "{}", removed.body);
    assert!(!is_alive(&shop, &at_shop).await && !refreshes(&shop, &at_shop).await);
    assert!(is_alive(&bank, &at_bank).await);
    let asked = browser.get(&shop.ask("openid", &[]).target).await;
    assert!(asked.location().contains("/consent/"));
});

on_both!(a_code_of_a_session_that_has_ended_is_worth_nothing(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let (code, sent) = shop.code(&mut browser, "alice", "openid offline_access").await;
    let page = browser.get("/logout").await;
    browser.submit(&page, "/logout/confirm", &[]).await;
    assert_eq!(shop.redeem(&code, &sent).await.json()["error"], "invalid_grant");
});

on_both!(revoking_a_token_ends_that_token_and_a_refresh_token_its_grant(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let tokens = shop.tokens("alice", "openid").await;
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    // Another client's revocation does nothing, and says nothing.
    assert_eq!(bank.revoke(access).await.status, 200);
    assert_eq!(bank.revoke(refresh).await.status, 200);
    assert!(is_alive(&shop, &tokens).await);
    assert_eq!(shop.revoke(access).await.status, 200);
    assert!(!is_alive(&shop, &tokens).await);
    let renewed = shop.refresh(refresh).await.json();
    assert!(is_alive(&shop, &renewed).await);
    assert_eq!(shop.revoke(renewed["refresh_token"].as_str().unwrap()).await.status, 200);
    assert!(!is_alive(&shop, &renewed).await);
    assert_eq!(shop.revoke("unknown").await.status, 200);
});
