//! From one signing key to the next: what to write, decided over the rows that are there.

use std::time::Duration;

use super::jws::{self, SigningKey};
use crate::clock::Timestamp;
use crate::protocol::algorithm::Algorithm;
use crate::secret::{Purpose, RootKey};
use crate::store::keys::{self, KeyState, StoredKey};
use crate::store::{self, ConnectionTrait};

/// How long a new key is published before it signs, and an old one after its last signature.
#[derive(Clone, Copy, Debug)]
pub struct Overlap {
    /// Longer than verifiers cache the JWKS and than nodes take to read the key, plus the difference of clocks.
    pub announce: Duration,
    /// The longest life of a token that is signed.
    pub longest_token: Duration,
    /// How far clocks may lie apart.
    pub skew: Duration,
}

/// The end of a key: when it stops signing, when it leaves the JWKS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    pub kid: String,
    pub retired_at: Timestamp,
    pub removed_after: Timestamp,
    pub urgency: Urgency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Only if no end is planned for the key yet: of two nodes that rotate at a time, one does.
    Planned,
    AtOnce,
}

/// What is to be written, in one transaction.
#[derive(Debug)]
pub struct Rotation {
    pub retire: Option<Retirement>,
    /// The key that takes over, if a place is left to take.
    pub insert: Option<StoredKey>,
}

impl Rotation {
    /// `false`: another node has rotated since the rows were read, and nothing was written.
    pub async fn write(&self, db: &impl ConnectionTrait) -> Result<bool, store::Error> {
        if let Some(Retirement { kid, retired_at, removed_after, urgency }) = &self.retire {
            let retired = match urgency {
                Urgency::Planned => keys::retire(db, kid, *retired_at, *removed_after).await?,
                Urgency::AtOnce => keys::retire_at_once(db, kid, *retired_at, *removed_after).await?,
            };
            if !retired {
                return Ok(false);
            }
        }
        match &self.insert {
            Some(key) => keys::insert(db, key).await,
            None => Ok(true),
        }
    }
}

/// A key for each algorithm that has none: it signs at once, since nobody can have cached a JWKS with another.
pub fn first(rows: &[StoredKey], now: Timestamp, sealing: &RootKey) -> Vec<StoredKey> {
    let missing = Algorithm::ALL.into_iter().filter(|algorithm| newest(rows, *algorithm).is_none());
    missing.map(|algorithm| new_key(algorithm, now, now, sealing)).collect()
}

/// Announces a new key that signs after `overlap.announce`; the one before signs until then.
pub fn rotate(
    rows: &[StoredKey],
    algorithm: Algorithm,
    now: Timestamp,
    overlap: &Overlap,
    sealing: &RootKey,
) -> Rotation {
    let Some(old) = newest(rows, algorithm) else {
        return Rotation { retire: None, insert: Some(new_key(algorithm, now, now, sealing)) };
    };
    // A key that has not begun to sign begins before its successor does.
    let takes_over = now.plus(overlap.announce).max(old.signing_from);
    Rotation {
        retire: Some(Retirement {
            kid: old.kid.clone(),
            retired_at: takes_over,
            removed_after: takes_over.plus(overlap.longest_token).plus(overlap.skew),
            urgency: Urgency::Planned,
        }),
        insert: Some(new_key(algorithm, now, takes_over, sealing)),
    }
}

/// Ends a key that somebody else may know: it signs nothing more and what it signed is refused. A new key takes
/// the rest of its time without having been announced. `None` if there is no such key.
pub fn retire_at_once(rows: &[StoredKey], kid: &str, now: Timestamp, sealing: &RootKey) -> Option<Rotation> {
    let known = rows.iter().find(|row| row.kid == kid)?;
    let retire = Retirement {
        kid: kid.to_owned(),
        retired_at: known.retired_at.map_or(now, |planned| planned.min(now)),
        removed_after: known.removed_after.map_or(now, |planned| planned.min(now)),
        urgency: Urgency::AtOnce,
    };
    let insert = match known.state(now) {
        KeyState::Announced { .. } | KeyState::Signing => {
            let takes_over = known.signing_from.max(now);
            let mut heir = new_key(known.algorithm, now, takes_over, sealing);
            heir.retired_at = known.retired_at;
            heir.removed_after = known.removed_after;
            Some(heir)
        }
        KeyState::Retired { .. } | KeyState::Removed => None,
    };
    Some(Rotation { retire: Some(retire), insert })
}

/// The key that nothing follows yet.
fn newest(rows: &[StoredKey], algorithm: Algorithm) -> Option<&StoredKey> {
    rows.iter().find(|row| row.algorithm == algorithm && row.retired_at.is_none())
}

fn new_key(
    algorithm: Algorithm,
    announced_at: Timestamp,
    signing_from: Timestamp,
    sealing: &RootKey,
) -> StoredKey {
    let pkcs8 = jws::generate(algorithm);
    let key = SigningKey::from_pkcs8(algorithm, &pkcs8).expect("a key that was just made is usable");
    StoredKey {
        kid: key.kid().to_owned(),
        algorithm,
        // Sealed for its own name, so that a row that is given another's private half does not open.
        sealed_private: sealing.seal(Purpose::SigningKey, key.kid().as_bytes(), &pkcs8),
        public_jwk: key.public_jwk().to_owned(),
        announced_at,
        signing_from,
        retired_at: None,
        removed_after: None,
    }
}
