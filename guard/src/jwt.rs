//! Reading a JWT in compact serialization, strictly, before any cryptography (RFC 7515 §7.1, RFC 8725 §3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::json;
use crate::refusal::InvalidToken;

/// In bytes. No access token comes near it; a longer one is an attack on the reader.
pub const LONGEST: usize = 16 * 1024;

/// A JWT of which only the shape is known. Nothing in it may be believed before its signature is verified.
pub struct Compact<'t> {
    pub algorithm: Algorithm,
    /// Where to look for the key, nothing more.
    pub kid: Option<String>,
    pub typ: Option<String>,
    /// What was signed: `BASE64URL(header) . BASE64URL(payload)`.
    pub signing_input: &'t str,
    pub signature: Vec<u8>,
    pub payload: Vec<u8>,
}

impl<'t> Compact<'t> {
    pub fn parse(token: &'t str) -> Result<Self, InvalidToken> {
        if token.len() > LONGEST {
            return Err(InvalidToken::Malformed);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
        // A fourth part would leave a dot in one of them, which no base64url alphabet has.
        let (header, payload) = signing_input.split_once('.').ok_or(InvalidToken::Malformed)?;
        let [header, payload, signature] = [part(header)?, part(payload)?, part(signature)?];
        let header = json::object(&header).ok_or(InvalidToken::Malformed)?;
        // "If any of the listed extension Header Parameters are not understood and supported by the recipient, then
        // the JWS is invalid" (RFC 7515 §4.1.11). We support none. `jwk`, `jku`, `x5u` and `x5c` are never looked at:
        // a key that comes with the message proves nothing about its sender (RFC 8725 §3.10).
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(InvalidToken::Malformed);
        }
        let algorithm = text(&header, "alg")?.as_deref().and_then(Algorithm::named);
        Ok(Compact {
            algorithm: algorithm.ok_or(InvalidToken::Algorithm)?,
            kid: text(&header, "kid")?,
            typ: text(&header, "typ")?,
            signing_input,
            signature,
            payload,
        })
    }
}

/// Canonical base64url: one signature has one spelling.
fn part(text: &str) -> Result<Vec<u8>, InvalidToken> {
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        Ok(_) | Err(_) => Err(InvalidToken::Malformed),
    }
}

/// A member that is there must be a string: `null` is an error, not an absence.
pub fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, InvalidToken> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(InvalidToken::Malformed),
    }
}
