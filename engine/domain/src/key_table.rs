//! All keys of all organisations: by hash, for requests; by id, for changes.
//!
//! Both maps are in shards, so that a change copies a hundredth part. The second one costs about 40 bytes a key.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::KeyId;
use crate::key::{ApiKey, KeyHash};

const SHARDS: usize = 64;

/// All keys of all tenants. Keys have distinct ids and distinct hashes.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyTable {
    by_hash: Vec<Arc<HashMap<KeyHash, Arc<ApiKey>>>>,
    by_id: Vec<Arc<HashMap<KeyId, Arc<ApiKey>>>>,
}

impl Default for KeyTable {
    fn default() -> Self {
        Self { by_hash: vec![Arc::default(); SHARDS], by_id: vec![Arc::default(); SHARDS] }
    }
}

impl KeyTable {
    /// Finds a key by its hash.
    pub fn get(&self, hash: &KeyHash) -> Option<&Arc<ApiKey>> {
        self.by_hash[shard_of_hash(hash)].get(hash)
    }

    /// Finds a key by its id.
    pub fn with_id(&self, id: &str) -> Option<&Arc<ApiKey>> {
        self.by_id[shard_of_id(id)].get(id)
    }

    /// Every key, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ApiKey>> {
        self.by_hash.iter().flat_map(|shard| shard.values())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.by_hash.iter().map(|shard| shard.len()).sum()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a key in the place of the one with its id, and of the one with its hash.
    pub(crate) fn put(&mut self, key: &Arc<ApiKey>) {
        let of_id = Arc::make_mut(&mut self.by_id[shard_of_id(key.id.as_str())]);
        let before = of_id.insert(key.id.clone(), key.clone());
        // A key whose secret was replaced has another hash: the old entry must go.
        if let Some(before) = before.filter(|before| before.hash != key.hash) {
            Arc::make_mut(&mut self.by_hash[shard_of_hash(&before.hash)]).remove(&before.hash);
        }
        let of_hash = Arc::make_mut(&mut self.by_hash[shard_of_hash(&key.hash)]);
        if let Some(other) = of_hash.insert(key.hash, key.clone()).filter(|other| other.id != key.id) {
            Arc::make_mut(&mut self.by_id[shard_of_id(other.id.as_str())]).remove(&other.id);
        }
    }

    pub(crate) fn remove(&mut self, id: &str) {
        if self.with_id(id).is_none() {
            return;
        }
        if let Some(key) = Arc::make_mut(&mut self.by_id[shard_of_id(id)]).remove(id) {
            Arc::make_mut(&mut self.by_hash[shard_of_hash(&key.hash)]).remove(&key.hash);
        }
    }
}

fn shard_of_hash(hash: &KeyHash) -> usize {
    usize::from(hash.0[0]) % SHARDS
}

/// Ids end in random letters and digits.
fn shard_of_id(id: &str) -> usize {
    id.bytes().rev().take(4).fold(0, |sum, byte| sum * 31 + usize::from(byte)) % SHARDS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ids::OrganisationId;

    fn key(id: u8, hash: u8) -> Arc<ApiKey> {
        let mut key: ApiKey = serde_json::from_value(json!({"id": KeyId::from_random([id; 20]),
            "organisation": OrganisationId::from_random([1; 20]), "name": "k", "hint": "", "scopes": [],
            "allowed_models": [], "created_at": 0, "hash": vec![0; 32]}))
        .unwrap();
        key.hash = KeyHash([hash; 32]);
        Arc::new(key)
    }

    proptest! {
        #[test]
        fn both_ways_find_what_a_list_holds_after_any_changes(
            steps in prop::collection::vec((0..8_u8, prop::option::weighted(0.7, 0..8_u8)), 0..80),
        ) {
            let (mut table, mut list) = (KeyTable::default(), Vec::<Arc<ApiKey>>::new());
            for (id, hash) in steps {
                let before = (table.clone(), list.clone());
                let id_text = KeyId::from_random([id; 20]);
                if let Some(key) = hash.map(|hash| key(id, hash)) {
                    list.retain(|it| it.id != key.id && it.hash != key.hash);
                    table.put(&key);
                    list.push(key);
                } else {
                    list.retain(|it| it.id != id_text);
                    table.remove(id_text.as_str());
                }
                for (table, list) in [(&table, &list), (&before.0, &before.1)] {
                    prop_assert_eq!(table.len(), list.len());
                    for number in 0..8 {
                        let (id, hash) = (KeyId::from_random([number; 20]), KeyHash([number; 32]));
                        prop_assert_eq!(table.with_id(id.as_str()), list.iter().find(|it| it.id == id));
                        prop_assert_eq!(table.get(&hash), list.iter().find(|it| it.hash == hash));
                    }
                }
            }
        }
    }
}
