//! Receipts: an API says how far it has applied the feed, and an ending is confirmed when every live process of
//! every API that follows has said so.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::store::followers::{self, Follower, Process};
use crate::store::revocations::{self, Number};
use crate::store::{Error, Store};

/// Takes receipts. Those that come while others are written are written together.
pub struct Receipts {
    store: Store,
    waiting: Mutex<HashMap<Process, Number>>,
    turn: tokio::sync::Mutex<()>,
}

impl Receipts {
    pub fn new(store: Store) -> Self {
        Receipts { store, waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Returns when the receipt, or a newer one of the same process, is written.
    pub async fn accept(&self, process: Process, applied: Number, now: Timestamp) -> Result<(), Error> {
        self.waiting().insert(process, applied);
        let _turn = self.turn.lock().await;
        let receipts: Vec<_> = self.waiting().drain().collect();
        if receipts.is_empty() {
            return Ok(());
        }
        let written = self
            .store
            .write((receipts.clone(), now), |tx, (receipts, now)| {
                Box::pin(followers::acknowledge(tx, receipts, *now))
            })
            .await;
        if let Err(error) = written {
            // Whoever waits for their turn tries with their own.
            let mut waiting = self.waiting();
            receipts.into_iter().for_each(|(process, applied)| {
                waiting.entry(process).or_insert(applied);
            });
            return Err(error);
        }
        self.confirm(now).await
    }

    async fn confirm(&self, now: Timestamp) -> Result<(), Error> {
        let confirmed = self.store.write(now, |tx, now| Box::pin(followers::confirm(tx, *now))).await?;
        for ending in confirmed {
            let took = now.since(ending.at);
            // What ended before anybody followed was waiting for nobody.
            if took < followers::GONE_AFTER {
                metrics::histogram!("gatepass_feed_confirmation_seconds").record(took.as_secs_f64());
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Process, Number>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far an ending has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// APIs that follow.
    pub apis: usize,
    /// The clients of those whose receipts are missing.
    pub outstanding: Vec<String>,
    /// From the ending to the last receipt, once there is one.
    pub took: Option<Duration>,
}

/// `None`: no API follows, or the ending is forgotten.
pub async fn confirmation(
    store: &Store,
    number: Number,
    now: Timestamp,
) -> Result<Option<Confirmation>, Error> {
    let Some(ending) = revocations::find(store.read(), number).await? else { return Ok(None) };
    let of_apis = by_api(followers::live(store.read(), now).await?);
    if of_apis.is_empty() {
        return Ok(None);
    }
    let took = ending.confirmed_at.map(|at| at.since(ending.at));
    let apis = of_apis.len();
    let late = of_apis.into_iter().filter(|(_, of_api)| {
        // Who has come later began with the ending in its snapshot.
        took.is_none() && of_api.iter().any(|follower| follower.applied < number)
    });
    let outstanding = late.map(|(client_id, _)| client_id).collect();
    Ok(Some(Confirmation { apis, outstanding, took }))
}

/// The processes of each API, by client.
pub fn by_api(followers: Vec<Follower>) -> BTreeMap<String, Vec<Follower>> {
    let mut of_apis: BTreeMap<String, Vec<Follower>> = BTreeMap::new();
    for follower in followers {
        of_apis.entry(follower.client_id.clone()).or_default().push(follower);
    }
    of_apis
}
