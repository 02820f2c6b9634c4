//! Ending things. One function for each height at which the line
//! session ─< grant ─< refresh generations ─< access tokens can be cut; everything below the cut is dead when the
//! transaction commits.

use crate::clock::Timestamp;
use crate::events::{self, Event, Reason};
use crate::id::Id;
use crate::store::grants::{self, Ended, Grant};
use crate::store::outbox::{self, Message};
use crate::store::participants::{self, Channel, Participant};
use crate::store::revoked_tokens::{self, Jti};
use crate::store::sessions::{self, Session};
use crate::store::users::User;
use crate::store::{Error, Transaction, consents};

/// How far below a session a cut reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A sign-out: apps that were allowed to go on while the person is away (`offline_access`) go on.
    Online,
    /// A lost or distrusted device: all that was born there.
    Everything,
}

/// Ends one session of a user. `false`: it was not alive, or not this user's.
pub async fn end_session(
    tx: &Transaction,
    user: Id<User>,
    session: Id<Session>,
    reach: Reach,
    reason: Reason,
    now: Timestamp,
) -> Result<bool, Error> {
    let ended = end_sessions(tx, user, sessions::Which::One(session), reach, reason, now).await?;
    Ok(!ended.is_empty())
}

/// Ends every session of a user but one: "sign out everywhere else".
pub async fn end_other_sessions(
    tx: &Transaction,
    user: Id<User>,
    kept: Id<Session>,
    reason: Reason,
    now: Timestamp,
) -> Result<usize, Error> {
    let ended = end_sessions(tx, user, sessions::Which::AllBut(kept), Reach::Everything, reason, now).await?;
    Ok(ended.len())
}

/// Ends all that a user has anywhere but in one session, also what was promised to outlive its session.
pub async fn end_elsewhere(
    tx: &Transaction,
    user: Id<User>,
    kept: Id<Session>,
    reason: Reason,
    now: Timestamp,
) -> Result<(), Error> {
    end_sessions(tx, user, sessions::Which::AllBut(kept), Reach::Everything, reason, now).await?;
    let ended = end_grants(tx, user, grants::Which::AllButOfSession(kept), None, reason, now).await?;
    tell_of_grants(tx, user, &ended, now).await
}

/// Ends every session and every grant of a user.
pub async fn end_user(tx: &Transaction, user: Id<User>, reason: Reason, now: Timestamp) -> Result<(), Error> {
    end_sessions(tx, user, sessions::Which::All, Reach::Everything, reason, now).await?;
    // What outlived its session.
    let ended = end_grants(tx, user, grants::Which::All, None, reason, now).await?;
    tell_of_grants(tx, user, &ended, now).await
}

/// Ends one grant, and with it its refresh token and access tokens.
pub async fn end_grant(tx: &Transaction, grant: &Grant, reason: Reason, now: Timestamp) -> Result<(), Error> {
    let client = Some(grant.client_id.clone());
    end_grants(tx, grant.user_id, grants::Which::One(grant.id), client, reason, now).await?;
    Ok(())
}

/// Ends everything between a user and an app: what was agreed and what was granted. `false`: there was nothing.
pub async fn end_app(
    tx: &Transaction,
    user: Id<User>,
    client_id: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let agreed = consents::remove(tx, user, client_id).await?;
    let client = Some(client_id.to_owned());
    let granted =
        end_grants(tx, user, grants::Which::OfClient(client_id), client, Reason::AppRemoved, now).await?;
    if !agreed && granted.is_empty() {
        return Ok(false);
    }
    tell_of_grants(tx, user, &granted, now).await?;
    events::record(tx, &Event::AppRemoved { user, client: client_id.to_owned() }, now).await?;
    Ok(true)
}

/// Ends everything between everybody and a client: a later client of the same name inherits nothing.
pub async fn end_client(tx: &Transaction, client_id: &str, now: Timestamp) -> Result<u64, Error> {
    consents::remove_all_for(tx, client_id).await?;
    grants::end_all_for(tx, client_id, now).await
}

/// Ends one access token before it expires.
pub async fn end_token(
    tx: &Transaction,
    client_id: &str,
    jti: Jti,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    if revoked_tokens::insert(tx, jti, expires_at).await? {
        events::record(tx, &Event::TokenRevoked { client: client_id.to_owned() }, now).await?;
    }
    Ok(())
}

async fn end_sessions(
    tx: &Transaction,
    user: Id<User>,
    which: sessions::Which,
    reach: Reach,
    reason: Reason,
    now: Timestamp,
) -> Result<Vec<Id<Session>>, Error> {
    let ended = sessions::end(tx, user, which, now).await?;
    if ended.is_empty() {
        return Ok(ended);
    }
    let below = match reach {
        Reach::Online => grants::Which::OnlineOfSessions(&ended),
        Reach::Everything => grants::Which::OfSessions(&ended),
    };
    let grants = grants::end(tx, user, below, now).await?.len();
    events::record(tx, &Event::SessionsEnded { user, sessions: ended.clone(), grants, reason }, now).await?;
    tell(tx, user, participants::of_sessions(tx, user, &ended, Channel::Back).await?, now).await?;
    Ok(ended)
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
