//! Secrets: made, compared, fingerprinted, derived and sealed; never printed.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, digest, hkdf, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` bytes from the operating system's generator.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Strict base64url without padding (RFC 7515 §2).
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 is 32 bytes")
}

pub fn sha512(bytes: &[u8]) -> [u8; 64] {
    digest::digest(&digest::SHA512, bytes).as_ref().try_into().expect("SHA-512 is 64 bytes")
}

/// A bearer secret of 256 random bits, as text. It is shown once and kept as a [`Fingerprint`].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    pub fn new() -> Self {
        Secret(base64url(&random::<32>()))
    }

    /// What somebody sent and claims to know.
    pub fn claimed(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.0.as_bytes())
    }
}

impl Default for Secret {
    fn default() -> Self {
        Secret::new()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What the store keeps of a secret: its SHA-256. Enough for 256 random bits, not for what people choose.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn of(bytes: &[u8]) -> Self {
        Fingerprint(sha256(bytes))
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Fingerprint(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Fingerprint) -> bool {
        equal(&self.0, &other.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// What a derived key is for. No two purposes share a key, so that nothing sealed for one opens for another.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    AuthorizationCode,
    OpaqueAccessToken,
    RefreshToken,
    Csrf,
    Notice,
    SigningKey,
    MasterSecret,
    ClientSecret,
    PairwiseSubject,
    Demo,
    Cache,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Purpose::AuthorizationCode => b"gatepass authorization code",
            Purpose::OpaqueAccessToken => b"gatepass opaque access token",
            Purpose::RefreshToken => b"gatepass refresh token",
            Purpose::Csrf => b"gatepass csrf",
            Purpose::Notice => b"gatepass notice",
            Purpose::SigningKey => b"gatepass signing key",
            Purpose::MasterSecret => b"gatepass master secret",
            Purpose::ClientSecret => b"gatepass client secret",
            Purpose::PairwiseSubject => b"gatepass pairwise subject",
            Purpose::Demo => b"gatepass demo",
            Purpose::Cache => b"gatepass cache",
        }
    }
}

/// 256 bits from which keys are derived (HKDF-SHA-256, RFC 5869): the sealing key of the operator, or the
/// master secret of an installation.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKey([u8; 32]);

impl RootKey {
    pub fn new() -> Self {
        RootKey(random())
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        RootKey(bytes)
    }

    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key for `purpose` and one `subject` (a grant's id, a salt, a row's name).
    pub fn derive(&self, purpose: Purpose, subject: &[u8]) -> [u8; 32] {
        let mut key = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, subject)
            .extract(&self.0)
            .expand(&[purpose.label()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("32 bytes are within what HKDF-SHA-256 gives");
        key
    }

    pub fn mac(&self, purpose: Purpose, subject: &[u8], message: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.derive(purpose, subject));
        hmac::sign(&key, message).as_ref().try_into().expect("HMAC-SHA-256 is 32 bytes")
    }

    /// Seals `plain` so that only this key, purpose and `subject` open it again.
    /// Every letter has a key of its own (a 16-byte salt), so that no nonce can stand twice under one key.
    pub fn seal(&self, purpose: Purpose, subject: &[u8], plain: &[u8]) -> Vec<u8> {
        let salt = random::<SALT>();
        let mut letter = plain.to_vec();
        let tag = self
            .letter_key(purpose, &salt)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key([0; NONCE_LEN]),
                Aad::from(subject),
                &mut letter,
            )
            .expect("AES-256-GCM seals what fits in memory");
        [&salt[..], &letter, tag.as_ref()].concat()
    }

    /// `None` for whatever this key did not seal for this purpose and `subject`.
    pub fn open(&self, purpose: Purpose, subject: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (salt, letter) = sealed.split_at_checked(SALT)?;
        let mut letter = letter.to_vec();
        let plain = self
            .letter_key(purpose, salt)
            .open_in_place(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::from(subject), &mut letter)
            .ok()?
            .len();
        letter.truncate(plain);
        Some(letter)
    }

    fn letter_key(&self, purpose: Purpose, salt: &[u8]) -> LessSafeKey {
        let key =
            UnboundKey::new(&AES_256_GCM, &self.derive(purpose, salt)).expect("AES-256 keys are 32 bytes");
        LessSafeKey::new(key)
    }
}

const SALT: usize = 16;

impl Default for RootKey {
    fn default() -> Self {
        RootKey::new()
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_opens_only_for_its_purpose_subject_and_key() {
        let key = RootKey::new();
        let sealed = key.seal(Purpose::AuthorizationCode, b"row", b"plain");
        assert_eq!(key.open(Purpose::AuthorizationCode, b"row", &sealed).as_deref(), Some(&b"plain"[..]));
        assert_eq!(key.open(Purpose::OpaqueAccessToken, b"row", &sealed), None);
        assert_eq!(key.open(Purpose::AuthorizationCode, b"other row", &sealed), None);
        assert_eq!(RootKey::new().open(Purpose::AuthorizationCode, b"row", &sealed), None);
        for position in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[position] ^= 1;
            assert_eq!(key.open(Purpose::AuthorizationCode, b"row", &bent), None);
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = Secret::new();
        let printed = format!("{secret:?} {:?} {:?}", secret.fingerprint(), RootKey::new());
        assert_eq!(printed, "Secret(…) Fingerprint(…) RootKey(…)");
    }
}
