//! The signature algorithms that Gatepass signs with, and those it verifies (RFC 7518 §3.1, RFC 8037 §3.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `none` and the HMACs are no variants: what cannot be named cannot be accepted (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every relying party must support (OIDC Core §15.1).
    RS256,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    pub const ALL: [Algorithm; 3] = [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];

    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::ES256 => "ES256",
            Algorithm::RS256 => "RS256",
            Algorithm::EdDSA => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signature algorithm of this server: use ES256, RS256 or EdDSA")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// "The value is a case-sensitive ASCII string" (RFC 7515 §4.1.1).
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(UnknownAlgorithm)
    }
}

/// What a client signs with: assertions (RFC 7523 §3) and request objects (RFC 9101 §6.2). `none` is no variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClientAlgorithm {
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    ES256,
    EdDSA,
    /// HMAC with SHA-256, keyed by the client's secret. It fits no public key.
    HS256,
}

impl ClientAlgorithm {
    pub const ALL: [ClientAlgorithm; 5] = [
        ClientAlgorithm::RS256,
        ClientAlgorithm::PS256,
        ClientAlgorithm::ES256,
        ClientAlgorithm::EdDSA,
        ClientAlgorithm::HS256,
    ];
    /// Those of public keys.
    pub const ASYMMETRIC: [ClientAlgorithm; 4] =
        [ClientAlgorithm::RS256, ClientAlgorithm::PS256, ClientAlgorithm::ES256, ClientAlgorithm::EdDSA];

    pub const fn as_str(self) -> &'static str {
        match self {
            ClientAlgorithm::RS256 => "RS256",
            ClientAlgorithm::PS256 => "PS256",
            ClientAlgorithm::ES256 => "ES256",
            ClientAlgorithm::EdDSA => "EdDSA",
            ClientAlgorithm::HS256 => "HS256",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        ClientAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

/// What a client's request objects come with (OpenID Connect Registration §2, `request_object_signing_alg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestObjectAlgorithm {
    #[serde(rename = "none")]
    Unsigned,
    #[serde(untagged)]
    Signed(ClientAlgorithm),
}

impl RequestObjectAlgorithm {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(RequestObjectAlgorithm::Unsigned),
            text => ClientAlgorithm::parse(text).map(RequestObjectAlgorithm::Signed),
        }
    }

    /// All of them, by their registered names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ClientAlgorithm::ALL.into_iter().map(ClientAlgorithm::as_str).chain(["none"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_sign_with_has_its_registered_name_and_none_is_not_among_it() {
        for algorithm in ClientAlgorithm::ALL {
            assert_eq!(ClientAlgorithm::parse(algorithm.as_str()), Some(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{}\"", algorithm.as_str()));
        }
        for stranger in ["none", "None", "rs256", "", "HS512", "RS256 "] {
            assert_eq!(ClientAlgorithm::parse(stranger), None);
        }
    }

    #[test]
    fn request_objects_may_also_be_signed_by_nobody() {
        for name in RequestObjectAlgorithm::names() {
            let algorithm = RequestObjectAlgorithm::parse(name).unwrap();
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{name}\""));
            assert_eq!(
                serde_json::from_str::<RequestObjectAlgorithm>(&format!("\"{name}\"")).unwrap(),
                algorithm
            );
        }
        for stranger in ["None", "nOnE", "", "Unsigned", "HS512"] {
            assert_eq!(RequestObjectAlgorithm::parse(stranger), None);
            assert!(serde_json::from_str::<RequestObjectAlgorithm>(&format!("\"{stranger}\"")).is_err());
        }
    }

    #[test]
    fn the_wire_and_the_command_line_use_the_registered_names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
        }
        for stranger in ["none", "es256", "HS256", "", "ES256 "] {
            assert_eq!(stranger.parse::<Algorithm>(), Err(UnknownAlgorithm));
        }
    }
}
