//! Places in Token Status Lists, one for each grant that wants one. A node takes them in blocks, so that the birth
//! of a grant costs no statement more.

use std::ops::Range;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ConnectionTrait, EntityTrait};
use tokio::sync::Mutex;

use super::{Error, Store};

/// Given to a grant for ever: no other grant gets it, also when this one is long gone.
pub type StatusIndex = i64;

/// How many a node takes at once. A restart wastes what is left, a few bytes of one list.
const BLOCK: i64 = 1024;

/// What this node has taken and not given away.
#[derive(Default)]
pub(super) struct Block(Mutex<Range<StatusIndex>>);

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "status_index_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub next: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{Column, Entity};

impl Store {
    pub async fn allot_status_index(&self) -> Result<StatusIndex, Error> {
        let mut block = self.status_block().0.lock().await;
        if block.is_empty() {
            *block = self.write((), |tx, ()| Box::pin(reserve(tx))).await?;
        }
        block.next().ok_or_else(headless)
    }
}

async fn reserve(db: &impl ConnectionTrait) -> Result<Range<StatusIndex>, Error> {
    let taken = Entity::update_many()
        .col_expr(Column::Next, Expr::col(Column::Next).add(BLOCK))
        .exec_with_returning(db)
        .await?;
    let end = taken.first().ok_or_else(headless)?.next;
    Ok(end - BLOCK..end)
}

/// All places below this one are taken.
pub async fn next(db: &impl ConnectionTrait) -> Result<StatusIndex, Error> {
    Ok(Entity::find().one(db).await?.ok_or_else(headless)?.next)
}

fn headless() -> Error {
    Error::Corrupt { table: "status_index_head", column: "next", row: "1".to_owned() }
}
