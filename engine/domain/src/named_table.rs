//! Objects by id that people also call by other names: looked up by either without a scan.
//!
//! Names need not be unique: those that share one are found together, in id order, as a scan would find them. The names
//! are kept by [`NamedTable::insert`] and [`NamedTable::remove`], the only ways to change a table; each costs its text, two
//! pointers and an id, about 150 bytes. Cloning copies pointers and no text.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use crate::catalogue::Model;
use crate::ids::{ModelId, PolicyId};
use crate::policy::Policy;

/// What has other names than its id.
pub trait Named {
    /// These names; the same one twice counts once.
    fn names(&self) -> impl Iterator<Item = &str>;
}

impl Named for Policy {
    fn names(&self) -> impl Iterator<Item = &str> {
        [self.slug.as_str(), self.name.as_str()].into_iter()
    }
}

impl Named for Model {
    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.native())
    }
}

/// Objects of one kind, by id, in id order, and by name. Reads like the map that it wraps.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTable<K, V> {
    objects: BTreeMap<K, Arc<V>>,
    /// Ids in ascending order; never empty.
    ids: HashMap<Arc<str>, Arc<Vec<K>>>,
}

/// An organisation's policies, by id, slug and name.
pub type PolicyTable = NamedTable<PolicyId, Policy>;
/// An organisation's models, by id and by the name that their provider gives them.
pub type ModelTable = NamedTable<ModelId, Model>;

impl<K, V> Default for NamedTable<K, V> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), ids: HashMap::new() }
    }
}

impl<K, V> Deref for NamedTable<K, V> {
    type Target = BTreeMap<K, Arc<V>>;

    fn deref(&self) -> &Self::Target {
        &self.objects
    }
}

impl<K: Ord + Clone + Borrow<str>, V: Named> FromIterator<(K, Arc<V>)> for NamedTable<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, Arc<V>)>>(objects: I) -> Self {
        let mut table = Self::default();
        for (id, object) in objects {
            table.insert(id, object);
        }
        table
    }
}

impl<K: Ord + Clone + Borrow<str>, V: Named> NamedTable<K, V> {
    /// Puts an object in the place of the one with this id, if there is one, and returns that.
    pub fn insert(&mut self, id: K, object: Arc<V>) -> Option<Arc<V>> {
        let before = self.remove(id.borrow());
        for name in object.names() {
            if let Some(ids) = self.ids.get_mut(name) {
                if let Err(place) = ids.binary_search(&id) {
                    Arc::make_mut(ids).insert(place, id.clone());
                }
            } else {
                self.ids.insert(name.into(), Arc::new(vec![id.clone()]));
            }
        }
        self.objects.insert(id, object);
        before
    }

    /// Takes an object out.
    pub fn remove(&mut self, id: &str) -> Option<Arc<V>> {
        let (id, object) = self.objects.remove_entry(id)?;
        for name in object.names() {
            let Some(ids) = self.ids.get_mut(name) else { continue };
            if let Ok(place) = ids.binary_search(&id) {
                Arc::make_mut(ids).remove(place);
            }
            if ids.is_empty() {
                self.ids.remove(name);
            }
        }
        Some(object)
    }

    /// The objects that have this name, in id order.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Arc<V>> {
        let ids = self.ids.get(name).map_or(&[][..], |ids| ids.as_slice());
        ids.iter().filter_map(|id| self.objects.get(id.borrow()))
    }
}

impl PolicyTable {
    /// The policies with this slug, in id order: one, unless a configuration is damaged.
    pub fn with_slug(&self, slug: &str) -> impl Iterator<Item = &Arc<Policy>> {
        self.named(slug).filter(move |policy| policy.slug == slug)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ids::OrganisationId;

    fn policy(number: u8, name: &str, slug: &str) -> Arc<Policy> {
        let policy = json!({"id": PolicyId::from_random([number; 20]), "organisation": OrganisationId::from_random([1; 20]),
            "name": name, "slug": slug, "candidates": "all", "strategy": {"type": "priority"}});
        Arc::new(serde_json::from_value(policy).unwrap())
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, String, String),
        Remove(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let put = (0..12_u8, "[a-c]", "[a-c]").prop_map(|(number, name, slug)| Step::Insert(number, name, slug));
        prop_oneof![3 => put, 1 => (0..12_u8).prop_map(Step::Remove)]
    }

    proptest! {
        #[test]
        fn names_find_what_a_scan_finds_after_any_changes(steps in prop::collection::vec(step(), 0..60)) {
            let mut table = PolicyTable::default();
            for step in steps {
                let before = table.clone();
                match &step {
                    Step::Insert(number, name, slug) => {
                        let policy = policy(*number, name, slug);
                        table.insert(policy.id.clone(), policy);
                    }
                    Step::Remove(number) => drop(table.remove(PolicyId::from_random([*number; 20]).as_str())),
                }
                for text in ["a", "b", "c", "d"] {
                    let scan = table.values().filter(|it| it.slug == text || it.name == text);
                    prop_assert!(table.named(text).eq(scan));
                    prop_assert!(table.with_slug(text).eq(table.values().filter(|it| it.slug == text)));
                    // A copy made before is not touched.
                    prop_assert!(before.named(text).eq(before.values().filter(|it| it.names().any(|name| name == text))));
                }
            }
            // Nothing is left behind: it equals a table that was filled afresh.
            let mut fresh = PolicyTable::default();
            for policy in table.values().rev() {
                fresh.insert(policy.id.clone(), policy.clone());
            }
            prop_assert_eq!(table, fresh);
        }
    }

    #[test]
    fn models_are_found_by_the_name_that_their_provider_gives_them() {
        let model = |id: &str| -> Arc<Model> {
            let model = json!({"id": id, "organisation": OrganisationId::from_random([1; 20]), "native": id,
                "enabled": false, "pricing": {}});
            Arc::new(serde_json::from_value(model).unwrap())
        };
        let mut table = ModelTable::default();
        for id in ["b/same", "a/same", "a/other"] {
            let model = model(id);
            table.insert(model.id.clone(), model);
        }
        let named = |name: &str| table.named(name).map(|it| it.id.to_string()).collect::<Vec<_>>();
        assert_eq!((named("same"), named("a/same")), (vec!["a/same".to_owned(), "b/same".to_owned()], Vec::new()));
    }
}
