//! Applies a desired configuration, and imports models as one. What is wrong with a document is data, not a status:
//! the operator sees all of it at once.

use domain::desired::ModelSpec;
use domain::{Desired, Diff, OrganisationId, Tenant};
use proto::pb::admin::v1 as pb;
use registry::{ApplyError, ImportFilter, ImportReport, Terms, import_catalogue};
use tonic::{Request, Status};
use tracing::info;

use super::change;
use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

/// Rows left out that are named one by one.
const NAMED_SKIPS: usize = 20;

type Applied = (Option<Diff>, Vec<pb::Fault>);

pub(super) async fn apply(shared: &Shared, request: Request<pb::ApplyRequest>) -> Result<pb::ApplyResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    // The error of serde names the place, never the value: secrets stay out of it.
    let desired: Desired = serde_json::from_slice(&request.document_json)
        .map_err(|error| Status::invalid_argument(format!("document_json: {}", without_values(&error))))?;
    let terms = change::terms(shared, &caller, "configuration", &request.etag, &request.idempotency_key, &request)?;
    // Of a dry run, what it was told upon, or older: a change upon it then cannot miss what came meanwhile.
    let before = shared.registry.configuration_etag();
    let (diff, faults) = commit(shared, &organisation.id, &desired, request.dry_run, terms).await?;
    let etag = if request.dry_run { before } else { shared.registry.configuration_etag() }.to_string();
    Ok(pb::ApplyResponse { diff: diff.as_ref().map(Into::into), faults, etag })
}

pub(super) async fn import_models(
    shared: &Shared,
    request: Request<pb::ImportModelsRequest>,
) -> Result<pb::ImportModelsResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let terms = change::terms(shared, &caller, "catalogue", "", &request.idempotency_key, &request)?;
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let tenant = shared
        .registry
        .tenant(&organisation.id)
        .ok_or_else(|| Status::not_found("organisation: was removed meanwhile; name another one"))?;
    let providers = if request.providers.is_empty() {
        tenant.providers.keys().map(ToString::to_string).collect()
    } else {
        request.providers
    };
    if providers.is_empty() {
        return Err(Status::failed_precondition("providers: none is configured; apply one first"));
    }
    let file = request.catalogue;
    // Megabytes of JSON: not on a thread that serves.
    let read = tokio::task::spawn_blocking(move || import_catalogue(&file, &ImportFilter { providers })).await;
    let report = read
        .map_err(|_| Status::internal("catalogue: reading it was interrupted; try again"))?
        .map_err(|error| Status::invalid_argument(format!("catalogue: {error}")))?;
    let mut warnings = warnings(&report);
    if report.models.is_empty() {
        warnings.push("no model of the file is of a configured provider: name one with `--provider`".to_owned());
    }
    let models = report.models.into_iter().map(|model| keep_decisions(model, &tenant, &request.source)).collect();
    let desired = Desired { models, ..Desired::default() };
    let (mut diff, faults) = commit(shared, &organisation.id, &desired, request.dry_run, terms).await?;
    if let Some(diff) = &mut diff {
        diff.warnings.extend(warnings);
    }
    Ok(pb::ImportModelsResponse { diff: diff.as_ref().map(Into::into), faults })
}

async fn commit(
    shared: &Shared,
    organisation: &OrganisationId,
    desired: &Desired,
    dry_run: bool,
    terms: Terms,
) -> Result<Applied, Status> {
    match shared.registry.apply(organisation, desired, dry_run, terms).await {
        Ok(diff) => {
            info!(%organisation, dry_run, lines = diff.lines.len(), "configuration applied");
            Ok((Some(diff), Vec::new()))
        }
        Err(ApplyError::Refused { faults }) => Ok((None, faults.iter().map(Into::into).collect())),
        Err(failure) => Err(status::of_apply(&failure, "")),
    }
}

/// A catalogue brings facts; what an operator decided about a model stays.
fn keep_decisions(model: ModelSpec, tenant: &Tenant, source: &str) -> ModelSpec {
    let source = if source.is_empty() { model.source.clone() } else { Some(source.to_owned()) };
    match tenant.models.get(&model.id) {
        None => ModelSpec { source, ..model },
        Some(known) => ModelSpec {
            source,
            name: known.name.clone().or(model.name),
            enabled: known.enabled,
            capability: known.capability.or(model.capability),
            zero_data_retention: known.zero_data_retention.or(model.zero_data_retention),
            dimensions: model.dimensions.or(known.dimensions),
            ..model
        },
    }
}

fn warnings(report: &ImportReport) -> Vec<String> {
    // Rows of other providers are not wanted: that is no news.
    let skipped: Vec<_> =
        report.skipped.iter().filter(|it| !it.reason.ends_with("is not among the wanted ones")).collect();
    let mut warnings = report.notes.clone();
    warnings.extend(skipped.iter().take(NAMED_SKIPS).map(|it| format!("left out `{}`: {}", it.name, it.reason)));
    if skipped.len() > NAMED_SKIPS {
        warnings.push(format!("left out {} more rows", skipped.len() - NAMED_SKIPS));
    }
    warnings
}

/// Says where a document is wrong without repeating what stands there, which may be a secret.
fn without_values(error: &serde_json::Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            // `unknown field` and `missing field` quote names of fields only.
            if text.starts_with("unknown field") || text.starts_with("missing field") || text.starts_with("duplicate") {
                text
            } else {
                format!("a value at {place} has the wrong type or form; check it with `signalbox plan`")
            }
        }
        _ => format!("is not JSON at {place}"),
    }
}
