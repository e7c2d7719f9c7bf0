//! What a blend, and a policy that uses one, must satisfy before it is saved.

use std::collections::BTreeSet;

use domain::{Blend, BlendId, Candidates, Model, ModelId, Policy, ScorecardId, Tenant};

use super::scorecards::score_fault;
use super::{Problem, Problems};

/// How far from 1 the weights may sum.
const SUM_TOLERANCE: f64 = 1e-6;
/// How many models a message names.
const NAMED: usize = 5;

/// Returns what is wrong with a blend, given everything else that the organisation has configured.
pub fn validate_blend(tenant: &Tenant, blend: &Blend) -> Vec<Problem> {
    let mut problems = Problems::default();
    problems.check_name(&blend.name);
    if tenant.blends.values().any(|it| it.id != blend.id && it.name == blend.name) {
        problems.add("name", format!("there is already a blend `{}`: choose another name", blend.name));
    }
    check_weights(tenant, blend, &mut problems);
    check_numbers(blend, &mut problems);
    check_overrides(tenant, blend, &mut problems);
    if let Some(id) = &blend.fallback_model {
        problems.check_model(tenant, "fallback_model".to_owned(), id);
    }
    if problems.0.is_empty() {
        check_coverage(tenant, blend, &mut problems);
    }
    problems.0
}

fn check_weights(tenant: &Tenant, blend: &Blend, problems: &mut Problems) {
    if blend.weights.is_empty() {
        return problems.add("weights", "is empty: weigh at least one benchmark");
    }
    let mut seen = BTreeSet::new();
    let mut are_sound = true;
    for (place, it) in blend.weights.iter().enumerate() {
        check_benchmark(tenant, format!("weights[{place}].benchmark"), &it.benchmark, problems);
        if !seen.insert(&it.benchmark) {
            let message = format!("`{}` is weighed twice: add the two weights up", shown(tenant, &it.benchmark));
            problems.add(format!("weights[{place}].benchmark"), message);
        }
        if !(it.weight.is_finite() && it.weight >= 0.0) {
            are_sound = false;
            let message = format!("{} is not a weight: write a number from 0 to 1", it.weight);
            problems.add(format!("weights[{place}].weight"), message);
        }
    }
    let sum: f64 = blend.weights.iter().map(|it| it.weight).sum();
    if are_sound && (sum - 1.0).abs() > SUM_TOLERANCE {
        // The sum as its writer would see it: 0.7 + 0.2 is no 0.8999999999999999.
        let shown = (sum * 1e9).round() / 1e9;
        problems.add("weights", format!("the weights sum to {shown}, not 1: {}", sum_cure(shown)));
    }
}

fn sum_cure(sum: f64) -> String {
    if sum > 0.0 { format!("divide each by {sum}") } else { "write weights above 0".to_owned() }
}

fn check_numbers(blend: &Blend, problems: &mut Problems) {
    let boost = blend.boost;
    if !(boost.is_finite() && boost >= 1.0) {
        problems.add("boost", format!("{boost} is not a boost: write a number from 1, which boosts nothing"));
    }
    let z = blend.z;
    if !(z.is_finite() && z >= 0.0) {
        problems.add("z", format!("{z} is not a number of standard errors: write a number from 0"));
    }
}

fn check_overrides(tenant: &Tenant, blend: &Blend, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (place, it) in blend.overrides.iter().enumerate() {
        let path = |field: &str| format!("overrides[{place}].{field}");
        if !blend.weights.iter().any(|weight| weight.benchmark == it.benchmark) {
            let name = shown(tenant, &it.benchmark);
            let message = format!("the blend does not weigh `{name}`: name one of its benchmarks, or take it out");
            problems.add(path("benchmark"), message);
        } else if !seen.insert((&it.benchmark, &it.model)) {
            let name = shown(tenant, &it.benchmark);
            let message = format!("`{}` is overridden twice in `{name}`: keep one of them", it.model);
            problems.add(path("model"), message);
        }
        if !tenant.models.contains_key(&it.model) {
            let message = format!("there is no model `{}`: add it to the catalogue, or take it out", it.model);
            problems.add(path("model"), message);
        }
        let fault = tenant.scorecards.get(&it.benchmark).and_then(|known| score_fault(known.scorecard(), it.score));
        if let Some(message) = fault {
            problems.add(path("score"), message);
        }
        for (field, text, cure) in [
            ("author", &it.author, "say who overrides the score"),
            ("reason", &it.reason, "say why the score is wrong"),
        ] {
            if text.trim().is_empty() {
                problems.add(path(field), format!("is empty: {cure}"));
            }
        }
    }
}

fn check_benchmark(tenant: &Tenant, path: String, id: &ScorecardId, problems: &mut Problems) {
    if !tenant.scorecards.contains_key(id) {
        problems.add(path, format!("there is no scorecard `{id}`: upload it first, or take its weight out"));
    }
}

/// At least one enabled model has a score in the blend.
fn check_coverage(tenant: &Tenant, blend: &Blend, problems: &mut Problems) {
    let scored = scored_models(tenant, blend);
    let known: Vec<&Model> = scored.iter().filter_map(|id| tenant.models.get(*id)).map(AsRef::as_ref).collect();
    if known.iter().any(|model| model.enabled) {
        return;
    }
    let names: Vec<String> = known.iter().take(NAMED).map(|model| format!("`{}`", model.id)).collect();
    let message = if names.is_empty() {
        "no model of the catalogue has a score in these benchmarks: add such a model, or other benchmarks".to_owned()
    } else {
        format!("every model with a score in these benchmarks is disabled: enable one of {}", names.join(", "))
    };
    problems.add("weights", message);
}

fn scored_models<'a>(tenant: &'a Tenant, blend: &'a Blend) -> BTreeSet<&'a ModelId> {
    let weighed = blend.weights.iter().filter(|it| it.weight > 0.0);
    let benchmarks = weighed.filter_map(|it| tenant.scorecards.get(&it.benchmark));
    let scored = benchmarks.flat_map(|it| it.readings().iter().map(|(model, _)| model));
    scored.chain(blend.overrides.iter().map(|it| &it.model)).collect()
}

fn shown(tenant: &Tenant, id: &ScorecardId) -> String {
    tenant.scorecards.get(id).map_or_else(|| id.to_string(), |known| known.scorecard().label())
}

/// A policy's blend is there.
pub(super) fn check_there<'a>(
    tenant: &'a Tenant,
    id: &BlendId,
    path: &str,
    problems: &mut Problems,
) -> Option<&'a Blend> {
    let blend = tenant.blends.get(id).map(AsRef::as_ref);
    if blend.is_none() {
        problems.add(path, format!("there is no blend `{id}`: create it first, or name another"));
    }
    blend
}

/// Returns what is wrong with a policy that ranks by a blend; `path` is where it says so.
pub fn validate_blend_use(tenant: &Tenant, policy: &Policy, id: &BlendId, path: &str) -> Vec<Problem> {
    let mut problems = Problems::default();
    check_use(tenant, policy, id, path, &mut problems);
    problems.0
}

/// A policy's blend is there and covers one of the policy's models, or falls back to one.
pub(super) fn check_use(tenant: &Tenant, policy: &Policy, id: &BlendId, path: &str, problems: &mut Problems) {
    let Some(blend) = check_there(tenant, id, path, problems) else {
        return;
    };
    let Candidates::Listed(models) = &policy.candidates else {
        return;
    };
    let is_candidate = |id: &ModelId| models.iter().any(|it| it.model == *id);
    if let Some(fallback) = blend.fallback_model.as_ref().filter(|id| !is_candidate(id)) {
        let message = format!(
            "the fallback model `{fallback}` of the blend `{}` is not one of `models`: add it, or change the blend",
            blend.name
        );
        problems.add(path, message);
    } else if blend.fallback_model.is_none() && !scored_models(tenant, blend).into_iter().any(is_candidate) {
        let message = format!(
            "none of `models` has a score in the blend `{}`: add a scored model, or give the blend a `fallback_model`",
            blend.name
        );
        problems.add(path, message);
    }
}
