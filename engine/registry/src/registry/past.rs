//! What was: versions, the audit log, and the configuration as it stood at an earlier revision.

use std::sync::Arc;

use domain::{Object, ObjectKey, ObjectKind, OrganisationId, Snapshot, SnapshotVersion, Tenant};

use super::Registry;
use super::lookups::find;
use super::writing::{Scope, Step, refuse};
use crate::error::{ApplyError, RegistryError, UnknownObject};
use crate::journal::{Record, retention};
use crate::kept::{AuditAction, AuditEntry, AuditFilter, Page, Saved, Version};
use crate::names;
use crate::plan;
use crate::terms::Terms;

impl Registry {
    /// The saved states of a live policy or blend, newest first. The newest 200 are kept.
    pub async fn versions(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        text: &str,
        page: Page,
    ) -> Result<Vec<Version>, ApplyError> {
        let key = self.versioned(organisation, kind, text)?;
        Ok(self.inner.store.versions(organisation, (kind, &key.id), None, page).await?)
    }

    /// Makes an earlier version live again, as a new version; absent = the one before. It is checked as any change is.
    pub async fn rollback(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        text: &str,
        to_version: Option<u32>,
        terms: Terms,
    ) -> Result<Saved, ApplyError> {
        let key = self.versioned(organisation, kind, text)?;
        let (wanted, before) = match to_version {
            Some(number) => (Some(number), None),
            None => (None, find(&self.snapshot(), organisation, kind, &key.id).and_then(|it| version_of(&it))),
        };
        let page = Page { before: before.map(u64::from), limit: 1 };
        let found = self.inner.store.versions(organisation, (kind, &key.id), wanted, page).await?;
        let Some(version) = found.into_iter().next() else {
            let what =
                wanted.map_or_else(|| "earlier version of the ".to_owned(), |it| format!("version {it} of the "));
            let hint = "; list its versions: the newest 200 are kept".to_owned();
            return Err(UnknownObject { what, kind, name: text.to_owned(), hint }.into());
        };
        let organisation = organisation.clone();
        self.write(Scope::of(&organisation.clone(), terms.clone()), move |inner, before, _| {
            let (object, note) = (version.object, format!("rolled back to version {}", version.number));
            let name = object.name();
            inner.check_etag(terms.if_match.as_ref(), &key, &name)?;
            let planned = plan::save(inner.context(before, &organisation), &object).map_err(refuse)?;
            let step = super::changing::saved(inner, before, planned, &object);
            Ok(Step { records: relabelled(step.records, &key, AuditAction::Rollback, &name), note, ..step })
        })
        .await
    }

    /// The audit log, newest first.
    pub async fn audit(
        &self,
        organisation: &OrganisationId,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditEntry>, RegistryError> {
        self.inner.store.audit(organisation, filter, page).await
    }

    /// What an organisation had configured at a revision, its credentials without their secrets; `None` for a revision
    /// that is yet to come, that was before the organisation or before history was kept, or that is more than
    /// 100,000 revisions old.
    pub async fn tenant_at(
        &self,
        organisation: &OrganisationId,
        revision: u64,
    ) -> Result<Option<Arc<Tenant>>, RegistryError> {
        let version = self.version();
        if revision > version.revision || !retention::reaches(revision, version.revision) {
            return Ok(None);
        }
        let objects = self.inner.store.objects_at(organisation, revision).await?;
        let then = Snapshot::full(SnapshotVersion { revision, ..version }, objects);
        Ok(then.tenants.get(organisation).cloned())
    }

    fn versioned(&self, organisation: &OrganisationId, kind: ObjectKind, text: &str) -> Result<ObjectKey, ApplyError> {
        check_versioned(kind)?;
        let snapshot = self.snapshot();
        let found = find(&snapshot, organisation, kind, text).map(|it| it.key());
        found.ok_or_else(|| unknown(&snapshot, organisation, "", kind, text).into())
    }
}

/// Only policies and blends have drafts and versions.
pub(super) fn check_versioned(kind: ObjectKind) -> Result<(), ApplyError> {
    if matches!(kind, ObjectKind::Policy | ObjectKind::Blend) {
        return Ok(());
    }
    let message = format!("a {kind} has no drafts and versions: only policies and blends do");
    Err(super::writing::refuse_one("kind", message))
}

pub(super) fn version_of(object: &Object) -> Option<u32> {
    match object {
        Object::Policy(it) => Some(it.version),
        Object::Blend(it) => Some(it.version),
        Object::Pepper(_)
        | Object::Organisation(_)
        | Object::Project(_)
        | Object::Provider(_)
        | Object::Credential(_)
        | Object::Model(_)
        | Object::Scorecard(_)
        | Object::Router(_)
        | Object::Key(_) => None,
    }
}

/// There is no such policy or blend, or not that of it.
pub(super) fn unknown(
    snapshot: &Snapshot,
    organisation: &OrganisationId,
    what: &str,
    kind: ObjectKind,
    text: &str,
) -> UnknownObject {
    let tenant = snapshot.tenants.get(organisation);
    let names: Vec<&str> = match kind {
        ObjectKind::Policy => {
            tenant.into_iter().flat_map(|it| it.policies.values()).map(|it| it.name.as_str()).collect()
        }
        _ => tenant.into_iter().flat_map(|it| it.blends.values()).map(|it| it.name.as_str()).collect(),
    };
    // Of what is there there is only no draft.
    let hint = if what.is_empty() { names::hint(text, names) } else { "; save one first".to_owned() };
    UnknownObject { what: what.to_owned(), kind, name: text.to_owned(), hint }
}

/// The lines of the log, the one of the object itself under another action; one is added where nothing changed.
pub(super) fn relabelled(mut records: Vec<Record>, key: &ObjectKey, action: AuditAction, name: &str) -> Vec<Record> {
    match records.iter_mut().find(|it| it.key == *key) {
        Some(record) => record.action = action,
        None => records.push(Record { key: key.clone(), action, name: name.to_owned(), changes: Vec::new() }),
    }
    records
}
