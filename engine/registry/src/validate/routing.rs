//! Checks policies, routers, projects and the organisation's default: what they name exists and can be chosen.

use std::collections::{BTreeSet, HashSet};

use domain::{
    Calibration, Candidates, CredentialSource, ModelId, ObjectKind, Optimal, Policy, PolicyId, Provider, Router,
    Strategy, Tenant,
};

use super::{Findings, NamedModel, Proposed, Subject, named_model, scorecards, spending};

/// Weights are relative: more would only lose digits.
const MOST_WEIGHT: f64 = 1_000_000.0;

pub(super) fn check(proposed: &Proposed<'_>, findings: &mut Findings) {
    let tenant = proposed.tenant;
    for policy in proposed.reach.ids(ObjectKind::Policy).filter_map(|id| tenant.policies.get(id)) {
        let saved = (proposed.saved)(ObjectKind::Policy, policy.id.as_str());
        let subject = &mut findings.about(ObjectKind::Policy, &policy.id, &policy.name);
        check_candidates(tenant, policy, saved, subject);
        check_strategy(proposed, policy, &policy.strategy, "strategy", subject);
        check_rules(proposed, policy, saved, subject);
    }
    for router in proposed.reach.ids(ObjectKind::Router).filter_map(|id| tenant.routers.get(id)) {
        let saved = (proposed.saved)(ObjectKind::Router, router.id.as_str());
        let subject = &mut findings.about(ObjectKind::Router, &router.id, &router.name);
        check_models(tenant, "models", &router.models, saved, subject);
        check_router_policy(proposed, router, subject);
        check_sources(tenant, router, saved, subject);
        for (place, id) in router.scorecards.iter().enumerate() {
            scorecards::check_scorecard(proposed, id, &format!("scorecards[{place}]"), subject);
        }
    }
    for project in proposed.reach.ids(ObjectKind::Project).filter_map(|id| tenant.projects.get(id)) {
        let subject = &mut findings.about(ObjectKind::Project, &project.id, &project.name);
        check_policy(proposed, "policy", project.policy.as_ref(), subject);
        spending::check_budget(project.budget.as_ref(), subject);
    }
    let organisation = &tenant.organisation;
    let subject = &mut findings.about(ObjectKind::Organisation, &organisation.id, &organisation.name);
    check_policy(proposed, "default_policy", organisation.default_policy.as_ref(), subject);
    spending::check_budget(organisation.budget.as_ref(), subject);
    spending::check_body_logging(organisation.body_logging.as_ref(), subject);
    if let Some(fault) = organisation.calibration.as_ref().and_then(Calibration::fault) {
        subject.fault("calibration", fault);
    }
}

/// What refers to a policy must find it.
pub(super) fn check_policy(proposed: &Proposed<'_>, field: &str, policy: Option<&PolicyId>, subject: &mut Subject<'_>) {
    if let Some(id) = policy.filter(|id| !proposed.tenant.policies.contains_key(*id)) {
        let name = proposed.before.policies.get(id).map_or(id.as_str(), |gone| &gone.name);
        subject.fault(field, format!("there is no policy `{name}`: let it name another policy first"));
    }
}

fn check_candidates(tenant: &Tenant, policy: &Policy, saved: bool, subject: &mut Subject<'_>) {
    let Candidates::Listed(listed) = &policy.candidates else {
        return;
    };
    let models: Vec<ModelId> = listed.iter().map(|it| it.model.clone()).collect();
    check_models(tenant, "models", &models, saved, subject);
    for (index, candidate) in listed.iter().enumerate() {
        if let Some(weight) = candidate.weight.filter(|it| !(*it > 0.0 && *it <= MOST_WEIGHT)) {
            let message = format!("{weight} is not a weight: expected a number above 0, at most {MOST_WEIGHT}");
            subject.fault(format!("models[{index}].weight"), message);
        }
    }
}

/// Each model exists, is enabled and stands once; an object that is not being saved may lose some but not all.
fn check_models(tenant: &Tenant, field: &str, models: &[ModelId], saved: bool, subject: &mut Subject<'_>) {
    if models.is_empty() {
        return subject.fault(field, "names no model: name at least one");
    }
    let (mut seen, mut enabled) = (HashSet::new(), 0);
    let mut disabled = Vec::new();
    for (index, id) in models.iter().enumerate() {
        let field = format!("{field}[{index}]");
        if !seen.insert(id) {
            subject.fault(&field, format!("`{id}` is named twice: keep one of them"));
        }
        match named_model(tenant, id) {
            NamedModel::Fine => enabled += 1,
            NamedModel::Unknown(message) | NamedModel::ProxyOnly(message) => subject.fault(field, message),
            NamedModel::Disabled => disabled.push((field, id)),
        }
    }
    for (field, id) in disabled {
        if saved || enabled == 0 {
            subject.fault(field, format!("the model `{id}` is disabled: enable it, or name another"));
        } else {
            subject.warn(field, format!("the model `{id}` is disabled and will be skipped"));
        }
    }
}

/// Checks a strategy of a policy: its own, or one of its rules.
fn check_strategy(
    proposed: &Proposed<'_>,
    policy: &Policy,
    strategy: &Strategy,
    field: &str,
    subject: &mut Subject<'_>,
) {
    match strategy {
        Strategy::Single { model } => check_single(proposed.tenant, policy, model, &format!("{field}.model"), subject),
        Strategy::Blend { blend } => {
            scorecards::check_blend_use(proposed, policy, blend, &format!("{field}.blend"), subject);
        }
        Strategy::Optimal(optimal) => check_optimal(proposed, optimal, field, subject),
        Strategy::Priority {}
        | Strategy::Split {}
        | Strategy::LowestCost {}
        | Strategy::LeastLatency {}
        | Strategy::Intelligent { .. } => {}
    }
}

/// Abilities fall back to what is known of a model without its blend, so the blend need not cover any candidate.
fn check_optimal(proposed: &Proposed<'_>, optimal: &Optimal, field: &str, subject: &mut Subject<'_>) {
    if let Some(fault) = policy::calibration_fault(proposed.tenant) {
        subject.fault(field, fault);
    }
    if let Some(blend) = &optimal.blend {
        scorecards::check_blend(proposed, blend, &format!("{field}.blend"), subject);
    }
}

fn check_single(tenant: &Tenant, policy: &Policy, model: &ModelId, field: &str, subject: &mut Subject<'_>) {
    match named_model(tenant, model) {
        NamedModel::Fine => {}
        NamedModel::Unknown(message) | NamedModel::ProxyOnly(message) => subject.fault(field, message),
        NamedModel::Disabled => {
            let message = format!("the model `{model}` is disabled: enable it, or name another");
            subject.fault(field, message);
        }
    }
    if let Candidates::Listed(listed) = &policy.candidates
        && !listed.iter().any(|it| it.model == *model)
    {
        subject.fault(field, format!("`{model}` is not among the policy's models: add it to `models`"));
    }
}

/// What is saved must be right in itself. What is left alone must still find the policies and models to which it
/// refers; whether policies lead in a circle is for that one of them to answer that is saved.
fn check_rules(proposed: &Proposed<'_>, policy: &Policy, saved: bool, subject: &mut Subject<'_>) {
    if saved {
        for problem in policy::validate_rules(proposed.tenant, policy) {
            subject.fault(problem.path, problem.message);
        }
        return;
    }
    for (place, rule) in policy.rules.declared().iter().enumerate() {
        check_policy(proposed, &format!("rules[{place}].use.policy"), rule.policy(), subject);
        if let Some(strategy) = rule.strategy() {
            check_strategy(proposed, policy, strategy, &format!("rules[{place}].use.strategy"), subject);
        }
    }
}

fn check_router_policy(proposed: &Proposed<'_>, router: &Router, subject: &mut Subject<'_>) {
    let tenant = proposed.tenant;
    check_policy(proposed, "policy", router.policy.as_ref(), subject);
    let Some(policy) = router.policy.as_ref().and_then(|id| tenant.policies.get(id)) else {
        return;
    };
    // Wherever the policy's rules lead there must be something to choose.
    for it in policy::reachable(tenant, policy) {
        let has_choice = |strategy: &Strategy| match (strategy, &it.candidates) {
            (Strategy::Single { model }, _) => router.models.contains(model),
            (_, Candidates::All) => true,
            (_, Candidates::Listed(listed)) => listed.iter().any(|it| router.models.contains(&it.model)),
        };
        if !policy::strategies(it).all(has_choice) {
            let message = format!("the policy `{}` can choose none of the router's models: add one to both", it.name);
            subject.fault("policy", message);
        }
    }
}

/// Every provider that the router's models use has a secret where the router looks for one, or needs none; sources are
/// given for no other.
fn check_sources(tenant: &Tenant, router: &Router, saved: bool, subject: &mut Subject<'_>) {
    let used: BTreeSet<&str> = router.models.iter().map(ModelId::provider).collect();
    for slug in router.credentials.keys().filter(|slug| !used.contains(slug.as_str())) {
        let message = format!("none of the router's models is of provider `{slug}`: remove it, or add such a model");
        subject.fault(format!("credentials.{slug}"), message);
    }
    for provider in used.into_iter().filter_map(|slug| tenant.providers.get(slug)) {
        let source = router.credentials.get(&provider.slug).copied();
        if let Some(message) = source_fault(tenant, provider, source, saved) {
            subject.fault(format!("credentials.{}", provider.slug), message);
        }
    }
}

/// What is wrong with taking a provider's secret from there, if anything is.
fn source_fault(tenant: &Tenant, provider: &Provider, source: Option<CredentialSource>, saved: bool) -> Option<String> {
    let slug = &provider.slug;
    let has = |source| tenant.credentials_of(slug).any(|it| it.owner.source() == source);
    let (managed, user) = (has(CredentialSource::Managed), has(CredentialSource::User));
    match source {
        Some(CredentialSource::User) if !user => Some(format!(
            "provider `{slug}` has no key of the organisation or a user: add a credential with `owner = \"org\"`, or \
             write \"managed\""
        )),
        // A key that came later stands beside the platform's; the router was right when it was saved.
        Some(CredentialSource::Managed) if user && saved => Some(format!(
            "provider `{slug}` has a key of the organisation or a user, which \"managed\" forbids: write \"user\", or \
             remove that key"
        )),
        None if user && !managed && !provider.allow_anonymous => {
            Some(format!("provider `{slug}` has a key of the organisation or a user only: write \"user\" to use it"))
        }
        None | Some(CredentialSource::Managed) if !managed && !provider.allow_anonymous => Some(format!(
            "provider `{slug}`, which the router's models use, has no credential: add one under \
             `providers`, or remove its models"
        )),
        None | Some(_) => None,
    }
}
