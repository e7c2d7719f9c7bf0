//! Blends.

use schemars::JsonSchema;

use super::scorecards::MissingScore;

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
