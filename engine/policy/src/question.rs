//! What a decision is asked: every argument of it, and the answer that it may give.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    Decision, Degradation, Facts, ModelId, Previous, RequestId, Route, Score, SnapshotVersion, Tenant, Timestamp,
};
use serde::{Deserialize, Serialize};

/// What is known of the prompt's complexity.
#[derive(Clone, Copy, Debug)]
pub enum Scoring<'a> {
    /// Nobody has asked the scorer yet.
    NotAsked,
    /// The scorer was asked and did not answer, for this reason.
    Unavailable(Degradation),
    /// It answered.
    Known(&'a Score),
}

/// How fast, and how reliably, a model has been answering: rolling means with exponential decay, kept by whoever fills
/// them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Time to the first token, in microseconds.
    pub first_token_micros: u64,
    /// Time for each token of output, in microseconds.
    pub micros_per_token: u64,
    /// Calls of a thousand that succeeded.
    #[serde(default = "Latency::always")]
    pub success_permille: u16,
}

impl Default for Latency {
    fn default() -> Self {
        Self { first_token_micros: 0, micros_per_token: 0, success_permille: Self::always() }
    }
}

impl Latency {
    /// A model that fails nearly always is taken for this many times slower, not for infinitely slow.
    const LEAST_SUCCESS: u16 = 50;

    const fn always() -> u16 {
        1000
    }

    /// What has been observed of a model, if anything. What has not counts for nothing, until an answer tells it: streams
    /// tell of the first token, whole answers of the time for each. `success_rate` is within 0..=1.
    pub fn observed(first_token_micros: Option<u64>, micros_per_token: Option<u64>, success_rate: f64) -> Option<Self> {
        let known = first_token_micros.or(micros_per_token);
        known.map(|_| Self {
            first_token_micros: first_token_micros.unwrap_or(0),
            micros_per_token: micros_per_token.unwrap_or(0),
            success_permille: (success_rate.clamp(0.0, 1.0) * f64::from(Self::always())).round() as u16,
        })
    }

    /// How long it takes to have an answer of this length, in microseconds: the time of one call, times the calls that
    /// it takes on average until one succeeds.
    pub fn expected_micros(self, output_tokens: u64) -> u64 {
        let once = self.first_token_micros.saturating_add(self.micros_per_token.saturating_mul(output_tokens));
        let success = u64::from(self.success_permille.max(Self::LEAST_SUCCESS));
        once.saturating_mul(u64::from(Self::always())) / success
    }
}

/// What is known of the candidates' health. The default: all are healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Models whose breakers are open for every key.
    pub unhealthy: BTreeSet<ModelId>,
    /// How fast models have been answering; absent = never observed.
    #[serde(default)]
    pub latency: Arc<BTreeMap<ModelId, Latency>>,
}

/// Every argument of a decision. The same question always has the same answer.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the organisation has configured.
    pub tenant: &'a Tenant,
    /// Which version of the configuration that is.
    pub version: SnapshotVersion,
    /// Which policy, router or models apply.
    pub route: &'a Route,
    /// What is known of the request.
    pub facts: &'a Facts,
    /// What is known of its complexity.
    pub scoring: Scoring<'a>,
    /// What is known of the candidates' health.
    pub health: &'a Health,
    /// The conversation's previous turn; only policies with affinity look at it.
    pub previous: Option<&'a Previous>,
    /// The request's own id: the seed of every draw.
    pub seed: RequestId,
    /// When the question is asked: a blend's overrides expire.
    pub now: Timestamp,
}

/// An answer, or the wish for a score.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The decision.
    Decided(Box<Decision>),
    /// The decision depends on a score that nobody has asked for: ask the scorer, then ask again.
    NeedsScore,
}

/// The score, unless it is no number: then it is as good as none.
pub(crate) fn known_score(scoring: Scoring<'_>) -> Option<&Score> {
    match scoring {
        Scoring::Known(score) => Some(score).filter(|score| !score.complexity.is_nan()),
        Scoring::NotAsked | Scoring::Unavailable(_) => None,
    }
}

/// Why there is no score.
pub(crate) fn unscored(scoring: Scoring<'_>) -> Option<Degradation> {
    match scoring {
        Scoring::Unavailable(reason) => Some(reason),
        Scoring::Known(score) => score.complexity.is_nan().then_some(Degradation::Scorer),
        Scoring::NotAsked => None,
    }
}

/// The prompt's difficulty, unless it is no number: then it is as good as none.
pub(crate) fn difficulty(scoring: Scoring<'_>) -> Option<f64> {
    known_score(scoring).map(|score| score.difficulty).filter(|difficulty| difficulty.is_finite())
}
