//! What callers of the API are told (RFC 6750 §3, RFC 9728).

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::Response;
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Api, FakeIssuer};

const METADATA: &str = "resource_metadata=\"https://orders.example/.well-known/oauth-protected-resource/v1\"";

fn challenge(response: &Response) -> &str {
    response.headers()[WWW_AUTHENTICATE].to_str().unwrap()
}

#[tokio::test]
async fn who_brings_no_token_is_told_where_to_get_one_and_nothing_else() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    for headers in [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "Token abc")]] {
        let response = api.answer("/", headers).await;
        assert_eq!(
            (response.status(), challenge(&response)),
            (StatusCode::UNAUTHORIZED, format!("Bearer {METADATA}").as_str())
        );
    }
}

#[tokio::test]
async fn a_token_that_is_no_good_is_invalid_token() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let bearer = format!("bearer {}", issuer.token(json!({ "aud": "https://elsewhere.example" })));
    let response = api.answer("/", &[("authorization", &bearer)]).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let expected = format!(
        "Bearer error=\"invalid_token\", error_description=\"the token is for another audience\", {METADATA}"
    );
    assert_eq!(challenge(&response), expected);
    assert_eq!(response.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn too_little_scope_is_answered_with_the_scope_that_is_needed() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let bearer = format!("Bearer {}", issuer.token(json!({})));
    let response = api.answer("/write", &[("authorization", &bearer)]).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        challenge(&response),
        format!("Bearer error=\"insufficient_scope\", scope=\"orders:read orders:write\", {METADATA}")
    );
    // A longer word is another scope.
    let close = issuer.token(json!({ "scope": "orders:reader ORDERS:READ" }));
    assert_eq!(api.call("/", &close).await, StatusCode::FORBIDDEN);
    assert_eq!(api.call("/", &issuer.token(json!({ "scope": "" }))).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn two_tokens_or_a_token_elsewhere_are_an_invalid_request() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let bearer = format!("Bearer {}", issuer.token(json!({})));
    for (path, headers) in [
        ("/", &[("authorization", bearer.as_str()), ("authorization", bearer.as_str())][..]),
        ("/?a=b&access_token=x", &[("authorization", bearer.as_str())]),
        ("/?access_token=x", &[]),
        ("/", &[("authorization", "Bearer")]),
        ("/", &[("authorization", "Bearer a b")]),
        ("/", &[("authorization", "Bearer a,Bearer b")]),
    ] {
        let response = api.answer(path, headers).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        assert!(challenge(&response).starts_with("Bearer error=\"invalid_request\", "));
    }
}

#[tokio::test]
async fn the_metadata_names_the_server_to_everybody() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let path = "/.well-known/oauth-protected-resource/v1";
    assert_eq!(api.guard.metadata_path(), path);
    let response = api.answer(path, &[]).await;
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    let expected = json!({
        "resource": AUDIENCE, "authorization_servers": [issuer.url], "bearer_methods_supported": ["header"],
        "scopes_supported": ["orders:read"],
    });
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
}

#[tokio::test]
async fn a_handler_without_a_guard_before_it_answers_nobody() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    assert_eq!(api.call("/unguarded", &issuer.token(json!({}))).await, StatusCode::INTERNAL_SERVER_ERROR);
}
