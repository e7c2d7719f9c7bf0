//! What is known of a request before anyone answers it: the input of eligibility, rules and strategies.

use serde::{Deserialize, Serialize};

use crate::ids::{ModelId, ProviderSlug};
use crate::labels::Labels;
use crate::money::Money;
use crate::optimal::MinQuality;

/// What the answer must look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// No demand.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a given schema.
    JsonSchema,
}

/// Counts and needs derived from a request. Pure function of its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// Model-independent estimate: `ceil(ASCII bytes / 4) + 1 per CJK character + ceil(other bytes / 3)` over messages
    /// and tool schemas, + 1,000 per image + 4 per message.
    #[serde(skip_serializing_if = "is_default")]
    pub input_tokens: u64,
    /// The maximum output the caller asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// The caller wants a stream.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Tools are offered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_tools: bool,
    /// A tool call is demanded (`required`, or one by name).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forces_tool: bool,
    /// The request holds images.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_images: bool,
    /// The request holds audio.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_audio: bool,
    /// The request holds files.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_files: bool,
    /// What the answer must look like.
    #[serde(skip_serializing_if = "is_default")]
    pub output_format: OutputFormat,
    /// Messages in the conversation.
    #[serde(skip_serializing_if = "is_default")]
    pub turns: u32,
    /// Bytes of system text.
    #[serde(skip_serializing_if = "is_default")]
    pub system_bytes: u64,
    /// Names of the sampling and output parameters that the request sets (`temperature`, `logprobs`, …), sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
}

/// Limits that one request puts on its own candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Constraints {
    /// An ordered list of candidates; empty = no such limit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelId>,
    /// Only these providers; empty = all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_providers: Vec<ProviderSlug>,
    /// Not these providers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored_providers: Vec<ProviderSlug>,
    /// Providers that may collect data are out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deny_data_collection: bool,
    /// Only endpoints known to keep nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub zero_data_retention: bool,
    /// The request goes on with what a provider of Responses has kept: only such providers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept_state: bool,
    /// The provider that has kept it, where that is known: only this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<ProviderSlug>,
    /// The request is a turn of a thread that a provider of Anthropic's dialect keeps: only such providers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept_thread: bool,
    /// Candidates whose expected cost is above this, or unknown, are out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Money>,
    /// The dial of `optimal` for this request, instead of the policy's; no other strategy takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_quality: Option<MinQuality>,
}

/// Everything that may influence the decision, besides the snapshot and the score.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Derived from the body.
    #[serde(skip_serializing_if = "is_default")]
    pub features: Features,
    /// The `model` of the body, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// What the request demands of its candidates.
    #[serde(skip_serializing_if = "is_default")]
    pub constraints: Constraints,
    /// Models the key may use; empty = all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_models: Vec<ModelId>,
    /// What the request says of itself and its sender, for rules.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Labels,
    /// The caller's wishes in words, at most [`MAX_INSTRUCTIONS`](crate::MAX_INSTRUCTIONS) characters. Kept as text: what
    /// is meant by a name depends on the candidates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

/// What is as it mostly is takes no bytes in a record.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
