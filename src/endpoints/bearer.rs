//! Bearer tokens at our own protected resources (RFC 6750).

use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::direct;
use crate::clock::Timestamp;
use crate::http::session::causes;
use crate::protocol::error::BearerError;
use crate::protocol::parameters::Parameters;
use crate::store::clients::Client;
use crate::store::lineages::{Lineage, Root};
use crate::store::{self, Store};
use crate::tokens::Issuer;
use crate::tokens::access_token::{self, AccessToken};

#[derive(Debug)]
pub enum Refused {
    Bearer(BearerError),
    Outage(store::Error),
}

impl From<BearerError> for Refused {
    fn from(error: BearerError) -> Self {
        Refused::Bearer(error)
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Refused::Outage(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = match self {
            Refused::Bearer(error) => error,
            Refused::Outage(error) => {
                tracing::error!(error = %causes(&error), "the store failed");
                return direct::outage();
            }
        };
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        // RFC 6750 §3. All of it is our own text, so nothing needs quoting.
        let mut challenge = r#"Bearer realm="gatepass""#.to_owned();
        if let Some(code) = error.code() {
            challenge += &format!(r#", error="{code}", error_description="{}""#, error.description());
        }
        if let BearerError::InsufficientScope(scope) = error {
            challenge += &format!(r#", scope="{scope}""#);
        }
        let challenge = HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
        (status, [(WWW_AUTHENTICATE, challenge), (CACHE_CONTROL, HeaderValue::from_static("no-store"))])
            .into_response()
    }
}

/// The token of a request, from the header or from a form body (RFC 6750 §2.1 and §2.2). Never from the query:
/// there it would stand in every log on the way.
pub fn token<'a>(headers: &'a HeaderMap, body: Option<&'a Parameters>) -> Result<&'a str, BearerError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let in_header = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => Some(value.to_str().map_err(|_| BearerError::InvalidRequest)?),
        (Some(_), Some(_)) => return Err(BearerError::InvalidRequest),
    };
    if body.is_some_and(|body| body.stands_twice("access_token")) {
        return Err(BearerError::InvalidRequest);
    }
    match (in_header, body.and_then(|body| body.get("access_token"))) {
        (None, None) => Err(BearerError::NoToken),
        (Some(_), Some(_)) => Err(BearerError::InvalidRequest),
        (None, Some(token)) => Ok(token),
        (Some(header), None) => {
            let Some((scheme, token)) = header.split_once(' ') else {
                return Err(BearerError::InvalidRequest);
            };
            if !scheme.eq_ignore_ascii_case("Bearer") {
                return Err(BearerError::NoToken);
            }
            // "b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=""
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            if token.is_empty() || !token.bytes().all(is_token) {
                return Err(BearerError::InvalidRequest);
            }
            Ok(token)
        }
    }
}

/// A live token, whose it is and whom it speaks of.
pub struct Proven {
    pub token: Arc<AccessToken>,
    pub client: Arc<Client>,
    pub lineage: Arc<Lineage>,
}

/// For a resource of this server itself.
pub async fn prove(store: &Store, issuer: &Issuer, token: &str, now: Timestamp) -> Result<Proven, Refused> {
    let token = access_token::read(issuer, token, now).ok_or(BearerError::InvalidToken)?;
    // RFC 9068 §4: one that is for other APIs only must not open ours, or they could use it here.
    if !token.audience.contains(&issuer.url) {
        return Err(BearerError::InvalidToken.into());
    }
    let client = store.client(&token.client_id).await?;
    let client = client.filter(|client| client.is_active()).ok_or(BearerError::InvalidToken)?;
    match store.root_of(&token.line()).await?.ok_or(BearerError::InvalidToken)? {
        Root::Lineage(lineage) => Ok(Proven { token, client, lineage }),
        // It speaks of nobody.
        Root::Client => Err(BearerError::InsufficientScope("openid").into()),
    }
}
