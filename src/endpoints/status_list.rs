//! Token Status Lists (draft-ietf-oauth-status-list-21 §8.1): which grants have ended, for anybody who holds a token
//! of one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::direct;
use crate::http::request::Arrival;
use crate::tokens::status_list::{self, StatusLists};

pub const PATH: &str = "/status-lists/{list}";

pub async fn show(
    State(lists): State<Arc<StatusLists>>,
    Path(list): Path<String>,
    arrival: Arrival,
) -> Response {
    let Some(number) = list.parse().ok().filter(|number: &i64| number.to_string() == list) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match lists.token(number, arrival.now).await {
        Ok(Some(token)) => {
            let max_age = format!("public, max-age={}", status_list::TTL.as_secs());
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("application/statuslist+jwt")),
                (
                    CACHE_CONTROL,
                    HeaderValue::try_from(max_age).unwrap_or(HeaderValue::from_static("no-cache")),
                ),
                (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ];
            (headers, token.to_string()).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, "a status list cannot be given");
            direct::outage()
        }
    }
}
