//! Logout tokens (OpenID Connect Back-Channel Logout §2.4): that a session has ended, for one client.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Issuer, NoSigningKey};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::keys::jws::Type;
use crate::store::clients::Client;
use crate::store::outbox::Letter;
use crate::store::sessions::Session;
use crate::store::users::User;

/// §2.4: "preferably at most two minutes in the future". Every attempt to deliver it signs a new one.
const LIFE: Duration = Duration::from_secs(120);

/// §2.4: "A nonce Claim MUST NOT be present", so that it never passes for an ID Token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: Id<Letter>,
    events: Value,
    sid: String,
}

/// The claims that both name the person, as in the ID Tokens of this client, and the session.
pub fn mint(
    issuer: &Issuer,
    client: &Client,
    jti: Id<Letter>,
    user: Id<User>,
    session: Id<Session>,
    now: Timestamp,
) -> Result<String, NoSigningKey> {
    let ring = issuer.ring();
    let key = ring.signing_key(client.metadata.id_token_signed_response_alg, now).ok_or(NoSigningKey)?;
    let claims = Claims {
        iss: &issuer.url,
        sub: issuer.subject_for(client, user),
        aud: &client.id,
        iat: now.secs(),
        exp: now.plus(LIFE).secs(),
        jti,
        events: json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
        sid: super::sid_of(session),
    };
    Ok(key.sign(Type::LogoutToken, &claims))
}
