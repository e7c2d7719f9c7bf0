//! Scorecards.

use schemars::JsonSchema;

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
