//! What every request passes before a handler sees it, and every answer on its way out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_ENCODING};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::answer::Refusal;
use super::body::{announces_too_much, bounded};
use super::forwarded::Proxies;
use super::limits::Limits;
use super::metrics::Metrics;
use super::request::{Arrival, Hosts, Peer, X_REQUEST_ID};
use crate::clock::Clock;
use crate::failpoint::Failpoint;

/// What is needed to receive requests.
#[derive(Clone)]
pub struct Front {
    pub clock: Arc<dyn Clock>,
    pub proxies: Proxies,
    pub hosts: Hosts,
    pub limits: Limits,
    pub metrics: Metrics,
}

impl Front {
    /// Puts itself before every route and fallback of `router`.
    pub fn before<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.layer(from_fn_with_state(Arc::new(self), receive))
    }
}

async fn receive(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let peer = request.extensions().get::<Peer>().copied();
    let arrival = Arrival::new(front.clock.now(), peer, request.headers(), &front.proxies);
    let id = arrival.id.clone();
    let span = tracing::error_span!("request", %id);
    let method = request.method().clone();
    let version = request.version();
    let path = tracing::enabled!(target: super::log::ACCESS, tracing::Level::INFO)
        .then(|| request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(arrival);

    let mut response = answer(&front, request, next).instrument(span.clone()).await;

    let took = began.elapsed();
    let status = response.status();
    front.metrics.answered(route.as_ref().map(MatchedPath::as_str), &method, status, took);
    if let Some(path) = path {
        let ms = took.as_micros() as f64 / 1000.0;
        let _entered = span.enter();
        tracing::info!(target: super::log::ACCESS, %method, path, status = status.as_u16(), ms);
    }
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    Failpoint::BeforeResponse.reached();
    let unread = response.extensions().get().is_some_and(Refusal::leaves_body_unread);
    // The rest of the body is on its way and will not be read: nothing may follow it (RFC 9112 §9.6).
    if unread && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn answer(front: &Front, request: Request, next: Next) -> Response {
    if let Err(refusal) = admit(front, &request) {
        return refusal.into_response();
    }
    let request = request.map(|body| bounded(body, &front.limits));
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(front.limits.request, handled).await {
        Ok(Ok(response)) => response,
        // The panic hook has logged where; what it said may hold what was sent.
        Ok(Err(_)) => Refusal::Internal.into_response(),
        Err(_) => {
            tracing::warn!("the answer took longer than {:?}", front.limits.request);
            Refusal::TooSlow.into_response()
        }
    }
}

/// Everything that is wrong whatever was asked for.
fn admit(front: &Front, request: &Request) -> Result<(), Refusal> {
    let (limits, headers, uri) = (&front.limits, request.headers(), request.uri());
    if uri.path_and_query().map_or(0, |target| target.as_str().len()) > limits.target_bytes {
        return Err(Refusal::TargetTooLong);
    }
    if headers.len() > limits.headers || size(headers) > limits.header_bytes {
        return Err(Refusal::HeadersTooLarge);
    }
    front.hosts.check(request.version(), uri, headers)?;
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::EncodedBody);
    }
    if announces_too_much(headers, limits) {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(())
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
