//! Clients without a look at their rows: what this node has read within the last seconds, then what another has.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache as Memory;
use serde::{Deserialize, Serialize};

use super::clients::{self, Client, Origin, Standing, Status};
use super::{Error, Store};
use crate::cache::{Cache, Shelf};
use crate::clock::Timestamp;
use crate::protocol::client_metadata::ClientMetadata;
use crate::secret::{self, Fingerprint};

/// How long a node may go on with a client that another node or the command line has changed.
const FRESH: Duration = Shelf::Client.longest();
const REMEMBERED: u64 = 10_000;

pub(super) struct KnownClients {
    near: Memory<String, Known>,
    /// What this node itself has changed, and when: what others have read of it may be older.
    changed: Memory<String, Instant>,
    shared: OnceLock<Cache>,
}

#[derive(Clone)]
struct Known {
    client: Arc<Client>,
    fresh_for: Duration,
}

struct AsLongAsFresh;

impl Expiry<String, Known> for AsLongAsFresh {
    fn expire_after_create(&self, _: &String, known: &Known, _: Instant) -> Option<Duration> {
        Some(known.fresh_for)
    }

    fn expire_after_update(
        &self,
        _: &String,
        known: &Known,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(known.fresh_for)
    }
}

impl Default for KnownClients {
    fn default() -> Self {
        KnownClients {
            near: Memory::builder().max_capacity(REMEMBERED).expire_after(AsLongAsFresh).build(),
            changed: Memory::builder().max_capacity(REMEMBERED).time_to_live(FRESH).build(),
            shared: OnceLock::new(),
        }
    }
}

impl KnownClients {
    /// Unless the client has changed here since the look at it `began`.
    fn remember(&self, client: &Arc<Client>, fresh_for: Duration, began: Instant) {
        if self.changed.get(&client.id).is_none_or(|changed_at| changed_at < began) {
            self.near.insert(client.id.clone(), Known { client: client.clone(), fresh_for });
        }
    }

    /// What another node has read. It may be older than a change of this node's own.
    async fn ask_others(&self, id: &str) -> Option<(Arc<Client>, Duration)> {
        let cache = self.shared.get().filter(|_| !self.changed.contains_key(id))?;
        let found = cache.get::<Transcript>(Shelf::Client, id.as_bytes()).await?;
        let client = found.value.read().filter(|client| client.id == id)?;
        Some((Arc::new(client), found.holds))
    }
}

impl Store {
    /// From now on this node shares what it reads with those that have the same cache.
    pub fn share(&self, cache: Cache) {
        // A second one would be the same.
        let _ = self.known_clients().shared.set(cache);
    }

    pub fn shared(&self) -> Option<&Cache> {
        self.known_clients().shared.get()
    }

    /// The client, as it was at most three seconds ago.
    pub async fn client(&self, id: &str) -> Result<Option<Arc<Client>>, Error> {
        let known = self.known_clients();
        if let Some(known) = known.near.get(id) {
            return Ok(Some(known.client));
        }
        let began = Instant::now();
        if let Some((client, holds)) = known.ask_others(id).await {
            known.remember(&client, holds, began);
            return Ok(Some(client));
        }
        // The life of what was read begins before the reading.
        let (began, from) = (Instant::now(), self.shared().map(Cache::now));
        let Some(client) = clients::find(self.read(), id).await?.map(Arc::new) else { return Ok(None) };
        known.remember(&client, FRESH.saturating_sub(began.elapsed()), began);
        if let (Some(cache), Some(from)) = (self.shared(), from) {
            cache.put(Shelf::Client, id.as_bytes(), Transcript::of(&client), (from, from.plus(FRESH)));
        }
        Ok(Some(client))
    }

    /// What this node remembers of a client is out of date.
    pub fn forget_client(&self, id: &str) {
        let known = self.known_clients();
        known.changed.insert(id.to_owned(), Instant::now());
        known.near.invalidate(id);
        if let Some(cache) = self.shared() {
            cache.forget(Shelf::Client, id.as_bytes());
        }
    }
}

/// A client as it lies in the cache.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transcript {
    id: String,
    metadata: ClientMetadata,
    secret: Option<String>,
    sealed_secret: Option<String>,
    disabled_at: Option<Timestamp>,
    unverified: bool,
    origin: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Transcript {
    fn of(client: &Client) -> Self {
        Transcript {
            id: client.id.clone(),
            metadata: client.metadata.clone(),
            secret: client.secret.map(|secret| secret::base64url(secret.as_bytes())),
            sealed_secret: client.sealed_secret.as_deref().map(secret::base64url),
            disabled_at: match client.status {
                Status::Active => None,
                Status::Disabled(at) => Some(at),
            },
            unverified: client.standing == Standing::Unverified,
            origin: client.origin.as_str().to_owned(),
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }

    /// `None`: this server has not written it, or not this version of it.
    fn read(self) -> Option<Client> {
        let bytes = |text: Option<String>| match text {
            Some(text) => secret::from_base64url(&text).map(Some),
            None => Some(None),
        };
        let fingerprint = |bytes: Vec<u8>| Some(Fingerprint::from_bytes(bytes.try_into().ok()?));
        Some(Client {
            secret: match bytes(self.secret)? {
                Some(bytes) => Some(fingerprint(bytes)?),
                None => None,
            },
            sealed_secret: bytes(self.sealed_secret)?,
            status: self.disabled_at.map_or(Status::Active, Status::Disabled),
            standing: if self.unverified { Standing::Unverified } else { Standing::Verified },
            origin: Origin::read(&self.origin)?,
            id: self.id,
            metadata: self.metadata,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
