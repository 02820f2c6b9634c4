//! Issuing: one grant in, one token response out.

pub mod access_token;
pub mod authorization_code;
pub mod claims;
pub mod id_token;
pub mod introspection;
pub mod logout_token;
pub mod refresh_token;
pub mod status_list;
pub mod userinfo;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::id::Id;
use crate::keys::{CurrentKeys, KeyRing};
use crate::protocol::client_metadata::SubjectType;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;
use crate::secret::{self, Purpose, RootKey};
use crate::store::clients::Client;
use crate::store::grants::Grant;
use crate::store::sessions::{IdleLimits, Session};
use crate::store::users::User;

/// Who issues: the issuer identifier, its keys, and how long what it issues lives.
pub struct Issuer {
    /// The issuer identifier, exactly as everybody compares it (RFC 8414 §2).
    pub url: String,
    pub keys: CurrentKeys,
    pub master: RootKey,
    pub lifetimes: Lifetimes,
    pub claims: claims::Catalogue,
    pub verified: access_token::Verified,
}

#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    pub code: Duration,
    pub access_token: Duration,
    pub id_token: Duration,
    pub refresh_idle: Duration,
    pub refresh_absolute: Duration,
    pub refresh_grace: Duration,
    /// Of the sessions that everything descends from.
    pub session_idle: IdleLimits,
}

/// A successful answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    pub scope: String,
}

/// Whom the tokens speak of.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    User {
        grant: &'a Grant,
    },
    /// The client itself (RFC 6749 §4.4).
    Client,
}

/// What an ID Token says besides what the grant knows.
#[derive(Clone, Debug, Default)]
pub struct Authentication {
    pub nonce: Option<String>,
    pub acr: Option<String>,
    pub amr: Vec<String>,
    /// The code that travels beside the ID Token, which then has its hash.
    pub code: Option<String>,
    /// Claims about the person, where no access token could fetch them (OpenID Connect Core §5.4).
    pub claims: Map<String, Value>,
}

/// What is asked of [`issue`].
pub struct Order<'a> {
    pub client: &'a Client,
    pub subject: Subject<'a>,
    /// Of the access token: the grant's, or less.
    pub scope: &'a Scope,
    /// The APIs that it is for; none means those that the client has by registration.
    pub resources: &'a Resources,
    /// The generation of the refresh token to hand out.
    pub refresh: Option<i64>,
    /// Asked for by an OpenID Connect request.
    pub id_token: Option<Authentication>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signing key for this algorithm")]
pub struct NoSigningKey;

impl Issuer {
    pub fn ring(&self) -> Arc<KeyRing> {
        self.keys.get()
    }

    /// Signs and seals. No row is read or written.
    pub fn issue(&self, order: &Order<'_>, now: Timestamp) -> Result<TokenResponse, NoSigningKey> {
        let ring = self.ring();
        let access_token = access_token::mint(self, &ring, order, now)?;
        let refresh_token = match (order.subject, order.refresh) {
            (Subject::User { grant }, Some(generation)) => {
                Some(refresh_token::mint(&self.master, grant.id, generation))
            }
            _ => None,
        };
        let id_token = match (order.subject, &order.id_token) {
            (Subject::User { grant }, Some(authentication)) => {
                let beside = Some(access_token.as_str());
                Some(id_token::mint(self, &ring, order.client, grant, authentication, beside, now)?)
            }
            _ => None,
        };
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in: self.lifetimes.access_token.as_secs(),
            refresh_token,
            id_token,
            scope: order.scope.to_string(),
        })
    }
}

impl Issuer {
    /// An ID Token that no access token accompanies.
    pub fn id_token_alone(
        &self,
        client: &Client,
        grant: &Grant,
        authentication: &Authentication,
        now: Timestamp,
    ) -> Result<String, NoSigningKey> {
        id_token::mint(self, &self.ring(), client, grant, authentication, None, now)
    }
}

impl<'a> Subject<'a> {
    fn grant(self) -> Option<&'a Grant> {
        match self {
            Subject::User { grant } => Some(grant),
            Subject::Client => None,
        }
    }
}

impl Issuer {
    /// The `sub` by which `client` knows a user (Core §8): the public one, or a MAC over the client's sector and the
    /// user, which nobody can follow back or compare with another sector's.
    ///
    /// Every token and answer that tells a client who somebody is asks here. An API sees in an access token what the
    /// token's client is told, so that a `sub` alone does not say which user is meant: what ends tokens goes by
    /// `grant_id` and `sid`, which are the same in all of them.
    pub fn subject_for(&self, client: &Client, user: Id<User>) -> String {
        match client.metadata.subject_type {
            SubjectType::Public => subject_of(user),
            SubjectType::Pairwise => {
                // What is registered has a sector; whoever had none would be one by itself.
                let sector = client.metadata.sector();
                let sector = sector.as_ref().unwrap_or(&client.id).as_bytes();
                let mac = self.master.mac(Purpose::PairwiseSubject, sector, user.uuid().as_bytes());
                secret::base64url(&mac)
            }
        }
    }
}

/// The public subject identifier of a user (Core §8), by which operators know them. Clients are told what
/// [`Issuer::subject_for`] says.
pub fn subject_of(user: Id<User>) -> String {
    user.to_string()
}

/// The `sid` of a session (OpenID Connect Back-Channel Logout §2.1).
pub fn sid_of(session: Id<Session>) -> String {
    session.to_string()
}
