//! How often something was tried in a window of time: the budget of guesses, shared by all nodes.

use std::time::Duration;

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set};

use super::{Error, Store};
use crate::cache::Shelf;
use crate::clock::Timestamp;
use crate::secret::Fingerprint;

mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;
    use crate::secret::Fingerprint;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "attempts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: Fingerprint,
        pub window_started_at: Timestamp,
        pub count: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity};

/// A budget: so many tries in a window that begins with the first one.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub tries: u32,
    pub window: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    Granted,
    /// Nothing left until so much time has passed.
    Exhausted(Duration),
}

/// Takes one try out of the budget of `key`, in one statement, before whatever it is tried for: a hundred
/// parallel guesses cannot all see an empty counter.
pub async fn take(
    db: &impl ConnectionTrait,
    key: Fingerprint,
    budget: Budget,
    now: Timestamp,
) -> Result<Allowance, Error> {
    let is_over = || Expr::col((Entity, Column::WindowStartedAt)).lte(now.minus(budget.window));
    let started: Expr = CaseStatement::new()
        .case(is_over(), Expr::value(now))
        .finally(Expr::col((Entity, Column::WindowStartedAt)))
        .into();
    let count: Expr = CaseStatement::new()
        .case(is_over(), Expr::value(1i64))
        .finally(Expr::col((Entity, Column::Count)).add(1i64))
        .into();
    let row = ActiveModel { key: Set(key), window_started_at: Set(now), count: Set(1) };
    let taken = Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::Key)
                .values([(Column::WindowStartedAt, started), (Column::Count, count)])
                .to_owned(),
        )
        .exec_with_returning(db)
        .await?;
    if taken.count <= i64::from(budget.tries) {
        return Ok(Allowance::Granted);
    }
    Ok(Allowance::Exhausted(taken.window_started_at.plus(budget.window).since(now)))
}

/// What a network has spent comes back with its window and never before, so that one refusal speaks for all nodes until
/// then: whoever goes on trying costs the database nothing. An account's budget comes back with a success, so that
/// only the row knows.
impl Store {
    /// How long `network` is known to have nothing left. `None`: the row decides.
    pub async fn refusal(&self, network: Fingerprint) -> Option<Duration> {
        let found = self.shared()?.get::<()>(Shelf::Refusal, network.as_bytes()).await?;
        Some(found.holds)
    }

    pub fn note_refusal(&self, network: Fingerprint, wait: Duration, now: Timestamp) {
        if let Some(cache) = self.shared() {
            cache.put(Shelf::Refusal, network.as_bytes(), (), (now, now.plus(wait)));
        }
    }
}

/// A success gives the budget back.
pub async fn reset(db: &impl ConnectionTrait, key: Fingerprint) -> Result<(), Error> {
    Entity::delete_by_id(key).exec(db).await?;
    Ok(())
}

pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let over = Entity::find()
        .select_only()
        .column(Column::Key)
        .filter(Column::WindowStartedAt.lt(before))
        .limit(limit);
    let gone = Entity::delete_many().filter(Column::Key.in_subquery(over.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
