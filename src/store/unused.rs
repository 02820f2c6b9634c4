//! Clients that came by themselves, and to which nobody has given anything.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::clients::{self, Origin};
use super::{Error, consents, grants, registrations, terms};
use crate::clock::Timestamp;

/// Removes clients that registered themselves `before`.
pub async fn remove_registered(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<u64, Error> {
    use registrations::row::{Column, Entity};
    let unused: Vec<String> = Entity::find()
        .select_only()
        .column(Column::ClientId)
        .filter(Column::RegisteredAt.lt(before))
        .filter(is_unused(|| Expr::col((Entity, Column::ClientId))))
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    if unused.is_empty() {
        return Ok(0);
    }
    clients::remove_many(db, &unused).await?;
    let gone = Entity::delete_many().filter(Column::ClientId.is_in(unused)).exec(db).await?;
    Ok(gone.rows_affected)
}

/// Removes clients that were last heard of `before`, by their documents. One that the operator has disabled stays so.
pub async fn remove_discovered(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<u64, Error> {
    use clients::row::{Column, Entity};
    let unused: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Origin.eq(Origin::Document.as_str()))
        .filter(Column::UpdatedAt.lt(before))
        .filter(Column::DisabledAt.is_null())
        .filter(is_unused(|| Expr::col((Entity, Column::Id))))
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    if !unused.is_empty() {
        clients::remove_many(db, &unused).await?;
    }
    Ok(u64::try_from(unused.len()).unwrap_or(u64::MAX))
}

/// Nobody has given anything to the client of which `own` is the identifier.
fn is_unused(own: impl Fn() -> Expr) -> Condition {
    let granted = Query::select()
        .expr(Expr::val(1))
        .from(grants::row::Entity)
        .inner_join(
            terms::row::Entity,
            Expr::col((terms::row::Entity, terms::row::Column::Id))
                .equals((grants::row::Entity, grants::row::Column::TermsId)),
        )
        .and_where(Expr::col((terms::row::Entity, terms::row::Column::ClientId)).eq(own()))
        .to_owned();
    let agreed = Query::select()
        .expr(Expr::val(1))
        .from(consents::row::Entity)
        .and_where(Expr::col((consents::row::Entity, consents::row::Column::ClientId)).eq(own()))
        .to_owned();
    Condition::all().add(Expr::exists(granted).not()).add(Expr::exists(agreed).not())
}
