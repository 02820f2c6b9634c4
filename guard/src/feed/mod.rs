//! The revocation feed as this process knows it: what has been ended, up to where, and how fresh that is.

mod ended;
mod entry;
mod follow;
mod receipts;
mod sse;

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

pub use self::ended::Ended;
pub use self::follow::follow;
pub use self::receipts::send_receipts;
use crate::clock::{self, Millis};
use crate::token::Token;

/// How far the server's time in the feed may lie from ours: what is older is a recording.
const OLDEST: Duration = Duration::from_secs(30);

/// Where this process stands with the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// Not connected yet, or again.
    Connecting,
    /// Entries come that were made before the connection.
    CatchingUp,
    /// Everything that has ended was told.
    Current,
    /// The server does not know the credential, or the client serves no resource (401, 403).
    CredentialRefused,
    /// The feed comes from another issuer, and nothing of it was believed.
    OtherIssuer,
    /// Unreachable, silent, or broken; tried again with a growing pause.
    Lost(String),
}

/// What is known of the feed at this moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    pub connection: Connection,
    /// The number of the newest entry that is refused here.
    pub applied: u64,
    /// The newest number for which the server has taken our receipt. `None`: none yet.
    pub confirmed: Option<u64>,
    /// When the newest entry was made, by the server's clock, in milliseconds since 1970.
    pub newest_entry_at: Option<u64>,
    /// How long ago the server last said that everything had been told. `None`: never since the start.
    pub feed_age: Option<Duration>,
    /// Identifiers that are refused now.
    pub entries: usize,
}

pub struct Feed {
    ended: RwLock<Ended>,
    position: watch::Sender<Position>,
}

#[derive(Clone)]
struct Position {
    connection: Connection,
    applied: u64,
    confirmed: Option<u64>,
    newest_entry_at: Option<Millis>,
    /// `None`: a newcomer, who has no position to go on from.
    resume_after: Option<u64>,
    /// When the server last said that everything had been told, by the clock that never jumps.
    fresh_at: Option<Instant>,
    /// The newest time that the server has said. One that is older is a recording.
    newest: Millis,
}

impl Feed {
    pub fn new(most_entries: usize) -> Self {
        let position = Position {
            connection: Connection::Connecting,
            applied: 0,
            confirmed: None,
            newest_entry_at: None,
            resume_after: None,
            fresh_at: None,
            newest: Millis(0),
        };
        Feed { ended: RwLock::new(Ended::new(most_entries)), position: watch::channel(position).0 }
    }

    pub fn age(&self) -> Option<Duration> {
        self.position.borrow().fresh_at.map(|at| at.elapsed())
    }

    pub fn has_ended(&self, token: &Token) -> bool {
        self.ended().contains(token)
    }

    pub fn status(&self) -> Status {
        let position = self.position.borrow().clone();
        Status {
            connection: position.connection,
            applied: position.applied,
            confirmed: position.confirmed,
            newest_entry_at: position.newest_entry_at.map(|at| at.0),
            feed_age: position.fresh_at.map(|at| at.elapsed()),
            entries: self.ended().len(),
        }
    }

    /// Returns once everything that has ended was told for the first time.
    pub async fn current(&self) {
        let mut position = self.position.subscribe();
        // The sender lives in `self`: waiting cannot fail.
        let _ = position.wait_for(|position| position.fresh_at.is_some()).await;
    }

    /// The server's word that everything before `at` has been told. A recording of it proves nothing, so a time that
    /// is not near ours, or not newer than the last one, does not count.
    fn is_told(&self, at: Millis) {
        self.position.send_modify(|position| {
            position.connection = Connection::Current;
            if clock::now().apart(at) <= OLDEST && at > position.newest {
                position.newest = at;
                position.fresh_at = Some(Instant::now());
            }
        });
    }

    fn stands(&self, connection: Connection) {
        self.position.send_modify(|position| position.connection = connection);
    }

    /// What lies behind may be another history: nothing is current until the server says so. What was ended stays so.
    fn begins_anew(&self) {
        self.position.send_modify(|position| {
            position.applied = 0;
            position.confirmed = None;
            position.resume_after = None;
            position.fresh_at = None;
        });
    }

    fn entry_is_applied(&self, number: u64, at: Option<Millis>) {
        self.position.send_modify(|position| {
            position.applied = number;
            position.resume_after = Some(number);
            position.newest_entry_at = at.or(position.newest_entry_at);
        });
    }

    fn is_confirmed(&self, number: u64) {
        self.position.send_modify(|position| position.confirmed = Some(number));
    }

    fn is_applied(&self, number: u64) {
        self.position.send_modify(|position| {
            position.applied = number;
            position.resume_after = Some(number);
        });
    }

    fn ended(&self) -> RwLockReadGuard<'_, Ended> {
        self.ended.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn ended_mut(&self) -> RwLockWriteGuard<'_, Ended> {
        self.ended.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
