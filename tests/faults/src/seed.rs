//! Where every choice comes from: splitmix64 (Steele, Lea, Flood 2014), so that a run can be repeated.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    pub fn new(seed: u64) -> Self {
        Seed(seed)
    }

    /// A seed that nobody has chosen.
    pub fn from_process() -> u64 {
        RandomState::new().hash_one(std::process::id()) % 1_000_000
    }

    /// One for a part of the run, so that parts may be left out without a change to the others.
    pub fn of_part(seed: u64, part: &str) -> Self {
        let mixed = part.bytes().fold(seed, |seed, byte| Seed(seed ^ u64::from(byte)).next());
        Seed(mixed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least).as_micros() as u64;
        least + Duration::from_micros(self.below(span.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        let mut seed = Seed::new(1_234_567);
        assert_eq!([seed.next(), seed.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
