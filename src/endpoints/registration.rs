//! Dynamic client registration (RFC 7591) and its management (RFC 7592).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{bearer, direct};
use crate::config::Config;
use crate::config::registration::Admission;
use crate::http::forwarded::subscriber;
use crate::http::json::{BodyObject, NoObject};
use crate::http::request::Arrival;
use crate::protocol::error::BearerError;
use crate::registration::document;
use crate::registration::dynamic::{self, Admittance, Bounds, Denied, Kept};
use crate::registration::{Invalid, Refusal};
use crate::secret::{Fingerprint, Secret};
use crate::store::attempts::Budget;
use crate::store::{self, Store, initial_access_tokens};

pub const PATH: &str = "/register";
pub const CLIENT_PATH: &str = "/register/{client_id}";

/// How a registration fails.
pub enum Refused {
    Denied(Denied),
    Bearer(BearerError),
    NoObject(NoObject),
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Refused::Denied(denied)
    }
}

impl From<BearerError> for Refused {
    fn from(error: BearerError) -> Self {
        Refused::Bearer(error)
    }
}

impl From<NoObject> for Refused {
    fn from(no_object: NoObject) -> Self {
        Refused::NoObject(no_object)
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Refused::Denied(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let denied = match self {
            Refused::Denied(denied) => denied,
            Refused::Bearer(error) => return bearer::Refused::from(error).into_response(),
            Refused::NoObject(no_object) => {
                let description = no_object.description();
                return direct::failure(no_object.status(), "invalid_client_metadata", &description);
            }
        };
        match denied {
            Denied::Token => bearer::Refused::from(BearerError::InvalidToken).into_response(),
            Denied::TooMany(wait) => too_many(wait),
            Denied::Refused(Refusal::Invalid(wrong)) => invalid(&wrong),
            // Identifiers are random: one that exists is a broken generator, and nothing was written.
            Denied::Refused(Refusal::Exists) => direct::outage(),
            Denied::Refused(Refusal::Store(error)) => bearer::Refused::from(error).into_response(),
        }
    }
}

/// RFC 7591 §3.2.2, with everything that is wrong in the description.
fn invalid(wrong: &[Invalid]) -> Response {
    let in_redirect_uri = wrong.iter().find(|invalid| matches!(invalid, Invalid::RedirectUri { .. }));
    let code = in_redirect_uri.or(wrong.first()).map_or("invalid_client_metadata", Invalid::error);
    let whole = wrong.iter().map(Invalid::to_string).collect::<Vec<_>>().join("; ");
    // "Human-readable ASCII text string": what the client sent may be anything.
    let ascii: String = whole.chars().map(|c| if is_description(c) { c } else { '?' }).collect();
    direct::failure(StatusCode::BAD_REQUEST, code, &ascii)
}

/// RFC 6749 §5.2
fn is_description(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\')
}

fn too_many(wait: Duration) -> Response {
    let description = "too many clients were registered from this address; try again later";
    let mut response = direct::failure(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", description);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
    response
}

pub async fn register(
    State(store): State<Store>,
    State(config): State<Arc<Config>>,
    State(bounds): State<Bounds>,
    arrival: Arrival,
    headers: HeaderMap,
    body: Result<BodyObject, NoObject>,
) -> Result<Response, Refused> {
    let admittance = admit(&store, &config, &arrival, &headers).await?;
    let BodyObject(document) = body?;
    let kept = dynamic::register(&store, &bounds, admittance, &document, arrival.now).await?;
    Ok(told(StatusCode::CREATED, &config, &kept))
}

pub async fn read(
    State(store): State<Store>,
    State(config): State<Arc<Config>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let access_token = Secret::claimed(bearer::token(&headers, None)?);
    let client = dynamic::find(&store, &client_id, &access_token).await?;
    Ok(told(StatusCode::OK, &config, &Kept { client, secret: None, access_token }))
}

pub async fn replace(
    State(store): State<Store>,
    State(config): State<Arc<Config>>,
    State(bounds): State<Bounds>,
    arrival: Arrival,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    body: Result<BodyObject, NoObject>,
) -> Result<Response, Refused> {
    let token = Secret::claimed(bearer::token(&headers, None)?);
    let client = dynamic::find(&store, &client_id, &token).await?;
    let BodyObject(document) = body?;
    let kept = dynamic::replace(&store, &bounds, client, &token, &document, arrival.now).await?;
    Ok(told(StatusCode::OK, &config, &kept))
}

pub async fn remove(
    State(store): State<Store>,
    arrival: Arrival,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let token = Secret::claimed(bearer::token(&headers, None)?);
    let client = dynamic::find(&store, &client_id, &token).await?;
    dynamic::remove(&store, client, &token, arrival.now).await?;
    Ok((StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response())
}

/// Why this request may register a client.
async fn admit(
    store: &Store,
    config: &Config,
    arrival: &Arrival,
    headers: &HeaderMap,
) -> Result<Admittance, Refused> {
    match config.registration.mode {
        Admission::Token => {
            let token = Secret::claimed(bearer::token(headers, None)?).fingerprint();
            // A stranger does not even hear what is wrong with a document.
            match initial_access_tokens::is_live(store.read(), token, arrival.now).await? {
                true => Ok(Admittance::Token(token)),
                false => Err(Denied::Token.into()),
            }
        }
        Admission::Open | Admission::Off => {
            let network = subscriber(arrival.client).to_string();
            let key = Fingerprint::of(&[b"registration\0", network.as_bytes()].concat());
            let budget = Budget { tries: config.registration.address_clients, window: HOUR };
            Ok(Admittance::Address(key, budget))
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// RFC 7591 §3.2.1, RFC 7592 §3: everything that is registered, and what the client needs to come back.
fn told(status: StatusCode, config: &Config, kept: &Kept) -> Response {
    let Kept { client, secret, access_token } = kept;
    let mut answer = document::write(&client.metadata);
    let mut say = |member: &str, value| answer.insert(member.to_owned(), value);
    say("client_id", json!(client.id));
    say("client_id_issued_at", json!(client.created_at.secs()));
    if let Some(secret) = secret {
        say("client_secret", json!(secret.reveal()));
        // "REQUIRED if "client_secret" is issued … or 0 if it will not expire."
        say("client_secret_expires_at", json!(0));
    }
    say("registration_access_token", json!(access_token.reveal()));
    say("registration_client_uri", json!(format!("{}{PATH}/{}", config.issuer.url.base(), client.id)));
    direct::json(status, &answer)
}
