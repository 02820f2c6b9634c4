//! What a request still needs from the person (OpenID Connect Core §3.1.2.3 and §3.1.2.4), decided over values.

use std::time::Duration;

use super::Visitor;
use crate::clock::Timestamp;
use crate::protocol::authorization_request::{AuthorizationRequest, Prompt};
use crate::protocol::claims_request::Need;
use crate::protocol::client_metadata::ConsentPolicy;
use crate::protocol::error::{SentCode, SentError};
use crate::protocol::scope::Scope;
use crate::sign_in::assurance::Assurance;
use crate::store::authorizations::Pending;
use crate::store::clients::Client;
use crate::store::consents::Consent;
use crate::store::sessions::Session;
use crate::store::users::User;
use crate::tokens::Issuer;

/// A page that the browser is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    SignIn,
    Consent,
    /// The request itself, taken up by a GET.
    Resume,
}

pub(super) enum Next {
    /// Nothing is left to ask.
    Issue,
    Refuse(SentError),
    Page(Page),
}

pub(super) fn next(
    issuer: &Issuer,
    client: &Client,
    pending: &Pending,
    visitor: &Visitor,
    consent: Option<&Consent>,
    now: Timestamp,
) -> Next {
    let silent = pending.request.prompt.contains(&Prompt::None);
    let refuse = |code, description| Next::Refuse(SentError::new(code, description));
    let signed_in = visitor.session.as_ref().filter(|who| !must_sign_in(issuer, client, pending, who, now));
    let Some((session, _)) = signed_in else {
        return if silent {
            refuse(SentCode::LoginRequired, "nobody who fits this request is signed in in this browser")
        } else {
            Next::Page(Page::SignIn)
        };
    };
    if is_out_of_reach(&pending.request) {
        return refuse(
            SentCode::UnmetAuthenticationRequirements,
            "none of the essential acr values can be met here",
        );
    }
    if must_consent(issuer, client, pending, session, consent) {
        return if silent {
            refuse(SentCode::ConsentRequired, "the person has not yet agreed to all of this")
        } else {
            Next::Page(Page::Consent)
        };
    }
    Next::Issue
}

/// Core §5.5.1.1: an essential level that was not reached is "a failed authentication attempt".
fn is_out_of_reach(request: &AuthorizationRequest) -> bool {
    let essential = request.claims.acr.as_ref().filter(|acr| acr.need == Need::Essential);
    essential.is_some_and(|acr| {
        !acr.values.is_empty() && Assurance::met(acr.values.iter().map(String::as_str)).is_none()
    })
}

/// Signed in for this very request: whatever asked for a fresh sign-in has got it.
fn is_fresh(pending: &Pending, session: &Session) -> bool {
    pending.signed_in_at.is_some() && pending.session_id == Some(session.id)
}

fn must_sign_in(
    issuer: &Issuer,
    client: &Client,
    pending: &Pending,
    (session, user): &(Session, User),
    now: Timestamp,
) -> bool {
    let request = &pending.request;
    // Core §3.1.2.1 and §5.5.1: never an answer about another person than the one that is asked for.
    let subject = issuer.subject_for(client, user.id);
    if [&request.hinted_subject, &request.claims.subject]
        .into_iter()
        .flatten()
        .any(|wanted| *wanted != subject)
    {
        return true;
    }
    let must_choose = request.prompt.contains(&Prompt::SelectAccount) && !is_fresh(pending, session);
    must_choose || must_prove_again(client, pending, session, now)
}

/// Whether somebody who is signed in shall prove it once more for this request.
pub fn must_prove_again(client: &Client, pending: &Pending, session: &Session, now: Timestamp) -> bool {
    let request = &pending.request;
    !is_fresh(pending, session)
        && (request.prompt.contains(&Prompt::Login) || is_too_old(request, client, session, now))
}

fn is_too_old(request: &AuthorizationRequest, client: &Client, session: &Session, now: Timestamp) -> bool {
    let max_age = request.max_age.or(client.metadata.default_max_age);
    // Zero is a sign-in for this request, which `is_fresh` knows: no age is young enough for it.
    max_age.is_some_and(|seconds| seconds == 0 || now.since(session.auth_time) > Duration::from_secs(seconds))
}

fn must_consent(
    issuer: &Issuer,
    client: &Client,
    pending: &Pending,
    session: &Session,
    consent: Option<&Consent>,
) -> bool {
    if pending.consented_at.is_some() && pending.session_id == Some(session.id) {
        return false;
    }
    let request = &pending.request;
    // RFC 8252 §8.6: an app that others can pretend to be is never waved through.
    if request.prompt.contains(&Prompt::Consent) || client.metadata.is_impersonable() {
        return true;
    }
    match client.metadata.consent_to(&request.resources) {
        // Core §11: offline access always wants the person's word.
        ConsentPolicy::Implied if !request.scope.is_offline() => false,
        ConsentPolicy::Implied | ConsentPolicy::Asked => !consent.is_some_and(|consent| {
            agreement(issuer, request).is_within(&consent.scope)
                && request.resources.is_within(&consent.resources)
        }),
    }
}

/// What a person is asked to agree to: the scope, and for claims that are asked for by name the scopes that they
/// belong to.
pub fn agreement(issuer: &Issuer, request: &AuthorizationRequest) -> Scope {
    request.scope.union(&issuer.claims.scopes_of(&request.claims.all()))
}
