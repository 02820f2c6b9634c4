//! JSON objects as request bodies (RFC 8259, read as RFC 7493 asks).

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::form::{self, Unreadable};
use crate::protocol::strict_json;

/// Why there is no object to read.
#[derive(Debug)]
pub enum NoObject {
    MediaType,
    /// It is no object, or one that two readers could read differently.
    Ambiguous,
    Unreadable(Unreadable),
}

impl NoObject {
    pub fn status(&self) -> StatusCode {
        match self {
            NoObject::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            NoObject::Ambiguous => StatusCode::BAD_REQUEST,
            NoObject::Unreadable(unreadable) => unreadable.status(),
        }
    }

    /// A sentence in ASCII.
    pub fn description(&self) -> String {
        match self {
            NoObject::MediaType => "the request body must be application/json".to_owned(),
            NoObject::Ambiguous => {
                "the request body must be one JSON object in which no member stands twice".to_owned()
            }
            NoObject::Unreadable(unreadable) => unreadable.description(),
        }
    }
}

impl IntoResponse for NoObject {
    fn into_response(self) -> Response {
        match self {
            NoObject::MediaType => Refusal::MediaType.into_response(),
            NoObject::Ambiguous => Refusal::Malformed.into_response(),
            NoObject::Unreadable(unreadable) => unreadable.into_response(),
        }
    }
}

/// The object that the body is. To answer another body yourself, take `Result<BodyObject, NoObject>`.
#[derive(Debug)]
pub struct BodyObject(pub Map<String, Value>);

impl<S: Sync> FromRequest<S> for BodyObject {
    type Rejection = NoObject;

    async fn from_request(request: Request, _state: &S) -> Result<Self, NoObject> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(NoObject::MediaType);
        }
        let bytes = form::read(body).await.map_err(NoObject::Unreadable)?;
        strict_json::object(&bytes).map(BodyObject).ok_or(NoObject::Ambiguous)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(said), None) = (types.next(), types.next()) else { return false };
    let kind = said.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}
