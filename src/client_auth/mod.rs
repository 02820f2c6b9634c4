//! Client authentication (RFC 6749 §2.3): which client is speaking, proven by the one method that it registered.

mod basic;

use std::sync::Arc;

use crate::protocol::client_metadata::AuthMethod;
use crate::protocol::error::{CredentialPlace, DirectError};
use crate::protocol::parameters::Parameters;
use crate::secret::Secret;
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

/// What a request says about its client.
struct Credentials {
    client_id: String,
    secret: Option<Secret>,
    method: AuthMethod,
}

impl Credentials {
    fn place(&self) -> CredentialPlace {
        match self.method {
            AuthMethod::ClientSecretBasic => CredentialPlace::Header,
            AuthMethod::None | AuthMethod::ClientSecretPost => CredentialPlace::Body,
        }
    }
}

/// The client that sent a request, from its `Authorization` header and its parameters.
pub async fn authenticate(
    store: &Store,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<Arc<Client>, Failure> {
    let credentials = read(authorization, parameters)?;
    let refused = DirectError::InvalidClient(credentials.place());
    // Computed for strangers too, so that both take the same time.
    let claimed = credentials.secret.as_ref().map(Secret::fingerprint);
    let client = store.client(&credentials.client_id).await?.ok_or(refused)?;
    // The method is the registered one: a client that leaked its secret into forms once must not be able to.
    if client.metadata.token_endpoint_auth_method != credentials.method || !client.is_active() {
        return Err(refused.into());
    }
    let proven = match (credentials.method, client.secret, claimed) {
        (AuthMethod::None, None, None) => true,
        (AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost, Some(kept), Some(claimed)) => {
            kept.matches(&claimed)
        }
        _ => false,
    };
    if proven { Ok(client) } else { Err(refused.into()) }
}

fn read(authorization: Option<&str>, parameters: &Parameters) -> Result<Credentials, DirectError> {
    if parameters.get("client_assertion").is_some() || parameters.get("client_assertion_type").is_some() {
        return Err(DirectError::InvalidClient(CredentialPlace::Body));
    }
    let in_body = parameters.get("client_id");
    let secret_in_body = parameters.get("client_secret");
    let Some(authorization) = authorization else {
        let client_id = in_body.ok_or(DirectError::InvalidClient(CredentialPlace::Body))?.to_owned();
        return Ok(match secret_in_body {
            Some(secret) => Credentials {
                client_id,
                secret: Some(Secret::claimed(secret)),
                method: AuthMethod::ClientSecretPost,
            },
            None => Credentials { client_id, secret: None, method: AuthMethod::None },
        });
    };
    // RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
    if secret_in_body.is_some() {
        return Err(DirectError::InvalidRequest("the client authenticates in the header and in the body"));
    }
    let (client_id, secret) =
        basic::read(authorization).ok_or(DirectError::InvalidClient(CredentialPlace::Header))?;
    if in_body.is_some_and(|in_body| in_body != client_id) {
        return Err(DirectError::InvalidRequest("client_id differs between the header and the body"));
    }
    Ok(Credentials { client_id, secret: Some(secret), method: AuthMethod::ClientSecretBasic })
}
