//! Which grants nobody needs any more.

use std::ops::Range;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};
use uuid::Uuid;

use super::grants::row::{Column, Entity};
use super::grants::{self, Grant};
use super::values::Second;
use super::{Error, clients, sessions, terms};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::secret::Fingerprint;

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
        .inner_join(
            terms::row::Entity,
            Expr::col((terms::row::Entity, terms::row::Column::ClientId))
                .equals((clients::row::Entity, clients::row::Column::Id)),
        )
        .and_where(
            Expr::col((terms::row::Entity, terms::row::Column::Id)).eq(Expr::col((Entity, Column::TermsId))),
        )
        .and_where(
            Expr::col((clients::row::Entity, clients::row::Column::Metadata)).like("%channel_logout_uri\":%"),
        )
        .to_owned();
    Condition::all().add(Expr::exists(lives)).add(Expr::exists(listens))
}

/// Of those whose code was made in `coded`: what was ended or expired before `over`, or has not been rotated since
/// `rested`. What is dead like this never lives again.
pub async fn find_dead(
    db: &impl ConnectionTrait,
    coded: Range<Timestamp>,
    (over, rested): (Timestamp, Timestamp),
    limit: u64,
) -> Result<Vec<Id<Grant>>, Error> {
    let dead = Condition::any()
        .add(Column::EndedAt.lt(over))
        .add(Column::ExpiresAt.lt(Second::from(over)))
        .add(Column::RotatedAt.lt(rested));
    let found = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.gte(least_id(coded.start)))
        .filter(Column::Id.lt(least_id(coded.end)))
        .filter(dead)
        .filter(awaited(over).not())
        .limit(limit);
    Ok(found.into_tuple::<Id<Grant>>().all(db).await?)
}

/// Below every identifier that was made from then on.
fn least_id(time: Timestamp) -> Id<Grant> {
    Id::from_uuid(Uuid::from_u128(u128::try_from(time.millis()).unwrap_or(0) << 80))
}

/// When the first code that led to a grant was made, and when the last.
pub async fn first_and_last(db: &impl ConnectionTrait) -> Result<Option<(Timestamp, Timestamp)>, Error> {
    let outermost = async |order| {
        let ids = Entity::find().select_only().column(Column::Id).order_by(Column::Id, order).limit(1);
        ids.into_tuple::<Id<Grant>>().one(db).await
    };
    let (first, last) = (outermost(Order::Asc).await?, outermost(Order::Desc).await?);
    Ok(first.zip(last).map(|(first, last)| (grants::coded_at(first), grants::coded_at(last))))
}

pub async fn remove(db: &impl ConnectionTrait, ids: &[Id<Grant>]) -> Result<u64, Error> {
    let gone = Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied())).exec(db).await?;
    Ok(gone.rows_affected)
}

/// Removes terms that no grant named when this was called before, and still none does; those that no grant names now
/// are found by nobody any more. A birth that found its terms has to be over before the next call.
pub async fn remove_terms(db: &impl ConnectionTrait, limit: u64) -> Result<(), Error> {
    use terms::row::{Column as TermsColumn, Entity as Terms};
    let unnamed = |findable: Condition| {
        let named = Query::select()
            .expr(Expr::val(1))
            .from(Entity)
            .and_where(Expr::col((Entity, Column::TermsId)).equals((Terms, TermsColumn::Id)))
            .to_owned();
        Terms::find()
            .select_only()
            .column(TermsColumn::Id)
            .filter(findable)
            .filter(Expr::exists(named).not())
            .limit(limit)
            .into_query()
    };
    let hidden = unnamed(TermsColumn::Fingerprint.is_null().into());
    Terms::delete_many().filter(TermsColumn::Id.in_subquery(hidden)).exec(db).await?;
    let findable = unnamed(TermsColumn::Fingerprint.is_not_null().into());
    Terms::update_many()
        .col_expr(TermsColumn::Fingerprint, Expr::value(None::<Fingerprint>))
        .filter(TermsColumn::Id.in_subquery(findable))
        .exec(db)
        .await?;
    Ok(())
}
