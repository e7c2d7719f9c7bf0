//! The declarative configuration: what `apply` wants to exist, by name. Ids are given by the registry.
//!
//! `config` makes it from a file, `admin.v1.Apply` carries it as JSON, `registry` compares it with what is there.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::blend::{Blend, BlendWeight, Missing, Override, RankBy};
use crate::calibration::Calibration;
use crate::catalogue::{
    Ability, AuthScheme, CredentialKind, DialectKind, Modality, Owner, Pricing, Provider, Timeouts,
};
use crate::clock::Timestamp;
use crate::conversation::Affinity;
use crate::date::Date;
use crate::ids::{ModelId, ProviderSlug};
use crate::key::Scope;
use crate::limits::{BodyLogging, Budget, Limits};
pub use crate::policy::CredentialSource;
use crate::policy::{Candidates, Strategy};
use crate::rule::Rule;
use crate::score::CapabilityTag;
use crate::scorecard::{Direction, Normalisation, ScoreCell, SourceNote};

/// A secret on its way to being sealed. Never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for sealing and hashing only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Everything one file asks for. Objects that it does not name stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// The organisation's calibration; `None` leaves the one that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationSpec>,
    /// What the organisation may spend and keep; at most one, of its own name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organisations: Vec<OrganisationSpec>,
    /// Projects of the organisation.
    pub projects: Vec<ProjectSpec>,
    /// Providers with their secrets.
    pub providers: Vec<ProviderSpec>,
    /// Models.
    pub models: Vec<ModelSpec>,
    /// Scorecards.
    pub scorecards: Vec<ScorecardSpec>,
    /// Blends.
    pub blends: Vec<BlendSpec>,
    /// Policies.
    pub policies: Vec<PolicySpec>,
    /// Routers.
    pub routers: Vec<RouterSpec>,
    /// API keys.
    pub keys: Vec<KeySpec>,
}

/// Which calibration `optimal` weighs by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationSpec {
    /// The one that is built in.
    BuiltIn,
    /// The organisation's own.
    Own(Calibration),
}

/// The organisation itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationSpec {
    /// Its name, by which it is known: it is not changed here.
    pub name: String,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Bodies of its requests are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_logging: Option<BodyLogging>,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectSpec {
    /// Its name.
    pub name: String,
    /// A policy, by id, name or slug.
    #[serde(default)]
    pub policy: Option<String>,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSpec {
    /// Its name and the prefix of its models.
    pub slug: ProviderSlug,
    /// What it speaks.
    pub dialect: DialectKind,
    /// The URL to which the operation is appended, such as `/chat/completions`.
    pub base_url: String,
    /// How it wants its secret.
    #[serde(default)]
    pub auth: AuthScheme,
    /// It may be called without a secret.
    #[serde(default)]
    pub allow_anonymous: bool,
    /// Private, loopback and link-local targets are allowed.
    #[serde(default)]
    pub allow_private_network: bool,
    /// Known to keep nothing.
    #[serde(default)]
    pub zero_data_retention: Option<bool>,
    /// Known (not) to collect data.
    #[serde(default)]
    pub collects_data: Option<bool>,
    /// Its own waits.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Query parameters sent with every call.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Headers sent with every call, names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Speaks `OpenAI` Responses beside chat completions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub responses: bool,
    /// Its secrets: the key pool. `None` leaves those that are there.
    #[serde(default)]
    pub credentials: Option<Vec<CredentialSpec>>,
}

impl ProviderSpec {
    /// A provider as it is, its secrets left alone.
    pub fn of(it: &Provider) -> Self {
        Self {
            slug: it.slug.clone(),
            dialect: it.dialect,
            base_url: it.base_url.clone(),
            auth: it.auth.clone(),
            allow_anonymous: it.allow_anonymous,
            allow_private_network: it.allow_private_network,
            zero_data_retention: it.zero_data_retention,
            collects_data: it.collects_data,
            timeouts: it.timeouts,
            query: it.query.clone(),
            headers: it.headers.clone(),
            responses: it.responses,
            credentials: None,
        }
    }
}

/// A provider secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSpec {
    /// Its name, unique within the provider.
    pub name: String,
    /// Whose account it opens.
    #[serde(default)]
    pub owner: Owner,
    /// The user whose keys may use it; only of an owner "user".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What the secret is.
    #[serde(default)]
    pub kind: CredentialKind,
    /// Its share of the calls beside the provider's others, 1 to 1000.
    #[serde(default = "one")]
    pub weight: u32,
    /// The secret; of OAuth client credentials, the JSON of [`crate::ClientCredentials`].
    pub secret: SecretText,
}

const fn one() -> u32 {
    1
}

impl CredentialSpec {
    /// An API key of the platform's, beside no other.
    pub fn managed(name: &str, secret: SecretText) -> Self {
        let (owner, kind) = (Owner::Managed, CredentialKind::ApiKey);
        Self { name: name.to_owned(), owner, user: None, kind, weight: 1, secret }
    }
}

/// A model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// `provider/name`.
    pub id: ModelId,
    /// What the provider calls it; absent = the part after the first `/`.
    #[serde(default)]
    pub native: Option<String>,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Candidates must be enabled.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Tokens that input and output may take together.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// Tokens that the output may take.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
    /// The length of its embeddings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// Prices per token.
    #[serde(default)]
    pub pricing: Pricing,
    /// Explicit strength, 0..=1.
    #[serde(default)]
    pub capability: Option<f64>,
    /// What its endpoint supports.
    #[serde(default)]
    pub capabilities: Vec<Ability>,
    /// What goes in.
    #[serde(default)]
    pub input_modalities: Vec<Modality>,
    /// What comes out.
    #[serde(default)]
    pub output_modalities: Vec<Modality>,
    /// Request parameters it takes.
    #[serde(default)]
    pub supported_parameters: Option<Vec<String>>,
    /// When it came out.
    #[serde(default)]
    pub released: Option<String>,
    /// Overrides the provider's.
    #[serde(default)]
    pub zero_data_retention: Option<bool>,
    /// Where the facts come from and when they were read.
    #[serde(default)]
    pub source: Option<String>,
}

fn yes() -> bool {
    true
}

/// A scorecard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScorecardSpec {
    /// The benchmark's name.
    pub name: String,
    /// The benchmark's version; empty = it has none.
    #[serde(default)]
    pub version: String,
    /// What was measured.
    pub metric: String,
    /// In which unit.
    #[serde(default)]
    pub unit: Option<String>,
    /// Which end is good.
    #[serde(default)]
    pub direction: Direction,
    /// How scores become comparable.
    pub normalisation: Normalisation,
    /// Kinds of work it tells about.
    #[serde(default)]
    pub capabilities: Vec<CapabilityTag>,
    /// What stands in for a missing score, where neither weight nor blend says.
    #[serde(default)]
    pub missing: Option<Missing>,
    /// Where its numbers come from.
    pub source: SourceNote,
    /// When they were fetched.
    #[serde(default)]
    pub retrieved: Option<Date>,
    /// After how many days they are stale; absent = never.
    #[serde(default)]
    pub stale_after_days: Option<u64>,
    /// The scores.
    pub scores: Vec<ScoreCell>,
}

/// A blend. Scorecards are named by id or name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlendSpec {
    /// Its name.
    pub name: String,
    /// Its benchmarks.
    pub weights: Vec<BlendWeight<String>>,
    /// What stands in for missing scores; absent = the benchmark's.
    #[serde(default)]
    pub missing: Option<Missing>,
    /// How much heavier a benchmark of the wanted kind of work becomes.
    #[serde(default = "Blend::default_boost")]
    pub boost: f64,
    /// By what to rank.
    #[serde(default)]
    pub rank_by: RankBy,
    /// How many standard errors `lcb` takes off.
    #[serde(default = "Blend::default_z")]
    pub z: f64,
    /// Corrections.
    #[serde(default)]
    pub overrides: Vec<Override<String>>,
    /// Who answers when no candidate is covered.
    #[serde(default)]
    pub fallback_model: Option<ModelId>,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Its name.
    pub name: String,
    /// What `@alias/<slug>` names; absent = made from the name.
    #[serde(default)]
    pub slug: Option<String>,
    /// It is the organisation's default.
    #[serde(default)]
    pub default: bool,
    /// What it may choose from.
    pub candidates: Candidates,
    /// How it orders them, where no rule says otherwise. A blend is named by id or name.
    pub strategy: Strategy<String>,
    /// Tag rules. Each names another policy by id, name or slug, or gives a strategy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule<String, String>>,
    /// How far a conversation stays on one model; absent = each request is decided for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
}

/// A router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterSpec {
    /// Its name.
    pub name: String,
    /// The models it may use.
    pub models: Vec<ModelId>,
    /// A policy, by id, name or slug; absent = intelligent / performance.
    #[serde(default)]
    pub policy: Option<String>,
    /// The scorecards that tell its models' capability, by id or name; none = the organisation's.
    #[serde(default)]
    pub scorecards: Vec<String>,
    /// Where each provider's secret comes from; absent = managed if there is one.
    #[serde(default)]
    pub credentials: BTreeMap<ProviderSlug, CredentialSource>,
}

/// Which policy a key's requests use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRoutingSpec {
    /// A policy, by id, name or slug.
    pub policy: String,
    /// Kept but not enforced when false.
    #[serde(default = "yes")]
    pub active: bool,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// Its name.
    pub name: String,
    /// A project, by name or id.
    #[serde(default)]
    pub project: Option<String>,
    /// Its routing configuration.
    #[serde(default)]
    pub routing: Option<KeyRoutingSpec>,
    /// A key of the operator's own making; absent = one is made and shown once.
    #[serde(default)]
    pub secret: Option<SecretText>,
    /// What it may do; empty = routing.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// Models it may use; empty = all.
    #[serde(default)]
    pub allowed_models: Vec<ModelId>,
    /// The user it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it may consume.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// What each of its users may consume.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub per_user: Limits,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Bodies of its requests are kept; absent = as the organisation says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_logging: Option<BodyLogging>,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// What happens, or would happen, to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Create,
    /// It differs from what is there.
    Update,
    /// It is gone.
    Delete,
    /// It is as it should be.
    Unchanged,
}

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiffLine {
    /// What happens.
    pub action: Action,
    /// The kind of object: `policy`.
    pub kind: String,
    /// Its name: `support`.
    pub name: String,
    /// Field by field, `field: before -> after`; secrets show as `***`.
    #[serde(default)]
    pub changes: Vec<String>,
}

/// A key that was made by an apply, shown once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreatedKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The key itself.
    pub key: SecretText,
}

/// What an apply did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Line by line, in the order of the file's sections.
    pub lines: Vec<DiffLine>,
    /// Keys made by it.
    pub created_keys: Vec<CreatedKey>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

impl Diff {
    /// Whether anything changes.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.action == Action::Unchanged)
    }
}

/// One thing wrong with a desired configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{path}: {message}")]
pub struct DesiredFault {
    /// Where: `policies[0].models[1]`.
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: String,
}
