//! Which APIs an access token is for (RFC 8707 §2.2): those that the token request names, or all that were granted.

use super::Exchange;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::DirectError;
use crate::protocol::resource::Resources;

pub(super) const BEYOND: DirectError =
    DirectError::InvalidTarget("resource names an API that was not granted to this client");

/// The `resource` parameters of a token request; empty if there is none.
pub(super) fn asked(exchange: &Exchange<'_>) -> Result<Resources, DirectError> {
    Resources::asked(exchange.parameters.all("resource")).map_err(|_| {
        DirectError::InvalidTarget("each resource, 10 at most, must be an absolute URI without a fragment")
    })
}

/// What is `asked` of what is `granted`, or all of it. `None`: something was not granted.
pub(super) fn choose(asked: &Resources, granted: &Resources, metadata: &ClientMetadata) -> Option<Resources> {
    if asked.is_empty() {
        return Some(granted.clone());
    }
    if granted.is_empty() {
        // Where nothing was agreed about APIs, the operator's word counts.
        return asked.among(&metadata.audience.iter().collect());
    }
    asked.among(granted)
}
