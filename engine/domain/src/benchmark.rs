//! A scorecard, measured: every score on 0..=1, and what the scores have in common.
//!
//! Made once when a scorecard enters the snapshot, so that a decision only looks numbers up.

use std::sync::Arc;

use crate::ids::ModelId;
use crate::scorecard::Scorecard;

/// One model's normalised score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// 0..=1, 1 is best.
    pub value: f64,
    /// Its standard error; `None` = nothing is known of the evidence.
    pub standard_error: Option<f64>,
}

/// What the normalised scores of all models of a benchmark have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle score, or the mean of the two middle ones.
    pub median: f64,
    /// Sample standard deviation between models; 0 below two.
    pub deviation: f64,
    /// The least score.
    pub minimum: f64,
}

impl Summary {
    /// Summarises scores, in any order; `None` when there are none.
    pub fn of(mut scores: Vec<f64>) -> Option<Self> {
        scores.sort_by(f64::total_cmp);
        let (count, minimum) = (scores.len(), *scores.first()?);
        let median = f64::midpoint(scores[(count - 1) / 2], scores[count / 2]);
        let mean = scores.iter().sum::<f64>() / count as f64;
        let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
        let deviation = if count < 2 { 0.0 } else { (squares / (count - 1) as f64).sqrt() };
        Some(Self { median, deviation, minimum })
    }
}

/// A model's id, made ready once to be looked up in many benchmarks.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    model: &'a ModelId,
    hash: u64,
}

impl<'a> Probe<'a> {
    /// Makes an id ready.
    pub fn of(model: &'a ModelId) -> Self {
        Self { model, hash: hash(model) }
    }
}

/// FNV-1a: the same on every machine, and short ids take it no time.
fn hash(model: &ModelId) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    model.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// A scorecard with its scores normalised.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    scorecard: Arc<Scorecard>,
    /// By model, in id order.
    readings: Vec<(ModelId, Reading)>,
    /// Where each model's reading is, by the hash of its id, in the order of hashes.
    places: Vec<(u64, usize)>,
    summary: Option<Summary>,
}

impl Benchmark {
    /// Measures a scorecard. Scores that validation would have refused (no numbers, second ones) are left out.
    pub fn of(scorecard: Arc<Scorecard>) -> Self {
        let (normalisation, direction) = (scorecard.normalisation, scorecard.direction);
        let reading = |cell: &crate::ScoreCell| {
            let value = normalisation.normalise(direction, cell.score)?;
            Some((cell.model.clone(), Reading { value, standard_error: normalisation.standard_error(direction, cell) }))
        };
        let mut readings: Vec<_> = scorecard.cells.iter().filter_map(reading).collect();
        readings.sort_by(|a, b| a.0.cmp(&b.0));
        readings.dedup_by(|second, first| second.0 == first.0);
        let summary = Summary::of(readings.iter().map(|(_, it)| it.value).collect());
        let mut places: Vec<_> = readings.iter().enumerate().map(|(place, (model, _))| (hash(model), place)).collect();
        places.sort_unstable();
        Self { scorecard, readings, places, summary }
    }

    /// The scorecard as configured.
    pub fn scorecard(&self) -> &Arc<Scorecard> {
        &self.scorecard
    }

    /// What a model scored.
    pub fn read(&self, model: &ModelId) -> Option<Reading> {
        self.look_up(Probe::of(model))
    }

    /// What a model scored: many models are looked up in many benchmarks for each decision.
    pub fn look_up(&self, Probe { model, hash }: Probe<'_>) -> Option<Reading> {
        let first = self.places.partition_point(|(known, _)| *known < hash);
        let alike = self.places[first..].iter().take_while(|(known, _)| *known == hash);
        alike.map(|(_, place)| &self.readings[*place]).find(|(known, _)| known == model).map(|(_, reading)| *reading)
    }

    /// What every model scored, in id order.
    pub fn readings(&self) -> &[(ModelId, Reading)] {
        &self.readings
    }

    /// What the scores have in common; `None` when there are none.
    pub fn summary(&self) -> Option<Summary> {
        self.summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::tests::scorecard;

    #[track_caller]
    fn check(scores: &[f64], expected: Option<(f64, f64, f64)>) {
        let found = Summary::of(scores.to_vec()).map(|it| (it.median, it.deviation, it.minimum));
        let is_close = |a: (f64, f64, f64), b: (f64, f64, f64)| {
            [(a.0, b.0), (a.1, b.1), (a.2, b.2)].iter().all(|(a, b)| (a - b).abs() < 1e-12)
        };
        assert!(found == expected || found.zip(expected).is_some_and(|(a, b)| is_close(a, b)), "{found:?}");
    }

    #[test]
    fn summary_takes_the_middle_and_the_sample_deviation() {
        check(&[], None);
        check(&[0.4], Some((0.4, 0.0, 0.4)));
        check(&[0.8, 0.6], Some((0.7, 0.02_f64.sqrt(), 0.6)));
        check(&[0.9, 0.1, 0.2], Some((0.2, 0.19_f64.sqrt(), 0.1)));
    }

    #[test]
    fn models_are_found_and_impossible_scores_left_out() {
        let mut scorecard = scorecard(&[("b/x", 0.5), ("a/x", 0.25), ("c/x", 0.0), ("a/x", 0.9)]);
        scorecard.cells[2].score = f64::NAN;
        let benchmark = Benchmark::of(Arc::new(scorecard));
        let read = |text: &str| benchmark.read(&ModelId::parse(text).unwrap()).map(|it| it.value);
        assert_eq!((read("a/x"), read("b/x"), read("c/x"), read("d/x")), (Some(0.25), Some(0.5), None, None));
        assert_eq!(benchmark.summary().map(|it| it.minimum), Some(0.25));
    }
}
