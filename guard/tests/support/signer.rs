//! Keys that sign whatever a test wants signed.

use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyUncompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub struct Signer {
    pub kid: String,
    pair: Pair,
}

enum Pair {
    EC(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub fn es256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Signer { kid: kid.to_owned(), pair: Pair::EC(pair) }
    }

    pub fn eddsa(kid: &str) -> Self {
        Signer { kid: kid.to_owned(), pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    pub fn rsa(kid: &str) -> Self {
        Signer { kid: kid.to_owned(), pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::EC(pair) => {
                let point: EcPublicKeyUncompressedBin<'_> = pair.public_key().as_be_bytes().unwrap();
                let point = point.as_ref();
                let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig" })
            }
            Pair::Ed(pair) => {
                let x = base64url(pair.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "alg": "EdDSA", "use": "sig" })
            }
            Pair::Rsa(pair) => {
                // RFC 8017 §A.1.1: a sequence of the modulus (after 9 bytes) and the exponent 65537.
                let public = pair.public_key().as_ref();
                let (n, e) = (base64url(&public[9..9 + 256]), base64url([1, 0, 1]));
                json!({ "kty": "RSA", "n": n, "e": e, "kid": self.kid, "use": "sig" })
            }
        }
    }

    pub fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::EC(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm(), "typ": "at+jwt", "kid": self.kid })
    }

    /// Signs exactly these bytes, with PS256 where the header says so.
    pub fn sign_bytes(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", base64url(header), base64url(payload));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::EC(pair) => pair.sign(&random, input.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(input.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if header.contains("PS256") { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &random, input.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{input}.{}", base64url(signature))
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(&header.to_string(), &claims.to_string())
    }
}
