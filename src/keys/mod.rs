//! The keys that tokens are signed with: announced, then signing, then retired; and the keys of clients.

mod claims;
pub mod client_jwt;
pub mod client_keys;
mod compact;
pub mod jws;
mod recent;
mod refusal;
pub mod remote;
pub mod rotation;

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use claims::{Expiry, Verified};
pub use refusal::Refusal;

use crate::clock::Timestamp;
use crate::keys::compact::Compact;
use crate::keys::jws::{SigningKey, Type, VerificationKey};
use crate::protocol::algorithm::Algorithm;
use crate::secret::{Purpose, RootKey};
use crate::store::keys::StoredKey;

/// The keys as one reading of the store found them. It never changes; a new reading makes a new ring.
pub struct KeyRing {
    keys: Vec<RingKey>,
    jwks: Bytes,
    /// Until when `jwks` is right: the first removal.
    jwks_until: Timestamp,
}

struct RingKey {
    key: Arc<SigningKey>,
    signing_from: Timestamp,
    retired_at: Option<Timestamp>,
    removed_after: Option<Timestamp>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error(
        "the signing key {kid} does not open with this sealing key: start with the sealing key that this \
         database was set up with, or take its row from a backup if it was changed"
    )]
    Sealed { kid: String },
    #[error("the signing key {kid} is damaged: take its row from a backup, or retire it")]
    Damaged { kid: String },
}

impl KeyRing {
    /// Opens every key that is not removed at `now`. Keys that `known` already holds are not parsed again.
    ///
    /// A public key counts only with its sealed private half: who can write to the database but has not the
    /// sealing key cannot make this server believe tokens of their own.
    pub fn load(
        rows: &[StoredKey],
        sealing: &RootKey,
        known: Option<&KeyRing>,
        now: Timestamp,
    ) -> Result<KeyRing, LoadError> {
        let mut keys = Vec::new();
        for row in rows.iter().filter(|row| is_published(row.removed_after, now)) {
            let key = match known.and_then(|ring| ring.find(&row.kid)) {
                Some(known) => Arc::clone(&known.key),
                None => Arc::new(open(row, sealing)?),
            };
            keys.push(RingKey {
                key,
                signing_from: row.signing_from,
                retired_at: row.retired_at,
                removed_after: row.removed_after,
            });
        }
        let jwks_until = keys.iter().filter_map(|key| key.removed_after).min();
        let jwks_until = jwks_until.unwrap_or(Timestamp::from_millis(i64::MAX));
        Ok(KeyRing { jwks: jwks(&keys, now), jwks_until, keys })
    }

    /// The key that signs at `now`. `None` only where the store has no key for `algorithm`.
    pub fn signing_key(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        let candidates = || self.keys.iter().filter(|key| key.key.algorithm() == algorithm);
        // One takes over in the moment in which another retires: at any time there is a single one.
        candidates()
            .find(|key| key.signing_from <= now && key.retired_at.is_none_or(|retired| now < retired))
            // A clock that was set back behind the first key of all: better early than not at all.
            .or_else(|| {
                candidates()
                    .filter(|key| now < key.signing_from && is_published(key.removed_after, now))
                    .min_by_key(|key| key.signing_from)
            })
            .map(|key| key.key.as_ref())
    }

    /// The key named `kid`, unless it is removed at `now`.
    pub fn verification_key(&self, kid: &str, now: Timestamp) -> Option<&VerificationKey> {
        let key = self.find(kid)?;
        is_published(key.removed_after, now).then(|| key.key.verification_key())
    }

    /// The JWK Set (RFC 7517 §5): every key that is announced, signing, or retired and not removed.
    pub fn jwks(&self, now: Timestamp) -> Bytes {
        if now < self.jwks_until { self.jwks.clone() } else { jwks(&self.keys, now) }
    }

    /// The claims of a token that this server has signed as a `typ`. `iss` and `aud` are the caller's to compare.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        typ: Type,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<Verified<C>, Refusal> {
        let token = Compact::parse(token)?;
        let key = self.named_by(&token, now).ok_or(Refusal::Key)?;
        claims::read(&key.verify(token, typ)?, expiry, now)
    }

    /// The key that a token names, which says nothing of its signature.
    pub fn key_of(&self, token: &str, now: Timestamp) -> Option<&VerificationKey> {
        self.named_by(&Compact::parse(token).ok()?, now)
    }

    fn named_by(&self, token: &Compact<'_>, now: Timestamp) -> Option<&VerificationKey> {
        self.verification_key(token.kid()?, now)
    }

    fn find(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.key.kid() == kid)
    }
}

fn is_published(removed_after: Option<Timestamp>, now: Timestamp) -> bool {
    removed_after.is_none_or(|removed_after| now < removed_after)
}

fn open(row: &StoredKey, sealing: &RootKey) -> Result<SigningKey, LoadError> {
    let pkcs8 = sealing
        .open(Purpose::SigningKey, row.kid.as_bytes(), &row.sealed_private)
        .map(Zeroizing::new)
        .ok_or_else(|| LoadError::Sealed { kid: row.kid.clone() })?;
    SigningKey::from_pkcs8(row.algorithm, &pkcs8)
        .ok()
        .filter(|key| key.kid() == row.kid)
        .ok_or_else(|| LoadError::Damaged { kid: row.kid.clone() })
}

fn jwks(keys: &[RingKey], now: Timestamp) -> Bytes {
    let published = keys.iter().filter(|key| is_published(key.removed_after, now));
    let jwks: Vec<&str> = published.map(|key| key.key.public_jwk()).collect();
    Bytes::from(format!("{{\"keys\":[{}]}}", jwks.join(",")))
}

/// The ring in use, exchanged as a whole when the store is read again.
pub struct CurrentKeys(RwLock<Arc<KeyRing>>);

impl CurrentKeys {
    pub fn new(ring: KeyRing) -> Self {
        CurrentKeys(RwLock::new(Arc::new(ring)))
    }

    pub fn get(&self) -> Arc<KeyRing> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn replace(&self, ring: KeyRing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

#[cfg(test)]
mod tests;
