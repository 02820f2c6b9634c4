//! Grants: one user, one client, one agreement, born in one session. Every token descends from one.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter, QuerySelect,
    QueryTrait,
};

use super::Error;
use super::revoked_tokens::{self, Jti};
use super::sessions::Session;
use super::status_indexes::StatusIndex;
use super::terms::{self, Terms};
use super::users::{self, User};
use super::values::Second;
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
    /// To the second, as tokens say it.
    pub auth_time: Timestamp,
    /// When the current generation was born.
    pub rotated_at: Timestamp,
    /// The absolute end, which no refresh moves. To the second.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Its place in the status lists, if its client has them.
    pub status_index: Option<StatusIndex>,
}

impl Grant {
    /// When its code was made, by the machine's clock: identifiers are UUIDv7 (RFC 9562 §5.7).
    pub fn coded_at(&self) -> Timestamp {
        coded_at(self.id)
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            client_id: self.client_id.clone(),
            scope: self.scope.to_string(),
            resources: self.resources.to_string(),
            claims: self.claims.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
        }
    }
}

pub(super) fn coded_at(id: Id<Grant>) -> Timestamp {
    Timestamp::from_millis((id.uuid().as_u128() >> 80) as i64)
}

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use super::Grant;
    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::store::sessions::Session;
    use crate::store::terms;
    use crate::store::users::{self, User};
    use crate::store::values::Second;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "grants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Grant>,
        pub user_id: Id<User>,
        pub session_id: Id<Session>,
        pub terms_id: i32,
        pub generation: i32,
        pub auth_time: Second,
        pub expires_at: Second,
        pub rotated_at: Timestamp,
        pub ended_at: Option<Timestamp>,
        pub status_index: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "users::row::Entity", from = "Column::UserId", to = "users::row::Column::Id")]
        User,
        #[sea_orm(belongs_to = "terms::row::Entity", from = "Column::TermsId", to = "terms::row::Column::Id")]
        Terms,
    }

    impl Related<users::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl Related<terms::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Terms.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{Column, Entity, Model};

/// How a grant names its terms.
const NAMED: (Entity, Column) = (Entity, Column::TermsId);

fn read((row, terms): (Model, Option<impl Into<Terms>>)) -> Result<Grant, Error> {
    let corrupt =
        |table, column, row: &dyn std::fmt::Display| Error::Corrupt { table, column, row: row.to_string() };
    let terms: Terms = terms.ok_or_else(|| corrupt("grants", "terms_id", &row.id))?.into();
    Ok(Grant {
        scope: terms.scope.parse().map_err(|_| corrupt("terms", "scope", &row.terms_id))?,
        resources: terms.resources.split_whitespace().collect(),
        claims: terms.claims.split_whitespace().map(str::to_owned).collect(),
        id: row.id,
        user_id: row.user_id,
        client_id: terms.client_id,
        session_id: row.session_id,
        generation: row.generation.into(),
        auth_time: row.auth_time.into(),
        rotated_at: row.rotated_at,
        expires_at: row.expires_at.into(),
        ended_at: row.ended_at,
        status_index: row.status_index,
    })
}

fn is_of(client_id: &str) -> Expr {
    terms::are(NAMED, terms::row::Column::ClientId.eq(client_id))
}

pub async fn find(db: &impl ConnectionTrait, id: Id<Grant>) -> Result<Option<Grant>, Error> {
    let found = Entity::find_by_id(id).find_also_related(terms::row::Entity).one(db).await?;
    found.map(read).transpose()
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
    let own = Column::iter().map(Expr::col);
    let mut rotating = Entity::update_many()
        .col_expr(Column::Generation, Expr::value(generation.saturating_add(1)))
        .col_expr(Column::RotatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(is_of(client_id))
        .filter(Column::Generation.eq(generation))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(Second::from(now)))
        .filter(Column::RotatedAt.gt(now.minus(idle)))
        .into_query();
    rotating.returning(Query::returning().exprs(own.chain([terms::words(NAMED)])));
    let Some(rotated) = db.query_one(&rotating).await? else { return Ok(None) };
    let words: String = rotated.try_get_by_index(Column::iter().count())?;
    let terms = Terms::of_words(client_id, &words);
    read((Model::from_query_result(&rotated, "")?, terms)).map(Some)
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
        .find_also_related(terms::row::Entity)
        .one(db)
        .await?;
    let Some((grant, Some(user), terms)) = found else { return Ok(None) };
    Ok(Some((read((grant, terms))?, User::try_from(user)?)))
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
    let mut ending = match which {
        Which::One(id) => ending.filter(Column::Id.eq(id)),
        Which::OfSessions(sessions) => ending.filter(Column::SessionId.is_in(sessions.iter().copied())),
        // Scope tokens are sorted and separated by one space, so padding makes every token a word.
        Which::OnlineOfSessions(sessions) => {
            ending.filter(Column::SessionId.is_in(sessions.iter().copied())).filter(terms::are(
                NAMED,
                Expr::cust("' ' || terms.scope || ' '").not_like("% offline_access %"),
            ))
        }
        Which::AllButOfSession(session) => ending.filter(Column::SessionId.ne(session)),
        Which::OfClient(client_id) => ending.filter(is_of(client_id)),
        Which::All => ending,
    }
    .into_query();
    let told = [Column::Id, Column::SessionId, Column::RotatedAt].map(Expr::col);
    let client = terms::client(NAMED);
    ending.returning(Query::returning().exprs(told.into_iter().chain([client])));
    let ended = db.query_all(&ending).await?;
    let ended = ended.iter().map(|row| {
        Ok(Ended {
            id: row.try_get_by_index(0)?,
            session_id: row.try_get_by_index(1)?,
            rotated_at: row.try_get_by_index(2)?,
            client_id: row.try_get_by_index(3)?,
        })
    });
    ended.collect()
}

/// Ends every grant of a client, whoever gave it.
pub async fn end_all_for(db: &impl ConnectionTrait, client_id: &str, now: Timestamp) -> Result<u64, Error> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::TermsId.in_subquery(terms::of_client(client_id)))
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
        .filter(is_of(client_id))
        .filter(Column::SessionId.eq(session))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(Second::from(now)))
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
        .filter(Column::ExpiresAt.gt(Second::from(now)))
        .limit(LISTED)
        .find_also_related(terms::row::Entity)
        .all(db)
        .await?;
    found.into_iter().map(read).collect()
}

const LISTED: u64 = 1000;

pub async fn remove_all_of(db: &impl ConnectionTrait, user: Id<User>) -> Result<(), Error> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
