//! The published scorecards that come with this release: what there is, and saving them as an organisation's own.

use domain::{ObjectKind, ScorecardId};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::list_published_response::Published;
use scorecards::{Aliases, Reading, ScorecardSpec, published_for};
use tonic::{Request, Status};

use super::{change, upload};
use crate::auth::Caller;
use crate::shared::Shared;

#[expect(clippy::unused_async, reason = "the table of services awaits every answer")]
pub(super) async fn list(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ListPublishedRequest>,
) -> Result<pb::ListPublishedResponse, Status> {
    let caller = Caller::of(&request)?;
    let organisation = shared.organisation(request.into_inner().organisation.as_deref(), &caller)?;
    let reading = reading(shared, &organisation.id)?;
    let tenant = shared.registry.tenant(&organisation.id);
    let flags = &reading.flags;
    let entry = |spec: &ScorecardSpec| {
        let label = spec.label();
        let is_known =
            |it: &&scorecards::CellSpec| tenant.as_ref().is_some_and(|of| of.models.contains_key(&it.cell.model));
        let own = shared.registry.find(&organisation.id, kind, &label);
        let scorecard = spec.clone().into_scorecard(ScorecardId::from_random([0; 20]), organisation.id.clone());
        let nobodys = pb_of(&scorecard);
        Published {
            scorecard: Some(nobodys),
            known_models: u32::try_from(spec.cells.iter().filter(is_known).count()).unwrap_or(u32::MAX),
            imported: own.is_some_and(|own| own.name() == label),
            flags: flags.iter().filter(|it| it.scorecard == label).map(upload::flag).collect(),
        }
    };
    Ok(pb::ListPublishedResponse { published: reading.scorecards.iter().map(entry).collect() })
}

pub(super) async fn import(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ImportPublishedRequest>,
) -> Result<pb::UploadScoresResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = change::terms(shared, &caller, kind.as_str(), "", &request.idempotency_key, &request)?;
    let mut reading = reading(shared, &organisation.id)?;
    let is_named = |name: &str, spec: &ScorecardSpec| spec.name == name || spec.label() == name;
    for (place, name) in request.names.iter().enumerate() {
        if !reading.scorecards.iter().any(|spec| is_named(name, spec)) {
            let known: Vec<_> = reading.scorecards.iter().map(|spec| spec.name.as_str()).collect();
            return Err(Status::invalid_argument(format!(
                "names[{place}]: there is no published scorecard `{name}`: choose from {}",
                known.join(", ")
            )));
        }
    }
    if !request.names.is_empty() {
        reading.retain(|spec| request.names.iter().any(|name| is_named(name, spec)));
    }
    upload::save(shared, &organisation.id, reading, request.dry_run, terms).await
}

/// The set, its models named as the organisation's catalogue names them.
fn reading(shared: &Shared, organisation: &domain::OrganisationId) -> Result<Reading, Status> {
    let tenant = shared.registry.tenant(organisation);
    let tenant = tenant.ok_or_else(|| Status::not_found("organisation: was removed meanwhile; name another one"))?;
    Ok(published_for(&Aliases::shipped().knowing(tenant.models.keys().cloned()), shared.clock.wall()))
}

/// A scorecard that is not anybody's yet.
fn pb_of(scorecard: &domain::Scorecard) -> proto::pb::object::v1::Scorecard {
    proto::pb::object::v1::Scorecard { id: String::new(), organisation: String::new(), ..scorecard.into() }
}
