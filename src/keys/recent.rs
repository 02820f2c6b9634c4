//! What a key has signed lately. It need not verify that again, which costs three signatures.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::secret;

/// 1 MiB, once the key has signed something.
const SETS: usize = 16_384;
/// With one place in a set, a sixth of twenty thousand tokens would have pushed another one out.
const PLACES: usize = 4;

/// Half the SHA-256 of each token, in a table where the newest of a set pushes the oldest out, which is verified from
/// then on as any other.
#[derive(Default)]
pub struct Recent(OnceLock<Box<[Set]>>);

/// The newest first, in one line of the processor's cache.
#[derive(Default)]
#[repr(align(64))]
struct Set([Place; PLACES]);

/// The two words are written one after the other. Who reads between them sees a mixture, which is nobody's.
#[derive(Default)]
struct Place([AtomicU64; 2]);

impl Place {
    fn read(&self) -> [u64; 2] {
        [self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed)]
    }

    fn write(&self, words: [u64; 2]) {
        for (kept, word) in self.0.iter().zip(words) {
            kept.store(word, Ordering::Relaxed);
        }
    }
}

fn fingerprint(token: &str) -> (usize, [u64; 2]) {
    let digest = secret::sha256(token.as_bytes());
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| digest[8 * at + byte]));
    (word(2) as usize % SETS, [word(0), word(1)])
}

impl Recent {
    pub fn note(&self, token: &str) {
        let sets = self.0.get_or_init(|| (0..SETS).map(|_| Set::default()).collect());
        let (set, words) = fingerprint(token);
        let Set(places) = &sets[set];
        for older in (1..PLACES).rev() {
            places[older].write(places[older - 1].read());
        }
        places[0].write(words);
    }

    pub fn has(&self, token: &str) -> bool {
        let Some(sets) = self.0.get() else { return false };
        let (set, words) = fingerprint(token);
        sets[set].0.iter().any(|place| place.read() == words)
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
    fn the_oldest_of_a_set_is_pushed_out() {
        let recent = Recent::default();
        let (set, _) = fingerprint("first");
        let others = (0..).map(|number| format!("later {number}"));
        let later: Vec<String> = others.filter(|token| fingerprint(token).0 == set).take(PLACES).collect();
        recent.note("first");
        for token in &later {
            assert!(recent.has("first"));
            recent.note(token);
        }
        assert!(!recent.has("first"));
        assert!(later.iter().all(|token| recent.has(token)));
    }
}
