//! The eleven-point procedure of the `RouteLLM` paper, so that figures can be set beside published ones.
//!
//! Thresholds are the 0, 10, .., 100 % quantiles of the scores, repeated ones dropped; `score >= threshold` goes to the
//! strong model, `>` for the last. Eleven points bias the area a little: the exact curve is the one to decide by.

use serde::Serialize;

use super::{Curve, Outcomes, Point};
use crate::statistics::quantile;

/// What the procedure gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Eleven {
    /// Points by share.
    pub points: Vec<Point>,
    /// Area under PGR over the share.
    pub apgr: Option<f64>,
    /// Share at half of the gap, straight between points.
    pub cpt50: Option<f64>,
    /// Share at four fifths of the gap.
    pub cpt80: Option<f64>,
}

/// Runs the procedure. `None` without prompts.
pub fn eleven(outcomes: &Outcomes, scores: &[f64]) -> Option<Eleven> {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut thresholds: Vec<f64> =
        (0..=10).map(|tenth| quantile(&sorted, f64::from(tenth) / 10.0)).collect::<Option<_>>()?;
    thresholds.dedup();
    let last = thresholds.len() - 1;
    let points = thresholds.iter().enumerate().rev().map(|(at, threshold)| {
        let chosen = |score: f64| if at == last { score > *threshold } else { score >= *threshold };
        point(outcomes, scores, *threshold, chosen)
    });
    let curve = Curve::from_points(points.collect());
    Some(Eleven {
        apgr: curve.apgr(),
        cpt50: curve.cpt_linear(0.5),
        cpt80: curve.cpt_linear(0.8),
        points: curve.points().to_vec(),
    })
}

fn point(outcomes: &Outcomes, scores: &[f64], threshold: f64, chosen: impl Fn(f64) -> bool) -> Point {
    let (mut sent, mut quality, mut cost) = (0_usize, 0.0, 0.0);
    for (item, score) in scores.iter().enumerate() {
        if chosen(*score) {
            sent += 1;
            quality += outcomes.strong[item];
            cost += outcomes.cost_strong[item];
        } else {
            quality += outcomes.weak[item];
            cost += outcomes.cost_weak[item];
        }
    }
    let n = scores.len() as f64;
    Point { threshold: Some(threshold), share: sent as f64 / n, quality: quality / n, cost: cost / n }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn ends_are_always_weak_and_always_strong() {
        let outcomes = Outcomes::with_flat_costs(vec![0.0, 0.5, 1.0], vec![1.0, 1.0, 0.5], 0.0, 1.0);
        let found = eleven(&outcomes, &[0.9, 0.5, 0.1]).unwrap();
        assert_eq!(found.points.len(), 11);
        assert_eq!((found.points[0].share, found.points[10].share), (0.0, 1.0));
    }

    #[test]
    fn scores_that_are_all_equal_have_one_threshold_and_no_area() {
        let outcomes = Outcomes::with_flat_costs(vec![0.0, 0.5], vec![1.0, 1.0], 0.0, 1.0);
        let found = eleven(&outcomes, &[0.5, 0.5]).unwrap();
        assert_eq!((found.points.len(), found.apgr), (1, None));
    }
}
