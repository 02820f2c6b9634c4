//! What an answer leaves for the pages to put into words: endpoints speak no human language.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};

/// Why somebody is shown an error instead of being sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request itself is wrong, and the client cannot be told by a redirect (RFC 6749 §4.1.2.1).
    InvalidRequest,
    /// No such client, or one that is switched off: the two look the same.
    UnknownClient,
    /// The redirect URI is missing or not among the registered ones.
    UnprovenRedirectUri,
    /// This sign-in or consent was finished before: a second tab, or the back button.
    AlreadyCompleted,
    /// The request was left lying for too long, or never existed here.
    Expired,
    /// The browser meanwhile belongs to another user's session.
    SessionChanged,
    /// The form did not come from our own page.
    CrossSite,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    TooManyRequests,
    Unavailable,
    Internal,
}

impl ProblemKind {
    pub const ALL: &[ProblemKind] = &[
        ProblemKind::InvalidRequest,
        ProblemKind::UnknownClient,
        ProblemKind::UnprovenRedirectUri,
        ProblemKind::AlreadyCompleted,
        ProblemKind::Expired,
        ProblemKind::SessionChanged,
        ProblemKind::CrossSite,
        ProblemKind::NotFound,
        ProblemKind::MethodNotAllowed,
        ProblemKind::TooLarge,
        ProblemKind::TooManyRequests,
        ProblemKind::Unavailable,
        ProblemKind::Internal,
    ];

    pub const fn status(self) -> StatusCode {
        match self {
            ProblemKind::InvalidRequest
            | ProblemKind::UnknownClient
            | ProblemKind::UnprovenRedirectUri
            | ProblemKind::AlreadyCompleted
            | ProblemKind::Expired
            | ProblemKind::SessionChanged => StatusCode::BAD_REQUEST,
            ProblemKind::CrossSite => StatusCode::FORBIDDEN,
            ProblemKind::NotFound => StatusCode::NOT_FOUND,
            ProblemKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ProblemKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ProblemKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            ProblemKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ProblemKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What stands on the page as `error-code`, the same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            ProblemKind::InvalidRequest => "invalid_request",
            ProblemKind::UnknownClient => "invalid_client",
            ProblemKind::UnprovenRedirectUri => "invalid_redirect_uri",
            ProblemKind::AlreadyCompleted => "already_completed",
            ProblemKind::Expired => "expired",
            ProblemKind::SessionChanged => "session_changed",
            ProblemKind::CrossSite => "cross_site_request",
            ProblemKind::NotFound => "not_found",
            ProblemKind::MethodNotAllowed => "method_not_allowed",
            ProblemKind::TooLarge => "too_large",
            ProblemKind::TooManyRequests => "too_many_requests",
            ProblemKind::Unavailable => "temporarily_unavailable",
            ProblemKind::Internal => "server_error",
        }
    }
}

/// A problem as it travels: in the extensions of the answer whose status it set. The pages dress it; whoever
/// meets it undressed reads its code.
#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: ProblemKind,
    /// The name of the client, once it is proven.
    pub client: Option<String>,
    /// For whoever built the client: what exactly is wrong. English, no secret in it.
    pub detail: Option<Cow<'static, str>>,
    pub retry_after: Option<Duration>,
}

impl Problem {
    pub fn new(kind: ProblemKind) -> Self {
        Problem { kind, client: None, detail: None, retry_after: None }
    }

    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn client(mut self, name: impl Into<String>) -> Self {
        self.client = Some(name.into());
        self
    }

    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), self.kind.code()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response.extensions_mut().insert(self);
        response
    }
}
