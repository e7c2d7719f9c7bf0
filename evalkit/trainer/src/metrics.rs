//! Measures of a fit, with intervals.

use ndarray::Array1;

/// Rank correlation; ties share their mean rank. 0 where it is not defined.
pub fn spearman(left: &[f64], right: &[f64]) -> f64 {
    let (left, right) = (Array1::from(ranks(left)), Array1::from(ranks(right)));
    let (Some(mean_left), Some(mean_right)) = (left.mean(), right.mean()) else {
        return 0.0;
    };
    let (left, right) = (left - mean_left, right - mean_right);
    let scale = (left.dot(&left) * right.dot(&right)).sqrt();
    if scale > 0.0 { left.dot(&right) / scale } else { 0.0 }
}

/// 95 % interval of a rank correlation, by Fisher's transformation.
pub fn spearman_interval(rho: f64, n: usize) -> (f64, f64) {
    if n < 5 {
        return (-1.0, 1.0);
    }
    let half = 1.96 * 1.03 / (n as f64 - 3.0).sqrt();
    let z = rho.clamp(-0.999_999, 0.999_999).atanh();
    ((z - half).tanh(), (z + half).tanh())
}

/// Ranks from 0, ties sharing their mean.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..].iter().take_while(|at| values[**at].total_cmp(&values[order[start]]).is_eq()).count();
        let shared = start as f64 + (tied as f64 - 1.0) / 2.0;
        for at in &order[start..start + tied] {
            ranks[*at] = shared;
        }
        start += tied;
    }
    ranks
}

/// Probability that a positive stands above a negative.
pub fn auroc(positives: &[f64], negatives: &[f64]) -> f64 {
    if positives.is_empty() || negatives.is_empty() {
        return 0.5;
    }
    let all: Vec<f64> = positives.iter().chain(negatives).copied().collect();
    let sum: f64 = ranks(&all)[..positives.len()].iter().sum();
    let n = positives.len() as f64;
    (sum - n * (n - 1.0) / 2.0) / (n * negatives.len() as f64)
}

/// A share with its 95 % Wilson interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Share {
    /// How many.
    pub hits: usize,
    /// Of how many.
    pub of: usize,
    /// The share.
    pub share: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// Counts.
    pub fn of(flags: impl IntoIterator<Item = bool>) -> Self {
        let (mut hits, mut of) = (0, 0);
        for flag in flags {
            hits += usize::from(flag);
            of += 1;
        }
        if of == 0 {
            return Self { high: 1.0, ..Self::default() };
        }
        let (n, z) = (of as f64, 1.96_f64);
        let share = hits as f64 / n;
        let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        Self { hits, of, share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }
}

/// F1 at probability 0.5; `None` where nothing is true.
pub fn f1(cells: impl Iterator<Item = (f64, bool)>) -> Option<f64> {
    let (mut both, mut said, mut is) = (0.0, 0.0, 0.0);
    for (p, truth) in cells {
        let p = p >= 0.5;
        both += f64::from(u8::from(p && truth));
        said += f64::from(u8::from(p));
        is += f64::from(u8::from(truth));
    }
    (is > 0.0).then(|| 2.0 * both / (said + is))
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_sees_order_only() {
        assert!((spearman(&[1.0, 2.0, 3.0], &[1.0, 10.0, 100.0]) - 1.0).abs() < 1e-12);
        assert!((spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert!(spearman(&[1.0, 1.0], &[1.0, 2.0]).abs() < 1e-12);
    }

    #[test]
    fn auroc_counts_pairs_and_halves_ties() {
        assert!((auroc(&[2.0, 3.0], &[1.0, 2.0]) - 0.875).abs() < 1e-12);
    }

    #[test]
    fn wilson_interval_holds_the_share_and_never_leaves_the_unit() {
        let all = Share::of([true; 10]);
        assert!(all.high <= 1.0 && all.low < 1.0 && all.low > 0.6, "{all:?}");
    }

    #[test]
    fn f1_weighs_what_is_missed_and_what_is_said_too_much() {
        assert_eq!(f1([(0.9, true), (0.2, false)].into_iter()), Some(1.0));
        assert_eq!(f1([(0.9, true), (0.9, false), (0.1, true)].into_iter()), Some(0.5));
        assert_eq!(f1([(0.1, false)].into_iter()), None);
    }
}
