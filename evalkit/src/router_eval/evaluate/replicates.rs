//! The bootstrap's loop: every contender measured on the same weights, replicate by replicate.

use crate::router_eval::contender::{Contender, Frame, Measures, Replicate};
use crate::router_eval::report::Figure;
use crate::router_eval::{Curve, Measure};
use crate::statistics::Resampler;
use crate::statistics::calibration::Sorted;
use crate::statistics::intervals::percentile_interval;

/// Bins of the reliability table.
pub(super) const BINS: usize = 15;

/// Steps of the band around the curve.
pub(super) const BAND_STEPS: u32 = 40;

/// What is measured in each replicate.
pub(super) struct Sampled<'a> {
    pub(super) frame: &'a Frame<'a>,
    /// The router is the first.
    pub(super) contenders: Vec<&'a Contender>,
    pub(super) calibrated: Option<&'a Sorted>,
    pub(super) resampler: Resampler,
}

/// What was measured.
pub(super) struct Replicates {
    /// By contender, then by replicate.
    measures: Vec<Vec<Measures>>,
    pub(super) weak: Vec<f64>,
    pub(super) strong: Vec<f64>,
    pub(super) expected_error: Vec<f64>,
    pub(super) brier: Vec<f64>,
    /// PGR of the router by step of the share, then by replicate.
    pub(super) band: Vec<Vec<f64>>,
}

impl Sampled<'_> {
    /// Runs them; one in which no prompt has weight is passed over.
    pub(super) fn run(&self, count: u32, progress: &mut dyn FnMut(u32)) -> Replicates {
        let mut found = Replicates {
            measures: vec![Vec::with_capacity(count as usize); self.contenders.len()],
            weak: Vec::new(),
            strong: Vec::new(),
            expected_error: Vec::new(),
            brier: Vec::new(),
            band: vec![Vec::with_capacity(count as usize); BAND_STEPS as usize + 1],
        };
        let (mut weights, mut curve) = (Vec::new(), Curve::default());
        for number in 0..count {
            self.resampler.draw(u64::from(number), &mut weights);
            let Some(replicate) = Replicate::new(self.frame, &weights) else {
                continue;
            };
            found.weak.push(replicate.ends().weak().quality);
            found.strong.push(replicate.ends().strong().quality);
            for (at, contender) in self.contenders.iter().enumerate() {
                let measures = contender.measure(self.frame, &replicate, &mut curve);
                found.measures[at].push(measures);
                if at == 0 {
                    found.add_band(&curve);
                }
            }
            if let Some((error, brier)) = self.calibrated.and_then(|sorted| sorted.weighted(&weights, BINS)) {
                found.expected_error.push(error);
                found.brier.push(brier);
            }
            progress(number + 1);
        }
        found
    }
}

impl Replicates {
    fn add_band(&mut self, curve: &Curve) {
        for (step, values) in self.band.iter_mut().enumerate() {
            let quality = curve.quality_at(step as f64 / f64::from(BAND_STEPS));
            values.push(curve.pgr(quality).unwrap_or(f64::NAN));
        }
    }

    /// How many had no gap between the models.
    pub(super) fn without_gap(&self) -> u32 {
        self.band[0].iter().filter(|pgr| pgr.is_nan()).count() as u32
    }

    /// A contender's figure with its interval.
    pub(super) fn figure(&self, contender: usize, measure: Measure, value: f64) -> Figure {
        let values: Vec<f64> = self.measures[contender].iter().map(|it| it.get(measure)).collect();
        figure(value, &values)
    }

    /// A paired difference with its interval.
    pub(super) fn difference(&self, left: usize, right: usize, measure: Measure, value: f64) -> Figure {
        let pairs = self.measures[left].iter().zip(&self.measures[right]);
        let values: Vec<f64> = pairs.map(|(left, right)| left.get(measure) - right.get(measure)).collect();
        figure(value, &values)
    }
}

/// A value with the interval of its replicates.
pub(super) fn figure(value: f64, replicates: &[f64]) -> Figure {
    let value = value.is_finite().then_some(value);
    Figure { value, interval: value.and_then(|_| percentile_interval(replicates, super::LEVEL)) }
}
