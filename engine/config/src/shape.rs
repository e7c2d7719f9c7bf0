//! The shape of the file, for the JSON Schema and the reader of these pages. The readers in `sections` decide what is
//! accepted; a test holds the two together key by key.
#![expect(missing_docs, reason = "the variants of the choices say what they are")]

mod access;
mod blends;
mod models;
mod policies;
mod providers;
mod rules;
mod scorecards;
mod spending;

use schemars::JsonSchema;

pub use access::*;
pub use blends::*;
pub use models::*;
pub use policies::*;
pub use providers::*;
pub use rules::*;
pub use scorecards::*;
pub use spending::*;

/// What a Signalbox should know: objects are matched by name, those not named here stay as they are.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Signalbox configuration")]
pub struct ConfigFile {
    /// What policies with the strategy `optimal` make chances of success of; absent = stays as it is.
    pub calibration: Option<CalibrationChoice>,
    /// The organisation itself: at most one, of its own name.
    #[schemars(default)]
    pub organisations: Vec<Organisation>,
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

/// The organisation that the file is applied to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Organisation {
    /// Its name, as it is called already; the first one is called `default`.
    #[schemars(extend("examples" = ["default"]))]
    pub name: String,
    /// What all its requests together may cost.
    pub budget: Option<SpendingBudget>,
    /// Keeps the bodies of its requests and answers; absent = they are not kept.
    pub body_logging: Option<BodyLogging>,
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
    /// What its requests together may cost.
    pub budget: Option<SpendingBudget>,
}
