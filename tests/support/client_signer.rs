//! A client's own key: it signs whatever header and claims a test wants, sound or not.

use std::sync::OnceLock;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use gatepass::protocol::algorithm::ClientAlgorithm;
use gatepass::secret::base64url;
use serde_json::{Value, json};

pub struct ClientSigner {
    pub kid: String,
    pub algorithm: ClientAlgorithm,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Vec<u8>),
}

impl ClientSigner {
    pub fn new(kid: &str, algorithm: ClientAlgorithm) -> Self {
        let random = SystemRandom::new();
        let pair = match algorithm {
            ClientAlgorithm::RS256 | ClientAlgorithm::PS256 => {
                Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
            }
            ClientAlgorithm::ES256 => {
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref());
                Pair::P256(pair.unwrap())
            }
            ClientAlgorithm::EdDSA => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&random).unwrap();
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
            }
            ClientAlgorithm::HS256 => panic!("a secret is not made here"),
        };
        ClientSigner { kid: kid.to_owned(), algorithm, pair }
    }

    /// The key of every client that a test does not give one of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ClientSigner> = OnceLock::new();
        SHARED.get_or_init(|| ClientSigner::new("shared", ClientAlgorithm::ES256))
    }

    pub fn of_secret(secret: &[u8]) -> Self {
        let pair = Pair::Secret(secret.to_vec());
        ClientSigner { kid: "secret".to_owned(), algorithm: ClientAlgorithm::HS256, pair }
    }

    /// The public half, without `alg`.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                // RSAPublicKey (RFC 8017 §A.1.1) of 2048 bits: two heads and a sign octet, then the modulus.
                let n = base64url(&pair.public_key().as_ref()[9..265]);
                json!({"kty": "RSA", "kid": self.kid, "n": n, "e": "AQAB"})
            }
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (base64url(x), base64url(y));
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "x": x, "y": y})
            }
            Pair::Ed25519(pair) => {
                let x = base64url(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x})
            }
            Pair::Secret(_) => panic!("a secret has no public half"),
        }
    }

    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({"alg": self.algorithm, "kid": self.kid}), claims)
    }

    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let random = SystemRandom::new();
        let bytes = message.as_bytes();
        let signature = match (&self.pair, self.algorithm) {
            (Pair::Rsa(pair), algorithm) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    ClientAlgorithm::PS256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &random, bytes, &mut signature).unwrap();
                signature
            }
            (Pair::P256(pair), _) => pair.sign(&random, bytes).unwrap().as_ref().to_vec(),
            (Pair::Ed25519(pair), _) => pair.sign(bytes).as_ref().to_vec(),
            (Pair::Secret(secret), _) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), bytes).as_ref().to_vec()
            }
        };
        format!("{message}.{}", base64url(&signature))
    }
}
