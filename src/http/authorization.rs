//! From the outcome of an authorization request to an answer for the browser.

use axum::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::departure::Departure;
use super::form_post::FormPost;
use super::problem::Problem;
use super::session::outage;
use crate::authorization::{self, Failure, Outcome, Page};
use crate::protocol::error::ShownError;
use crate::protocol::response_type::ResponseMode;

/// To the client, or to the page that comes next. `base` is the path of the issuer.
pub fn answer(outcome: Outcome, base: &str) -> Response {
    match outcome {
        Outcome::Continue(id, Page::SignIn) => see_other(&format!("{base}/login?authorization={id}")),
        Outcome::Continue(id, Page::Consent) => see_other(&format!("{base}/consent/{id}")),
        Outcome::Continue(id, Page::Resume) => see_other(&format!("{base}/authorize/{id}")),
        Outcome::Answer(response) => to_client(response),
        Outcome::Detain(client, response) => {
            Departure { client: client.name().to_owned(), answer: response }.into_response()
        }
    }
}

fn to_client(response: authorization::Response) -> Response {
    if response.mode != ResponseMode::FormPost {
        return see_other(&response.location());
    }
    let Ok(redirect_uri) = Url::parse(&response.redirect_uri) else {
        return Problem::from(ShownError::Internal).into_response();
    };
    let parameters = response.parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    FormPost { redirect_uri, parameters }.into_response()
}

/// 303 and never 307, which would send the person's password on (RFC 9700 §4.12). The target may hold a code.
pub fn see_other(target: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(target) else {
        return Problem::from(ShownError::Internal).into_response();
    };
    let headers = [
        (LOCATION, location),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

pub fn failure(failure: Failure) -> Problem {
    match failure {
        Failure::Shown(error, client) => Problem::of_client(error, client),
        Failure::Unusable { client, why } => {
            Problem::of_client(ShownError::UnusableClientDocument, client).because(why)
        }
        Failure::Outage(error) => outage(error),
    }
}
