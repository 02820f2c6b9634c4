//! What was shown once and must not be believed a second time on any node (RFC 7523 §3, `jti`).

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set};

use super::Error;
use crate::clock::Timestamp;
use crate::secret::Fingerprint;

mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;
    use crate::secret::Fingerprint;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "replay")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: Fingerprint,
        pub expires_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity};

/// Whether this is the first time, which the row itself decides. Kept until `expires_at`, when what it stands for is
/// refused by itself.
pub async fn is_first(
    db: &impl ConnectionTrait,
    key: Fingerprint,
    expires_at: Timestamp,
) -> Result<bool, Error> {
    let row = ActiveModel { key: Set(key), expires_at: Set(expires_at) };
    let once = OnConflict::column(Column::Key).do_nothing().to_owned();
    Ok(Entity::insert(row).on_conflict(once).exec_without_returning(db).await? == 1)
}

pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let expired =
        Entity::find().select_only().column(Column::Key).filter(Column::ExpiresAt.lt(before)).limit(limit);
    let gone = Entity::delete_many().filter(Column::Key.in_subquery(expired.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
