//! Signing keys as they lie in the database: the private half sealed, the public half for operators to read.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use super::Error;
use crate::clock::Timestamp;
use crate::protocol::algorithm::Algorithm;

/// A row of `keys`. At most one key of an algorithm has no `retired_at`: the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The RFC 7638 thumbprint of the public key.
    pub kid: String,
    pub algorithm: Algorithm,
    /// PKCS#8, sealed for this `kid`.
    pub sealed_private: Vec<u8>,
    /// A JWK (RFC 7517), as JSON.
    pub public_jwk: String,
    /// Since when it stands in the JWKS.
    pub announced_at: Timestamp,
    pub signing_from: Timestamp,
    /// When it stops signing.
    pub retired_at: Option<Timestamp>,
    /// When it leaves the JWKS, and what it signed is refused.
    pub removed_after: Option<Timestamp>,
}

/// The life of a key, as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the JWKS, so that verifiers know it before the first signature.
    Announced {
        signing_from: Timestamp,
    },
    Signing,
    /// Still in the JWKS, for as long as a token that it signed may live.
    Retired {
        removed_after: Timestamp,
    },
    Removed,
}

impl StoredKey {
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.retired_at, self.removed_after) {
            (_, Some(removed_after)) if removed_after <= now => KeyState::Removed,
            (Some(retired_at), removed_after) if retired_at <= now => {
                KeyState::Retired { removed_after: removed_after.unwrap_or(retired_at) }
            }
            _ if now < self.signing_from => KeyState::Announced { signing_from: self.signing_from },
            _ => KeyState::Signing,
        }
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kid: String,
        pub algorithm: String,
        pub sealed: Vec<u8>,
        pub public_jwk: String,
        pub announced_at: Timestamp,
        pub signing_from: Timestamp,
        pub retired_at: Option<Timestamp>,
        pub removed_after: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for StoredKey {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(StoredKey {
            algorithm: row.algorithm.parse().map_err(|_| Error::Corrupt {
                table: "keys",
                column: "algorithm",
                row: row.kid.clone(),
            })?,
            kid: row.kid,
            sealed_private: row.sealed,
            public_jwk: row.public_jwk,
            announced_at: row.announced_at,
            signing_from: row.signing_from,
            retired_at: row.retired_at,
            removed_after: row.removed_after,
        })
    }
}

pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<StoredKey>, Error> {
    let rows = Entity::find().order_by_asc(Column::AnnouncedAt).order_by_asc(Column::Kid).all(db).await?;
    rows.into_iter().map(StoredKey::try_from).collect()
}

/// Writes a key, unless its place is taken: the newest of each algorithm is unique by an index, so that of
/// several nodes that start together one wins. `false`: another one did.
pub async fn insert(db: &impl ConnectionTrait, key: &StoredKey) -> Result<bool, Error> {
    let row = ActiveModel {
        kid: Set(key.kid.clone()),
        algorithm: Set(key.algorithm.as_str().to_owned()),
        sealed: Set(key.sealed_private.clone()),
        public_jwk: Set(key.public_jwk.clone()),
        announced_at: Set(key.announced_at),
        signing_from: Set(key.signing_from),
        retired_at: Set(key.retired_at),
        removed_after: Set(key.removed_after),
    };
    let first_wins = OnConflict::new().do_nothing().to_owned();
    Ok(Entity::insert(row).on_conflict(first_wins).exec_without_returning(db).await? == 1)
}

/// Plans the end of the key that is current. `false`: it is not current any more.
pub async fn retire(
    db: &impl ConnectionTrait,
    kid: &str,
    retired_at: Timestamp,
    removed_after: Timestamp,
) -> Result<bool, Error> {
    plan_end(db, kid, retired_at, removed_after, Column::RetiredAt.is_null()).await
}

/// Ends a key at once, whatever was planned for it.
pub async fn retire_at_once(
    db: &impl ConnectionTrait,
    kid: &str,
    retired_at: Timestamp,
    removed_after: Timestamp,
) -> Result<bool, Error> {
    plan_end(db, kid, retired_at, removed_after, Column::Kid.is_not_null()).await
}

async fn plan_end(
    db: &impl ConnectionTrait,
    kid: &str,
    retired_at: Timestamp,
    removed_after: Timestamp,
    condition: Expr,
) -> Result<bool, Error> {
    let planned = Entity::update_many()
        .col_expr(Column::RetiredAt, Expr::value(retired_at))
        .col_expr(Column::RemovedAfter, Expr::value(removed_after))
        .filter(Column::Kid.eq(kid))
        .filter(condition)
        .exec(db)
        .await?;
    Ok(planned.rows_affected == 1)
}

/// Keys that left the JWKS before `before`: nothing verifies with them, and nobody shall find them here.
pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp) -> Result<u64, Error> {
    let gone = Entity::delete_many().filter(Column::RemovedAfter.lt(before)).exec(db).await?;
    Ok(gone.rows_affected)
}
