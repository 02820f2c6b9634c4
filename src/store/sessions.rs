//! Sign-in sessions: a row here, a secret in the browser's cookie. Any node serves any step.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Set,
};

use super::users::{self, User};
use super::{Error, Transaction};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::secret::Fingerprint;

/// A browser in which a user is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The `sid` of tokens: known to clients, worth nothing without the cookie.
    pub id: Id<Session>,
    pub user_id: Id<User>,
    pub secret: Fingerprint,
    /// The browser that it belongs to, which outlives sessions.
    pub browser: Fingerprint,
    pub persistence: Persistence,
    /// Authentication method references (RFC 8176).
    pub amr: Vec<String>,
    pub user_agent: String,
    pub address: String,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    pub last_seen_at: Timestamp,
    /// The absolute end, which no activity moves.
    pub expires_at: Timestamp,
}

/// Whether the cookie outlives the browser's window: "keep me signed in".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Window,
    Kept,
}

impl Persistence {
    const fn as_str(self) -> &'static str {
        match self {
            Persistence::Window => "window",
            Persistence::Kept => "kept",
        }
    }
}

/// How long a session may rest.
#[derive(Clone, Copy, Debug)]
pub struct IdleLimits {
    pub window: Duration,
    pub kept: Duration,
}

impl IdleLimits {
    pub fn of(&self, persistence: Persistence) -> Duration {
        match persistence {
            Persistence::Window => self.window,
            Persistence::Kept => self.kept,
        }
    }
}

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use super::Session;
    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::secret::Fingerprint;
    use crate::store::users::{self, User};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Session>,
        pub user_id: Id<User>,
        pub secret: Fingerprint,
        pub browser: Fingerprint,
        pub persistence: String,
        pub amr: String,
        pub user_agent: String,
        pub address: String,
        pub auth_time: Timestamp,
        pub last_seen_at: Timestamp,
        pub expires_at: Timestamp,
        pub ended_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "users::row::Entity", from = "Column::UserId", to = "users::row::Column::Id")]
        User,
    }

    impl Related<users::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for Session {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let persistence = match row.persistence.as_str() {
            "window" => Persistence::Window,
            "kept" => Persistence::Kept,
            _ => {
                let row = row.id.to_string();
                return Err(Error::Corrupt { table: "sessions", column: "persistence", row });
            }
        };
        Ok(Session {
            id: row.id,
            user_id: row.user_id,
            secret: row.secret,
            browser: row.browser,
            persistence,
            amr: row.amr.split(' ').map(str::to_owned).collect(),
            user_agent: row.user_agent,
            address: row.address,
            auth_time: row.auth_time,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
        })
    }
}

/// Not ended, not past its absolute end, not idle for too long.
pub(super) fn live(limits: &IdleLimits, now: Timestamp) -> Condition {
    let rested = |persistence: Persistence| {
        Condition::all()
            .add(Column::Persistence.eq(persistence.as_str()))
            .add(Column::LastSeenAt.gt(now.minus(limits.of(persistence))))
    };
    Condition::all()
        .add(Column::EndedAt.is_null())
        .add(Column::ExpiresAt.gt(now))
        .add(Condition::any().add(rested(Persistence::Window)).add(rested(Persistence::Kept)))
}

pub async fn insert(db: &impl ConnectionTrait, session: &Session) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(session.id),
        user_id: Set(session.user_id),
        secret: Set(session.secret),
        browser: Set(session.browser),
        persistence: Set(session.persistence.as_str().to_owned()),
        amr: Set(session.amr.join(" ")),
        user_agent: Set(session.user_agent.clone()),
        address: Set(session.address.clone()),
        auth_time: Set(session.auth_time),
        last_seen_at: Set(session.last_seen_at),
        expires_at: Set(session.expires_at),
        ended_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The same person proved themselves again: the session stays, and with it what descends from it; its secret and
/// its times are new.
pub async fn renew(db: &impl ConnectionTrait, session: &Session) -> Result<bool, Error> {
    let renewed = Entity::update_many()
        .col_expr(Column::Secret, Expr::value(session.secret))
        .col_expr(Column::Persistence, Expr::value(session.persistence.as_str()))
        .col_expr(Column::Amr, Expr::value(session.amr.join(" ")))
        .col_expr(Column::UserAgent, Expr::value(session.user_agent.as_str()))
        .col_expr(Column::Address, Expr::value(session.address.as_str()))
        .col_expr(Column::AuthTime, Expr::value(session.auth_time))
        .col_expr(Column::LastSeenAt, Expr::value(session.last_seen_at))
        .col_expr(Column::ExpiresAt, Expr::value(session.expires_at))
        .filter(Column::Id.eq(session.id))
        .filter(Column::UserId.eq(session.user_id))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(renewed.rows_affected == 1)
}

/// The live session that a cookie proves, with its user, who must be active.
pub async fn find_live(
    db: &impl ConnectionTrait,
    secret: Fingerprint,
    limits: &IdleLimits,
    now: Timestamp,
) -> Result<Option<(Session, User)>, Error> {
    let found = Entity::find()
        .filter(Column::Secret.eq(secret))
        .filter(live(limits, now))
        .filter(users::row::Column::DisabledAt.is_null())
        .find_also_related(users::row::Entity)
        .one(db)
        .await?;
    let Some((session, Some(user))) = found else { return Ok(None) };
    Ok(Some((Session::try_from(session)?, User::try_from(user)?)))
}

/// One session of a user, alive or not.
pub async fn find_of(
    db: &impl ConnectionTrait,
    user: Id<User>,
    id: Id<Session>,
) -> Result<Option<Session>, Error> {
    let found = Entity::find_by_id(id).filter(Column::UserId.eq(user)).one(db).await?;
    found.map(Session::try_from).transpose()
}

/// Whether a session is alive, and keeps it so until the transaction ends: an ending that comes at the same time
/// waits, and then sees what was born meanwhile.
pub async fn hold_live(
    tx: &Transaction,
    id: Id<Session>,
    limits: &IdleLimits,
    now: Timestamp,
) -> Result<bool, Error> {
    let held = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.eq(id))
        .filter(live(limits, now))
        .lock_shared()
        .into_tuple::<Id<Session>>()
        .one(tx)
        .await?;
    Ok(held.is_some())
}

pub async fn find(db: &impl ConnectionTrait, id: Id<Session>) -> Result<Option<Session>, Error> {
    Entity::find_by_id(id).one(db).await?.map(Session::try_from).transpose()
}

/// The live sessions of everybody with their users, the most recent first.
pub async fn list_live_of_all(
    db: &impl ConnectionTrait,
    limits: &IdleLimits,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<(Session, User)>, Error> {
    let found = Entity::find()
        .filter(live(limits, now))
        .filter(users::row::Column::DisabledAt.is_null())
        .order_by_desc(Column::LastSeenAt)
        .limit(limit)
        .find_also_related(users::row::Entity)
        .all(db)
        .await?;
    let with_users = found.into_iter().filter_map(|(session, user)| Some((session, user?)));
    with_users.map(|(session, user)| Ok((Session::try_from(session)?, User::try_from(user)?))).collect()
}

/// Every live session of a user, the most recent first.
pub async fn list_live(
    db: &impl ConnectionTrait,
    user: Id<User>,
    limits: &IdleLimits,
    now: Timestamp,
) -> Result<Vec<Session>, Error> {
    let found = Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(live(limits, now))
        .order_by_desc(Column::LastSeenAt)
        .limit(LISTED)
        .all(db)
        .await?;
    found.into_iter().map(Session::try_from).collect()
}

/// More devices than a page can show, and a bound for whoever signs in in a loop.
const LISTED: u64 = 200;

pub async fn touch(db: &impl ConnectionTrait, id: Id<Session>, now: Timestamp) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::EndedAt.is_null())
        .filter(Column::LastSeenAt.lt(now))
        .exec(db)
        .await?;
    Ok(())
}

/// Whether this user has signed in from this browser before, as far as rows remember.
pub async fn knows_browser(
    db: &impl ConnectionTrait,
    user: Id<User>,
    browser: Fingerprint,
) -> Result<bool, Error> {
    let found = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::UserId.eq(user))
        .filter(Column::Browser.eq(browser))
        .limit(1)
        .into_tuple::<Id<Session>>()
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Which sessions of a user an ending means.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    One(Id<Session>),
    AllBut(Id<Session>),
    All,
}

/// Ends sessions of one user and says which of them this call ended.
pub async fn end(
    db: &impl ConnectionTrait,
    user: Id<User>,
    which: Which,
    now: Timestamp,
) -> Result<Vec<Id<Session>>, Error> {
    let mut ending = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null());
    ending = match which {
        Which::One(id) => ending.filter(Column::Id.eq(id)),
        Which::AllBut(id) => ending.filter(Column::Id.ne(id)),
        Which::All => ending,
    };
    let ended = ending.exec_with_returning(db).await?;
    Ok(ended.into_iter().map(|row| row.id).collect())
}

pub async fn remove_expired(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let expired =
        Entity::find().select_only().column(Column::Id).filter(Column::ExpiresAt.lt(before)).limit(limit);
    let gone = Entity::delete_many().filter(Column::Id.in_subquery(expired.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}

pub async fn remove_all_of(db: &impl ConnectionTrait, user: Id<User>) -> Result<(), Error> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
