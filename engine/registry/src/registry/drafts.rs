//! Drafts of policies and blends: changes that are checked, kept and shown, but do not route until they are promoted.

use domain::desired::Diff;
use domain::{Object, ObjectKind, OrganisationId, Snapshot};

use super::lookups::live;
use super::past::{check_versioned, relabelled, unknown, version_of};
use super::writing::{Scope, Step, check_etag, refuse, refuse_one};
use super::{Inner, Registry};
use crate::error::{ApplyError, RegistryError};
use crate::journal::read::with_version;
use crate::journal::{DraftStep, Record};
use crate::kept::{AuditAction, Draft, Saved};
use crate::plan::{self, Planned};
use crate::terms::{Etag, Terms};

/// The drafts that an organisation may have.
const DRAFTS: u64 = 1_000;

impl Registry {
    /// Keeps a change of a policy or blend, live or new, without making it live. It is checked as a save is; `if_match`
    /// is the etag of the draft that it replaces.
    pub async fn save_draft(
        &self,
        organisation: &OrganisationId,
        object: Object,
        terms: Terms,
    ) -> Result<Draft, ApplyError> {
        let key = object.key();
        check_versioned(key.kind)?;
        let count = self.inner.store.count_drafts(organisation).await?;
        let organisation = organisation.clone();
        let scope = Scope::of(&organisation, terms.clone()).with_draft(key.kind, &key.id);
        self.write(scope, move |inner, before, known| {
            let known = known.filter(|it| it.object.key() == key);
            let etag = known.as_ref().map(|it| it.etag.clone());
            check_etag(terms.if_match.as_ref(), key.kind.as_str(), &object.name(), etag)?;
            if known.is_none() && count >= DRAFTS {
                let message = format!("the organisation has {count} drafts: promote or discard some");
                return Err(refuse_one("draft", message));
            }
            let planned = plan::save(inner.context(before, &organisation), &object).map_err(refuse)?;
            let base = live(before, &key).as_ref().and_then(version_of);
            // Two drafts of one microsecond would look the same.
            let at =
                known.map_or(crate::now(), |known| crate::now().max(domain::Timestamp(known.at.unix_micros() + 1)));
            let object = exact(&planned, with_version(object, base.unwrap_or(0) + 1));
            let (name, changes) = (object.name(), changes(&planned.diff));
            let draft = Draft { object, base, at, actor: terms.actor, etag: Etag::of_draft(at) };
            let record = Record { key, action: AuditAction::Draft, name, changes };
            let step = DraftStep::Put(Box::new(draft.clone()));
            Ok(Step { records: vec![record], draft: Some(step), ..Step::nothing(draft) })
        })
        .await
    }

    /// The draft of a policy or blend by id, name or slug.
    pub async fn draft(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        text: &str,
    ) -> Result<Option<Draft>, RegistryError> {
        self.inner.store.draft(organisation, kind, text).await
    }

    /// The drafts of a kind, by name.
    pub async fn drafts(&self, organisation: &OrganisationId, kind: ObjectKind) -> Result<Vec<Draft>, RegistryError> {
        self.inner.store.drafts(organisation, kind).await
    }

    /// Throws a draft away; `if_match` is its etag.
    pub async fn discard_draft(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        text: &str,
        terms: Terms,
    ) -> Result<Draft, ApplyError> {
        check_versioned(kind)?;
        let (organisation, text) = (organisation.clone(), text.to_owned());
        let scope = Scope::of(&organisation, terms.clone()).with_draft(kind, &text);
        self.write(scope, move |_, before, draft| {
            let draft = draft.ok_or_else(|| unknown(before, &organisation, "draft of the ", kind, &text))?;
            let (key, name) = (draft.object.key(), draft.object.name());
            check_etag(terms.if_match.as_ref(), kind.as_str(), &name, Some(draft.etag.clone()))?;
            let record = Record { key: key.clone(), action: AuditAction::Discard, name, changes: Vec::new() };
            Ok(Step { records: vec![record], draft: Some(DraftStep::Discard(key)), ..Step::nothing(draft) })
        })
        .await
    }

    /// Makes a draft live; `if_match` is its etag. Refused when what is live has changed since the draft was made.
    pub async fn promote(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        text: &str,
        terms: Terms,
    ) -> Result<Saved, ApplyError> {
        check_versioned(kind)?;
        let (organisation, text) = (organisation.clone(), text.to_owned());
        let scope = Scope::of(&organisation, terms.clone()).with_draft(kind, &text);
        self.write(scope, move |inner, before, draft| {
            let draft = draft.ok_or_else(|| unknown(before, &organisation, "draft of the ", kind, &text))?;
            let (key, name) = (draft.object.key(), draft.object.name());
            check_etag(terms.if_match.as_ref(), kind.as_str(), &name, Some(draft.etag.clone()))?;
            if live(before, &key).as_ref().and_then(version_of) != draft.base {
                return Err(ApplyError::Conflict { kind: kind.as_str(), name, current: inner.etag(&key) });
            }
            let planned = plan::save(inner.context(before, &organisation), &draft.object).map_err(refuse)?;
            let step = super::changing::saved(inner, before, planned, &draft.object);
            let records = relabelled(step.records, &key, AuditAction::Promote, &name);
            let note = "promoted from a draft".to_owned();
            Ok(Step { records, draft: Some(DraftStep::Discard(key)), note, ..step })
        })
        .await
    }

    /// The current configuration with a draft in place, for previews.
    pub fn with_draft(&self, organisation: &OrganisationId, draft: &Draft) -> Result<Snapshot, ApplyError> {
        let snapshot = self.snapshot();
        let planned = self.inner.plan_draft(&snapshot, organisation, draft)?;
        Ok(snapshot.apply(snapshot.version, planned.changes))
    }

    /// What promoting a draft would do.
    pub fn diff_draft(&self, organisation: &OrganisationId, draft: &Draft) -> Result<Diff, ApplyError> {
        self.inner.plan_draft(&self.snapshot(), organisation, draft).map(|planned| planned.diff)
    }
}

impl Inner {
    fn plan_draft(
        &self,
        snapshot: &Snapshot,
        organisation: &OrganisationId,
        draft: &Draft,
    ) -> Result<Planned, ApplyError> {
        plan::save(self.context(snapshot, organisation), &draft.object).map_err(refuse)
    }
}

/// The object as the plan would write it, its figures exact.
fn exact(planned: &Planned, object: Object) -> Object {
    let key = object.key();
    let put = planned.changes.iter().find_map(|change| match change {
        domain::Change::Put(put) if put.key() == key => Some(put.clone()),
        domain::Change::Put(_) | domain::Change::Delete(_) => None,
    });
    put.unwrap_or(object)
}

fn changes(diff: &Diff) -> Vec<String> {
    diff.lines.iter().flat_map(|line| line.changes.iter().cloned()).collect()
}
