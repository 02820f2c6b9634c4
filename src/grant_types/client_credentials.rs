//! The client credentials grant (RFC 6749 §4.4): a client speaks for itself. Nothing is read or written.

use super::{Exchange, referee, target};
use crate::client_auth::Failure;
use crate::protocol::error::DirectError;
use crate::protocol::grant_type::GrantType;
use crate::protocol::resource::Resources;
use crate::protocol::scope::{STANDARD_SCOPES, Scope};
use crate::tokens::{Order, Subject, TokenResponse};

pub(super) fn exchange(exchange: &Exchange<'_>) -> Result<TokenResponse, Failure> {
    // RFC 6749 §4.4: "The client credentials grant type MUST only be used by confidential clients."
    if exchange.client.metadata.token_endpoint_auth_method.is_public() {
        return Err(DirectError::UnauthorizedClient("a public client cannot speak for itself").into());
    }
    let scope = scope(exchange)?;
    referee::judge_client_credentials(exchange, &scope)?;
    // Nobody agrees here to what the client may call, so that it stays with what the operator registered.
    let asked = target::asked(exchange)?;
    let resources = target::choose(&asked, &Resources::default(), &exchange.client.metadata);
    let order = Order {
        client: exchange.client,
        subject: Subject::Client,
        scope: &scope,
        resources: &resources.ok_or(target::BEYOND)?,
        // RFC 6749 §4.4.3: "A refresh token SHOULD NOT be included."
        refresh: None,
        id_token: None,
    };
    exchange.issue(&order, GrantType::ClientCredentials, None)
}

fn scope(exchange: &Exchange<'_>) -> Result<Scope, DirectError> {
    let allowed = &exchange.client.metadata.scope;
    let Some(text) = exchange.parameters.get("scope") else {
        // What speaks of a person is no default where there is none.
        return Ok(STANDARD_SCOPES.iter().fold(allowed.clone(), |scope, name| scope.without(name)));
    };
    let scope: Scope = text
        .parse()
        .map_err(|_| DirectError::InvalidScope("scope has a character that is not allowed there"))?;
    if STANDARD_SCOPES.iter().any(|name| scope.contains(name)) {
        return Err(DirectError::InvalidScope(
            "the scopes of OpenID Connect speak of a person: there is none here",
        ));
    }
    if !scope.is_within(allowed) {
        return Err(DirectError::InvalidScope("this client is not registered for all of this scope"));
    }
    Ok(scope)
}
