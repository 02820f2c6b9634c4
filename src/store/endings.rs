//! What has ended and is not forgotten yet, as this process knows it: what it ends itself before anybody is answered,
//! what others end as soon as the feed has read it.
//!
//! While it is current, whatever is not in here lives: a token can be judged without asking the database. A map of
//! what *is alive* could never say so, because it would have to be told of every ending before it is asked.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Timestamp;

/// The feed looks four times as often. After that its silence means nothing.
const CURRENT_FOR: Duration = Duration::from_secs(1);

/// One ending, until no token is left that it concerns.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Of sessions, grants and tokens: no identifier is given twice.
    pub ids: Vec<Uuid>,
    /// Clients may come back: in vain were their tokens that were issued before this, in seconds.
    pub clients: Vec<(String, i64)>,
    pub forget_at: Timestamp,
}

pub struct Endings {
    known: RwLock<Known>,
    bell: Notify,
    /// Whether others can tell us at once; where there is nobody to tell, always.
    hears: AtomicBool,
    began: Instant,
    /// When the last look began that read everything, in milliseconds since `began`; 0 is never.
    looked_at: AtomicU64,
}

#[derive(Default)]
struct Known {
    ids: HashMap<Uuid, Timestamp>,
    clients: HashMap<String, (i64, Timestamp)>,
    /// In the order in which they came, which is nearly the one in which they are forgotten.
    order: VecDeque<Ended>,
}

impl Endings {
    pub(super) fn new(others_tell: bool) -> Self {
        Endings {
            known: RwLock::default(),
            bell: Notify::new(),
            hears: AtomicBool::new(!others_tell),
            began: Instant::now(),
            looked_at: AtomicU64::new(0),
        }
    }

    /// Rung after each transaction of this process that has ended something.
    pub fn bell(&self) -> &Notify {
        &self.bell
    }

    pub fn learn(&self, ended: impl IntoIterator<Item = Ended>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        ended.into_iter().for_each(|ended| known.learn(ended));
    }

    pub fn forget(&self, now: Timestamp) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).forget(now);
    }

    /// Whether something that a token descends from is known to have ended, or the token itself.
    pub(super) fn name(
        &self,
        ids: impl IntoIterator<Item = Uuid>,
        client: &str,
        issued_at: Timestamp,
    ) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        ids.into_iter().any(|id| known.ids.contains_key(&id))
            || known.clients.get(client).is_some_and(|(before, _)| issued_at.secs() < *before)
    }

    pub fn are_none(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).order.is_empty()
    }

    pub(super) fn listen(&self, hears: bool) {
        self.hears.store(hears, Ordering::Relaxed);
    }

    /// A look that began then has read everything that was committed before.
    pub fn looked(&self, began: Instant) {
        let since = began.duration_since(self.began).as_millis() as u64;
        self.looked_at.store(since.max(1), Ordering::Release);
    }

    /// Whether everything is known that ended until now; on other nodes, until a few milliseconds ago.
    pub(super) fn are_current(&self) -> bool {
        let looked_at = self.looked_at.load(Ordering::Acquire);
        let age = self.began.elapsed().saturating_sub(Duration::from_millis(looked_at));
        looked_at > 0 && age < CURRENT_FOR && self.hears.load(Ordering::Relaxed)
    }
}

impl Known {
    fn learn(&mut self, ended: Ended) {
        let until = ended.forget_at;
        let mut is_news = false;
        for id in &ended.ids {
            is_news |= self.ids.insert(*id, until).is_none();
        }
        for (client, before) in &ended.clients {
            is_news |= self.clients.insert(client.clone(), (*before, until)) != Some((*before, until));
        }
        // The feed reads what this process has known since its own commit.
        if is_news {
            self.order.push_back(ended);
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some(ended) = self.order.pop_front_if(|oldest| oldest.forget_at <= now) {
            for id in &ended.ids {
                self.ids.remove(id);
            }
            for (client, _) in &ended.clients {
                // Unless it has ended again.
                if self.clients.get(client).is_some_and(|(_, until)| *until <= now) {
                    self.clients.remove(client);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(43_200);

    fn ended(ids: &[Uuid], clients: &[(&str, i64)], forget_at: Timestamp) -> Ended {
        let clients = clients.iter().map(|(id, before)| ((*id).to_owned(), *before)).collect();
        Ended { ids: ids.to_vec(), clients, forget_at }
    }

    #[test]
    fn any_identifier_of_a_line_names_it() {
        let line = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
        for cut in line {
            let endings = Endings::new(true);
            assert!(!endings.name(line, "shop", NOON));
            endings.learn([ended(&[cut], &[], NOON.plus(CURRENT_FOR))]);
            assert!(endings.name(line, "shop", NOON));
            assert!(!endings.name([Uuid::now_v7()], "shop", NOON));
        }
    }

    #[test]
    fn a_client_that_came_back_is_believed_again() {
        let endings = Endings::new(true);
        endings.learn([ended(&[], &[("shop", 43_200)], NOON.plus(CURRENT_FOR))]);
        assert!(endings.name([], "shop", Timestamp::from_secs(43_199)));
        assert!(!endings.name([], "shop", NOON));
    }

    #[test]
    fn what_no_token_is_left_of_is_forgotten_and_nothing_else() {
        let (old, young) = (Uuid::now_v7(), Uuid::now_v7());
        let later = NOON.plus(CURRENT_FOR);
        let endings = Endings::new(true);
        endings.learn([ended(&[old], &[("shop", 1)], later), ended(&[young], &[], later.plus(CURRENT_FOR))]);
        // Read a second time, as what this process has ended itself is.
        endings.learn([ended(&[old], &[("shop", 1)], later)]);
        endings.forget(later);
        assert!(!endings.name([old], "shop", Timestamp::from_secs(0)));
        assert!(endings.name([young], "", NOON));
        endings.forget(later.plus(CURRENT_FOR));
        assert!(endings.are_none());
    }

    #[test]
    fn silence_is_believed_only_shortly_after_a_look_and_while_others_can_tell() {
        let endings = Endings::new(true);
        endings.looked(Instant::now());
        assert!(!endings.are_current(), "nobody can tell us");
        endings.listen(true);
        assert!(endings.are_current());
        let old =
            Endings { began: Instant::now().checked_sub(2 * CURRENT_FOR).unwrap(), ..Endings::new(false) };
        assert!(!old.are_current(), "nothing was read yet");
        old.looked(old.began + Duration::from_millis(1));
        assert!(!old.are_current(), "it was too long ago");
    }
}
