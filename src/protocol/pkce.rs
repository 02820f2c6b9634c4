//! Proof Key for Code Exchange (RFC 7636). S256 only: with `plain` whoever reads the request can redeem the code.

use serde::{Deserialize, Serialize};

use crate::secret;

/// A `code_challenge` for the method S256: 43 characters of base64url that decode to 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("code_challenge is not the base64url of a SHA-256 (43 characters, no padding)")]
pub struct MalformedChallenge;

impl TryFrom<String> for CodeChallenge {
    type Error = MalformedChallenge;

    fn try_from(text: String) -> Result<Self, MalformedChallenge> {
        match secret::from_base64url(&text) {
            Some(bytes) if bytes.len() == 32 => Ok(CodeChallenge(text)),
            _ => Err(MalformedChallenge),
        }
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> String {
        challenge.0
    }
}

impl CodeChallenge {
    /// RFC 7636 §4.6: `BASE64URL-ENCODE(SHA256(ASCII(code_verifier))) == code_challenge`, in constant time.
    pub fn is_met_by(&self, verifier: &CodeVerifier<'_>) -> bool {
        secret::equal(self.0.as_bytes(), secret::base64url(&secret::sha256(verifier.0.as_bytes())).as_bytes())
    }
}

/// A `code_verifier` of the form that RFC 7636 §4.1 demands: 43 to 128 unreserved characters.
pub struct CodeVerifier<'a>(&'a str);

impl<'a> CodeVerifier<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        ((43..=128).contains(&text.len()) && text.bytes().all(unreserved)).then_some(CodeVerifier(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_holds() {
        let challenge =
            CodeChallenge::try_from("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()).unwrap();
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert!(challenge.is_met_by(&verifier));
        let other = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK").unwrap();
        assert!(!challenge.is_met_by(&other));
    }

    #[test]
    fn malformed_values_are_no_values() {
        let long = "a".repeat(129);
        for text in ["", "short", &"a".repeat(42), &long, &format!("{} ", "a".repeat(43)), &"=".repeat(43)] {
            assert!(CodeVerifier::parse(text).is_none(), "{text:?}");
        }
        for text in ["", &"a".repeat(42), &"a".repeat(44), &format!("{}=", "a".repeat(43)), &"+".repeat(43)] {
            assert!(CodeChallenge::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
