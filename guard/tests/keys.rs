//! The server's keys: new ones, and those that nobody has.

use axum::http::StatusCode;
use gatepass_guard::InvalidToken;
use serde_json::json;

use crate::support::{Api, FakeIssuer, Signer};

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let next = Signer::es256("next");
    issuer.now(|settings| settings.jwks.push(next.jwk()));
    let tokens: Vec<String> = (0..20).map(|_| next.sign(&next.header(), &issuer.claims())).collect();
    let calls = tokens.iter().map(|token| api.call("/", token));
    for status in futures_util::future::join_all(calls).await {
        assert_eq!(status, StatusCode::OK);
    }
    assert_eq!(issuer.seen().jwks, 2, "one fetch serves all that wait for it");
}

#[tokio::test]
async fn a_storm_of_unknown_keys_does_not_reach_the_server() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    for n in 0..500 {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": format!("nobody-{n}") });
        let token = issuer.signer.sign(&header, &issuer.claims());
        assert_eq!(api.guard.verify(&token).await.unwrap_err(), InvalidToken::UnknownKey);
    }
    assert_eq!(issuer.seen().jwks, 2);
    assert_eq!(api.call("/", &issuer.token(json!({}))).await, StatusCode::OK);
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_passed_over() {
    let issuer = FakeIssuer::start().await;
    issuer.now(|settings| {
        let mut encryption = Signer::es256("encryption").jwk();
        encryption["use"] = json!("enc");
        let mut off_curve = Signer::es256("off-curve").jwk();
        off_curve["y"] = off_curve["x"].clone();
        let mut short = Signer::es256("short").jwk();
        short["x"] = json!("AA");
        let weak = json!({ "kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB" });
        let secret = json!({ "kty": "oct", "kid": "secret", "k": "c2VjcmV0" });
        settings.jwks.splice(0..0, [encryption, off_curve, short, weak, secret, json!("no key")]);
    });
    let api = Api::behind(&issuer).await;
    assert_eq!(api.call("/", &issuer.token(json!({}))).await, StatusCode::OK);
    for kid in ["encryption", "off-curve", "short", "weak", "secret"] {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
        let token = issuer.signer.sign(&header, &issuer.claims());
        assert_eq!(api.guard.verify(&token).await.unwrap_err(), InvalidToken::UnknownKey, "{kid}");
    }
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_also_for_tokens_that_were_seen() {
    let issuer = FakeIssuer::start().await;
    let every = std::time::Duration::from_millis(300);
    let api = Api::starting(&issuer, |builder| builder.fetch_keys_every(every)).await;
    api.guard.current().await;
    let token = issuer.token(json!({}));
    assert_eq!(api.call("/", &token).await, StatusCode::OK);
    let next = Signer::es256("next");
    issuer.now(|settings| settings.jwks = vec![next.jwk()]);
    api.until("/", &token, StatusCode::UNAUTHORIZED).await;
    assert_eq!(api.call("/", &next.sign(&next.header(), &issuer.claims())).await, StatusCode::OK);
}
