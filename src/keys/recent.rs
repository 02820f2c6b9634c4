//! What a key has signed lately. It need not verify that again, which costs three signatures.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::secret;

/// 1 MiB, once the key has signed something.
const PLACES: usize = 65_536;

/// Half the SHA-256 of each token, in a table where a newer one takes the place of an older one, which is verified from
/// then on as any other.
#[derive(Default)]
pub struct Recent(OnceLock<Box<[Place]>>);

/// The two words are written one after the other. Who reads between them sees a mixture, which is nobody's.
#[derive(Default)]
struct Place([AtomicU64; 2]);

fn fingerprint(token: &str) -> (usize, [u64; 2]) {
    let digest = secret::sha256(token.as_bytes());
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| digest[8 * at + byte]));
    (word(2) as usize % PLACES, [word(0), word(1)])
}

impl Recent {
    pub fn note(&self, token: &str) {
        let places = self.0.get_or_init(|| (0..PLACES).map(|_| Place::default()).collect());
        let (place, words) = fingerprint(token);
        for (kept, word) in places[place].0.iter().zip(words) {
            kept.store(word, Ordering::Relaxed);
        }
    }

    pub fn has(&self, token: &str) -> bool {
        let Some(places) = self.0.get() else { return false };
        let (place, words) = fingerprint(token);
        places[place].0.iter().zip(words).all(|(kept, word)| kept.load(Ordering::Relaxed) == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_to_the_letter() {
        let recent = Recent::default();
        assert!(!recent.has("header.payload.signature"));
        recent.note("header.payload.signature");
        assert!(recent.has("header.payload.signature"));
        for other in ["header.payload.signatura", "header.paylaod.signature", "header.payload.", ""] {
            assert!(!recent.has(other), "{other}");
        }
    }

    #[test]
    fn what_was_pushed_out_is_no_longer_known() {
        let recent = Recent::default();
        recent.note("first");
        let (place, _) = fingerprint("first");
        let later = (0..).map(|number| format!("later {number}"));
        let mut pushing = later.filter(|token| fingerprint(token).0 == place);
        recent.note(&pushing.next().unwrap());
        assert!(!recent.has("first"));
    }
}
