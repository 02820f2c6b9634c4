//! Status list tokens (draft-ietf-oauth-status-list-21 §5.1): a status list, signed, under its own URI.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{Issuer, NoSigningKey};
use crate::clock::Timestamp;
use crate::keys::jws::Type;
use crate::protocol::algorithm::Algorithm;
use crate::revocation::status_list::{Place, StatusList};
use crate::secret;
use crate::store::status_indexes::StatusIndex;
use crate::store::{self, Store};

/// Below the issuer, before the number of the list.
pub const PATH: &str = "/status-lists/";

/// How long an API may go on with what it has fetched.
pub const TTL: Duration = Duration::from_secs(10);
/// After this it must not trust it any more.
const LIFE: Duration = Duration::from_secs(300);
/// How long a node goes on with what it has signed: whoever asks, one look at the database a second for each list.
const FRESHNESS: Duration = Duration::from_secs(1);
const REMEMBERED: u64 = 64;

/// The `status` claim of an access token (§6.1).
#[derive(Serialize, Deserialize)]
pub(super) struct Status {
    status_list: Reference,
}

#[derive(Serialize, Deserialize)]
struct Reference {
    idx: i64,
    uri: String,
}

impl Status {
    pub fn at(issuer: &Issuer, index: StatusIndex) -> Self {
        let Place { list, index } = Place::of(index);
        Status { status_list: Reference { idx: index, uri: uri(issuer, list) } }
    }
}

fn uri(issuer: &Issuer, list: i64) -> String {
    format!("{}{PATH}{list}", issuer.url.trim_end_matches('/'))
}

/// §5.1. `sub` is where it was fetched, so that no list passes for another.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    iat: i64,
    exp: i64,
    ttl: u64,
    status_list: List,
}

#[derive(Serialize)]
struct List {
    bits: u8,
    lst: String,
}

fn mint(issuer: &Issuer, number: i64, list: &StatusList, now: Timestamp) -> Result<String, NoSigningKey> {
    let claims = Claims {
        iss: &issuer.url,
        sub: uri(issuer, number),
        iat: now.secs(),
        exp: now.plus(LIFE).secs(),
        ttl: TTL.as_secs(),
        status_list: List { bits: 1, lst: secret::base64url(&list.compressed()) },
    };
    let ring = issuer.ring();
    Ok(ring.signing_key(Algorithm::ES256, now).ok_or(NoSigningKey)?.sign(Type::StatusList, &claims))
}

#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Key(#[from] NoSigningKey),
}

/// The lists that this node has signed a moment ago.
pub struct StatusLists {
    store: Store,
    issuer: Arc<Issuer>,
    signed: Cache<i64, Arc<str>>,
    /// Of many who ask at once, one reads.
    reading: Mutex<()>,
}

impl StatusLists {
    pub fn new(store: Store, issuer: Arc<Issuer>) -> Self {
        let signed = Cache::builder().max_capacity(REMEMBERED).time_to_live(FRESHNESS).build();
        StatusLists { store, issuer, signed, reading: Mutex::default() }
    }

    /// `None`: there is no such list.
    pub async fn token(&self, number: i64, now: Timestamp) -> Result<Option<Arc<str>>, Unavailable> {
        if let Some(token) = self.signed.get(&number) {
            return Ok(Some(token));
        }
        let _turn = self.reading.lock().await;
        if let Some(token) = self.signed.get(&number) {
            return Ok(Some(token));
        }
        let Some(list) = StatusList::read(&self.store, number).await? else { return Ok(None) };
        let token: Arc<str> = mint(&self.issuer, number, &list, now)?.into();
        self.signed.insert(number, token.clone());
        Ok(Some(token))
    }
}
