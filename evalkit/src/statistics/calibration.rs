//! Whether probabilities mean what they say, and a monotone map that makes a score into a probability.

mod isotonic;

use serde::Serialize;

use super::intervals::{Interval, Z_95, wilson};

pub use isotonic::{Isotonic, cross_fitted};

/// Log loss cuts probabilities here, so that one confident mistake does not make it infinite.
const CLIP: f64 = 1e-15;

/// How probabilities are put into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Binning {
    /// Bins of equal width over 0..=1; 1 belongs to the last.
    EqualWidth,
    /// Bins with equal numbers of items, in order of probability; ties are parted in the order given.
    EqualMass,
}

/// Items whose probabilities are alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Items.
    pub n: u64,
    /// Items with the event.
    pub events: u64,
    /// Mean probability.
    pub predicted: f64,
    /// Share with the event.
    pub observed: f64,
    /// Wilson's interval of the share.
    pub interval: Option<Interval>,
}

/// Mean of `(p - y)²`. `None` of nothing.
pub fn brier(probabilities: &[f64], events: &[bool]) -> Option<f64> {
    let sum: f64 = probabilities.iter().zip(events).map(|(p, y)| (p - f64::from(u8::from(*y))).powi(2)).sum();
    (!probabilities.is_empty()).then(|| sum / probabilities.len() as f64)
}

/// The Brier score of always saying the base rate: `r (1 - r)`.
pub fn brier_of_base_rate(events: &[bool]) -> Option<f64> {
    let rate = events.iter().filter(|event| **event).count() as f64 / events.len() as f64;
    (!events.is_empty()).then_some(rate * (1.0 - rate))
}

/// Mean of `-ln` of the probability given to what happened, and how many probabilities had to be clipped.
pub fn log_loss(probabilities: &[f64], events: &[bool]) -> Option<(f64, usize)> {
    let said = probabilities.iter().zip(events).map(|(p, y)| if *y { *p } else { 1.0 - p });
    let (mut sum, mut clipped) = (0.0, 0);
    for p in said {
        clipped += usize::from(p < CLIP);
        sum -= p.max(CLIP).ln();
    }
    (!probabilities.is_empty()).then(|| (sum / probabilities.len() as f64, clipped))
}

/// The reliability table; empty bins are left out.
pub fn reliability(probabilities: &[f64], events: &[bool], bins: usize, binning: Binning) -> Vec<Bin> {
    let mut cells = vec![(0_u64, 0_u64, 0.0_f64); bins.max(1)];
    let last = cells.len() - 1;
    let total = probabilities.len();
    for (rank, item) in ascending(probabilities).into_iter().enumerate() {
        let at = match binning {
            Binning::EqualWidth => ((probabilities[item] * cells.len() as f64) as usize).min(last),
            Binning::EqualMass => rank * cells.len() / total,
        };
        let (n, happened, sum) = &mut cells[at];
        *n += 1;
        *happened += u64::from(events[item]);
        *sum += probabilities[item];
    }
    let bin = |(n, events, sum): (u64, u64, f64)| Bin {
        n,
        events,
        predicted: sum / n as f64,
        observed: events as f64 / n as f64,
        interval: wilson(events, n, Z_95),
    };
    cells.into_iter().filter(|cell| cell.0 > 0).map(bin).collect()
}

/// Expected calibration error: `Σ n_b/n |observed - predicted|`. `None` without bins. It depends on the binning and is
/// too high on few items; name both beside it.
pub fn expected_error(bins: &[Bin]) -> Option<f64> {
    let total: u64 = bins.iter().map(|bin| bin.n).sum();
    (total > 0)
        .then(|| bins.iter().map(|bin| bin.n as f64 * (bin.observed - bin.predicted).abs()).sum::<f64>() / total as f64)
}

/// The expected error that chance alone gives a perfect map in these bins: about `Σ n_b/n √(2 p_b (1 - p_b) / π n_b)`.
/// `None` without bins.
pub fn error_by_chance(bins: &[Bin]) -> Option<f64> {
    let total: u64 = bins.iter().map(|bin| bin.n).sum();
    let share = |bin: &Bin| {
        let n = bin.n as f64;
        n * (std::f64::consts::FRAC_2_PI * bin.predicted * (1.0 - bin.predicted) / n).sqrt()
    };
    (total > 0).then(|| bins.iter().map(share).sum::<f64>() / total as f64)
}

/// Largest calibration error of any bin. `None` without bins.
pub fn maximal_error(bins: &[Bin]) -> Option<f64> {
    bins.iter().map(|bin| (bin.observed - bin.predicted).abs()).max_by(f64::total_cmp)
}

/// Probabilities and events in order of probability, so that weighted replicates of the expected error cost one pass.
#[derive(Clone, Debug)]
pub struct Sorted {
    items: Vec<(u32, f64, f64)>,
}

impl Sorted {
    /// Sorts once.
    pub fn new(probabilities: &[f64], events: &[bool]) -> Self {
        let items = ascending(probabilities)
            .into_iter()
            .map(|item| (item as u32, probabilities[item], f64::from(u8::from(events[item]))))
            .collect();
        Self { items }
    }

    /// Expected calibration error in bins of equal mass, and Brier score, items counted by weight. `None` without weight.
    pub fn weighted(&self, weights: &[u8], bins: usize) -> Option<(f64, f64)> {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        if total == 0 {
            return None;
        }
        let (mut before, mut squares, mut error, mut gap, mut at) = (0_u64, 0.0, 0.0, 0.0, 0);
        for (item, p, y) in &self.items {
            let weight = u64::from(weights[*item as usize]);
            if weight == 0 {
                continue;
            }
            let bin = before * bins as u64 / total;
            if bin != at {
                error += f64::abs(gap);
                (gap, at) = (0.0, bin);
            }
            gap += weight as f64 * (y - p);
            squares += weight as f64 * (p - y).powi(2);
            before += weight;
        }
        Some(((error + f64::abs(gap)) / total as f64, squares / total as f64))
    }
}

fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::statistics::sampling::{mix, uniform};

    #[test]
    fn one_belongs_to_the_last_bin_and_empty_bins_are_left_out() {
        let bins = reliability(&[0.0, 1.0], &[false, true], 10, Binning::EqualWidth);
        assert_eq!(bins.len(), 2);
        assert_eq!(expected_error(&bins), Some(0.0));
        assert_eq!(expected_error(&[]), None);
    }

    #[test]
    fn perfect_map_errs_by_chance_about_as_foreseen() {
        let p: Vec<f64> = (0..3000).map(|i| f64::from(i) / 3000.0).collect();
        let y: Vec<bool> = p.iter().enumerate().map(|(i, p)| uniform(mix(i as u64)) < *p).collect();
        let bins = reliability(&p, &y, 15, Binning::EqualMass);
        let ratio = expected_error(&bins).unwrap() / error_by_chance(&bins).unwrap();
        assert!((0.5..1.6).contains(&ratio), "{ratio}");
    }

    #[test]
    fn confident_mistake_is_clipped_and_counted() {
        let (loss, clipped) = log_loss(&[0.0, 0.5], &[true, true]).unwrap();
        assert!(loss.is_finite() && clipped == 1);
    }

    #[test]
    fn unit_weights_give_the_plain_figures() {
        let p: Vec<f64> = (0..97).map(|i| f64::from(i * 37 % 97) / 97.0).collect();
        let y: Vec<bool> = (0..97).map(|i| i % 3 == 0).collect();
        let (ece, brier_score) = Sorted::new(&p, &y).weighted(&[1; 97], 15).unwrap();
        let plain = expected_error(&reliability(&p, &y, 15, Binning::EqualMass)).unwrap();
        assert!((ece - plain).abs() < 1e-12 && (brier_score - brier(&p, &y).unwrap()).abs() < 1e-12);
    }
}
