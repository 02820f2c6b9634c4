//! The birth of a grant. Its identifier is minted with the authorization code, so that this is the code's single use:
//! the insert decides, and a second one is the replay.

use sea_orm::sea_query::{Expr, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, Iden};

use super::grants::Grant;
use super::grants::row::{Column, Entity};
use super::sessions::{self, IdleLimits};
use super::values::Second;
use super::{Error, Transaction, consents, terms};
use crate::protocol::client_metadata::ConsentPolicy;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Birth {
    /// The code was used for the first time.
    Born,
    /// A grant with this identifier exists: the code was used before.
    Replayed,
}

/// What a transaction that holds the session and the agreement does.
pub async fn bear(tx: &Transaction, grant: &Grant) -> Result<Birth, Error> {
    if insert(tx, grant, terms_of(grant)).await? {
        return Ok(Birth::Born);
    }
    // It is there already, or nobody was granted the same before.
    terms::insert(tx, grant.terms()).await?;
    Ok(if insert(tx, grant, terms_of(grant)).await? { Birth::Born } else { Birth::Replayed })
}

/// The ordinary birth, in one statement: the session lives, exactly this was agreed, and others were granted the same
/// before. An ending that comes at the same time waits as it does for [`sessions::hold_live`]. `false` decides nothing.
pub async fn bear_at_once(
    tx: &Transaction,
    grant: &Grant,
    limits: &IdleLimits,
    consent: ConsentPolicy,
) -> Result<bool, Error> {
    let mut ground = terms_of(grant);
    ground
        .from(sessions::row::Entity)
        .and_where(sessions::row::Column::Id.eq(grant.session_id))
        .cond_where(sessions::live(limits, grant.rotated_at));
    let mut held = vec![sessions::row::Entity.unquoted().to_owned()];
    if consent == ConsentPolicy::Asked {
        use consents::row::Column as Agreed;
        ground
            .from(consents::row::Entity)
            .and_where(Agreed::UserId.eq(grant.user_id))
            .and_where(Agreed::ClientId.eq(&grant.client_id))
            .and_where(Agreed::Scope.eq(grant.scope.to_string()))
            .and_where(Agreed::Resources.eq(grant.resources.to_string()));
        held.push(consents::row::Entity.unquoted().to_owned());
    }
    ground.lock_with_tables(LockType::Share, held);
    insert(tx, grant, ground).await
}

/// The row that names what is granted, if somebody was granted it before.
fn terms_of(grant: &Grant) -> SelectStatement {
    Query::select()
        .from(terms::row::Entity)
        .and_where(terms::row::Column::Fingerprint.eq(grant.terms().fingerprint()))
        .to_owned()
}

/// `false`: the grant is there, or `ground` is not.
async fn insert(tx: &Transaction, grant: &Grant, mut ground: SelectStatement) -> Result<bool, Error> {
    let row = [
        (Column::Id, Expr::value(grant.id)),
        (Column::UserId, Expr::value(grant.user_id)),
        (Column::SessionId, Expr::value(grant.session_id)),
        (Column::TermsId, Expr::col((terms::row::Entity, terms::row::Column::Id))),
        (Column::Generation, Expr::value(grant.generation)),
        (Column::AuthTime, Expr::value(Second::from(grant.auth_time))),
        (Column::ExpiresAt, Expr::value(Second::from(grant.expires_at))),
        (Column::RotatedAt, Expr::value(grant.rotated_at)),
        (Column::StatusIndex, Expr::value(grant.status_index)),
    ];
    let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
    let mut insert = Query::insert();
    insert.into_table(Entity).columns(columns);
    insert.select_from(ground.exprs(values).take()).expect("each column has its value");
    insert.on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned());
    Ok(tx.execute(&insert).await?.rows_affected() == 1)
}
