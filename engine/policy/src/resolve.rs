//! Which policy applies to a request: the router of its path, its key's configuration, the policy it names, its
//! project's or organisation's default, or the model it names. The first that matches wins.

use domain::{ApiKey, ModelId, Policy, Project, ProjectId, Route, Router, Tenant};

use crate::plan::{Source, plan, policy_of, source};
use crate::refusal::{Refusal, quoted};
use crate::rules::{reachable, strategies};

/// Values of `model` that leave the choice to a policy.
const AUTOMATIC: [&str; 3] = ["auto", "default_routing", "dari/routing"];
/// What comes before the slug when `model` names a policy.
const ALIAS: &str = "@alias/";
/// How long a request's own list of models may be.
const MODELS_LIMIT: usize = 256;

/// What a request says about where it wants to go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// The router of the path.
    pub router: Option<&'a str>,
    /// The body's `model`, as written.
    pub model: Option<&'a str>,
    /// The body's `routing_policy_id`, else the header's.
    pub routing_policy_id: Option<&'a str>,
    /// The body's `models`; empty = none.
    pub models: &'a [String],
    /// The body's `project_id`, else the header's.
    pub project: Option<&'a str>,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Where its candidates come from.
    pub route: Route,
    /// The project it is attributed to.
    pub project: Option<ProjectId>,
    /// The candidates that its `models` leaves, for `Constraints::models`; empty = no such limit. A list that is itself
    /// the route limits nothing further.
    pub models: Vec<ModelId>,
}

/// Finds what applies to a request.
///
/// # Errors
/// A [`Refusal`] when the request names something that does not exist, is not the key's, or leaves no candidate.
pub fn resolve(tenant: &Tenant, key: &ApiKey, ask: &Ask<'_>) -> Result<Resolved, Refusal> {
    let project = project_of(tenant, key, ask.project)?;
    if ask.models.len() > MODELS_LIMIT {
        return Err(Refusal::TooManyModels { count: ask.models.len(), limit: MODELS_LIMIT });
    }
    let named = ask.model.filter(|text| !AUTOMATIC.contains(text));
    let restricted =
        |route| Ok(Resolved { models: in_common(tenant, &route, ask.models)?, route, project: project.clone() });
    let exactly = |route| Ok(Resolved { route, project: project.clone(), models: Vec::new() });

    if let Some(text) = ask.router {
        return restricted(Route::Router(router_of(tenant, text, named)?.id.clone()));
    }
    // An inactive configuration is kept but not enforced.
    if let Some(routing) = key.routing.as_ref().filter(|routing| routing.active) {
        return restricted(Route::Policy(policy_of(tenant, &routing.policy, "the key")?.id.clone()));
    }
    if let Some(policy) = asked_policy(tenant, named, ask.routing_policy_id)? {
        return restricted(Route::Policy(policy.id.clone()));
    }
    if !ask.models.is_empty() {
        return exactly(Route::List(own_list(tenant, ask.models)?));
    }
    match named {
        None => exactly(Route::Policy(default_policy(tenant, project.as_ref())?.id.clone())),
        Some(text) => exactly(Route::Direct(direct_model(tenant, text)?)),
    }
}

/// The project named by the request, else the key's. A key that belongs to a project speaks for no other.
fn project_of(tenant: &Tenant, key: &ApiKey, asked: Option<&str>) -> Result<Option<ProjectId>, Refusal> {
    let Some(text) = asked else {
        return Ok(key.project.clone());
    };
    let Some(project) = tenant.projects.get(text) else {
        return Err(Refusal::ProjectNotFound { project: quoted(text) });
    };
    if key.project.as_ref().is_some_and(|own| *own != project.id) {
        return Err(Refusal::ProjectNotAllowed { project: quoted(text) });
    }
    Ok(Some(project.id.clone()))
}

/// The router of the path. A model named beside it is a hint, but must be one of the router's.
fn router_of<'a>(tenant: &'a Tenant, text: &str, hint: Option<&str>) -> Result<&'a Router, Refusal> {
    let router = tenant.routers.get(text).ok_or_else(|| Refusal::RouterNotFound { router: quoted(text) })?;
    match hint {
        Some(hint) if !router.models.iter().any(|id| is_named(id, hint)) => Err(Refusal::ModelNotInRouter {
            model: quoted(hint),
            router: router.name.clone(),
            models: router.models.clone(),
        }),
        _ => Ok(router),
    }
}

/// The policy that the request names by `@alias/<slug>` or by `routing_policy_id`.
fn asked_policy<'a>(
    tenant: &'a Tenant,
    named: Option<&str>,
    policy_id: Option<&str>,
) -> Result<Option<&'a Policy>, Refusal> {
    let slug = named.and_then(|text| text.strip_prefix(ALIAS));
    let by_slug = slug.map(|slug| policy_with_slug(tenant, slug)).transpose()?;
    let by_id = policy_id.map(|text| policy_with_id(tenant, text)).transpose()?;
    match (by_slug, by_id) {
        (Some(alias), Some(policy)) if alias.id != policy.id => {
            Err(Refusal::PoliciesDiffer { alias: alias.slug.clone(), policy: policy.slug.clone() })
        }
        (by_slug, by_id) => Ok(by_slug.or(by_id)),
    }
}

fn policy_with_slug<'a>(tenant: &'a Tenant, slug: &str) -> Result<&'a Policy, Refusal> {
    let found = tenant.policies.with_slug(slug).next();
    found.map(AsRef::as_ref).ok_or_else(|| Refusal::PolicyNotFound { policy: quoted(slug), param: "model" })
}

fn policy_with_id<'a>(tenant: &'a Tenant, text: &str) -> Result<&'a Policy, Refusal> {
    let found = tenant.policy_named(text);
    found.map(AsRef::as_ref).ok_or_else(|| Refusal::PolicyNotFound { policy: quoted(text), param: "routing_policy_id" })
}

fn default_policy<'a>(tenant: &'a Tenant, project: Option<&ProjectId>) -> Result<&'a Policy, Refusal> {
    let project: Option<&Project> = project.and_then(|id| tenant.projects.get(id)).map(AsRef::as_ref);
    if let Some(id) = project.and_then(|project| project.policy.as_ref()) {
        return policy_of(tenant, id, "the project");
    }
    let id = tenant.organisation.default_policy.as_ref().ok_or(Refusal::ModelRequired)?;
    policy_of(tenant, id, "the organisation")
}

/// The candidates of a route that the request's `models` names; empty when it names none at all.
fn in_common(tenant: &Tenant, route: &Route, models: &[String]) -> Result<Vec<ModelId>, Refusal> {
    if models.is_empty() {
        return Ok(Vec::new());
    }
    let source = source(tenant, route)?;
    let candidates = possible_candidates(tenant, source);
    let is_wanted = |id: &&ModelId| models.iter().any(|text| is_named(id, text));
    let common: Vec<ModelId> = candidates.iter().copied().filter(is_wanted).cloned().collect();
    if common.is_empty() {
        return Err(Refusal::NothingInCommon {
            scope: plan(tenant, source).scope().to_owned(),
            candidates: candidates.into_iter().cloned().collect(),
        });
    }
    Ok(common)
}

/// Every model that could be a candidate, whichever rules hold; each once.
fn possible_candidates<'a>(tenant: &'a Tenant, source: Source<'a>) -> Vec<&'a ModelId> {
    let mut candidates: Vec<&ModelId> = Vec::new();
    let mut add = |source| {
        let plan = plan(tenant, source);
        for id in plan.entries.iter().map(|entry| entry.id) {
            if !candidates.contains(&id) {
                candidates.push(id);
            }
        }
    };
    match source {
        Source::Policy { policy, router, .. } => {
            for policy in reachable(tenant, policy) {
                strategies(policy).for_each(|strategy| add(Source::Policy { policy, strategy, router }));
            }
        }
        Source::Router(_) | Source::List(_) | Source::Direct(_) => add(source),
    }
    candidates
}

/// The request's `models` as a list of its own, in its order, each once. Disabled ones stay: they are skipped later,
/// and the record says so.
fn own_list(tenant: &Tenant, models: &[String]) -> Result<Vec<ModelId>, Refusal> {
    let mut list: Vec<ModelId> = Vec::with_capacity(models.len());
    for (place, text) in models.iter().enumerate() {
        let id = match tenant.models.get(text.as_str()) {
            Some(model) => model.id.clone(),
            None => bare_model(tenant, text, || format!("models[{place}]"))?,
        };
        if !list.contains(&id) {
            list.push(id);
        }
    }
    Ok(list)
}

/// The enabled model that a request names.
fn direct_model(tenant: &Tenant, text: &str) -> Result<ModelId, Refusal> {
    match tenant.models.get(text) {
        Some(model) if model.enabled => Ok(model.id.clone()),
        Some(_) => Err(Refusal::ModelNotFound { model: quoted(text), param: "model".to_owned() }),
        None => bare_model(tenant, text, || "model".to_owned()),
    }
}

/// The one enabled model that has this name at its provider.
fn bare_model(tenant: &Tenant, text: &str, param: impl Fn() -> String) -> Result<ModelId, Refusal> {
    let mut matches = tenant.models.named(text).filter(|model| model.enabled);
    let Some(first) = matches.next() else {
        return Err(Refusal::ModelNotFound { model: quoted(text), param: param() });
    };
    let others: Vec<ModelId> = matches.map(|model| model.id.clone()).collect();
    if others.is_empty() {
        return Ok(first.id.clone());
    }
    let matches = std::iter::once(first.id.clone()).chain(others).collect();
    Err(Refusal::ModelAmbiguous { model: quoted(text), matches, param: param() })
}

/// Whether a text names a model, in full or without its provider.
fn is_named(id: &ModelId, text: &str) -> bool {
    id.as_str() == text || id.native() == text
}
