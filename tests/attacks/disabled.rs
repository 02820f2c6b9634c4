//! A client or a person that is disabled, at each step: nothing new is given, and what was given is dead.

use std::time::Duration;

use crate::on_both;
use crate::support::world::PASSWORD;

on_both!(a_disabled_person_gets_nothing_at_any_step(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid offline_access").await;
    let (access_token, refresh_token) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let mut at_consent = world.browser();
    let begun = at_consent.get(&shop.ask("openid email", &[]).target).await;
    let signed_in = at_consent.sign_in(begun.location(), "alice", PASSWORD).await;
    let consent = at_consent.get(at_consent.clone().get(signed_in.location()).await.location()).await;
    let mut at_resume = world.browser();
    let begun_too = at_resume.get(&shop.ask("openid", &[]).target).await;
    let signed_in_too = at_resume.sign_in(begun_too.location(), "alice", PASSWORD).await;

    world.disable_user(&alice).await;

    assert_eq!(shop.redeem(&code, &sent).await.error(), "invalid_grant");
    assert_eq!(shop.refresh(refresh_token).await.error(), "invalid_grant");
    assert_eq!(shop.userinfo(access_token).await.status, 401);
    assert_eq!(shop.introspect(access_token).await["active"], false);
    assert_eq!(shop.introspect(refresh_token).await["active"], false);
    let silent = browser.get(&shop.ask("openid", &[("prompt", "none")]).target).await;
    assert_eq!(silent.parameters()["error"], "login_required");
    let resumed = at_resume.get(signed_in_too.location()).await;
    assert!(resumed.location().contains("/login?"), "{}", resumed.location());
    let path = signed_in.location().replace("/authorize/", "/consent/");
    let agreed = at_consent.submit(&consent, &path, &[("action", "allow")]).await;
    assert!(agreed.location().contains("/login?"), "{}", agreed.location());
    // RFC 9700 says nothing of it, common sense does: the same words as for a wrong password.
    let again = at_consent.sign_in(begun.location(), "alice", PASSWORD).await;
    let wrong = at_consent.sign_in(begun.location(), "nobody", PASSWORD).await;
    assert_eq!((again.status, wrong.status), (422, 422));
});

on_both!(a_disabled_person_is_out_on_every_node_within_a_second(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    let nodes = [world.another_node().await, world.another_node().await];
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid offline_access").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    for node in &nodes {
        assert_eq!(browser.at(node).get("/account").await.status, 200);
        assert_eq!(shop.at(node).userinfo(access_token).await.status, 200);
    }
    world.disable_user(&alice).await;
    assert_eq!(shop.userinfo(access_token).await.status, 401, "here at once");
    for node in &nodes {
        assert_eq!(browser.at(node).get("/account").await.status, 303);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for node in &nodes {
        assert_eq!(shop.at(node).userinfo(access_token).await.status, 401);
        assert_eq!(shop.at(node).refresh(tokens["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
    }
});

on_both!(a_disabled_client_gets_nothing_within_seconds(world) {
    world.user("alice").await;
    let (shop, api) = (
        world.client("shop", |metadata| metadata.audience = vec!["https://api.example".to_owned()]).await,
        world.client("api", |metadata| metadata.resources = vec!["https://api.example".to_owned()]).await,
    );
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let (access_token, refresh_token) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let begun = browser.get(&shop.ask("openid", &[("prompt", "login")]).target).await;
    assert_eq!(api.introspect(access_token).await["active"], true);

    world.disable_client(&shop).await;
    // Another process wrote the row: this server remembers a client for three seconds of real time.
    tokio::time::sleep(Duration::from_millis(3200)).await;

    for answer in [
        shop.redeem(&code, &sent).await,
        shop.refresh(refresh_token).await,
        shop.token(&[("grant_type", "client_credentials")]).await,
        shop.revoke(access_token).await,
        shop.post("/introspect", &[("token", access_token)]).await,
    ] {
        assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
    }
    assert_eq!(shop.userinfo(access_token).await.status, 401);
    assert_eq!(api.introspect(access_token).await["active"], false);
    for target in [&shop.ask("openid", &[]).target, begun.location()] {
        let answer = browser.get(target).await;
        assert_eq!((answer.status, answer.error_code()), (400, "invalid_client"), "{target}");
    }
});
