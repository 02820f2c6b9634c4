//! Where every choice comes from: splitmix64 (Steele, Lea, Flood 2014), so that a month can be played again.

#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// At least 0, less than 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something happens that happens in this share of all cases.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// A whole number whose mean this is.
    pub fn about(&mut self, mean: f64) -> u64 {
        mean as u64 + u64::from(self.happens(mean.fract()))
    }

    /// The index of one of these, each as likely as it weighs.
    pub fn weighed(&mut self, weights: &[f64]) -> usize {
        let mut left = self.share() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        chosen.unwrap_or(weights.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn shares_and_means_come_out_as_asked() {
        let mut chance = Chance::new(1);
        let happened = (0..10_000).filter(|_| chance.happens(0.25)).count();
        assert!((2_300..2_700).contains(&happened), "{happened}");
        let sum: u64 = (0..10_000).map(|_| chance.about(2.5)).sum();
        assert!((24_500..25_500).contains(&sum), "{sum}");
        let heavy = (0..10_000).filter(|_| chance.weighed(&[1.0, 3.0]) == 1).count();
        assert!((7_300..7_700).contains(&heavy), "{heavy}");
    }
}
