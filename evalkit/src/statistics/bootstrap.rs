//! The Poisson bootstrap: in each replicate an item counts as often as a Poisson draw with mean one says.
//!
//! The draw is a hash of seed, replicate and the item's key. Items with one key (a cluster) are drawn together. Weights of
//! two figures in the same replicate are the same, which is what makes their difference a paired one.

use super::sampling::mix;

/// Draws the weights of replicates.
#[derive(Clone, Debug)]
pub struct Resampler {
    keys: Vec<u64>,
    seed: u64,
    thresholds: [u64; MAX_WEIGHT],
}

/// Chance of a larger draw: below 1e-14.
const MAX_WEIGHT: usize = 16;

impl Resampler {
    /// A resampler of items with these keys, in their order.
    pub fn new(keys: Vec<u64>, seed: u64) -> Self {
        let mut thresholds = [0; MAX_WEIGHT];
        let (mut probability, mut cumulated) = ((-1.0_f64).exp(), 0.0);
        for (count, threshold) in thresholds.iter_mut().enumerate() {
            cumulated += probability;
            probability /= (count + 1) as f64;
            *threshold = (cumulated.min(1.0) * u64::MAX as f64) as u64;
        }
        Self { keys, seed: mix(seed), thresholds }
    }

    /// Writes the weights of a replicate, one for each item.
    pub fn draw(&self, replicate: u64, weights: &mut Vec<u8>) {
        let salt = mix(self.seed ^ mix(replicate));
        weights.clear();
        weights.extend(self.keys.iter().map(|key| {
            let bits = mix(key ^ salt);
            self.thresholds.iter().take_while(|threshold| bits > **threshold).count() as u8
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_poisson_with_mean_one() {
        let resampler = Resampler::new((0..50_000).collect(), 7);
        let mut weights = Vec::new();
        resampler.draw(3, &mut weights);
        let n = weights.len() as f64;
        let mean = weights.iter().map(|it| f64::from(*it)).sum::<f64>() / n;
        let variance = weights.iter().map(|it| (f64::from(*it) - 1.0).powi(2)).sum::<f64>() / n;
        let none = weights.iter().map(|it| f64::from(u8::from(*it == 0))).sum::<f64>() / n;
        assert!((mean - 1.0).abs() < 0.02 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        assert!((none - (-1.0_f64).exp()).abs() < 0.01, "{none}");
    }

    #[test]
    fn weights_hang_on_the_key_and_not_on_the_place() {
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        Resampler::new(vec![1, 2, 3, 3], 0).draw(5, &mut forward);
        Resampler::new(vec![3, 3, 2, 1], 0).draw(5, &mut backward);
        backward.reverse();
        assert_eq!(forward, backward);
        assert_eq!(forward[2], forward[3]);
    }
}
