//! One kind of token where another one is expected (RFC 8725 §3.11, RFC 9700 §4.6).

use gatepass::protocol::algorithm::Algorithm;
use gatepass::protocol::client_metadata::AccessTokenFormat;

use crate::on_both;

on_both!(no_token_passes_for_another_kind_of_token(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let sealed = world.client("sealed", |metadata| metadata.access_token_format = AccessTokenFormat::Opaque).await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let telling = world.client("telling", |metadata| metadata.userinfo_signed_response_alg = Some(Algorithm::RS256)).await;
    let told = telling.tokens_in(&mut browser, "alice", "openid").await;
    let signed_userinfo = telling.userinfo(told["access_token"].as_str().unwrap()).await.body;
    let opaque = sealed.tokens_in(&mut browser, "alice", "openid").await;
    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let begun = browser.get(&shop.ask("openid", &[("prompt", "login")]).target).await;
    let (_, authorization) = begun.location().split_once("authorization=").unwrap();
    let text = |tokens: &serde_json::Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let (access_token, id_token, refresh_token) =
        (text(&tokens, "access_token"), text(&tokens, "id_token"), text(&tokens, "refresh_token"));
    let swapped = |text: &str, prefix: &str| match text.split_once('_') {
        Some((_, rest)) => format!("{prefix}_{rest}"),
        None => format!("{prefix}_{text}"),
    };
    let all = [
        ("access token", access_token.clone()),
        ("opaque access token", text(&opaque, "access_token")),
        ("ID Token", id_token.clone()),
        ("signed UserInfo", signed_userinfo),
        ("refresh token", refresh_token.clone()),
        ("code", code.clone()),
        ("secret", shop.secret.as_ref().unwrap().reveal().to_owned()),
        ("session cookie", browser.cookies["gatepass-session"].clone()),
        ("browser cookie", browser.cookies["gatepass-browser"].clone()),
        ("waiting request", authorization.to_owned()),
        ("opaque access token dressed as a code", swapped(&text(&opaque, "access_token"), "ac")),
        ("refresh token dressed as a code", swapped(&refresh_token, "ac")),
        ("code dressed as an access token", swapped(&code, "at")),
        ("code dressed as a refresh token", swapped(&code, "rt")),
        ("access token dressed as an opaque one", swapped(&access_token, "at")),
    ];
    for (kind, token) in &all {
        if *kind != "code" {
            assert_eq!(shop.redeem(token, &sent).await.error(), "invalid_grant", "{kind} as code");
        }
        if *kind != "refresh token" {
            assert_eq!(shop.refresh(token).await.error(), "invalid_grant", "{kind} as refresh token");
        }
        if !["access token", "opaque access token"].contains(kind) {
            let answer = shop.userinfo(token).await;
            assert_eq!(answer.status, 401, "{kind} as access token");
            let active = ["refresh token"].contains(kind);
            assert_eq!(shop.introspect(token).await["active"], active, "{kind} introspected");
        }
        if *kind != "ID Token" {
            let answer = world.browser().get(&shop.ask("openid", &[("id_token_hint", token)]).target).await;
            assert_eq!(answer.parameters()["error"], "invalid_request", "{kind} as id_token_hint");
        }
        if *kind != "session cookie" {
            let mut thief = world.browser();
            thief.cookies.insert("gatepass-session".to_owned(), token.clone());
            let answer = thief.get(&shop.ask("openid", &[("prompt", "none")]).target).await;
            assert_eq!(answer.parameters()["error"], "login_required", "{kind} as session cookie");
        }
        if !["access token", "refresh token"].contains(kind) {
            assert_eq!(shop.revoke(token).await.status, 200, "{kind} revoked");
        }
    }
    // Nothing of all this has ended anything.
    assert_eq!(shop.userinfo(&access_token).await.status, 200);
    assert_eq!(shop.redeem(&code, &sent).await.status, 200);
    assert_eq!(shop.refresh(&refresh_token).await.status, 200);
    let hint = [("id_token_hint", id_token.as_str()), ("prompt", "none")];
    assert!(browser.get(&shop.ask("openid", &hint).target).await.parameters().contains_key("code"));
});
