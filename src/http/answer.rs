//! What the plumbing answers by itself, before any endpoint is asked (RFC 9110 §15).

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// A request that no endpoint gets to see, or whose endpoint failed. One variant, one status, one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `Host` is missing or stands twice, or the parameters cannot be read.
    Malformed,
    /// Somebody asked for another server (RFC 9110 §15.5.20).
    Misdirected {
        reached_at: Arc<str>,
    },
    TargetTooLong,
    HeadersTooLarge,
    BodyTooLarge,
    BodyTooSlow,
    /// The body is compressed.
    EncodedBody,
    /// The body has a type that is not asked for here.
    MediaType,
    /// The answer took too long.
    TooSlow,
    /// The handler broke down; the log has the rest.
    Internal,
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Malformed => StatusCode::BAD_REQUEST,
            Refusal::Misdirected { .. } => StatusCode::MISDIRECTED_REQUEST,
            Refusal::TargetTooLong => StatusCode::URI_TOO_LONG,
            Refusal::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::EncodedBody | Refusal::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn sentence(&self) -> String {
        let sentence = match self {
            Refusal::Malformed => "The request is not well-formed HTTP.",
            Refusal::Misdirected { reached_at } => {
                return format!("This server is not reached under that name, but at {reached_at}.");
            }
            Refusal::TargetTooLong => "The address is too long.",
            Refusal::HeadersTooLarge => "The request has too many or too large headers.",
            Refusal::BodyTooLarge => "The request body is too large.",
            Refusal::BodyTooSlow => "The request body came too slowly.",
            Refusal::EncodedBody => "Request bodies with a Content-Encoding are not read here.",
            Refusal::MediaType => "The request body has the wrong media type.",
            Refusal::TooSlow => "The server could not answer in time. Please try again.",
            Refusal::Internal => "Something went wrong on the server.",
        };
        sentence.to_owned()
    }

    /// Whether the rest of the request is still on its way, so that the connection cannot be used again.
    pub(super) fn leaves_body_unread(&self) -> bool {
        matches!(self, Refusal::BodyTooLarge | Refusal::BodyTooSlow | Refusal::EncodedBody)
    }
}

/// The answer carries the refusal in its extensions too, for who would rather say it on a page.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(format!("{}\n", self.sentence())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Refusal::TooSlow) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
