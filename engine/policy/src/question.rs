//! What a decision is asked: every argument of it, and the answer that it may give.

use domain::{
    Decision, Degradation, Facts, Health, Previous, RequestId, Route, Score, SnapshotVersion, Tenant, Timestamp,
};

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
