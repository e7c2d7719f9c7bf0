//! Finds the map from raw complexity to a percentile of the declared mix, from prompts the network was not fitted to.

use datasets::Level;
use scorer::calibration::Calibration;

use crate::config::Reference;
use crate::fit::Prediction;
use crate::metrics::median;

/// Percentiles at which the map has knots.
const KNOTS: [f64; 21] = [
    0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.94, 0.97, 0.99,
];

/// How far beyond the outermost knots the scale goes on to 0 and to 1.
const MARGIN: f64 = 1.0;

/// A prompt that was not fitted to: what was said, and what is true.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the network said.
    pub said: Prediction,
    /// Its grade on the network's scale.
    pub grade: f64,
    /// Its level.
    pub level: Level,
}

/// Fits the map.
pub fn fit(judged: &[Judged], reference: &Reference) -> Calibration {
    let mut weighted: Vec<(f64, f64)> =
        judged.iter().map(|it| (it.said.complexity, share(reference, it.level) / count(judged, it.level))).collect();
    weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut knots: Vec<(f64, f64)> = Vec::new();
    for percentile in KNOTS {
        let raw = quantile(&weighted, percentile);
        match knots.last() {
            // Knots have to rise; a tie keeps the lower percentile.
            Some((last, _)) if raw <= *last + 1e-6 => {}
            _ => knots.push((raw, percentile)),
        }
    }
    if let (Some((first, _)), Some((last, _))) = (knots.first().copied(), knots.last().copied()) {
        knots.insert(0, (first - MARGIN, 0.0));
        knots.push((last + MARGIN, 1.0));
    }
    let Reference { simple, medium, complex } = reference;
    Calibration {
        reference: format!(
            "everyday prompts, each judged by a network that had not seen its author, weighted to {:.0} % simple, {:.0} % \
             medium, {:.0} % complex",
            100.0 * simple,
            100.0 * medium,
            100.0 * complex
        ),
        complexity: knots,
        // The median of a normal residual is 0.6745 deviations.
        uncertainty_scale: median(
            judged.iter().map(|it| (it.said.complexity - it.grade).abs() / it.said.spread).collect(),
        ) / 0.6745,
    }
}

fn share(reference: &Reference, level: Level) -> f64 {
    match level {
        Level::Simple => reference.simple,
        Level::Medium => reference.medium,
        Level::Complex => reference.complex,
    }
}

fn count(judged: &[Judged], level: Level) -> f64 {
    judged.iter().filter(|it| it.level == level).count() as f64
}

/// The value below which the given share of the weight lies, between neighbours.
fn quantile(weighted: &[(f64, f64)], percentile: f64) -> f64 {
    let total: f64 = weighted.iter().map(|it| it.1).sum();
    let mut below = 0.0;
    for pair in weighted.windows(2) {
        below += pair[0].1 / total;
        if below >= percentile {
            return f64::midpoint(pair[0].0, pair[1].0);
        }
    }
    weighted.last().map_or(0.0, |it| it.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(raw: f64, level: Level) -> Judged {
        let said = Prediction { complexity: raw, difficulty: 0.0, spread: 0.5, tags: Vec::new(), log_output: 0.0 };
        Judged { said, grade: raw + 0.4, level }
    }

    #[test]
    fn levels_land_on_their_side_of_the_gap_whatever_their_number() {
        let mut all: Vec<_> = (0..500).map(|it| judged(-2.0 + f64::from(it) / 500.0, Level::Simple)).collect();
        all.extend((0..60).map(|it| judged(-0.5 + f64::from(it) / 60.0, Level::Medium)));
        all.extend((0..90).map(|it| judged(0.7 + f64::from(it) / 90.0, Level::Complex)));
        let map = fit(&all, &Reference { simple: 0.4, medium: 0.2, complex: 0.4 });
        assert_eq!(map.validate(), Ok(()));
        assert!(map.map(-1.5).0 < 0.3 && map.map(1.2).0 > 0.7, "{map:?}");
        assert!((0.38..0.62).contains(&map.map(0.0).0), "{map:?}");
        assert!((map.uncertainty_scale - 0.4 / 0.5 / 0.6745).abs() < 1e-9);
    }
}
