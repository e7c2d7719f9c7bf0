//! Figures with their bootstrap intervals, and the statistics of weighted items that they are made of.

use crate::router_eval::report::Figure;
use crate::statistics::intervals::percentile_interval;
use crate::statistics::sampling::key;
use crate::statistics::{Interval, Resampler};

/// Level of every interval.
const LEVEL: f64 = 0.95;

/// How intervals are made.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    /// Replicates; none, no intervals.
    pub replicates: u32,
    /// Seed.
    pub seed: u64,
}

impl Chance {
    /// A figure of items, and its interval over replicates in which items weigh as often as they are drawn. Items with
    /// one name are drawn together.
    pub fn figure<N: AsRef<str>>(&self, names: &[N], of: impl Fn(&[u8]) -> Option<f64>) -> Figure {
        let value = of(&vec![1; names.len()]).filter(|it| it.is_finite());
        Figure { value, interval: value.and_then(|_| percentile_interval(&self.replicates(names, of), LEVEL)) }
    }

    /// The figure in each replicate; NaN where it is undefined.
    pub fn replicates<N: AsRef<str>>(&self, names: &[N], of: impl Fn(&[u8]) -> Option<f64>) -> Vec<f64> {
        let resampler = Resampler::new(names.iter().map(|name| key(name.as_ref())).collect(), self.seed);
        let mut weights = Vec::new();
        let draws = (0..u64::from(self.replicates)).map(|number| {
            resampler.draw(number, &mut weights);
            of(&weights).unwrap_or(f64::NAN)
        });
        draws.collect()
    }
}

/// A figure without an interval.
pub fn exactly(value: f64) -> Figure {
    Figure { value: value.is_finite().then_some(value), interval: None }
}

/// A share as a figure with its Wilson interval.
pub fn share(hits: usize, of: usize) -> Figure {
    let value = (of > 0).then(|| hits as f64 / of as f64);
    Figure { value, interval: crate::statistics::wilson(hits as u64, of as u64, crate::statistics::intervals::Z_95) }
}

/// Mean of weighted items.
pub fn mean(values: &[f64], weights: &[u8]) -> Option<f64> {
    let total: f64 = weights.iter().map(|it| f64::from(*it)).sum();
    let sum: f64 = values.iter().zip(weights).map(|(value, weight)| value * f64::from(*weight)).sum();
    (total > 0.0).then(|| sum / total)
}

/// Median of weighted items.
pub fn median(values: &[f64], weights: &[u8]) -> Option<f64> {
    let mut all = drawn(values, weights);
    all.sort_unstable_by(f64::total_cmp);
    crate::statistics::quantile(&all, 0.5)
}

/// Spearman's correlation of weighted items; `None` with fewer than three items.
pub fn spearman(left: &[f64], right: &[f64], weights: &[u8]) -> Option<f64> {
    let (left, right) = (drawn(left, weights), drawn(right, weights));
    (left.len() > 2).then(|| trainer::metrics::spearman(&left, &right))
}

/// Each value as often as it weighs.
fn drawn(values: &[f64], weights: &[u8]) -> Vec<f64> {
    values.iter().zip(weights).flat_map(|(value, weight)| std::iter::repeat_n(*value, usize::from(*weight))).collect()
}

/// The value at a quantile of sorted times, with an interval that needs no distribution: the places within which the
/// quantile lies in 95 of 100 samples.
pub fn at_quantile(sorted: &[f64], q: f64) -> Figure {
    let n = sorted.len() as f64;
    let value = crate::statistics::quantile(sorted, q);
    let reach = crate::statistics::intervals::Z_95 * (n * q * (1.0 - q)).sqrt();
    let at = |place: f64| sorted.get((place.max(0.0) as usize).min(sorted.len().saturating_sub(1))).copied();
    let interval = at(n * q - reach).zip(at((n * q + reach).ceil())).map(|(low, high)| Interval { low, high });
    Figure { value, interval: interval.filter(|_| sorted.len() >= 20) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn weighted_items_are_items_drawn_so_often() {
        assert_eq!(mean(&[1.0, 4.0], &[3, 1]), Some(1.75));
        assert_eq!(median(&[1.0, 4.0, 9.0], &[0, 1, 2]), Some(9.0));
        assert_eq!(mean(&[1.0], &[0]), None);
        let ordered = spearman(&[1.0, 2.0, 3.0, 0.0], &[1.0, 4.0, 9.0, 99.0], &[1, 2, 1, 0]).unwrap();
        assert!((ordered - 1.0).abs() < 1e-12);
    }

    #[test]
    fn interval_holds_the_value_and_narrows_with_items() {
        let chance = Chance { replicates: 300, seed: 1 };
        let width = |n: usize| {
            let values: Vec<f64> = (0..n).map(|at| f64::from(u8::from(at % 2 == 0))).collect();
            let names: Vec<String> = (0..n).map(|at| at.to_string()).collect();
            let figure = chance.figure(&names, |weights| mean(&values, weights));
            let interval = figure.interval.unwrap();
            assert!(interval.low < 0.5 && interval.high > 0.5, "{interval:?}");
            interval.high - interval.low
        };
        assert!(width(400) < 0.7 * width(100));
    }

    #[test]
    fn quantiles_of_few_times_have_no_interval() {
        assert_eq!(at_quantile(&[1.0, 2.0, 3.0], 0.5), Figure { value: Some(2.0), interval: None });
        let times: Vec<f64> = (0..1000).map(f64::from).collect();
        let interval = at_quantile(&times, 0.5).interval.unwrap();
        assert!((460.0..480.0).contains(&interval.low) && (520.0..540.0).contains(&interval.high), "{interval:?}");
    }
}
