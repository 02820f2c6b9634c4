//! Client authentication (RFC 6749 §2.3): which client is speaking, proven by the one method that it registered.

mod assertion;
mod basic;

use std::sync::Arc;

use self::assertion::Assertion;
use crate::clock::Timestamp;
use crate::keys::remote::RemoteKeys;
use crate::protocol::client_metadata::AuthMethod;
use crate::protocol::error::{CredentialPlace, DirectError};
use crate::protocol::parameters::Parameters;
use crate::secret::{RootKey, Secret};
use crate::store::clients::Client;
use crate::store::{self, Store};

/// Why a request of a client is not answered as it wishes.
#[derive(Debug)]
pub enum Failure {
    Refused(DirectError),
    /// Nothing was decided: the client may try again.
    Outage(store::Error),
}

impl From<DirectError> for Failure {
    fn from(error: DirectError) -> Self {
        Failure::Refused(error)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Failure::Outage(error)
    }
}

/// What clients are known by.
pub struct ClientAuth {
    pub store: Store,
    pub issuer: String,
    /// What stands before the path of every endpoint.
    pub base: String,
    /// Unseals the secrets that clients sign with.
    pub master: RootKey,
    pub remote: RemoteKeys,
}

/// A request that a client sent.
pub struct Presented<'a> {
    pub authorization: Option<&'a str>,
    pub parameters: &'a Parameters,
    /// The paths that an assertion may be addressed to where its profile allows it: that of the token endpoint, and
    /// that of the endpoint which is called.
    pub endpoints: &'a [&'static str],
    pub now: Timestamp,
}

/// What a request says about its client.
enum Credentials<'a> {
    /// Only its name.
    None(String),
    Basic(String, Secret),
    Post(String, Secret),
    Assertion(Assertion<'a>),
}

impl Credentials<'_> {
    fn client_id(&self) -> &str {
        match self {
            Credentials::None(id) | Credentials::Basic(id, _) | Credentials::Post(id, _) => id,
            Credentials::Assertion(assertion) => &assertion.client_id,
        }
    }

    fn place(&self) -> CredentialPlace {
        match self {
            Credentials::Basic(..) => CredentialPlace::Header,
            Credentials::None(_) | Credentials::Post(..) | Credentials::Assertion(_) => CredentialPlace::Body,
        }
    }
}

impl ClientAuth {
    /// The client that sent a request.
    pub async fn authenticate(&self, presented: &Presented<'_>) -> Result<Arc<Client>, Failure> {
        let credentials = read(presented.authorization, presented.parameters)?;
        let refused = DirectError::InvalidClient(credentials.place());
        // Computed for strangers too, so that both take the same time.
        let claimed = match &credentials {
            Credentials::Basic(_, secret) | Credentials::Post(_, secret) => Some(secret.fingerprint()),
            Credentials::None(_) | Credentials::Assertion(_) => None,
        };
        let client = self.store.client(credentials.client_id()).await?.ok_or(refused)?;
        if !client.is_active() {
            return Err(refused.into());
        }
        // The method is the registered one: a client that leaked its secret into forms once must not be able to.
        let proven = match (client.metadata.token_endpoint_auth_method, &credentials) {
            (AuthMethod::None, Credentials::None(_)) => client.secret.is_none(),
            (AuthMethod::ClientSecretBasic, Credentials::Basic(..))
            | (AuthMethod::ClientSecretPost, Credentials::Post(..)) => {
                client.secret.zip(claimed).is_some_and(|(kept, claimed)| kept.matches(&claimed))
            }
            (AuthMethod::PrivateKeyJwt | AuthMethod::ClientSecretJwt, Credentials::Assertion(assertion)) => {
                assertion.proves(self, &client, presented).await?
            }
            (
                AuthMethod::None
                | AuthMethod::ClientSecretBasic
                | AuthMethod::ClientSecretPost
                | AuthMethod::PrivateKeyJwt
                | AuthMethod::ClientSecretJwt,
                _,
            ) => false,
        };
        if proven { Ok(client) } else { Err(refused.into()) }
    }
}

fn read<'a>(authorization: Option<&str>, parameters: &'a Parameters) -> Result<Credentials<'a>, DirectError> {
    let in_body = parameters.get("client_id");
    let secret_in_body = parameters.get("client_secret");
    let assertion = (parameters.get("client_assertion_type"), parameters.get("client_assertion"));
    let nobody = DirectError::InvalidClient(CredentialPlace::Body);
    // Also a SAML assertion (RFC 7522), which nobody needs any more.
    if assertion.0.is_some_and(|own| own != assertion::TYPE)
        || (assertion.0.is_none() && assertion.1.is_some())
    {
        return Err(nobody);
    }
    let places = [authorization.is_some(), secret_in_body.is_some(), assertion != (None, None)];
    // RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
    if places.into_iter().filter(|is_used| *is_used).count() > 1 {
        return Err(DirectError::InvalidRequest("the client authenticates in more than one way"));
    }
    if let Some(authorization) = authorization {
        let (client_id, secret) =
            basic::read(authorization).ok_or(DirectError::InvalidClient(CredentialPlace::Header))?;
        if in_body.is_some_and(|in_body| in_body != client_id) {
            return Err(DirectError::InvalidRequest("client_id differs between the header and the body"));
        }
        return Ok(Credentials::Basic(client_id, secret));
    }
    if assertion.0.is_some() {
        let assertion = assertion.1.and_then(Assertion::read).ok_or(nobody)?;
        // RFC 7521 §4.2: client_id "MUST identify the same client as is identified by the client assertion".
        let agrees = in_body.is_none_or(|in_body| in_body == assertion.client_id);
        return if agrees { Ok(Credentials::Assertion(assertion)) } else { Err(nobody) };
    }
    let client_id = in_body.ok_or(nobody)?.to_owned();
    Ok(match secret_in_body {
        Some(secret) => Credentials::Post(client_id, Secret::claimed(secret)),
        None => Credentials::None(client_id),
    })
}
