//! One number for quality and cost together, as `RouterArena` ranks routers. To be reported, never to be optimised: its
//! weights are a convention.

/// How much more accuracy weighs than cost.
const BETA: f64 = 0.1;
/// The dearest cost per 1,000 calls that counts, USD.
const DEAREST: f64 = 200.0;
/// The cheapest.
const CHEAPEST: f64 = 0.0044;

/// Cheapness on a log scale, 1 at the cheapest and 0 at the dearest; beyond them it stays there.
/// `None` for a cost that is negative or not a number.
pub fn cheapness(cost_per_1k: f64) -> Option<f64> {
    if cost_per_1k.is_nan() || cost_per_1k < 0.0 {
        return None;
    }
    Some(((DEAREST / cost_per_1k.clamp(CHEAPEST, DEAREST)).log2() / (DEAREST / CHEAPEST).log2()).clamp(0.0, 1.0))
}

/// The weighted harmonic mean `(1 + b) A C / (b A + C)` of accuracy and cheapness; zero if both are.
pub fn composite(accuracy: f64, cost_per_1k: f64) -> Option<f64> {
    let cheap = cheapness(cost_per_1k)?;
    let below = BETA * accuracy + cheap;
    if !(0.0..=1.0).contains(&accuracy) {
        return None;
    }
    Some(if below == 0.0 { 0.0 } else { (1.0 + BETA) * accuracy * cheap / below })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_has_no_score() {
        assert_eq!(composite(0.5, f64::NAN), None);
        assert_eq!(composite(1.5, 1.0), None);
        assert_eq!(composite(0.0, 500.0), Some(0.0));
    }
}
