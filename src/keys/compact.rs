//! Reading a JWS in compact serialization, strictly, before any cryptography (RFC 7515 §7.1, RFC 8725 §3).

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::refusal::Refusal;
use crate::protocol::strict_json;
use crate::secret;

/// No token of ours comes near it; a longer one is an attack on the reader.
pub const LONGEST: usize = 16 * 1024;

/// A JWS of which only the shape is known. Nothing in it may be believed before its signature is verified.
pub struct Compact<'t> {
    pub(super) text: &'t str,
    pub(super) header: Header,
    /// What was signed: `BASE64URL(header) . BASE64URL(payload)`.
    pub(super) signing_input: &'t str,
    pub(super) signature: &'t str,
    pub(super) payload: Vec<u8>,
}

/// The members that decide something. `jwk`, `jku`, `x5u` and `x5c` are not among them: a key that comes with
/// the message proves nothing about its sender (RFC 8725 §3.10).
#[derive(Deserialize)]
pub(super) struct Header {
    pub alg: String,
    #[serde(default, deserialize_with = "text")]
    pub kid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub typ: Option<String>,
    #[serde(default, deserialize_with = "presence")]
    crit: Presence,
    #[serde(default, deserialize_with = "presence")]
    b64: Presence,
}

#[derive(Default, PartialEq)]
enum Presence {
    #[default]
    Absent,
    Present,
}

fn presence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Presence, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| Presence::Present)
}

/// A member that is there must be a string: `null` is an error, not an absence.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Cow::<str>::deserialize(deserializer).map(|text| Some(text.into_owned()))
}

impl<'t> Compact<'t> {
    /// Three parts of canonical base64url and a header without surprises, or [`Refusal::Malformed`] and
    /// [`Refusal::Extension`].
    pub fn parse(token: &'t str) -> Result<Self, Refusal> {
        let token = Compact::shape(token)?;
        if token.signature.is_empty() { Err(Refusal::Malformed) } else { Ok(token) }
    }

    /// An unsecured JWS (RFC 7515 §A.5): the algorithm is `none`, in these very letters, and the third part is empty.
    pub fn parse_unsigned(token: &'t str) -> Result<Self, Refusal> {
        let token = Compact::shape(token)?;
        match (token.header.alg.as_str(), token.signature) {
            ("none", "") => Ok(token),
            ("none", _) => Err(Refusal::Malformed),
            _ => Err(Refusal::Algorithm),
        }
    }

    fn shape(token: &'t str) -> Result<Self, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Malformed);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        // A fourth part would leave a dot in one of them, which no base64url alphabet has.
        let (header, payload) = signing_input.split_once('.').ok_or(Refusal::Malformed)?;
        // One signature must have one spelling, or a list of seen tokens is walked around.
        let full = |part: &str| secret::from_base64url(part).filter(|bytes| !bytes.is_empty());
        let (Some(header), Some(payload), Some(_)) =
            (full(header), full(payload), secret::from_base64url(signature))
        else {
            return Err(Refusal::Malformed);
        };
        let header: Header = strict_json::object(&header).ok_or(Refusal::Malformed)?;
        // "If any of the listed extension Header Parameters are not understood and supported by the
        // recipient, then the JWS is invalid" (RFC 7515 §4.1.11). We support none.
        if header.crit == Presence::Present || header.b64 == Presence::Present {
            return Err(Refusal::Extension);
        }
        Ok(Compact { text: token, header, signing_input, signature, payload })
    }

    /// Who the token says has signed it: where to look for the key, nothing more.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }
}
