//! Grants: one user, one client, one agreement, born in one session. Every token descends from one.
//!
//! A grant's identifier is minted with the authorization code, so that its birth is the code's single use: the
//! insert decides, and a second one is the replay.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use super::Error;
use super::revoked_tokens::{self, Jti};
use super::sessions::Session;
use super::status_indexes::StatusIndex;
use super::users::{self, User};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;

#[derive(Clone, Debug)]
pub struct Grant {
    pub id: Id<Grant>,
    pub user_id: Id<User>,
    pub client_id: String,
    pub session_id: Id<Session>,
    pub scope: Scope,
    /// The APIs that its access tokens may be for; none means those that its client has by registration.
    pub resources: Resources,
    /// Claims that UserInfo answers besides those of the scope (OpenID Connect Core §5.5).
    pub claims: BTreeSet<String>,
    /// The generation of the refresh token that is current.
    pub generation: i64,
    pub auth_time: Timestamp,
    pub created_at: Timestamp,
    /// When the current generation was born.
    pub rotated_at: Timestamp,
    /// The absolute end, which no refresh moves.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Its place in the status lists, if its client has them.
    pub status_index: Option<StatusIndex>,
}

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use super::Grant;
    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::store::clients;
    use crate::store::sessions::Session;
    use crate::store::users::{self, User};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "grants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Grant>,
        pub user_id: Id<User>,
        pub client_id: String,
        pub session_id: Id<Session>,
        pub scope: String,
        pub resources: String,
        pub claims: String,
        pub generation: i64,
        pub auth_time: Timestamp,
        pub created_at: Timestamp,
        pub rotated_at: Timestamp,
        pub expires_at: Timestamp,
        pub ended_at: Option<Timestamp>,
        pub status_index: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "users::row::Entity", from = "Column::UserId", to = "users::row::Column::Id")]
        User,
        #[sea_orm(
            belongs_to = "clients::row::Entity",
            from = "Column::ClientId",
            to = "clients::row::Column::Id"
        )]
        Client,
    }

    impl Related<users::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for Grant {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let scope = row.scope.parse();
        Ok(Grant {
            scope: scope.map_err(|_| Error::Corrupt {
                table: "grants",
                column: "scope",
                row: row.id.to_string(),
            })?,
            resources: row.resources.split_whitespace().collect(),
            claims: row.claims.split_whitespace().map(str::to_owned).collect(),
            id: row.id,
            user_id: row.user_id,
            client_id: row.client_id,
            session_id: row.session_id,
            generation: row.generation,
            auth_time: row.auth_time,
            created_at: row.created_at,
            rotated_at: row.rotated_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            status_index: row.status_index,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Birth {
    /// The code was used for the first time.
    Born,
    /// A grant with this identifier exists: the code was used before.
    Replayed,
}

pub async fn bear(db: &impl ConnectionTrait, grant: &Grant) -> Result<Birth, Error> {
    let row = ActiveModel {
        id: Set(grant.id),
        user_id: Set(grant.user_id),
        client_id: Set(grant.client_id.clone()),
        session_id: Set(grant.session_id),
        scope: Set(grant.scope.to_string()),
        resources: Set(grant.resources.to_string()),
        claims: Set(grant.claims.iter().map(String::as_str).collect::<Vec<_>>().join(" ")),
        generation: Set(grant.generation),
        auth_time: Set(grant.auth_time),
        created_at: Set(grant.created_at),
        rotated_at: Set(grant.rotated_at),
        expires_at: Set(grant.expires_at),
        ended_at: Set(None),
        status_index: Set(grant.status_index),
    };
    let first_wins = OnConflict::column(Column::Id).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(first_wins).exec_without_returning(db).await?;
    Ok(if inserted == 1 { Birth::Born } else { Birth::Replayed })
}

pub async fn find(db: &impl ConnectionTrait, id: Id<Grant>) -> Result<Option<Grant>, Error> {
    Entity::find_by_id(id).one(db).await?.map(Grant::try_from).transpose()
}

/// Moves a live grant from `generation` to the next one, if `generation` is current. The one statement of an
/// ordinary refresh: reading and the single use in one.
pub async fn rotate(
    db: &impl ConnectionTrait,
    id: Id<Grant>,
    client_id: &str,
    generation: i64,
    idle: Duration,
    now: Timestamp,
) -> Result<Option<Grant>, Error> {
    let rotated = Entity::update_many()
        .col_expr(Column::Generation, Expr::value(generation.saturating_add(1)))
        .col_expr(Column::RotatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::ClientId.eq(client_id))
        .filter(Column::Generation.eq(generation))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::RotatedAt.gt(now.minus(idle)))
        .exec_with_returning(db)
        .await?;
    rotated.into_iter().next().map(Grant::try_from).transpose()
}

/// The grant that an access token descends from, with its user, if neither it nor the token was ended.
pub async fn find_live(
    db: &impl ConnectionTrait,
    id: Id<Grant>,
    token: Jti,
) -> Result<Option<(Grant, User)>, Error> {
    let revoked = Query::select()
        .expr(Expr::val(1))
        .from(revoked_tokens::row::Entity)
        .and_where(revoked_tokens::row::Column::Jti.eq(token))
        .to_owned();
    let found = Entity::find_by_id(id)
        .filter(Column::EndedAt.is_null())
        .filter(users::row::Column::DisabledAt.is_null())
        .filter(Expr::exists(revoked).not())
        .find_also_related(users::row::Entity)
        .one(db)
        .await?;
    let Some((grant, Some(user))) = found else { return Ok(None) };
    Ok(Some((Grant::try_from(grant)?, User::try_from(user)?)))
}

/// Which grants of a user an ending means.
#[derive(Clone, Debug)]
pub enum Which<'a> {
    One(Id<Grant>),
    /// Everything born in these sessions.
    OfSessions(&'a [Id<Session>]),
    /// The same, except what was promised to outlive them (`offline_access`).
    OnlineOfSessions(&'a [Id<Session>]),
    /// Everything born elsewhere, also in sessions that ended long ago.
    AllButOfSession(Id<Session>),
    OfClient(&'a str),
    All,
}

/// A grant that an ending has just ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub id: Id<Grant>,
    pub client_id: String,
    pub session_id: Id<Session>,
    pub rotated_at: Timestamp,
}

/// Ends grants of one user and says which of them this call ended.
pub async fn end(
    db: &impl ConnectionTrait,
    user: Id<User>,
    which: Which<'_>,
    now: Timestamp,
) -> Result<Vec<Ended>, Error> {
    let ending = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null());
    let ending = match which {
        Which::One(id) => ending.filter(Column::Id.eq(id)),
        Which::OfSessions(sessions) => ending.filter(Column::SessionId.is_in(sessions.iter().copied())),
        // Scope tokens are sorted and separated by one space, so padding makes every token a word.
        Which::OnlineOfSessions(sessions) => ending
            .filter(Column::SessionId.is_in(sessions.iter().copied()))
            .filter(Expr::cust("' ' || scope || ' '").not_like("% offline_access %")),
        Which::AllButOfSession(session) => ending.filter(Column::SessionId.ne(session)),
        Which::OfClient(client_id) => ending.filter(Column::ClientId.eq(client_id)),
        Which::All => ending,
    };
    let ended = ending.exec_with_returning(db).await?;
    let ended = ended.into_iter().map(|row| Ended {
        id: row.id,
        client_id: row.client_id,
        session_id: row.session_id,
        rotated_at: row.rotated_at,
    });
    Ok(ended.collect())
}

/// Ends every grant of a client, whoever gave it.
pub async fn end_all_for(db: &impl ConnectionTrait, client_id: &str, now: Timestamp) -> Result<u64, Error> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::ClientId.eq(client_id))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(ended.rows_affected)
}

/// Whether a client holds anything of a user that was born in this session.
pub async fn has_live(
    db: &impl ConnectionTrait,
    user: Id<User>,
    client_id: &str,
    session: Id<Session>,
    now: Timestamp,
) -> Result<bool, Error> {
    let found = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::UserId.eq(user))
        .filter(Column::ClientId.eq(client_id))
        .filter(Column::SessionId.eq(session))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .limit(1)
        .into_tuple::<Id<Grant>>()
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// The places of those that have ended.
pub async fn ended_status_indexes(
    db: &impl ConnectionTrait,
    range: Range<StatusIndex>,
) -> Result<Vec<StatusIndex>, Error> {
    let ended = Entity::find()
        .select_only()
        .column(Column::StatusIndex)
        .filter(Column::StatusIndex.gte(range.start))
        .filter(Column::StatusIndex.lt(range.end))
        .filter(Column::EndedAt.is_not_null())
        .into_tuple::<StatusIndex>()
        .all(db)
        .await?;
    Ok(ended)
}

/// The live grants of a user.
pub async fn list_live(
    db: &impl ConnectionTrait,
    user: Id<User>,
    now: Timestamp,
) -> Result<Vec<Grant>, Error> {
    let found = Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .limit(LISTED)
        .all(db)
        .await?;
    found.into_iter().map(Grant::try_from).collect()
}

const LISTED: u64 = 1000;

pub async fn remove_all_of(db: &impl ConnectionTrait, user: Id<User>) -> Result<(), Error> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
