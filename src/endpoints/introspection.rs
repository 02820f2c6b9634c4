//! Token introspection (RFC 7662), as JSON or as a JWT (RFC 9701).

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::direct::{self, Refused};
use super::token;
use crate::client_auth::{ClientAuth, Failure, Presented};
use crate::clock::Timestamp;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::request::Arrival;
use crate::protocol::client_metadata::SubjectType;
use crate::protocol::error::{CredentialPlace, DirectError};
use crate::store::clients::Client;
use crate::store::lineages::Root;
use crate::store::{Store, grants};
use crate::tokens::access_token::{self, AccessToken};
use crate::tokens::{self, Issuer, refresh_token};

pub const PATH: &str = "/introspect";

/// RFC 9701 §4
const JWT: &str = "application/token-introspection+jwt";

/// RFC 7662 §2.2. Of an inactive token nothing else is said.
#[derive(Default, Serialize)]
struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

pub async fn introspect(
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
    let asker = client_auth.authenticate(&presented).await?;
    // RFC 7662 §4: a public client could scan for tokens.
    if asker.metadata.token_endpoint_auth_method.is_public() {
        return Err(DirectError::InvalidClient(CredentialPlace::Body).into());
    }
    let token = parameters.get("token").ok_or(DirectError::InvalidRequest("token is missing"))?;
    let about = Question { store: &store, issuer: &issuer, asker: &asker, now: arrival.now };
    // The hint is not needed: every kind of token is known by its form.
    let found = match access_token::read(&issuer, token, arrival.now) {
        Some(token) => about.access_token(token).await?,
        None => about.refresh_token(token).await?,
    };
    let found = found.unwrap_or_default();
    if !asks_for_jwt(&headers) {
        return Ok(direct::json(StatusCode::OK, &found));
    }
    match tokens::introspection::sign(&issuer, &asker, &found, arrival.now) {
        Ok(signed) => Ok(direct::jwt(JWT, signed)),
        Err(error) => {
            tracing::error!(%error, "cannot sign");
            Ok(direct::outage())
        }
    }
}

/// RFC 9701 §4: the resource server asks "by sending an Accept HTTP header field" with the media type.
fn asks_for_jwt(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = accepted.flat_map(|value| value.split(','));
    let types = ranges.map(|range| range.split(';').next().unwrap_or_default().trim());
    types.into_iter().any(|media_type| media_type.eq_ignore_ascii_case(JWT))
}

struct Question<'a> {
    store: &'a Store,
    issuer: &'a Issuer,
    asker: &'a Client,
    now: Timestamp,
}

impl Question<'_> {
    async fn access_token(&self, token: Arc<AccessToken>) -> Result<Option<Introspection>, Failure> {
        if !self.may_ask_about(&token) {
            return Ok(None);
        }
        let client = self.store.client(&token.client_id).await?.filter(|client| client.is_active());
        let Some(client) = client else { return Ok(None) };
        let is_public = client.metadata.subject_type == SubjectType::Public;
        let username = match self.store.root_of(&token.line()).await? {
            None => return Ok(None),
            // The same name everywhere would undo that the subjects differ.
            Some(Root::Lineage(lineage)) => is_public.then(|| lineage.user.username.as_str().to_owned()),
            Some(Root::Client) => None,
        };
        Ok(Some(Introspection {
            active: true,
            iss: Some(self.issuer.url.clone()),
            sub: Some(token.subject.clone()),
            aud: Some(token.audience.clone()),
            client_id: Some(token.client_id.clone()),
            username,
            scope: Some(token.scope.to_string()),
            token_type: Some("Bearer"),
            exp: Some(token.expires_at.secs()),
            iat: Some(token.issued_at.secs()),
            jti: Some(token.jti.to_string()),
            sid: token.session_id.map(tokens::sid_of),
        }))
    }

    /// Only its own client is told about a refresh token.
    async fn refresh_token(&self, token: &str) -> Result<Option<Introspection>, Failure> {
        let Some(presented) = refresh_token::read(&self.issuer.master, token) else { return Ok(None) };
        let found = grants::find(self.store.read(), presented.grant_id).await?;
        let lifetimes = &self.issuer.lifetimes;
        let live = found.filter(|grant| {
            grant.client_id == self.asker.id
                && grant.ended_at.is_none()
                && grant.generation == presented.generation
                && self.now < grant.expires_at
                && self.now.since(grant.rotated_at) < lifetimes.refresh_idle
        });
        Ok(live.map(|grant| Introspection {
            active: true,
            iss: Some(self.issuer.url.clone()),
            sub: Some(self.issuer.subject_for(self.asker, grant.user_id)),
            client_id: Some(grant.client_id),
            scope: Some(grant.scope.to_string()),
            exp: Some(grant.expires_at.min(grant.rotated_at.plus(lifetimes.refresh_idle)).secs()),
            iat: Some(grant.rotated_at.secs()),
            sid: Some(tokens::sid_of(grant.session_id)),
            ..Introspection::default()
        }))
    }

    /// The client that holds the token, and the APIs that it is for.
    fn may_ask_about(&self, token: &AccessToken) -> bool {
        let serves = |audience: &String| {
            *audience == self.asker.id || self.asker.metadata.resources.contains(audience)
        };
        token.client_id == self.asker.id || token.audience.iter().any(serves)
    }
}
