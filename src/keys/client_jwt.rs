//! What a client has signed, before it is known with which key (RFC 7515 §7.1, RFC 8725 §3.11).

use aws_lc_rs::hmac;
use serde::de::DeserializeOwned;

use super::claims::{self, Verified};
use super::compact::Compact;
use super::refusal::Refusal;
use crate::clock::Timestamp;
use crate::protocol::algorithm::ClientAlgorithm;
use crate::protocol::strict_json;
use crate::secret::{Secret, from_base64url};

/// What a JWT of a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 7523 §3
    Assertion,
    /// RFC 9101 §4
    RequestObject,
}

impl Kind {
    /// Neither RFC asks for a type, and most clients write `JWT` or none; but what says that it is something else
    /// is refused (RFC 8725 §3.11).
    fn allows(self, typ: &str) -> bool {
        let own = match self {
            Kind::Assertion => "client-authentication+jwt",
            Kind::RequestObject => "oauth-authz-req+jwt",
        };
        // RFC 7515 §4.1.9: media types have no case, and "application/" is left out.
        let typ = typ.to_ascii_lowercase();
        let typ = typ.strip_prefix("application/").unwrap_or(&typ);
        typ == "jwt" || typ == own
    }

    fn check(self, token: &Compact<'_>) -> Result<(), Refusal> {
        match &token.header.typ {
            Some(typ) if !self.allows(typ) => Err(Refusal::Type),
            _ => Ok(()),
        }
    }
}

/// The claims of a JWT that says of itself that nobody has signed it (RFC 7519 §6). Anybody can have written them: they
/// are worth what a query is.
pub fn read_unsigned<C: DeserializeOwned>(
    token: &str,
    kind: Kind,
    now: Timestamp,
) -> Result<Verified<C>, Refusal> {
    let token = Compact::parse_unsigned(token)?;
    kind.check(&token)?;
    claims::read_from_client(&token.payload, now)
}

/// A JWT of a client of which only the shape is known.
pub struct ClientJwt<'t>(pub(super) Compact<'t>);

impl<'t> ClientJwt<'t> {
    pub fn parse(token: &'t str, kind: Kind) -> Result<Self, Refusal> {
        let token = Compact::parse(token)?;
        kind.check(&token)?;
        Ok(ClientJwt(token))
    }

    /// What it says before anything is verified: good for finding whose keys to ask for, and for nothing else.
    pub fn claimed<C: DeserializeOwned>(&self) -> Option<C> {
        strict_json::object(&self.0.payload)
    }

    pub(super) fn algorithm(&self) -> Option<ClientAlgorithm> {
        ClientAlgorithm::parse(&self.0.header.alg)
    }

    /// The claims, if it is signed with HS256 and this secret (OIDC Core §9, client_secret_jwt).
    pub fn verify_by_secret<C: DeserializeOwned>(
        &self,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Verified<C>, Refusal> {
        if self.algorithm() != Some(ClientAlgorithm::HS256) {
            return Err(Refusal::Algorithm);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
        let tag = from_base64url(self.0.signature).ok_or(Refusal::Malformed)?;
        hmac::verify(&key, self.0.signing_input.as_bytes(), &tag).map_err(|_| Refusal::Signature)?;
        claims::read_from_client(&self.0.payload, now)
    }
}
