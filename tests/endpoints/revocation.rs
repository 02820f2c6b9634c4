//! Revocation (RFC 7009 §2).

use super::assert_direct;
use crate::on_both;

on_both!(what_is_not_ones_own_lives_on(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let app = world.public_client("app").await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let (access_token, refresh_token) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    // RFC 7009 §2.2: "invalid tokens do not cause an error response".
    for stranger in [&bank, &app] {
        for token in [access_token, refresh_token, &code] {
            assert_eq!(stranger.revoke(token).await.status, 200);
        }
    }
    let (body, seal) = refresh_token.rsplit_once('.').unwrap();
    let forged = format!("{body}.{}", seal.chars().rev().collect::<String>());
    for nothing in ["x", tokens["id_token"].as_str().unwrap(), &code, &forged, &"x".repeat(60_000)] {
        let answer = shop.revoke(nothing).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{nothing}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(shop.userinfo(access_token).await.status, 200);
    assert_eq!(shop.redeem(&code, &sent).await.status, 200);
    assert_eq!(shop.refresh(refresh_token).await.status, 200);
});

on_both!(a_refresh_token_takes_its_grant_along_and_an_access_token_only_itself(world) {
    world.user("alice").await;
    let (shop, app) = (world.shop().await, world.public_client("app").await);
    for client in [&shop, &app] {
        let tokens = client.tokens("alice", "openid").await;
        let (access_token, refresh_token) =
            (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
        let fields = [("token", access_token), ("token_type_hint", "refresh_token")];
        assert_eq!(client.post("/revoke", &fields).await.status, 200);
        assert_eq!(client.userinfo(access_token).await.status, 401);
        let refreshed = client.refresh(refresh_token).await.json();
        let access_token = refreshed["access_token"].as_str().unwrap();
        assert_eq!(client.userinfo(access_token).await.status, 200);
        // The generation that was used names the same grant.
        let fields = [("token", refresh_token), ("token_type_hint", "bogus")];
        assert_eq!(client.post("/revoke", &fields).await.status, 200);
        assert_eq!(client.userinfo(access_token).await.status, 401);
        assert_eq!(client.refresh(refreshed["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
    }
});

on_both!(a_revocation_names_one_token(world) {
    let shop = world.shop().await;
    assert_direct(&shop.post("/revoke", &[]).await, 400, "invalid_request", "no token");
    assert_direct(&shop.post("/revoke", &[("token", "")]).await, 400, "invalid_request", "an empty token");
    let two = [("token", "a"), ("token", "b")];
    assert_direct(&shop.post("/revoke", &two).await, 400, "invalid_request", "two tokens");
});
