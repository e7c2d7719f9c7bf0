//! An organisation's API keys as a change leaves them: the live table, and over it what the change puts and removes.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{ApiKey, KeyTable, OrganisationId};

/// Reads like a table of the organisation's keys, and copies none of them.
#[derive(Clone, Debug)]
pub(crate) struct Keys<'a> {
    live: &'a KeyTable,
    organisation: &'a OrganisationId,
    /// By id; `None` = removed.
    changed: BTreeMap<String, Option<Arc<ApiKey>>>,
}

impl<'a> Keys<'a> {
    /// The keys as they are.
    pub(crate) fn of(live: &'a KeyTable, organisation: &'a OrganisationId) -> Self {
        Self { live, organisation, changed: BTreeMap::new() }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<ApiKey>> {
        match self.changed.get(id) {
            Some(changed) => changed.as_ref(),
            None => self.live.with_id(id).filter(|key| key.organisation == *self.organisation),
        }
    }

    /// Every key, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<ApiKey>> {
        let is_left = |key: &&Arc<ApiKey>| {
            key.organisation == *self.organisation && (self.changed.is_empty() || !self.is_changed(key))
        };
        self.live.iter().filter(is_left).chain(self.changed.values().flatten())
    }

    /// The key of this name that is not revoked.
    pub(crate) fn in_force(&self, name: &str) -> Option<&Arc<ApiKey>> {
        self.iter().find(|key| key.revoked_at.is_none() && key.name == name)
    }

    pub(crate) fn put(&mut self, key: Arc<ApiKey>) {
        self.changed.insert(key.id.to_string(), Some(key));
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.changed.insert(id.to_owned(), None);
    }

    fn is_changed(&self, key: &ApiKey) -> bool {
        self.changed.contains_key(key.id.as_str())
    }
}
