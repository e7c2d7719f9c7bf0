//! Gets and lists objects, without sealed secrets and key hashes.

use std::sync::Arc;

use domain::{ApiKey, Credential, KeyHash, Object, ObjectKind, Organisation, SealedBytes, Snapshot, Tenant};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use tonic::{Request, Status};

use super::page::{self, Page};
use crate::auth::Caller;
use crate::shared::Shared;

#[expect(clippy::unused_async, reason = "the table of services awaits every answer")]
pub(super) async fn get(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::GetRequest>,
) -> Result<pb::Item, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let found = find(shared, kind, request.organisation.as_deref(), &request.name, &caller)?;
    Ok(item(shared, &found))
}

/// Objects by id, page by page.
#[expect(clippy::unused_async, reason = "the table of services awaits every answer")]
pub(super) async fn list(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ListRequest>,
) -> Result<pb::ListResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let (owner, mut objects) = of_kind(shared, kind, request.organisation.as_deref(), &caller)?;
    let list = format!("{kind} {owner} {}", request.filter);
    let after = page::after(&list, &request.page_token)?;
    objects.retain(|(id, object)| {
        after.as_ref().is_none_or(|after| id > after) && object.name().starts_with(&request.filter)
    });
    let size = page::size(request.page_size);
    // The order of what comes later is of no interest yet.
    if objects.len() > size + 1 {
        objects.select_nth_unstable_by(size, |(a, _), (b, _)| a.cmp(b));
        objects.truncate(size + 1);
    }
    objects.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));

    let (mut page, mut last) = (Page::new(size), None);
    for (id, object) in objects {
        if !page.take(item(shared, &object)) {
            let next_page_token = last.map(|last: String| page::token(&list, &last)).unwrap_or_default();
            return Ok(pb::ListResponse { items: page.items, next_page_token });
        }
        last = Some(id);
    }
    Ok(pb::ListResponse { items: page.items, next_page_token: String::new() })
}

/// An object by id, name or slug.
pub(super) fn find(
    shared: &Shared,
    kind: ObjectKind,
    organisation: Option<&str>,
    text: &str,
    caller: &Caller,
) -> Result<Object, Status> {
    if text.is_empty() {
        return Err(Status::invalid_argument(format!("name: is missing: name the {kind} by its id or name")));
    }
    if kind == ObjectKind::Organisation {
        return shared.organisation(Some(text), caller).map(Object::Organisation);
    }
    let organisation = shared.organisation(organisation, caller)?;
    shared.registry.find(&organisation.id, kind, text).ok_or_else(|| {
        Status::not_found(format!("name: there is no {kind} `{text}`: give an id or a name that `List` shows"))
    })
}

/// An object as people may see it, with its etag.
pub(super) fn item(shared: &Shared, object: &Object) -> pb::Item {
    let etag = shared.registry.etag(&object.key()).map(|etag| etag.to_string()).unwrap_or_default();
    pb::Item { object: Some(shown(object)), etag }
}

/// An object as people may see it.
pub(super) fn shown(object: &Object) -> object::Object {
    match object {
        Object::Credential(it) => {
            let sealed = SealedBytes(Vec::new());
            (&Object::Credential(Arc::new(Credential { sealed, ..Credential::clone(it) }))).into()
        }
        Object::Key(it) => (&Object::Key(Arc::new(ApiKey { hash: KeyHash([0; 32]), ..ApiKey::clone(it) }))).into(),
        Object::Pepper(_) => (&Object::Pepper(SealedBytes(Vec::new()))).into(),
        Object::Organisation(_)
        | Object::Project(_)
        | Object::Provider(_)
        | Object::Model(_)
        | Object::Scorecard(_)
        | Object::Blend(_)
        | Object::Policy(_)
        | Object::Router(_) => object.into(),
    }
}

/// Whose objects those of a kind are, and they by id, in no order.
fn of_kind(
    shared: &Shared,
    kind: ObjectKind,
    named: Option<&str>,
    caller: &Caller,
) -> Result<(String, Vec<(String, Object)>), Status> {
    let (owner, objects) = if kind == ObjectKind::Organisation {
        (String::new(), shared.organisations(caller).into_iter().map(Object::Organisation).collect())
    } else {
        let organisation = shared.organisation(named, caller)?;
        (organisation.id.to_string(), of_organisation(&shared.registry.snapshot(), kind, &organisation)?)
    };
    Ok((owner, objects.into_iter().map(|object| (object.key().id, object)).collect()))
}

fn of_organisation(snapshot: &Snapshot, kind: ObjectKind, organisation: &Organisation) -> Result<Vec<Object>, Status> {
    if kind == ObjectKind::Key {
        let own = snapshot.keys.iter().filter(|key| key.organisation == organisation.id);
        return Ok(own.cloned().map(Object::Key).collect());
    }
    let tenant = snapshot.tenant(&organisation.id);
    Ok(of_tenant(tenant.ok_or_else(|| Status::not_found("organisation: was removed meanwhile"))?, kind))
}

fn of_tenant(tenant: &Tenant, kind: ObjectKind) -> Vec<Object> {
    match kind {
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
        // They are no part of a tenant.
        ObjectKind::Pepper | ObjectKind::Organisation | ObjectKind::Key => Vec::new(),
    }
}
