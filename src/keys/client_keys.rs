//! The public keys of a client (RFC 7517 §5, RFC 7518 §6, RFC 8037 §2).

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::claims::{self, Verified};
use super::client_jwt::ClientJwt;
use super::refusal::Refusal;
use crate::clock::Timestamp;
use crate::protocol::algorithm::ClientAlgorithm;
use crate::protocol::client_metadata::Jwks;
use crate::protocol::strict_json;
use crate::secret::from_base64url;

/// Of a JWK Set, in bytes.
pub const LARGEST: usize = 64 * 1024;
const MOST: usize = 100;
/// Keys that one token is tried on: names may stand twice while a client rotates, and trying costs time.
const TRIES: usize = 3;
/// RFC 7517 §4.5 sets no limit; a name is only compared.
const LONGEST_KID: usize = 256;

/// Why a JWK Set is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.why())]
pub enum UnusableKeys {
    Malformed,
    /// Whoever publishes one has to replace it, and learns so here.
    Secret,
    Key,
    Rsa,
    Curve,
}

impl UnusableKeys {
    pub const fn why(self) -> &'static str {
        match self {
            UnusableKeys::Malformed => "not a JWK Set of at most 64 KB and 100 keys (RFC 7517 section 5)",
            UnusableKeys::Secret => {
                "it holds a private or symmetric key: publish public keys only, and replace this one"
            }
            UnusableKeys::Key => "a key is malformed (RFC 7518 section 6)",
            UnusableKeys::Rsa => {
                "an RSA key needs 2048 to 8192 bits and an odd public exponent from 3 to 4294967295"
            }
            UnusableKeys::Curve => "the point of a key does not lie on P-256",
        }
    }
}

/// The keys of a JWK Set that verify signatures.
pub struct ClientKeys(Vec<ClientKey>);

struct ClientKey {
    kid: Option<String>,
    /// RFC 7517 §4.4: "the algorithm intended for use with the key".
    algorithm: Option<ClientAlgorithm>,
    material: Material,
}

/// A key knows its kind, and an algorithm that does not fit it cannot be tried (RFC 8725 §3.1).
enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    P256(ParsedPublicKey),
    Ed25519(ParsedPublicKey),
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// RFC 7518 §6.2.2, §6.3.2 and §6.4.1.
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl ClientKeys {
    /// Reads a JWK Set. "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" values that are not
    /// understood by them" (RFC 7517 §5): so too with curves, algorithms and uses. What is dangerous refuses all.
    pub fn from_jwks(json: &[u8]) -> Result<Self, UnusableKeys> {
        if json.len() > LARGEST {
            return Err(UnusableKeys::Malformed);
        }
        let set: Jwks = strict_json::object(json).ok_or(UnusableKeys::Malformed)?;
        if set.keys.len() > MOST {
            return Err(UnusableKeys::Malformed);
        }
        let keys: Result<Vec<_>, _> = set.keys.into_iter().filter_map(|jwk| read(jwk).transpose()).collect();
        keys.map(ClientKeys)
    }

    pub fn of(jwks: &Jwks) -> Result<Self, UnusableKeys> {
        ClientKeys::from_jwks(&serde_json::to_vec(jwks).map_err(|_| UnusableKeys::Malformed)?)
    }

    /// Whether no key in it can verify a signature.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims of a JWT that one of these keys has signed with an algorithm of `allowed`.
    /// [`Refusal::Key`]: none of them has the name that the JWT asks for.
    pub fn verify<C: DeserializeOwned>(
        &self,
        jwt: &ClientJwt<'_>,
        allowed: &[ClientAlgorithm],
        now: Timestamp,
    ) -> Result<Verified<C>, Refusal> {
        let algorithm = jwt.algorithm().filter(|own| allowed.contains(own)).ok_or(Refusal::Algorithm)?;
        let named: Vec<&ClientKey> = self.0.iter().filter(|key| key.answers_to(jwt.0.kid())).collect();
        if named.is_empty() {
            return Err(Refusal::Key);
        }
        let mut fitting = named.into_iter().filter(|key| key.fits(algorithm)).take(TRIES).peekable();
        fitting.peek().ok_or(Refusal::Algorithm)?;
        let signature = from_base64url(jwt.0.signature).ok_or(Refusal::Malformed)?;
        let message = jwt.0.signing_input.as_bytes();
        if !fitting.any(|key| key.material.verifies(algorithm, message, &signature)) {
            return Err(Refusal::Signature);
        }
        claims::read_from_client(&jwt.0.payload, now)
    }
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKeys({})", self.0.len())
    }
}

impl ClientKey {
    /// A JWT that names no key may be signed with any.
    fn answers_to(&self, kid: Option<&str>) -> bool {
        kid.is_none() || self.kid.as_deref() == kid
    }

    fn fits(&self, algorithm: ClientAlgorithm) -> bool {
        let kind = match self.material {
            Material::Rsa(_) => matches!(algorithm, ClientAlgorithm::RS256 | ClientAlgorithm::PS256),
            Material::P256(_) => algorithm == ClientAlgorithm::ES256,
            Material::Ed25519(_) => algorithm == ClientAlgorithm::EdDSA,
        };
        kind && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

impl Material {
    fn verifies(&self, algorithm: ClientAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (self, algorithm) {
            (Material::Rsa(key), ClientAlgorithm::RS256) => {
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Material::Rsa(key), ClientAlgorithm::PS256) => {
                key.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Material::P256(key), ClientAlgorithm::ES256)
            | (Material::Ed25519(key), ClientAlgorithm::EdDSA) => key.verify_sig(message, signature),
            (Material::Rsa(_) | Material::P256(_) | Material::Ed25519(_), _) => return false,
        };
        verified.is_ok()
    }
}

/// `None`: a key that is not for us.
fn read(members: Map<String, Value>) -> Result<Option<ClientKey>, UnusableKeys> {
    if SECRET_MEMBERS.iter().any(|name| members.contains_key(*name))
        || members.get("kty") == Some(&"oct".into())
    {
        return Err(UnusableKeys::Secret);
    }
    let jwk: Jwk = serde_json::from_value(Value::Object(members)).map_err(|_| UnusableKeys::Key)?;
    if jwk.kid.as_ref().is_some_and(|kid| kid.len() > LONGEST_KID) {
        return Err(UnusableKeys::Key);
    }
    let algorithm = jwk.alg.as_deref().map(ClientAlgorithm::parse);
    let is_for_us = algorithm != Some(None)
        && jwk.r#use.as_deref().is_none_or(|usage| usage == "sig")
        && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"));
    if !is_for_us {
        return Ok(None);
    }
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::Rsa(rsa(&number(&jwk.n)?, &number(&jwk.e)?)?),
        ("EC", Some("P-256")) => {
            let point = [&[4][..], &coordinate(&jwk.x)?, &coordinate(&jwk.y)?].concat();
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            Material::P256(key.map_err(|_| UnusableKeys::Curve)?)
        }
        ("OKP", Some("Ed25519")) => {
            let key = ParsedPublicKey::new(&ED25519, coordinate(&jwk.x)?);
            Material::Ed25519(key.map_err(|_| UnusableKeys::Key)?)
        }
        _ => return Ok(None),
    };
    Ok(Some(ClientKey { kid: jwk.kid, algorithm: algorithm.flatten(), material }))
}

/// RFC 7518 §2, Base64urlUInt: "The octet sequence MUST utilize the minimum number of octets".
fn number(text: &Option<String>) -> Result<Vec<u8>, UnusableKeys> {
    let octets = text.as_deref().and_then(from_base64url);
    octets.filter(|octets| octets.first().is_some_and(|first| *first != 0)).ok_or(UnusableKeys::Key)
}

/// RFC 7518 §6.2.1.2: "The length of this octet string MUST be the full size of a coordinate".
fn coordinate(text: &Option<String>) -> Result<[u8; 32], UnusableKeys> {
    text.as_deref()
        .and_then(from_base64url)
        .and_then(|octets| octets.try_into().ok())
        .ok_or(UnusableKeys::Key)
}

/// A short or even modulus, or an exponent of 1, lets anybody sign; a huge one keeps us busy.
fn rsa(n: &[u8], e: &[u8]) -> Result<RsaPublicKeyComponents<Vec<u8>>, UnusableKeys> {
    let is_odd = |octets: &[u8]| octets.last().is_some_and(|last| last & 1 == 1);
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    let exponent_is_sane = e.len() <= 4 && is_odd(e) && e != [1];
    if (2048..=8192).contains(&bits) && is_odd(n) && exponent_is_sane {
        Ok(RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() })
    } else {
        Err(UnusableKeys::Rsa)
    }
}
