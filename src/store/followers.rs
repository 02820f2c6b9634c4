//! Followers: the running processes of APIs that follow the revocations, and how far each of them is.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use super::Error;
use super::revocations::{self, Confirmed, Number};
use crate::clock::Timestamp;

/// The name that one process of an API gives itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(String);

impl Instance {
    /// `None` unless it is 1 to 64 of the unreserved characters of a URL (RFC 3986 §2.3).
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte));
        (word && (1..=64).contains(&text.len())).then(|| Instance(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One process of one API. Two APIs may name theirs alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    pub client_id: String,
    pub instance: Instance,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    pub client_id: String,
    pub instance: String,
    /// It refuses everything up to this number.
    pub applied: Number,
    pub seen_at: Timestamp,
    /// When it began to follow, without having been gone for longer than [`GONE_AFTER`] since.
    pub since: Timestamp,
}

/// Nothing heard and no stream for so long: nobody waits for its receipts any more.
pub const GONE_AFTER: Duration = Duration::from_secs(60);

mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "followers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub instance: String,
        pub applied: i64,
        pub seen_at: Timestamp,
        pub since: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl From<Model> for Follower {
    fn from(row: Model) -> Self {
        let Model { client_id, instance, applied, seen_at, since } = row;
        Follower { client_id, instance, applied, seen_at, since }
    }
}

fn new(process: &Process, applied: Number, now: Timestamp) -> ActiveModel {
    ActiveModel {
        client_id: Set(process.client_id.clone()),
        instance: Set(process.instance.as_str().to_owned()),
        applied: Set(applied),
        seen_at: Set(now),
        since: Set(now),
    }
}

/// On conflict, apart from what it has applied.
fn seen_again(now: Timestamp) -> OnConflict {
    let was_gone = Expr::col((Entity, Column::SeenAt)).lte(now.minus(GONE_AFTER));
    let since = Expr::case(was_gone, Expr::value(now)).finally(Expr::col((Entity, Column::Since)));
    OnConflict::columns([Column::ClientId, Column::Instance])
        .update_column(Column::SeenAt)
        .value(Column::Since, since)
        .to_owned()
}

/// A process begins to follow from `position`. What it had applied further than that it has forgotten.
pub async fn begin(
    db: &impl ConnectionTrait,
    process: &Process,
    position: Number,
    now: Timestamp,
) -> Result<(), Error> {
    let applied = Expr::col((Entity, Column::Applied));
    let applied = Expr::case(applied.clone().gt(position), Expr::value(position)).finally(applied);
    let conflict = seen_again(now).value(Column::Applied, applied).to_owned();
    Entity::insert(new(process, 0, now)).on_conflict(conflict).exec_without_returning(db).await?;
    Ok(())
}

/// These have streams.
pub async fn see(db: &impl ConnectionTrait, processes: &[Process], now: Timestamp) -> Result<(), Error> {
    let rows = processes.iter().map(|process| new(process, 0, now));
    Entity::insert_many(rows).on_conflict(seen_again(now)).exec_without_returning(db).await?;
    Ok(())
}

/// Each refuses everything up to its number.
pub async fn acknowledge(
    db: &impl ConnectionTrait,
    receipts: &[(Process, Number)],
    now: Timestamp,
) -> Result<(), Error> {
    let rows = receipts.iter().map(|(process, applied)| new(process, *applied, now));
    let conflict = seen_again(now).update_column(Column::Applied).to_owned();
    Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(db).await?;
    Ok(())
}

/// Those that are waited for, by client and name.
pub async fn live(db: &impl ConnectionTrait, now: Timestamp) -> Result<Vec<Follower>, Error> {
    let rows = Entity::find()
        .filter(Column::SeenAt.gt(now.minus(GONE_AFTER)))
        .order_by_asc(Column::ClientId)
        .order_by_asc(Column::Instance)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Follower::from).collect())
}

/// Marks what every live follower has applied, and says what that was. To be run after the transaction of the
/// receipt: of two that are written at once, the one whose commit comes last then sees both.
pub async fn confirm(db: &impl ConnectionTrait, now: Timestamp) -> Result<Vec<Confirmed>, Error> {
    let applied_by_all = Query::select()
        .expr(Expr::col(Column::Applied).min())
        .from(Entity)
        .and_where(Column::SeenAt.gt(now.minus(GONE_AFTER)))
        .to_owned();
    revocations::confirm(db, applied_by_all, now).await
}

pub async fn remove_gone(db: &impl ConnectionTrait, before: Timestamp) -> Result<u64, Error> {
    Ok(Entity::delete_many().filter(Column::SeenAt.lt(before)).exec(db).await?.rows_affected)
}
