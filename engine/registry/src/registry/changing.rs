//! Every change of the live configuration: a whole file, one object, a secret, a key.

use std::sync::Arc;

use domain::desired::{CreatedKey, CredentialSpec, Desired, DesiredFault, Diff, KeySpec};
use domain::{ApiKey, Change, Object, ObjectKey, ObjectKind, OrganisationId, ProviderSlug, Snapshot};

use super::lookups::find_key;
use super::writing::{Scope, Step, check_etag, refuse, refuse_one};
use super::{Inner, Registry};
use crate::error::{ApplyError, RegistryError};
use crate::journal::Record;
use crate::kept::{AuditAction, Saved};
use crate::plan::{self, Planned, Removal};
use crate::terms::{Etag, Terms};

impl Registry {
    /// Makes the organisation's configuration what is desired, all or nothing; a dry run only tells. `if_match` is the
    /// etag of the [whole configuration](Self::configuration_etag).
    pub async fn apply(
        &self,
        organisation: &OrganisationId,
        desired: &Desired,
        dry_run: bool,
        terms: Terms,
    ) -> Result<Diff, ApplyError> {
        if dry_run {
            let snapshot = self.snapshot();
            check_configuration(&terms, &snapshot)?;
            let planned = plan::apply(self.inner.context(&snapshot, organisation), desired).map_err(refuse)?;
            // A key of a dry run will not exist: it is not shown.
            return Ok(Diff { created_keys: Vec::new(), ..planned.diff });
        }
        let (organisation, desired) = (organisation.clone(), desired.clone());
        self.write(Scope::of(&organisation.clone(), terms.clone()), move |inner, before, _| {
            check_configuration(&terms, before)?;
            let planned = plan::apply(inner.context(before, &organisation), &desired).map_err(refuse)?;
            let diff = planned.diff.clone();
            Ok(Step::of(planned, diff))
        })
        .await
    }

    /// Makes or replaces one object, whole, with the id inside. Faults name its fields: `strategy.model`. What only the
    /// registry knows (versions, a key's hash) is taken from what is there.
    pub async fn save(&self, organisation: &OrganisationId, object: Object, terms: Terms) -> Result<Saved, ApplyError> {
        let organisation = organisation.clone();
        self.write(Scope::of(&organisation.clone(), terms.clone()), move |inner, before, _| {
            inner.check_etag(terms.if_match.as_ref(), &object.key(), &object.name())?;
            let planned = plan::save(inner.context(before, &organisation), &object).map_err(refuse)?;
            Ok(saved(inner, before, planned, &object))
        })
        .await
    }

    /// Makes or replaces several objects, all or nothing; a dry run only tells. `if_match` is the etag of the only one.
    pub async fn save_all(
        &self,
        organisation: &OrganisationId,
        objects: Vec<Object>,
        dry_run: bool,
        terms: Terms,
    ) -> Result<Vec<Saved>, ApplyError> {
        let (scope, organisation) = (Scope::of(organisation, terms.clone()), organisation.clone());
        let plan = move |inner: &Inner, before: &Snapshot, terms: &Terms| {
            match (objects.as_slice(), &terms.if_match) {
                ([only], Some(_)) => inner.check_etag(terms.if_match.as_ref(), &only.key(), &only.name())?,
                (_, None) => {}
                (several, Some(_)) => {
                    let message = format!("belongs to one object, {} are saved: leave it out", several.len());
                    return Err(refuse_one("etag", message));
                }
            }
            let planned = plan::save_all(inner.context(before, &organisation), &objects).map_err(refuse)?;
            let saved = objects.iter().map(|object| part(inner, before, &planned, object)).collect::<Vec<_>>();
            Ok((planned, saved))
        };
        if dry_run {
            return plan(&self.inner, &self.snapshot(), &terms).map(|(_, saved)| saved);
        }
        self.write(scope, move |inner, before, _| {
            let (planned, saved) = plan(inner, before, &terms)?;
            Ok(Step::of(planned, saved))
        })
        .await
    }

    /// Gives a provider a secret, or another one under the same name.
    pub async fn save_credential(
        &self,
        organisation: &OrganisationId,
        provider: &ProviderSlug,
        credential: CredentialSpec,
        terms: Terms,
    ) -> Result<Saved, ApplyError> {
        let (organisation, provider) = (organisation.clone(), provider.clone());
        self.write(Scope::of(&organisation.clone(), terms.clone()), move |inner, before, _| {
            let held = |of: &Snapshot| {
                let tenant = of.tenants.get(&organisation)?;
                tenant.credentials_of(&provider).find(|it| it.name == credential.name).cloned().map(Object::Credential)
            };
            let known = held(before);
            if let Some(known) = &known {
                inner.check_etag(terms.if_match.as_ref(), &known.key(), &known.name())?;
            } else {
                let name = format!("{provider}/{}", credential.name);
                check_etag(terms.if_match.as_ref(), ObjectKind::Credential.as_str(), &name, None)?;
            }
            let context = inner.context(before, &organisation);
            let planned = plan::save_credential(context, &provider, &credential).map_err(refuse)?;
            let put = planned.changes.iter().find_map(|change| match change {
                Change::Put(object @ Object::Credential(_)) => Some(object.clone()),
                Change::Put(_) | Change::Delete(_) => None,
            });
            let object = put.or(known).ok_or(RegistryError::Incomplete { what: "the new credential" })?;
            Ok(saved(inner, before, planned, &object))
        })
        .await
    }

    /// Makes an API key; its text is in the answer and nowhere else.
    pub async fn create_key(
        &self,
        organisation: &OrganisationId,
        spec: KeySpec,
        terms: Terms,
    ) -> Result<CreatedKey, ApplyError> {
        let organisation = organisation.clone();
        self.write(Scope::of(&organisation.clone(), terms), move |inner, before, _| {
            let mut keys = before.keys.iter();
            if keys.any(|it| it.organisation == organisation && it.name == spec.name && it.revoked_at.is_none()) {
                let message = format!("there is a key `{}` already: choose another name, or revoke it", spec.name);
                return Err(refuse(vec![DesiredFault { path: "name".to_owned(), message }]));
            }
            let planned = plan::create_key(inner.context(before, &organisation), &spec).map_err(refuse)?;
            let (name, given) = (spec.name, spec.secret);
            let made = planned.diff.created_keys.first().cloned();
            let created = made.or_else(|| {
                let id = planned.changes.iter().find_map(|change| match change {
                    Change::Put(Object::Key(key)) => Some(key.id.to_string()),
                    Change::Put(_) | Change::Delete(_) => None,
                });
                Some(CreatedKey { id: id?, name, key: given? })
            });
            let created = created.ok_or(RegistryError::Incomplete { what: "the new key" })?;
            Ok(Step::of(planned, created))
        })
        .await
    }

    /// Revokes an API key, by id or name; one that is revoked already stays so.
    pub async fn revoke_key(
        &self,
        organisation: &OrganisationId,
        key: &str,
        terms: Terms,
    ) -> Result<Arc<ApiKey>, ApplyError> {
        let (organisation, text) = (organisation.clone(), key.to_owned());
        let revoked = self.write(Scope::of(&organisation.clone(), terms.clone()), move |inner, before, _| {
            let known = find_key(before, &organisation, &text)?;
            let key = Object::Key(known.clone()).key();
            inner.check_etag(terms.if_match.as_ref(), &key, &known.name)?;
            if known.revoked_at.is_some() {
                return Ok(Step::nothing(ApiKey::clone(&known)));
            }
            let revoked = ApiKey { revoked_at: Some(crate::now()), ..ApiKey::clone(&known) };
            let record = Record { key, action: AuditAction::Revoke, name: known.name.clone(), changes: Vec::new() };
            let changes = vec![Change::Put(Object::Key(Arc::new(revoked.clone())))];
            Ok(Step { changes, records: vec![record], ..Step::nothing(revoked) })
        });
        revoked.await.map(Arc::new)
    }

    /// Deletes an object, by id, name or slug (a credential: `provider/name`); refused while others refer to it.
    pub async fn delete(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        name: &str,
        terms: Terms,
    ) -> Result<Diff, ApplyError> {
        let organisation = organisation.clone();
        let removal = Removal { kind, name: name.to_owned() };
        self.write(Scope::of(&organisation.clone(), terms.clone()), move |inner, before, _| {
            let if_match = |id: &str, name: &str| {
                let key = ObjectKey { kind, organisation: Some(organisation.clone()), id: id.to_owned() };
                inner.check_etag(terms.if_match.as_ref(), &key, name)
            };
            let planned = plan::remove(inner.context(before, &organisation), &removal, if_match)?;
            let diff = planned.diff.clone();
            Ok(Step::of(planned, diff))
        })
        .await
    }
}

/// The step that saves an object, and its answer.
pub(super) fn saved(inner: &Inner, before: &Snapshot, planned: Planned, object: &Object) -> Step<Saved> {
    let (object, etag) = state_after(inner, before, &planned, object);
    let diff = planned.diff.clone();
    Step::of(planned, Saved { object, etag, diff })
}

/// One object of a plan that saves several, with its own line of the diff.
fn part(inner: &Inner, before: &Snapshot, planned: &Planned, object: &Object) -> Saved {
    let (object, etag) = state_after(inner, before, planned, object);
    let (kind, name) = (object.key().kind, object.name());
    let lines = planned.diff.lines.iter().filter(|line| line.kind == kind.as_str() && line.name == name);
    let diff = Diff { lines: lines.cloned().collect(), ..Diff::default() };
    Saved { object, etag, diff }
}

/// An object as a plan leaves it.
fn state_after(inner: &Inner, before: &Snapshot, planned: &Planned, object: &Object) -> (Object, Etag) {
    let key = object.key();
    let etag = inner.etag_after(before, &key, &planned.changes);
    let put = planned.changes.iter().find_map(|change| match change {
        Change::Put(put) if put.key() == key => Some(put.clone()),
        Change::Put(_) | Change::Delete(_) => None,
    });
    (put.or_else(|| super::lookups::live(before, &key)).unwrap_or_else(|| object.clone()), etag)
}

fn check_configuration(terms: &Terms, before: &Snapshot) -> Result<(), ApplyError> {
    let current = Etag::of_revision(before.version.revision);
    check_etag(terms.if_match.as_ref(), "configuration", "of the organisation", Some(current))
}
