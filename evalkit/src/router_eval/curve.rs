//! The deferral curve: quality and cost against the share of prompts sent to the strong model.
//!
//! Exact: one point for every distinct score, and the two ends. Prompts with one score move together; between points the
//! curve is straight, which is what mixing two thresholds at random gives. It may rise above the strong model and fall.

use serde::Serialize;

use super::{Hull, Outcomes};
use crate::statistics::ranking::Ranking;

/// Below this the strong model is not better, and what divides by the difference is undefined.
pub const LEAST_GAP: f64 = 1e-9;

/// Rounding of sums must not hide that a level is reached.
const SLACK: f64 = 1e-9;

/// What a threshold gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Prompts with this score or more go to the strong model; `None` where none does.
    pub threshold: Option<f64>,
    /// Share of prompts that go to the strong model.
    pub share: f64,
    /// Mean quality.
    pub quality: f64,
    /// Mean cost.
    pub cost: f64,
}

/// Points from always weak to always strong.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Curve {
    points: Vec<Point>,
}

impl Curve {
    /// The curve of a score. `None` without prompts.
    pub fn of_scores(outcomes: &Outcomes, scores: &[f64]) -> Option<Self> {
        let mut curve = Self::default();
        curve.trace(outcomes, &Ranking::with_ties(scores), Some(scores), &vec![1; outcomes.len()]).then_some(curve)
    }

    /// The curve of a ranking without scores. `None` without prompts.
    pub fn of_ranking(outcomes: &Outcomes, ranking: &Ranking) -> Option<Self> {
        let mut curve = Self::default();
        curve.trace(outcomes, ranking, None, &vec![1; outcomes.len()]).then_some(curve)
    }

    /// Traces anew into the same memory, prompts counted by weight. False, and no curve, if there is no weight.
    pub(super) fn trace(
        &mut self,
        outcomes: &Outcomes,
        ranking: &Ranking,
        scores: Option<&[f64]>,
        weights: &[u8],
    ) -> bool {
        self.points.clear();
        let (mut total, mut quality, mut cost) = (0.0, 0.0, 0.0);
        for (item, weight) in weights.iter().enumerate() {
            let weight = f64::from(*weight);
            total += weight;
            quality += weight * outcomes.weak[item];
            cost += weight * outcomes.cost_weak[item];
        }
        if total == 0.0 {
            return false;
        }
        let mut sent = 0.0;
        self.points.push(Point { threshold: None, share: 0.0, quality: quality / total, cost: cost / total });
        for block in ranking.blocks() {
            let before = sent;
            for item in block {
                let item = *item as usize;
                let weight = f64::from(weights[item]);
                sent += weight;
                quality += weight * (outcomes.strong[item] - outcomes.weak[item]);
                cost += weight * (outcomes.cost_strong[item] - outcomes.cost_weak[item]);
            }
            if sent > before {
                let threshold = scores.map(|scores| scores[block[0] as usize]);
                self.points.push(Point {
                    threshold,
                    share: sent / total,
                    quality: quality / total,
                    cost: cost / total,
                });
            }
        }
        true
    }

    /// The curve between two ends alone: sending a share chosen at random, in expectation.
    pub(super) fn trace_chord(&mut self, weak: Point, strong: Point) {
        self.points.clear();
        self.points.extend([weak, strong]);
    }

    /// A curve of points already by share, at least one.
    pub(super) fn from_points(points: Vec<Point>) -> Self {
        Self { points }
    }

    /// The points, by share. Never empty.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Always weak.
    pub fn weak(&self) -> Point {
        self.points[0]
    }

    /// Always strong.
    pub fn strong(&self) -> Point {
        self.points[self.points.len() - 1]
    }

    /// `None` where the strong model is not better.
    fn gap(&self) -> Option<f64> {
        let gap = self.strong().quality - self.weak().quality;
        (gap > LEAST_GAP).then_some(gap)
    }

    /// Performance gap recovered at a quality: `(quality - weak) / (strong - weak)`.
    pub fn pgr(&self, quality: f64) -> Option<f64> {
        Some((quality - self.weak().quality) / self.gap()?)
    }

    /// Area under quality over share 0..=1, by trapezia.
    pub fn area(&self) -> f64 {
        self.points
            .windows(2)
            .map(|pair| (pair[1].share - pair[0].share) * f64::midpoint(pair[0].quality, pair[1].quality))
            .sum()
    }

    /// Average performance gap recovered: the area under PGR over share 0..=1.
    pub fn apgr(&self) -> Option<f64> {
        self.pgr(self.area())
    }

    /// The other APGR in use: the mean of PGR at shares `1/steps, 2/steps, .., 1`. Higher by about `1 / 2 steps`.
    pub fn apgr_of_steps(&self, steps: u32) -> Option<f64> {
        let sum: f64 = (1..=steps).map(|step| self.quality_at(f64::from(step) / f64::from(steps))).sum();
        self.pgr(sum / f64::from(steps))
    }

    /// Quality at a share, straight between points.
    pub fn quality_at(&self, share: f64) -> f64 {
        let after = self.points.partition_point(|point| point.share < share);
        let Some(right) = self.points.get(after) else {
            return self.strong().quality;
        };
        let Some(left) = after.checked_sub(1).map(|at| &self.points[at]) else {
            return right.quality;
        };
        left.quality + (right.quality - left.quality) * (share - left.share) / (right.share - left.share)
    }

    /// Smallest share of strong calls that a threshold can give with a PGR of `level` or more.
    pub fn cpt_step(&self, level: f64) -> Option<f64> {
        self.first_at(level).map(|(at, _)| self.points[at].share)
    }

    /// Smallest share with that PGR when two neighbouring thresholds may be mixed: the curve's first crossing.
    pub fn cpt_linear(&self, level: f64) -> Option<f64> {
        let (at, wanted) = self.first_at(level)?;
        let right = self.points[at];
        let Some(left) = at.checked_sub(1).map(|at| self.points[at]) else {
            return Some(right.share);
        };
        let part = ((wanted - left.quality) / (right.quality - left.quality)).clamp(0.0, 1.0);
        Some(left.share + part * (right.share - left.share))
    }

    /// The first point that reaches a level, and the quality wanted.
    fn first_at(&self, level: f64) -> Option<(usize, f64)> {
        let wanted = self.weak().quality + level * self.gap()?;
        let at = self.points.iter().position(|point| point.quality >= wanted - SLACK)?;
        Some((at, wanted))
    }

    /// Quality where the curve's cost reaches a budget, straight between points. Unlike the hull it picks nothing after
    /// the fact, so it is what differences are taken of. `None` if always weak costs more.
    pub fn quality_at_cost(&self, budget: f64) -> Option<f64> {
        let beyond = self.points.iter().position(|point| point.cost > budget + SLACK);
        let Some(after) = beyond else {
            return Some(self.strong().quality);
        };
        let (left, right) = (self.points[after.checked_sub(1)?], self.points[after]);
        let part = ((budget - left.cost) / (right.cost - left.cost)).clamp(0.0, 1.0);
        Some(left.quality + part * (right.quality - left.quality))
    }

    /// The best point that one threshold gives within a budget.
    pub fn best_within(&self, budget: f64) -> Option<Point> {
        let within = self.points.iter().filter(|point| point.cost <= budget + SLACK);
        within.copied().reduce(|best, point| if point.quality > best.quality { point } else { best })
    }

    /// The cheapest point with a quality or more.
    pub fn cheapest_reaching(&self, quality: f64) -> Option<Point> {
        let good = self.points.iter().filter(|point| point.quality >= quality - SLACK);
        good.copied().reduce(|best, point| if point.cost < best.cost { point } else { best })
    }

    /// Share of the strong model's cost saved at its own quality: `1 - cost / cost of always strong`.
    pub fn saving_at_strong_quality(&self) -> Option<f64> {
        let strong = self.strong();
        (strong.cost > 0.0).then_some(())?;
        Some(1.0 - self.cheapest_reaching(strong.quality)?.cost / strong.cost)
    }

    /// The best quality of any threshold.
    pub fn best_quality(&self) -> f64 {
        self.points.iter().map(|point| point.quality).fold(f64::MIN, f64::max)
    }

    /// Cost of the cheaper and of the dearer model: the ends between which routers are compared.
    pub fn cost_ends(&self) -> (f64, f64) {
        let (weak, strong) = (self.weak().cost, self.strong().cost);
        (weak.min(strong), weak.max(strong))
    }

    /// The non-decreasing hull of quality over cost.
    pub fn hull(&self) -> Option<Hull> {
        Hull::over(self.points.iter().map(|point| (point.cost, point.quality)), self.cost_ends().1)
    }

    /// The curve of "at most this share": never falls.
    #[must_use]
    pub fn never_falling(&self) -> Self {
        let mut best = f64::MIN;
        let raise = |point: &Point| {
            best = best.max(point.quality);
            Point { quality: best, ..*point }
        };
        Self { points: self.points.iter().map(raise).collect() }
    }

    /// About as many points, ends kept, at even steps: for drawing.
    #[must_use]
    pub fn thinned(&self, points: usize) -> Self {
        let last = self.points.len() - 1;
        if last <= points {
            return self.clone();
        }
        Self { points: (0..=points).map(|at| self.points[at * last / points]).collect() }
    }

    /// PGR's average over this curve, measured with the ends of another: for curves that were raised at the end.
    pub fn apgr_between_ends_of(&self, other: &Self) -> Option<f64> {
        other.pgr(self.area())
    }
}
