//! Signing keys as they lie in the database: the private half sealed, the public half for operators to read.

use crate::clock::Timestamp;
use crate::protocol::algorithm::Algorithm;

/// A row of `keys`. At most one key of an algorithm has no `retired_at`: the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The RFC 7638 thumbprint of the public key.
    pub kid: String,
    pub algorithm: Algorithm,
    /// PKCS#8, sealed for this `kid`.
    pub sealed_private: Vec<u8>,
    /// A JWK (RFC 7517), as JSON.
    pub public_jwk: String,
    /// Since when it stands in the JWKS.
    pub announced_at: Timestamp,
    pub signing_from: Timestamp,
    /// When it stops signing.
    pub retired_at: Option<Timestamp>,
    /// When it leaves the JWKS, and what it signed is refused.
    pub removed_after: Option<Timestamp>,
}

/// The life of a key, as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the JWKS, so that verifiers know it before the first signature.
    Announced {
        signing_from: Timestamp,
    },
    Signing,
    /// Still in the JWKS, for as long as a token that it signed may live.
    Retired {
        removed_after: Timestamp,
    },
    Removed,
}

impl StoredKey {
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.retired_at, self.removed_after) {
            (_, Some(removed_after)) if removed_after <= now => KeyState::Removed,
            (Some(retired_at), removed_after) if retired_at <= now => {
                KeyState::Retired { removed_after: removed_after.unwrap_or(retired_at) }
            }
            _ if now < self.signing_from => KeyState::Announced { signing_from: self.signing_from },
            _ => KeyState::Signing,
        }
    }
}
