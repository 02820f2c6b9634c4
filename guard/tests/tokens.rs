//! Which tokens are accepted (RFC 9068 §4, RFC 8725).

use axum::http::StatusCode;
use gatepass_guard::InvalidToken;
use serde_json::{Value, json};

use crate::support::{Api, FakeIssuer, Signer, now};

const OK: StatusCode = StatusCode::OK;

#[tokio::test]
async fn a_good_token_opens_the_api_and_its_claims_reach_the_handler() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let token = issuer
        .token(json!({ "aud": ["https://other.example", super::support::AUDIENCE], "department": "books" }));
    assert_eq!(api.call("/", &token).await, OK);
    let token = api.guard.verify(&token).await.unwrap();
    assert_eq!((token.subject(), token.client_id(), token.issuer()), ("alice", "shop", issuer.url.as_str()));
    assert_eq!(token.scope().collect::<Vec<_>>(), ["openid", "orders:read"]);
    assert_eq!(token.claim("department"), Some(&json!("books")));
}

#[tokio::test]
async fn every_accepted_algorithm_is_verified_and_no_other() {
    let issuer = FakeIssuer::start().await;
    let (ed, rsa) = (Signer::eddsa("ed"), Signer::rsa("rsa"));
    issuer.now(|settings| settings.jwks.extend([ed.jwk(), rsa.jwk()]));
    let api = Api::behind(&issuer).await;
    let ps256 = json!({ "alg": "PS256", "typ": "application/at+JWT", "kid": "rsa" });
    for token in [
        ed.sign(&ed.header(), &issuer.claims()),
        rsa.sign(&rsa.header(), &issuer.claims()),
        rsa.sign(&ps256, &issuer.claims()),
        // Without a kid every key of the algorithm is tried.
        ed.sign(&json!({ "alg": "EdDSA", "typ": "at+jwt" }), &issuer.claims()),
    ] {
        assert_eq!(api.call("/", &token).await, OK);
    }
    let only = |algorithm| move |builder: gatepass_guard::Builder| builder.algorithms([algorithm]);
    let strict = Api::starting(&issuer, only(gatepass_guard::Algorithm::EdDSA)).await;
    assert!(strict.guard.verify(&ed.sign(&ed.header(), &issuer.claims())).await.is_ok());
    let others = rsa.sign(&rsa.header(), &issuer.claims());
    assert!(strict.guard.verify(&others).await.is_err());
}

#[tokio::test]
async fn a_header_that_says_otherwise_is_refused() {
    use InvalidToken::{Algorithm, Malformed, Signature, Type, UnknownKey};
    let issuer = FakeIssuer::start().await;
    let rsa = Signer::rsa("rsa");
    issuer.now(|settings| settings.jwks.push(rsa.jwk()));
    let api = Api::behind(&issuer).await;
    let stranger = Signer::es256("first");
    let with = |changed: Value| {
        let mut header = issuer.signer.header();
        header.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        issuer.signer.sign(&header, &issuer.claims())
    };
    let raw = |header: &str| issuer.signer.sign_bytes(header, &issuer.claims().to_string());
    for (token, why) in [
        (with(json!({ "alg": "none" })), Algorithm),
        (with(json!({ "alg": "nOnE" })), Algorithm),
        (with(json!({ "alg": "" })), Algorithm),
        (with(json!({ "alg": "HS256" })), Algorithm),
        (with(json!({ "alg": "ES384" })), Algorithm),
        // The algorithm of another key of the set, under this one's name.
        (with(json!({ "alg": "RS256" })), Algorithm),
        (with(json!({ "alg": "EdDSA" })), Algorithm),
        (with(json!({ "kid": "rsa" })), Algorithm),
        (with(json!({ "kid": "nobody" })), UnknownKey),
        (with(json!({ "kid": null })), Malformed),
        (with(json!({ "typ": "JWT" })), Type),
        (with(json!({ "typ": "logout+jwt" })), Type),
        (with(json!({ "crit": ["exp"] })), Malformed),
        (with(json!({ "b64": false })), Malformed),
        (raw(r#"{"alg":"ES256","kid":"first"}"#), Type),
        (raw(r#"{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"first"}"#), Malformed),
        (stranger.sign(&stranger.header(), &issuer.claims()), Signature),
        // The key that comes with the token is the stranger's own.
        (
            stranger.sign(
                &json!({ "alg": "ES256", "typ": "at+jwt", "kid": "first", "jwk": stranger.jwk() }),
                &issuer.claims(),
            ),
            Signature,
        ),
    ] {
        assert_eq!(api.guard.verify(&token).await.unwrap_err(), why);
        assert_eq!(api.call("/", &token).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn claims_that_are_wrong_or_no_claims_are_refused() {
    use InvalidToken::{Audience, Bound, Expired, Issuer, Malformed, NotYetValid};
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let now = now() as u64;
    for (changed, why) in [
        (json!({ "iss": format!("{}/", issuer.url) }), Issuer),
        (json!({ "iss": issuer.url.to_uppercase() }), Issuer),
        (json!({ "aud": "https://orders.example/v2" }), Audience),
        (json!({ "aud": [] }), Audience),
        (json!({ "aud": [1] }), Malformed),
        (json!({ "exp": now - 61 }), Expired),
        (json!({ "nbf": now + 65 }), NotYetValid),
        (json!({ "iat": now + 65 }), NotYetValid),
        (json!({ "exp": null }), Malformed),
        (json!({ "exp": (now + 600).to_string() }), Malformed),
        (json!({ "exp": now as f64 + 600.5 }), Malformed),
        (json!({ "exp": -1 }), Malformed),
        (json!({ "exp": [now + 600] }), Malformed),
        (json!({ "nbf": "0" }), Malformed),
        (json!({ "iat": null }), Malformed),
        (json!({ "sub": 7 }), Malformed),
        (json!({ "sub": "a\0b" }), Malformed),
        (json!({ "sub": "" }), Malformed),
        (json!({ "jti": null }), Malformed),
        (json!({ "scope": ["orders:read"] }), Malformed),
        (json!({ "cnf": { "jkt": "thumbprint" } }), Bound),
    ] {
        let token = issuer.token(changed.clone());
        assert_eq!(api.guard.verify(&token).await.unwrap_err(), why, "{changed}");
    }
    for missing in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let mut claims = issuer.claims();
        claims.as_object_mut().unwrap().remove(missing);
        let token = issuer.signer.sign(&issuer.signer.header(), &claims);
        assert_eq!(api.guard.verify(&token).await.unwrap_err(), Malformed, "{missing}");
    }
    // Clocks may lie a minute apart.
    for changed in [json!({ "exp": now - 50 }), json!({ "nbf": now + 50, "iat": now + 50 })] {
        assert!(api.guard.verify(&issuer.token(changed)).await.is_ok());
    }
}

#[tokio::test]
async fn what_is_no_compact_jws_is_refused() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let good = issuer.token(json!({}));
    let twice = issuer.claims().to_string().replacen('{', r#"{"sub":"mallory","#, 1);
    let zeros = format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(86));
    for token in [
        "at_opaque".to_owned(),
        "a.b".to_owned(),
        format!("{good}.{good}"),
        format!("{good}."),
        format!("{good}="),
        ".".repeat(1_000_000),
        good.replace('.', ".."),
        format!("{good}{}", "A".repeat(20_000)),
        issuer.signer.sign_bytes(&issuer.signer.header().to_string(), &twice),
        issuer.signer.sign_bytes(&issuer.signer.header().to_string(), &r#"{"a":"#.repeat(10_000)),
        issuer.signer.sign_bytes(&issuer.signer.header().to_string(), "[]"),
    ] {
        assert_eq!(api.guard.verify(&token).await.unwrap_err(), InvalidToken::Malformed);
    }
    assert_eq!(api.guard.verify(&zeros).await.unwrap_err(), InvalidToken::Signature);
    assert!(api.guard.verify(&good).await.is_ok());
}

#[tokio::test]
async fn a_remembered_token_still_expires_and_still_ends() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let token = issuer.token(json!({ "exp": now() as u64 - 58, "jti": "brief" }));
    assert_eq!(api.call("/", &token).await, OK);
    api.until("/", &token, StatusCode::UNAUTHORIZED).await;
    let ended = issuer.token(json!({ "jti": "ended" }));
    assert_eq!(api.call("/", &ended).await, OK);
    issuer.ends(json!({ "jti": ["ended"] }));
    api.until("/", &ended, StatusCode::UNAUTHORIZED).await;
}
