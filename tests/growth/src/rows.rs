//! What lies in the database: rows, and the bytes of a table with its indexes.

use std::collections::BTreeMap;

use gatepass::store::{ConnectionTrait, Store};
use sea_orm::{DatabaseBackend, Statement};

/// The tables that grow with the people. What an installation has few of (clients, keys, leases) is left out.
pub const NOUNS: [&str; 12] = [
    "users",
    "credentials",
    "consents",
    "sessions",
    "grants",
    "authorizations",
    "attempts",
    "revoked_tokens",
    "revocations",
    "replay",
    "outbox",
    "audit",
];

pub type Counts = BTreeMap<&'static str, i64>;

fn backend(store: &Store) -> DatabaseBackend {
    store.read().get_database_backend()
}

async fn numbers(store: &Store, sql: String) -> anyhow::Result<Vec<i64>> {
    let row = store.read().query_one_raw(Statement::from_string(backend(store), sql)).await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let columns = row.column_names().len();
    Ok((0..columns).map(|column| row.try_get_by_index(column)).collect::<Result<_, _>>()?)
}

fn by_noun(numbers: Vec<i64>) -> Counts {
    NOUNS.into_iter().zip(numbers).collect()
}

pub async fn count(store: &Store) -> anyhow::Result<Counts> {
    let each = NOUNS.map(|noun| format!("(SELECT count(*) FROM {noun}) AS {noun}"));
    Ok(by_noun(numbers(store, format!("SELECT {}", each.join(", "))).await?))
}

/// Bytes of each table with its indexes: SQLite's pages that are in use, PostgreSQL's files.
pub async fn bytes(store: &Store) -> anyhow::Result<Counts> {
    let each = NOUNS.map(|noun| match backend(store) {
        DatabaseBackend::Postgres => format!("pg_total_relation_size('{noun}') AS {noun}"),
        _ => format!(
            "(SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE aggregate = TRUE AND name IN \
             (SELECT name FROM sqlite_schema WHERE tbl_name = '{noun}')) AS {noun}"
        ),
    });
    Ok(by_noun(numbers(store, format!("SELECT {}", each.join(", "))).await?))
}

/// What PostgreSQL has written ahead since its beginning.
pub async fn written_ahead(store: &Store) -> anyhow::Result<Option<i64>> {
    if backend(store) != DatabaseBackend::Postgres {
        return Ok(None);
    }
    let written =
        numbers(store, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS n".to_owned());
    Ok(written.await?.first().copied())
}

/// What autovacuum does by and by: the space of dead rows is used again.
pub async fn vacuum(store: &Store) -> anyhow::Result<()> {
    if backend(store) == DatabaseBackend::Postgres {
        store.read().execute_unprepared("VACUUM ANALYZE").await?;
    }
    Ok(())
}

/// What ended after `number`: how many entries, how long they live altogether in milliseconds, their text in bytes.
pub struct Endings {
    pub number: i64,
    pub entries: i64,
    pub lives: i64,
    pub text: i64,
}

pub async fn endings_after(store: &Store, number: i64) -> anyhow::Result<Endings> {
    let sql = format!(
        "SELECT cast(coalesce(max(number), {number}) AS bigint) AS newest, cast(count(*) AS bigint) AS entries, \
         cast(coalesce(sum(forget_at - at), 0) AS bigint) AS lives, \
         cast(coalesce(sum(length(dead)), 0) AS bigint) AS text FROM revocations WHERE number > {number}"
    );
    let found = numbers(store, sql).await?;
    let [number, entries, lives, text] = found[..] else {
        anyhow::bail!("the revocations cannot be counted")
    };
    Ok(Endings { number, entries, lives, text })
}
