//! From a URL to connections: SQLite with one writer and a pool of readers, or a PostgreSQL pool.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::Executor;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::Notify;

use super::endings::Endings;
use super::known_clients::KnownClients;
use super::lineages::Memory;
use super::measure::Statements;
use super::status_indexes::Block;
use super::write::Writer;
use super::{Error, Notices};
use crate::clock::Timestamp;

/// How long a request waits for a connection, or for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(2);

/// After so long a connection may have died without a word, and is asked before it is used.
const RESTED: Duration = Duration::from_secs(1);

/// Where the rows are: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    Sqlite(PathBuf),
    Postgres(String),
}

#[derive(Debug, thiserror::Error)]
#[error("expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")]
pub struct NotAnAddress;

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(url: &str) -> Result<Self, NotAnAddress> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Address::Postgres(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if !path.is_empty() => Ok(Address::Sqlite(path.into())),
            _ => Err(NotAnAddress),
        }
    }
}

impl std::fmt::Debug for Address {
    /// A PostgreSQL URL holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Address::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// The database of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    reader: DatabaseConnection,
    background: DatabaseConnection,
    writer: Writer,
    /// Migrations and checks need the writing connection itself.
    direct: DatabaseConnection,
    statements: Statements,
    clients: KnownClients,
    posted: Notify,
    memory: Arc<Memory>,
    address: Address,
    status_block: Block,
}

/// One migration and whether it was applied.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MigrationState {
    pub name: String,
    pub applied: bool,
}

impl Store {
    /// Opens the database. It reads and writes nothing yet; see [`Store::migrate`].
    pub async fn open(address: &Address, max_connections: u32) -> Result<Store, Error> {
        let statements = Statements::default();
        let (mut reader, mut direct) = match address {
            Address::Sqlite(path) => {
                let direct = Database::connect(sqlite(path, 1)).await?;
                // After the writer, which turns the journal mode to WAL for everybody.
                (Database::connect(sqlite(path, max_connections.clamp(1, 4))).await?, direct)
            }
            Address::Postgres(url) => {
                let pool = Database::connect(postgres(url, max_connections)).await?;
                (pool.clone(), pool)
            }
        };
        let background = reader.clone();
        statements.watch(&mut reader);
        statements.watch(&mut direct);
        let others_tell = matches!(address, Address::Postgres(_));
        let memory = Arc::new(Memory::new(Endings::new(others_tell)));
        let writer = match address {
            Address::Sqlite(_) => Writer::gathering(direct.clone(), memory.clone()),
            Address::Postgres(_) => Writer::Pool(direct.clone(), memory.clone()),
        };
        let clients = KnownClients::default();
        let (posted, address, status_block) = (Notify::new(), address.clone(), Block::default());
        Ok(Store(Arc::new(Inner {
            reader,
            background,
            writer,
            direct,
            statements,
            clients,
            posted,
            memory,
            address,
            status_block,
        })))
    }

    /// For queries outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.0.reader
    }

    /// For what the server asks by itself again and again: it is not counted, so that what requests cost is.
    pub fn background(&self) -> &DatabaseConnection {
        &self.0.background
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.0.writer
    }

    pub(super) fn status_block(&self) -> &Block {
        &self.0.status_block
    }

    pub(super) fn known_clients(&self) -> &KnownClients {
        &self.0.clients
    }

    /// Rung after a transaction that may have put something into the outbox: who delivers need not wait for their
    /// next look.
    pub fn posted(&self) -> &Notify {
        &self.0.posted
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// What has ended, as this process knows it.
    pub fn endings(&self) -> &Endings {
        &self.0.memory.endings
    }

    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }

    /// Hears of what other nodes end.
    pub fn notices(&self) -> Notices {
        Notices::of(self.clone())
    }

    /// Statements since the start: (reads, writes).
    pub fn statements(&self) -> (u64, u64) {
        self.0.statements.counted()
    }

    /// Whether the database answers a query.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.0.reader.ping().await?)
    }

    /// Applies what is missing. Nodes that start together wait for each other.
    pub async fn migrate(&self) -> Result<(), Error> {
        let transaction = self.migrating().await?;
        Migrator::up(&transaction, None).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes back the newest `steps` migrations, with the data that they hold.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), Error> {
        let transaction = self.migrating().await?;
        Migrator::down(&transaction, Some(steps)).await?;
        Ok(transaction.commit().await?)
    }

    pub async fn migrations(&self) -> Result<Vec<MigrationState>, Error> {
        let pending: Vec<String> = Migrator::get_pending_migrations(&self.0.direct)
            .await?
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect();
        Ok(Migrator::migrations()
            .iter()
            .map(|migration| MigrationState {
                name: migration.name().to_owned(),
                applied: !pending.iter().any(|name| name == migration.name()),
            })
            .collect())
    }

    async fn migrating(&self) -> Result<DatabaseTransaction, Error> {
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.0.direct.begin_with_options(immediate).await?;
        if self.is_postgres() {
            // Any number that nothing else locks; held until the commit.
            transaction.execute_unprepared("SELECT pg_advisory_xact_lock(7283019463)").await?;
        }
        Ok(transaction)
    }

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self.0.direct.get_database_backend(), sea_orm::DatabaseBackend::Postgres)
    }

    /// What time it is at the database, where that is another machine.
    pub async fn clock(&self) -> Result<Option<Timestamp>, Error> {
        if !self.is_postgres() {
            return Ok(None);
        }
        let time = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        let time = sea_orm::Statement::from_string(sea_orm::DatabaseBackend::Postgres, time);
        let row = self.0.reader.query_one_raw(time).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.map(Timestamp::from_millis))
    }

    /// The whole database's own check of its files, where it has one.
    pub async fn integrity(&self) -> Result<Result<(), String>, Error> {
        if self.is_postgres() {
            return Ok(Ok(()));
        }
        let sound = sea_orm::Statement::from_string(sea_orm::DatabaseBackend::Sqlite, "PRAGMA quick_check");
        let row = self.0.reader.query_one_raw(sound).await?;
        let answer: String = match row {
            Some(row) => row.try_get_by_index(0)?,
            None => String::new(),
        };
        Ok(if answer == "ok" { Ok(()) } else { Err(answer) })
    }

    pub async fn close(&self) {
        // What cannot be closed is closed by the end of the process.
        let _ = self.0.reader.clone().close().await;
        let _ = self.0.direct.clone().close().await;
    }
}

fn sqlite(path: &std::path::Path, connections: u32) -> ConnectOptions {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite:");
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        // It is a file; to ask costs as much as a statement.
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // NORMAL survives a crash of the process but may lose what was acknowledged at a power loss.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(PATIENCE)
        });
    options
}

fn postgres(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections.max(2))
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        // To ask costs a round trip.
        .test_before_acquire_if_idle_for(RESTED)
        .sqlx_logging(false)
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move { connection.execute(DURABLE).await.map(drop) })
            })
        });
    options
}

/// A commit that is answered before it is on disk may be lost after its token was given. Whoever chose something else than
/// that for the whole database (`local`, `remote_write`) has chosen between disks.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
