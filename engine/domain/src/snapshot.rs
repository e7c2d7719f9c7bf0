//! The configuration as gateways and the engine hold it: immutable, shared, replaced whole or by deltas.
//!
//! One `Arc` table per kind and tenant, keys in shards, so that a delta clones only what it touches. What requests look up
//! by name has an index ([`PolicyTable`], [`ModelTable`]), so that no request scans a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::benchmark::Benchmark;
use crate::blend::Blend;
use crate::catalogue::{Credential, Model, Organisation, Project, Provider, SealedBytes};
use crate::ids::{BlendId, CredentialId, ModelId, OrganisationId, ProjectId, ProviderSlug, RouterId, ScorecardId};
use crate::key_table::KeyTable;
use crate::named_table::{ModelTable, PolicyTable};
use crate::object::{Change, Object, ObjectKey, ObjectKind};
use crate::policy::{CredentialSource, Policy, Router};

/// Objects of one kind, by id, in id order.
pub type Table<K, V> = Arc<BTreeMap<K, Arc<V>>>;

/// Which configuration: revisions count within an epoch, a new epoch is another registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SnapshotVersion {
    /// Identity of the registry.
    pub epoch: u64,
    /// Revision within it.
    pub revision: u64,
}

/// What one organisation has configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// The organisation itself.
    pub organisation: Arc<Organisation>,
    /// Its projects.
    pub projects: Table<ProjectId, Project>,
    /// Its providers.
    pub providers: Table<ProviderSlug, Provider>,
    /// Its provider secrets, sealed.
    pub credentials: Table<CredentialId, Credential>,
    /// Its models.
    pub models: Arc<ModelTable>,
    /// Its scorecards, measured.
    pub scorecards: Table<ScorecardId, Benchmark>,
    /// Its blends.
    pub blends: Table<BlendId, Blend>,
    /// Its policies.
    pub policies: Arc<PolicyTable>,
    /// Its routers.
    pub routers: Table<RouterId, Router>,
}

impl Tenant {
    /// An organisation with nothing configured.
    pub fn new(organisation: Arc<Organisation>) -> Self {
        Self {
            organisation,
            projects: Table::default(),
            providers: Table::default(),
            credentials: Table::default(),
            models: Arc::default(),
            scorecards: Table::default(),
            blends: Table::default(),
            policies: Arc::default(),
            routers: Table::default(),
        }
    }

    /// The provider of a model.
    pub fn provider_of(&self, model: &ModelId) -> Option<&Arc<Provider>> {
        self.providers.get(model.provider())
    }

    /// The secrets of a provider, in id order.
    pub fn credentials_of<'a>(&'a self, provider: &'a ProviderSlug) -> impl Iterator<Item = &'a Arc<Credential>> {
        self.credentials.values().filter(move |credential| credential.provider == *provider)
    }

    /// The secrets of a provider that come from one source, or from any.
    pub fn credentials_from<'a>(
        &'a self,
        provider: &'a ProviderSlug,
        source: Option<CredentialSource>,
    ) -> impl Iterator<Item = &'a Arc<Credential>> {
        self.credentials_of(provider).filter(move |it| source.is_none_or(|source| it.owner.source() == source))
    }

    /// Whether a model can be called at all: it is enabled, its provider speaks a dialect that requests can be put into,
    /// and has a secret or needs none.
    pub fn is_callable(&self, model: &Model) -> bool {
        let has_access = self.provider_of(&model.id).is_some_and(|provider| self.can_open(provider));
        model.enabled && has_access && self.is_routable(&model.id)
    }

    /// Whether requests can be put into the dialect of a model's provider; one that is missing stands in nobody's way.
    pub fn is_routable(&self, model: &ModelId) -> bool {
        self.provider_of(model).is_none_or(|provider| provider.dialect.is_routable())
    }

    /// Whether a provider can be called at all: it has a secret or needs none.
    pub fn can_open(&self, provider: &Provider) -> bool {
        self.can_open_from(provider, None)
    }

    /// Whether a provider can be called with secrets of one source, or of any.
    pub fn can_open_from(&self, provider: &Provider, source: Option<CredentialSource>) -> bool {
        provider.allow_anonymous || self.credentials_from(&provider.slug, source).next().is_some()
    }

    /// Finds a policy by id, slug or name.
    pub fn policy_named(&self, text: &str) -> Option<&Arc<Policy>> {
        self.policies.get(text).or_else(|| self.policies.named(text).next())
    }
}

/// The whole configuration at one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Which configuration this is.
    pub version: SnapshotVersion,
    /// Everything but keys, by organisation.
    pub tenants: BTreeMap<OrganisationId, Arc<Tenant>>,
    /// All keys.
    pub keys: KeyTable,
    /// The sealed pepper of key hashes.
    pub pepper: Option<SealedBytes>,
}

impl Snapshot {
    /// Builds a snapshot from a full copy.
    pub fn full(version: SnapshotVersion, objects: impl IntoIterator<Item = Object>) -> Self {
        let mut snapshot = Self { version, ..Self::default() };
        for object in objects {
            snapshot.put(object);
        }
        snapshot
    }

    /// Returns the next version: this one with the changes applied in order.
    #[must_use]
    pub fn apply(&self, version: SnapshotVersion, changes: impl IntoIterator<Item = Change>) -> Self {
        let mut next = Self { version, ..self.clone() };
        for change in changes {
            match change {
                Change::Put(object) => next.put(object),
                Change::Delete(key) => next.delete(&key),
            }
        }
        next
    }

    /// Every object, referred-to kinds first: what a full copy sends.
    pub fn objects(&self) -> Vec<Object> {
        let mut objects: Vec<Object> = self.pepper.clone().map(Object::Pepper).into_iter().collect();
        for tenant in self.tenants.values() {
            objects.push(Object::Organisation(tenant.organisation.clone()));
            objects.extend(tenant.projects.values().cloned().map(Object::Project));
            objects.extend(tenant.providers.values().cloned().map(Object::Provider));
            objects.extend(tenant.credentials.values().cloned().map(Object::Credential));
            objects.extend(tenant.models.values().cloned().map(Object::Model));
            objects.extend(tenant.scorecards.values().map(|it| Object::Scorecard(it.scorecard().clone())));
            objects.extend(tenant.blends.values().cloned().map(Object::Blend));
            objects.extend(tenant.policies.values().cloned().map(Object::Policy));
            objects.extend(tenant.routers.values().cloned().map(Object::Router));
        }
        let mut keys: Vec<_> = self.keys.iter().cloned().collect();
        keys.sort_by(|a, b| a.id.cmp(&b.id));
        objects.extend(keys.into_iter().map(Object::Key));
        objects
    }

    /// What an organisation has configured.
    pub fn tenant(&self, organisation: &OrganisationId) -> Option<&Arc<Tenant>> {
        self.tenants.get(organisation)
    }

    fn put(&mut self, object: Object) {
        match object {
            Object::Pepper(sealed) => self.pepper = Some(sealed),
            Object::Organisation(it) => match self.tenants.get_mut(&it.id) {
                Some(tenant) => Arc::make_mut(tenant).organisation = it,
                None => {
                    self.tenants.insert(it.id.clone(), Arc::new(Tenant::new(it)));
                }
            },
            Object::Project(it) => {
                self.edit(&it.organisation.clone(), |tenant| insert(&mut tenant.projects, it.id.clone(), it));
            }
            Object::Provider(it) => {
                self.edit(&it.organisation.clone(), |tenant| insert(&mut tenant.providers, it.slug.clone(), it));
            }
            Object::Credential(it) => {
                self.edit(&it.organisation.clone(), |tenant| insert(&mut tenant.credentials, it.id.clone(), it));
            }
            Object::Model(it) => {
                self.edit(&it.organisation.clone(), |tenant| {
                    Arc::make_mut(&mut tenant.models).insert(it.id.clone(), it);
                });
            }
            Object::Scorecard(it) => {
                self.edit(&it.organisation.clone(), |tenant| {
                    insert(&mut tenant.scorecards, it.id.clone(), Arc::new(Benchmark::of(it)));
                });
            }
            Object::Blend(it) => {
                self.edit(&it.organisation.clone(), |tenant| insert(&mut tenant.blends, it.id.clone(), it));
            }
            Object::Policy(it) => {
                self.edit(&it.organisation.clone(), |tenant| {
                    Arc::make_mut(&mut tenant.policies).insert(it.id.clone(), it);
                });
            }
            Object::Router(it) => {
                self.edit(&it.organisation.clone(), |tenant| insert(&mut tenant.routers, it.id.clone(), it));
            }
            Object::Key(it) => self.keys.put(&it),
        }
    }

    fn delete(&mut self, key: &ObjectKey) {
        let id = key.id.as_str();
        match key.kind {
            ObjectKind::Pepper => self.pepper = None,
            ObjectKind::Organisation => drop(self.tenants.remove(id)),
            ObjectKind::Key => self.keys.remove(id),
            kind => {
                let Some(organisation) = &key.organisation else {
                    return;
                };
                self.edit(organisation, |tenant| match kind {
                    ObjectKind::Project => remove(&mut tenant.projects, id),
                    ObjectKind::Provider => remove(&mut tenant.providers, id),
                    ObjectKind::Credential => remove(&mut tenant.credentials, id),
                    ObjectKind::Model => drop(Arc::make_mut(&mut tenant.models).remove(id)),
                    ObjectKind::Scorecard => remove(&mut tenant.scorecards, id),
                    ObjectKind::Blend => remove(&mut tenant.blends, id),
                    ObjectKind::Policy => drop(Arc::make_mut(&mut tenant.policies).remove(id)),
                    ObjectKind::Router => remove(&mut tenant.routers, id),
                    ObjectKind::Pepper | ObjectKind::Organisation | ObjectKind::Key => {}
                });
            }
        }
    }

    /// Changes a tenant; an object of an unknown organisation has nowhere to go and is left out.
    fn edit(&mut self, organisation: &OrganisationId, change: impl FnOnce(&mut Tenant)) {
        if let Some(tenant) = self.tenants.get_mut(organisation) {
            change(Arc::make_mut(tenant));
        }
    }
}

fn insert<K: Ord + Clone, V>(table: &mut Table<K, V>, id: K, value: Arc<V>) {
    Arc::make_mut(table).insert(id, value);
}

fn remove<K: Ord + Clone + std::borrow::Borrow<str>, V>(table: &mut Table<K, V>, id: &str) {
    Arc::make_mut(table).remove(id);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scorecard::tests::scorecard;

    #[test]
    fn scorecards_and_blends_come_and_go_and_full_copies_carry_them() {
        let scorecard = Arc::new(scorecard(&[("a/x", 0.5)]));
        let organisation: Organisation =
            serde_json::from_value(json!({"id": scorecard.organisation, "name": "o", "default_policy": null})).unwrap();
        let blend: Blend =
            serde_json::from_value(json!({"id": BlendId::from_random([3; 20]), "name": "ours", "version": 1,
            "organisation": scorecard.organisation, "weights": [{"benchmark": scorecard.id, "weight": 1.0}]}))
            .unwrap();
        let objects = [
            Object::Organisation(Arc::new(organisation)),
            Object::Scorecard(scorecard),
            Object::Blend(Arc::new(blend)),
        ];
        let snapshot = Snapshot::full(SnapshotVersion::default(), objects.clone());
        assert_eq!(snapshot.objects(), objects);
        let gone = objects[1..].iter().map(|it| Change::Delete(it.key()));
        let emptied = snapshot.apply(SnapshotVersion::default(), gone);
        assert_eq!(emptied.objects(), objects[..1]);
    }
}
