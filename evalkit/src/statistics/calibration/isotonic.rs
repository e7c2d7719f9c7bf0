//! Isotonic regression: the best map from score to probability among those that never fall.

/// A map that never falls, straight between its knots and flat beyond them.
#[derive(Clone, Debug, PartialEq)]
pub struct Isotonic {
    knots: Vec<(f64, f64)>,
}

/// A run of scores that share one fitted value.
struct Pool {
    from: f64,
    to: f64,
    sum: f64,
    n: f64,
}

impl Isotonic {
    /// Fits by pooling adjacent violators; equal scores are pooled first. `None` without items.
    pub fn fit(scores: &[f64], events: &[bool]) -> Option<Self> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|left, right| scores[*left].total_cmp(&scores[*right]));
        let mut pools: Vec<Pool> = Vec::new();
        for item in order {
            let (score, event) = (scores[item], f64::from(u8::from(events[item])));
            match pools.last_mut() {
                Some(last) if last.from >= score => {
                    last.sum += event;
                    last.n += 1.0;
                }
                _ => pools.push(Pool { from: score, to: score, sum: event, n: 1.0 }),
            }
        }
        let mut stack: Vec<Pool> = Vec::new();
        for mut pool in pools {
            while let Some(last) = stack.pop_if(|last| last.sum * pool.n >= pool.sum * last.n) {
                pool = Pool { from: last.from, to: pool.to, sum: last.sum + pool.sum, n: last.n + pool.n };
            }
            stack.push(pool);
        }
        let knots = stack.iter().flat_map(|pool| [(pool.from, pool.sum / pool.n), (pool.to, pool.sum / pool.n)]);
        let knots: Vec<_> = knots.collect();
        (!knots.is_empty()).then_some(Self { knots })
    }

    /// The probability at a score.
    pub fn at(&self, score: f64) -> f64 {
        let above = self.knots.partition_point(|knot| knot.0 <= score);
        let Some(&(right, high)) = self.knots.get(above) else {
            return self.knots[self.knots.len() - 1].1;
        };
        let Some(&(left, low)) = above.checked_sub(1).map(|at| &self.knots[at]) else {
            return high;
        };
        low + (high - low) * (score - left) / (right - left)
    }
}

/// Gives each item the probability that a map fitted on the other folds gives it, so that no item judges itself.
///
/// `None` with fewer than two folds in use.
pub fn cross_fitted(scores: &[f64], events: &[bool], fold_of: &[usize]) -> Option<Vec<f64>> {
    let folds = fold_of.iter().max()? + 1;
    let mut probabilities = vec![0.0; scores.len()];
    for fold in 0..folds {
        let others = || (0..scores.len()).filter(|item| fold_of[*item] != fold);
        if others().count() == scores.len() {
            continue;
        }
        let map = Isotonic::fit(
            &others().map(|item| scores[item]).collect::<Vec<_>>(),
            &others().map(|item| events[item]).collect::<Vec<_>>(),
        )?;
        for item in (0..scores.len()).filter(|item| fold_of[*item] == fold) {
            probabilities[item] = map.at(scores[item]);
        }
    }
    Some(probabilities)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn violators_are_pooled() {
        let map = Isotonic::fit(&[1.0, 2.0, 3.0, 4.0], &[false, true, false, true]).unwrap();
        let fitted: Vec<f64> = [0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 9.0].iter().map(|score| map.at(*score)).collect();
        assert_eq!(fitted, [0.0, 0.0, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0]);
        assert_eq!(Isotonic::fit(&[], &[]), None);
    }

    #[test]
    fn one_fold_cannot_be_cross_fitted() {
        assert_eq!(cross_fitted(&[0.1, 0.2], &[true, false], &[0, 0]), None);
    }

    proptest! {
        #[test]
        fn map_never_falls_and_keeps_the_mean(
            items in proptest::collection::vec((0_u8..20, any::<bool>()), 1..60)
        ) {
            let scores: Vec<f64> = items.iter().map(|item| f64::from(item.0)).collect();
            let events: Vec<bool> = items.iter().map(|item| item.1).collect();
            let map = Isotonic::fit(&scores, &events).unwrap();
            let curve: Vec<f64> = (0..80).map(|i| map.at(f64::from(i) / 4.0)).collect();
            prop_assert!(curve.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
            let fitted: f64 = scores.iter().map(|score| map.at(*score)).sum();
            prop_assert!((fitted - events.iter().filter(|it| **it).count() as f64).abs() < 1e-9);
        }
    }
}
