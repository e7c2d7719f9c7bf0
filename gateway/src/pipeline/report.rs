//! The `routing` object of an answer: which model answered and why, and at the end what it cost and how long it took.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use dialect::canonical::Loss;
use domain::{
    AffinityRecord, Attempt, AttemptOutcome, CapabilityTag, Decision, Degradation, InstructionsRecord, ModelId, Money,
    PolicyId,
};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::pipeline::settle::Settled;

/// What may be told before there is content.
#[derive(Debug, Serialize)]
pub(crate) struct Opening<'a> {
    requested_model: Option<&'a str>,
    selected_model: &'a str,
    reason: Cow<'a, str>,
    policy_id: Option<&'a PolicyId>,
    rule: Option<&'a str>,
    strategy: &'a str,
    complexity: Option<f64>,
    #[serde(serialize_with = "by_tag")]
    capabilities: &'a [(CapabilityTag, f64)],
    scorer_version: Option<&'a str>,
    /// Whether the scorer read only a part; `None` where none was asked.
    truncated: Option<bool>,
    degraded: Option<Degradation>,
    #[serde(serialize_with = "without_ours")]
    attempts: &'a [Attempt],
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a InstructionsRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affinity: Option<&'a AffinityRecord>,
    /// What could not be said in the upstream's dialect, or in the caller's.
    #[serde(skip_serializing_if = "Loss::is_empty")]
    loss: &'a Loss,
}

/// What is known at the end.
#[derive(Debug, Serialize)]
pub(crate) struct Closing {
    cost_usd: Option<Money>,
    saved_usd: Option<Money>,
    latency_ms: Latency,
    /// As of the opening, where more was lost since.
    #[serde(skip_serializing_if = "Loss::is_empty")]
    loss: Loss,
}

#[derive(Debug, Serialize)]
struct Latency {
    decision: Option<f64>,
    upstream: f64,
    total: f64,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    opening: &'a Opening<'a>,
    #[serde(flatten)]
    closing: &'a Closing,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(
        requested: Option<&'a str>,
        selected: &'a str,
        decision: &'a Decision,
        attempts: &'a [Attempt],
        loss: &'a Loss,
    ) -> Self {
        Self {
            requested_model: requested,
            selected_model: selected,
            reason: reason(decision, selected),
            policy_id: decision.policy_id.as_ref(),
            rule: decision.rule.as_deref(),
            strategy: &decision.strategy,
            complexity: decision.complexity,
            capabilities: &decision.capabilities,
            scorer_version: decision.scorer.as_deref(),
            truncated: decision.scorer.is_some().then_some(decision.truncated),
            degraded: decision.degraded,
            attempts,
            instructions: decision.instructions.as_ref(),
            affinity: decision.affinity.as_ref(),
            loss,
        }
    }

    pub(crate) fn json(&self) -> Bytes {
        json(self)
    }

    pub(crate) fn json_with(&self, closing: &Closing) -> Bytes {
        json(&Whole { opening: self, closing })
    }
}

/// Why this model answers: the decision's reason, unless those before it failed.
pub(crate) fn reason<'a>(decision: &'a Decision, answering: &str) -> Cow<'a, str> {
    if answering == decision.selected_model.as_str() {
        return Cow::Borrowed(&decision.reason);
    }
    Cow::Owned(format!(
        "{answering} answers because {} did not; first choice: {}",
        decision.selected_model, decision.reason
    ))
}

impl Closing {
    pub(crate) fn new(settled: &Settled) -> Self {
        Self {
            cost_usd: settled.cost,
            saved_usd: settled.saved,
            latency_ms: Latency {
                decision: settled.decision.map(millis),
                upstream: millis(settled.upstream),
                total: millis(settled.total),
            },
            loss: Loss::default(),
        }
    }

    /// Tells what was lost besides.
    pub(crate) fn telling(self, loss: Loss) -> Self {
        Self { loss, ..self }
    }

    pub(crate) fn json(&self) -> Bytes {
        json(self)
    }
}

/// The names under which the object appears: `dari_routing` too where the caller asked for `dari/routing`.
pub(crate) fn names(requested: Option<&str>) -> &'static [&'static str] {
    if requested == Some("dari/routing") { &["routing", "dari_routing"] } else { &["routing"] }
}

/// Milliseconds to the microsecond.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// What callers are told of an attempt: not with which secret it was made, nor the provider's name of it.
#[derive(Serialize)]
struct ToldAttempt<'a> {
    model: &'a ModelId,
    outcome: AttemptOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    millis: Option<f64>,
}

fn without_ours<S: Serializer>(attempts: &&[Attempt], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(attempts.iter().map(|attempt| {
        // Every field is named, so that a new one is told only if somebody decides so.
        let Attempt { model, outcome, status, millis, began_micros: _, credential: _, upstream_request: _ } = attempt;
        ToldAttempt { model, outcome: *outcome, status: *status, millis: *millis }
    }))
}

fn by_tag<S: Serializer>(tags: &[(CapabilityTag, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(tags.len()))?;
    for (tag, probability) in tags {
        map.serialize_entry(tag.as_str(), &((probability * 1e3).round() / 1e3))?;
    }
    map.end()
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("plain data with string keys is always JSON").into()
}
