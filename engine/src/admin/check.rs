//! Examines a blend: who would win, how firmly, and on what that rests.

use std::sync::Arc;

use domain::{Blend, Object, ObjectKind, Policy, Tenant, Timestamp};
use policy::{BlendReport, Verdict, blend_check};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::check_blend_response as part;
use tonic::{Request, Status};

use super::{drafts, read};
use crate::auth::Caller;
use crate::shared::Shared;

pub(super) async fn check(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::CheckBlendRequest>,
) -> Result<pb::CheckBlendResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let held = if request.draft {
        drafts::find(shared, kind, &caller, Some(organisation.id.as_str()), &request.name).await?.1.object
    } else {
        read::find(shared, kind, Some(organisation.id.as_str()), &request.name, &caller)?
    };
    let Object::Blend(blend) = held else {
        return Err(Status::invalid_argument("name: is not that of a blend"));
    };
    let policy = match &request.policy {
        Some(name) => Some(policy(shared, organisation.id.as_str(), name, &caller)?),
        None => None,
    };
    let tenant = shared.registry.tenant(&organisation.id);
    let tenant = tenant.ok_or_else(|| Status::not_found("organisation: was removed meanwhile; name another one"))?;
    let now = shared.clock.wall();
    // Up to a thousand rankings for each kind of work: not on a thread that serves.
    let examined = tokio::task::spawn_blocking(move || {
        let report = blend_check(&tenant, &blend, policy.as_deref(), now);
        response(&tenant, &blend, report, now)
    });
    examined.await.map_err(|_| Status::internal("examining the blend was interrupted; try again"))
}

fn policy(shared: &Shared, organisation: &str, name: &str, caller: &Caller) -> Result<Arc<Policy>, Status> {
    let found = read::find(shared, ObjectKind::Policy, Some(organisation), name, caller);
    match found {
        Ok(Object::Policy(policy)) => Ok(policy),
        Ok(_) | Err(_) => Err(Status::not_found(format!(
            "policy: there is no policy `{name}`: give an id or a name that `List` shows"
        ))),
    }
}

fn response(tenant: &Tenant, blend: &Blend, report: BlendReport, now: Timestamp) -> pb::CheckBlendResponse {
    pb::CheckBlendResponse {
        low_evidence: low_evidence(tenant, blend, &report, now),
        ended_overrides: report.expired_overrides.iter().filter_map(|place| ended(tenant, blend, *place)).collect(),
        verdicts: report.verdicts.iter().map(verdict).collect(),
        candidates: report.candidates.iter().map(ToString::to_string).collect(),
        removed: report
            .removed
            .iter()
            .map(|it| part::Removed { model: it.model.to_string(), reason: it.reason.as_str().to_owned() })
            .collect(),
        stale: report.stale,
    }
}

fn verdict(it: &Verdict) -> part::Verdict {
    let texts = |models: &[domain::ModelId]| models.iter().map(ToString::to_string).collect();
    part::Verdict {
        capability: it.capability.map(|tag| tag.as_str().to_owned()),
        winner: it.winner.to_string(),
        score: it.score,
        standard_error: it.standard_error,
        ties: texts(&it.ties),
        stability: it.stability,
        imputed: it.imputed.clone(),
        not_significant: texts(&it.not_significant),
    }
}

/// The candidates' scores that rest on little, benchmark by benchmark; without those that an override replaces.
fn low_evidence(tenant: &Tenant, blend: &Blend, report: &BlendReport, now: Timestamp) -> Vec<part::LowEvidence> {
    let weighed = blend.weights.iter().filter(|it| it.weight > 0.0);
    let benchmarks = weighed.filter_map(|it| Some(tenant.scorecards.get(&it.benchmark)?.scorecard()));
    let replaced = |scorecard: &domain::Scorecard, model: &domain::ModelId| {
        blend.overrides.iter().any(|it| it.benchmark == scorecard.id && it.model == *model && it.is_active(now))
    };
    benchmarks
        .flat_map(|scorecard| {
            let cells = scorecard.cells.iter();
            let competing = cells.filter(|it| report.candidates.contains(&it.model) && !replaced(scorecard, &it.model));
            competing.filter_map(|cell| {
                let why = scorecards::low_evidence(scorecard, cell)?;
                Some(part::LowEvidence { benchmark: scorecard.label(), model: cell.model.to_string(), why })
            })
        })
        .collect()
}

fn ended(tenant: &Tenant, blend: &Blend, place: usize) -> Option<part::EndedOverride> {
    let it = blend.overrides.get(place)?;
    let benchmark = tenant.scorecards.get(&it.benchmark).map(|it| it.scorecard().label());
    Some(part::EndedOverride {
        place: u32::try_from(place).ok()?,
        benchmark: benchmark.unwrap_or_else(|| it.benchmark.to_string()),
        model: it.model.to_string(),
        ended_at_micros: it.expires_at?.unix_micros(),
    })
}
