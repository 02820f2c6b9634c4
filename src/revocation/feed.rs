//! The feed in memory: what has ended and is not forgotten yet, handed to every API that follows, in the order of
//! commits (Server-Sent Events, WHATWG HTML §9.2).
//!
//! One task of each node reads on in the table, woken at once by this node's own endings and by notices of other
//! nodes, and looking every quarter of a second whatever it hears. An entry is encoded once; a follower is a cursor, so that
//! one which reads slowly holds nothing but its place. The node itself is one that always follows: by what is read here it
//! judges tokens without asking the database.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::{frame, receipts};
use crate::clock::{Clock, Timestamp};
use crate::store::followers::{self, Process};
use crate::store::revocations::{self, Number, Revocation};
use crate::store::{Error, Store};

/// Between two looks at the table, if nothing is heard meanwhile.
pub const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A look that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often followers hear that nothing has ended.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// Rows of one look, and entries that a follower takes at once.
const PAGE: usize = 500;
/// Streams of one client to one node at once.
const STREAMS: usize = 128;
/// How often it is written down which processes have streams: several times before they count as gone.
const SEE_EVERY: Duration = Duration::from_secs(20);

pub struct Feed {
    /// Its URL, as it stands in the tokens.
    issuer: String,
    store: Store,
    clock: Arc<dyn Clock>,
    live: RwLock<VecDeque<Entry>>,
    progress: watch::Sender<Progress>,
    /// Rung when a look cannot wait.
    bell: Notify,
    /// Looks that somebody waits for, and those of them that are done.
    wanted_looks: AtomicU64,
    done_looks: watch::Sender<u64>,
    streams: Mutex<Streams>,
}

/// How many there are now.
#[derive(Default)]
struct Streams {
    of_clients: HashMap<String, usize>,
    /// Of those that have told their name.
    of_processes: HashMap<Process, usize>,
}

#[derive(Clone)]
struct Entry {
    number: Number,
    at: Timestamp,
    forget_at: Timestamp,
    frame: Bytes,
}

/// How far this node has read.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// Every ending up to this number has been read. `None`: nothing was ever read.
    head: Option<Number>,
    /// When the last look began: what ended before has been read.
    at: Timestamp,
    beat: u64,
    beaten_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotFollow {
    #[error("the revocations cannot be read")]
    Blind,
    #[error("the client follows {STREAMS} times already")]
    TooOften,
}

impl Feed {
    pub fn new(issuer: String, store: Store, clock: Arc<dyn Clock>) -> Self {
        let at = clock.now();
        Feed {
            issuer,
            store,
            clock,
            live: RwLock::default(),
            progress: watch::Sender::new(Progress { head: None, at, beat: 0, beaten_at: Instant::now() }),
            bell: Notify::new(),
            wanted_looks: AtomicU64::new(0),
            done_looks: watch::Sender::new(0),
            streams: Mutex::default(),
        }
    }

    /// Reads on. Runs until it is dropped.
    pub async fn run(&self) {
        tokio::join!(self.listen(), self.read_on(), self.see());
    }

    async fn listen(&self) {
        let mut notices = self.store.notices();
        loop {
            notices.news().await;
            self.bell.notify_one();
        }
    }

    async fn read_on(&self) {
        loop {
            // Whoever came before this look sees in it what ended before they came.
            let wanted = self.wanted_looks.load(Ordering::SeqCst);
            match timeout(PATIENCE, self.look()).await {
                Ok(Ok(())) => {
                    self.done_looks.send_replace(wanted);
                }
                // No heartbeat without a look: who hears none goes to another node.
                Ok(Err(error)) => tracing::warn!(%error, "the revocations could not be read"),
                Err(_) => tracing::warn!("the revocations could not be read within {PATIENCE:?}"),
            }
            let is_followed = !self.streams().of_clients.is_empty();
            tokio::select! {
                () = self.bell.notified() => {}
                // The node itself knows its own endings already.
                () = self.store.endings().bell().notified(), if is_followed => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn see(&self) {
        loop {
            if let Err(error) = self.see_once().await {
                tracing::warn!(%error, "could not write down who follows the revocations");
            }
            tokio::time::sleep(SEE_EVERY).await;
        }
    }

    /// Processes with streams stay alive, and their lag is measured.
    async fn see_once(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let processes: Vec<Process> = self.streams().of_processes.keys().cloned().collect();
        if processes.is_empty() {
            return Ok(());
        }
        self.store
            .write((processes, now), |tx, (processes, now)| Box::pin(followers::see(tx, processes, *now)))
            .await?;
        for (client_id, of_api) in receipts::by_api(followers::live(self.store.read(), now).await?) {
            let applied = of_api.iter().map(|follower| follower.applied).min().unwrap_or_default();
            let lag = self.oldest_after(applied).map_or(Duration::ZERO, |at| now.since(at));
            metrics::gauge!("gatepass_feed_lag_seconds", "client" => client_id).set(lag.as_secs_f64());
        }
        Ok(())
    }

    fn oldest_after(&self, number: Number) -> Option<Timestamp> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.get(live.partition_point(|entry| entry.number <= number)).map(|entry| entry.at)
    }

    async fn look(&self) -> Result<(), Error> {
        let (began, began_at) = (self.clock.now(), Instant::now());
        let known = self.progress.borrow().head;
        // The newest may have been forgotten and removed already.
        let (newest, user_changes) = revocations::heads(self.store.background()).await?;
        self.store.users_changed(user_changes);
        let (mut head, mut is_last) = (known.unwrap_or_default(), known == Some(newest));
        while !is_last {
            let page = revocations::after(self.store.background(), head, PAGE as u64).await?;
            is_last = page.len() < PAGE;
            head = page.last().map_or(head, |last| last.number);
            self.keep(page, began);
        }
        self.store.endings().forget(began);
        self.store.endings().looked(began_at);
        self.publish(head.max(newest), began);
        Ok(())
    }

    fn keep(&self, page: Vec<Revocation>, now: Timestamp) {
        let fresh = page.iter().filter(|revocation| now < revocation.forget_at);
        self.store.endings().learn(fresh.map(|revocation| revocation.dead.until(revocation.forget_at)));
        for client_id in page.iter().flat_map(|revocation| &revocation.dead.client_id) {
            self.store.forget_client(client_id);
        }
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        while live.front().is_some_and(|oldest| oldest.forget_at <= now) {
            live.pop_front();
        }
        let fresh = page.iter().filter(|revocation| now < revocation.forget_at);
        live.extend(fresh.map(|revocation| Entry {
            number: revocation.number,
            at: revocation.at,
            forget_at: revocation.forget_at,
            frame: frame::revocation(revocation),
        }));
        metrics::gauge!("gatepass_feed_entries").set(live.len() as f64);
    }

    /// Wakes followers when there is something to hear.
    fn publish(&self, head: Number, began: Timestamp) {
        self.progress.send_if_modified(|progress| {
            let is_news = progress.head != Some(head);
            let is_due = progress.beaten_at.elapsed() + LOOK_EVERY / 2 >= BEAT_EVERY;
            (progress.head, progress.at) = (Some(head), began);
            if is_due {
                (progress.beat, progress.beaten_at) = (progress.beat + 1, Instant::now());
            }
            is_news || is_due
        });
        metrics::gauge!("gatepass_feed_head").set(head as f64);
    }

    /// Follows from `position`, the last number that the follower has had; without one, from all that is live.
    pub async fn follow(
        self: &Arc<Self>,
        who: Who,
        position: Option<Number>,
    ) -> Result<Following, CannotFollow> {
        let place = Place::take(self, who)?;
        let wanted = self.wanted_looks.fetch_add(1, Ordering::SeqCst) + 1;
        self.bell.notify_one();
        let mut done = self.done_looks.subscribe();
        let looked = timeout(2 * PATIENCE, done.wait_for(|done| *done >= wanted)).await;
        looked.map_err(|_| CannotFollow::Blind)?.map_err(|_| CannotFollow::Blind)?;
        let progress = self.progress.subscribe();
        let head = progress.borrow().head.ok_or(CannotFollow::Blind)?;
        let now = self.clock.now();
        let known = position.filter(|position| *position <= head);
        let cursor = known.unwrap_or_default();
        if let Who::Process(process) = &place.who {
            let beginning = (process.clone(), cursor, now);
            let begun = self.store.write(beginning, |tx, (process, position, now)| {
                Box::pin(followers::begin(tx, process, *position, *now))
            });
            begun.await.map_err(|_| CannotFollow::Blind)?;
        }
        let mut ready = VecDeque::from([frame::hello(&self.issuer, now)]);
        if position != known {
            ready.push_back(frame::reset(now));
        }
        let beat = progress.borrow().beat;
        Ok(Following { place, progress, cursor, beat, ready, standing: Standing::Behind })
    }

    /// Whether this number was given to an ending.
    pub async fn has_reached(&self, number: Number) -> Result<bool, Error> {
        // Another node may have told it before this one has heard of it.
        let known = self.progress.borrow().head.is_some_and(|head| number <= head);
        Ok(known || number <= revocations::newest(self.store.read()).await?)
    }

    fn take_after(&self, cursor: Number, now: Timestamp, ready: &mut VecDeque<Bytes>) -> Option<Number> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let first = live.partition_point(|entry| entry.number <= cursor);
        let page = live.range(first..).take(PAGE);
        ready.extend(page.clone().filter(|entry| now < entry.forget_at).map(|entry| entry.frame.clone()));
        page.last().map(|entry| entry.number)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who follows.
#[derive(Clone, Debug)]
pub enum Who {
    /// Somewhere at this client; nobody waits for its receipts.
    Client(String),
    Process(Process),
}

impl Who {
    fn client_id(&self) -> &str {
        match self {
            Who::Client(client_id) | Who::Process(Process { client_id, .. }) => client_id,
        }
    }
}

/// One of the streams that a client may have, until it is dropped.
struct Place {
    feed: Arc<Feed>,
    who: Who,
}

impl Place {
    fn take(feed: &Arc<Feed>, who: Who) -> Result<Self, CannotFollow> {
        let mut streams = feed.streams();
        let taken = streams.of_clients.entry(who.client_id().to_owned()).or_default();
        if *taken >= STREAMS {
            return Err(CannotFollow::TooOften);
        }
        *taken += 1;
        if let Who::Process(process) = &who {
            *streams.of_processes.entry(process.clone()).or_default() += 1;
        }
        drop(streams);
        metrics::gauge!("gatepass_feed_streams").increment(1.0);
        Ok(Place { feed: feed.clone(), who })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.feed.streams();
        leave(&mut streams.of_clients, self.who.client_id());
        if let Who::Process(process) = &self.who {
            leave(&mut streams.of_processes, process);
        }
        drop(streams);
        metrics::gauge!("gatepass_feed_streams").decrement(1.0);
    }
}

fn leave<K, Q>(counted: &mut HashMap<K, usize>, key: &Q)
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    if let Some(count) = counted.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counted.remove(key);
        }
    }
}

/// One follower: what it has had, and what it is told next.
pub struct Following {
    place: Place,
    progress: watch::Receiver<Progress>,
    /// Everything up to this number has been told.
    cursor: Number,
    beat: u64,
    ready: VecDeque<Bytes>,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Some of what had ended before it came is not told yet.
    Behind,
    Current,
}

impl Following {
    /// The next event. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Bytes {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return frame;
            }
            // Read before the entries are: whatever `progress` speaks of is among them.
            let progress = *self.progress.borrow_and_update();
            if let Some(last) = self.place.feed.take_after(self.cursor, progress.at, &mut self.ready) {
                self.cursor = last;
                continue;
            }
            self.cursor = self.cursor.max(progress.head.unwrap_or_default());
            if self.standing == Standing::Behind {
                self.standing = Standing::Current;
                return frame::current(self.cursor, progress.at);
            }
            if self.beat != progress.beat {
                self.beat = progress.beat;
                return frame::heartbeat(self.cursor, progress.at);
            }
            // The sender lives as long as the feed, which `place` keeps.
            let _ = self.progress.changed().await;
        }
    }
}
