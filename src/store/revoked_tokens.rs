//! Single access tokens that were revoked before they expired (RFC 7009). Nothing is written when one is issued.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::Error;
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

pub async fn contains(db: &impl ConnectionTrait, jti: Jti) -> Result<bool, Error> {
    Ok(Entity::find_by_id(jti).one(db).await?.is_some())
}

pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let expired =
        Entity::find().select_only().column(Column::Jti).filter(Column::ExpiresAt.lt(before)).limit(limit);
    let gone = Entity::delete_many().filter(Column::Jti.in_subquery(expired.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
