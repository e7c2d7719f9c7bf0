//! Makes objects: gives them their ids and fills in what they leave open.

use domain::{BlendId, ObjectKind, OrganisationId, PolicyId, ProjectId, RouterId, ScorecardId};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;
use proto::{ConvertError, mask};
use registry::{ApplyError, Etag, Terms};
use tonic::{Request, Status};
use tracing::info;

use super::{change, read, references};
use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

pub(super) async fn object(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::CreateRequest>,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let wanted = request.object.as_ref().ok_or_else(|| change::missing(kind))?;
    let terms = change::terms(shared, &caller, kind.as_str(), "", &request.idempotency_key, &request)?;
    let message = complete(&organisation.id, kind, wanted)?;
    let object = change::object_of(shared, &organisation.id, kind, message)?;
    let name = object.name();
    let terms = Terms { if_match: Some(Etag::absent()), ..terms };
    let taken =
        || Status::already_exists(format!("there is a {kind} `{name}` already: change it, or choose another name"));
    match shared.registry.save(&organisation.id, object, terms).await {
        Ok(saved) => Ok(change::changed(kind, &saved)),
        Err(ApplyError::Conflict { .. }) => Err(taken()),
        Err(ApplyError::Refused { .. }) if shared.registry.find(&organisation.id, kind, &name).is_some() => {
            Err(taken())
        }
        Err(failure) => Err(status::of_apply(&failure, "")),
    }
}

/// Makes a tenant; only the operator may.
pub(super) async fn organisation(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::CreateRequest>,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    if caller != Caller::Operator {
        let message = "organisations are made by the operator: use the engine's Unix socket";
        return Err(Status::permission_denied(message));
    }
    let request = request.into_inner();
    let Some(Kind::Organisation(wanted)) = request.object.and_then(|it| it.object) else {
        return Err(change::missing(kind));
    };
    let given = [
        ("id", !wanted.id.is_empty()),
        ("default_policy", wanted.default_policy.is_some()),
        ("budget", wanted.budget.is_some()),
        ("body_logging", wanted.body_logging.is_some()),
    ];
    let faults: Vec<_> = given
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(field, _)| ConvertError::new(field, "a new organisation has none: leave it empty"))
        .collect();
    if !faults.is_empty() {
        return Err(status::of_fields(&faults));
    }
    let made = shared.registry.create_organisation(&wanted.name).await;
    let id = made.map_err(|failure| {
        if shared.registry.find_organisation(&wanted.name).is_some() {
            Status::already_exists(failure.to_string())
        } else {
            status::of_apply(&failure, "")
        }
    })?;
    info!(%id, name = wanted.name, "organisation made");
    let made = read::find(shared, kind, None, id.as_str(), &caller)?;
    let pb::Item { object, etag } = read::item(shared, &made);
    Ok(pb::ChangeResponse { object, etag, diff: None })
}

/// A new object with its id and whatever else it cannot be without.
pub(super) fn complete(
    organisation: &OrganisationId,
    kind: ObjectKind,
    wanted: &object::Object,
) -> Result<object::Object, Status> {
    let id = new_id(kind)?;
    let gifts = id.as_deref().map(|id| ("id", id)).into_iter().chain([("organisation", organisation.as_str())]);
    let message = mask::complete(kind, wanted, &gifts.collect::<Vec<_>>());
    let mut message = message.map_err(|faults| status::of_fields(&faults))?;
    references::fill(&mut message);
    Ok(message)
}

/// A new id; `None` for objects that bring their own.
fn new_id(kind: ObjectKind) -> Result<Option<String>, Status> {
    let random = random()?;
    Ok(match kind {
        ObjectKind::Organisation => Some(OrganisationId::from_random(random).to_string()),
        ObjectKind::Project => Some(ProjectId::from_random(random).to_string()),
        ObjectKind::Scorecard => Some(ScorecardId::from_random(random).to_string()),
        ObjectKind::Blend => Some(BlendId::from_random(random).to_string()),
        ObjectKind::Policy => Some(PolicyId::from_random(random).to_string()),
        ObjectKind::Router => Some(RouterId::from_random(random).to_string()),
        // The first two are named by their owners; the others are not made like this.
        ObjectKind::Provider | ObjectKind::Model | ObjectKind::Pepper | ObjectKind::Credential | ObjectKind::Key => {
            None
        }
    })
}

/// What an id is made of.
pub(super) fn random() -> Result<[u8; 20], Status> {
    let mut random = [0_u8; 20];
    getrandom::fill(&mut random).map_err(|_| Status::internal("the operating system gives no random bytes"))?;
    Ok(random)
}
