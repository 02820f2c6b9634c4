//! A writing transaction, and what is told after its commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseExecutor, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement, TransactionTrait,
};

use super::endings::Ended;

/// By this name PostgreSQL tells other nodes, at the commit, that they should look.
pub(super) const NEWS: &str = "gatepass_news";

/// What follows from a commit, and from nothing that was undone.
#[derive(Default)]
pub(super) struct Aftermath {
    pub ended: Vec<Ended>,
    pub changed_users: bool,
    pub told: Vec<Box<dyn FnOnce() + Send>>,
}

impl Aftermath {
    pub fn extend(&mut self, other: Aftermath) {
        self.ended.extend(other.ended);
        self.changed_users |= other.changed_users;
        self.told.extend(other.told);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// From BEGIN to COMMIT.
    Statements,
    /// One, which commits itself.
    Statement,
}

/// Begins on a task of its own, which nobody drops halfway. sqlx counts a transaction only when its BEGIN has been
/// answered: of one that was dropped before, the pool hands on a connection whose transaction is open and that seems to
/// have none, and a statement that commits itself commits nothing there.
async fn begin(pool: DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let begun = tokio::spawn(async move { pool.begin().await }).await;
    begun.map_err(|stopped| DbErr::Custom(format!("BEGIN was given up: {stopped}")))?
}

/// Handed to what [`super::Store::write`] and [`super::Store::write_once`] run; nothing else makes one.
pub struct Transaction {
    place: Place,
    aftermath: Mutex<Aftermath>,
}

/// Where statements go.
enum Place {
    Open(DatabaseTransaction),
    Pool { pool: DatabaseConnection, is_used: AtomicBool },
}

impl Transaction {
    pub(super) fn new(database: DatabaseTransaction) -> Self {
        Transaction { place: Place::Open(database), aftermath: Mutex::default() }
    }

    pub(super) async fn begin(pool: &DatabaseConnection, extent: Extent) -> Result<Self, DbErr> {
        let place = match extent {
            Extent::Statements => Place::Open(begin(pool.clone()).await?),
            Extent::Statement => Place::Pool { pool: pool.clone(), is_used: AtomicBool::new(false) },
        };
        Ok(Transaction { place, aftermath: Mutex::default() })
    }

    /// This process knows of it, and followers of its feed are woken, once this is committed, and never for what was
    /// undone.
    pub(super) fn ends(&self, ended: Ended) {
        self.aftermath().ended.push(ended);
    }

    /// What is remembered of users is out of date once this is committed.
    pub(super) fn changes_users(&self) {
        self.aftermath().changed_users = true;
    }

    /// Runs once this is committed, before its caller is answered.
    pub fn tell_afterwards(&self, tell: impl FnOnce() + Send + 'static) {
        self.aftermath().told.push(Box::new(tell));
    }

    fn aftermath(&self) -> MutexGuard<'_, Aftermath> {
        self.aftermath.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn commit(self) -> Result<Aftermath, DbErr> {
        if let Place::Open(database) = self.place {
            database.commit().await?;
        }
        Ok(self.aftermath.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        match self.place {
            Place::Open(database) => database.rollback().await,
            // A statement that failed has left nothing.
            Place::Pool { .. } => Ok(()),
        }
    }

    /// Where the next statement goes.
    fn next(&self) -> Result<DatabaseExecutor<'_>, DbErr> {
        match &self.place {
            Place::Open(database) => Ok(database.into()),
            Place::Pool { pool, is_used } if !is_used.swap(true, Ordering::Relaxed) => Ok(pool.into()),
            Place::Pool { .. } => Err(DbErr::Custom("this transaction has had its one statement".to_owned())),
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match &self.place {
            Place::Open(database) => database.get_database_backend(),
            Place::Pool { pool, .. } => pool.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.next()?.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.next()?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.place {
            Place::Open(database) => database.query_one_raw(statement).await,
            // To its end: its row comes before its commit, which may fail.
            Place::Pool { .. } => Ok(self.next()?.query_all_raw(statement).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.next()?.query_all_raw(statement).await
    }
}
