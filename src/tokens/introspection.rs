//! Introspection answers as JWTs (RFC 9701 §5): an API, or a gateway before it, can keep and hand on what it was
//! told.

use serde::Serialize;

use super::{Issuer, NoSigningKey};
use crate::clock::Timestamp;
use crate::keys::jws::Type;
use crate::store::clients::Client;

/// "The JWT MUST NOT contain top-level sub and exp claims", so that nobody takes it for an access token.
#[derive(Serialize)]
struct Claims<'a, T> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: &'a T,
}

/// For the resource server that asked, and no other.
pub fn sign<T: Serialize>(
    issuer: &Issuer,
    asker: &Client,
    found: &T,
    now: Timestamp,
) -> Result<String, NoSigningKey> {
    let ring = issuer.ring();
    let algorithm = asker.metadata.introspection_signed_response_alg;
    let key = ring.signing_key(algorithm, now).ok_or(NoSigningKey)?;
    let claims = Claims { iss: &issuer.url, aud: &asker.id, iat: now.secs(), token_introspection: found };
    Ok(key.sign(Type::Introspection, &claims))
}
