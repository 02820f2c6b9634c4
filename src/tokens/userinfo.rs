//! Signed answers of UserInfo (OpenID Connect Core §5.3.2), for clients that registered for them.

use serde_json::{Map, Value};

use super::{Issuer, NoSigningKey};
use crate::clock::Timestamp;
use crate::keys::jws::Type;
use crate::protocol::algorithm::Algorithm;
use crate::store::clients::Client;

/// "If signed, the UserInfo Response MUST contain the Claims iss (issuer) and aud (audience) as members." It has no
/// `exp` and no `nonce`, so that nobody takes it for an ID Token.
pub fn sign(
    issuer: &Issuer,
    client: &Client,
    algorithm: Algorithm,
    mut claims: Map<String, Value>,
    now: Timestamp,
) -> Result<String, NoSigningKey> {
    let ring = issuer.ring();
    let key = ring.signing_key(algorithm, now).ok_or(NoSigningKey)?;
    claims.insert("iss".to_owned(), Value::from(issuer.url.as_str()));
    claims.insert("aud".to_owned(), Value::from(client.id.as_str()));
    Ok(key.sign(Type::UserInfo, &claims))
}
