//! An authorization response on its way through a form (OAuth 2.0 Form Post Response Mode §2).

use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use url::Url;

/// Travels in the extensions of the answer until the pages make a form of it.
#[derive(Clone)]
pub struct FormPost {
    pub redirect_uri: Url,
    pub parameters: Vec<(String, String)>,
}

impl fmt::Debug for FormPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The parameters hold the code.
        f.debug_struct("FormPost").field("redirect_uri", &self.redirect_uri.as_str()).finish_non_exhaustive()
    }
}

impl IntoResponse for FormPost {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
