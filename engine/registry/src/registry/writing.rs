//! How a change is made: one at a time, planned on what is live, committed in one transaction, then published.

use std::sync::PoisonError;
use std::time::Duration;

use domain::{Change, ObjectKey, ObjectKind, OrganisationId, SealedBytes, Snapshot, SnapshotVersion};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::sealing::aad_of_answer;
use super::{Inner, Live, Registry};
use crate::error::{ApplyError, RegistryError};
use crate::journal::{Answer, DraftStep, Entry, Record};
use crate::kept::Draft;
use crate::plan::Planned;
use crate::terms::{Etag, IDEMPOTENCY_KEY_BYTES, Idempotency, Terms};

/// How long a change waits for those before it.
pub(super) const WRITER_WAIT: Duration = Duration::from_secs(20);

/// What a change wants to know before it is planned.
pub(super) struct Scope {
    pub(super) organisation: Option<OrganisationId>,
    pub(super) terms: Terms,
    /// The draft of an object, by id, name or slug.
    pub(super) draft: Option<(ObjectKind, String)>,
}

/// What is to be written, and what to answer.
pub(super) struct Step<T> {
    pub(super) changes: Vec<Change>,
    pub(super) records: Vec<Record>,
    pub(super) draft: Option<DraftStep>,
    pub(super) note: String,
    pub(super) answer: T,
}

impl Scope {
    pub(super) fn of(organisation: &OrganisationId, terms: Terms) -> Self {
        Self { organisation: Some(organisation.clone()), terms, draft: None }
    }

    pub(super) fn installation() -> Self {
        Self { organisation: None, terms: Terms::engine(), draft: None }
    }

    pub(super) fn with_draft(self, kind: ObjectKind, text: &str) -> Self {
        Self { draft: Some((kind, text.to_owned())), ..self }
    }
}

impl<T> Step<T> {
    pub(super) fn nothing(answer: T) -> Self {
        Self { changes: Vec::new(), records: Vec::new(), draft: None, note: String::new(), answer }
    }

    pub(super) fn of(planned: Planned, answer: T) -> Self {
        Self { changes: planned.changes, records: planned.records, ..Step::nothing(answer) }
    }
}

impl Registry {
    /// Plans and commits one change and publishes it.
    ///
    /// Runs as a task of its own: a caller that goes away must not leave what readers see behind what was committed.
    pub(super) async fn write<T, P>(&self, scope: Scope, plan: P) -> Result<T, ApplyError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        P: FnOnce(&Inner, &Snapshot, Option<Draft>) -> Result<Step<T>, ApplyError> + Send + 'static,
    {
        let inner = self.inner.clone();
        let task = tokio::spawn(async move { inner.change(scope, plan).await });
        match task.await {
            Ok(result) => result,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(RegistryError::Interrupted.into()),
            },
        }
    }
}

impl Inner {
    async fn change<T, P>(&self, scope: Scope, plan: P) -> Result<T, ApplyError>
    where
        T: Serialize + DeserializeOwned,
        P: FnOnce(&Self, &Snapshot, Option<Draft>) -> Result<Step<T>, ApplyError>,
    {
        let _turn = self.turn().await?;
        let before = self.snapshot();
        let repeatable = match (&scope.organisation, &scope.terms.idempotency) {
            (Some(organisation), Some(idempotency)) if before.tenants.contains_key(organisation) => {
                if let Some(answer) = self.repeated(organisation, idempotency).await? {
                    return Ok(answer);
                }
                Some((organisation, idempotency))
            }
            _ => None,
        };
        let draft = match (&scope.organisation, &scope.draft) {
            (Some(organisation), Some((kind, text))) => self.store.draft(organisation, *kind, text).await?,
            _ => None,
        };
        let Step { changes, records, draft, note, answer } = plan(self, &before, draft)?;
        let kept = repeatable.map(|(organisation, to)| self.seal_answer(organisation, to, &answer));
        let entry = Entry {
            at: crate::now(),
            actor: &scope.terms.actor,
            note: &note,
            changes: &changes,
            records: &records,
            draft: draft.as_ref(),
            answer: kept.as_ref(),
        };
        if !entry.is_empty() {
            self.commit(&before, &entry).await?;
        }
        Ok(answer)
    }

    /// Commits an entry on top of a snapshot and publishes the next one.
    async fn commit(&self, before: &Snapshot, entry: &Entry<'_>) -> Result<(), RegistryError> {
        let revision = before.version.revision;
        let cut = self.live.read().unwrap_or_else(PoisonError::into_inner).log.cut();
        if let Err(error) = self.store.commit(revision, entry, cut).await {
            // Whether the file took it may be unknown now: what it holds is what counts.
            metrics::counter!("signalbox_registry_commit_failures_total").increment(1);
            if let Ok(Some(loaded)) = self.store.load().await {
                self.publish(Live::from(loaded));
            }
            return Err(error);
        }
        if entry.changes.is_empty() {
            return Ok(());
        }
        let version = SnapshotVersion { revision: revision + 1, ..before.version };
        let snapshot = std::sync::Arc::new(before.apply(version, entry.changes.iter().cloned()));
        {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            live.log.record(version.revision, entry.changes, cut);
            live.snapshot = snapshot;
        }
        self.version.send_replace(version);
        Ok(())
    }

    /// The answer to a request that was made before.
    async fn repeated<T: DeserializeOwned>(
        &self,
        organisation: &OrganisationId,
        request: &Idempotency,
    ) -> Result<Option<T>, ApplyError> {
        let key = &request.key;
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES {
            let message = format!("has {} bytes: expected 1 to {IDEMPOTENCY_KEY_BYTES}", key.len());
            return Err(refuse_one("idempotency_key", message));
        }
        let Some((fingerprint, sealed)) = self.store.answer(organisation, key, crate::now()).await? else {
            return Ok(None);
        };
        if fingerprint != request.fingerprint {
            return Err(ApplyError::Reused { key: key.clone() });
        }
        let what = || format!("the answer to the request with the idempotency key `{key}`");
        let opened = self.keyring.open(&aad_of_answer(organisation, key), &sealed);
        let opened = opened.map_err(|source| RegistryError::Seal { what: what(), source })?;
        let answer = serde_json::from_slice(opened.expose());
        answer.map(Some).map_err(|source| RegistryError::Row { kind: "answer", id: key.clone(), source }.into())
    }

    fn seal_answer<T: Serialize>(&self, organisation: &OrganisationId, to: &Idempotency, answer: &T) -> Answer {
        let text = serde_json::to_vec(answer).expect("answers have text keys and no failing serializer");
        let sealed: SealedBytes = self.keyring.seal(&aad_of_answer(organisation, &to.key), &text);
        Answer { organisation: organisation.clone(), to: to.clone(), sealed }
    }

    /// Refuses a change of an object that is not as its sender saw it.
    pub(super) fn check_etag(&self, if_match: Option<&Etag>, key: &ObjectKey, name: &str) -> Result<(), ApplyError> {
        check_etag(if_match, key.kind.as_str(), name, self.etag(key))
    }

    /// The state of an object after a step that is being planned: that of the next revision if the step changes it.
    pub(super) fn etag_after(&self, before: &Snapshot, key: &ObjectKey, changes: &[Change]) -> Etag {
        let is_put = |change: &Change| matches!(change, Change::Put(object) if object.key() == *key);
        let next = Etag::of_revision(before.version.revision + 1);
        if changes.iter().any(is_put) { next } else { self.etag(key).unwrap_or(next) }
    }
}

/// Refuses a change of what is not as its sender saw it.
pub(super) fn check_etag(
    if_match: Option<&Etag>,
    kind: &'static str,
    name: &str,
    current: Option<Etag>,
) -> Result<(), ApplyError> {
    match if_match {
        Some(wanted) if current.clone().unwrap_or_else(Etag::absent) != *wanted => {
            Err(ApplyError::Conflict { kind, name: name.to_owned(), current })
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses for one reason.
pub(super) fn refuse_one(path: &str, message: String) -> ApplyError {
    ApplyError::Refused { faults: vec![domain::DesiredFault { path: path.to_owned(), message }] }
}

/// Refuses for every reason.
pub(super) fn refuse(faults: Vec<domain::DesiredFault>) -> ApplyError {
    ApplyError::Refused { faults }
}
