//! The revocation feed (Server-Sent Events, WHATWG HTML §9.2): APIs that verify access tokens by themselves hear
//! here of what has ended.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::Instant;

use super::direct::{self, Refused};
use crate::client_auth::{ClientAuth, Failure, Presented};
use crate::clock::Timestamp;
use crate::http::endless;
use crate::http::form::{BodyForm, QueryForm, Unreadable};
use crate::http::request::Arrival;
use crate::protocol::error::{CredentialPlace, DirectError};
use crate::protocol::parameters::Parameters;
use crate::revocation::feed::{CannotFollow, Feed, Following, Who};
use crate::revocation::receipts::Receipts;
use crate::store::Store;
use crate::store::clients::Client;
use crate::store::followers::{Instance, Process};
use crate::store::revocations::Number;

pub const PATH: &str = "/revocations";
pub const RECEIPTS_PATH: &str = "/revocations/receipts";

const LAST_EVENT_ID: &str = "last-event-id";

/// How long a stream goes on after its credential was taken back.
const RECHECK_EVERY: Duration = Duration::from_secs(5);

pub async fn follow(
    State(store): State<Store>,
    State(feed): State<Arc<Feed>>,
    State(client_auth): State<Arc<ClientAuth>>,
    arrival: Arrival,
    headers: HeaderMap,
    query: Result<QueryForm, Unreadable>,
) -> Result<Response, Refused> {
    let api = match api(&client_auth, &headers, arrival.now).await? {
        Ok(api) => api,
        Err(refusal) => return Ok(refusal),
    };
    let QueryForm(query) = query?;
    direct::each_once(&query)?;
    let who = match instance(&query)? {
        Some(instance) => Who::Process(Process { client_id: api.id.clone(), instance }),
        None => Who::Client(api.id.clone()),
    };
    let following = match feed.follow(who, position(&headers, &query)?).await {
        Ok(following) => following,
        Err(CannotFollow::Blind) => return Ok(direct::outage()),
        Err(error @ CannotFollow::TooOften) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Ok(direct::failure(status, "temporarily_unavailable", &error.to_string()));
        }
    };
    let stream = Stream { following, store, api, checked_at: Instant::now() };
    Ok(endless::events(stream::unfold(stream, Stream::next)))
}

/// "This process refuses everything up to that number."
pub async fn acknowledge(
    State(feed): State<Arc<Feed>>,
    State(receipts): State<Arc<Receipts>>,
    State(client_auth): State<Arc<ClientAuth>>,
    arrival: Arrival,
    headers: HeaderMap,
    body: Result<BodyForm, Unreadable>,
) -> Result<Response, Refused> {
    let api = match api(&client_auth, &headers, arrival.now).await? {
        Ok(api) => api,
        Err(refusal) => return Ok(refusal),
    };
    let BodyForm(form) = body?;
    direct::each_once(&form)?;
    let instance = instance(&form)?.ok_or(DirectError::InvalidRequest("instance is missing"))?;
    let applied = number(form.get("applied").unwrap_or_default())?;
    if !feed.has_reached(applied).await.map_err(Failure::from)? {
        return Err(DirectError::InvalidRequest("nothing has this number yet").into());
    }
    let process = Process { client_id: api.id.clone(), instance };
    receipts.accept(process, applied, arrival.now).await.map_err(Failure::from)?;
    Ok((StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response())
}

/// The resource server that asks. The credential stands in the header: a GET has no other place for it.
async fn api(
    client_auth: &ClientAuth,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Result<Arc<Client>, Response>, Refused> {
    let authorization = direct::authorization(headers)?;
    let authorization = authorization.ok_or(DirectError::InvalidClient(CredentialPlace::Header))?;
    let presented = Presented {
        authorization: Some(authorization),
        parameters: &Parameters::default(),
        endpoints: &[PATH],
        now,
    };
    let client = client_auth.authenticate(&presented).await?;
    if !client.metadata.resources.is_empty() {
        return Ok(Ok(client));
    }
    let why = "only a client that serves a resource may follow revocations";
    Ok(Err(direct::failure(StatusCode::FORBIDDEN, "unauthorized_client", why)))
}

fn instance(parameters: &Parameters) -> Result<Option<Instance>, DirectError> {
    let named = parameters.get("instance").map(|text| {
        Instance::parse(text)
            .ok_or(DirectError::InvalidRequest("instance must be 1 to 64 letters, digits, or . _ ~ -"))
    });
    named.transpose()
}

/// Where the follower goes on: the browser API's header, or else the parameter.
fn position(headers: &HeaderMap, query: &Parameters) -> Result<Option<Number>, DirectError> {
    let sent = match headers.get(LAST_EVENT_ID) {
        Some(value) => Some(value.to_str().unwrap_or("not text")),
        None => query.get("after"),
    };
    sent.map(number).transpose()
}

fn number(text: &str) -> Result<Number, DirectError> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or(DirectError::InvalidRequest("the position is no number"))
}

struct Stream {
    following: Following,
    store: Store,
    /// As it was when the stream began.
    api: Arc<Client>,
    checked_at: Instant,
}

impl Stream {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        let event = self.following.next().await;
        if self.checked_at.elapsed() >= RECHECK_EVERY {
            if !self.is_welcome().await {
                return None;
            }
            self.checked_at = Instant::now();
        }
        Some((event, self))
    }

    /// Still the same client with the same credential. Without an answer nothing is decided.
    async fn is_welcome(&self) -> bool {
        match self.store.client(&self.api.id).await {
            Ok(Some(client)) => {
                client.is_active()
                    && client.secret == self.api.secret
                    && !client.metadata.resources.is_empty()
            }
            Ok(None) => false,
            Err(_) => true,
        }
    }
}
