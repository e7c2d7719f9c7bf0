//! What turns a model's standing and a prompt's difficulty into the chance that the model succeeds.
//!
//! `P = σ(k · (θ − d))`, with `d` as a scorer says it and `θ = a + b · logit(s)`: `s` is the model's score in a blend, or
//! its strength where the blend knows nothing of it; strengths by price have a scale of their own. The numbers are fitted by
//! `evalkit calibrate optimal` and hold for the difficulties of one scorer's network.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::date::Date;

/// Scores beyond these ends say no more than the ends do: no benchmark proves that a model never fails.
const SCORE_ENDS: (f64, f64) = (0.01, 0.99);

/// A straight line from a score's logit to an ability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The ability of a model with a score of 0.5.
    pub a: f64,
    /// How much ability a logit of score is worth; above 0.
    pub b: f64,
}

impl Scale {
    /// The ability of a model with this score, 0..=1.
    pub fn ability(self, score: f64) -> f64 {
        self.a + self.b * logit(score)
    }
}

/// The logit of a score, 0..=1, cut at 0.01 and 0.99.
pub fn logit(score: f64) -> f64 {
    let score = score.clamp(SCORE_ENDS.0, SCORE_ENDS.1);
    (score / (1.0 - score)).ln()
}

/// A scale for each kind of score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scales {
    /// For scores in a blend, and strengths that are stated or come from scorecards.
    pub blend: Scale,
    /// For strengths by price.
    pub q: Scale,
}

/// A fitted calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Its name, for records: `2026.11.4-a`.
    pub version: Arc<str>,
    /// The scorer on whose difficulties it was fitted. Versions that add `-…` have the same network.
    pub difficulty: String,
    /// How steeply success falls with difficulty; above 0.
    pub k: f64,
    /// From scores to abilities.
    pub scale: Scales,
    /// What it was fitted on, in words.
    pub fitted_on: String,
    /// Outcomes that it was fitted on.
    pub n: u64,
    /// When it was fitted.
    pub date: Date,
    /// Who fitted it: a command and its data, or a person.
    pub source: String,
}

impl Calibration {
    /// The chance that a model of this ability succeeds on a prompt of this difficulty.
    pub fn p_success(&self, ability: f64, difficulty: f64) -> f64 {
        1.0 / (1.0 + (-self.k * (ability - difficulty)).exp())
    }

    /// Whether it was fitted on the difficulties that this version of a scorer speaks of.
    pub fn fits_scorer(&self, version: &str) -> bool {
        // What follows a `-` or `+` tells of the copy, not of the scale: `2026.11.4+injected`.
        version
            .strip_prefix(self.difficulty.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '+']))
    }

    /// What makes it unusable, with its field: `scale.q.b: …`.
    pub fn fault(&self) -> Option<String> {
        let Scales { blend, q } = self.scale;
        let positive = [("k", self.k), ("scale.blend.b", blend.b), ("scale.q.b", q.b)];
        let wrong = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0));
        if let Some((field, value)) = wrong {
            return Some(format!("{field}: {value} is not a slope: expected a number above 0"));
        }
        let finite = [("scale.blend.a", blend.a), ("scale.q.a", q.a)];
        if let Some((field, value)) = finite.into_iter().find(|(_, value)| !value.is_finite()) {
            return Some(format!("{field}: {value} is not an ability: expected a finite number"));
        }
        if self.version.trim().is_empty() {
            return Some("version: is empty: expected a name for the records".to_owned());
        }
        if self.difficulty.trim().is_empty() {
            return Some("difficulty: is empty: expected the scorer's version".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        let scale = Scale { a: 0.5, b: 0.8 };
        Calibration {
            version: "t".into(),
            difficulty: "2026.11.4".to_owned(),
            k: 1.2,
            scale: Scales { blend: scale, q: scale },
            fitted_on: "nothing".to_owned(),
            n: 0,
            date: Date::parse("2026-11-22").unwrap(),
            source: "a test".to_owned(),
        }
    }

    #[test]
    fn model_succeeds_half_the_time_at_its_own_ability() {
        let it = calibration();
        assert!((it.p_success(it.scale.blend.ability(0.5), 0.5) - 0.5).abs() < 1e-12);
        assert!(it.p_success(1.0, 0.0) > it.p_success(1.0, 0.5));
        assert!(it.scale.q.ability(0.0).is_finite() && it.scale.q.ability(1.0) > it.scale.q.ability(0.9));
    }

    #[test]
    fn versions_that_add_models_have_the_same_difficulties() {
        let it = calibration();
        assert!(it.fits_scorer("2026.11.4") && it.fits_scorer("2026.11.4-own"));
        assert!(!it.fits_scorer("2026.11.40") && !it.fits_scorer("heuristic-1"));
    }

    #[test]
    fn numbers_that_would_turn_the_order_round_are_faults() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Calibration), field: &str) {
            let mut it = calibration();
            change(&mut it);
            assert!(it.fault().unwrap().starts_with(field), "{:?}", it.fault());
        }
        assert_eq!(calibration().fault(), None);
        check(|it| it.k = 0.0, "k: ");
        check(|it| it.k = f64::NAN, "k: ");
        check(|it| it.scale.blend.b = -0.1, "scale.blend.b: ");
        check(|it| it.scale.q.b = f64::INFINITY, "scale.q.b: ");
        check(|it| it.scale.q.a = f64::NAN, "scale.q.a: ");
        check(|it| it.version = " ".into(), "version: ");
        check(|it| it.difficulty.clear(), "difficulty: ");
    }
}
