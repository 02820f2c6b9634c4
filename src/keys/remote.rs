//! The keys that a client publishes at its `jwks_uri` (RFC 7591 §2): fetched when they are needed, and remembered.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use serde::de::DeserializeOwned;

use super::claims::Verified;
use super::client_jwt::ClientJwt;
use super::client_keys::ClientKeys;
use super::refusal::Refusal;
use crate::clock::Timestamp;
use crate::outbound::Outbound;
use crate::protocol::algorithm::ClientAlgorithm;
use crate::store::clients::Client;

/// Between two fetches that nobody but the sender of an unknown key's name asks for, and after one that failed.
const PAUSE: Duration = Duration::from_secs(60);
/// Then keys are fetched again, so that what a client withdraws does not count for long.
const FRESH: Duration = Duration::from_secs(600);
/// While a client's own server is down its last keys still count, until they are so old.
const OLDEST: Duration = Duration::from_secs(3600);
/// Bytes of key sets that are remembered in all.
const ROOM: u64 = 32 * 1024 * 1024;

/// Which keys are good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Known,
    /// The known ones do not verify what the client sent: it may have new ones.
    Newer,
}

/// Fetches key sets, each at most once at a time.
#[derive(Clone)]
pub struct RemoteKeys {
    outbound: Outbound,
    places: Cache<Place, Arc<Published>>,
}

/// A client has its own memory of a URI, so that no client spends another one's fetches.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    client_id: String,
    jwks_uri: String,
}

#[derive(Default)]
struct Published {
    memory: Mutex<Memory>,
    /// Held by who fetches; the others wait and then share what it found.
    fetching: tokio::sync::Mutex<()>,
    size: AtomicU32,
}

#[derive(Clone, Default)]
struct Memory {
    keys: Option<(Arc<ClientKeys>, Timestamp)>,
    failed_at: Option<Timestamp>,
    /// When keys were fetched because newer ones were wanted.
    renewed_at: Option<Timestamp>,
}

impl Memory {
    /// What is answered without a fetch. `None`: fetch.
    fn answer(&self, wanted: Wanted, now: Timestamp) -> Option<Option<Arc<ClientKeys>>> {
        let within = |since: Timestamp, span: Duration| now < since.plus(span);
        let known = |span| {
            self.keys
                .as_ref()
                .filter(|(_, fetched_at)| within(*fetched_at, span))
                .map(|(keys, _)| keys.clone())
        };
        if self.failed_at.is_some_and(|failed_at| within(failed_at, PAUSE)) {
            return Some(known(OLDEST));
        }
        let renewable = self.renewed_at.is_none_or(|renewed_at| !within(renewed_at, PAUSE));
        match (wanted, known(FRESH)) {
            (Wanted::Newer, Some(_)) if renewable => None,
            (_, Some(keys)) => Some(Some(keys)),
            (_, None) => None,
        }
    }
}

impl RemoteKeys {
    pub fn new(outbound: Outbound) -> Self {
        let places = Cache::builder()
            .max_capacity(ROOM)
            .weigher(|_, published: &Arc<Published>| published.size.load(Ordering::Relaxed) + 512)
            .time_to_idle(OLDEST)
            .build();
        RemoteKeys { outbound, places }
    }

    /// The keys of a client, or `None` while they cannot be had. Why is in the log: whoever asked must not learn
    /// from us what our network looks like.
    pub async fn get(
        &self,
        client_id: &str,
        jwks_uri: &str,
        wanted: Wanted,
        now: Timestamp,
    ) -> Option<Arc<ClientKeys>> {
        let place = Place { client_id: client_id.to_owned(), jwks_uri: jwks_uri.to_owned() };
        let published = self.places.get_with(place.clone(), Arc::default);
        if let Some(answer) = published.remembered().answer(wanted, now) {
            return answer;
        }
        let _turn = published.fetching.lock().await;
        let memory = published.remembered();
        if let Some(answer) = memory.answer(wanted, now) {
            return answer;
        }
        let renewed_at = match wanted {
            Wanted::Newer => Some(now),
            Wanted::Known => memory.renewed_at,
        };
        match self.fetch(&place).await {
            Some((keys, size)) => {
                let keys = Arc::new(keys);
                published.remember(Memory { keys: Some((keys.clone(), now)), failed_at: None, renewed_at });
                published.size.store(size, Ordering::Relaxed);
                // Weighed again.
                self.places.insert(place, published.clone());
                Some(keys)
            }
            None => {
                let memory = Memory { failed_at: Some(now), renewed_at, ..memory };
                let answer = memory.answer(wanted, now).flatten();
                published.remember(memory);
                answer
            }
        }
    }

    /// The claims of a JWT that `client` has signed with a key that it registered, or publishes.
    pub async fn verify<C: DeserializeOwned>(
        &self,
        client: &Client,
        jwt: &ClientJwt<'_>,
        allowed: &[ClientAlgorithm],
        now: Timestamp,
    ) -> Result<Verified<C>, Refusal> {
        // Before anything that costs: whoever sends rubbish has us read no keys, let alone fetch them.
        jwt.algorithm().filter(|own| allowed.contains(own)).ok_or(Refusal::Algorithm)?;
        let by = |keys: &ClientKeys| keys.verify(jwt, allowed, now);
        let Some(jwks_uri) = client.metadata.jwks_uri.as_deref() else {
            let jwks = client.metadata.jwks.as_ref().ok_or(Refusal::NoKeys)?;
            return by(&ClientKeys::of(jwks).map_err(|_| Refusal::NoKeys)?);
        };
        let keys = |wanted| self.get(&client.id, jwks_uri, wanted, now);
        match by(&*keys(Wanted::Known).await.ok_or(Refusal::NoKeys)?) {
            // The client may have rotated (OIDC Core §10.1.1), or put a new key under an old name.
            Err(Refusal::Key | Refusal::Signature) => {
                by(&*keys(Wanted::Newer).await.ok_or(Refusal::NoKeys)?)
            }
            verified => verified,
        }
    }

    async fn fetch(&self, place: &Place) -> Option<(ClientKeys, u32)> {
        let Place { client_id, jwks_uri } = place;
        let document = match self.outbound.document(jwks_uri).await {
            Ok(document) => document,
            Err(failure) => {
                tracing::warn!(client_id, jwks_uri, %failure, "the keys of a client could not be fetched");
                return None;
            }
        };
        match ClientKeys::from_jwks(&document) {
            Ok(keys) => Some((keys, u32::try_from(document.len()).unwrap_or(u32::MAX))),
            Err(unusable) => {
                tracing::warn!(client_id, jwks_uri, %unusable, "the keys of a client cannot be used");
                None
            }
        }
    }
}

impl Published {
    fn remembered(&self) -> Memory {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, memory: Memory) {
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = memory;
    }
}
