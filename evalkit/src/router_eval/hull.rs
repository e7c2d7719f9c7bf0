//! The non-decreasing convex hull of quality over cost, and AIQ, the mean height below it.
//!
//! A vertex is one threshold; between two vertices lies what mixing their thresholds at random achieves.

use serde::Serialize;

/// Turns smaller than this are rounding.
const STRAIGHT: f64 = 1e-12;

/// Vertices by cost; quality never falls.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Hull {
    vertices: Vec<(f64, f64)>,
}

impl Hull {
    /// The hull of points (cost, quality), drawn flat from its best to `up_to`. `None` without points.
    pub fn over(points: impl IntoIterator<Item = (f64, f64)>, up_to: f64) -> Option<Self> {
        let mut points: Vec<(f64, f64)> = points.into_iter().collect();
        if !points.is_sorted_by(|left, right| left.0 <= right.0) {
            points.sort_by(|left, right| left.0.total_cmp(&right.0));
        }
        let mut vertices: Vec<(f64, f64)> = Vec::new();
        for point in points {
            match vertices.last() {
                // Not better for as much or more: below the flat line from the best so far.
                Some(best) if point.1 <= best.1 => continue,
                Some(same) if point.0 <= same.0 => drop(vertices.pop()),
                _ => {}
            }
            while let [.., before, last] = vertices[..] {
                let turn = (last.0 - before.0) * (point.1 - before.1) - (last.1 - before.1) * (point.0 - before.0);
                if turn < -STRAIGHT {
                    break;
                }
                vertices.pop();
            }
            vertices.push(point);
        }
        let best = *vertices.last()?;
        if best.0 < up_to {
            vertices.push((up_to, best.1));
        }
        Some(Self { vertices })
    }

    /// The vertices, by cost.
    pub fn vertices(&self) -> &[(f64, f64)] {
        &self.vertices
    }

    /// Quality at a budget; `None` if nothing is so cheap.
    pub fn at(&self, budget: f64) -> Option<f64> {
        let after = self.vertices.partition_point(|vertex| vertex.0 <= budget);
        let left = self.vertices[after.checked_sub(1)?];
        let Some(right) = self.vertices.get(after) else {
            return Some(left.1);
        };
        Some(left.1 + (right.1 - left.1) * (budget - left.0) / (right.0 - left.0))
    }

    /// Area below the hull between two costs; nothing counts below the cheapest point.
    pub fn area(&self, from: f64, to: f64) -> f64 {
        let piece = |pair: &[(f64, f64)]| {
            let (left, right) = (pair[0].0.max(from), pair[1].0.min(to));
            let width = right - left;
            let height = self.at(f64::midpoint(left, right)).unwrap_or(0.0);
            if width > 0.0 { width * height } else { 0.0 }
        };
        self.vertices.windows(2).map(piece).sum()
    }

    /// Average improvement in quality: the area divided by the range of cost. `None` without a range.
    pub fn aiq(&self, cheapest: f64, dearest: f64) -> Option<f64> {
        (dearest > cheapest).then(|| self.area(cheapest, dearest) / (dearest - cheapest))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_point_has_no_aiq() {
        let hull = Hull::over([(2.0, 0.5)], 2.0).unwrap();
        assert_eq!((hull.aiq(2.0, 2.0), hull.at(1.9), hull.at(3.0)), (None, None, Some(0.5)));
        assert_eq!(Hull::over([], 1.0), None);
    }

    #[test]
    fn of_equal_costs_the_best_is_kept() {
        let hull = Hull::over([(1.0, 0.2), (1.0, 0.6), (2.0, 0.7), (2.0, 0.65)], 3.0).unwrap();
        assert_eq!(hull.vertices(), [(1.0, 0.6), (2.0, 0.7), (3.0, 0.7)]);
    }

    proptest! {
        #[test]
        fn hull_lies_above_its_points_and_bends_down(
            points in proptest::collection::vec((0.0..10.0_f64, 0.0..1.0_f64), 1..40)
        ) {
            let hull = Hull::over(points.iter().copied(), 10.0).unwrap();
            for (cost, quality) in points {
                prop_assert!(hull.at(cost).unwrap() >= quality - 1e-9);
            }
            let slopes: Vec<f64> =
                hull.vertices().windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).collect();
            prop_assert!(slopes.iter().all(|slope| *slope >= 0.0));
            prop_assert!(slopes.windows(2).all(|pair| pair[0] >= pair[1] - 1e-9));
        }
    }
}
