//! Turns what the network says into what a score promises: a percentile of a declared mix of prompts.
//!
//! The map is monotone and piecewise linear, so that it never changes an order. How its knots are found is the trainer's business.

use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactError, CALIBRATION};
use crate::network::TAGS;

/// What a raw output becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Which prompts the percentile refers to, in words.
    pub reference: String,
    /// Raw complexity and percentile, both strictly rising; ends are held beyond the first and the last.
    pub complexity: Vec<(f64, f64)>,
    /// Added to the logit of each tag, in the order of [`domain::CapabilityTag::ALL`], so that 0.5 parts best.
    pub tag_shifts: [f64; TAGS],
    /// Added to the logarithm of the answer's tokens.
    pub length_shift: f64,
    /// By how much the network's own standard deviation is to be multiplied.
    pub uncertainty_scale: f64,
}

impl Calibration {
    /// Reads and checks a calibration.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| ArtifactError::malformed(CALIBRATION, error))?;
        read.validate().map_err(|reason| ArtifactError::malformed(CALIBRATION, reason))?;
        Ok(read)
    }

    /// Says what is wrong with the knots, if anything.
    pub fn validate(&self) -> Result<(), String> {
        if self.complexity.len() < 2 {
            return Err("`complexity` needs at least two knots".to_owned());
        }
        let rising = self.complexity.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let inside = self.complexity.iter().all(|(raw, mapped)| raw.is_finite() && (0.0..=1.0).contains(mapped));
        if !rising || !inside {
            return Err("`complexity` must rise, with percentiles in 0..=1".to_owned());
        }
        if !self.uncertainty_scale.is_finite() || self.uncertainty_scale < 0.0 {
            return Err(format!("`uncertainty_scale` is {}, expected a number of at least 0", self.uncertainty_scale));
        }
        if !self.tag_shifts.iter().chain([&self.length_shift]).all(|shift| shift.is_finite()) {
            return Err("`tag_shifts` and `length_shift` must be numbers".to_owned());
        }
        Ok(())
    }

    /// The probability of a tag, by its index, from what the network says.
    pub fn tag(&self, index: usize, said: f64) -> f64 {
        let said = said.clamp(1e-9, 1.0 - 1e-9);
        let shift = self.tag_shifts.get(index).copied().unwrap_or_default();
        1.0 / (1.0 + ((1.0 - said) / said) * (-shift).exp())
    }

    /// The percentile of a raw complexity, and the slope of the map there.
    pub fn map(&self, raw: f64) -> (f64, f64) {
        let after = self.complexity.partition_point(|(at, _)| *at <= raw).clamp(1, self.complexity.len() - 1);
        let ((x0, y0), (x1, y1)) = (self.complexity[after - 1], self.complexity[after]);
        let slope = (y1 - y0) / (x1 - x0);
        ((y0 + (raw - x0).clamp(0.0, x1 - x0) * slope).clamp(0.0, 1.0), slope)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calibration() -> Calibration {
        Calibration {
            reference: "test".to_owned(),
            complexity: vec![(-1.0, 0.05), (0.0, 0.4), (0.5, 0.6), (2.0, 0.95)],
            tag_shifts: [0.0; TAGS],
            length_shift: 0.0,
            uncertainty_scale: 1.0,
        }
    }

    #[test]
    fn knots_map_to_themselves_and_ends_hold() {
        for (raw, mapped) in [(-9.0, 0.05), (-1.0, 0.05), (0.0, 0.4), (0.25, 0.5), (2.0, 0.95), (99.0, 0.95)] {
            assert!((calibration().map(raw).0 - mapped).abs() < 1e-12, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn map_never_changes_an_order(a in -5.0..5.0_f64, b in -5.0..5.0_f64) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(calibration().map(low).0 <= calibration().map(high).0);
        }
    }

    #[test]
    fn tag_is_shifted_in_its_logit_and_stays_a_probability() {
        let mut shifted = calibration();
        shifted.tag_shifts[1] = 1.0;
        assert!((shifted.tag(0, 0.3) - 0.3).abs() < 1e-12);
        assert!((shifted.tag(1, 0.5) - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
        assert!(shifted.tag(1, 0.0) >= 0.0 && shifted.tag(1, 1.0) <= 1.0);
    }

    #[test]
    fn falling_knots_are_refused() {
        let mut wrong = calibration();
        wrong.complexity.swap(1, 2);
        assert!(wrong.validate().is_err());
    }
}
