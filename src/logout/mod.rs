//! Signing out (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use url::Url;

use crate::clock::Timestamp;
use crate::events::Reason;
use crate::id::Id;
use crate::protocol::error::ShownError;
use crate::protocol::parameters::Parameters;
use crate::protocol::redirect_uri;
use crate::revocation::{self, Ending, Reach};
use crate::store::clients::Client;
use crate::store::participants::{self, Channel};
use crate::store::sessions::Session;
use crate::store::users::User;
use crate::store::{self, Store};
use crate::tokens::id_token::Hint;
use crate::tokens::{self, Issuer, id_token};

/// What a logout request comes to.
#[derive(Debug)]
pub struct Decision {
    pub duty: Duty,
    /// Who asks, if its hint proves it.
    pub client: Option<Arc<Client>>,
    pub then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// RP-Initiated Logout §2: "the OP MUST ask the End-User" unless a genuine hint names who is signed in.
    Ask,
    /// The request proves that it comes from an app of this very person.
    SignOut,
}

/// Where the browser goes afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    SignedOutPage,
    Redirect(String),
}

#[derive(Debug)]
pub enum Failure {
    Shown(ShownError, Option<String>),
    Outage(store::Error),
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Failure::Outage(error)
    }
}

/// Judges a request of the end session endpoint. Changes nothing.
pub async fn decide(
    store: &Store,
    issuer: &Issuer,
    parameters: &Parameters,
    session: Option<&Session>,
    now: Timestamp,
) -> Result<Decision, Failure> {
    if parameters.repeated().is_some() {
        return Err(Failure::Shown(ShownError::MalformedRequest, None));
    }
    let hint = parameters.get("id_token_hint").and_then(|hint| id_token::read_hint(issuer, hint, now));
    let Some(hint) = hint else {
        return Ok(Decision { duty: Duty::Ask, client: None, then: Then::SignedOutPage });
    };
    // "the OP MUST verify that the Client Identifier matches the one used when issuing the ID Token"
    if parameters.get("client_id").is_some_and(|client_id| client_id != hint.client_id) {
        return Err(Failure::Shown(ShownError::MalformedRequest, None));
    }
    let client = store.client(&hint.client_id).await?.filter(|client| client.is_active());
    let then = match (parameters.get("post_logout_redirect_uri"), &client) {
        (None, _) => Then::SignedOutPage,
        (Some(_), None) => return Err(Failure::Shown(ShownError::UnknownClient, None)),
        (Some(uri), Some(client)) => {
            if !redirect_uri::is_registered(uri, &client.metadata.post_logout_redirect_uris) {
                let name = Some(client.name().to_owned());
                return Err(Failure::Shown(ShownError::UnregisteredRedirectUri, name));
            }
            Then::Redirect(with_state(uri, parameters.get("state")))
        }
    };
    let duty = match session {
        // What a removed client was told of whom cannot be compared.
        Some(session) if !client.as_ref().is_some_and(|client| names(issuer, client, &hint, session)) => {
            Duty::Ask
        }
        _ => Duty::SignOut,
    };
    Ok(Decision { duty, client, then })
}

fn names(issuer: &Issuer, client: &Client, hint: &Hint, session: &Session) -> bool {
    hint.subject == issuer.subject_for(client, session.user_id)
}

/// Who is to be told through the browser that `session` ends: each URI with the issuer and the session in it
/// (Front-Channel Logout §2).
pub async fn frames(store: &Store, issuer: &Issuer, session: &Session) -> Result<Vec<Url>, store::Error> {
    let ended = [session.id];
    let found = participants::of_sessions(store.read(), session.user_id, &ended, Channel::Front).await?;
    let frames = found.into_iter().filter_map(|participant| {
        let mut uri = Url::parse(&participant.logout_uri).ok()?;
        uri.query_pairs_mut()
            .append_pair("iss", &issuer.url)
            .append_pair("sid", &tokens::sid_of(participant.session_id));
        Some(uri)
    });
    Ok(frames.collect())
}

/// Ends a session here. What was promised to outlive it (`offline_access`) goes on.
pub async fn sign_out(store: &Store, session: &Session, now: Timestamp) -> Result<(), store::Error> {
    let ending = (session.user_id, session.id, now);
    store
        .write(ending, |tx, (user, session, now)| {
            let (reach, reason) = (Reach::Online, Reason::SignedOut);
            Box::pin(revocation::end_session(tx, *user, *session, reach, reason, *now))
        })
        .await?;
    store.posted().notify_one();
    Ok(())
}

/// Ends one device of a user, with all that was born there.
pub async fn end_device(
    store: &Store,
    user: Id<User>,
    session: Id<Session>,
    now: Timestamp,
) -> Result<Ending, store::Error> {
    let ending = (user, session, now);
    let ended = store
        .write(ending, |tx, (user, session, now)| {
            let (reach, reason) = (Reach::Everything, Reason::DeviceEnded);
            Box::pin(revocation::end_session(tx, *user, *session, reach, reason, *now))
        })
        .await?;
    store.posted().notify_one();
    Ok(ended)
}

/// Ends every other device of whom `session` belongs to.
pub async fn end_other_devices(
    store: &Store,
    session: &Session,
    now: Timestamp,
) -> Result<Ending, store::Error> {
    let ending = (session.user_id, session.id, now);
    let ended = store
        .write(ending, |tx, (user, kept, now)| {
            Box::pin(revocation::end_other_sessions(tx, *user, *kept, Reason::OtherDevicesEnded, *now))
        })
        .await?;
    store.posted().notify_one();
    Ok(ended)
}

/// `state` comes back exactly, and nothing else is added.
fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let joint = if uri.contains('?') { '&' } else { '?' };
    let encoded: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    format!("{uri}{joint}state={encoded}")
}
