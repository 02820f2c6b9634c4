//! The check session endpoint (OpenID Connect Session Management §3.2): a page for an app's frame, whose script tells
//! whether the browser's state is still the one of a `session_state`. No message reaches the server.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secret;

pub const PATH: &str = "/check-session";

const SCRIPT: &str = include_str!("check_session.js");

static PAGE: LazyLock<String> =
    LazyLock::new(|| format!("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<script>{SCRIPT}</script>\n"));

/// Anybody may frame this page and no other: it shows nothing and tells nothing but changed or unchanged. Its policy
/// lets the one script run, by its hash.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(secret::sha256(SCRIPT.as_bytes()));
    let policy =
        format!("default-src 'none'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    HeaderValue::try_from(policy).expect("a policy is ASCII")
});

pub async fn show() -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (CONTENT_SECURITY_POLICY, POLICY.clone()),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, PAGE.as_str()).into_response()
}
