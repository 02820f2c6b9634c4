//! A refusal for a client that nobody knows, which waits until the person wants to go there (RFC 9700 §4.11.2).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::authorization;

/// Travels in the extensions of the answer until the pages make a page of it.
#[derive(Clone, Debug)]
pub struct Departure {
    /// What it calls itself.
    pub client: String,
    pub answer: authorization::Response,
}

impl IntoResponse for Departure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::BAD_REQUEST.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
