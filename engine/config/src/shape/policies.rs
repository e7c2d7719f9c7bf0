//! Policies, their candidates and strategies.

use schemars::JsonSchema;

use super::rules::PolicyRule;

/// How one model of several is chosen.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Policy {
    /// Its name, unique.
    #[schemars(extend("examples" = ["support"]))]
    pub name: String,
    /// What `@alias/<slug>` names; absent = made from the name.
    #[schemars(extend("examples" = ["support"]))]
    pub slug: Option<String>,
    /// Whether it is the organisation's default; at most one is.
    #[schemars(default)]
    pub default: bool,
    /// The models it may choose from, or `["*"]` for every enabled model with a usable credential; absent only for the
    /// strategy `single`.
    #[schemars(extend("examples" = [["*"], ["acme/small", {"model": "acme/large", "priority": 0, "weight": 3}]]))]
    pub models: Option<Vec<PolicyModel>>,
    /// How it chooses; absent = intelligent / performance.
    #[schemars(extend("examples" = ["intelligent", {"type": "intelligent", "axis": "performance"}]))]
    pub strategy: Option<Strategy>,
    /// Tag rules: the first that holds, by ascending priority, says which strategy or policy decides.
    #[schemars(default)]
    pub rules: Vec<PolicyRule>,
    /// `conversation`: a conversation stays on its model unless another beats it by more than a cold prompt cache
    /// costs; absent = each request is decided for itself.
    pub affinity: Option<Affinity>,
}

/// How far a conversation stays on one model.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Affinity {
    /// For its length.
    Conversation,
}

/// A model, by its id or with its rank and share.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum PolicyModel {
    Id(String),
    Ranked(PolicyCandidate),
}

/// A model with its rank and share.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PolicyCandidate {
    /// The model's id.
    #[schemars(extend("examples" = ["acme/small"]))]
    pub model: String,
    /// Its rank for `priority` and `split`, from 0; absent = its place in the list (`priority`), 0 (`split`).
    pub priority: Option<u32>,
    /// Its share among equals, above 0; absent = 1.
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [3]))]
    pub weight: Option<f64>,
}

/// How a policy chooses, by name or with its settings.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Strategy {
    Named(StrategyName),
    Set(PolicyStrategy),
}

/// The strategies that need no setting.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum StrategyName {
    Intelligent,
    Priority,
    Split,
    LowestCost,
    LeastLatency,
}

/// A strategy with its settings.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PolicyStrategy {
    /// `intelligent`: the model that fits the prompt's complexity; `priority`: ascending priority; `split`: one weighted
    /// draw per request; `lowest_cost`: ascending expected cost; `least_latency`: ascending observed latency; `blend`:
    /// descending score in a blend of benchmarks; `single`: one model and no other; `optimal`: the best chance of success
    /// for the money, with `lambda` or `min_quality`.
    #[schemars(rename = "type")]
    pub kind: StrategyKind,
    /// What an intelligent policy cares about; absent = performance, the balanced one.
    pub axis: Option<StrategyAxis>,
    /// The model of `single`.
    #[schemars(extend("examples" = ["acme/large"]))]
    pub model: Option<String>,
    /// The blend, its name or id: by its scores `blend` ranks, and `optimal` tells how able models are. `optimal` needs
    /// none: without one, models' capabilities tell.
    #[schemars(extend("examples" = ["ours"]))]
    pub blend: Option<String>,
    /// The dial of `optimal`: chance of success per USD.
    #[schemars(range(min = 0.0), extend("examples" = [3.5]))]
    pub lambda: Option<f64>,
    /// The other dial of `optimal`: the least share of the best candidate's chance of success, above 0.
    #[schemars(range(min = 0.0, max = 1.0), extend("examples" = [0.95]))]
    pub min_quality: Option<f64>,
}

/// Every strategy.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum StrategyKind {
    Intelligent,
    Priority,
    Split,
    LowestCost,
    LeastLatency,
    Blend,
    Single,
    Optimal,
}

/// What an intelligent policy cares about; `intelligence` and `quality` are other names of `capability`.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum StrategyAxis {
    Cost,
    Performance,
    Capability,
    Intelligence,
    Quality,
}
