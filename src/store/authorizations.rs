//! Authorization requests that wait for a person. Each page step is a redirect with one identifier, so that a
//! sign-in survives a restart, a second tab and a change of node.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set,
};

use super::sessions::Session;
use super::{Error, document, text_of};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::secret::Fingerprint;

#[derive(Clone, Debug)]
pub struct Pending {
    pub id: Id<Pending>,
    pub request: AuthorizationRequest,
    /// The browser that began it; unknown until its first GET, because a cross-site POST carries no cookie.
    pub browser: Option<Fingerprint>,
    /// The session that signed in or consented for it.
    pub session_id: Option<Id<Session>>,
    pub signed_in_at: Option<Timestamp>,
    pub consented_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

mod row {
    use sea_orm::entity::prelude::*;

    use super::Pending;
    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::secret::Fingerprint;
    use crate::store::sessions::Session;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "authorizations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Pending>,
        pub request: String,
        pub browser: Option<Fingerprint>,
        pub session_id: Option<Id<Session>>,
        pub signed_in_at: Option<Timestamp>,
        pub consented_at: Option<Timestamp>,
        pub completed_at: Option<Timestamp>,
        pub expires_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for Pending {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Pending {
            id: row.id,
            request: document(&row.request, "authorizations", "request", row.id)?,
            browser: row.browser,
            session_id: row.session_id,
            signed_in_at: row.signed_in_at,
            consented_at: row.consented_at,
            completed_at: row.completed_at,
            expires_at: row.expires_at,
        })
    }
}

pub async fn insert(db: &impl ConnectionTrait, pending: &Pending) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(pending.id),
        request: Set(text_of(&pending.request)),
        browser: Set(pending.browser),
        session_id: Set(pending.session_id),
        signed_in_at: Set(pending.signed_in_at),
        consented_at: Set(pending.consented_at),
        completed_at: Set(pending.completed_at),
        expires_at: Set(pending.expires_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub async fn find(db: &impl ConnectionTrait, id: Id<Pending>) -> Result<Option<Pending>, Error> {
    Entity::find_by_id(id).one(db).await?.map(Pending::try_from).transpose()
}

/// Binds a request to the first browser that comes with it. `false`: another one was first.
pub async fn bind(db: &impl ConnectionTrait, id: Id<Pending>, browser: Fingerprint) -> Result<bool, Error> {
    let bound = Entity::update_many()
        .col_expr(Column::Browser, Expr::value(browser))
        .filter(Column::Id.eq(id))
        .filter(Condition::any().add(Column::Browser.is_null()).add(Column::Browser.eq(browser)))
        .exec(db)
        .await?;
    Ok(bound.rows_affected == 1)
}

/// What a person did for a request that is not finished. `false`: it is finished or gone.
pub async fn note(
    db: &impl ConnectionTrait,
    id: Id<Pending>,
    step: Step,
    session: Id<Session>,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = Entity::update_many();
    let done = match step {
        // Whoever agreed before was perhaps somebody else.
        Step::SignedIn => done
            .col_expr(Column::SignedInAt, Expr::value(now))
            .col_expr(Column::ConsentedAt, Expr::value(None::<Timestamp>)),
        Step::Consented => done.col_expr(Column::ConsentedAt, Expr::value(now)),
    };
    let noted = done.col_expr(Column::SessionId, Expr::value(session)).filter(open(id, now)).exec(db).await?;
    Ok(noted.rows_affected == 1)
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    SignedIn,
    Consented,
}

/// Finishes a request. Only one caller is told `true`, and that one answers the client.
pub async fn complete(db: &impl ConnectionTrait, id: Id<Pending>, now: Timestamp) -> Result<bool, Error> {
    let completed = Entity::update_many()
        .col_expr(Column::CompletedAt, Expr::value(now))
        .filter(open(id, now))
        .exec(db)
        .await?;
    Ok(completed.rows_affected == 1)
}

fn open(id: Id<Pending>, now: Timestamp) -> Condition {
    Condition::all().add(Column::Id.eq(id)).add(Column::CompletedAt.is_null()).add(Column::ExpiresAt.gt(now))
}

pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let expired =
        Entity::find().select_only().column(Column::Id).filter(Column::ExpiresAt.lt(before)).limit(limit);
    let gone = Entity::delete_many().filter(Column::Id.in_subquery(expired.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
