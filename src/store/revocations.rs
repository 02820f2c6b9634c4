//! Revocations: one row for each ending, numbered in the order of commits, kept until no token is left that it
//! could concern.
//!
//! A sequence would let a reader skip a number whose transaction commits late. Here the number comes from one row
//! that the ending's own transaction updates, so that whoever takes the next number waits until this one is
//! committed or undone: numbers are dense, and a reader that has seen one has seen all below it. The price is that
//! endings commit one after the other. It is paid from the number to the commit only, so the number is taken last;
//! nothing but an ending ever waits.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Statement, Value,
};
use serde::{Deserialize, Serialize};

use super::audit::Entry;
use super::endings::Ended;
use super::grants::Grant;
use super::revoked_tokens::Jti;
use super::sessions::Session;
use super::transaction::NEWS;
use super::{Error, Transaction, document, text_of};
use crate::clock::Timestamp;
use crate::id::Id;

/// Of a revocation: they grow by one.
pub type Number = i64;

/// How far the clocks of an API and of this server may differ.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// What is dead: every token that has one of these identifiers. The members are the claims of access tokens
/// (RFC 9068 §2.2), under their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sid: Vec<Id<Session>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant_id: Vec<Id<Grant>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jti: Vec<Jti>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_id: Vec<String>,
    /// Only tokens with an earlier `iat`, in seconds. Without it all of them: the identifier never comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_before: Option<i64>,
}

impl Dead {
    pub fn is_nothing(&self) -> bool {
        *self == Dead::default()
    }

    /// As this process keeps it in mind.
    pub fn until(&self, forget_at: Timestamp) -> Ended {
        let above = self.sid.iter().map(|id| id.uuid()).chain(self.grant_id.iter().map(|id| id.uuid()));
        let before = self.issued_before.unwrap_or(i64::MAX);
        Ended {
            ids: above.chain(self.jti.iter().map(|id| id.uuid())).collect(),
            clients: self.client_id.iter().map(|id| (id.clone(), before)).collect(),
            forget_at,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub number: Number,
    pub at: Timestamp,
    /// Every token that it concerns has expired then, the leeway included.
    pub forget_at: Timestamp,
    pub dead: Dead,
    /// When every API that follows had applied it.
    pub confirmed_at: Option<Timestamp>,
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "revocations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub at: Timestamp,
        pub forget_at: Timestamp,
        pub dead: String,
        pub confirmed_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The one row that numbers come from.
mod head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "revocation_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub number: i64,
        /// In milliseconds: no access token of this installation was issued for longer.
        pub token_life: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{Column, Entity, Model};

impl TryFrom<Model> for Revocation {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Revocation {
            dead: document(&row.dead, "revocations", "dead", row.number)?,
            number: row.number,
            at: row.at,
            forget_at: row.forget_at,
            confirmed_at: row.confirmed_at,
        })
    }
}

/// Writes down what this transaction ends, as the last thing that it does. Tokens that it concerns were issued until
/// `last`.
pub async fn append(tx: &Transaction, dead: &Dead, last: Timestamp, now: Timestamp) -> Result<Number, Error> {
    let backend = tx.get_database_backend();
    let sql = match backend {
        DatabaseBackend::Postgres => format!("{NUMBERED_BY_UPDATE}, pg_notify('{NEWS}', '')"),
        _ => NUMBERED_BY_TRIGGER.to_owned(),
    };
    let values = [now.into(), last.plus(LEEWAY).into(), Value::from(text_of(dead))];
    let row = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let row = row.ok_or_else(headless)?;
    tx.ends(dead.until(row.try_get_by_index(1)?));
    Ok(row.try_get_by_index(0)?)
}

/// The number is the head's next one, and the revocation is kept until no token lives that was issued until `$2`. Other
/// nodes are told when the transaction commits.
const NUMBERED_BY_UPDATE: &str = "WITH head AS \
     (UPDATE revocation_head SET number = number + 1 RETURNING number, token_life) \
     INSERT INTO revocations (number, at, forget_at, dead) \
     SELECT number, $1, $2 + token_life, $3 FROM head \
     RETURNING number, forget_at";

/// The same where a trigger moves the head: SQLite updates one table in a statement, and has one writer.
const NUMBERED_BY_TRIGGER: &str = "INSERT INTO revocations (number, at, forget_at, dead) \
     SELECT number + 1, $1, $2 + token_life, $3 FROM revocation_head \
     RETURNING number, forget_at";

/// Revokes a token until `expires_at`, when it is dead by itself; APIs are told, and `entry` is recorded. `None`: it was
/// revoked before. All this is one statement, because a client that signs out with a thousand tokens sends a thousand
/// of them.
pub async fn append_token(
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

fn headless() -> Error {
    Error::Corrupt { table: "revocation_head", column: "number", row: "1".to_owned() }
}

/// The newest number, and how many changes of users there were: what is remembered of them is older or not.
pub async fn heads(db: &impl ConnectionTrait) -> Result<(Number, i64), Error> {
    let sql = "SELECT number, (SELECT number FROM user_changes) FROM revocation_head";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let row = row.ok_or_else(headless)?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

/// The newest number.
pub async fn newest(db: &impl ConnectionTrait) -> Result<Number, Error> {
    Ok(head::Entity::find().one(db).await?.ok_or_else(headless)?.number)
}

/// A node that issues access tokens for so long says so before it issues the first. It is never taken back: tokens
/// of a longer life that was configured before may still be about.
pub async fn announce_token_life(db: &impl ConnectionTrait, life: Duration) -> Result<(), Error> {
    let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
    head::Entity::update_many()
        .col_expr(head::Column::TokenLife, Expr::value(life))
        .filter(head::Column::TokenLife.lt(life))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn find(db: &impl ConnectionTrait, number: Number) -> Result<Option<Revocation>, Error> {
    Entity::find_by_id(number).one(db).await?.map(Revocation::try_from).transpose()
}

/// What came after `number`, in its order.
pub async fn after(db: &impl ConnectionTrait, number: Number, limit: u64) -> Result<Vec<Revocation>, Error> {
    let rows = Entity::find()
        .filter(Column::Number.gt(number))
        .order_by_asc(Column::Number)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(Revocation::try_from).collect()
}

/// An ending that every live follower has applied by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    pub number: Number,
    pub at: Timestamp,
}

/// Marks everything up to the number that `applied` selects. NULL marks nothing.
pub(super) async fn confirm(
    db: &impl ConnectionTrait,
    applied: SelectStatement,
    now: Timestamp,
) -> Result<Vec<Confirmed>, Error> {
    let confirmed = Entity::update_many()
        .col_expr(Column::ConfirmedAt, Expr::value(now))
        .filter(Column::ConfirmedAt.is_null())
        .filter(Expr::col(Column::Number).lte(Expr::SubQuery(None, Box::new(applied.into()))))
        .exec_with_returning(db)
        .await?;
    Ok(confirmed.into_iter().map(|row| Confirmed { number: row.number, at: row.at }).collect())
}

pub async fn remove_forgotten(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<u64, Error> {
    let forgotten =
        Entity::find().select_only().column(Column::Number).filter(Column::ForgetAt.lt(before)).limit(limit);
    let gone =
        Entity::delete_many().filter(Column::Number.in_subquery(forgotten.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
