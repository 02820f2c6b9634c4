//! Token revocation (RFC 7009).

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::direct::{self, Refused};
use super::token;
use crate::client_auth::{self, ClientAuth, Presented};
use crate::events::Reason;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::request::Arrival;
use crate::protocol::error::DirectError;
use crate::revocation::{self, Ending};
use crate::store::{Store, grants};
use crate::tokens::{Issuer, access_token, refresh_token};

pub const PATH: &str = "/revoke";

pub async fn revoke(
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
        endpoints: &[token::PATH, PATH],
        now: arrival.now,
    };
    let client = client_auth.authenticate(&presented).await?;
    let token = parameters.get("token").ok_or(DirectError::InvalidRequest("token is missing"))?;
    let now = arrival.now;
    // Another client's token is nothing to this one: 200, and it lives on (RFC 7009 §2.1 and §2.2).
    if let Some(token) = access_token::read(&issuer, token, now) {
        if token.client_id == client.id {
            let ending = (client.id.clone(), token.jti, token.expires_at, now);
            store
                .write_once(ending, |tx, (client, jti, expires_at, now)| {
                    Box::pin(revocation::end_token(tx, client, *jti, *expires_at, *now))
                })
                .await
                .map_err(client_auth::Failure::from)?;
        }
    } else if let Some(presented) = refresh_token::read(&issuer.master, token) {
        // RFC 7009 §2.1: with a refresh token "the authorization server SHOULD also invalidate all access tokens
        // based on the same authorization grant". An old generation names the same grant: it too ends it, so that
        // a revocation that races with a rotation wins.
        let ending = (presented.grant_id, client.id.clone(), now);
        store
            .write(ending, |tx, (grant, client, now)| {
                Box::pin(async move {
                    match grants::find(tx, *grant).await? {
                        Some(grant) if grant.client_id == *client => {
                            revocation::end_grant(tx, &grant, Reason::RevokedByClient, *now).await
                        }
                        _ => Ok(Ending::Nothing),
                    }
                })
            })
            .await
            .map_err(client_auth::Failure::from)?;
    }
    Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response())
}
