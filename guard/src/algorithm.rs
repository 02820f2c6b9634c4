//! The signature algorithms that are accepted (RFC 7518 §3, RFC 8037). `none` and HMAC have no name here, so that no
//! setting can let them in (RFC 8725 §3.1, §3.2).

/// A `VerificationKey` knows its one algorithm: a token has no say in how it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256
    ES256,
    /// Ed25519
    EdDSA,
    /// RSASSA-PKCS1-v1_5 with SHA-256
    RS256,
    /// RSASSA-PSS with SHA-256
    PS256,
}

impl Algorithm {
    pub const ALL: [Algorithm; 4] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256];

    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::ES256 => "ES256",
            Algorithm::EdDSA => "EdDSA",
            Algorithm::RS256 => "RS256",
            Algorithm::PS256 => "PS256",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}
