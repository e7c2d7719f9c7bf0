//! How much a score rests on: Wilson's interval, and what counts as little evidence.

use domain::{Direction, Interval, Normalisation, ScoreCell, Scorecard};

/// Half the width of a 95 % interval in standard errors.
const Z_95: f64 = 1.959_963_984_540_054;
/// Scores on fewer samples have little evidence.
const MIN_SAMPLES: u64 = 100;
/// Intervals wider than this, on the normalised scale, say little.
const MAX_WIDTH: f64 = 0.1;

/// Wilson's 95 % interval of a share, on 0..=1: `(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)` (Wilson, *Probable
/// Inference*, Journal of the American Statistical Association 22, 1927). `None` without trials.
pub fn wilson(successes: u64, trials: u64) -> Option<Interval> {
    if trials == 0 || successes > trials {
        return None;
    }
    let (n, z) = (trials as f64, Z_95);
    let p = successes as f64 / n;
    let middle = p + z * z / (2.0 * n);
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some(Interval { low: ((middle - reach) / scale).max(0.0), high: ((middle + reach) / scale).min(1.0) })
}

/// Says why a score rests on little; `None` = it rests on enough.
pub fn low_evidence(scorecard: &Scorecard, cell: &ScoreCell) -> Option<String> {
    match weigh(scorecard.normalisation, scorecard.direction, cell) {
        Evidence::Enough => None,
        Evidence::Low(why) => Some(why),
        Evidence::Unknown => Some("neither interval, standard error nor number of samples".to_owned()),
    }
}

/// How much a cell rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Evidence {
    Enough,
    /// Why it is little.
    Low(String),
    Unknown,
}

/// Weighs a cell.
pub(crate) fn weigh(normalisation: Normalisation, direction: Direction, cell: &ScoreCell) -> Evidence {
    if let Some(n) = cell.n.filter(|n| *n < MIN_SAMPLES) {
        return Evidence::Low(format!("{n} samples, fewer than {MIN_SAMPLES}"));
    }
    match width(normalisation, direction, cell) {
        Some(width) if width > MAX_WIDTH => {
            Evidence::Low(format!("the 95 % interval is {width:.2} of the scale wide, more than {MAX_WIDTH}"))
        }
        Some(_) => Evidence::Enough,
        // Ratings with a number of battles, say: the error cannot be told from it.
        None if cell.n.is_some() => Evidence::Enough,
        None => Evidence::Unknown,
    }
}

fn width(normalisation: Normalisation, direction: Direction, cell: &ScoreCell) -> Option<f64> {
    let place = |score| normalisation.normalise(direction, score);
    if let Some(interval) = cell.interval {
        return Some((place(interval.high)? - place(interval.low)?).abs());
    }
    normalisation.standard_error(direction, cell).map(|error| 2.0 * Z_95 * error)
}

#[cfg(test)]
mod tests {
    use domain::ModelId;

    use super::*;

    #[track_caller]
    fn check(successes: u64, trials: u64, low: f64, high: f64) {
        let found = wilson(successes, trials).unwrap();
        assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{found:?}");
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        check(8, 10, 0.4902, 0.9433);
        check(80, 100, 0.7112, 0.8666);
        check(0, 20, 0.0, 0.1611);
        check(20, 20, 0.8389, 1.0);
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(3, 2), None);
    }

    #[test]
    fn evidence_is_low_below_a_hundred_samples_or_above_a_tenth_of_the_scale() {
        let percent = Normalisation::Bounds { min: 0.0, max: 100.0 };
        let bare = ScoreCell {
            model: ModelId::parse("a/b").unwrap(),
            score: 50.0,
            n: None,
            standard_error: None,
            interval: None,
        };
        let weighed = |cell: &ScoreCell| weigh(percent, Direction::Higher, cell);
        assert_eq!(weighed(&bare), Evidence::Unknown);
        assert!(matches!(weighed(&ScoreCell { n: Some(99), ..bare.clone() }), Evidence::Low(_)));
        assert!(matches!(weighed(&ScoreCell { n: Some(100), ..bare.clone() }), Evidence::Low(_)));
        assert_eq!(weighed(&ScoreCell { n: Some(1000), ..bare.clone() }), Evidence::Enough);
        let narrow = Interval { low: 46.0, high: 54.0 };
        assert_eq!(weighed(&ScoreCell { interval: Some(narrow), ..bare.clone() }), Evidence::Enough);
        let wide = Interval { low: 44.0, high: 56.0 };
        assert!(matches!(weighed(&ScoreCell { n: Some(225), interval: Some(wide), ..bare }), Evidence::Low(_)));
    }
}
