//! What a token descends from, answered from this process's memory where that is as good as asking the database.
//!
//! It is, while [`Endings`] are current: then an ending that is not known has not been answered to anybody here, and
//! elsewhere is younger than the milliseconds that a notice takes. What a grant says never changes while it lives, and
//! what is remembered of it is forgotten long before its ending is; what changes about a user makes
//! all be forgotten. When the endings are not current (the feed cannot
//! read, or another node could not tell us), the database is asked each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use super::endings::Endings;
use super::grants::{self, Grant};
use super::revoked_tokens::{self, Jti};
use super::sessions::Session;
use super::transaction::Aftermath;
use super::users::User;
use super::{Error, Store};
use crate::clock::Timestamp;
use crate::id::Id;

/// Long before an ending is forgotten.
const FRESHNESS: Duration = Duration::from_secs(3);
const REMEMBERED: u64 = 10_000;

/// A grant that lives, and whose it is.
#[derive(Clone, Debug)]
pub struct Lineage {
    pub grant: Grant,
    pub user: User,
}

/// What is at the top of a line that has not been cut.
pub enum Root {
    Lineage(Arc<Lineage>),
    /// The client speaks for itself.
    Client,
}

/// What one process remembers of lines.
pub(super) struct Memory {
    pub endings: Endings,
    lineages: Cache<Id<Grant>, Arc<Lineage>>,
    /// Counts how often all lineages were forgotten.
    forgotten: AtomicU64,
    /// The change of users that was read last.
    changes: AtomicI64,
}

/// What a token descends from, up to its session.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub jti: Jti,
    /// `None`: the client speaks for itself.
    pub grant_id: Option<Id<Grant>>,
    pub session_id: Option<Id<Session>>,
    pub client_id: &'a str,
    pub issued_at: Timestamp,
}

impl Line<'_> {
    fn ids(&self) -> impl Iterator<Item = Uuid> {
        let above = [self.grant_id.map(Id::uuid), self.session_id.map(Id::uuid)];
        [self.jti.uuid()].into_iter().chain(above.into_iter().flatten())
    }
}

impl Memory {
    pub fn new(endings: Endings) -> Self {
        let lineages = Cache::builder().max_capacity(REMEMBERED).time_to_live(FRESHNESS).build();
        Memory { endings, lineages, forgotten: AtomicU64::new(0), changes: AtomicI64::new(0) }
    }

    /// After a commit, before its caller is answered.
    pub fn committed(&self, aftermath: Aftermath) {
        if aftermath.changed_users {
            self.forget_lineages();
        }
        if !aftermath.ended.is_empty() {
            self.endings.learn(aftermath.ended);
            self.endings.bell().notify_one();
        }
        aftermath.told.into_iter().for_each(|tell| tell());
    }

    fn forget_lineages(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.lineages.invalidate_all();
    }
}

impl Store {
    /// So many changes of users were committed until now, by whomever.
    pub fn users_changed(&self, changes: i64) {
        if self.memory().changes.swap(changes, Ordering::SeqCst) != changes {
            self.memory().forget_lineages();
        }
    }

    /// `None`: the token, or something above it, was ended.
    pub async fn root_of(&self, line: &Line<'_>) -> Result<Option<Root>, Error> {
        let memory = self.memory();
        if memory.endings.name(line.ids(), line.client_id, line.issued_at) {
            return Ok(None);
        }
        // Asked before anything is read, so that what is read is not older.
        let are_current = memory.endings.are_current();
        let Some(grant_id) = line.grant_id else {
            let ended = !are_current && revoked_tokens::contains(self.read(), line.jti).await?;
            return Ok((!ended).then_some(Root::Client));
        };
        if are_current && let Some(lineage) = memory.lineages.get(&grant_id) {
            return Ok(Some(Root::Lineage(lineage)));
        }
        let forgotten = memory.forgotten.load(Ordering::SeqCst);
        let Some((grant, user)) = grants::find_live(self.read(), grant_id, line.jti).await? else {
            return Ok(None);
        };
        let lineage = Arc::new(Lineage { grant, user });
        memory.lineages.insert(grant_id, lineage.clone());
        // The user was changed while it was read.
        if memory.forgotten.load(Ordering::SeqCst) != forgotten {
            memory.lineages.invalidate(&grant_id);
        }
        Ok(Some(Root::Lineage(lineage)))
    }
}
