//! What one person does that reaches the store: the same calls, in the same order, as the server makes for it.

use std::time::Duration;

use gatepass::clock::Timestamp;
use gatepass::events::{self, Event, Reason};
use gatepass::id::Id;
use gatepass::revocation::{self, Reach};
use gatepass::secret::Fingerprint;
use gatepass::store::attempts::{self, Budget};
use gatepass::store::authorizations::{self, Pending, Step};
use gatepass::store::births::{self, Birth};
use gatepass::store::consents::{self, Consent};
use gatepass::store::grants::{self, Grant};
use gatepass::store::outbox::{self, State};
use gatepass::store::sessions::{self, IdleLimits, Session};
use gatepass::store::users::{self, User};
use gatepass::store::{Error, Transaction, replay};

/// The defaults of the configuration.
pub const SESSION_IDLE: IdleLimits =
    IdleLimits { window: Duration::from_secs(12 * 3600), kept: Duration::from_secs(14 * 86_400) };
pub const SESSION_ABSOLUTE: Duration = Duration::from_secs(14 * 86_400);
pub const REFRESH_IDLE: Duration = Duration::from_secs(30 * 86_400);
pub const REFRESH_ABSOLUTE: Duration = Duration::from_secs(90 * 86_400);
pub const ACCESS_TOKEN: Duration = Duration::from_secs(600);
const ACCOUNT: Budget = Budget { tries: 5, window: Duration::from_secs(900) };
const NETWORK: Budget = Budget { tries: 20, window: Duration::from_secs(60) };

pub struct Act {
    pub at: Timestamp,
    pub user: Id<User>,
    pub deed: Deed,
}

pub enum Deed {
    /// Right after the page was shown, perhaps after a wrong password.
    SignIn {
        session: Box<Session>,
        pending: Box<Pending>,
        wrong: u64,
        account: Fingerprint,
        network: Fingerprint,
    },
    AbandonSignIn(Box<Pending>),
    Consent(Box<Consent>),
    /// A silent authorization whose code is redeemed.
    Authorize(Box<Grant>),
    /// The first of this hour's refreshes; the others update the same row in the same way.
    Refresh {
        grant: Id<Grant>,
        client: String,
        generation: i64,
    },
    /// A client assertion (RFC 7523).
    Assert(Fingerprint),
    Touch(Id<Session>),
    SignOut(Id<Session>),
    EndDevice(Id<Session>),
    RemoveApp(String),
    RevokeToken(String),
    ChangePassword {
        kept: Id<Session>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The store knows better than the population does; it never should.
    Refused,
}

impl Act {
    pub async fn play(&self, tx: &Transaction) -> Result<Outcome, Error> {
        let (now, user) = (self.at, self.user);
        match &self.deed {
            Deed::SignIn { session, pending, wrong, account, network } => {
                authorizations::insert(tx, pending).await?;
                for _ in 0..*wrong {
                    take(tx, (*account, *network), now).await?;
                    let address = session.address.clone();
                    events::record(tx, &Event::SignInFailed { user: Some(user), address }, now).await?;
                }
                take(tx, (*account, *network), now).await?;
                return sign_in(tx, session, pending, *account, now).await;
            }
            Deed::AbandonSignIn(pending) => authorizations::insert(tx, pending).await?,
            Deed::Consent(consent) => {
                consents::give(tx, consent).await?;
                let (client, scope) = (consent.client_id.clone(), consent.scope.to_string());
                events::record(tx, &Event::ConsentGiven { user, client, scope }, now).await?;
            }
            Deed::Authorize(grant) => {
                let lives = sessions::hold_live(tx, grant.session_id, &SESSION_IDLE, now).await?;
                let agreed = consents::hold(tx, user, &grant.client_id).await?.is_some();
                return Ok(done(lives && agreed && births::bear(tx, grant).await? == Birth::Born));
            }
            Deed::Refresh { grant, client, generation } => {
                let rotated = grants::rotate(tx, *grant, client, *generation, REFRESH_IDLE, now).await?;
                return Ok(done(rotated.is_some()));
            }
            Deed::Assert(key) => {
                return Ok(done(replay::is_first(tx, *key, now.plus(Duration::from_secs(60))).await?));
            }
            Deed::Touch(session) => sessions::touch(tx, *session, now).await?,
            Deed::SignOut(session) => {
                let reach = (Reach::Online, Reason::SignedOut);
                let ending = revocation::end_session(tx, user, *session, reach.0, reach.1, now).await?;
                return Ok(done(!ending.is_nothing()));
            }
            Deed::EndDevice(session) => {
                let reach = (Reach::Everything, Reason::DeviceEnded);
                let ending = revocation::end_session(tx, user, *session, reach.0, reach.1, now).await?;
                return Ok(done(!ending.is_nothing()));
            }
            Deed::RemoveApp(client) => {
                return Ok(done(!revocation::end_app(tx, user, client, now).await?.is_nothing()));
            }
            Deed::RevokeToken(client) => {
                let ending =
                    revocation::end_token(tx, client, Id::new(), now.plus(ACCESS_TOKEN), now).await?;
                return Ok(done(!ending.is_nothing()));
            }
            Deed::ChangePassword { kept } => {
                events::record(tx, &Event::PasswordChanged { user }, now).await?;
                revocation::end_elsewhere(tx, user, *kept, Reason::PasswordChanged, now).await?;
            }
        }
        Ok(Outcome::Done)
    }

    /// Durable transactions that the server makes for it, one after the other.
    pub fn commits(&self) -> u64 {
        match &self.deed {
            // The request, the budget and the record of each wrong password, the budget, the session, the answer.
            Deed::SignIn { wrong, .. } => 4 + 2 * wrong,
            _ => 1,
        }
    }
}

fn done(is_done: bool) -> Outcome {
    if is_done { Outcome::Done } else { Outcome::Refused }
}

async fn take(tx: &Transaction, keys: (Fingerprint, Fingerprint), now: Timestamp) -> Result<(), Error> {
    attempts::take(tx, keys.1, NETWORK, now).await?;
    attempts::take(tx, keys.0, ACCOUNT, now).await?;
    Ok(())
}

async fn sign_in(
    tx: &Transaction,
    session: &Session,
    pending: &Pending,
    account: Fingerprint,
    now: Timestamp,
) -> Result<Outcome, Error> {
    let (user, address) = (session.user_id, session.address.clone());
    let active = users::hold_active(tx, user).await?;
    sessions::insert(tx, session).await?;
    let noted = authorizations::note(tx, pending.id, Step::SignedIn, session.id, now).await?;
    attempts::reset(tx, account).await?;
    events::record(tx, &Event::SignedIn { user, session: session.id, address }, now).await?;
    Ok(done(active && noted && authorizations::complete(tx, pending.id, now).await?))
}

/// Delivers what waits in the outbox, each letter by two commits. Returns how many there were.
pub async fn deliver(tx: &Transaction, now: Timestamp) -> Result<u64, Error> {
    let mut settled = 0;
    while let Some(due) = outbox::find_due(tx, &[], now).await? {
        let Some(letter) = outbox::claim(tx, due, now.plus(Duration::from_secs(60)), now).await? else {
            break;
        };
        outbox::settle(tx, &letter, State::Delivered(now), "200").await?;
        settled += 1;
    }
    Ok(settled)
}
