//! Leases: what must run on one node at a time.

use sea_orm::sea_query::{Cond, Expr, ExprTrait, OnConflict};
use sea_orm::{ConnectionTrait, EntityTrait, Set};

use super::Error;
use crate::clock::Timestamp;
use crate::id::Id;

/// One running server.
pub enum Node {}

mod row {
    use sea_orm::entity::prelude::*;

    use super::Node;
    use crate::clock::Timestamp;
    use crate::id::Id;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "leases")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub holder: Id<Node>,
        pub expires_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity};

/// Takes or prolongs the lease `name` until `until`. `false`: another node holds it.
pub async fn take(
    db: &impl ConnectionTrait,
    name: &str,
    holder: Id<Node>,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let row = ActiveModel { name: Set(name.to_owned()), holder: Set(holder), expires_at: Set(until) };
    let mine_or_over = Cond::any()
        .add(Expr::col((Entity, Column::ExpiresAt)).lte(now))
        .add(Expr::col((Entity, Column::Holder)).eq(holder));
    let taken = Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::Name)
                .update_columns([Column::Holder, Column::ExpiresAt])
                .action_cond_where(mine_or_over)
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(taken == 1)
}
