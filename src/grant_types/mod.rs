//! The token endpoint's door (RFC 6749 §3.2): one variant a grant type, one file each.

mod authorization_code;
mod client_credentials;
mod referee;
mod refresh_token;
mod target;

use crate::client_auth::Failure;
use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::id::Id;
use crate::protocol::error::DirectError;
use crate::protocol::grant_type::GrantType;
use crate::protocol::parameters::Parameters;
use crate::store::Store;
use crate::store::clients::Client;
use crate::store::users::User;
use crate::tokens::{Issuer, NoSigningKey, Order, TokenResponse};

/// What every exchange needs.
pub struct Exchange<'a> {
    pub store: &'a Store,
    pub issuer: &'a Issuer,
    pub client: &'a Client,
    pub parameters: &'a Parameters,
    pub now: Timestamp,
}

impl Exchange<'_> {
    /// Answers a token request of a client that has proven who it is.
    pub async fn run(&self) -> Result<TokenResponse, Failure> {
        let text =
            self.parameters.get("grant_type").ok_or(DirectError::InvalidRequest("grant_type is missing"))?;
        let grant_type = GrantType::parse(text).ok_or(DirectError::UnsupportedGrantType)?;
        if grant_type != GrantType::Implicit && !self.client.may_use(grant_type) {
            return Err(
                DirectError::UnauthorizedClient("this client is not registered for this grant_type").into()
            );
        }
        match grant_type {
            GrantType::AuthorizationCode => authorization_code::exchange(self).await,
            GrantType::RefreshToken => refresh_token::exchange(self).await,
            GrantType::ClientCredentials => client_credentials::exchange(self),
            GrantType::Implicit => Err(DirectError::UnsupportedGrantType.into()),
        }
    }

    /// Signs, after the commit: what is acknowledged is durable.
    fn issue(
        &self,
        order: &Order<'_>,
        grant_type: GrantType,
        user: Option<Id<User>>,
    ) -> Result<TokenResponse, Failure> {
        let response = self.issuer.issue(order, self.now)?;
        events::tell(&Event::TokensIssued { user, client: self.client.id.clone(), grant_type });
        Ok(response)
    }
}

impl From<NoSigningKey> for Failure {
    /// The ring is read again every few seconds: the client may try again.
    fn from(error: NoSigningKey) -> Self {
        tracing::error!(%error, "cannot sign");
        Failure::Outage(crate::store::Error::Overloaded)
    }
}
