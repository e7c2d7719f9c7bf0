//! What a policy, router, scorecard or blend must satisfy before it is saved. All problems are reported together, each
//! with its place and its cure.

mod blends;
mod rules;
mod scorecards;

use std::collections::BTreeSet;
use std::fmt;

use domain::{Candidates, Model, ModelId, Optimal, Policy, Router, Strategy, Tenant};

use crate::calibration::calibration_fault;
use crate::plan::{Shelf, is_chat, policy_plan};
use crate::rules::{reachable, strategies};

pub use blends::{validate_blend, validate_blend_use};
pub use scorecards::{UnknownModels, validate_scorecard};

/// Something wrong with an object that is to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `models[1].weight`.
    pub path: String,
    /// What, and how to mend it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Returns what is wrong with a policy, given everything else that the organisation has configured.
pub fn validate_policy(tenant: &Tenant, policy: &Policy) -> Vec<Problem> {
    let mut problems = Problems::default();
    problems.check_name(&policy.name);
    check_slug(tenant, policy, &mut problems);
    if let Candidates::Listed(models) = &policy.candidates {
        problems.check_models(tenant, models.iter().map(|it| &it.model));
        for (place, weight) in models.iter().enumerate().filter_map(|(place, it)| Some((place, it.weight?))) {
            if !(weight.is_finite() && weight > 0.0) {
                problems
                    .add(format!("models[{place}].weight"), format!("{weight} is not a share: write a number above 0"));
            }
        }
    }
    check_strategy(tenant, policy, &policy.strategy, "strategy", &mut problems);
    rules::check(tenant, policy, &mut problems);
    problems.0
}

/// Returns what is wrong with the rules of a policy alone.
pub fn validate_rules(tenant: &Tenant, policy: &Policy) -> Vec<Problem> {
    let mut problems = Problems::default();
    rules::check(tenant, policy, &mut problems);
    problems.0
}

/// Returns what is wrong with a router, given everything else that the organisation has configured.
pub fn validate_router(tenant: &Tenant, router: &Router) -> Vec<Problem> {
    let mut problems = Problems::default();
    problems.check_name(&router.name);
    problems.check_models(tenant, router.models.iter());
    let enabled =
        || router.models.iter().enumerate().filter_map(|(place, id)| Some((place, enabled_model(tenant, id)?)));
    for (place, model) in enabled().filter(|(_, model)| tenant.is_routable(&model.id) && !tenant.is_callable(model)) {
        let provider = model.id.provider();
        problems.add(
            format!("models[{place}]"),
            format!("the provider `{provider}` of `{}` has no credential: add one, or take the model out", model.id),
        );
    }
    for (place, id) in router.scorecards.iter().enumerate().filter(|(_, id)| !tenant.scorecards.contains_key(*id)) {
        let message = format!("there is no scorecard `{id}`: upload it first, or leave it out");
        problems.add(format!("scorecards[{place}]"), message);
    }
    if let Some(id) = &router.policy {
        match tenant.policies.get(id) {
            None => problems.add("policy", format!("there is no policy `{id}`: create it first, or leave it out")),
            Some(policy) => check_common(tenant, router, policy, &mut problems),
        }
    }
    problems.0
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { path: path.into(), message: message.into() });
    }

    fn check_name(&mut self, name: &str) {
        if name.trim().is_empty() {
            self.add("name", "is empty: give it a name");
        }
    }

    fn check_models<'a>(&mut self, tenant: &Tenant, models: impl ExactSizeIterator<Item = &'a ModelId>) {
        if models.len() == 0 {
            self.add("models", "is empty: name at least one model");
        }
        let mut seen = BTreeSet::new();
        for (place, id) in models.enumerate() {
            let path = || format!("models[{place}]");
            if !seen.insert(id) {
                self.add(path(), format!("`{id}` is named twice: take one out"));
            }
            self.check_model(tenant, path(), id);
        }
    }

    fn check_model(&mut self, tenant: &Tenant, path: String, id: &ModelId) {
        match tenant.models.get(id) {
            None => self.add(path, format!("there is no model `{id}`: add it to the catalogue, or take it out")),
            Some(model) if !model.enabled => {
                self.add(path, format!("the model `{id}` is disabled: enable it, or take it out"));
            }
            Some(model) if !is_chat(model) => {
                self.add(path, format!("the model `{id}` does not answer with text: take it out"));
            }
            Some(_) if !tenant.is_routable(id) => self.add(path, proxy_only(id)),
            Some(_) => {}
        }
    }
}

/// Why a model of such a provider is nobody's candidate.
pub fn proxy_only(id: &ModelId) -> String {
    let provider = id.provider();
    format!(
        "the model `{id}` is of the provider `{provider}`, whose dialect is custom: it can be called through the \
         provider proxy only, so take it out"
    )
}

fn check_slug(tenant: &Tenant, policy: &Policy, problems: &mut Problems) {
    let slug = &policy.slug;
    if slug.is_empty() || Policy::slug_of(slug) != *slug {
        let message =
            format!("`{slug}` cannot be an alias: use lower-case letters and digits, with single `-` between");
        problems.add("slug", message);
    }
    if let Some(other) = tenant.policies.with_slug(slug).find(|it| it.id != policy.id) {
        problems.add("slug", format!("the policy `{}` already has the alias `{slug}`: choose another", other.name));
    }
}

/// Checks a strategy of a policy: its own, or one of its rules.
fn check_strategy(tenant: &Tenant, policy: &Policy, strategy: &Strategy, path: &str, problems: &mut Problems) {
    match strategy {
        Strategy::Single { model } => check_single(tenant, policy, model, format!("{path}.model"), problems),
        Strategy::Blend { blend } => blends::check_use(tenant, policy, blend, &format!("{path}.blend"), problems),
        Strategy::Optimal(it) => check_optimal(tenant, it, path, problems),
        Strategy::Priority {}
        | Strategy::Split {}
        | Strategy::LowestCost {}
        | Strategy::LeastLatency {}
        | Strategy::Intelligent { .. } => {}
    }
}

/// Abilities fall back to what is known of a model without its blend, so the blend need not cover any candidate.
fn check_optimal(tenant: &Tenant, optimal: &Optimal, path: &str, problems: &mut Problems) {
    if let Some(fault) = calibration_fault(tenant) {
        problems.add(path, fault);
    }
    if let Some(blend) = &optimal.blend {
        blends::check_there(tenant, blend, &format!("{path}.blend"), problems);
    }
}

fn check_single(tenant: &Tenant, policy: &Policy, model: &ModelId, path: String, problems: &mut Problems) {
    match &policy.candidates {
        Candidates::Listed(models) if !models.iter().any(|it| it.model == *model) => {
            let message = format!("`{model}` is not one of `models`: add it there, or name one of them");
            problems.add(path, message);
        }
        // Listed models have been checked where they are listed.
        Candidates::Listed(_) => {}
        Candidates::All => problems.check_model(tenant, path, model),
    }
}

/// A router needs something to choose wherever the rules of its policy lead.
fn check_common(tenant: &Tenant, router: &Router, policy: &Policy, problems: &mut Problems) {
    let only = Some(router.models.as_slice());
    for it in reachable(tenant, policy) {
        let has_choice = |strategy| {
            let plan = policy_plan(&mut Shelf::new(tenant), it, strategy, only);
            plan.entries.iter().any(|entry| entry.is_enabled() && entry.is_routable())
        };
        if !strategies(it).all(has_choice) {
            let message = format!(
                "no enabled model of the policy `{}` is in the router's `models`: add one to both, or choose another \
                 policy",
                it.name
            );
            problems.add("policy", message);
        }
    }
}

fn enabled_model<'a>(tenant: &'a Tenant, id: &ModelId) -> Option<&'a Model> {
    tenant.models.get(id).map(AsRef::as_ref).filter(|model| model.enabled)
}
