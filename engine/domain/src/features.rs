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
pub struct Features {
    /// Model-independent estimate: `ceil(ASCII bytes / 4) + 1 per CJK character + ceil(other bytes / 3)` over messages
    /// and tool schemas, + 1,000 per image + 4 per message.
    pub input_tokens: u64,
    /// The maximum output the caller asked for.
    pub max_output_tokens: Option<u64>,
    /// The caller wants a stream.
    pub stream: bool,
    /// Tools are offered.
    pub has_tools: bool,
    /// A tool call is demanded (`required`, or one by name).
    pub forces_tool: bool,
    /// The request holds images.
    pub has_images: bool,
    /// The request holds audio.
    pub has_audio: bool,
    /// The request holds files.
    pub has_files: bool,
    /// What the answer must look like.
    pub output_format: OutputFormat,
    /// Messages in the conversation.
    pub turns: u32,
    /// Bytes of system text.
    pub system_bytes: u64,
    /// Names of the sampling and output parameters that the request sets (`temperature`, `logprobs`, …), sorted.
    pub parameters: Vec<String>,
}

/// Limits that one request puts on its own candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// An ordered list of candidates; empty = no such limit.
    pub models: Vec<ModelId>,
    /// Only these providers; empty = all.
    pub only_providers: Vec<ProviderSlug>,
    /// Not these providers.
    pub ignored_providers: Vec<ProviderSlug>,
    /// Providers that may collect data are out.
    pub deny_data_collection: bool,
    /// Only endpoints known to keep nothing.
    pub zero_data_retention: bool,
    /// Candidates whose expected cost is above this, or unknown, are out.
    pub max_cost: Option<Money>,
    /// The dial of `optimal` for this request, instead of the policy's; no other strategy takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_quality: Option<MinQuality>,
}

/// Everything that may influence the decision, besides the snapshot and the score.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Derived from the body.
    pub features: Features,
    /// The `model` of the body, as written.
    pub requested_model: Option<String>,
    /// What the request demands of its candidates.
    pub constraints: Constraints,
    /// Models the key may use; empty = all.
    pub allowed_models: Vec<ModelId>,
    /// What the request says of itself and its sender, for rules.
    #[serde(default)]
    pub labels: Labels,
    /// The caller's wishes in words, at most [`MAX_INSTRUCTIONS`](crate::MAX_INSTRUCTIONS) characters. Kept as text: what
    /// is meant by a name depends on the candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}
