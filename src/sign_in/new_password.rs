//! Changing one's password (NIST SP 800-63B §3.1.1): proven by the current one, and the end of everything elsewhere.

use super::attempt::{Place, SignIn, Unproven};
use super::password::{Password, Unacceptable, facts};
use crate::clock::Timestamp;
use crate::events::{self, Event, Reason};
use crate::revocation;
use crate::secret::{Fingerprint, Secret};
use crate::store::credentials::{self, Kind};
use crate::store::sessions::{self, IdleLimits, Session};
use crate::store::users::{self, User};
use crate::store::{Error, Transaction, attempts};

/// What somebody who is signed in typed, and where.
pub struct Change {
    pub user: User,
    pub session: Session,
    pub current: Secret,
    pub new: Secret,
    pub place: Place,
}

#[derive(Debug)]
pub enum Changed {
    /// The session goes on under a new secret: whoever had copied its cookie has nothing.
    Done {
        secret: Secret,
        session: Box<Session>,
    },
    Unproven(Unproven),
    Unacceptable(Unacceptable),
    /// The new password is the current one.
    Same,
    /// The session ended meanwhile, and with it the right to change anything.
    SignedOut,
}

impl SignIn {
    /// Guesses at the current password come out of the same budgets as those at a sign-in.
    pub async fn change_password(&self, change: Change, now: Timestamp) -> Result<Changed, Error> {
        let Change { user, session, current, new, place } = change;
        let proven = match self.prove(Some(user.username.clone()), &current, &place, now).await? {
            Ok(proven) => proven,
            Err(unproven) => return Ok(Changed::Unproven(unproven)),
        };
        if is_same(&current, &new) {
            return Ok(Changed::Same);
        }
        let verifier =
            match self.hashing.hash_new(self.policy, new.reveal(), facts(&user.username, &user.claims)).await
            {
                Ok(Ok(verifier)) => verifier,
                Ok(Err(unacceptable)) => return Ok(Changed::Unacceptable(unacceptable)),
                Err(_) => return Ok(Changed::Unproven(Unproven::Busy)),
            };
        let secret = Secret::new();
        let replacement = Replacement {
            session: Session { secret: secret.fingerprint(), auth_time: now, last_seen_at: now, ..session },
            limits: self.idle,
            old: proven.verifier,
            new: verifier,
            account_key: proven.account_key,
            now,
        };
        let session = replacement.session.clone();
        let written =
            self.store.write(replacement, |tx, replacement| Box::pin(replacement.enter(tx))).await?;
        Ok(match written {
            Written::Done => Changed::Done { secret, session: Box::new(session) },
            Written::SignedOut => Changed::SignedOut,
            Written::Overtaken => Changed::Unproven(Unproven::Wrong),
        })
    }
}

/// What a change writes.
struct Replacement {
    session: Session,
    limits: IdleLimits,
    old: String,
    new: String,
    account_key: Fingerprint,
    now: Timestamp,
}

enum Written {
    Done,
    SignedOut,
    /// Another change came first: what was proven is no longer the password.
    Overtaken,
}

impl Replacement {
    async fn enter(&self, tx: &Transaction) -> Result<Written, Error> {
        let (user, session, now) = (self.session.user_id, self.session.id, self.now);
        let is_signed_in = users::hold_active(tx, user).await?
            && sessions::hold_live(tx, session, &self.limits, now).await?;
        if !is_signed_in {
            return Ok(Written::SignedOut);
        }
        if !credentials::replace(tx, user, Kind::Password, &self.old, &self.new, now).await? {
            return Ok(Written::Overtaken);
        }
        sessions::renew(tx, &self.session).await?;
        attempts::reset(tx, self.account_key).await?;
        events::record(tx, &Event::PasswordChanged { user }, now).await?;
        revocation::end_elsewhere(tx, user, session, Reason::PasswordChanged, now).await?;
        Ok(Written::Done)
    }
}

fn is_same(current: &Secret, new: &Secret) -> bool {
    match (Password::typed(current.reveal()), Password::typed(new.reveal())) {
        (Ok(current), Ok(new)) => current.as_bytes() == new.as_bytes(),
        _ => false,
    }
}
