//! Answers to clients that speak to us directly: JSON, never cached (RFC 6749 §5.1 and §5.2).

use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::client_auth::Failure;
use crate::http::form::Unreadable;
use crate::http::session::causes;
use crate::protocol::error::{CredentialPlace, DirectError};
use crate::protocol::parameters::Parameters;

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// A JSON answer that nobody may keep.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(body) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    (status, headers("application/json"), body).into_response()
}

/// A signed answer that nobody may keep.
pub fn jwt(media_type: &'static str, token: String) -> Response {
    (headers(media_type), token).into_response()
}

fn headers(media_type: &'static str) -> [(HeaderName, HeaderValue); 4] {
    [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

/// The JSON of RFC 6749 §5.2; both texts in the characters that stand there.
pub fn failure(status: StatusCode, error: &str, error_description: &str) -> Response {
    json(status, &ErrorBody { error, error_description })
}

/// How a direct request fails.
#[derive(Debug)]
pub enum Refused {
    Failure(Failure),
    Unreadable(Unreadable),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Refused::Failure(failure)
    }
}

impl From<DirectError> for Refused {
    fn from(error: DirectError) -> Self {
        Refused::Failure(error.into())
    }
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Self {
        Refused::Unreadable(unreadable)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Failure(Failure::Refused(error)) => refusal(error),
            Refused::Failure(Failure::Outage(error)) => {
                tracing::error!(error = %causes(&error), "the store failed");
                outage()
            }
            Refused::Unreadable(unreadable) => {
                failure(unreadable.status(), "invalid_request", &unreadable.description())
            }
        }
    }
}

fn refusal(error: DirectError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = failure(status, error.code(), error.description());
    // RFC 6749 §5.2: "the authorization server MUST respond with an HTTP 401 … and include the WWW-Authenticate
    // response header field matching the authentication scheme used by the client".
    if let DirectError::InvalidClient(CredentialPlace::Header) = error {
        let challenge = HeaderValue::from_static(r#"Basic realm="gatepass", charset="UTF-8""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Nothing was decided: the client may try again in a moment.
pub fn outage() -> Response {
    let description = "the server cannot reach its database; nothing was changed, try again in a moment";
    let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// The one `Authorization` header, as text.
pub fn authorization(headers: &HeaderMap) -> Result<Option<&str>, DirectError> {
    let mut values = headers.get_all(axum::http::header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str();
            text.map(Some).map_err(|_| DirectError::InvalidClient(CredentialPlace::Header))
        }
        (Some(_), Some(_)) => Err(DirectError::InvalidRequest("the Authorization header stands twice")),
    }
}

/// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
pub fn each_once(parameters: &Parameters) -> Result<(), DirectError> {
    match parameters.repeated() {
        None => Ok(()),
        Some(_) => Err(DirectError::InvalidRequest("a parameter stands more than once")),
    }
}
