//! Thresholds that give a wanted share, ties and all.

use super::intervals::quantile;

/// A threshold with a rule for scores equal to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TieExactThreshold {
    /// Scores above go to the strong model; scores below do not.
    pub threshold: f64,
    /// Share of the scores equal to `threshold` that go to the strong model, chosen at random.
    pub of_ties: f64,
}

/// The threshold that sends exactly `share` of these scores to the strong model in expectation. `None` without scores
/// or with a share outside 0..=1.
pub fn tie_exact(scores: &[f64], share: f64) -> Option<TieExactThreshold> {
    if scores.is_empty() || !(0.0..=1.0).contains(&share) {
        return None;
    }
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|left, right| right.total_cmp(left));
    let wanted = share * sorted.len() as f64;
    let threshold = sorted[(wanted.ceil() as usize).clamp(1, sorted.len()) - 1];
    let above = sorted.iter().filter(|score| **score > threshold).count() as f64;
    let equal = sorted.iter().filter(|score| **score >= threshold).count() as f64 - above;
    Some(TieExactThreshold { threshold, of_ties: (wanted - above) / equal })
}

/// The `1 - share` quantile with linear interpolation: right without ties, off by the size of a block with them.
pub fn linear(scores: &[f64], share: f64) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile(&sorted, 1.0 - share)
}

/// Half the width of the 95 % interval of a share that is realised on `n` prompts: `1.96 √(share (1 - share) / n)`.
pub fn share_error(share: f64, n: u64) -> Option<f64> {
    (n > 0).then(|| super::intervals::Z_95 * (share * (1.0 - share) / n as f64).sqrt())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn share_is_met_exactly(scores in proptest::collection::vec(0_u8..5, 1..40), share in 0.0..=1.0_f64) {
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            let rule = tie_exact(&scores, share).unwrap();
            let above = scores.iter().filter(|it| **it > rule.threshold).count() as f64;
            let equal = scores.iter().filter(|it| **it >= rule.threshold).count() as f64 - above;
            prop_assert!((0.0..=1.0).contains(&rule.of_ties));
            prop_assert!(((above + rule.of_ties * equal) / scores.len() as f64 - share).abs() < 1e-12);
        }
    }
}
