//! Which doors a page of another origin may knock at by script (Fetch Standard, CORS protocol).
//!
//! Those that look at no cookie: what such a page sends is what any program could send, so every origin may, and
//! nothing has to be known about it. The authorization endpoint, the pages and introspection are not among them
//! (RFC 9700 §2.6: the authorization endpoint "MUST NOT" be; the others have no business in a page's script).

use std::time::Duration;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, Method};
use tower_http::cors::{Any, CorsLayer};

/// A browser asks again after this.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Opens all doors of `router`. No credentials: cookies stay at home, and what a page sends of its own it may send.
pub fn open<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let dpop = HeaderName::from_static("dpop");
    router.layer(
        CorsLayer::new()
            .allow_origin(Any)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers([
                AUTHORIZATION,
                CONTENT_TYPE,
                dpop,
                HeaderName::from_static("mcp-protocol-version"),
            ])
            .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER])
            .max_age(REMEMBERED),
    )
}
