//! The outbox: what has to reach somebody else, written in the transaction of what it tells. It stays for a while
//! after it was settled, as the log of deliveries.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
};
use serde::{Deserialize, Serialize};

use super::sessions::Session;
use super::users::User;
use super::{Error, document, text_of};
use crate::clock::Timestamp;
use crate::id::Id;

/// One message for one client.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The same in every attempt: by it the client knows what it has had before.
    pub id: Id<Letter>,
    pub client_id: String,
    pub target: String,
    pub message: Message,
    pub created_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    pub state: State,
    /// What came of the last attempt, for operators: a status, or why there was none. Never a body.
    pub last_outcome: Option<String>,
}

/// The facts; what is signed is signed when it is delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// OpenID Connect Back-Channel Logout §2.4
    LogoutToken { user: Id<User>, session: Id<Session> },
}

impl Message {
    pub const fn kind(&self) -> &'static str {
        match self {
            Message::LogoutToken { .. } => "logout_token",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The next attempt is due then.
    Waiting(Timestamp),
    Delivered(Timestamp),
    GivenUp(Timestamp),
}

mod row {
    use sea_orm::entity::prelude::*;

    use super::Letter;
    use crate::clock::Timestamp;
    use crate::id::Id;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Letter>,
        pub client_id: String,
        pub target: String,
        pub message: String,
        pub created_at: Timestamp,
        pub attempts: i64,
        pub next_attempt_at: Option<Timestamp>,
        pub delivered_at: Option<Timestamp>,
        pub given_up_at: Option<Timestamp>,
        pub last_outcome: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for Letter {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let state = match (row.delivered_at, row.given_up_at, row.next_attempt_at) {
            (Some(at), None, None) => State::Delivered(at),
            (None, Some(at), None) => State::GivenUp(at),
            (None, None, Some(at)) => State::Waiting(at),
            _ => {
                let row = row.id.to_string();
                return Err(Error::Corrupt { table: "outbox", column: "next_attempt_at", row });
            }
        };
        Ok(Letter {
            message: document(&row.message, "outbox", "message", row.id)?,
            id: row.id,
            client_id: row.client_id,
            target: row.target,
            created_at: row.created_at,
            attempts: row.attempts,
            state,
            last_outcome: row.last_outcome,
        })
    }
}

/// Rows of one statement: databases bound how many values it may have.
const TOGETHER: usize = 500;

/// Writes messages that are due at once, each to a client at its URI.
pub async fn post(
    db: &impl ConnectionTrait,
    messages: Vec<(String, String, Message)>,
    now: Timestamp,
) -> Result<(), Error> {
    for some in messages.chunks(TOGETHER) {
        let rows = some.iter().map(|(client_id, target, message)| ActiveModel {
            id: Set(Id::new()),
            client_id: Set(client_id.clone()),
            target: Set(target.clone()),
            message: Set(text_of(message)),
            created_at: Set(now),
            attempts: Set(0),
            next_attempt_at: Set(Some(now)),
            delivered_at: Set(None),
            given_up_at: Set(None),
            last_outcome: Set(None),
        });
        Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// What has waited longest among what is due, except for these clients.
pub async fn find_due(
    db: &impl ConnectionTrait,
    except: &[&str],
    now: Timestamp,
) -> Result<Option<Id<Letter>>, Error> {
    let due = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::NextAttemptAt.lte(now))
        .filter(Column::ClientId.is_not_in(except.iter().copied()))
        .order_by_asc(Column::NextAttemptAt)
        .order_by_asc(Column::Id);
    Ok(due.into_tuple::<Id<Letter>>().one(db).await?)
}

/// Takes a due letter for an attempt that lasts until `until` at most; whoever dies meanwhile leaves it to the
/// next one. `None`: somebody else was faster.
pub async fn claim(
    db: &impl ConnectionTrait,
    id: Id<Letter>,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<Letter>, Error> {
    let claimed = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::NextAttemptAt, Expr::value(until))
        .filter(Column::Id.eq(id))
        .filter(Column::NextAttemptAt.lte(now))
        .exec_with_returning(db)
        .await?;
    claimed.into_iter().next().map(Letter::try_from).transpose()
}

/// What came of the attempt that `letter` was claimed for. A later attempt knows better, so it is not overruled.
pub async fn settle(
    db: &impl ConnectionTrait,
    letter: &Letter,
    state: State,
    outcome: &str,
) -> Result<(), Error> {
    let (next, delivered, given_up) = match state {
        State::Waiting(at) => (Some(at), None, None),
        State::Delivered(at) => (None, Some(at), None),
        State::GivenUp(at) => (None, None, Some(at)),
    };
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(next))
        .col_expr(Column::DeliveredAt, Expr::value(delivered))
        .col_expr(Column::GivenUpAt, Expr::value(given_up))
        .col_expr(Column::LastOutcome, Expr::value(outcome))
        .filter(Column::Id.eq(letter.id))
        .filter(Column::Attempts.eq(letter.attempts))
        .filter(Column::NextAttemptAt.is_not_null())
        .exec(db)
        .await?;
    Ok(())
}

/// The newest letters first, of one client or of all.
pub async fn list(
    db: &impl ConnectionTrait,
    client_id: Option<&str>,
    limit: u64,
) -> Result<Vec<Letter>, Error> {
    let rows = Entity::find()
        .apply_if(client_id, |query, client_id| query.filter(Column::ClientId.eq(client_id)))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(Letter::try_from).collect()
}

pub async fn remove_settled(db: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, Error> {
    let settled = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CreatedAt.lt(before))
        .filter(Column::NextAttemptAt.is_null())
        .limit(limit);
    let gone = Entity::delete_many().filter(Column::Id.in_subquery(settled.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
