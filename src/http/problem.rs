//! An error that is shown, on its way to the pages: endpoints speak no human language.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};

use super::form::Unreadable;
use crate::protocol::error::ShownError;

/// A crowd is gone after this.
const CROWD: Duration = Duration::from_secs(5);

/// Travels in the extensions of the answer whose status it set. The pages dress it; whoever meets it undressed
/// reads its code.
#[derive(Clone, Debug)]
pub struct Problem {
    pub error: ShownError,
    /// The name of the client, where it is known.
    pub client: Option<String>,
    /// What a developer has to know beyond the code.
    pub detail: Option<String>,
    pub retry_after: Option<Duration>,
}

impl Problem {
    pub fn of_client(error: ShownError, name: Option<String>) -> Self {
        let retry_after = (error == ShownError::Unavailable).then_some(CROWD);
        Problem { error, client: name, detail: None, retry_after }
    }

    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub fn because(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// `Retry-After` in whole seconds (RFC 9110 §10.2.3), never too early.
pub(super) fn retry_after(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_millis().div_ceil(1000).max(1) as u64)
}

impl From<ShownError> for Problem {
    fn from(error: ShownError) -> Self {
        Problem::of_client(error, None)
    }
}

impl From<Unreadable> for Problem {
    fn from(unreadable: Unreadable) -> Self {
        Problem::from(match unreadable {
            Unreadable::MediaType => ShownError::UnsupportedMediaType,
            Unreadable::TooLarge => ShownError::TooLarge,
            Unreadable::Malformed(_) | Unreadable::TooSlow | Unreadable::Broken => {
                ShownError::MalformedRequest
            }
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.error.code()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, retry_after(wait));
        }
        response.extensions_mut().insert(self);
        response
    }
}
