//! Two models on the same prompts: the difference, its error, and exact tests.

use serde::Serialize;

use super::intervals::normal_quantile;

/// The difference of two means over the same items.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Mean of `a - b`.
    pub difference: f64,
    /// Standard error of the mean of the per-item differences.
    pub standard_error: f64,
    /// What the error would be were the items not shared: `√(var a / n + var b / n)`.
    pub unpaired_standard_error: f64,
}

/// Compares means over the same items; `None` with fewer than two or unequal numbers of items.
pub fn difference(a: &[f64], b: &[f64]) -> Option<Difference> {
    if a.len() != b.len() || a.len() < 2 {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let n = a.len() as f64;
    Some(Difference {
        difference: mean(&differences)?,
        standard_error: (variance(&differences)? / n).sqrt(),
        unpaired_standard_error: (variance(a)? / n + variance(b)? / n).sqrt(),
    })
}

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample variance (divided by `n - 1`); `None` of fewer than two.
pub fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
}

/// `McNemar`'s test of two counts of disagreement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Exact two-sided p-value.
    pub exact: f64,
    /// Mid-p value: the observed table counts half.
    pub mid_p: f64,
}

/// `McNemar`'s exact test: of `b + c` items on which two models disagree, `b` went one way. Under no difference `b` is
/// binomial with one half. One if they never disagree.
pub fn mcnemar(b: u64, c: u64) -> McNemar {
    let (n, less) = (b + c, b.min(c));
    let log_half = -(n as f64) * std::f64::consts::LN_2;
    let mut log_choose = 0.0_f64;
    let (mut tail, mut last) = (0.0, 0.0);
    for k in 0..=less {
        if k > 0 {
            log_choose += ((n - k + 1) as f64).ln() - (k as f64).ln();
        }
        last = (log_choose + log_half).exp();
        tail += last;
    }
    // With equal counts both tails hold the middle, so the plain doubling passes one.
    McNemar { exact: (2.0 * tail).min(1.0), mid_p: (2.0 * tail - last).min(1.0) }
}

/// Items needed to see a difference with a two-sided test: `((z₁₋α/₂ + z_power) sd / difference)²`, rounded up.
///
/// `None` if an argument is out of its range.
pub fn items_needed(difference: f64, deviation: f64, alpha: f64, power: f64) -> Option<u64> {
    if !(difference.is_finite() && difference != 0.0 && deviation.is_finite() && deviation > 0.0) {
        return None;
    }
    let z = normal_quantile(1.0 - alpha / 2.0)? + normal_quantile(power)?;
    Some((z * deviation / difference).powi(2).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_disagreement_is_no_evidence() {
        assert!((mcnemar(0, 0).exact - 1.0).abs() < 1e-12);
        assert!((mcnemar(3, 3).exact - 1.0).abs() < 1e-12);
        assert!(mcnemar(4, 4).mid_p <= 1.0);
    }

    #[test]
    fn many_disagreements_do_not_underflow() {
        let p = mcnemar(2497, 742).exact;
        assert!((0.0..1e-100).contains(&p), "{p}");
        assert!((mcnemar(100_000, 100_000).exact - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_item_has_no_difference() {
        assert_eq!(difference(&[1.0], &[0.0]), None);
        assert_eq!(items_needed(0.0, 0.4, 0.05, 0.8), None);
    }
}
