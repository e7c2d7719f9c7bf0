//! Who changed what.

use domain::{ObjectKind, Timestamp};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use registry::{AuditEntry, AuditFilter};
use tonic::{Request, Status};

use super::page::{self, Page};
use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

/// Newest first, page by page.
pub(super) async fn list(
    shared: &Shared,
    _kind: (),
    request: Request<pb::ListAuditRequest>,
) -> Result<pb::ListAuditResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let kind = kind_of(request.kind)?;
    if request.id.is_some() && kind.is_none() {
        return Err(Status::invalid_argument("id: needs `kind`: ids are those of one kind of object"));
    }
    let list = format!("audit {} {:?} {:?} {:?}", organisation.id, kind, request.id, request.since_micros);
    let before = page::after(&list, &request.page_token)?.and_then(|number| number.parse().ok());
    let size = page::size(request.page_size);
    let filter =
        AuditFilter { kind, id: request.id, since: request.since_micros.map(Timestamp), ..AuditFilter::default() };
    let entries = shared.registry.audit(&organisation.id, &filter, page::of_registry(before, size)).await;
    let entries = entries.map_err(|failure| status::of_registry(&failure))?;

    let (mut page, mut last) = (Page::new(size), None);
    for entry in entries {
        if !page.take(message(&entry)) {
            let next_page_token = last.map(|last: u64| page::token(&list, &last.to_string())).unwrap_or_default();
            return Ok(pb::ListAuditResponse { entries: page.items, next_page_token });
        }
        last = Some(entry.number);
    }
    Ok(pb::ListAuditResponse { entries: page.items, next_page_token: String::new() })
}

fn kind_of(number: i32) -> Result<Option<ObjectKind>, Status> {
    match object::ObjectKind::try_from(number) {
        Ok(object::ObjectKind::Unspecified) => Ok(None),
        Ok(kind) => Ok(ObjectKind::try_from(kind).ok()),
        Err(_) => Err(Status::invalid_argument("kind: is unknown: name a kind of object, or none")),
    }
}

fn message(entry: &AuditEntry) -> pb::AuditEntry {
    pb::AuditEntry {
        at_micros: entry.at.unix_micros(),
        actor: entry.actor.to_string(),
        action: entry.action.as_str().to_owned(),
        kind: object::ObjectKind::from(entry.kind).into(),
        id: entry.id.clone(),
        name: entry.name.clone(),
        changes: entry.changes.clone(),
        revision: entry.revision,
    }
}
