//! Numbers from a seed: the same seed gives the same faults at the same places.

/// `SplitMix64`: one word of state, good enough to choose among faults.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers of a seed, and of a place within it, so that places do not depend on each other's order.
    pub fn of(seed: u64, place: u64) -> Self {
        let mut random = Self(seed ^ place.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        random.number();
        random
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound; 0 where the bound is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % (bound.max(1) as u64)).unwrap_or(0)
    }

    /// True with this probability.
    pub fn chance(&mut self, share: f64) -> bool {
        (self.number() >> 11) as f64 / ((1_u64 << 53) as f64) < share
    }

    /// One of several, of which there must be some.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_place_always_give_the_same_numbers() {
        let first: Vec<u64> = (0..3).map(|place| Random::of(7, place).number()).collect();
        let again: Vec<u64> = (0..3).map(|place| Random::of(7, place).number()).collect();
        assert_eq!(first, again);
        assert!(first[0] != first[1] && first[1] != first[2]);
    }

    #[test]
    fn a_share_is_kept() {
        let mut random = Random::of(1, 1);
        let hits = (0..10_000).filter(|_| random.chance(0.2)).count();
        assert!((1_800..2_200).contains(&hits), "{hits}");
    }
}
