//! The shape of the file, for the JSON Schema and the reader of these pages. The readers in `sections` decide what is
//! accepted; a test holds the two together key by key.
#![expect(missing_docs, reason = "the variants of the choices say what they are")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// What a Signalbox should know: objects are matched by name, those not named here stay as they are.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Signalbox configuration")]
pub struct ConfigFile {
    /// What policies with the strategy `optimal` make chances of success of; absent = stays as it is.
    pub calibration: Option<CalibrationChoice>,
    /// Parts of the organisation to which requests are attributed.
    #[schemars(default)]
    pub projects: Vec<Project>,
    /// Who serves models, with their secrets.
    #[schemars(default)]
    pub providers: Vec<Provider>,
    /// The catalogue: models that may be called.
    #[schemars(default)]
    pub models: Vec<Model>,
    /// What models scored on benchmarks.
    #[schemars(default)]
    pub scorecards: Vec<Scorecard>,
    /// Weighted benchmarks, for policies with the strategy `blend`.
    #[schemars(default)]
    pub blends: Vec<Blend>,
    /// How one model of several is chosen.
    #[schemars(default)]
    pub policies: Vec<Policy>,
    /// Endpoints of their own, each over some models.
    #[schemars(default)]
    pub routers: Vec<Router>,
    /// API keys of callers.
    #[schemars(default)]
    pub keys: Vec<Key>,
}

/// A calibration: a file of one's own, or the built-in one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CalibrationChoice {
    /// What `evalkit calibrate optimal` wrote, relative to this file.
    #[schemars(extend("examples" = ["calibration.json"]))]
    pub file: Option<String>,
    /// Written as true, goes back to the calibration that is built in.
    pub built_in: Option<bool>,
}

/// A part of the organisation.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Project {
    /// Its name, unique.
    #[schemars(extend("examples" = ["checkout"]))]
    pub name: String,
    /// The policy of its requests that name no model: a policy's name, slug or id.
    #[schemars(extend("examples" = ["support"]))]
    pub policy: Option<String>,
}

/// Somebody who serves models.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Provider {
    /// Its name and the prefix of its models: 1 to 40 of a-z, 0-9, `-` and `_`.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,39}$"), extend("examples" = ["acme"]))]
    pub slug: String,
    /// What it speaks; absent = openai. Vendors of other dialects have an OpenAI-compatible base URL.
    #[schemars(default)]
    pub dialect: Option<Dialect>,
    /// The URL to which `/chat/completions` is appended.
    #[schemars(regex(pattern = "^https?://"), extend("examples" = ["https://api.example.com/v1"]))]
    pub base_url: String,
    /// How it wants its secret: `bearer`, `header:NAME` or `query:NAME`; absent = bearer.
    #[schemars(regex(pattern = "^(bearer|header:.+|query:.+)$"), extend("examples" = ["bearer", "header:api-key", "query:key"]))]
    pub auth: Option<String>,
    /// Query parameters sent with every call.
    #[schemars(default, extend("examples" = [{"api-version": "2026-01-01"}]))]
    pub query: BTreeMap<String, String>,
    /// Allows private, loopback and link-local addresses.
    #[schemars(default)]
    pub allow_private_network: bool,
    /// Allows calls without a secret.
    #[schemars(default)]
    pub allow_anonymous: bool,
    /// Whether it is known to keep nothing (zero data retention); absent = not known.
    pub zdr: Option<bool>,
    /// Whether it collects data; absent = not known.
    pub data_collection: Option<DataCollection>,
    /// How long to wait for it; absent = the product's defaults.
    pub timeouts: Option<ProviderTimeouts>,
    /// Its secrets, used in turn; absent = those already stored stay.
    pub credentials: Option<Vec<ProviderCredential>>,
}

/// What a provider speaks.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Dialect {
    Openai,
}

/// Whether a provider collects data.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum DataCollection {
    Allow,
    Deny,
}

/// Waits, each as milliseconds or as a duration such as `500ms`, `3s`, `15m`; at most a day.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProviderTimeouts {
    /// TCP and TLS, in milliseconds; absent = 3000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub connect_ms: Option<u64>,
    /// TCP and TLS, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["3s"]))]
    pub connect: Option<String>,
    /// From the request to the head of a streamed answer, in milliseconds; absent = 30000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub response_header_ms: Option<u64>,
    /// From the request to the head of a streamed answer, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["30s"]))]
    pub response_header: Option<String>,
    /// From the request to the first content of a streamed answer, in milliseconds; absent = 60000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub first_token_ms: Option<u64>,
    /// From the request to the first content of a streamed answer, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["60s"]))]
    pub first_token: Option<String>,
    /// Between two chunks of a streamed answer, in milliseconds; absent = 60000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub inter_chunk_ms: Option<u64>,
    /// Between two chunks of a streamed answer, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["60s"]))]
    pub inter_chunk: Option<String>,
    /// The whole call, in milliseconds; absent = 900000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub total_ms: Option<u64>,
    /// The whole call, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["15m"]))]
    pub total: Option<String>,
}

/// A provider's secret: exactly one of `secret_env`, `secret_file` and `secret`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProviderCredential {
    /// Its name, unique within the provider.
    #[schemars(extend("examples" = ["main"]))]
    pub name: String,
    /// The environment variable that holds the secret, read where the file is applied.
    #[schemars(extend("examples" = ["ACME_KEY"]))]
    pub secret_env: Option<String>,
    /// The file that holds the secret, relative to this one.
    #[schemars(extend("examples" = ["/run/secrets/acme"]))]
    pub secret_file: Option<String>,
    /// The secret itself; better kept out of the file.
    pub secret: Option<String>,
    /// What it is; absent = `api_key`.
    pub kind: Option<CredentialKind>,
    /// Whose it is; absent = `managed`, the platform's.
    pub owner: Option<CredentialOwner>,
}

/// What a credential is.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum CredentialKind {
    ApiKey,
}

/// Whose a credential is.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum CredentialOwner {
    Managed,
    Org,
    User,
}

/// A model of the catalogue.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Model {
    /// `provider/name`; the part before the first `/` is the provider's slug.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,39}/[A-Za-z0-9._:/@+-]{1,128}$"), extend("examples" = ["acme/small"]))]
    pub id: String,
    /// What the provider calls it; absent = the part of `id` after the first `/`.
    #[schemars(extend("examples" = ["small-2026-11"]))]
    pub native: Option<String>,
    /// A name for people.
    #[schemars(extend("examples" = ["Acme Small"]))]
    pub name: Option<String>,
    /// A description for people; read but not kept by this version.
    pub description: Option<String>,
    /// Tokens that input and output may take together.
    #[schemars(range(min = 1), extend("examples" = [128_000]))]
    pub context_length: Option<u64>,
    /// Tokens that the output may take.
    #[schemars(range(min = 1), extend("examples" = [16_384]))]
    pub max_output_tokens: Option<u64>,
    /// Prices in USD per token; absent = unknown, never free.
    pub pricing: Option<ModelPricing>,
    /// Explicit strength, 0 to 1; absent = by price.
    #[schemars(range(min = 0, max = 1), extend("examples" = [0.3]))]
    pub capability: Option<f64>,
    /// What its endpoint supports; not listed = unsupported.
    #[schemars(default, extend("examples" = [["tools", "json_schema", "vision"]]))]
    pub capabilities: Vec<ModelAbility>,
    /// What goes in and comes out; absent = text and what `capabilities` say.
    pub modalities: Option<ModelModalities>,
    /// Request parameters it takes; absent = no check.
    #[schemars(extend("examples" = [["temperature", "max_tokens"]]))]
    pub supported_parameters: Option<Vec<String>>,
    /// When it came out.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), extend("examples" = ["2026-11-22"]))]
    pub released: Option<String>,
    /// Whether nothing is kept (zero data retention); absent = as its provider.
    pub zdr: Option<bool>,
    /// Whether it may be called; absent = true.
    pub enabled: Option<bool>,
    /// Where these facts come from and when they were read.
    #[schemars(extend("examples" = ["vendor's price list, 2026-11-22"]))]
    pub source: Option<String>,
}

/// Prices in USD per token as decimal strings, at most 12 decimals.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ModelPricing {
    /// A fresh input token.
    #[schemars(extend("examples" = ["0.0000001"]))]
    pub prompt: Option<String>,
    /// An output token.
    #[schemars(extend("examples" = ["0.0000004"]))]
    pub completion: Option<String>,
    /// An input token read from the prompt cache; absent = as a fresh one.
    #[schemars(extend("examples" = ["0.00000001"]))]
    pub cached_prompt: Option<String>,
    /// The same as `cached_prompt`.
    #[schemars(extend("examples" = ["0.00000001"]))]
    pub cached_read: Option<String>,
    /// An input token written to the prompt cache; absent = as a fresh one.
    #[schemars(extend("examples" = ["0.000000125"]))]
    pub cache_write: Option<String>,
    /// A reasoning token; absent = as an output token.
    #[schemars(extend("examples" = ["0.0000004"]))]
    pub reasoning: Option<String>,
}

/// What goes into and comes out of a model.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ModelModalities {
    /// What goes in.
    #[schemars(default, extend("examples" = [["text", "image"]]))]
    pub input: Vec<ModelModality>,
    /// What comes out.
    #[schemars(default, extend("examples" = [["text"]]))]
    pub output: Vec<ModelModality>,
}

/// Something that goes into or comes out of a model.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ModelModality {
    Text,
    Image,
    Audio,
    Video,
    File,
}

/// Something that a model's endpoint supports.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ModelAbility {
    Tools,
    JsonSchema,
    JsonObject,
    Vision,
    Audio,
    Files,
    Reasoning,
    Embeddings,
}

/// One version of one benchmark, and what each model scored. Its name and version together are unique.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Scorecard {
    /// The benchmark's name.
    #[schemars(extend("examples" = ["support-judge"]))]
    pub name: String,
    /// The benchmark's version; scores of different versions are not comparable.
    #[schemars(extend("examples" = ["2026-11"]))]
    pub version: Option<String>,
    /// What was measured; may be left out beside `file`.
    #[schemars(extend("examples" = ["accuracy"]))]
    pub metric: Option<String>,
    /// In which unit.
    #[schemars(extend("examples" = ["percent"]))]
    pub unit: Option<String>,
    /// Which end is good; absent = higher. It is never guessed from `metric`.
    pub direction: Option<ScoreDirection>,
    /// How scores become comparable; absent = linear between `min` and `max`.
    pub scale: Option<ScoreScale>,
    /// The least possible score; not for `elo_expected`.
    #[schemars(extend("examples" = [0.0]))]
    pub min: Option<f64>,
    /// The greatest possible score; not for `elo_expected`.
    #[schemars(extend("examples" = [1.0]))]
    pub max: Option<f64>,
    /// What guessing scores, in the unit of the scores; for `chance_adjusted` only.
    #[schemars(extend("examples" = [0.25]))]
    pub chance: Option<f64>,
    /// The rating of the opponent against whom the share of wins is told; for `elo_expected` only.
    #[schemars(extend("examples" = [1200.0]))]
    pub elo_reference: Option<f64>,
    /// Kinds of work that it tells about.
    #[schemars(default, extend("examples" = [["chat"]]))]
    pub capabilities: Vec<CapabilityTag>,
    /// What stands in for a score that a model does not have, where no blend says; absent = `lower_bound`.
    pub missing: Option<MissingScore>,
    /// Where its numbers come from; absent = uploaded.
    pub source: Option<ScorecardSource>,
    /// When they were fetched.
    #[schemars(extend("format" = "date", "examples" = ["2026-11-22"]))]
    pub retrieved: Option<String>,
    /// After how many days they are stale; absent = never.
    #[schemars(range(min = 1))]
    pub stale_after_days: Option<u64>,
    /// The scores, each model once.
    #[schemars(length(min = 1))]
    pub scores: Option<Vec<ScorecardScore>>,
    /// A file with the scores, relative to this one, in place of `scores`: CSV, evalkit.scorecard/1, Every Eval Ever, or
    /// a board of Aider. Metric, bounds and the rest may then stand in it.
    #[schemars(extend("examples" = ["scores.csv"]))]
    pub file: Option<String>,
}

/// Which end of a scale is good.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ScoreDirection {
    Higher,
    Lower,
}

/// How a score becomes a number from 0 to 1.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ScoreScale {
    /// Linear between the metric's bounds.
    Linear,
    /// Linear in the logarithm between bounds above 0.
    Log,
    /// The expected share of wins against an opponent of a declared rating.
    EloExpected,
    /// Linear between what guessing scores and the best possible score.
    ChanceAdjusted,
}

/// A kind of work.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum CapabilityTag {
    Code,
    Math,
    Reasoning,
    Knowledge,
    Writing,
    Extraction,
    Translation,
    ToolUse,
    StructuredOutput,
    Chat,
}

/// What stands in for a score that a model does not have.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum MissingScore {
    /// The median of all models less one standard deviation.
    LowerBound,
    /// The median of all models.
    Median,
    /// Nothing: the others share the weight.
    Renormalise,
    /// The least score of any model.
    Min,
    /// 0.
    Zero,
    /// Nothing: the model is out.
    Exclude,
}

/// Where the numbers of a scorecard come from.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ScorecardSource {
    /// What kind of source; absent = uploaded. The models of a published table need not be in the catalogue.
    pub kind: Option<ScoreSourceKind>,
    /// When the numbers were observed.
    #[schemars(extend("format" = "date", "examples" = ["2026-11-22"]))]
    pub date: Option<String>,
    /// Under which licence they may be passed on.
    #[schemars(extend("examples" = ["CC-BY-4.0"]))]
    pub licence: Option<String>,
    /// Where they stand.
    #[schemars(extend("examples" = ["https://example.com/leaderboard"]))]
    pub url: Option<String>,
}

/// What kind of source a scorecard has.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ScoreSourceKind {
    Published,
    Eval,
    Uploaded,
}

/// What one model scored.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ScorecardScore {
    /// The model's id.
    #[schemars(extend("examples" = ["acme/small"]))]
    pub model: String,
    /// Its score, in the unit of the benchmark.
    #[schemars(extend("examples" = [0.71]))]
    pub score: f64,
    /// On how many samples.
    #[schemars(range(min = 1), extend("examples" = [200]))]
    pub n: Option<u64>,
    /// Its standard error; absent = from `interval`, else from `n`.
    pub standard_error: Option<f64>,
    /// The two ends of its 95 % interval.
    #[schemars(length(min = 2, max = 2), extend("examples" = [[0.65, 0.77]]))]
    pub interval: Option<Vec<f64>>,
}

/// Weighted benchmarks.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Blend {
    /// Its name, unique.
    #[schemars(extend("examples" = ["ours"]))]
    pub name: String,
    /// Its benchmarks; the weights sum to 1.
    #[schemars(length(min = 1))]
    pub weights: Vec<BlendWeight>,
    /// What stands in for missing scores; absent = what each scorecard says.
    pub missing: Option<MissingScore>,
    /// How much heavier a benchmark becomes when the prompt surely asks for its kind of work, from 1; absent = 2.
    #[schemars(range(min = 1))]
    pub boost: Option<f64>,
    /// By what models are ranked; absent = mean.
    pub rank_by: Option<BlendRank>,
    /// How many standard errors `lcb` takes off; absent = 1.
    #[schemars(range(min = 0))]
    pub z: Option<f64>,
    /// Corrections of single scores.
    #[schemars(default)]
    pub overrides: Vec<BlendOverride>,
    /// The model that answers when no candidate is covered; one of the policy's models.
    #[schemars(extend("examples" = ["acme/large"]))]
    pub fallback_model: Option<String>,
}

/// A benchmark's part in a blend.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BlendWeight {
    /// The scorecard: its name, `name@version`, or id.
    #[schemars(extend("examples" = ["support-judge"]))]
    pub benchmark: String,
    /// Its weight, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub weight: f64,
    /// What stands in for its missing scores; absent = the blend's.
    pub missing: Option<MissingScore>,
}

/// By what models are ranked.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum BlendRank {
    /// The score.
    Mean,
    /// The score less `z` standard errors.
    Lcb,
}

/// A correction of one score.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BlendOverride {
    /// The scorecard: its name, `name@version`, or id.
    #[schemars(extend("examples" = ["support-judge"]))]
    pub benchmark: String,
    /// The model.
    #[schemars(extend("examples" = ["acme/small"]))]
    pub model: String,
    /// The score to use, in the unit of the benchmark.
    pub score: f64,
    /// Who says so.
    #[schemars(extend("examples" = ["dana"]))]
    pub author: String,
    /// Why.
    #[schemars(extend("examples" = ["the judge marked refusals as right"]))]
    pub reason: String,
    /// Until when; absent = for good.
    #[schemars(extend("format" = "date-time", "examples" = ["2027-01-31T00:00:00Z"]))]
    pub expires_at: Option<String>,
}

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

/// When something else than the policy's strategy decides.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PolicyRule {
    /// Lower ones are asked first; equals in the order in which they are written.
    #[schemars(extend("examples" = [10]))]
    pub priority: i32,
    /// What decisions call it, unique in the policy; absent = `rules[2]`.
    #[schemars(extend("examples" = ["EU premium"]))]
    pub name: Option<String>,
    /// When it holds.
    #[schemars(extend("examples" = [{"field": "tag.tier", "op": "eq", "value": "premium"}]))]
    pub when: RuleCondition,
    /// What decides then.
    #[schemars(extend("examples" = [{"policy": "premium"}, {"strategy": {"type": "intelligent", "axis": "cost"}}]))]
    pub r#use: RuleUse,
}

/// A test of one field, or several conditions joined.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub enum RuleCondition {
    All {
        all: Vec<RuleCondition>,
    },
    Any {
        any: Vec<RuleCondition>,
    },
    Not {
        not: Box<RuleCondition>,
    },
    Test {
        /// `tag.KEY`, `header.NAME`, `metadata.KEY`, `model`, `project`, `key.name`, `user`, `stream`, `has_tools`,
        /// `has_images`, `has_schema`, `input_tokens`, `max_output_tokens`, `complexity` or `capability.TAG`.
        field: String,
        /// How it is compared.
        op: RuleOperator,
        /// With what; nothing for `exists` and `not_exists`.
        value: Option<RuleValue>,
    },
}

/// How a field is compared.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum RuleOperator {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Exists,
    NotExists,
}

/// What a field is compared with.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum RuleValue {
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<RuleValue>),
}

/// What decides where a rule holds.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleUse {
    /// Another policy: its name, slug or id.
    Policy(String),
    /// Another strategy over the policy's own models.
    Strategy(Strategy),
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

/// An endpoint of its own.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Router {
    /// Its name, unique.
    #[schemars(extend("examples" = ["helpdesk"]))]
    pub name: String,
    /// The models it may use.
    #[schemars(length(min = 1), extend("examples" = [["acme/small", "acme/large"]]))]
    pub models: Vec<String>,
    /// Its policy: name, slug or id; absent = intelligent / performance over its models.
    #[schemars(extend("examples" = ["support"]))]
    pub policy: Option<String>,
    /// The scorecards that tell its models' capability: names, `name@version` or ids; none = all of the organisation.
    #[schemars(default, extend("examples" = [["support-judge"]]))]
    pub scorecards: Vec<String>,
    /// Where each provider's secret comes from; absent = managed if there is one.
    #[schemars(default, extend("examples" = [{"acme": "managed"}]))]
    pub credentials: BTreeMap<String, CredentialSource>,
}

/// Where a provider's secret comes from.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum CredentialSource {
    Managed,
    User,
}

/// An API key. At most one of `secret_env`, `secret_file` and `secret`; without any, a key is made and shown once.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Key {
    /// Its name, unique.
    #[schemars(extend("examples" = ["checkout-service-prod"]))]
    pub name: String,
    /// The project of its requests: name or id.
    #[schemars(extend("examples" = ["checkout"]))]
    pub project: Option<String>,
    /// Which policy its requests use; absent = as each request says.
    pub routing: Option<KeyRouting>,
    /// What it may do; absent = routing.
    #[schemars(default, extend("examples" = [["routing"]]))]
    pub scopes: Vec<KeyScope>,
    /// Models it may use; absent = all.
    #[schemars(default, extend("examples" = [["acme/small"]]))]
    pub allowed_models: Vec<String>,
    /// When it ends, with an offset from UTC.
    #[schemars(extend("format" = "date-time", "examples" = ["2027-01-31T00:00:00Z"]))]
    pub expires_at: Option<String>,
    /// The environment variable that holds a key of your own making, at least 32 characters.
    #[schemars(extend("examples" = ["CHECKOUT_KEY"]))]
    pub secret_env: Option<String>,
    /// The file that holds a key of your own making, relative to this one.
    #[schemars(extend("examples" = ["/run/secrets/checkout"]))]
    pub secret_file: Option<String>,
    /// A key of your own making; better kept out of the file.
    #[schemars(length(min = 32))]
    pub secret: Option<String>,
}

/// Which policy a key's requests use.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyRouting {
    /// A policy: name, slug or id.
    #[schemars(extend("examples" = ["support"]))]
    pub policy: String,
    /// Kept but not enforced when false; absent = true.
    pub active: Option<bool>,
}

/// What a key may do.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum KeyScope {
    Routing,
    Platform,
}
