//! Makes a recorded decision again from its arguments, and compares the two byte for byte.

use domain::{Arguments, Decision, Route, Scored, Tenant};

use crate::decide::decide;
use crate::question::{Question, Scoring, Step};
use crate::refusal::Refusal;
use crate::rules::{has_affinity, label_fields};

/// A decision and the one made again, each as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// The recorded one.
    pub recorded: Vec<u8>,
    /// The one made now.
    pub replayed: Vec<u8>,
    /// The same as a value.
    pub decision: Decision,
}

impl Replayed {
    /// Whether they are the same, byte for byte.
    pub fn is_identical(&self) -> bool {
        self.recorded == self.replayed
    }
}

/// Why a decision could not be made again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFault {
    /// The configuration refuses the request.
    #[error("the request is refused: {0}")]
    Refused(#[from] Refusal),
    /// The decision needs a score that was not asked for then.
    #[error("the decision needs a score, and none was asked for when it was recorded")]
    NeedsScore,
    /// A decision is not valid JSON.
    #[error("a decision cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Makes a recorded decision again, under the configuration of then.
///
/// # Errors
/// When the configuration refuses the request, or needs a score that is not among the arguments.
pub fn replay(tenant: &Tenant, recorded: &Decision, arguments: &Arguments) -> Result<Replayed, ReplayFault> {
    match decide(&Question::again(tenant, recorded, arguments))? {
        Step::Decided(decision) => Ok(Replayed {
            recorded: serde_json::to_vec(recorded)?,
            replayed: serde_json::to_vec(&*decision)?,
            decision: *decision,
        }),
        Step::NeedsScore => Err(ReplayFault::NeedsScore),
    }
}

/// Whether what was kept of requests under one configuration suffices to decide them under another: its rules read no
/// further labels, and it does not look for earlier turns where nobody looked.
pub fn suffices(then: &Tenant, now: &Tenant, route: &Route) -> bool {
    let kept = label_fields(then, route);
    let has_labels = label_fields(now, route).iter().all(|field| kept.contains(field));
    has_labels && (has_affinity(then, route) || !has_affinity(now, route))
}

impl<'a> Question<'a> {
    /// The question to which a recorded decision was the answer, put to a configuration.
    pub fn again(tenant: &'a Tenant, recorded: &Decision, arguments: &'a Arguments) -> Self {
        Self {
            tenant,
            version: recorded.snapshot,
            route: &arguments.route,
            facts: &arguments.facts,
            scoring: (&arguments.scoring).into(),
            health: &arguments.health,
            previous: arguments.previous.as_ref(),
            seed: recorded.seed,
            now: arguments.now,
        }
    }
}

impl<'a> From<&'a Scored> for Scoring<'a> {
    fn from(scored: &'a Scored) -> Self {
        match scored {
            Scored::NotAsked => Self::NotAsked,
            Scored::Unavailable(reason) => Self::Unavailable(*reason),
            Scored::Known(score) => Self::Known(score),
        }
    }
}
