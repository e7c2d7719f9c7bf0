//! Drafts and versions of policies and blends: what would count, what counted, and going from one to the other.

use domain::ObjectKind;
use proto::mask;
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;
use registry::{Draft, Version};
use tonic::{Request, Status};

use super::page::{self, Page};
use super::{change, create, read, references};
use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

/// Saves a draft of an object that exists, named by its id or its name, or of a new one.
pub(super) async fn save(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::SaveDraftRequest>,
) -> Result<pb::Draft, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let wanted = request.object.as_ref().ok_or_else(|| change::missing(kind))?;
    let terms = change::terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let (id, name) = identity(wanted);
    let held = [id, name].into_iter().filter(|text| !text.is_empty());
    let held = held.into_iter().find_map(|text| shared.registry.find(&organisation.id, kind, text));
    let message = match held {
        Some(held) => {
            let message = mask::overlay(kind, &(&held).into(), &filled(wanted), None);
            message.map_err(|faults| status::of_fields(&faults))?
        }
        None if !id.is_empty() => {
            return Err(Status::not_found(format!("object.id: there is no {kind} `{id}`; leave it empty to make one")));
        }
        None => create::complete(&organisation.id, kind, wanted)?,
    };
    let object = change::object_of(shared, &organisation.id, kind, message)?;
    let draft = shared.registry.save_draft(&organisation.id, object, terms).await;
    draft.map(|draft| message_of(&draft)).map_err(|failure| status::of_apply(&failure, ""))
}

pub(super) async fn get(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::GetRequest>,
) -> Result<pb::Draft, Status> {
    let (_, draft) = held(shared, kind, request).await?;
    Ok(message_of(&draft))
}

/// What promoting the draft would do.
pub(super) async fn diff(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::GetRequest>,
) -> Result<pb::Diff, Status> {
    let (organisation, draft) = held(shared, kind, request).await?;
    let diff = shared.registry.diff_draft(&organisation, &draft);
    diff.map(|diff| (&diff).into()).map_err(|failure| status::of_apply(&failure, ""))
}

pub(super) async fn discard(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ActRequest>,
) -> Result<pb::DiscardDraftResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = change::terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let discarded = shared.registry.discard_draft(&organisation.id, kind, &request.name, terms).await;
    discarded.map(|_| pb::DiscardDraftResponse {}).map_err(|failure| status::of_apply(&failure, ""))
}

pub(super) async fn promote(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ActRequest>,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = change::terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let saved = shared.registry.promote(&organisation.id, kind, &request.name, terms).await;
    saved.map(|saved| change::changed(kind, &saved)).map_err(|failure| status::of_apply(&failure, ""))
}

pub(super) async fn rollback(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::RollbackRequest>,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = change::terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let saved = shared.registry.rollback(&organisation.id, kind, &request.name, request.to_version, terms).await;
    saved.map(|saved| change::changed(kind, &saved)).map_err(|failure| status::of_apply(&failure, ""))
}

/// Newest first, page by page.
pub(super) async fn versions(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ListVersionsRequest>,
) -> Result<pb::ListVersionsResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let list = format!("versions {} {kind} {}", organisation.id, request.name);
    let before = page::after(&list, &request.page_token)?.and_then(|number| number.parse().ok());
    let size = page::size(request.page_size);
    let versions = shared.registry.versions(&organisation.id, kind, &request.name, page::of_registry(before, size));
    let versions = versions.await.map_err(|failure| status::of_apply(&failure, ""))?;

    let (mut page, mut last) = (Page::new(size), None);
    for version in versions {
        if !page.take(message_of_version(&version)) {
            let next_page_token = last.map(|last: u32| page::token(&list, &last.to_string())).unwrap_or_default();
            return Ok(pb::ListVersionsResponse { versions: page.items, next_page_token });
        }
        last = Some(version.number);
    }
    Ok(pb::ListVersionsResponse { versions: page.items, next_page_token: String::new() })
}

async fn held(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::GetRequest>,
) -> Result<(domain::OrganisationId, Draft), Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    find(shared, kind, &caller, request.organisation.as_deref(), &request.name).await
}

/// The draft of an object that is named by id, name or slug, and whose it is.
pub(super) async fn find(
    shared: &Shared,
    kind: ObjectKind,
    caller: &Caller,
    organisation: Option<&str>,
    name: &str,
) -> Result<(domain::OrganisationId, Draft), Status> {
    let organisation = shared.organisation(organisation, caller)?;
    let draft = shared.registry.draft(&organisation.id, kind, name).await;
    let draft = draft.map_err(|failure| status::of_registry(&failure))?;
    let draft =
        draft.ok_or_else(|| Status::not_found(format!("name: the {kind} `{name}` has no draft: save one first")))?;
    Ok((organisation.id.clone(), draft))
}

/// Id and name of what a draft is of.
fn identity(object: &object::Object) -> (&str, &str) {
    match &object.object {
        Some(Kind::Policy(it)) => (&it.id, &it.name),
        Some(Kind::Blend(it)) => (&it.id, &it.name),
        Some(
            Kind::Pepper(_)
            | Kind::Organisation(_)
            | Kind::Project(_)
            | Kind::Provider(_)
            | Kind::Credential(_)
            | Kind::Model(_)
            | Kind::Scorecard(_)
            | Kind::Router(_)
            | Kind::Key(_),
        )
        | None => ("", ""),
    }
}

fn filled(object: &object::Object) -> object::Object {
    let mut object = object.clone();
    references::fill(&mut object);
    object
}

fn message_of(draft: &Draft) -> pb::Draft {
    pb::Draft {
        object: Some(read::shown(&draft.object)),
        etag: draft.etag.to_string(),
        base_version: draft.base.unwrap_or(0),
        saved_at_micros: draft.at.unix_micros(),
        actor: draft.actor.to_string(),
    }
}

fn message_of_version(version: &Version) -> pb::Version {
    pb::Version {
        number: version.number,
        at_micros: version.at.unix_micros(),
        actor: version.actor.to_string(),
        note: version.note.clone(),
        object: Some(read::shown(&version.object)),
    }
}
