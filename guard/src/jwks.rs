//! The server's keys as this process holds them: cached, and fetched again when a token names one that is unknown.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::algorithm::Algorithm;
use crate::keys::KeySet;
use crate::server::{BuildError, Server};

/// Anybody can name a key that nobody has: however many do, the server is asked once in this time.
const BETWEEN_FETCHES: Duration = Duration::from_secs(10);

pub struct Jwks {
    accepted: Vec<Algorithm>,
    held: RwLock<Arc<Held>>,
    last_fetch: Mutex<Instant>,
}

struct Held {
    document: Vec<u8>,
    keys: KeySet,
}

/// The keys at one moment.
#[derive(Clone)]
pub struct Snapshot(Arc<Held>);

impl Snapshot {
    pub fn keys(&self) -> &KeySet {
        &self.0.keys
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Other keys than those of the snapshot are held now.
    Changed,
    Unchanged,
}

impl Jwks {
    /// Errors: the keys cannot be fetched, or there is none that could verify anything.
    pub async fn fetch(server: &Server, accepted: Vec<Algorithm>) -> Result<Self, BuildError> {
        let document = server.keys().await?;
        let keys = KeySet::read(&document, &accepted).filter(|keys| !keys.is_empty());
        let keys = keys.ok_or(BuildError::Unreadable("keys"))?;
        let held = RwLock::new(Arc::new(Held { document, keys }));
        // The first unknown key may ask at once: it may just have been announced.
        let last_fetch = Instant::now().checked_sub(BETWEEN_FETCHES).unwrap_or_else(Instant::now);
        Ok(Jwks { accepted, held, last_fetch: Mutex::new(last_fetch) })
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.held.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Fetches again what `seen` did not have: one at a time, and at most once in [`BETWEEN_FETCHES`]. A server that
    /// cannot be reached, or answers without a usable key, takes no key away.
    pub async fn refresh(&self, server: &Server, seen: &Snapshot) -> Fetched {
        let mut last_fetch = self.last_fetch.lock().await;
        if !Arc::ptr_eq(&seen.0, &self.snapshot().0) {
            return Fetched::Changed;
        }
        if last_fetch.elapsed() < BETWEEN_FETCHES {
            return Fetched::Unchanged;
        }
        let fetched = server.keys().await;
        *last_fetch = Instant::now();
        let document = match fetched {
            Ok(document) => document,
            Err(error) => {
                tracing::warn!(%error, "the keys cannot be fetched");
                return Fetched::Unchanged;
            }
        };
        if document == seen.0.document {
            return Fetched::Unchanged;
        }
        let Some(keys) = KeySet::read(&document, &self.accepted).filter(|keys| !keys.is_empty()) else {
            tracing::warn!("the keys cannot be read");
            return Fetched::Unchanged;
        };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Held { document, keys });
        Fetched::Changed
    }
}
