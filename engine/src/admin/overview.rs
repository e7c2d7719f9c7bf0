//! Tells how the engine is: versions, queue, watchers, counts.

use domain::{ObjectKind, Snapshot};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use tonic::{Request, Status};

use crate::auth::Caller;
use crate::shared::Shared;

pub(super) fn status(shared: &Shared) -> pb::StatusResponse {
    let snapshot = shared.registry.snapshot();
    let uptime = shared.clock.monotonic().saturating_sub(shared.started);
    let watchers = shared.limits.watchers.saturating_sub(shared.watchers.available_permits());
    pb::StatusResponse {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        version: Some(snapshot.version.into()),
        scorer_version: shared.scorers.serving().version().to_string(),
        scorer_healthy: shared.batcher.is_healthy(),
        queued: count(shared.batcher.waiting()),
        queue_capacity: count(shared.limits.queue),
        watchers: count(watchers),
        uptime_micros: u64::try_from(uptime.as_micros()).unwrap_or(u64::MAX),
        counts: counts(&snapshot),
        has_records: shared.records.is_some(),
        scorer_faults: shared.scorers.faults(),
        scorer_shadow: shared.scorers.shadow().map(|shadow| shadow.version().to_string()),
    }
}

/// Which provider secrets are not healthy.
pub(super) fn credential_states(
    shared: &Shared,
    request: &Request<pb::CredentialStatesRequest>,
) -> Result<pb::CredentialStatesResponse, Status> {
    let caller = Caller::of(request)?;
    let organisation = shared.organisation(request.get_ref().organisation.as_deref(), &caller)?;
    let states = shared.credential_states.of(&organisation.id, shared.clock.wall());
    Ok(pb::CredentialStatesResponse { credentials: states.iter().map(Into::into).collect() })
}

fn counts(snapshot: &Snapshot) -> Vec<pb::KindCount> {
    let tenants = || snapshot.tenants.values();
    ObjectKind::ALL
        .into_iter()
        .map(|kind| {
            let count = match kind {
                ObjectKind::Pepper => usize::from(snapshot.pepper.is_some()),
                ObjectKind::Organisation => tenants().count(),
                ObjectKind::Project => tenants().map(|it| it.projects.len()).sum(),
                ObjectKind::Provider => tenants().map(|it| it.providers.len()).sum(),
                ObjectKind::Credential => tenants().map(|it| it.credentials.len()).sum(),
                ObjectKind::Model => tenants().map(|it| it.models.len()).sum(),
                ObjectKind::Scorecard => tenants().map(|it| it.scorecards.len()).sum(),
                ObjectKind::Blend => tenants().map(|it| it.blends.len()).sum(),
                ObjectKind::Policy => tenants().map(|it| it.policies.len()).sum(),
                ObjectKind::Router => tenants().map(|it| it.routers.len()).sum(),
                ObjectKind::Key => snapshot.keys.len(),
            };
            pb::KindCount { kind: object::ObjectKind::from(kind).into(), count: count as u64 }
        })
        .collect()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
