//! An answer that goes on until one side ends it (Server-Sent Events, WHATWG HTML §9.2).

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};

/// In the extensions of such an answer. Its connection may go on for ever as long as it takes what it is sent, and
/// ends with the server.
#[derive(Clone, Copy, Debug)]
pub struct Endless;

/// nginx would keep events back until its buffer is full.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Events, encoded already, as they come.
pub fn events(events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    let mut response = (headers, Body::from_stream(events.map(Ok::<_, Infallible>))).into_response();
    response.extensions_mut().insert(Endless);
    response
}
