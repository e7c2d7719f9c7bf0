//! The decision record: which model was chosen, from what, why, and every argument that a replay needs.
//!
//! Its JSON is the `--json` of `signalbox explain`, and the `decision` of a ledger row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::AffinityRecord;
use crate::ids::{CredentialId, ModelId, PolicyId, RequestId, RouterId};
use crate::instructions::InstructionsRecord;
use crate::money::Money;
use crate::policy::Axis;
use crate::score::CapabilityTag;
use crate::snapshot::SnapshotVersion;
use crate::weights::Weights;

/// Why a candidate was removed before any strategy looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// Disabled, or no longer in the catalogue.
    Disabled,
    /// Its provider speaks no dialect that requests could be put into.
    ProxyOnly,
    /// Not allowed for the key.
    NotAllowed,
    /// Excluded by the request's own `provider.only` or `provider.ignore`.
    Provider,
    /// The request goes on with what a provider has kept, and its provider keeps nothing of the kind, or
    /// another one has kept it.
    KeptState,
    /// An input modality is unsupported.
    Modality,
    /// Tools are unsupported.
    Tools,
    /// A forced tool choice is unsupported.
    ToolChoice,
    /// The demanded output format is unsupported.
    StructuredOutput,
    /// A request parameter is unsupported.
    Parameter,
    /// Input and requested output exceed the context.
    ContextLength,
    /// The requested output exceeds the model's.
    OutputLength,
    /// Zero data retention is demanded and not known of the endpoint.
    Zdr,
    /// The provider may collect data.
    DataCollection,
    /// Expected cost above `routing.max_cost_usd`, or unknown.
    MaxCost,
    /// No usable credential.
    NoCredential,
    /// Its breaker is open.
    Unhealthy,
    /// The request's routing instructions want it avoided.
    Instructions,
    /// No benchmark of the blend has a score of it.
    Unscored,
    /// A benchmark that its blend demands has no score of it.
    MissingCoverage,
}

impl Removal {
    /// The reason's name: `context_length`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::ProxyOnly => "proxy_only",
            Self::NotAllowed => "not_allowed",
            Self::Provider => "provider",
            Self::KeptState => "kept_state",
            Self::Modality => "modality",
            Self::Tools => "tools",
            Self::ToolChoice => "tool_choice",
            Self::StructuredOutput => "structured_output",
            Self::Parameter => "parameter",
            Self::ContextLength => "context_length",
            Self::OutputLength => "output_length",
            Self::Zdr => "zdr",
            Self::DataCollection => "data_collection",
            Self::MaxCost => "max_cost",
            Self::NoCredential => "no_credential",
            Self::Unhealthy => "unhealthy",
            Self::Instructions => "instructions",
            Self::Unscored => "unscored",
            Self::MissingCoverage => "missing_coverage",
        }
    }

    /// Whether the request's own needs (rather than the state of the platform) removed the candidate.
    pub const fn is_the_requests_need(self) -> bool {
        match self {
            Self::Provider
            | Self::KeptState
            | Self::Modality
            | Self::Tools
            | Self::ToolChoice
            | Self::StructuredOutput
            | Self::Parameter
            | Self::ContextLength
            | Self::OutputLength
            | Self::Zdr
            | Self::DataCollection
            | Self::MaxCost
            | Self::Instructions => true,
            Self::Disabled
            | Self::ProxyOnly
            | Self::NotAllowed
            | Self::NoCredential
            | Self::Unhealthy
            | Self::Unscored
            | Self::MissingCoverage => false,
        }
    }
}

/// A removed candidate and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The candidate.
    pub model: ModelId,
    /// Why.
    pub reason: Removal,
}

/// A candidate that could have been chosen, in fallback order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateRecord {
    /// The candidate.
    pub model: ModelId,
    /// Its capability mapped to 0..=1 within the policy; only for strategies that use it.
    #[serde(default)]
    pub position: Option<f64>,
    /// Its score; only for strategies that make one.
    #[serde(default)]
    pub score: Option<f64>,
    /// What this request would cost on it; `None` = price unknown.
    #[serde(default)]
    pub expected_cost_usd: Option<Money>,
    /// Why it stands where it stands, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What was missing when the decision was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degradation {
    /// The engine did not answer in time.
    Engine,
    /// The scorer failed.
    Scorer,
    /// The shared limits store was away.
    Limits,
}

impl Degradation {
    /// The degradation's name: `engine`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Scorer => "scorer",
            Self::Limits => "limits",
        }
    }
}

/// One decision, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The policy's name, or `None` when a model was named directly.
    pub policy: Option<String>,
    /// The policy's id.
    #[serde(default)]
    pub policy_id: Option<PolicyId>,
    /// The router, if the request came through one.
    #[serde(default)]
    pub router: Option<RouterId>,
    /// The rule that chose the strategy, by name.
    pub rule: Option<String>,
    /// The strategy's name; `direct` when a model was named, `list` for an inline list.
    pub strategy: String,
    /// The axis of an intelligent strategy.
    pub axis: Option<Axis>,
    /// Calibrated complexity of the prompt, if a score was needed and had.
    pub complexity: Option<f64>,
    /// Complexity after the axis.
    pub adjusted: Option<f64>,
    /// Difficulty of the prompt on the scorer's scale, where the strategy weighs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<f64>,
    /// The version of the calibration that made chances of success of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Arc<str>>,
    /// Probability per tag, if a score was had.
    #[serde(default, with = "capability_map")]
    pub capabilities: Vec<(CapabilityTag, f64)>,
    /// The choice: the first of `candidates`.
    pub selected_model: ModelId,
    /// All eligible candidates in fallback order.
    pub candidates: Vec<CandidateRecord>,
    /// The others, with reasons.
    pub removed: Vec<Removed>,
    /// Weight per benchmark, if a blend chose.
    #[serde(default)]
    pub weights: Option<Weights>,
    /// The same after the capability boost, renormalised.
    #[serde(default)]
    pub weights_boosted: Option<Weights>,
    /// What was missing.
    pub degraded: Option<Degradation>,
    /// Which scorer spoke.
    pub scorer: Option<Arc<str>>,
    /// Some of the prompt was not read by the scorer.
    #[serde(default)]
    pub truncated: bool,
    /// Which configuration was used.
    pub snapshot: SnapshotVersion,
    /// The request's id: the seed of every draw.
    pub seed: RequestId,
    /// Where capability came from: `explicit`, `scorecards`, `price`, or several: `explicit+price`.
    #[serde(default)]
    pub capability_source: Option<String>,
    /// The most capable eligible candidate, against which savings are counted.
    #[serde(default)]
    pub most_capable_model: Option<ModelId>,
    /// What this request would cost on it, so that savings can be summed.
    #[serde(default)]
    pub most_capable_cost_usd: Option<Money>,
    /// The candidates were ordered explicitly: the chain may be tried to its end.
    #[serde(default)]
    pub explicit_order: bool,
    /// What became of the request's routing instructions, if it had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<InstructionsRecord>,
    /// What the conversation's previous turn did to the choice, where the policy has affinity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<AffinityRecord>,
    /// One plain sentence.
    pub reason: String,
}

impl Decision {
    /// Every candidate that was looked at, those removed included.
    pub fn considered(&self) -> impl Iterator<Item = &ModelId> {
        self.candidates.iter().map(|it| &it.model).chain(self.removed.iter().map(|it| &it.model))
    }
}

/// Writes tags as a JSON object, in tag order.
mod capability_map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::CapabilityTag;

    pub(super) fn serialize<S: Serializer>(tags: &[(CapabilityTag, f64)], serializer: S) -> Result<S::Ok, S::Error> {
        // In one order, whatever the scorer's: a record that is read and written again is the same, byte for byte.
        serializer.collect_map(tags.iter().map(|(tag, probability)| (tag, probability)).collect::<BTreeMap<_, _>>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(CapabilityTag, f64)>, D::Error> {
        BTreeMap::<CapabilityTag, f64>::deserialize(deserializer).map(|map| map.into_iter().collect())
    }
}

/// How an attempt to call a candidate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// It answered.
    Ok,
    /// No connection.
    ConnectFailed,
    /// TLS failed.
    TlsFailed,
    /// It broke off before any content.
    Disconnected,
    /// It broke off after content had been passed on.
    Interrupted,
    /// It took too long.
    Timeout,
    /// 429.
    RateLimited,
    /// 529.
    Overloaded,
    /// 5xx.
    ServerError,
    /// An answer that is none: malformed, or an error under status 200.
    BadAnswer,
    /// It refused the secret.
    Unauthorised,
    /// It does not know the model.
    ModelNotFound,
    /// The prompt is too long for it.
    ContextLength,
    /// Another 4xx: the caller's mistake.
    Refused,
    /// The caller left.
    Cancelled,
    /// It could not be tried: no usable secret, or a refused address.
    NotSent,
}

/// One attempt to call a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whom.
    pub model: ModelId,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What the upstream answered, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub millis: Option<f64>,
    /// When it began, in microseconds after the request came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_micros: Option<u64>,
    /// The secret it was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    /// The upstream's own name of the call, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_request: Option<String>,
}

impl Attempt {
    /// An attempt of which only the end is known.
    pub fn new(model: ModelId, outcome: AttemptOutcome) -> Self {
        Self {
            model,
            outcome,
            status: None,
            millis: None,
            began_micros: None,
            credential: None,
            upstream_request: None,
        }
    }
}
