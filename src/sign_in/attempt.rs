//! One attempt to sign in by password: its budget, its proof, and the session that comes of it.

use std::time::Duration;

use super::assurance::Factor;
use super::hashing::{HashError, Hashing, Verdict};
use super::password::{Password, PasswordPolicy};
use crate::clock::Timestamp;
use crate::events::{self, Event, Reason};
use crate::id::Id;
use crate::revocation::{self, Reach};
use crate::secret::{Fingerprint, Secret};
use crate::store::attempts::{self, Allowance, Budget};
use crate::store::authorizations::{self, Pending, Step};
use crate::store::credentials::{self, Kind};
use crate::store::sessions::{self, IdleLimits, Persistence, Session};
use crate::store::users::{self, User, Username};
use crate::store::{Error, Store, Transaction};

/// The rules of signing in, and what they need.
pub struct SignIn {
    pub store: Store,
    pub hashing: Hashing,
    pub policy: PasswordPolicy,
    /// Guesses for one account.
    pub account: Budget,
    /// Guesses from one address.
    pub address: Budget,
    pub idle: IdleLimits,
    /// The absolute life of a session.
    pub absolute: Duration,
}

/// What somebody typed, and where.
pub struct Attempt {
    pub username: String,
    pub password: Secret,
    pub place: Place,
    pub persistence: Persistence,
    /// Who is signed in in this browser already.
    pub current: Option<Session>,
    /// The authorization request that waits for it.
    pub authorization: Option<Id<Pending>>,
}

/// Where a person is.
#[derive(Clone, Debug)]
pub struct Place {
    pub browser: Fingerprint,
    pub user_agent: String,
    pub address: String,
    /// The address as far as one guesser owns it: an IPv4 address, or the /64 of an IPv6 one.
    pub network: String,
}

#[derive(Debug)]
pub enum Answer {
    /// The secret goes into the cookie; the session's row has its fingerprint.
    SignedIn {
        secret: Secret,
        session: Box<Session>,
    },
    Unproven(Unproven),
}

/// A password that was right.
pub(super) struct Proven {
    pub(super) user: User,
    pub(super) verifier: String,
    pub(super) verdict: Verdict,
    /// Whose budget a success gives back.
    pub(super) account_key: Fingerprint,
}

/// Why nothing was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// Wrong password, unknown user, disabled user: nobody learns which.
    Wrong,
    /// No guess is left for so long.
    Wait(Duration),
    /// Too many people are signing in at this moment.
    Busy,
}

/// A user as far as an attempt needs to know.
struct Candidate {
    user: Option<User>,
    verifier: Option<String>,
    allowance: Allowance,
    account_key: Fingerprint,
}

impl SignIn {
    pub async fn with_password(&self, attempt: Attempt, now: Timestamp) -> Result<Answer, Error> {
        let username = Username::parse(&attempt.username).ok();
        let proven = match self.prove(username, &attempt.password, &attempt.place, now).await? {
            Ok(proven) => proven,
            Err(unproven) => return Ok(Answer::Unproven(unproven)),
        };
        let user = proven.user;
        let rehashed = match proven.verdict {
            Verdict::RightButWeak => self.rehash(&attempt.password).await,
            _ => None,
        };
        let secret = Secret::new();
        let entry = Entry {
            session: self.session_for(&user, &attempt, secret.fingerprint(), now),
            goes_on: attempt.current.as_ref().filter(|current| current.user_id == user.id).map(|own| own.id),
            replaced: attempt.current.filter(|current| current.user_id != user.id),
            authorization: attempt.authorization,
            account_key: proven.account_key,
            rehash: rehashed.map(|new| (proven.verifier, new)),
            now,
        };
        let session = self.store.write(entry, |tx, entry| Box::pin(entry.enter(tx))).await?;
        Ok(match session {
            Some(session) => Answer::SignedIn { secret, session: Box::new(session) },
            None => Answer::Unproven(Unproven::Wrong),
        })
    }

    /// Takes a try out of the budgets, then judges what was typed, and tells of a failure.
    pub(super) async fn prove(
        &self,
        username: Option<Username>,
        typed: &Secret,
        place: &Place,
        now: Timestamp,
    ) -> Result<Result<Proven, Unproven>, Error> {
        // Before anything is asked or counted: a refusal costs nobody a try.
        if self.hashing.is_full() {
            return Ok(Err(Unproven::Busy));
        }
        let address = place.address.clone();
        let network_key = Fingerprint::of(&[b"network\0", place.network.as_bytes()].concat());
        if let Some(wait) = self.store.refusal(network_key).await {
            events::tell(&Event::SignInThrottled { user: None, address });
            return Ok(Err(Unproven::Wait(wait)));
        }
        let candidate = self.find_candidate(username, place, network_key, now).await?;
        let user_id = candidate.user.as_ref().map(|user| user.id);
        if let Allowance::Exhausted(wait) = candidate.allowance {
            events::tell(&Event::SignInThrottled { user: user_id, address });
            return Ok(Err(Unproven::Wait(wait)));
        }
        let verdict = match self.judge(&candidate, typed).await {
            Ok(verdict) => verdict,
            Err(HashError::Busy) => return Ok(Err(Unproven::Busy)),
            Err(HashError::Unusable(reason)) => {
                tracing::error!(user = user_id.map(tracing::field::display), %reason, "unusable password hash");
                Verdict::Wrong
            }
        };
        let account_key = candidate.account_key;
        match (verdict, candidate.user, candidate.verifier) {
            (Verdict::Right | Verdict::RightButWeak, Some(user), Some(verifier)) if user.is_active() => {
                Ok(Ok(Proven { user, verifier, verdict, account_key }))
            }
            _ => {
                let failed = Event::SignInFailed { user: user_id, address };
                let failure = (failed, now);
                self.store
                    .write_once(failure, |tx, (failed, now)| Box::pin(events::record(tx, failed, *now)))
                    .await?;
                Ok(Err(Unproven::Wrong))
            }
        }
    }

    /// Looks the user up and takes a try out of the budgets, before anything is hashed.
    async fn find_candidate(
        &self,
        username: Option<Username>,
        place: &Place,
        network_key: Fingerprint,
        now: Timestamp,
    ) -> Result<Candidate, Error> {
        let found = match &username {
            Some(username) => credentials::find_named(self.store.read(), username, Kind::Password).await?,
            None => None,
        };
        let (user, verifier) = found.map_or((None, None), |(user, verifier)| (Some(user), verifier));
        let is_known = match &user {
            Some(user) => sessions::knows_browser(self.store.read(), user.id, place.browser).await?,
            None => false,
        };
        let name = username.as_ref().map_or("", Username::as_str);
        let account_key = if is_known {
            // A browser in which this person has signed in before has a budget of its own: nobody can lock
            // somebody else out of it (LG-07).
            Fingerprint::of(&[b"browser\0", name.as_bytes(), b"\0", &place.browser.as_bytes()[..]].concat())
        } else {
            Fingerprint::of(&[b"account\0", name.as_bytes()].concat())
        };
        let taken = (account_key, self.account, network_key, self.address, now);
        let (of_network, of_account) = self
            .store
            .write(taken, |tx, (account_key, account, network_key, network, now)| {
                Box::pin(async move {
                    Ok(match attempts::take(tx, *network_key, *network, *now).await? {
                        Allowance::Granted => {
                            (Allowance::Granted, attempts::take(tx, *account_key, *account, *now).await?)
                        }
                        exhausted => (exhausted, exhausted),
                    })
                })
            })
            .await?;
        if let Allowance::Exhausted(wait) = of_network {
            self.store.note_refusal(network_key, wait, now);
        }
        let allowance = of_account;
        Ok(Candidate { user, verifier, allowance, account_key })
    }

    async fn judge(&self, candidate: &Candidate, typed: &Secret) -> Result<Verdict, HashError> {
        let Ok(password) = Password::typed(typed.reveal()) else { return Ok(Verdict::Wrong) };
        match &candidate.verifier {
            Some(verifier) => self.hashing.verify(password, verifier).await,
            None => {
                self.hashing.verify_nothing(password).await?;
                Ok(Verdict::Wrong)
            }
        }
    }

    /// Stronger than what is stored; if there is no room for it now, the next sign-in will do it.
    async fn rehash(&self, typed: &Secret) -> Option<String> {
        let password = Password::typed(typed.reveal()).ok()?;
        self.hashing.hash(password).await.ok()
    }

    fn session_for(&self, user: &User, attempt: &Attempt, secret: Fingerprint, now: Timestamp) -> Session {
        Session {
            id: Id::new(),
            user_id: user.id,
            secret,
            browser: attempt.place.browser,
            persistence: attempt.persistence,
            amr: vec![Factor::Password.amr().to_owned()],
            user_agent: attempt.place.user_agent.clone(),
            address: attempt.place.address.clone(),
            auth_time: now,
            last_seen_at: now,
            expires_at: now.plus(self.absolute),
        }
    }
}

/// What a successful attempt writes.
struct Entry {
    session: Session,
    /// The session of the same person in the same browser, which takes on the new secret.
    goes_on: Option<Id<Session>>,
    /// Somebody else's session in the same browser.
    replaced: Option<Session>,
    authorization: Option<Id<Pending>>,
    account_key: Fingerprint,
    /// From the old verifier to the new one.
    rehash: Option<(String, String)>,
    now: Timestamp,
}

impl Entry {
    /// `None`: there is no session that goes on, or it ended while the password was typed, and nothing may rise from it.
    async fn renewed(&self, tx: &Transaction) -> Result<Option<Session>, Error> {
        let Some(id) = self.goes_on else { return Ok(None) };
        let session = Session { id, ..self.session.clone() };
        Ok(sessions::renew(tx, &session).await?.then_some(session))
    }

    /// `None`: the user was disabled meanwhile.
    async fn enter(&self, tx: &Transaction) -> Result<Option<Session>, Error> {
        let user = self.session.user_id;
        if !users::hold_active(tx, user).await? {
            return Ok(None);
        }
        let session = match self.renewed(tx).await? {
            Some(session) => session,
            None => {
                sessions::insert(tx, &self.session).await?;
                self.session.clone()
            }
        };
        if let Some(authorization) = self.authorization {
            authorizations::note(tx, authorization, Step::SignedIn, session.id, self.now).await?;
        }
        attempts::reset(tx, self.account_key).await?;
        if let Some((old, new)) = &self.rehash {
            credentials::replace(tx, user, Kind::Password, old, new, self.now).await?;
        }
        let address = session.address.clone();
        events::record(tx, &Event::SignedIn { user, session: session.id, address }, self.now).await?;
        if let Some(replaced) = &self.replaced {
            let (other, id) = (replaced.user_id, replaced.id);
            revocation::end_session(tx, other, id, Reach::Online, Reason::Replaced, self.now).await?;
        }
        Ok(Some(session))
    }
}
