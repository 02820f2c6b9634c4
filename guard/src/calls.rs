//! How often this process has called the server, by what it wanted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the start, of attempts. Only [`Calls::besides_the_feed`] can follow what callers of the API do, and it
/// is bounded: keys are fetched at most every 10 seconds, tokens are only asked about while the feed is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub discovery: u64,
    pub keys: u64,
    pub feed: u64,
    pub receipts: u64,
    pub introspections: u64,
}

impl Calls {
    /// Those that neither follow the feed nor confirm it.
    pub fn besides_the_feed(&self) -> u64 {
        self.discovery + self.keys + self.introspections
    }
}

#[derive(Debug, Default)]
pub struct Counters {
    pub discovery: Counter,
    pub keys: Counter,
    pub feed: Counter,
    pub receipts: Counter,
    pub introspections: Counter,
}

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn count(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    pub fn read(&self) -> Calls {
        Calls {
            discovery: self.discovery.get(),
            keys: self.keys.get(),
            feed: self.feed.get(),
            receipts: self.receipts.get(),
            introspections: self.introspections.get(),
        }
    }
}
