//! Changes and deletes objects, one at a time, on the caller's terms.

use domain::{DesiredFault, Object, ObjectKind};
use prost::Message;
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::{ConvertError, mask};
use registry::{Actor, ApplyError, Etag, Idempotency, Saved, Terms};
use tonic::{Request, Status};
use tracing::info;

use super::{read, references};
use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

/// How often a change of some fields is put on top of what others changed meanwhile.
const ATTEMPTS: usize = 5;

/// Changes the fields of the mask; the others stay, whoever changes them at the same time.
pub(super) async fn update(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::UpdateRequest>,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let wanted = request.object.as_ref().ok_or_else(|| missing(kind))?;
    let terms = terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let held = read::find(shared, kind, request.organisation.as_deref(), &request.name, &caller)?;
        // Read before the object, so that it can only be too old.
        let etag = shared.registry.etag(&held.key());
        let held = read::find(shared, kind, request.organisation.as_deref(), held.key().id.as_str(), &caller)?;
        if let Object::Key(key) = &held
            && key.revoked_at.is_some()
        {
            return Err(Status::failed_precondition(format!("name: `{}` was revoked; create another", key.name)));
        }
        let merged = mask::overlay(kind, &(&held).into(), wanted, request.update_mask.as_ref());
        let merged = merged.map_err(|faults| status::of_fields(&faults))?;
        let organisation = owner(shared, &held, request.organisation.as_deref(), &caller)?;
        let object = object_of(shared, &organisation, kind, merged)?;
        let if_match = terms.if_match.clone().or(etag);
        match shared.registry.save(&organisation, object, Terms { if_match, ..terms.clone() }).await {
            // Others changed other fields meanwhile: the caller did not ask for that to matter.
            Err(ApplyError::Conflict { .. }) if terms.if_match.is_none() && attempt < ATTEMPTS => {}
            saved => {
                let saved = saved.map_err(|failure| status::of_apply(&failure, ""))?;
                return Ok(changed(kind, &saved));
            }
        }
    }
}

pub(super) async fn delete(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ActRequest>,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let deleted = shared.registry.delete(&organisation.id, kind, &request.name, terms).await;
    let diff = deleted.map_err(|failure| match failure {
        // Whatever stands in the way of a removal is what refers to the object.
        ApplyError::Refused { .. } => Status::failed_precondition(failure.to_string()),
        other => status::of_apply(&other, ""),
    })?;
    info!(%kind, name = request.name, "deleted");
    Ok(pb::ChangeResponse { object: None, etag: String::new(), diff: Some((&diff).into()) })
}

/// On which terms a change is made: by whom, on top of which state, and once.
pub(super) fn terms<M: Message>(
    shared: &Shared,
    caller: &Caller,
    subject: &str,
    etag: &str,
    idempotency_key: &str,
    request: &M,
) -> Result<Terms, Status> {
    if idempotency_key.len() > registry::IDEMPOTENCY_KEY_BYTES {
        let most = registry::IDEMPOTENCY_KEY_BYTES;
        return Err(Status::invalid_argument(format!(
            "idempotency_key: has more than {most} bytes: give a shorter one"
        )));
    }
    let actor = match caller {
        Caller::Operator => Actor::Operator,
        Caller::Key { id, .. } => Actor::Key(id.clone()),
    };
    let idempotency = (!idempotency_key.is_empty()).then(|| Idempotency {
        key: idempotency_key.to_owned(),
        fingerprint: fingerprint(shared, subject, std::any::type_name::<M>(), &request.encode_to_vec()),
    });
    Ok(Terms { actor, if_match: (!etag.is_empty()).then(|| Etag::new(etag)), idempotency })
}

/// What tells a request from others. Under the pepper: a request may hold a secret.
pub(super) fn fingerprint(shared: &Shared, subject: &str, call: &str, request: &[u8]) -> [u8; 32] {
    let digest = blake3::hash(request).to_hex();
    shared.registry.pepper().hash_key(&format!("{subject} {call} {digest}")).0
}

/// A message as an object, its names resolved.
pub(super) fn object_of(
    shared: &Shared,
    organisation: &domain::OrganisationId,
    kind: ObjectKind,
    mut message: object::Object,
) -> Result<Object, Status> {
    let tenant = shared.registry.tenant(organisation);
    let tenant = tenant.ok_or_else(|| Status::not_found("organisation: was removed meanwhile; name another one"))?;
    let faults = references::resolve(&tenant, &mut message);
    if !faults.is_empty() {
        return Err(status::of_faults(&faults, ""));
    }
    Object::try_from(message).map_err(|error: ConvertError| {
        let field = error.field.strip_prefix(&format!("{kind}.")).unwrap_or(&error.field).to_owned();
        status::of_faults(&[DesiredFault { path: field, message: error.message }], "")
    })
}

pub(super) fn changed(kind: ObjectKind, saved: &Saved) -> pb::ChangeResponse {
    info!(%kind, id = saved.object.key().id, "saved");
    pb::ChangeResponse {
        object: Some(read::shown(&saved.object)),
        etag: saved.etag.to_string(),
        diff: Some((&saved.diff).into()),
    }
}

pub(super) fn missing(kind: ObjectKind) -> Status {
    Status::invalid_argument(format!("object: is missing: give the {kind} as it shall be"))
}

fn owner(
    shared: &Shared,
    held: &Object,
    named: Option<&str>,
    caller: &Caller,
) -> Result<domain::OrganisationId, Status> {
    match held {
        Object::Organisation(it) => Ok(it.id.clone()),
        _ => shared.organisation(named, caller).map(|it| it.id.clone()),
    }
}
