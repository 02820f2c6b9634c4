//! A bounded memory keyed by the SHA-256 of a token: what its signature said cannot change before it expires.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

pub type Fingerprint = [u8; 32];

pub fn fingerprint(token: &str) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

/// Two generations: when the young one is full it becomes the old one, whose entries go unless they are asked for.
pub struct Cache<V> {
    generations: Mutex<Generations<V>>,
    /// Of one generation.
    most: usize,
}

struct Generations<V> {
    young: HashMap<Fingerprint, V>,
    old: HashMap<Fingerprint, V>,
}

impl<V: Clone> Cache<V> {
    /// Keeps at most `entries`; none with 0.
    pub fn new(entries: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Cache { generations: Mutex::new(generations), most: entries / 2 }
    }

    pub fn find(&self, token: &Fingerprint) -> Option<V> {
        let mut generations = self.lock();
        if let Some(found) = generations.young.get(token) {
            return Some(found.clone());
        }
        let found = generations.old.remove(token)?;
        generations.keep(*token, found.clone(), self.most);
        Some(found)
    }

    pub fn keep(&self, token: Fingerprint, value: V) {
        if self.most > 0 {
            self.lock().keep(token, value, self.most);
        }
    }

    pub fn clear(&self) {
        let mut generations = self.lock();
        generations.young.clear();
        generations.old.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Generations<V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Generations<V> {
    fn keep(&mut self, token: Fingerprint, value: V, most: usize) {
        if self.young.len() >= most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_it_may_and_keeps_what_is_asked_for() {
        let cache = Cache::new(100);
        let hot = fingerprint("hot");
        cache.keep(hot, 0);
        for n in 0..100_000 {
            cache.keep(fingerprint(&n.to_string()), n);
            assert_eq!(cache.find(&hot), Some(0));
        }
        let generations = cache.lock();
        assert!(generations.young.len() + generations.old.len() <= 100);
    }

    #[test]
    fn without_room_it_keeps_nothing() {
        let cache = Cache::new(0);
        cache.keep(fingerprint("a"), 1);
        assert_eq!(cache.find(&fingerprint("a")), None);
    }
}
