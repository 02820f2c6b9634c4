//! Introspection (RFC 7662 §2 and §4).

use std::time::Duration;

use gatepass::keys::Expiry;
use gatepass::keys::jws::Type;
use gatepass::protocol::algorithm::Algorithm;
use gatepass::protocol::client_metadata::AccessTokenFormat;
use serde_json::{Value, json};

use super::assert_direct;
use crate::on_both;
use crate::support::relying_party::{basic, header};

on_both!(what_does_not_live_or_is_not_ones_own_is_inactive_and_nothing_more(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let sealed = world.client("sealed", |metadata| metadata.access_token_format = AccessTokenFormat::Opaque).await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let opaque = sealed.tokens_in(&mut browser, "alice", "openid").await;
    let (code, _) = shop.code(&mut browser, "alice", "openid").await;
    let text = |tokens: &serde_json::Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let access_token = text(&tokens, "access_token");
    let first = text(&tokens, "refresh_token");
    let current = text(&shop.refresh(&first).await.json(), "refresh_token");
    let secret = shop.secret.as_ref().unwrap().reveal().to_owned();

    let inactive = json!({ "active": false });
    for (what, token) in [
        ("nothing of ours", "x".to_owned()),
        ("an ID Token", text(&tokens, "id_token")),
        ("a code", code),
        ("a refresh token that was used", first),
        ("a client's secret", secret),
        ("a session cookie", browser.cookies["gatepass-session"].clone()),
        ("a token and something", format!("{access_token}x")),
        ("a token without its signature", access_token.rsplit_once('.').unwrap().0.to_owned()),
        ("another client's opaque token", text(&opaque, "access_token")),
        ("another client's refresh token", text(&opaque, "refresh_token")),
        ("very much", "x".repeat(60_000)),
    ] {
        assert_eq!(shop.introspect(&token).await, inactive, "{what}");
    }
    for foreign in [&access_token, &current] {
        assert_eq!(bank.introspect(foreign).await, inactive);
    }
    // RFC 7662 §2.1: a wrong hint widens the search, it does not end it.
    for (token, hint) in [(&access_token, "refresh_token"), (&current, "access_token"), (&current, "bogus")] {
        let fields = [("token", token.as_str()), ("token_type_hint", hint)];
        assert_eq!(shop.post("/introspect", &fields).await.json()["active"], true, "{hint}");
    }
    world.time_passes(Duration::from_secs(600));
    assert_eq!(shop.introspect(&access_token).await, inactive);
    assert_eq!(sealed.introspect(&text(&opaque, "access_token")).await, inactive);
    world.time_passes(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(shop.introspect(&current).await, inactive);
});

on_both!(a_public_client_learns_nothing(world) {
    world.user("alice").await;
    let app = world.public_client("app").await;
    let tokens = app.tokens("alice", "openid").await;
    let own = tokens["access_token"].as_str().unwrap();
    assert_direct(&app.post("/introspect", &[("token", own)]).await, 401, "invalid_client", "its own token");
});

on_both!(a_question_has_one_token(world) {
    let shop = world.shop().await;
    assert_direct(&shop.post("/introspect", &[]).await, 400, "invalid_request", "no token");
    assert_direct(&shop.post("/introspect", &[("token", "")]).await, 400, "invalid_request", "an empty token");
    let two = [("token", "a"), ("token", "b")];
    assert_direct(&shop.post("/introspect", &two).await, 400, "invalid_request", "two tokens");
});

on_both!(an_ended_token_is_inactive_at_once(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let api = world.client("api", |metadata| metadata.resources = vec!["https://api.example".to_owned()]).await;
    let own = world.client("own", |metadata| metadata.audience = vec!["https://api.example".to_owned()]).await;
    let tokens = own.tokens("alice", "openid").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(api.introspect(access_token).await["active"], true);
    assert_eq!(own.revoke(access_token).await.status, 200);
    assert_eq!(api.introspect(access_token).await["active"], false);
    let machine = shop.token(&[("grant_type", "client_credentials")]).await.json();
    let machine = machine["access_token"].as_str().unwrap();
    assert_eq!(shop.introspect(machine).await["active"], true);
    assert_eq!(shop.revoke(machine).await.status, 200);
    assert_eq!(shop.introspect(machine).await["active"], false);
});

on_both!(an_api_that_asks_for_a_jwt_gets_one_for_itself(world) {
    world.user("alice").await;
    let api = world
        .client("api", |metadata| {
            metadata.resources = vec!["https://api.example".to_owned()];
            metadata.introspection_signed_response_alg = Algorithm::ES256;
        })
        .await;
    let shop = world
        .client("own", |metadata| {
            metadata.audience = vec!["https://api.example".to_owned()];
            metadata.access_token_format = AccessTokenFormat::Opaque;
        })
        .await;
    let tokens = shop.tokens("alice", "openid").await;
    let token = tokens["access_token"].as_str().unwrap();
    let secret = api.secret.as_ref().unwrap().reveal();
    let ask = async |accept: &str, token: &str| {
        let authorization = basic(api.id(), secret);
        let headers = [
            ("authorization", authorization.as_bytes()),
            ("accept", accept.as_bytes()),
            ("content-type", b"application/x-www-form-urlencoded".as_slice()),
        ];
        world.send("POST", "/introspect", &headers, &format!("token={token}")).await
    };
    let plain = ask("application/json", token).await;
    let signed = ask("application/json, application/token-introspection+jwt", token).await;
    assert_eq!(signed.header("content-type"), Some("application/token-introspection+jwt"));
    assert_eq!(signed.header("cache-control"), Some("no-store"));
    let head = header(&signed.body);
    assert_eq!((&head["typ"], &head["alg"]), (&json!("token-introspection+jwt"), &json!("ES256")));
    let ring = world.app.issuer.ring();
    let verified = ring.verify::<Value>(&signed.body, Type::Introspection, Expiry::Ignored, world.now());
    let said = verified.unwrap().claims;
    assert_eq!((&said["iss"], &said["aud"]), (&json!(world.issuer), &json!("api")));
    // RFC 9701 §5: neither stands at the top.
    assert!(said.get("sub").is_none() && said.get("exp").is_none());
    assert_eq!(said["token_introspection"], plain.json());
    assert_eq!(said["token_introspection"]["active"], true);

    let nothing = ask("application/token-introspection+jwt", "unknown").await;
    let said = ring.verify::<Value>(&nothing.body, Type::Introspection, Expiry::Ignored, world.now());
    assert_eq!(said.unwrap().claims["token_introspection"], json!({ "active": false }));
    // It is an answer, and nobody's token.
    assert_eq!(api.introspect(&signed.body).await, json!({ "active": false }));
});
