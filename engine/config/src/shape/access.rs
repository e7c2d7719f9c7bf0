//! Routers and keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::{KeyBodyLogging, KeyLimits, KeyPerUser, SpendingBudget};

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
    /// The user it belongs to: it may use provider secrets of this user.
    #[schemars(extend("examples" = ["dana"]))]
    pub user: Option<String>,
    /// What it may consume; absent = no limits.
    pub limits: Option<KeyLimits>,
    /// What each of its users, named by the `user` of requests, may consume: true = as much as the key, or a table.
    pub per_user: Option<KeyPerUser>,
    /// What its requests together may cost.
    pub budget: Option<SpendingBudget>,
    /// Keeps the bodies of its requests and answers, or none of them; absent = as the organisation says.
    pub body_logging: Option<KeyBodyLogging>,
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
