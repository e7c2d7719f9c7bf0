//! `Replay`: makes a recorded decision again, under the configuration that the record names, and compares the two.

use std::sync::Arc;

use domain::{OrganisationId, RecordFilter, RequestId, RequestRecord, SnapshotVersion, Tenant};
use proto::pb::admin::v1 as pb;
use tonic::Status;

use crate::auth::Caller;
use crate::records::{read, reader};
use crate::shared::Shared;
use crate::status;

pub(crate) async fn replay(
    shared: &Shared,
    caller: &Caller,
    request: &pb::ReplayRequest,
) -> Result<pb::ReplayResponse, Status> {
    let row = find(shared, caller, request).await?.finished;
    let Some(decision) = row.decision else {
        return Ok(fault(Vec::new(), "the request was refused before a decision was made"));
    };
    let recorded = serde_json::to_vec(&decision).map_err(|error| Status::internal(error.to_string()))?;
    let Some(arguments) = row.arguments else {
        return Ok(fault(recorded, "the record is of a version that did not keep what its decision was made of"));
    };
    let tenant = match tenant_at(shared, &row.started.organisation, decision.snapshot).await? {
        Ok(tenant) => tenant,
        Err(why) => return Ok(fault(recorded, &why)),
    };
    Ok(match policy::replay(&tenant, &decision, &arguments) {
        Ok(made) => pb::ReplayResponse {
            identical: made.is_identical(),
            recorded_json: made.recorded,
            replayed_json: made.replayed,
            fault: None,
        },
        Err(failure) => fault(recorded, &failure.to_string()),
    })
}

fn fault(recorded_json: Vec<u8>, why: &str) -> pb::ReplayResponse {
    pb::ReplayResponse { recorded_json, fault: Some(why.to_owned()), ..Default::default() }
}

async fn find(shared: &Shared, caller: &Caller, request: &pb::ReplayRequest) -> Result<RequestRecord, Status> {
    let id = RequestId::parse(&request.request).map_err(|error| {
        Status::invalid_argument(format!("request: {error}; `signalbox logs` shows the ids of requests"))
    })?;
    let organisation = match (caller, request.organisation.as_deref()) {
        (Caller::Operator, None) => None,
        (_, named) => Some(shared.organisation(named, caller)?.id.clone()),
    };
    let filter = RecordFilter { organisation, request: Some(id), limit: 1, ..RecordFilter::default() };
    let rows = read(reader(shared)?.list(filter)).await?;
    rows.into_iter().next().ok_or_else(|| {
        Status::not_found(format!(
            "request: the ledger has no `{id}`; one that has just ended is there within a second"
        ))
    })
}

/// What an organisation had configured at a version, or why that is not known.
pub(crate) async fn tenant_at(
    shared: &Shared,
    organisation: &OrganisationId,
    version: SnapshotVersion,
) -> Result<Result<Arc<Tenant>, String>, Status> {
    if version.epoch != shared.registry.version().epoch {
        return Ok(Err("the decision was made under the configuration of another registry".to_owned()));
    }
    let tenant = shared.registry.tenant_at(organisation, version.revision).await;
    let tenant = tenant.map_err(|failure| status::of_registry(&failure))?;
    Ok(tenant.ok_or_else(|| format!("the configuration of then, revision {}, is no longer known", version.revision)))
}
