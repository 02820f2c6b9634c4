//! The token endpoint (RFC 6749 §3.2).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::direct::{self, Refused};
use crate::client_auth::{ClientAuth, Presented};
use crate::grant_types::Exchange;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::request::Arrival;
use crate::store::Store;
use crate::tokens::Issuer;

pub const PATH: &str = "/token";

pub async fn exchange(
    State(store): State<Store>,
    State(issuer): State<Arc<Issuer>>,
    State(client_auth): State<Arc<ClientAuth>>,
    arrival: Arrival,
    headers: HeaderMap,
    body: Result<BodyForm, Unreadable>,
) -> Result<Response, Refused> {
    let BodyForm(parameters) = body?;
    direct::each_once(&parameters)?;
    let presented = Presented {
        authorization: direct::authorization(&headers)?,
        parameters: &parameters,
        endpoints: &[PATH],
        now: arrival.now,
    };
    let client = client_auth.authenticate(&presented).await?;
    let exchange = Exchange {
        store: &store,
        issuer: &issuer,
        client: &client,
        parameters: &parameters,
        now: arrival.now,
    };
    Ok(direct::json(StatusCode::OK, &exchange.run().await?))
}
