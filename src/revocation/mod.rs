//! Ending things. One function for each height at which the line
//! session ─< grant ─< refresh generations ─< access tokens can be cut; everything below the cut is dead when the
//! transaction commits.
//!
//! Each is one transaction of its caller's: it ends the rows, records the event, puts logout tokens into the outbox
//! and, last of all, appends one entry to the feed by which APIs hear of it. An entry names sessions, grants, tokens
//! or a client, and never a user: a user's tokens are exactly those of their sessions and grants, while the `sub` of
//! a token may be another one for each client (OpenID Connect Core §8.1).

pub mod feed;
mod frame;
pub mod receipts;
pub mod status_list;

use std::time::Duration;

use crate::clock::Timestamp;
use crate::events::{self, Event, Reason};
use crate::id::Id;
use crate::store::grants::{self, Ended, Grant};
use crate::store::outbox::{self, Message};
use crate::store::participants::{self, Channel, Participant};
use crate::store::revocations::{self, Dead, Number};
use crate::store::revoked_tokens::Jti;
use crate::store::sessions::{self, Session};
use crate::store::users::User;
use crate::store::{Error, Transaction, consents};

/// No access token is issued for longer (`access_token_lifetime_seconds`), nor later than this after its grant was
/// born or rotated (`refresh_grace_seconds`): a grant that rested for longer holds none that is alive.
const LONGEST_HOLD: Duration = Duration::from_secs(3600 + 60);
/// How long another node may still issue for a client that has just ended: what it remembers of it, the request that
/// is under way, and the difference of the clocks.
const CLIENT_LINGERS: Duration = Duration::from_secs(30);

/// How far below a session a cut reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A sign-out: apps that were allowed to go on while the person is away (`offline_access`) go on.
    Online,
    /// A lost or distrusted device: all that was born there.
    Everything,
}

/// What an ending came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// There was nothing to end.
    Nothing,
    /// It ended, and no token was left that an API could still accept.
    Unnumbered,
    /// It ended, and APIs hear of it under this number.
    Numbered(Number),
}

impl Ending {
    pub fn is_nothing(self) -> bool {
        self == Ending::Nothing
    }

    pub fn number(self) -> Option<Number> {
        match self {
            Ending::Numbered(number) => Some(number),
            Ending::Nothing | Ending::Unnumbered => None,
        }
    }
}

/// Ends one session of a user.
pub async fn end_session(
    tx: &Transaction,
    user: Id<User>,
    session: Id<Session>,
    reach: Reach,
    reason: Reason,
    now: Timestamp,
) -> Result<Ending, Error> {
    let dead = end_sessions(tx, user, sessions::Which::One(session), reach, reason, now).await?;
    tell_apis(tx, dead, now).await
}

/// Ends every session of a user but one: "sign out everywhere else".
pub async fn end_other_sessions(
    tx: &Transaction,
    user: Id<User>,
    kept: Id<Session>,
    reason: Reason,
    now: Timestamp,
) -> Result<Ending, Error> {
    let others = sessions::Which::AllBut(kept);
    let dead = end_sessions(tx, user, others, Reach::Everything, reason, now).await?;
    tell_apis(tx, dead, now).await
}

/// Ends all that a user has anywhere but in one session, also what was promised to outlive its session.
pub async fn end_elsewhere(
    tx: &Transaction,
    user: Id<User>,
    kept: Id<Session>,
    reason: Reason,
    now: Timestamp,
) -> Result<Ending, Error> {
    let others = (sessions::Which::AllBut(kept), grants::Which::AllButOfSession(kept));
    end_all(tx, user, others, reason, now).await
}

/// Ends every session and every grant of a user.
pub async fn end_user(
    tx: &Transaction,
    user: Id<User>,
    reason: Reason,
    now: Timestamp,
) -> Result<Ending, Error> {
    end_all(tx, user, (sessions::Which::All, grants::Which::All), reason, now).await
}

/// Ends one grant, and with it its refresh token and access tokens.
pub async fn end_grant(
    tx: &Transaction,
    grant: &Grant,
    reason: Reason,
    now: Timestamp,
) -> Result<Ending, Error> {
    let client = Some(grant.client_id.clone());
    let ended = end_grants(tx, grant.user_id, grants::Which::One(grant.id), client, reason, now).await?;
    tell_apis(tx, dead_grants(&ended, now), now).await
}

/// Ends everything between a user and an app: what was agreed and what was granted.
pub async fn end_app(
    tx: &Transaction,
    user: Id<User>,
    client_id: &str,
    now: Timestamp,
) -> Result<Ending, Error> {
    let agreed = consents::remove(tx, user, client_id).await?;
    let client = Some(client_id.to_owned());
    let granted =
        end_grants(tx, user, grants::Which::OfClient(client_id), client, Reason::AppRemoved, now).await?;
    if !agreed && granted.is_empty() {
        return Ok(Ending::Nothing);
    }
    tell_of_grants(tx, user, &granted, now).await?;
    events::record(tx, &Event::AppRemoved { user, client: client_id.to_owned() }, now).await?;
    tell_apis(tx, Some(dead_grants(&granted, now).unwrap_or_default()), now).await
}

/// Ends everything that a client holds: of everybody, and of its own.
pub async fn end_client(tx: &Transaction, client_id: &str, now: Timestamp) -> Result<Ending, Error> {
    grants::end_all_for(tx, client_id, now).await?;
    let last = now.plus(CLIENT_LINGERS);
    let dead = Dead {
        client_id: vec![client_id.to_owned()],
        // A client may come back, as the same or under the same name.
        issued_before: Some(last.secs()),
        ..Dead::default()
    };
    let number = revocations::append(tx, &dead, last, now).await?;
    Ok(Ending::Numbered(number))
}

/// Ends one access token before it expires.
pub async fn end_token(
    tx: &Transaction,
    client_id: &str,
    jti: Jti,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<Ending, Error> {
    let event = Event::TokenRevoked { client: client_id.to_owned() };
    let number = revocations::append_token(tx, jti, expires_at, &events::entry(&event, now)).await?;
    Ok(match number {
        None => Ending::Nothing,
        Some(number) => {
            events::tell_afterwards(tx, event);
            Ending::Numbered(number)
        }
    })
}

/// One entry for both, however many rows they are.
async fn end_all(
    tx: &Transaction,
    user: Id<User>,
    (sessions, grants): (sessions::Which, grants::Which<'_>),
    reason: Reason,
    now: Timestamp,
) -> Result<Ending, Error> {
    let mut dead = end_sessions(tx, user, sessions, Reach::Everything, reason, now).await?;
    // What outlived its session.
    let ended = end_grants(tx, user, grants, None, reason, now).await?;
    tell_of_grants(tx, user, &ended, now).await?;
    if let Some(outlived) = dead_grants(&ended, now) {
        dead.get_or_insert_default().grant_id = outlived.grant_id;
    }
    tell_apis(tx, dead, now).await
}

/// `None`: nothing was ended.
fn dead_grants(ended: &[Ended], now: Timestamp) -> Option<Dead> {
    let holding = ended.iter().filter(|grant| now.since(grant.rotated_at) < LONGEST_HOLD);
    let grant_id = holding.map(|grant| grant.id).collect();
    (!ended.is_empty()).then(|| Dead { grant_id, ..Dead::default() })
}

/// The last act of an ending: from here to the commit others that end something wait.
async fn tell_apis(tx: &Transaction, dead: Option<Dead>, now: Timestamp) -> Result<Ending, Error> {
    match dead {
        None => Ok(Ending::Nothing),
        Some(dead) if dead.is_nothing() => Ok(Ending::Unnumbered),
        Some(dead) => {
            let number = revocations::append(tx, &dead, now, now).await?;
            Ok(Ending::Numbered(number))
        }
    }
}

async fn end_sessions(
    tx: &Transaction,
    user: Id<User>,
    which: sessions::Which,
    reach: Reach,
    reason: Reason,
    now: Timestamp,
) -> Result<Option<Dead>, Error> {
    let ended = sessions::end(tx, user, which, now).await?;
    if ended.is_empty() {
        return Ok(None);
    }
    let below = match reach {
        Reach::Online => grants::Which::OnlineOfSessions(&ended),
        Reach::Everything => grants::Which::OfSessions(&ended),
    };
    let below = grants::end(tx, user, below, now).await?;
    let (sessions, grants) = (ended.clone(), below.len());
    events::record(tx, &Event::SessionsEnded { user, sessions, grants, reason }, now).await?;
    tell(tx, user, participants::of_sessions(tx, user, &ended, Channel::Back).await?, now).await?;
    Ok(match reach {
        // Not the session: what goes on carries its `sid` too.
        Reach::Online => Some(dead_grants(&below, now).unwrap_or_default()),
        Reach::Everything => Some(Dead { sid: ended, ..Dead::default() }),
    })
}

async fn end_grants(
    tx: &Transaction,
    user: Id<User>,
    which: grants::Which<'_>,
    client: Option<String>,
    reason: Reason,
    now: Timestamp,
) -> Result<Vec<Ended>, Error> {
    let ended = grants::end(tx, user, which, now).await?;
    if !ended.is_empty() {
        let grants = ended.iter().map(|grant| grant.id).collect();
        events::record(tx, &Event::GrantsEnded { user, client, grants, reason }, now).await?;
    }
    Ok(ended)
}

/// An app that a person has removed, or all apps of a person who is gone, sign them out as if the sessions in which
/// they got their grants had ended.
async fn tell_of_grants(
    tx: &Transaction,
    user: Id<User>,
    ended: &[Ended],
    now: Timestamp,
) -> Result<(), Error> {
    tell(tx, user, participants::of_ended(tx, ended, Channel::Back).await?, now).await
}

/// OpenID Connect Back-Channel Logout §2.5: the tokens are written here, in the ending's own transaction, and
/// delivered after it.
async fn tell(
    tx: &Transaction,
    user: Id<User>,
    participants: Vec<Participant>,
    now: Timestamp,
) -> Result<(), Error> {
    let letters = participants.into_iter().map(|participant| {
        let message = Message::LogoutToken { user, session: participant.session_id };
        (participant.client_id, participant.logout_uri, message)
    });
    outbox::post(tx, letters.collect(), now).await
}
