//! The JWK Set (RFC 7517 §5): what our signatures are verified with.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};

use crate::config::Config;
use crate::http::request::Arrival;
use crate::tokens::Issuer;

pub const PATH: &str = "/jwks";

const LONGEST: Duration = Duration::from_secs(300);

pub fn show<S>(config: &Config) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Issuer>: FromRef<S>,
{
    // Half the time for which a key is announced before it signs: whoever caches for so long never misses one.
    let max_age = (config.keys.announce() / 2).min(LONGEST).as_secs();
    let cache = HeaderValue::try_from(format!("public, max-age={max_age}"));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json")),
        (CACHE_CONTROL, cache.unwrap_or(HeaderValue::from_static("no-cache"))),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    get(async move |State(issuer): State<Arc<Issuer>>, arrival: Arrival| {
        (headers, issuer.ring().jwks(arrival.now)).into_response()
    })
}
