//! What outlives a request. One file a noun: its type, its private row and its queries.

pub mod attempts;
pub mod audit;
pub mod authorizations;
pub mod births;
pub mod clients;
pub mod consents;
pub mod credentials;
mod database;
pub mod dead_grants;
pub mod endings;
pub mod followers;
pub mod grants;
pub mod initial_access_tokens;
pub mod installation;
pub mod invariants;
pub mod keys;
mod known_clients;
pub mod leases;
pub mod lineages;
mod measure;
mod notices;
pub mod outbox;
pub mod participants;
pub mod registrations;
pub mod replay;
pub mod resources;
pub mod revocations;
pub mod revoked_tokens;
pub mod sessions;
pub mod status_indexes;
mod terms;
mod transaction;
pub mod unused;
pub mod users;
mod values;
mod write;

pub use database::{Address, MigrationState, NotAnAddress, Store};
pub use notices::Notices;
pub use sea_orm::ConnectionTrait;
pub use transaction::Transaction;
pub use write::Work;

/// Why the store could not answer. It never means "no": what is absent is `None`, what was refused is a value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, is locked, or is out of room. The caller answers 503 and changes nothing.
    #[error("the database does not answer")]
    Unavailable(#[source] sea_orm::DbErr),
    /// The store's queue is full, or a transaction waited too long for its turn.
    #[error("the database is overloaded")]
    Overloaded,
    /// What is written exists already.
    #[error("it exists already")]
    Exists,
    /// A row that this server could not have written.
    #[error("{table}.{column} of row {row} is corrupt")]
    Corrupt { table: &'static str, column: &'static str, row: String },
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        match error.sql_err() {
            Some(sea_orm::SqlErr::UniqueConstraintViolation(_)) => Error::Exists,
            _ => Error::Unavailable(error),
        }
    }
}

/// A document in a text column, read through its type.
fn document<T: serde::de::DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt { table, column, row: row.to_string() })
}

fn text_of<T: serde::Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("documents of the store have string keys only")
}
