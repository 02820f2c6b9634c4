//! What lets a client register itself where not everybody may (RFC 7591 §3, "initial access token").

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set};

use super::Error;
use crate::clock::Timestamp;
use crate::secret::Fingerprint;

#[derive(Clone, Debug)]
pub struct InitialAccessToken {
    pub token: Fingerprint,
    /// How many clients it still lets in.
    pub uses_left: u32,
    pub expires_at: Timestamp,
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;
    use crate::secret::Fingerprint;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "initial_access_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token: Fingerprint,
        pub uses_left: i64,
        pub expires_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity};

pub async fn insert(db: &impl ConnectionTrait, token: &InitialAccessToken) -> Result<(), Error> {
    let row = ActiveModel {
        token: Set(token.token),
        uses_left: Set(i64::from(token.uses_left)),
        expires_at: Set(token.expires_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Whether the token would let a client in now.
pub async fn is_live(db: &impl ConnectionTrait, token: Fingerprint, now: Timestamp) -> Result<bool, Error> {
    let found = Entity::find_by_id(token)
        .filter(Column::UsesLeft.gt(0i64))
        .filter(Column::ExpiresAt.gt(now))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Takes one use, in one statement: of many that try at once as many win as there are uses.
pub async fn take(db: &impl ConnectionTrait, token: Fingerprint, now: Timestamp) -> Result<bool, Error> {
    let taken = Entity::update_many()
        .col_expr(Column::UsesLeft, Expr::col(Column::UsesLeft).sub(1i64))
        .filter(Column::Token.eq(token))
        .filter(Column::UsesLeft.gt(0i64))
        .filter(Column::ExpiresAt.gt(now))
        .exec(db)
        .await?;
    Ok(taken.rows_affected == 1)
}

pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let expired =
        Entity::find().select_only().column(Column::Token).filter(Column::ExpiresAt.lt(before)).limit(limit);
    let gone = Entity::delete_many().filter(Column::Token.in_subquery(expired.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
