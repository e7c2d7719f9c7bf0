//! Which object changed last at which revision: what makes deltas out of snapshots.
//!
//! One entry an object, so the log grows with the configuration and not with time. Deletions are kept up to a limit;
//! who is older than the oldest kept one needs a full copy.

use std::collections::{BTreeMap, HashMap};

use domain::{Change, Object, ObjectKey, ObjectKind, Snapshot};

/// Deletions kept; past it the older half is forgotten.
const DELETIONS: usize = 10_000;

/// The last change of every object, in memory; `store` keeps the same on disk.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    latest: HashMap<ObjectKey, u64>,
    by_revision: BTreeMap<(u64, ObjectKey), bool>,
    deletions: usize,
    pruned: u64,
}

impl ChangeLog {
    /// Reads back a log: entries of key, revision and whether it was a deletion.
    pub(crate) fn restore(entries: impl IntoIterator<Item = (ObjectKey, u64, bool)>, pruned: u64) -> Self {
        let mut log = Self { pruned, ..Self::default() };
        for (key, revision, deleted) in entries {
            log.note(key, revision, deleted);
        }
        log
    }

    /// Notes the changes of a revision, and forgets the deletions that `cut` says.
    pub(crate) fn record(&mut self, revision: u64, changes: &[Change], cut: Option<u64>) {
        for change in changes {
            match change {
                Change::Put(object) => self.note(object.key(), revision, false),
                Change::Delete(key) => self.note(key.clone(), revision, true),
            }
        }
        if let Some(cut) = cut {
            self.forget(cut);
        }
    }

    /// The revision at which an object changed last; `None` when it is not there.
    pub(crate) fn revision_of(&self, key: &ObjectKey) -> Option<u64> {
        let revision = *self.latest.get(key)?;
        // Deletions are in the log as well.
        (!*self.by_revision.get(&(revision, key.clone()))?).then_some(revision)
    }

    /// The revision up to which deletions should be forgotten now, if any.
    pub(crate) fn cut(&self) -> Option<u64> {
        self.cut_over(DELETIONS)
    }

    fn cut_over(&self, limit: usize) -> Option<u64> {
        if self.deletions <= limit {
            return None;
        }
        let mut deleted = self.by_revision.iter().filter(|(_, deleted)| **deleted).map(|((revision, _), _)| *revision);
        deleted.nth(self.deletions / 2)
    }

    fn forget(&mut self, cut: u64) {
        let is_old = |((revision, _), deleted): &(&(u64, ObjectKey), &bool)| **deleted && *revision <= cut;
        let old: Vec<_> = self.by_revision.iter().filter(is_old).map(|(entry, _)| entry.clone()).collect();
        for entry in old {
            self.by_revision.remove(&entry);
            self.latest.remove(&entry.1);
            self.deletions -= 1;
        }
        self.pruned = self.pruned.max(cut);
    }

    fn note(&mut self, key: ObjectKey, revision: u64, deleted: bool) {
        if let Some(before) = self.latest.insert(key.clone(), revision) {
            let was_deleted = self.by_revision.remove(&(before, key.clone())).unwrap_or(false);
            self.deletions -= usize::from(was_deleted);
        }
        self.deletions += usize::from(deleted);
        self.by_revision.insert((revision, key), deleted);
    }

    /// The steps from a revision to the snapshot, deletions first, or `None` when a full copy is needed.
    pub(crate) fn since(&self, revision: u64, snapshot: &Snapshot) -> Option<Vec<Change>> {
        if revision < self.pruned || revision > snapshot.version.revision {
            return None;
        }
        let (mut deleted, mut put) = (Vec::new(), Vec::new());
        for ((_, key), was_deleted) in self.by_revision.range((revision + 1, first_key())..) {
            if *was_deleted {
                deleted.push(key.clone());
            } else {
                put.push(key.clone());
            }
        }
        // What others refer to goes last and comes first.
        deleted.sort_by(|a, b| b.cmp(a));
        put.sort();
        let objects = look_up(snapshot, &put);
        Some(deleted.into_iter().map(Change::Delete).chain(objects.into_iter().map(Change::Put)).collect())
    }
}

fn first_key() -> ObjectKey {
    ObjectKey { kind: ObjectKind::Pepper, organisation: None, id: String::new() }
}

/// The objects of these names, in the order of the names.
fn look_up(snapshot: &Snapshot, names: &[ObjectKey]) -> Vec<Object> {
    let find = |name: &ObjectKey| -> Option<Object> {
        let id = name.id.as_str();
        match name.kind {
            ObjectKind::Pepper => return snapshot.pepper.clone().map(Object::Pepper),
            ObjectKind::Organisation => {
                return snapshot.tenants.get(id).map(|tenant| Object::Organisation(tenant.organisation.clone()));
            }
            ObjectKind::Key => return snapshot.keys.with_id(id).cloned().map(Object::Key),
            _ => {}
        }
        let tenant = snapshot.tenants.get(name.organisation.as_ref()?)?;
        match name.kind {
            ObjectKind::Project => tenant.projects.get(id).cloned().map(Object::Project),
            ObjectKind::Provider => tenant.providers.get(id).cloned().map(Object::Provider),
            ObjectKind::Credential => tenant.credentials.get(id).cloned().map(Object::Credential),
            ObjectKind::Model => tenant.models.get(id).cloned().map(Object::Model),
            ObjectKind::Scorecard => tenant.scorecards.get(id).map(|it| Object::Scorecard(it.scorecard().clone())),
            ObjectKind::Blend => tenant.blends.get(id).cloned().map(Object::Blend),
            ObjectKind::Policy => tenant.policies.get(id).cloned().map(Object::Policy),
            ObjectKind::Router => tenant.routers.get(id).cloned().map(Object::Router),
            ObjectKind::Pepper | ObjectKind::Organisation | ObjectKind::Key => None,
        }
    };
    names.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{OrganisationId, SnapshotVersion};

    fn deletion(number: usize) -> Change {
        let organisation = Some(OrganisationId::from_random([1; 20]));
        Change::Delete(ObjectKey { kind: ObjectKind::Model, organisation, id: format!("openai/{number}") })
    }

    #[test]
    fn forgotten_deletions_force_a_full_copy_and_younger_ones_do_not() {
        let mut log = ChangeLog::default();
        for number in 1..=10 {
            log.record(number, &[deletion(number as usize)], None);
        }
        assert_eq!(log.cut_over(10), None);
        let cut = log.cut_over(9).expect("over the limit");
        log.record(11, &[], Some(cut));
        let snapshot = Snapshot { version: SnapshotVersion { epoch: 1, revision: 11 }, ..Snapshot::default() };
        assert_eq!(log.since(cut - 1, &snapshot), None);
        assert_eq!(log.since(cut, &snapshot).expect("kept").len(), 10 - cut as usize);
    }

    #[test]
    fn object_changed_twice_is_sent_once() {
        let mut log = ChangeLog::default();
        log.record(1, &[deletion(1)], None);
        log.record(2, &[deletion(1)], None);
        let snapshot = Snapshot { version: SnapshotVersion { epoch: 1, revision: 2 }, ..Snapshot::default() };
        assert_eq!(log.since(0, &snapshot).expect("all kept").len(), 1);
    }

    #[test]
    fn revision_of_the_future_needs_a_full_copy() {
        assert_eq!(ChangeLog::default().since(1, &Snapshot::default()), None);
    }
}
