//! Users: who signs in. Their claims are OpenID Connect's (Core §5.1); how they prove themselves is in
//! [`super::credentials`].

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    Statement,
};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::transaction::NEWS;
use super::{Error, Transaction, document, text_of};
use crate::clock::Timestamp;
use crate::id::Id;

/// A person with an account. The identifier is the `sub` of every token: never changed, never given again.
#[derive(Clone, Debug)]
pub struct User {
    pub id: Id<User>,
    pub username: Username,
    /// Claims by their names on the wire, `sub` and `updated_at` not among them.
    pub claims: Map<String, Value>,
    pub status: Status,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Disabled(Timestamp),
}

/// A name to sign in with, in the one form in which it is compared: NFKC, lower case, no white space around.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Username(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAUsername {
    #[error("a username has 1 to 200 characters")]
    Length,
    #[error("a username has no white space, control or invisible formatting characters")]
    Character,
}

impl Username {
    pub fn parse(text: &str) -> Result<Self, NotAUsername> {
        // Refused before it is normalized, so that a megabyte costs nothing.
        if text.len() > 1024 {
            return Err(NotAUsername::Length);
        }
        let folded: String = text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect();
        if folded.is_empty() || folded.chars().count() > 200 {
            return Err(NotAUsername::Length);
        }
        let invisible = |c: char| {
            c.is_control()
                || c.is_whitespace()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        if folded.chars().any(invisible) {
            return Err(NotAUsername::Character);
        }
        Ok(Username(folded))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use super::User;
    use crate::clock::Timestamp;
    use crate::id::Id;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<User>,
        pub username: String,
        pub claims: String,
        pub disabled_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for User {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(User {
            id: row.id,
            claims: document(&row.claims, "users", "claims", row.id)?,
            username: Username(row.username),
            status: row.disabled_at.map_or(Status::Active, Status::Disabled),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl User {
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

pub async fn insert(db: &impl ConnectionTrait, user: &User) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(user.id),
        username: Set(user.username.0.clone()),
        claims: Set(text_of(&user.claims)),
        disabled_at: Set(None),
        created_at: Set(user.created_at),
        updated_at: Set(user.updated_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub async fn find(db: &impl ConnectionTrait, id: Id<User>) -> Result<Option<User>, Error> {
    Entity::find_by_id(id).one(db).await?.map(User::try_from).transpose()
}

pub async fn find_by_username(db: &impl ConnectionTrait, username: &Username) -> Result<Option<User>, Error> {
    let found = Entity::find().filter(Column::Username.eq(username.as_str())).one(db).await?;
    found.map(User::try_from).transpose()
}

/// Whether a user is active, and keeps it so until the transaction ends.
pub async fn hold_active(tx: &Transaction, id: Id<User>) -> Result<bool, Error> {
    let held = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.eq(id))
        .filter(Column::DisabledAt.is_null())
        .lock_shared()
        .into_tuple::<Id<User>>()
        .one(tx)
        .await?;
    Ok(held.is_some())
}

/// At most `limit` users whose names come after `after`, in the order of their names.
pub async fn list(
    db: &impl ConnectionTrait,
    after: Option<&Username>,
    limit: u64,
) -> Result<Vec<User>, Error> {
    let mut query = Entity::find().order_by_asc(Column::Username).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Username.gt(after.as_str()));
    }
    query.all(db).await?.into_iter().map(User::try_from).collect()
}

pub async fn set_claims(
    tx: &Transaction,
    id: Id<User>,
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Claims, Expr::value(text_of(claims)))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    changed(tx).await
}

pub async fn set_status(tx: &Transaction, id: Id<User>, status: Status) -> Result<(), Error> {
    let disabled_at = match status {
        Status::Active => None,
        Status::Disabled(at) => Some(at),
    };
    Entity::update_many()
        .col_expr(Column::DisabledAt, Expr::value(disabled_at))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    changed(tx).await
}

pub async fn remove(tx: &Transaction, id: Id<User>) -> Result<(), Error> {
    Entity::delete_by_id(id).exec(tx).await?;
    changed(tx).await
}

/// What nodes remember of users is out of date, here and elsewhere.
async fn changed(tx: &Transaction) -> Result<(), Error> {
    tx.changes_users();
    let backend = tx.get_database_backend();
    let mut sql = "UPDATE user_changes SET number = number + 1 RETURNING number".to_owned();
    if backend == DatabaseBackend::Postgres {
        sql += &format!(", pg_notify('{NEWS}', '')");
    }
    tx.query_one_raw(Statement::from_string(backend, sql)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_name_however_it_is_typed() {
        let canonical = Username::parse("alice@example.org").unwrap();
        for variant in ["Alice@Example.ORG", "  alice@example.org ", "\u{ff21}lice@example.org"] {
            assert_eq!(Username::parse(variant).unwrap(), canonical, "{variant:?}");
        }
        assert_eq!(Username::parse("e\u{301}").unwrap(), Username::parse("\u{e9}").unwrap());
    }

    #[test]
    fn what_cannot_be_seen_is_not_part_of_a_name() {
        for text in
            ["", " ", "a b", "a\0b", "a\u{200b}b", "a\u{202e}b", &"a".repeat(201), &"a".repeat(1_000_000)]
        {
            assert!(Username::parse(text).is_err());
        }
    }
}
