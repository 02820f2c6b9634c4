//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Exchange, referee, target};
use crate::client_auth::Failure;
use crate::events::{self, Event, Reason};
use crate::id::Id;
use crate::protocol::authorization_request::RedirectUri;
use crate::protocol::client_metadata::{ConsentPolicy, PkceDuty};
use crate::protocol::error::DirectError;
use crate::protocol::grant_type::GrantType;
use crate::protocol::pkce::CodeVerifier;
use crate::revocation;
use crate::store::births::{self, Birth};
use crate::store::consents;
use crate::store::grants::{self, Grant};
use crate::store::sessions::{self, IdleLimits};
use crate::store::users::{self, User};
use crate::store::{self, Store, Transaction};
use crate::tokens::authorization_code::AuthorizationCode;
use crate::tokens::{Authentication, Order, Subject, TokenResponse};

const DEAD: DirectError =
    DirectError::InvalidGrant("the code is unknown, expired, used before, or its sign-in has ended");

pub(super) async fn exchange(exchange: &Exchange<'_>) -> Result<TokenResponse, Failure> {
    let code = exchange.parameters.get("code").ok_or(DirectError::InvalidRequest("code is missing"))?;
    let code = AuthorizationCode::open(&exchange.issuer.master, code).ok_or(DEAD)?;
    // Whatever is refused up to the redemption burns nothing: a thief without the client's credentials or its
    // verifier cannot spoil the code.
    if code.client_id != exchange.client.id {
        return Err(DirectError::InvalidGrant("the code was issued to another client").into());
    }
    check_redirect_uri(exchange, &code)?;
    check_verifier(exchange, &code)?;
    let asked = target::asked(exchange)?;
    let resources =
        target::choose(&asked, &code.resources, &exchange.client.metadata).ok_or(target::BEYOND)?;
    referee::judge_code(exchange, &code)?;

    let redemption = Redemption {
        grant: grant_of(exchange, &code).await?,
        consent: exchange.client.metadata.consent_to(&code.resources),
        idle: exchange.issuer.lifetimes.session_idle,
        code_expires_at: code.expires_at,
    };
    let grant = redemption.redeem(exchange.store).await?.ok_or(DEAD)?;

    let claims = claims_about(exchange, grant.user_id, &code.claims.id_token).await?;
    let order = Order {
        client: exchange.client,
        subject: Subject::User { grant: &grant },
        scope: &grant.scope,
        resources: &resources,
        refresh: exchange.client.may_use(GrantType::RefreshToken).then_some(grant.generation),
        id_token: grant.scope.is_openid().then_some(Authentication {
            nonce: code.nonce,
            acr: code.acr,
            amr: code.amr,
            claims,
            ..Authentication::default()
        }),
    };
    exchange.issue(&order, GrantType::AuthorizationCode, Some(grant.user_id))
}

/// RFC 6749 §4.1.3: "ensure that the redirect_uri parameter is present if the redirect_uri parameter was included
/// in the initial authorization request …, and if included ensure that their values are identical".
fn check_redirect_uri(exchange: &Exchange<'_>, code: &AuthorizationCode) -> Result<(), DirectError> {
    match (&code.redirect_uri, exchange.parameters.get("redirect_uri")) {
        (own, Some(sent)) if own.as_str() == sent => Ok(()),
        (RedirectUri::Registration(_), None) => Ok(()),
        _ => Err(DirectError::InvalidGrant("redirect_uri is not that of the authorization request")),
    }
}

fn check_verifier(exchange: &Exchange<'_>, code: &AuthorizationCode) -> Result<(), DirectError> {
    let verifier = exchange.parameters.get("code_verifier");
    match (&code.code_challenge, verifier) {
        // What a code does not remember was perhaps lost: it never means that nothing is to be proven.
        (None, None) if exchange.client.metadata.pkce_duty() == PkceDuty::Required => {
            Err(DirectError::InvalidGrant("this client must use PKCE, and the code was given without"))
        }
        (None, None) => Ok(()),
        // RFC 9700 §4.8.2: a verifier without a challenge is a stripped challenge.
        (None, Some(_)) => Err(DirectError::InvalidGrant("code_verifier without a code_challenge")),
        (Some(_), None) => Err(DirectError::InvalidGrant("code_verifier is missing")),
        (Some(challenge), Some(verifier)) => {
            let verifier = CodeVerifier::parse(verifier).ok_or(DirectError::InvalidRequest(
                "code_verifier must be 43 to 128 unreserved characters",
            ))?;
            if challenge.is_met_by(&verifier) {
                Ok(())
            } else {
                Err(DirectError::InvalidGrant("code_verifier does not match the code_challenge"))
            }
        }
    }
}

/// What the request wanted to stand in the ID Token itself. Most want nothing, and then nothing is read.
async fn claims_about(
    exchange: &Exchange<'_>,
    user: Id<User>,
    names: &BTreeSet<String>,
) -> Result<Map<String, Value>, Failure> {
    if names.is_empty() {
        return Ok(Map::new());
    }
    let user = users::find(exchange.store.read(), user).await?.ok_or(DEAD)?;
    Ok(exchange.issuer.claims.named(&user, names))
}

async fn grant_of(exchange: &Exchange<'_>, code: &AuthorizationCode) -> Result<Grant, store::Error> {
    let now = exchange.now;
    let lifetimes = &exchange.issuer.lifetimes;
    let life = if exchange.client.may_use(GrantType::RefreshToken) {
        lifetimes.refresh_absolute
    } else {
        lifetimes.access_token
    };
    let status_index = match exchange.client.metadata.status_list {
        true => Some(exchange.store.allot_status_index().await?),
        false => None,
    };
    Ok(Grant {
        id: code.grant_id,
        user_id: code.user_id,
        client_id: code.client_id.clone(),
        session_id: code.session_id,
        scope: code.scope.clone(),
        resources: code.resources.clone(),
        claims: code.claims.userinfo.clone(),
        generation: 1,
        auth_time: code.auth_time,
        rotated_at: now,
        expires_at: now.plus(life),
        ended_at: None,
        status_index,
    })
}

#[derive(Clone)]
struct Redemption {
    grant: Grant,
    consent: ConsentPolicy,
    idle: IdleLimits,
    code_expires_at: crate::clock::Timestamp,
}

impl Redemption {
    /// `None`: the code was used before or has expired, the session that it came from has ended, or the person has
    /// removed the app.
    async fn redeem(self, store: &Store) -> Result<Option<Grant>, store::Error> {
        let is_born = self.is_in_time()
            && store
                .write_once(self.clone(), |tx, Redemption { grant, consent, idle, .. }| {
                    Box::pin(births::bear_at_once(tx, grant, idle, *consent))
                })
                .await?;
        if is_born {
            return Ok(Some(self.grant));
        }
        let is_born =
            store.write(self.clone(), |tx, redemption| Box::pin(redemption.look_closer(tx))).await?;
        Ok(is_born.then_some(self.grant))
    }

    fn is_in_time(&self) -> bool {
        self.grant.rotated_at < self.code_expires_at
    }

    /// Bears the grant, or finds out why not. `false`: see [`Self::redeem`].
    async fn look_closer(&self, tx: &Transaction) -> Result<bool, store::Error> {
        let now = self.grant.rotated_at;
        let in_time = self.is_in_time()
            && sessions::hold_live(tx, self.grant.session_id, &self.idle, now).await?
            && self.is_agreed(tx).await?;
        if in_time && births::bear(tx, &self.grant).await? == Birth::Born {
            return Ok(true);
        }
        let Some(born_before) = grants::find(tx, self.grant.id).await? else { return Ok(false) };
        // RFC 6749 §4.1.2: used "more than once, the authorization server MUST deny the request and SHOULD revoke
        // (when possible) all tokens previously issued based on that authorization code".
        if born_before.ended_at.is_none() {
            let replayed = Event::CodeReplayed {
                user: born_before.user_id,
                client: born_before.client_id.clone(),
                grant: born_before.id,
            };
            let ending = revocation::end_grant(tx, &born_before, Reason::CodeReplayed, now).await?;
            // Others that came with the same code at the same moment read the grant alive too.
            if !ending.is_nothing() {
                events::record(tx, &replayed, now).await?;
            }
        }
        Ok(false)
    }

    async fn is_agreed(&self, tx: &Transaction) -> Result<bool, store::Error> {
        let Grant { user_id, client_id, scope, resources, .. } = &self.grant;
        match self.consent {
            ConsentPolicy::Implied => Ok(true),
            ConsentPolicy::Asked => {
                let consent = consents::hold(tx, *user_id, client_id).await?;
                Ok(consent.is_some_and(|consent| {
                    scope.is_within(&consent.scope) && resources.is_within(&consent.resources)
                }))
            }
        }
    }
}
