//! A writing transaction, and what is told after its commit.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

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

/// Handed to what [`super::Store::write`] runs; nothing else makes one.
pub struct Transaction {
    database: DatabaseTransaction,
    aftermath: Mutex<Aftermath>,
}

impl Transaction {
    pub(super) fn new(database: DatabaseTransaction) -> Self {
        Transaction { database, aftermath: Mutex::default() }
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

    /// What is to be committed or undone, and what follows from the commit.
    pub(super) fn into_parts(self) -> (DatabaseTransaction, Aftermath) {
        (self.database, self.aftermath.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.database.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.database.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.database.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.database.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.database.query_all_raw(statement).await
    }
}
