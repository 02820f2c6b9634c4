//! What every request passes before a handler sees it, and every answer on its way out.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CONNECTION, CONTENT_ENCODING};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, Service};
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
pub struct Front {
    pub clock: Arc<dyn Clock>,
    pub proxies: Proxies,
    pub hosts: Hosts,
    pub limits: Limits,
    pub metrics: Metrics,
}

impl Front {
    /// Puts itself before every route and fallback of `router`: around it and not as one of its layers, which axum
    /// copies with all that is below them for each request.
    pub fn before(self, router: Router) -> Reception {
        Reception { front: self, router: router.layer(NoteRoute) }
    }
}

/// A router whose requests are received by a [`Front`].
pub struct Reception {
    front: Front,
    router: Router,
}

impl Reception {
    pub async fn answer(&self, mut request: Request) -> Response {
        let began = Instant::now();
        let front = &self.front;
        let peer = request.extensions().get::<Peer>().copied();
        let arrival = Arrival::new(front.clock.now(), peer, request.headers(), &front.proxies);
        let id = arrival.id.clone();
        let span = tracing::error_span!("request", %id);
        let method = request.method().clone();
        let version = request.version();
        let path = tracing::enabled!(target: super::log::ACCESS, tracing::Level::INFO)
            .then(|| request.uri().path().to_owned());
        let route = Route::default();
        request.extensions_mut().insert(arrival);
        request.extensions_mut().insert(route.clone());

        let mut response = self.admitted(request).instrument(span.clone()).await;

        let took = began.elapsed();
        let status = response.status();
        front.metrics.answered(route.0.get().map(MatchedPath::as_str), &method, status, took);
        if let Some(path) = path {
            let ms = took.as_micros() as f64 / 1000.0;
            let _entered = span.enter();
            tracing::info!(target: super::log::ACCESS, %method, path, status = status.as_u16(), ms);
        }
        response.headers_mut().insert(X_REQUEST_ID, id.into_header());
        Failpoint::BeforeResponse.reached();
        let unread = response.extensions().get().is_some_and(Refusal::leaves_body_unread);
        // The rest of the body is on its way and will not be read: nothing may follow it (RFC 9112 §9.6).
        if unread && version < Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn admitted(&self, request: Request) -> Response {
        let limits = &self.front.limits;
        if let Err(refusal) = admit(&self.front, &request) {
            return refusal.into_response();
        }
        let request = request.map(|body| bounded(body, limits));
        let handled = AssertUnwindSafe(self.router.clone().call(request)).catch_unwind();
        match tokio::time::timeout(limits.request, handled).await {
            Ok(Ok(Ok(response))) => response,
            // The panic hook has logged where; what it said may hold what was sent.
            Ok(Err(_)) => Refusal::Internal.into_response(),
            Err(_) => {
                tracing::warn!("the answer took longer than {:?}", limits.request);
                Refusal::TooSlow.into_response()
            }
        }
    }
}

/// The route that a request took. Only the layers of a router are told, and the figures are counted around it.
#[derive(Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

/// Notes the [`Route`] of each request.
#[derive(Clone, Copy)]
struct NoteRoute;

impl<S> Layer<S> for NoteRoute {
    type Service = NotingRoute<S>;

    fn layer(&self, inner: S) -> NotingRoute<S> {
        NotingRoute(inner)
    }
}

#[derive(Clone)]
struct NotingRoute<S>(S);

impl<S: Service<Request>> Service<Request> for NotingRoute<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        let extensions = request.extensions();
        if let (Some(Route(noted)), Some(path)) = (extensions.get(), extensions.get::<MatchedPath>()) {
            let _ = noted.set(path.clone());
        }
        self.0.call(request)
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
