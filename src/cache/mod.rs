//! What nodes tell each other through Redis, if there is one. It spares work and decides nothing.
//!
//! Whatever Redis says (nothing, nonsense, too late, what was true yesterday), nobody is signed out by it, nothing
//! that has ended comes back, nothing is accepted a second time, and nobody gets tries that the database would not
//! give. So there are only two [`Shelf`]s, and a letter on them proves by itself until when it holds:
//!
//! * **Clients.** A node may go on for 3 s with what it knows of a client. A letter carries the time before its row was
//!   read and holds until 3 s after it, whoever reads it and from wherever it came. A reader that was slow to write,
//!   a lost deletion, a Redis that stood still or was restored: none shows what a node's own memory could not show.
//!   Deletions only make it faster: they leave an empty letter, which a slow writer's `SET NX` does not replace.
//! * **Refusals.** What an address may still try comes back at a certain time and never before, so that a refusal by
//!   the database stays true until then. A try is never granted here, only by the row that counts it: a flush gives
//!   nobody a fresh budget. What an account may try comes back with a success, so it is not here at all.
//!
//! Not here: sessions, grants, consents, codes, `jti`s. Any node may end one between two looks at it, and only the row
//! knows. A copy would have to be checked against the row, and then it spares nothing (a read by an index takes as
//! long as a `GET`), or be believed for a while, and then somebody who was signed out is let in.
//!
//! Letters are sealed with the installation's master secret for their place: who can read or write in Redis
//! learns nothing, invents nothing and moves nothing. What does not open, parse or hold is a miss. The bounds are
//! those of the clocks: nodes that lie two seconds apart may use a letter two seconds longer, if Redis also fails
//! to drop it in time.

mod link;

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use self::link::Link;
pub use self::link::{Address, Fault, NotAnAddress, try_out};
use crate::clock::{Clock, Timestamp};
use crate::secret::{self, Purpose, RootKey};

/// How far ahead the clock of a node that wrote may be.
const CLOCKS_APART: Duration = Duration::from_secs(1);
/// Larger letters are not kept.
const LARGEST: usize = 64 * 1024;

/// All that may lie in the cache. What is not listed here is read where it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// The row of a client, by its identifier.
    Client,
    /// That a budget of tries is spent, by its key.
    Refusal,
}

impl Shelf {
    const fn label(self) -> &'static str {
        match self {
            Shelf::Client => "client",
            Shelf::Refusal => "refusal",
        }
    }

    /// No letter on it holds for longer.
    pub const fn longest(self) -> Duration {
        match self {
            Shelf::Client => Duration::from_secs(3),
            Shelf::Refusal => Duration::from_secs(60),
        }
    }
}

/// The cache of one installation, as one node sees it. Cheap to clone; the connection ends with the last copy.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    link: Arc<Link>,
    keeper: AbortHandle,
    master: RootKey,
    prefix: String,
    clock: Arc<dyn Clock>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// What was found, and how much longer it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<T> {
    pub value: T,
    pub holds: Duration,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter<T> {
    /// When what it says was known to be true.
    from: Timestamp,
    until: Timestamp,
    value: T,
}

impl Cache {
    /// Connects in the background: a Redis that is not there yet delays nothing.
    pub fn open(address: &Address, master: RootKey, clock: Arc<dyn Clock>) -> Cache {
        let link = Arc::new(Link::new(address));
        let keeper = tokio::spawn({
            let link = link.clone();
            async move { link.keep().await }
        });
        let installation = master.mac(Purpose::Cache, b"", b"installation");
        let prefix = format!("gatepass:{}:", secret::base64url(&installation[..9]));
        Cache(Arc::new(Inner { link, keeper: keeper.abort_handle(), master, prefix, clock }))
    }

    /// Whether nobody is asked at the moment.
    pub fn is_away(&self) -> bool {
        self.0.link.is_away()
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// What lies under `name`, if it still holds. Takes 100 ms at most, and nothing while Redis is known to be away.
    pub async fn get<T: DeserializeOwned>(&self, shelf: Shelf, name: &[u8]) -> Option<Found<T>> {
        let key = self.key(shelf, name);
        let answer = self.0.link.ask::<Option<Vec<u8>>>(link::get(&key)).await;
        let (found, result) = match answer {
            Ok(sealed) => {
                let found = sealed.and_then(|sealed| self.open_letter(shelf, &key, &sealed));
                let result = if found.is_some() { "hit" } else { "miss" };
                (found, result)
            }
            Err(Fault::Away) => (None, "skipped"),
            Err(_) => (None, "failure"),
        };
        metrics::counter!("gatepass_cache_reads_total", "shelf" => shelf.label(), "result" => result)
            .increment(1);
        found
    }

    /// Puts down what was true at `from` and holds until `until`, unless something lies there. Nobody waits for it.
    pub fn put<T: Serialize>(
        &self,
        shelf: Shelf,
        name: &[u8],
        value: T,
        (from, until): (Timestamp, Timestamp),
    ) {
        let key = self.key(shelf, name);
        let life = until.since(self.now()).min(shelf.longest());
        let Ok(plain) = serde_json::to_vec(&Letter { from, until, value }) else { return };
        if life.is_zero() || plain.len() > LARGEST || self.0.link.is_away() {
            return;
        }
        let sealed = self.0.master.seal(Purpose::Cache, key.as_bytes(), &plain);
        let link = self.0.link.clone();
        // Lost, it is a miss of somebody else.
        tokio::spawn(async move { link.ask::<()>(link::set_if_absent(&key, &sealed, life)).await });
    }

    /// What lies under `name` is out of date. Nobody waits for it, since nobody may count on it.
    pub fn forget(&self, shelf: Shelf, name: &[u8]) {
        let (key, link) = (self.key(shelf, name), self.0.link.clone());
        tokio::spawn(async move { link.ask::<()>(link::set(&key, b"", shelf.longest())).await });
    }

    fn open_letter<T: DeserializeOwned>(&self, shelf: Shelf, key: &str, sealed: &[u8]) -> Option<Found<T>> {
        let plain = self.0.master.open(Purpose::Cache, key.as_bytes(), sealed)?;
        let letter: Letter<T> = serde_json::from_slice(&plain).ok()?;
        let now = self.now();
        let is_timely = letter.from <= now.plus(CLOCKS_APART)
            && now < letter.until
            && letter.until <= letter.from.plus(shelf.longest());
        is_timely.then(|| Found { value: letter.value, holds: letter.until.since(now).min(shelf.longest()) })
    }

    /// Names of clients and addresses of people do not stand in it.
    fn key(&self, shelf: Shelf, name: &[u8]) -> String {
        let place = self.0.master.mac(Purpose::Cache, shelf.label().as_bytes(), name);
        format!("{}{}", self.0.prefix, secret::base64url(&place[..18]))
    }
}
