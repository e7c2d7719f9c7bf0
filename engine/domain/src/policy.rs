//! Policies and routers as configured. What they decide is the business of the crate `policy`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::Affinity;
use crate::ids::{BlendId, ModelId, OrganisationId, PolicyId, ProviderSlug, RouterId, ScorecardId};
use crate::optimal::Optimal;
use crate::rule::Rules;

/// What an intelligent policy cares about: how strongly a given complexity pulls towards capable models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// `a = c²`.
    Cost,
    /// `a = c`, the balanced axis.
    #[default]
    Performance,
    /// `a = √c`.
    #[serde(alias = "intelligence", alias = "quality")]
    Capability,
}

impl Axis {
    /// The axis' name: `performance`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Performance => "performance",
            Self::Capability => "capability",
        }
    }
}

/// How a policy orders its candidates. `B` is how it refers to a blend: by id, or in a file by whatever text names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Strategy<B = BlendId> {
    /// The one model; no other model ever.
    Single {
        /// That model.
        model: ModelId,
    },
    /// Ascending priority; equal priorities are shared by weight.
    Priority {},
    /// One weighted draw per request.
    Split {},
    /// Ascending expected cost of this request.
    LowestCost {},
    /// Ascending observed latency; models never observed get a small share of the requests.
    LeastLatency {},
    /// Descending score in a blend of benchmarks.
    Blend {
        /// That blend.
        blend: B,
    },
    /// The model that fits the prompt's complexity.
    Intelligent {
        /// What to care about.
        #[serde(default)]
        axis: Axis,
    },
    /// The best chance of success for the money.
    Optimal(Optimal<B>),
}

impl<B> Strategy<B> {
    /// The strategy's name: `intelligent`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Single { .. } => "single",
            Self::Priority {} => "priority",
            Self::Split {} => "split",
            Self::LowestCost {} => "lowest_cost",
            Self::LeastLatency {} => "least_latency",
            Self::Blend { .. } => "blend",
            Self::Intelligent { .. } => "intelligent",
            Self::Optimal(_) => "optimal",
        }
    }
}

impl<B> Strategy<B> {
    /// The blend whose scores it reads.
    pub const fn blend(&self) -> Option<&B> {
        match self {
            Self::Blend { blend } => Some(blend),
            Self::Optimal(it) => it.blend.as_ref(),
            Self::Single { .. }
            | Self::Priority {}
            | Self::Split {}
            | Self::LowestCost {}
            | Self::LeastLatency {}
            | Self::Intelligent { .. } => None,
        }
    }

    /// The same strategy with its reference to a blend found out; `None` where that fails.
    pub fn resolved<T>(self, find: impl FnOnce(B) -> Option<T>) -> Option<Strategy<T>> {
        Some(match self {
            Self::Single { model } => Strategy::Single { model },
            Self::Priority {} => Strategy::Priority {},
            Self::Split {} => Strategy::Split {},
            Self::LowestCost {} => Strategy::LowestCost {},
            Self::LeastLatency {} => Strategy::LeastLatency {},
            Self::Blend { blend } => Strategy::Blend { blend: find(blend)? },
            Self::Intelligent { axis } => Strategy::Intelligent { axis },
            Self::Optimal(it) => Strategy::Optimal(it.resolved(find)?),
        })
    }
}

/// A candidate of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyModel {
    /// The model.
    pub model: ModelId,
    /// Rank for `priority` and `split`, from 0; absent = its place in the list (`priority`), 0 (`split`).
    #[serde(default)]
    pub priority: Option<u32>,
    /// Relative share among equals; absent = 1.
    #[serde(default)]
    pub weight: Option<f64>,
}

/// Which models a policy may choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidates {
    /// `["*"]`: every enabled model that has a usable credential.
    All,
    /// These, in this order.
    Listed(Vec<PolicyModel>),
}

/// A routing policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its name.
    pub name: String,
    /// What `@alias/<slug>` names, unique in the organisation.
    pub slug: String,
    /// Counts its saved states, from 1.
    #[serde(default = "Policy::first_version")]
    pub version: u32,
    /// What it may choose from.
    pub candidates: Candidates,
    /// How it orders them, where no rule says otherwise.
    pub strategy: Strategy,
    /// When it orders them otherwise, or another policy decides.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub rules: Rules,
    /// How far a conversation stays on one model; absent = each request is decided for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
}

impl Policy {
    /// The version of a policy that was saved once.
    pub const fn first_version() -> u32 {
        1
    }

    /// The slug of a name: lower-cased, runs of other characters become one `-`.
    pub fn slug_of(name: &str) -> String {
        let mut slug = String::with_capacity(name.len());
        for character in name.to_lowercase().chars() {
            if character.is_alphanumeric() {
                slug.push(character);
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.trim_matches('-').to_owned()
    }
}

/// Where a router takes a provider's secret from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    /// The platform's.
    Managed,
    /// The organisation's own.
    User,
}

impl CredentialSource {
    /// The source's name: `managed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::User => "user",
        }
    }
}

/// An endpoint of its own: enabled models and the policy over them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// Its id, also its path.
    pub id: RouterId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its name, unique in the organisation.
    pub name: String,
    /// The models it may use.
    pub models: Vec<ModelId>,
    /// Its policy; absent = intelligent / performance over its models.
    #[serde(default)]
    pub policy: Option<PolicyId>,
    /// The scorecards that tell its models' capability; empty = the organisation's.
    #[serde(default)]
    pub scorecards: Vec<ScorecardId>,
    /// Where each provider's secret comes from; of one that is not named, from the platform's.
    #[serde(default)]
    pub credentials: BTreeMap<ProviderSlug, CredentialSource>,
}

impl Router {
    /// Where its requests take a provider's secret from: as it says, else from the platform.
    pub fn source_of(&self, provider: &ProviderSlug) -> CredentialSource {
        self.credentials.get(provider).copied().unwrap_or(CredentialSource::Managed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slug_folds_runs_of_other_characters() {
        assert_eq!(Policy::slug_of("  EU Premium (v2)! "), "eu-premium-v2");
    }

    #[test]
    fn unknown_strategy_fields_are_refused() {
        let refused = serde_json::from_str::<Strategy>(r#"{"type":"intelligent","axis":"cost","bias":1}"#);
        assert!(refused.is_err());
    }
}
