//! UserInfo (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::bearer::{self, Proven, Refused};
use super::direct;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::request::Arrival;
use crate::protocol::error::BearerError;
use crate::protocol::parameters::Parameters;
use crate::store::Store;
use crate::tokens::{self, Issuer};

pub const PATH: &str = "/userinfo";

pub async fn get(
    State(store): State<Store>,
    State(issuer): State<Arc<Issuer>>,
    arrival: Arrival,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    answer(&store, &issuer, &arrival, &headers, None).await
}

pub async fn post(
    State(store): State<Store>,
    State(issuer): State<Arc<Issuer>>,
    arrival: Arrival,
    headers: HeaderMap,
    body: Result<BodyForm, Unreadable>,
) -> Result<Response, Refused> {
    // A body that is no form may stand beside a token in the header.
    let body = match body {
        Ok(BodyForm(parameters)) => Some(parameters),
        Err(Unreadable::MediaType) => None,
        Err(_) => return Err(BearerError::InvalidRequest.into()),
    };
    answer(&store, &issuer, &arrival, &headers, body.as_ref()).await
}

async fn answer(
    store: &Store,
    issuer: &Issuer,
    arrival: &Arrival,
    headers: &HeaderMap,
    body: Option<&Parameters>,
) -> Result<Response, Refused> {
    let token = bearer::token(headers, body)?;
    let Proven { token, client, lineage } = bearer::prove(store, issuer, token, arrival.now).await?;
    if !token.scope.is_openid() {
        return Err(BearerError::InsufficientScope("openid").into());
    }
    let mut said = issuer.claims.of_scope(&lineage.user, &token.scope);
    said.extend(issuer.claims.named(&lineage.user, &lineage.grant.claims));
    // Core §5.3.2: "The sub (subject) Claim MUST always be returned", the same as in the ID Token.
    said.insert("sub".to_owned(), Value::from(token.subject.as_str()));
    let Some(algorithm) = client.metadata.userinfo_signed_response_alg else {
        return Ok(direct::json(StatusCode::OK, &said));
    };
    match tokens::userinfo::sign(issuer, &client, algorithm, said, arrival.now) {
        Ok(signed) => Ok(direct::jwt("application/jwt", signed)),
        Err(error) => {
            tracing::error!(%error, "cannot sign");
            Ok(direct::outage())
        }
    }
}
