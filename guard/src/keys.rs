//! The server's public keys (RFC 7517): what signatures are verified with.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::algorithm::Algorithm;
use crate::jwt::Compact;
use crate::refusal::InvalidToken;

/// More keys than any server has at a time; the rest of a longer set is not read.
const MOST: usize = 64;
/// How many keys a token may be tried with. Several can share a `kid`, or the token may name none.
const TRIES: usize = 3;

/// A public key that knows its one algorithm (RFC 8725 §3.1).
pub struct VerificationKey {
    kid: Option<String>,
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

#[derive(Default)]
pub struct KeySet(Vec<VerificationKey>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    public_key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeySet {
    /// Reads the keys that can be used. Others are passed over, as RFC 7517 §5 asks. `None`: it is no JWK Set.
    pub fn read(document: &[u8], accepted: &[Algorithm]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let jwks = document.keys.into_iter().take(MOST);
        let jwks = jwks.filter_map(|jwk| serde_json::from_value::<Jwk>(jwk).ok());
        let keys = jwks.flat_map(|jwk| {
            let algorithms = accepted.iter().copied();
            algorithms.filter_map(move |algorithm| jwk.verification_key(algorithm)).collect::<Vec<_>>()
        });
        Some(KeySet(keys.collect()))
    }

    /// [`InvalidToken::UnknownKey`]: the set has none that the token could mean, and a newer one might.
    pub fn verify(&self, token: &Compact<'_>) -> Result<(), InvalidToken> {
        let named = |key: &&VerificationKey| token.kid.is_none() || key.kid == token.kid;
        let mut keys = self.0.iter().filter(named).peekable();
        if keys.peek().is_none() {
            return Err(InvalidToken::UnknownKey);
        }
        let mut fitting = keys.filter(|key| key.algorithm == token.algorithm).take(TRIES).peekable();
        if fitting.peek().is_none() {
            return Err(InvalidToken::Algorithm);
        }
        let message = token.signing_input.as_bytes();
        match fitting.any(|key| key.parsed.verify_sig(message, &token.signature).is_ok()) {
            true => Ok(()),
            false => Err(InvalidToken::Signature),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Jwk {
    fn verification_key(&self, algorithm: Algorithm) -> Option<VerificationKey> {
        let says_other = |said: &Option<String>, wanted: &str| said.as_deref().is_some_and(|it| it != wanted);
        if says_other(&self.public_key_use, "sig") || says_other(&self.alg, algorithm.as_str()) {
            return None;
        }
        if self.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|it| it == "verify")) {
            return None;
        }
        let parsed = match (algorithm, self.kty.as_str(), self.crv.as_deref()) {
            (Algorithm::ES256, "EC", Some("P-256")) => self.p256(),
            (Algorithm::EdDSA, "OKP", Some("Ed25519")) => {
                ParsedPublicKey::new(&ED25519, bytes(&self.x)?).ok()
            }
            (Algorithm::RS256, "RSA", None) => self.rsa(&RSA_PKCS1_2048_8192_SHA256),
            (Algorithm::PS256, "RSA", None) => self.rsa(&RSA_PSS_2048_8192_SHA256),
            _ => None,
        };
        Some(VerificationKey { kid: self.kid.clone(), algorithm, parsed: parsed? })
    }

    fn p256(&self) -> Option<ParsedPublicKey> {
        let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
        if x.len() != 32 || y.len() != 32 {
            return None;
        }
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[0x04], x.as_slice(), &y].concat()).ok()
    }

    fn rsa(&self, parameters: &'static RsaParameters) -> Option<ParsedPublicKey> {
        let n = bytes(&self.n)?;
        // The library looks at the size only when it verifies: RFC 7518 §3.3 wants 2048 bits or more.
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        if !(2048..=8192).contains(&bits) {
            return None;
        }
        RsaPublicKeyComponents { n, e: bytes(&self.e)? }.to_parsed_public_key(parameters).ok()
    }
}

fn bytes(member: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(member.as_deref()?).ok()
}
