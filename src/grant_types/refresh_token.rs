//! The refresh token grant (RFC 6749 §6, RFC 9700 §4.14): rotation that a lost answer and fifty parallel requests
//! survive, and a thief does not.

use std::sync::Arc;
use std::time::Duration;

use super::{Exchange, referee, target};
use crate::client_auth::Failure;
use crate::clock::Timestamp;
use crate::events::{self, Event, Reason};
use crate::protocol::error::DirectError;
use crate::protocol::grant_type::GrantType;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;
use crate::revocation;
use crate::store::clients::Client;
use crate::store::grants::{self, Grant};
use crate::store::{self, Transaction};
use crate::tokens::refresh_token::{self, Presented};
use crate::tokens::{Authentication, Order, Subject, TokenResponse};

const DEAD: DirectError = DirectError::InvalidGrant(
    "the refresh token is unknown, expired, revoked, or was issued to another client",
);

/// How far a clock may lie behind the one that wrote a rotation, and still be in the grace window.
const SKEW: Duration = Duration::from_secs(60);

pub(super) async fn exchange(exchange: &Exchange<'_>) -> Result<TokenResponse, Failure> {
    let token = exchange
        .parameters
        .get("refresh_token")
        .ok_or(DirectError::InvalidRequest("refresh_token is missing"))?;
    let presented = refresh_token::read(&exchange.issuer.master, token).ok_or(DEAD)?;
    let narrowed = requested_scope(exchange)?;
    let asked = target::asked(exchange)?;
    let turn = Arc::new(Turn {
        presented,
        client: exchange.client.clone(),
        narrowed: narrowed.clone(),
        asked: asked.clone(),
        idle: exchange.issuer.lifetimes.refresh_idle,
        grace: exchange.issuer.lifetimes.refresh_grace,
        now: exchange.now,
    });
    let store = exchange.store;
    let rotated = match turn.asks_for_all() {
        true => store.write_once(turn.clone(), |tx, turn| Box::pin(turn.rotate(tx))).await?,
        false => None,
    };
    let turned = match rotated {
        Some(grant) => Turned::Current(grant),
        None => store.write(turn, |tx, turn| Box::pin(turn.take(tx))).await?,
    };
    let grant = match turned {
        Turned::Current(grant) => grant,
        Turned::Refused(refusal) => return Err(refusal.into()),
        Turned::Dead => return Err(DEAD.into()),
    };
    referee::judge_refresh(exchange, &grant)?;
    let resources =
        target::choose(&asked, &grant.resources, &exchange.client.metadata).ok_or(target::BEYOND)?;
    let order = Order {
        client: exchange.client,
        subject: Subject::User { grant: &grant },
        // RFC 6749 §6: the refresh token keeps the scope of the grant, only this access token has less.
        scope: narrowed.as_ref().unwrap_or(&grant.scope),
        resources: &resources,
        refresh: Some(grant.generation),
        // OpenID Connect Core §12.2: same iss, sub, aud and auth_time, a new iat, no nonce.
        id_token: grant.scope.is_openid().then(Authentication::default),
    };
    exchange.issue(&order, GrantType::RefreshToken, Some(grant.user_id))
}

fn requested_scope(exchange: &Exchange<'_>) -> Result<Option<Scope>, DirectError> {
    let parsed = exchange.parameters.get("scope").map(str::parse::<Scope>).transpose();
    parsed.map_err(|_| DirectError::InvalidScope("scope has a character that is not allowed there"))
}

/// One presentation of a refresh token.
struct Turn {
    presented: Presented,
    client: Client,
    narrowed: Option<Scope>,
    asked: Resources,
    idle: Duration,
    grace: Duration,
    now: Timestamp,
}

enum Turned {
    /// The grant, whose current generation is the answer.
    Current(Grant),
    /// More is asked for than was granted. Nothing was turned.
    Refused(DirectError),
    Dead,
}

impl Turn {
    fn asks_for_all(&self) -> bool {
        self.narrowed.is_none() && self.asked.is_empty()
    }

    /// All that an ordinary refresh is.
    async fn rotate(&self, tx: &Transaction) -> Result<Option<Grant>, store::Error> {
        let Presented { grant_id, generation } = self.presented;
        grants::rotate(tx, grant_id, &self.client.id, generation, self.idle, self.now).await
    }

    /// The same in all its cases.
    async fn take(&self, tx: &Transaction) -> Result<Turned, store::Error> {
        // A refusal must not turn the counter, so what is asked for is compared first.
        if !self.asks_for_all() {
            let grant = grants::find(tx, self.presented.grant_id).await?;
            let own = grant.filter(|grant| grant.client_id == self.client.id);
            if let Some(refusal) = own.and_then(|grant| self.excess(&grant)) {
                return Ok(Turned::Refused(refusal));
            }
        }
        if let Some(grant) = self.rotate(tx).await? {
            return Ok(Turned::Current(grant));
        }
        let Presented { grant_id, generation } = self.presented;
        let Some(grant) = grants::find(tx, grant_id).await? else { return Ok(Turned::Dead) };
        if !self.is_alive(&grant) || generation >= grant.generation {
            return Ok(Turned::Dead);
        }
        match self.lateness(&grant) {
            Lateness::Grace => Ok(Turned::Current(grant)),
            Lateness::Unclear => Ok(Turned::Dead),
            Lateness::Theft => {
                let reused = Event::RefreshReused {
                    user: grant.user_id,
                    client: grant.client_id.clone(),
                    grant: grant.id,
                    generation,
                };
                let ending = revocation::end_grant(tx, &grant, Reason::RefreshReused, self.now).await?;
                // Others that came with the same token at the same moment read the grant alive too.
                if !ending.is_nothing() {
                    events::record(tx, &reused, self.now).await?;
                }
                Ok(Turned::Dead)
            }
        }
    }

    /// What is asked for beyond the grant.
    fn excess(&self, grant: &Grant) -> Option<DirectError> {
        if self.narrowed.as_ref().is_some_and(|scope| !scope.is_within(&grant.scope)) {
            return Some(DirectError::InvalidScope("scope exceeds what was granted"));
        }
        let chosen = target::choose(&self.asked, &grant.resources, &self.client.metadata);
        chosen.is_none().then_some(target::BEYOND)
    }

    /// Another client's token does nothing to its grant: the thief of one secret must not end a stranger's session.
    fn is_alive(&self, grant: &Grant) -> bool {
        grant.client_id == self.client.id && grant.ended_at.is_none() && self.now < grant.expires_at
    }

    /// How late a superseded generation comes. Its seal is true, so one of two parties that hold it stole it,
    /// unless it is a retry of what was just answered.
    fn lateness(&self, grant: &Grant) -> Lateness {
        match grant.generation - self.presented.generation {
            // This node's clock was set back.
            1 if self.now.plus(SKEW) < grant.rotated_at => Lateness::Unclear,
            1 if self.now.since(grant.rotated_at) <= self.grace => Lateness::Grace,
            // It came before the last rotation and was overtaken on its way here, as when its client hung up and asked
            // again, and soon the next time: then it was the last but one.
            2 if self.now < grant.rotated_at => Lateness::Unclear,
            _ => Lateness::Theft,
        }
    }
}

enum Lateness {
    Grace,
    /// Nothing can be said, so nothing is given and nothing is ended.
    Unclear,
    Theft,
}
