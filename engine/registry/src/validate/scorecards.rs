//! Checks scorecards and blends by the rules of the crate `policy`, and that what refers to them finds them.

use domain::{BlendId, ObjectKind, Policy, ScorecardId, SourceKind};
use policy::UnknownModels;

use super::{Findings, NamedModel, Proposed, Subject, named_model};

pub(super) fn check(proposed: &Proposed<'_>, findings: &mut Findings) {
    let tenant = proposed.tenant;
    let reached = proposed.reach.ids(ObjectKind::Scorecard);
    for scorecard in reached.filter_map(|id| tenant.scorecards.get(id)).map(|it| it.scorecard()) {
        // Nothing else can make a scorecard wrong: scores of models that are gone are simply not read.
        if !(proposed.saved)(ObjectKind::Scorecard, scorecard.id.as_str()) {
            continue;
        }
        let label = scorecard.label();
        let subject = &mut findings.about(ObjectKind::Scorecard, &scorecard.id, &label);
        // A published table names many models; one of our own names ours.
        let unknown = match scorecard.source.kind {
            SourceKind::Published => UnknownModels::Kept,
            SourceKind::Eval | SourceKind::Uploaded => UnknownModels::Refused,
        };
        for problem in policy::validate_scorecard(tenant, scorecard, unknown) {
            subject.fault(problem.path, problem.message);
        }
    }
    for blend in proposed.reach.ids(ObjectKind::Blend).filter_map(|id| tenant.blends.get(id)) {
        let saved = (proposed.saved)(ObjectKind::Blend, blend.id.as_str());
        let subject = &mut findings.about(ObjectKind::Blend, &blend.id, &blend.name);
        let problems = policy::validate_blend(tenant, blend);
        if saved {
            for problem in problems {
                subject.fault(problem.path, problem.message);
            }
            continue;
        }
        for (place, weight) in blend.weights.iter().enumerate() {
            check_scorecard(proposed, &weight.benchmark, &format!("weights[{place}].benchmark"), subject);
        }
        if let Some(model) = &blend.fallback_model {
            match named_model(tenant, model) {
                NamedModel::Fine => {}
                NamedModel::Unknown(message) | NamedModel::ProxyOnly(message) => {
                    subject.fault("fallback_model", message);
                }
                NamedModel::Disabled => {
                    subject.warn("fallback_model", format!("the model `{model}` is disabled and will be skipped"));
                }
            }
        }
        // A blend may lose one of its models, but not the last one with a score.
        for problem in problems.into_iter().filter(|it| it.path == "weights") {
            subject.fault(problem.path, problem.message);
        }
    }
}

/// What refers to a scorecard must find it.
pub(super) fn check_scorecard(proposed: &Proposed<'_>, id: &ScorecardId, field: &str, subject: &mut Subject<'_>) {
    if !proposed.tenant.scorecards.contains_key(id) {
        let gone = proposed.before.scorecards.get(id).map(|it| it.scorecard().label());
        let name = gone.unwrap_or_else(|| id.to_string());
        subject.fault(field, format!("there is no scorecard `{name}`: let it name another scorecard first"));
    }
}

/// What refers to a blend must find it; tells whether it does.
pub(super) fn check_blend(proposed: &Proposed<'_>, id: &BlendId, field: &str, subject: &mut Subject<'_>) -> bool {
    let is_there = proposed.tenant.blends.contains_key(id);
    if !is_there {
        let name = proposed.before.blends.get(id).map_or(id.as_str(), |gone| &gone.name);
        subject.fault(field, format!("there is no blend `{name}`: let it name another blend first"));
    }
    is_there
}

/// A policy's blend is there, and can choose one of its models.
pub(super) fn check_blend_use(
    proposed: &Proposed<'_>,
    policy: &Policy,
    id: &BlendId,
    field: &str,
    subject: &mut Subject<'_>,
) {
    if !check_blend(proposed, id, field, subject) {
        return;
    }
    for problem in policy::validate_blend_use(proposed.tenant, policy, id, field) {
        subject.fault(problem.path, problem.message);
    }
}
