//! ID Tokens (OpenID Connect Core §2): that a person signed in, when and how. Their claims go to UserInfo.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Authentication, Issuer, NoSigningKey};
use crate::clock::Timestamp;
use crate::keys::jws::Type;
use crate::keys::{Expiry, KeyRing};
use crate::protocol::algorithm::Algorithm;
use crate::secret;
use crate::store::clients::Client;
use crate::store::grants::Grant;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c_hash: Option<String>,
    #[serde(flatten)]
    person: &'a Map<String, Value>,
}

pub(super) fn mint(
    issuer: &Issuer,
    ring: &KeyRing,
    client: &Client,
    grant: &Grant,
    authentication: &Authentication,
    access_token: Option<&str>,
    now: Timestamp,
) -> Result<String, NoSigningKey> {
    let algorithm = client.metadata.id_token_signed_response_alg;
    let key = ring.signing_key(algorithm, now).ok_or(NoSigningKey)?;
    let claims = Claims {
        iss: &issuer.url,
        sub: issuer.subject_for(client, grant.user_id),
        aud: &client.id,
        exp: now.plus(issuer.lifetimes.id_token).secs(),
        iat: now.secs(),
        auth_time: grant.auth_time.secs(),
        sid: super::sid_of(grant.session_id),
        nonce: authentication.nonce.as_deref(),
        acr: authentication.acr.as_deref(),
        amr: &authentication.amr,
        at_hash: access_token.map(|token| half_hash(algorithm, token)),
        c_hash: authentication.code.as_deref().map(|code| half_hash(algorithm, code)),
        person: &authentication.claims,
    };
    Ok(key.sign(Type::IdToken, &claims))
}

/// Core §3.1.3.6 and §3.3.2.11: "the left-most half of the hash … using the hash algorithm used in the alg Header
/// Parameter". Ed25519 has SHA-512 in it.
fn half_hash(algorithm: Algorithm, value: &str) -> String {
    match algorithm {
        Algorithm::ES256 | Algorithm::RS256 => secret::base64url(&secret::sha256(value.as_bytes())[..16]),
        Algorithm::EdDSA => secret::base64url(&secret::sha512(value.as_bytes())[..32]),
    }
}

/// What a hint tells (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub subject: String,
    pub client_id: String,
    pub sid: Option<String>,
}

#[derive(Deserialize)]
struct HintClaims {
    iss: String,
    sub: String,
    aud: String,
    sid: Option<String>,
}

/// Reads an ID Token that this server has issued, also after its end. `None` for anything else.
pub fn read_hint(issuer: &Issuer, token: &str, now: Timestamp) -> Option<Hint> {
    let verified = issuer.ring().verify::<HintClaims>(token, Type::IdToken, Expiry::Ignored, now).ok()?;
    let claims = verified.claims;
    (claims.iss == issuer.url).then_some(Hint { subject: claims.sub, client_id: claims.aud, sid: claims.sid })
}
