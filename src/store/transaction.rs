//! A writing transaction, and what is told after its commit.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

/// Handed to what [`super::Store::write`] runs; nothing else makes one.
pub struct Transaction {
    database: DatabaseTransaction,
    has_ended: AtomicBool,
}

impl Transaction {
    pub(super) fn new(database: DatabaseTransaction) -> Self {
        Transaction { database, has_ended: AtomicBool::new(false) }
    }

    /// Followers of this node's revocation feed are woken once this is committed, and never for what was undone.
    pub(super) fn tell_followers(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }

    /// What is to be committed or undone, and whether followers are to be woken then.
    pub(super) fn into_parts(self) -> (DatabaseTransaction, bool) {
        (self.database, self.has_ended.into_inner())
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
