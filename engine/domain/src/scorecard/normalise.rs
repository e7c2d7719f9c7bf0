//! The formulas that put raw scores and their errors on 0..=1, where 1 is best.

use std::f64::consts::LN_10;

use super::{Direction, Interval, Normalisation, ScoreCell};

/// Half the width of a 95 % interval in standard errors.
const HALF_WIDTH_95: f64 = 1.959_963_984_540_054;
/// Rating points that make ten wins to one loss (Elo, *The Rating of Chessplayers*, 1978, §8.4).
const ELO_SCALE: f64 = 400.0;

impl Normalisation {
    /// Returns the score on 0..=1, or `None` for what is no number or cannot be placed.
    ///
    /// * `bounds`: `(s − min) / (max − min)`.
    /// * `chance_adjusted`: `(s − c) / (1 − c)` for a best score of 1, floored at 0: Frary, *Formula scoring of
    ///   multiple-choice tests*, Educational Measurement: Issues and Practice 7(2), 1988, rescaled to the score itself.
    /// * `elo_expected`: `1 / (1 + 10^((a − s) / 400))`, the expected score against an opponent rated `a` (Elo, *The
    ///   Rating of Chessplayers*, 1978).
    /// * `log`: `ln(s / min) / ln(max / min)`, scores outside the bounds counting as the nearer bound.
    ///
    /// Where less is better, the value is taken from the other end.
    pub fn normalise(self, direction: Direction, score: f64) -> Option<f64> {
        let from_below = |value: f64| match direction {
            Direction::Higher => value,
            Direction::Lower => 1.0 - value,
        };
        let value = match self {
            Self::Bounds { min, max } => from_below((score - min) / (max - min)),
            Self::ChanceAdjusted { min, max, chance } => (score - chance) / (best(direction, min, max) - chance),
            Self::EloExpected { anchor } => from_below(1.0 / (1.0 + 10_f64.powf((anchor - score) / ELO_SCALE))),
            Self::Log { min, max } => from_below((score / min).ln() / (max / min).ln()),
        };
        (score.is_finite() && value.is_finite()).then(|| value.clamp(0.0, 1.0))
    }

    /// How steep the normalised score is at a raw one, without its sign: errors are multiplied by it (delta method).
    pub fn slope(self, direction: Direction, score: f64) -> f64 {
        let slope = match self {
            Self::Bounds { min, max } => 1.0 / (max - min),
            Self::ChanceAdjusted { min, max, chance } => 1.0 / (best(direction, min, max) - chance),
            Self::EloExpected { .. } => {
                let expected = self.normalise(direction, score).unwrap_or(0.0);
                expected * (1.0 - expected) * LN_10 / ELO_SCALE
            }
            Self::Log { min, max } => 1.0 / (score.clamp(min, max) * (max / min).ln()),
        };
        slope.abs()
    }

    /// The bounds, where scores must keep within some.
    pub const fn strict_bounds(self) -> Option<(f64, f64)> {
        match self {
            Self::Bounds { min, max } | Self::ChanceAdjusted { min, max, .. } => Some((min, max)),
            Self::EloExpected { .. } | Self::Log { .. } => None,
        }
    }

    /// The normalised standard error of a cell: its own, else from its interval, else from its number of samples, else
    /// unknown.
    pub fn standard_error(self, direction: Direction, cell: &ScoreCell) -> Option<f64> {
        let own = cell.standard_error.or_else(|| cell.interval.map(Interval::standard_error));
        let raw = own.or_else(|| self.error_from_samples(cell))?;
        let error = raw * self.slope(direction, cell.score);
        (error.is_finite() && error >= 0.0).then_some(error)
    }

    /// `√(p(1 − p) / n)` over the range: exact for right-or-wrong, an upper limit for any mean within bounds (Bhatia and
    /// Davis, *A Better Bound on the Variance*, American Mathematical Monthly 107, 2000). `p` keeps half a sample from
    /// both ends, since a few faultless answers prove no perfection.
    fn error_from_samples(self, cell: &ScoreCell) -> Option<f64> {
        let (min, max) = self.strict_bounds()?;
        let n = cell.n.filter(|n| *n > 0)? as f64;
        let margin = 0.5 / n;
        let p = ((cell.score - min) / (max - min)).max(margin).min(1.0 - margin);
        Some((max - min) * (p * (1.0 - p) / n).sqrt())
    }
}

impl Interval {
    fn standard_error(self) -> f64 {
        (self.high - self.low) / (2.0 * HALF_WIDTH_95)
    }
}

const fn best(direction: Direction, min: f64, max: f64) -> f64 {
    match direction {
        Direction::Higher => max,
        Direction::Lower => min,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::ModelId;
    use Direction::{Higher, Lower};

    const UNIT: Normalisation = Normalisation::Bounds { min: 0.0, max: 1.0 };
    const POINTS: Normalisation = Normalisation::Bounds { min: 1000.0, max: 1500.0 };
    const FOUR_CHOICES: Normalisation = Normalisation::ChanceAdjusted { min: 0.0, max: 100.0, chance: 25.0 };
    const ELO: Normalisation = Normalisation::EloExpected { anchor: 1200.0 };
    const SECONDS: Normalisation = Normalisation::Log { min: 0.1, max: 10.0 };

    #[track_caller]
    fn check(normalisation: Normalisation, direction: Direction, score: f64, expected: f64) {
        let found = normalisation.normalise(direction, score).unwrap();
        assert!((found - expected).abs() < 1e-12, "{normalisation:?} {direction:?} {score}: {found}");
    }

    #[test]
    fn scores_are_placed_by_declared_bounds_and_direction() {
        check(UNIT, Higher, 0.8, 0.8);
        check(UNIT, Lower, 0.8, 0.2);
        check(POINTS, Higher, 1250.0, 0.5);
        check(POINTS, Lower, 1400.0, 0.2);
    }

    #[test]
    fn guessing_is_worth_nothing() {
        check(FOUR_CHOICES, Higher, 70.0, 0.6);
        check(FOUR_CHOICES, Higher, 25.0, 0.0);
        check(FOUR_CHOICES, Higher, 10.0, 0.0);
        check(FOUR_CHOICES, Higher, 100.0, 1.0);
        check(Normalisation::ChanceAdjusted { min: 0.0, max: 1.0, chance: 0.5 }, Lower, 0.1, 0.8);
    }

    #[test]
    fn rating_is_the_expected_score_against_the_anchor() {
        check(ELO, Higher, 1200.0, 0.5);
        check(ELO, Higher, 1300.0, 0.640_064_999_802_885_1);
        check(ELO, Lower, 1300.0, 1.0 - 0.640_064_999_802_885_1);
    }

    #[test]
    fn logarithm_is_clamped_to_its_bounds() {
        check(SECONDS, Higher, 1.0, 0.5);
        check(SECONDS, Lower, 0.1, 1.0);
        check(SECONDS, Lower, 100.0, 0.0);
        assert_eq!(SECONDS.normalise(Lower, -1.0), None);
    }

    #[test]
    fn what_is_no_number_has_no_place() {
        for score in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for normalisation in [UNIT, FOUR_CHOICES, ELO, SECONDS] {
                assert_eq!(normalisation.normalise(Higher, score), None, "{normalisation:?}");
            }
        }
        assert_eq!(Normalisation::Bounds { min: 1.0, max: 1.0 }.normalise(Higher, 1.0), None);
    }

    #[track_caller]
    fn check_error(cell: &ScoreCell, normalisation: Normalisation, expected: Option<f64>) {
        let found = normalisation.standard_error(Higher, cell);
        let is_close = found.zip(expected).is_some_and(|(a, b)| (a - b).abs() < 1e-9);
        assert!(is_close || found == expected, "{found:?} instead of {expected:?}");
    }

    #[test]
    fn error_is_the_cells_own_else_of_its_interval_else_of_its_samples() {
        let bare = ScoreCell {
            model: ModelId::parse("a/b").unwrap(),
            score: 1250.0,
            n: None,
            standard_error: None,
            interval: None,
        };
        check_error(&bare, POINTS, None);
        let counted = ScoreCell { n: Some(100), ..bare };
        check_error(&counted, POINTS, Some(0.05));
        check_error(&counted, ELO, None);
        let ranged = ScoreCell { interval: Some(Interval { low: 1240.2, high: 1259.8 }), ..counted };
        check_error(&ranged, POINTS, Some(9.8 / HALF_WIDTH_95 / 500.0));
        let stated = ScoreCell { standard_error: Some(25.0), ..ranged };
        check_error(&stated, POINTS, Some(0.05));
        // A few faultless answers are no proof.
        let faultless = ScoreCell { score: 1500.0, n: Some(2), standard_error: None, interval: None, ..stated };
        check_error(&faultless, POINTS, Some((0.25_f64 * 0.75 / 2.0).sqrt()));
    }

    proptest! {
        #[test]
        fn slope_is_the_derivative(score in 1100.0..1400.0, lower: bool) {
            let direction = if lower { Lower } else { Higher };
            let log = Normalisation::Log { min: 1000.0, max: 1500.0 };
            let guess = if lower { 1450.0 } else { 1050.0 };
            let chance = Normalisation::ChanceAdjusted { min: 1000.0, max: 1500.0, chance: guess };
            for normalisation in [POINTS, chance, ELO, log] {
                let at = |score| normalisation.normalise(direction, score).unwrap();
                let measured = (at(score + 0.01) - at(score - 0.01)) / 0.02;
                let slope = normalisation.slope(direction, score);
                prop_assert!((measured.abs() - slope).abs() < 1e-6, "{:?}", normalisation);
            }
        }

        #[test]
        fn better_scores_are_never_placed_lower(a in -10.0_f64..2000.0, b in -10.0_f64..2000.0) {
            for normalisation in [UNIT, POINTS, FOUR_CHOICES, ELO, SECONDS] {
                for (direction, worse, better) in [(Higher, a.min(b), a.max(b)), (Lower, a.max(b), a.min(b))] {
                    let place = |score: f64| normalisation.normalise(direction, score);
                    if let (Some(worse), Some(better)) = (place(worse), place(better)) {
                        prop_assert!(worse <= better, "{:?} {:?}", normalisation, direction);
                    }
                }
            }
        }
    }
}
