//! Signing and verifying JWTs as JWS in compact serialization (RFC 7515, RFC 7518, RFC 8037, RFC 8725).

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{DecodingKey, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use super::compact::Compact;
use super::recent::Recent;
use super::refusal::Refusal;
use crate::protocol::algorithm::Algorithm;
use crate::secret;

/// What a JWT is, said in its header, so that none passes for another ("explicit typing", RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// RFC 9068 §2.1
    AccessToken,
    /// OIDC Core §2 registers none of its own.
    IdToken,
    /// OIDC Back-Channel Logout §2.4
    LogoutToken,
    /// OIDC Core §5.3.2 registers none: but it has issuer, audience and subject like an ID Token, and is none.
    UserInfo,
    /// draft-ietf-oauth-status-list-21 §5.1
    StatusList,
    /// RFC 9701 §5
    Introspection,
}

impl Type {
    const ALL: [Type; 6] = [
        Type::AccessToken,
        Type::IdToken,
        Type::LogoutToken,
        Type::UserInfo,
        Type::StatusList,
        Type::Introspection,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Type::AccessToken => "at+jwt",
            Type::IdToken => "JWT",
            Type::LogoutToken => "logout+jwt",
            Type::UserInfo => "userinfo+jwt",
            Type::StatusList => "statuslist+jwt",
            Type::Introspection => "token-introspection+jwt",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a usable {0} private key in PKCS#8: a P-256 key, an RSA key of 2048 to 8192 bits or an Ed25519 key"
)]
pub struct UnusableKey(Algorithm);

/// A private key, parsed once: jsonwebtoken's own `encode` parses it again for every token, which costs a third
/// of an ES256 signature and half of an RS256 one.
pub struct SigningKey {
    pair: Pair,
    /// `BASE64URL(header) .` for each [`Type`].
    headers: [String; Type::ALL.len()],
    public: VerificationKey,
    public_jwk: String,
}

enum Pair {
    ES256(EcdsaKeyPair),
    RS256(Box<RsaKeyPair>),
    EdDSA(Ed25519KeyPair),
}

/// A fresh private key as PKCS#8: P-256, RSA of 2048 bits, or Ed25519.
pub fn generate(algorithm: Algorithm) -> Zeroizing<Vec<u8>> {
    let random = SystemRandom::new();
    let pkcs8 = match algorithm {
        Algorithm::ES256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map(|document| document.as_ref().to_vec()),
        Algorithm::RS256 => RsaKeyPair::generate(KeySize::Rsa2048)
            .and_then(|pair| AsDer::<Pkcs8V1Der>::as_der(&pair))
            .map(|document| document.as_ref().to_vec()),
        Algorithm::EdDSA => {
            Ed25519KeyPair::generate_pkcs8v1(&random).map(|document| document.as_ref().to_vec())
        }
    };
    Zeroizing::new(pkcs8.expect("the operating system gives memory and random bytes for a key"))
}

impl SigningKey {
    /// Errors: the bytes are no private key for `algorithm`, or one that is too weak.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, UnusableKey> {
        let unusable = UnusableKey(algorithm);
        let (pair, decoding) = match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(|_| unusable)?;
                let public = DecodingKey::from_ec_der(pair.public_key().as_ref());
                (Pair::ES256(pair), public)
            }
            Algorithm::RS256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| unusable)?;
                let public = DecodingKey::from_rsa_der(pair.public_key().as_ref());
                (Pair::RS256(Box::new(pair)), public)
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| unusable)?;
                let public = DecodingKey::from_ed_der(pair.public_key().as_ref());
                (Pair::EdDSA(pair), public)
            }
        };
        let mut jwk = Jwk::from_decoding_key(&decoding, Some(jose(algorithm))).map_err(|_| unusable)?;
        // RFC 7638: the name of a key follows from the key, so that no two nodes can name two keys alike.
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| unusable)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(SigningKey {
            pair,
            headers: Type::ALL.map(|typ| header(algorithm, typ, &kid)),
            public: VerificationKey { algorithm, kid, decoding, signed: Recent::default() },
            public_jwk: serde_json::to_string(&jwk).map_err(|_| unusable)?,
        })
    }

    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The public half as a JWK with `kid`, `alg` and `use` (RFC 7517 §4).
    pub fn public_jwk(&self) -> &str {
        &self.public_jwk
    }

    pub fn verification_key(&self) -> &VerificationKey {
        &self.public
    }

    /// A signed JWT. `claims` serializes to a JSON object.
    pub fn sign(&self, typ: Type, claims: &impl Serialize) -> String {
        let payload = serde_json::to_vec(claims).expect("claims are JSON objects with text as names");
        let header = &self.headers[typ as usize];
        let mut token =
            String::with_capacity(header.len() + (payload.len() + self.signature_len()) * 4 / 3 + 8);
        token.push_str(header);
        URL_SAFE_NO_PAD.encode_string(&payload, &mut token);
        self.append_signature(&mut token);
        self.public.signed.note(&token);
        token
    }

    fn signature_len(&self) -> usize {
        match &self.pair {
            Pair::ES256(_) | Pair::EdDSA(_) => 64,
            Pair::RS256(pair) => pair.public_modulus_len(),
        }
    }

    fn append_signature(&self, token: &mut String) {
        const SIGNS: &str = "a parsed key signs what fits in memory";
        let random = SystemRandom::new();
        let message = token.as_bytes();
        match &self.pair {
            Pair::ES256(pair) => {
                let signature = pair.sign(&random, message).expect(SIGNS);
                append(&signature, token);
            }
            Pair::RS256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect(SIGNS);
                append(&signature, token);
            }
            Pair::EdDSA(pair) => append(&pair.sign(message), token),
        }
    }
}

fn append(signature: &impl AsRef<[u8]>, token: &mut String) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, token);
}

fn header(algorithm: Algorithm, typ: Type, kid: &str) -> String {
    let mut header = Header::new(jose(algorithm));
    header.typ = Some(typ.as_str().to_owned());
    header.kid = Some(kid.to_owned());
    let json = serde_json::to_vec(&header).expect("a header is text");
    format!("{}.", secret::base64url(&json))
}

const fn jose(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::EdDSA => jsonwebtoken::Algorithm::EdDSA,
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid())
    }
}

/// A public key that knows its one algorithm (RFC 8725 §3.1): a token has no say in how it is verified.
pub struct VerificationKey {
    algorithm: Algorithm,
    kid: String,
    decoding: DecodingKey,
    /// By its private half, in this process.
    signed: Recent,
}

impl VerificationKey {
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Gives the payload of a token that this key has signed as a `typ`.
    pub fn verify(&self, token: Compact<'_>, typ: Type) -> Result<Vec<u8>, Refusal> {
        if token.header.alg.parse() != Ok(self.algorithm) {
            return Err(Refusal::Algorithm);
        }
        if token.header.typ.as_deref() != Some(typ.as_str()) {
            return Err(Refusal::Type);
        }
        if self.signed.has(token.text) {
            return Ok(token.payload);
        }
        let message = token.signing_input.as_bytes();
        match jsonwebtoken::crypto::verify(token.signature, message, &self.decoding, jose(self.algorithm)) {
            Ok(true) => Ok(token.payload),
            Ok(false) | Err(_) => Err(Refusal::Signature),
        }
    }
}

#[cfg(test)]
mod tests;
