//! `Token` as an argument of an axum handler.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::token::Token;

/// The route has no [`GuardLayer`](crate::GuardLayer): a fault of the API, answered with 500 to everybody.
#[derive(Clone, Copy, Debug)]
pub struct Unguarded;

impl IntoResponse for Unguarded {
    fn into_response(self) -> Response {
        tracing::error!("a handler asks for the token of a route that no guard stands before");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Token {
    type Rejection = Unguarded;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unguarded> {
        parts.extensions.get::<Token>().cloned().ok_or(Unguarded)
    }
}
