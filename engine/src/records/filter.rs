//! A filter as callers write it, by names, as the ledger takes it: by ids, and never beyond what the caller may see.

use domain::record::Tag;
use domain::{
    ObjectKind, OrganisationId, Outcome, PolicyId, ProjectId, ProviderSlug, RecordFilter, RequestId, Timestamp,
};
use proto::pb::admin::v1 as pb;
use tonic::Status;

use super::PAGE;
use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

/// Labels of one filter; each costs a look-up per row.
const MAX_TAGS: usize = 16;

/// Reads a filter.
pub(super) fn read(shared: &Shared, filter: Option<pb::RecordFilter>, caller: &Caller) -> Result<RecordFilter, Status> {
    let filter = filter.unwrap_or_default();
    let mut organisation = match (filter.organisation.as_deref(), caller) {
        (None, Caller::Operator) => None,
        (named, _) => Some(shared.organisation(named, caller)?.id.clone()),
    };
    let owner = || shared.organisation(filter.organisation.as_deref(), caller).map(|it| it.id.clone());
    let mut key = None;
    if let Some(text) = filter.key.as_deref() {
        let owner = owner()?;
        let found = shared.registry.find_key(&owner, text).map_err(|it| status::of_unknown(&it))?;
        key = Some(found.id.clone());
        organisation = Some(owner);
    }
    let named = |kind, text: &str| id_of(shared, &owner()?, kind, text);
    // What has been removed since is found by its id.
    let policy = filter.policy.as_deref().map(|text| match PolicyId::parse(text) {
        Ok(id) => Ok(id),
        Err(_) => parse("filter.policy", &named(ObjectKind::Policy, text)?, PolicyId::parse),
    });
    let project = filter.project.as_deref().map(|text| match ProjectId::parse(text) {
        Ok(id) => Ok(id),
        Err(_) => parse("filter.project", &named(ObjectKind::Project, text)?, ProjectId::parse),
    });
    Ok(RecordFilter {
        key,
        model: optional("filter.model", filter.model.as_deref(), domain::ModelId::parse)?,
        provider: optional("filter.provider", filter.provider.as_deref(), ProviderSlug::parse)?,
        status: filter.status.map(status_code).transpose()?,
        outcome: filter.outcome.as_deref().map(outcome).transpose()?,
        policy: policy.transpose()?,
        project: project.transpose()?,
        tags: tags(&filter.tags)?,
        since: filter.since_micros.map(Timestamp),
        until: filter.until_micros.map(Timestamp),
        min_micros: filter.min_micros,
        max_micros: filter.max_micros,
        request: optional("filter.request", filter.request.as_deref(), RequestId::parse)?,
        organisation,
        after_sequence: None,
        before_sequence: None,
        limit: PAGE.0,
    })
}

/// The id of an object by its present name.
fn id_of(shared: &Shared, owner: &OrganisationId, kind: ObjectKind, text: &str) -> Result<String, Status> {
    let found = shared.registry.find(owner, kind, text);
    found.map(|object| object.key().id).ok_or_else(|| Status::not_found(format!("there is no {kind} `{text}`")))
}

fn status_code(status: u32) -> Result<u16, Status> {
    u16::try_from(status).map_err(|_| Status::invalid_argument(format!("filter.status: {status} is no HTTP status")))
}

fn outcome(text: &str) -> Result<Outcome, Status> {
    let names = Outcome::ALL.map(Outcome::as_str).join(", ");
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
    found.ok_or_else(|| Status::invalid_argument(format!("filter.outcome: `{text}` is none of {names}")))
}

fn tags(tags: &[pb::RecordTag]) -> Result<Vec<Tag>, Status> {
    if tags.len() > MAX_TAGS {
        return Err(Status::invalid_argument(format!("filter.tags: at most {MAX_TAGS}")));
    }
    Ok(tags.iter().map(|tag| Tag { key: tag.key.clone(), value: tag.value.clone() }).collect())
}

fn parse<T>(field: &str, text: &str, read: fn(&str) -> Result<T, domain::InvalidId>) -> Result<T, Status> {
    read(text).map_err(|error| Status::invalid_argument(format!("{field}: {error}")))
}

fn optional<T>(
    field: &str,
    text: Option<&str>,
    read: fn(&str) -> Result<T, domain::InvalidId>,
) -> Result<Option<T>, Status> {
    text.map(|text| parse(field, text, read)).transpose()
}
