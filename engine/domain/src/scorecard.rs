//! A scorecard: one version of one benchmark, how its scores are to be read, where they come from, and what each model
//! scored.
//!
//! Scores are kept as published, in the metric's own unit; [`Benchmark`](crate::Benchmark) measures them on 0..=1.

mod normalise;

use serde::{Deserialize, Serialize};

use crate::blend::Missing;
use crate::clock::Timestamp;
use crate::date::Date;
use crate::ids::{ModelId, OrganisationId, ScorecardId};
use crate::score::CapabilityTag;

/// Which end of the scale is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The more the better: accuracy.
    #[default]
    Higher,
    /// The less the better: error rate, latency, cost.
    Lower,
}

/// How a raw score becomes a number in 0..=1. Bounds are those of the metric, never those of the models at hand: else a
/// weak newcomer would turn the order of two others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Normalisation {
    /// Linear between the metric's bounds.
    #[serde(alias = "linear")]
    Bounds {
        /// The least possible score.
        min: f64,
        /// The greatest possible score.
        max: f64,
    },
    /// Linear between what guessing scores and the best possible score; worse than guessing counts as guessing.
    ChanceAdjusted {
        /// The least possible score.
        min: f64,
        /// The greatest possible score.
        max: f64,
        /// What guessing scores, in the unit of the scores: 0.25 for four choices.
        chance: f64,
    },
    /// The expected share of wins against an opponent of a declared Elo rating.
    EloExpected {
        /// That opponent's rating.
        anchor: f64,
    },
    /// Linear in the logarithm between bounds above 0: cost, latency.
    Log {
        /// Scores at or below count as this one.
        min: f64,
        /// Scores at or above count as this one.
        max: f64,
    },
}

/// Where a scorecard's numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Somebody's published table.
    Published,
    /// Our own evaluation.
    Eval,
    /// Given to us as a file.
    Uploaded,
}

/// The source of a scorecard, as one would cite it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceNote {
    /// What kind of source it is.
    pub kind: SourceKind,
    /// When the numbers were observed.
    #[serde(default)]
    pub date: Option<Date>,
    /// Under which licence they may be passed on.
    #[serde(default)]
    pub licence: Option<String>,
    /// Where they stand.
    #[serde(default)]
    pub url: Option<String>,
}

/// A 95 % interval, in the unit of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// What one model scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreCell {
    /// The model; it need not be in the catalogue.
    pub model: ModelId,
    /// Its score, in the metric's unit.
    pub score: f64,
    /// On how many samples.
    #[serde(default)]
    pub n: Option<u64>,
    /// Standard error, in the metric's unit; absent = from the interval, else from `n`.
    #[serde(default)]
    pub standard_error: Option<f64>,
    /// 95 % interval.
    #[serde(default)]
    pub interval: Option<Interval>,
}

/// One benchmark's scores per model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scorecard {
    /// Its id.
    pub id: ScorecardId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The benchmark's name: `aider-polyglot`.
    pub name: String,
    /// The benchmark's version; scores of different versions are not comparable.
    #[serde(default)]
    pub version: String,
    /// What was measured: `pass_rate_2`.
    pub metric: String,
    /// In which unit: `percent`.
    #[serde(default)]
    pub unit: Option<String>,
    /// Which end is good; never inferred from the metric.
    #[serde(default)]
    pub direction: Direction,
    /// How scores become comparable.
    pub normalisation: Normalisation,
    /// Kinds of work it tells about.
    #[serde(default)]
    pub capabilities: Vec<CapabilityTag>,
    /// What stands in for a score that a model does not have, where neither weight nor blend says.
    #[serde(default)]
    pub missing: Option<Missing>,
    /// Where its numbers come from.
    pub source: SourceNote,
    /// When they were fetched.
    #[serde(default)]
    pub retrieved: Option<Date>,
    /// After how many days they are stale; absent = never.
    #[serde(default)]
    pub stale_after_days: Option<u64>,
    /// The scores.
    pub cells: Vec<ScoreCell>,
}

impl Scorecard {
    /// Whether its numbers are older than it allows: counted from when they were observed, else fetched. Without a date
    /// nothing is known of their age, and a scorecard that can go stale counts as stale.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let date = self.source.date.as_ref().or(self.retrieved.as_ref());
        self.stale_after_days.is_some_and(|limit| date.is_none_or(|date| date.days_until(now) > limit))
    }

    /// `aider-polyglot@2024-12`, or the bare name where there is no version.
    pub fn label(&self) -> String {
        if self.version.is_empty() { self.name.clone() } else { format!("{}@{}", self.name, self.version) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A scorecard of accuracies in 0..=1.
    pub(crate) fn scorecard(scores: &[(&str, f64)]) -> Scorecard {
        let cells: Vec<_> = scores.iter().map(|(model, score)| json!({"model": model, "score": score})).collect();
        serde_json::from_value(json!({
            "id": ScorecardId::from_random([1; 20]), "organisation": OrganisationId::from_random([1; 20]),
            "name": "exam", "metric": "accuracy", "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0},
            "source": {"kind": "uploaded"}, "cells": cells,
        }))
        .unwrap()
    }

    #[track_caller]
    fn check_stale(date: Option<&str>, limit: Option<u64>, expected: bool) {
        let mut scorecard = scorecard(&[]);
        scorecard.source.date = date.map(|it| Date::parse(it).unwrap());
        scorecard.stale_after_days = limit;
        let now = Timestamp::parse_rfc3339("2026-11-22T10:00:00Z").unwrap();
        assert_eq!(scorecard.is_stale(now), expected, "{date:?} {limit:?}");
    }

    #[test]
    fn scores_go_stale_when_they_say_so() {
        check_stale(Some("2020-01-01"), None, false);
        check_stale(Some("2026-11-12"), Some(10), false);
        check_stale(Some("2026-11-11"), Some(10), true);
        check_stale(None, Some(10), true);
    }

    #[test]
    fn unknown_fields_are_refused_with_the_known_ones() {
        let refused = serde_json::from_value::<ScoreCell>(json!({"model": "a/b", "scor": 1.0})).unwrap_err();
        assert!(refused.to_string().starts_with("unknown field `scor`, expected one of `model`, `score`"), "{refused}");
    }
}
