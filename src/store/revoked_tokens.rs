//! Single access tokens that were revoked before they expired (RFC 7009). Nothing is written when one is issued.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    Statement,
};

use super::audit::Entry;
use super::revocations::{Dead, LEEWAY, Number};
use super::transaction::NEWS;
use super::{Error, Transaction, text_of};
use crate::clock::Timestamp;
use crate::id::Id;

/// Marks the identifiers of tokens (`jti`).
pub enum Token {}
pub type Jti = Id<Token>;

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use super::Token;
    use crate::clock::Timestamp;
    use crate::id::Id;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "revoked_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub jti: Id<Token>,
        pub expires_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{Column, Entity};

/// Revokes a token until `expires_at`, when it is dead by itself; APIs are told, and `entry` is recorded. `None`: it was
/// revoked before. All this is one statement, because a client that signs out with a thousand tokens sends a thousand
/// of them.
pub async fn revoke(
    tx: &Transaction,
    jti: Jti,
    expires_at: Timestamp,
    entry: &Entry,
) -> Result<Option<Number>, Error> {
    let backend = tx.get_database_backend();
    let sql = match backend {
        DatabaseBackend::Postgres => format!("{REVOKE_ON_POSTGRES}, pg_notify('{NEWS}', '')"),
        _ => REVOKE_ON_SQLITE.to_owned(),
    };
    let dead = Dead { jti: vec![jti], ..Dead::default() };
    let forget_at = expires_at.plus(LEEWAY);
    let values = [
        jti.into(),
        expires_at.into(),
        entry.at.into(),
        forget_at.into(),
        text_of(&dead).into(),
        entry.id.into(),
        entry.event.clone().into(),
        entry.client_id.clone().into(),
        text_of(&entry.detail).into(),
    ];
    let row = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let number = row.map(|row| row.try_get_by_index(0)).transpose()?;
    if number.is_some() {
        tx.ends(dead.until(forget_at));
    }
    Ok(number)
}

const REVOKE_ON_POSTGRES: &str = "WITH once AS \
     (INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING RETURNING jti), \
     told AS (INSERT INTO audit (id, at, event, client_id, detail) SELECT $6, $3, $7, $8, $9 FROM once), \
     head AS (UPDATE revocation_head SET number = number + 1 WHERE EXISTS (SELECT 1 FROM once) RETURNING number) \
     INSERT INTO revocations (number, at, forget_at, dead) SELECT number, $3, $4, $5 FROM head \
     RETURNING number";

/// SQLite changes one table in a statement, but takes several statements at once. A trigger moves the head.
const REVOKE_ON_SQLITE: &str = "\
     INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING; \
     INSERT INTO audit (id, at, event, client_id, detail) SELECT $6, $3, $7, $8, $9 WHERE changes() = 1; \
     INSERT INTO revocations (number, at, forget_at, dead) \
     SELECT number + 1, $3, $4, $5 FROM revocation_head WHERE changes() = 1 \
     RETURNING number";

pub async fn contains(db: &impl ConnectionTrait, jti: Jti) -> Result<bool, Error> {
    Ok(Entity::find_by_id(jti).one(db).await?.is_some())
}

pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let expired =
        Entity::find().select_only().column(Column::Jti).filter(Column::ExpiresAt.lt(before)).limit(limit);
    let gone = Entity::delete_many().filter(Column::Jti.in_subquery(expired.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
