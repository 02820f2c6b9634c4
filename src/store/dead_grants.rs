//! Which grants nobody needs any more.

use std::ops::Range;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::grants::Grant;
use super::grants::row::{Column, Entity};
use super::{Error, clients, sessions};
use crate::clock::Timestamp;
use crate::id::Id;

/// Where a client is yet to be told that the session has ended: it is known as a party by its grants.
fn awaited(now: Timestamp) -> Condition {
    let lives = Query::select()
        .expr(Expr::val(1))
        .from(sessions::row::Entity)
        .and_where(
            Expr::col((sessions::row::Entity, sessions::row::Column::Id))
                .eq(Expr::col((Entity, Column::SessionId))),
        )
        .and_where(Expr::col((sessions::row::Entity, sessions::row::Column::EndedAt)).is_null())
        .and_where(Expr::col((sessions::row::Entity, sessions::row::Column::ExpiresAt)).gt(now))
        .to_owned();
    let listens = Query::select()
        .expr(Expr::val(1))
        .from(clients::row::Entity)
        .and_where(
            Expr::col((clients::row::Entity, clients::row::Column::Id))
                .eq(Expr::col((Entity, Column::ClientId))),
        )
        .and_where(
            Expr::col((clients::row::Entity, clients::row::Column::Metadata)).like("%channel_logout_uri\":%"),
        )
        .to_owned();
    Condition::all().add(Expr::exists(lives)).add(Expr::exists(listens))
}

/// Removes what expired `before`.
pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let expired = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ExpiresAt.lt(before))
        .filter(awaited(before).not())
        .limit(limit);
    let gone = Entity::delete_many().filter(Column::Id.in_subquery(expired.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}

/// Of those whose absolute end lies in `ends`: what was ended before `ended`, or has not been rotated since `rested`.
/// What is dead like this never lives again.
pub async fn find_dead(
    db: &impl ConnectionTrait,
    ends: Range<Timestamp>,
    (ended, rested): (Timestamp, Timestamp),
    limit: u64,
) -> Result<Vec<Id<Grant>>, Error> {
    let found = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ExpiresAt.gte(ends.start))
        .filter(Column::ExpiresAt.lt(ends.end))
        .filter(Condition::any().add(Column::EndedAt.lt(ended)).add(Column::RotatedAt.lt(rested)))
        .filter(awaited(ended).not())
        .limit(limit);
    Ok(found.into_tuple::<Id<Grant>>().all(db).await?)
}

pub async fn latest_end(db: &impl ConnectionTrait) -> Result<Option<Timestamp>, Error> {
    let latest = Entity::find().select_only().column_as(Column::ExpiresAt.max(), "latest");
    Ok(latest.into_tuple::<Option<Timestamp>>().one(db).await?.flatten())
}

pub async fn remove(db: &impl ConnectionTrait, ids: &[Id<Grant>]) -> Result<u64, Error> {
    let gone = Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied())).exec(db).await?;
    Ok(gone.rows_affected)
}
