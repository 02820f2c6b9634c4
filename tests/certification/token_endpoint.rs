//! The token endpoint and UserInfo.

use std::time::Duration;

use gatepass::protocol::algorithm::ClientAlgorithm::ES256;
use serde_json::json;

use super::{SETTINGS, answer, client, text, tokens, user};
use crate::endpoints::assert_direct;
use crate::on_both;
use crate::support::relying_party::{JWT_BEARER, claims, header};
use crate::support::{ClientSigner, Published, World};

on_both!(a_code_is_redeemed_once_and_what_it_gave_dies_with_the_second_time(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    for pause in [Duration::ZERO, Duration::from_secs(30)] {
        let front = answer(&app, &mut browser, "openid", &[]).await;
        let first = app.redeem(front.get("code"), &front.sent).await.json();
        assert_eq!(app.userinfo(text(&first, "access_token")).await.status, 200);
        world.time_passes(pause);
        let again = app.redeem(front.get("code"), &front.sent).await;
        assert_direct(&again, 400, "invalid_grant", "again");
        assert_eq!(app.userinfo(text(&first, "access_token")).await.status, 401);
    }
});

on_both!(an_error_is_json_that_nobody_keeps_with_a_status_of_its_own(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let secret = app.secret.as_ref().unwrap().reveal().to_owned();
    for (fields, status, error) in [
        (vec![("client_id", app.id()), ("client_secret", "wrong"), ("grant_type", "authorization_code")], 401, "invalid_client"),
        (vec![("client_id", app.id()), ("client_secret", secret.as_str())], 400, "invalid_request"),
        (vec![("client_id", app.id()), ("client_secret", secret.as_str()), ("grant_type", "magic")], 400, "unsupported_grant_type"),
        (vec![("client_id", app.id()), ("client_secret", secret.as_str()), ("grant_type", "authorization_code"), ("code", "x")], 400, "invalid_grant"),
    ] {
        assert_direct(&app.raw("/token", &fields, None).await, status, error, error);
    }
});

on_both!(a_refreshed_id_token_is_about_the_same_sign_in(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let first = tokens(&app, &mut world.browser(), "openid offline_access", &[("prompt", "consent")]).await;
    world.time_passes(Duration::from_secs(5));
    let refreshed = app.refresh(text(&first, "refresh_token")).await.json();
    let (before, after) = (claims(text(&first, "id_token")), claims(text(&refreshed, "id_token")));
    for same in ["iss", "sub", "aud", "azp", "auth_time"] {
        assert_eq!(before.get(same), after.get(same), "{same}");
    }
    assert!(after["iat"].as_i64() > before["iat"].as_i64());
    let other = client(&world, json!({})).await;
    assert_direct(&other.refresh(text(&refreshed, "refresh_token")).await, 400, "invalid_grant", "another client");
});

on_both!(a_client_authenticates_by_the_method_that_it_registered(world, SETTINGS) {
    user(&world).await;
    for method in ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"] {
        let app = client(&world, json!({
            "token_endpoint_auth_method": method,
            "jwks": if method == "private_key_jwt" { ClientSigner::shared().jwks() } else { json!(null) },
        })).await;
        let tokens = tokens(&app, &mut world.browser(), "openid", &[]).await;
        assert_eq!(app.userinfo(text(&tokens, "access_token")).await.status, 200, "{method}");
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_keys_are_fetched_again_when_it_signs_with_an_unknown_one() {
    let (old, new) = (ClientSigner::new("old", ES256), ClientSigner::new("new", ES256));
    let published = Published::new(old.jwks()).await;
    let world = World::on_sqlite(&[
        ("outbound.allowed_hosts", published.host.as_str()),
        ("outbound.extra_ca_file", published.authority.to_str().unwrap()),
    ])
    .await;
    user(&world).await;
    let document = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": published.url(),
        "response_types": ["code"], "grant_types": ["authorization_code"],
    });
    let app = client(&world, document).await;
    for signer in [&old, &new] {
        published.publish(signer.jwks());
        let front = answer(&app, &mut world.browser(), "openid", &[]).await;
        let assertion = signer.sign(&json!({
            "iss": app.id(), "sub": app.id(), "aud": app.issuer, "jti": front.sent.state,
            "exp": world.now().secs() + 60,
        }));
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", front.get("code")),
            ("redirect_uri", super::CALLBACK),
            ("code_verifier", &front.sent.verifier),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", &assertion),
        ];
        assert_eq!(app.raw("/token", &fields, None).await.status, 200, "{}", signer.kid);
    }
}

on_both!(userinfo_is_asked_by_get_and_post_with_the_token_in_header_or_body(world, SETTINGS) {
    let sue = user(&world).await;
    let app = client(&world, json!({})).await;
    let tokens = tokens(&app, &mut world.browser(), "openid", &[]).await;
    let (bearer, body) = (format!("Bearer {}", text(&tokens, "access_token")), format!("access_token={}", text(&tokens, "access_token")));
    let form: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
    for (method, headers, body) in [
        ("GET", vec![("authorization", bearer.as_bytes())], ""),
        ("POST", vec![("authorization", bearer.as_bytes())], ""),
        ("POST", vec![form], body.as_str()),
    ] {
        let answer = world.send(method, "/userinfo", &headers, body).await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json()["sub"], gatepass::tokens::subject_of(sue.id));
    }
});

on_both!(a_client_that_registered_for_it_gets_userinfo_signed(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({ "userinfo_signed_response_alg": "RS256" })).await;
    let tokens = tokens(&app, &mut world.browser(), "openid email", &[]).await;
    let answer = app.userinfo(text(&tokens, "access_token")).await;
    assert_eq!(answer.header("content-type"), Some("application/jwt"));
    assert_eq!(header(&answer.body)["alg"], "RS256");
    let said = claims(&answer.body);
    assert_eq!((&said["iss"], &said["aud"], &said["email"]), (&json!(world.issuer), &json!(app.id()), &json!("sue@suite.example")));
    assert_eq!(said.get("nonce"), None);
    assert_eq!(said["sub"], claims(text(&tokens, "id_token"))["sub"]);
});
