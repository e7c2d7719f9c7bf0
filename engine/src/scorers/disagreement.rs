//! How two scorers differ on the same prompts: running figures in bounded memory.
//!
//! Knows pairs of complexities and nothing else; where they come from is the business of `shadow`.

/// Below which a prompt is simple, at which a decision flips, above which it is complex.
pub(crate) const BOUNDS: [f64; 3] = [0.4, 0.5, 0.6];
/// Differences are counted in steps of a thousandth.
const STEPS: usize = 1000;
/// Tenths of the serving scorer's complexity.
const BUCKETS: usize = 10;
/// A bucket with fewer prompts says nothing, unless none has more.
const TELLING: u64 = 20;

/// The figures so far.
#[derive(Clone, Debug)]
pub(crate) struct Disagreement {
    prompts: u64,
    difference: f64,
    absolute: f64,
    flips: [u64; BOUNDS.len()],
    /// How often the absolute difference lay in each step.
    steps: Vec<u64>,
    buckets: [(u64, f64); BUCKETS],
    moments: Moments,
}

/// Where two scorers differ most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Worst {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) prompts: u64,
    pub(crate) mean_absolute: f64,
}

/// Running means, variances and covariance.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: (f64, f64),
    squares: (f64, f64),
    products: f64,
}

impl Default for Disagreement {
    fn default() -> Self {
        Self {
            prompts: 0,
            difference: 0.0,
            absolute: 0.0,
            flips: [0; BOUNDS.len()],
            steps: vec![0; STEPS + 1],
            buckets: [(0, 0.0); BUCKETS],
            moments: Moments::default(),
        }
    }
}

impl Disagreement {
    /// Takes in what both said of a prompt.
    pub(crate) fn add(&mut self, serving: f64, shadow: f64) {
        let difference = shadow - serving;
        self.prompts += 1;
        self.difference += difference;
        self.absolute += difference.abs();
        for (count, bound) in self.flips.iter_mut().zip(BOUNDS) {
            *count += u64::from((serving < bound) != (shadow < bound));
        }
        self.steps[((difference.abs() * STEPS as f64).round() as usize).min(STEPS)] += 1;
        let (count, sum) = &mut self.buckets[((serving * BUCKETS as f64) as usize).min(BUCKETS - 1)];
        *count += 1;
        *sum += difference.abs();
        self.moments.add(serving, shadow);
    }

    pub(crate) fn prompts(&self) -> u64 {
        self.prompts
    }

    /// The mean of the shadow's complexity less the serving one's.
    pub(crate) fn mean(&self) -> Option<f64> {
        self.per_prompt(self.difference)
    }

    pub(crate) fn mean_absolute(&self) -> Option<f64> {
        self.per_prompt(self.absolute)
    }

    /// The 90th percentile of the absolute difference, to a thousandth.
    pub(crate) fn p90_absolute(&self) -> Option<f64> {
        let rank = (self.prompts * 9).div_ceil(10);
        let mut seen = 0;
        let step = self.steps.iter().position(|count| {
            seen += count;
            seen >= rank && seen > 0
        })?;
        Some(step as f64 / STEPS as f64)
    }

    /// The share of prompts on another side of each bound.
    pub(crate) fn flips(&self) -> Option<[(f64, f64); BOUNDS.len()]> {
        self.per_prompt(0.0)?;
        Some(std::array::from_fn(|at| (BOUNDS[at], self.flips[at] as f64 / self.prompts as f64)))
    }

    /// Pearson's correlation of both complexities; `None` where either does not vary.
    pub(crate) fn correlation(&self) -> Option<f64> {
        self.moments.correlation()
    }

    /// The tenth of the serving scorer's complexity in which they differ most.
    pub(crate) fn worst(&self) -> Option<Worst> {
        let enough = if self.buckets.iter().any(|(count, _)| *count >= TELLING) { TELLING } else { 1 };
        let told = self.buckets.iter().enumerate().filter(|(_, (count, _))| *count >= enough);
        let means = told.map(|(at, (count, sum))| Worst {
            from: at as f64 / BUCKETS as f64,
            to: (at + 1) as f64 / BUCKETS as f64,
            prompts: *count,
            mean_absolute: sum / *count as f64,
        });
        means.max_by(|one, other| one.mean_absolute.total_cmp(&other.mean_absolute))
    }

    fn per_prompt(&self, sum: f64) -> Option<f64> {
        (self.prompts > 0).then(|| sum / self.prompts as f64)
    }
}

// === impl Moments ===

impl Moments {
    fn add(&mut self, one: f64, other: f64) {
        self.count += 1.0;
        let before = (one - self.mean.0, other - self.mean.1);
        self.mean.0 += before.0 / self.count;
        self.mean.1 += before.1 / self.count;
        self.squares.0 += before.0 * (one - self.mean.0);
        self.squares.1 += before.1 * (other - self.mean.1);
        self.products += before.0 * (other - self.mean.1);
    }

    fn correlation(&self) -> Option<f64> {
        // Below this the numbers are the same but for rounding.
        const STILL: f64 = 1e-12;
        let varies = |squares: f64| squares / self.count.max(1.0) > STILL;
        (varies(self.squares.0) && varies(self.squares.1))
            .then(|| (self.products / (self.squares.0 * self.squares.1).sqrt()).clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Disagreement {
        let mut figures = Disagreement::default();
        for (serving, shadow) in pairs {
            figures.add(serving, shadow);
        }
        figures
    }

    fn about(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|it| (it - expected).abs() < 1e-9), "{found:?}, expected {expected}");
    }

    #[test]
    fn known_pairs_give_the_figures_reckoned_by_hand() {
        let figures = of([(0.1, 0.2), (0.45, 0.55), (0.55, 0.35), (0.9, 0.9)]);
        about(figures.mean(), 0.0);
        about(figures.mean_absolute(), 0.1);
        about(figures.p90_absolute(), 0.2);
        // At 0.4 the third; at 0.5 the second and the third; at 0.6 none.
        assert_eq!(figures.flips(), Some([(0.4, 0.25), (0.5, 0.5), (0.6, 0.0)]));
        // Products of the deviations 0.27, squares 0.325 and 0.275.
        about(figures.correlation(), 0.27 / (0.325_f64 * 0.275).sqrt());
        let worst = figures.worst().expect("there are prompts");
        assert_eq!((worst.from, worst.to, worst.prompts), (0.5, 0.6, 1));
    }

    #[test]
    fn equal_scorers_do_not_differ() {
        let figures = of((0..=100).map(|it| (f64::from(it) / 100.0, f64::from(it) / 100.0)));
        about(figures.mean_absolute(), 0.0);
        about(figures.p90_absolute(), 0.0);
        about(figures.correlation(), 1.0);
    }

    #[test]
    fn opposite_scorers_are_told() {
        let figures = of((0..=100).map(|it| (f64::from(it) / 100.0, 1.0 - f64::from(it) / 100.0)));
        about(figures.correlation(), -1.0);
        about(figures.mean(), 0.0);
    }

    #[test]
    fn nothing_is_told_of_no_prompts_and_no_correlation_of_constants() {
        let figures = of([]);
        assert_eq!((figures.mean(), figures.p90_absolute(), figures.flips()), (None, None, None));
        assert_eq!((figures.correlation(), figures.worst()), (None, None));
        assert_eq!(of([(0.5, 0.1), (0.5, 0.9)]).correlation(), None);
    }

    #[test]
    fn a_bucket_of_few_prompts_is_not_the_worst_where_others_have_many() {
        let figures = of((0..30).map(|_| (0.15, 0.25)).chain([(0.95, 0.05)]));
        let worst = figures.worst().expect("there are prompts");
        assert_eq!((worst.from, worst.prompts), (0.1, 30));
    }
}
