//! Intervals and quantiles, and the normal distribution they lean on.

use serde::Serialize;

/// The normal quantile of a two-sided interval at 95 %.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// From where to where a figure may lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether zero lies outside: a difference with such an interval is told apart from none.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Wilson's score interval of a proportion: `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`. `None` without trials.
pub fn wilson(successes: u64, trials: u64, z: f64) -> Option<Interval> {
    if trials == 0 || successes > trials {
        return None;
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let middle = p + z * z / (2.0 * n);
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some(Interval { low: ((middle - reach) / scale).max(0.0), high: ((middle + reach) / scale).min(1.0) })
}

/// Quantile of sorted values with linear interpolation between neighbours: the value at place `q (n - 1)`.
///
/// `None` without values.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

/// The interval between the quantiles `(1 - level)/2` and `(1 + level)/2` of replicates. Undefined ones (NaN) are left
/// out. `None` with fewer than 20 left, which cannot carry an interval.
pub fn percentile_interval(replicates: &[f64], level: f64) -> Option<Interval> {
    let mut kept: Vec<f64> = replicates.iter().copied().filter(|value| value.is_finite()).collect();
    if kept.len() < 20 {
        return None;
    }
    kept.sort_unstable_by(f64::total_cmp);
    Some(Interval {
        low: quantile(&kept, f64::midpoint(0.0, 1.0 - level))?,
        high: quantile(&kept, f64::midpoint(1.0, level))?,
    })
}

/// The normal quantile by Acklam's rational approximation, relative error below 1.2e-9. `None` outside 0..1.
pub fn normal_quantile(p: f64) -> Option<f64> {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, it| sum * x + it);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / (polynomial(&D, q) * q + 1.0)
    };
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    Some(if p < 0.02425 {
        tail(p)
    } else if p > 1.0 - 0.02425 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        polynomial(&A, q * q) * q / (polynomial(&B, q * q) * q * q + 1.0)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn normal_quantile_knows_its_table() {
        for (p, z) in
            [(0.5, 0.0), (0.975, Z_95), (0.025, -Z_95), (0.8, 0.841_621_233_572_914_3), (0.001, -3.090_232_306)]
        {
            assert!((normal_quantile(p).unwrap() - z).abs() < 1e-8, "{p}");
        }
        assert_eq!(normal_quantile(1.0), None);
    }

    #[test]
    fn quantiles_interpolate_and_need_values() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn few_replicates_carry_no_interval() {
        assert_eq!(percentile_interval(&[0.5; 19], 0.95), None);
        assert_eq!(percentile_interval(&[0.5; 20], 0.95), Some(Interval { low: 0.5, high: 0.5 }));
    }
}
