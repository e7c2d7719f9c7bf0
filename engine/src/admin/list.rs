//! Lists objects of one kind by id, page by page, without sealed secrets and key hashes.

use std::sync::Arc;

use domain::{Credential, Object, ObjectKind, SealedBytes, Snapshot};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use tonic::Status;

use super::keys;
use crate::shared::Shared;

/// Objects of a page whose caller does not say, and at most.
const PAGE: (usize, usize) = (100, 1000);
/// Bytes of a page; below what clients accept by default.
const PAGE_BYTES: usize = 2 << 20;

pub(super) fn list(shared: &Shared, request: &pb::ListRequest) -> Result<pb::ListResponse, Status> {
    let kind = object::ObjectKind::try_from(request.kind).ok().and_then(|kind| ObjectKind::try_from(kind).ok());
    let kind = kind.ok_or_else(|| Status::invalid_argument("kind: is missing or unknown; name a kind of object"))?;
    let mut objects = of_kind(shared, kind, request.organisation.as_deref())?;
    objects.sort_by_cached_key(|object| object.key().id);
    let limit = if request.limit == 0 { PAGE.0 } else { (request.limit as usize).min(PAGE.1) };

    let mut page = pb::ListResponse::default();
    let mut bytes = 0;
    let mut last = String::new();
    for object in objects {
        let id = object.key().id;
        if !request.cursor.is_empty() && id <= request.cursor {
            continue;
        }
        let message = shown(&object);
        bytes += prost::Message::encoded_len(&message);
        if page.objects.len() == limit || (bytes > PAGE_BYTES && !page.objects.is_empty()) {
            page.next_cursor = last;
            break;
        }
        page.objects.push(message);
        last = id;
    }
    Ok(page)
}

fn of_kind(shared: &Shared, kind: ObjectKind, named: Option<&str>) -> Result<Vec<Object>, Status> {
    let snapshot = shared.registry.snapshot();
    if kind == ObjectKind::Organisation {
        return Ok(snapshot.tenants.values().map(|it| Object::Organisation(it.organisation.clone())).collect());
    }
    let organisation = shared.organisation(named)?;
    if kind == ObjectKind::Key {
        let keys = shared.registry.list_keys(&organisation.id);
        return Ok(keys.into_iter().map(Object::Key).collect());
    }
    of_tenant(&snapshot, kind, &organisation.id)
}

fn of_tenant(
    snapshot: &Snapshot,
    kind: ObjectKind,
    organisation: &domain::OrganisationId,
) -> Result<Vec<Object>, Status> {
    let tenant =
        snapshot.tenant(organisation).ok_or_else(|| Status::not_found("organisation: was removed meanwhile"))?;
    Ok(match kind {
        ObjectKind::Project => tenant.projects.values().cloned().map(Object::Project).collect(),
        ObjectKind::Provider => tenant.providers.values().cloned().map(Object::Provider).collect(),
        ObjectKind::Credential => tenant.credentials.values().cloned().map(Object::Credential).collect(),
        ObjectKind::Model => tenant.models.values().cloned().map(Object::Model).collect(),
        ObjectKind::Scorecard => {
            tenant.scorecards.values().map(|it| Object::Scorecard(it.scorecard().clone())).collect()
        }
        ObjectKind::Blend => tenant.blends.values().cloned().map(Object::Blend).collect(),
        ObjectKind::Policy => tenant.policies.values().cloned().map(Object::Policy).collect(),
        ObjectKind::Router => tenant.routers.values().cloned().map(Object::Router).collect(),
        ObjectKind::Pepper | ObjectKind::Organisation | ObjectKind::Key => {
            return Err(Status::invalid_argument(format!("kind: a {kind} is never listed")));
        }
    })
}

fn shown(object: &Object) -> object::Object {
    match object {
        Object::Credential(it) => {
            let sealed = SealedBytes(Vec::new());
            (&Object::Credential(Arc::new(Credential { sealed, ..Credential::clone(it) }))).into()
        }
        Object::Key(it) => object::Object { object: Some(object::object::Object::Key(keys::shown(it))) },
        other => other.into(),
    }
}
