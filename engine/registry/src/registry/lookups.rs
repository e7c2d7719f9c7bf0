//! Look-ups in the current configuration, each in one organisation.

use std::sync::Arc;

use domain::{
    ApiKey, Blend, Model, Object, ObjectKey, ObjectKind, Organisation, OrganisationId, Policy, Project, Provider,
    Router, Scorecard, Snapshot, Tenant,
};

use super::Registry;
use crate::error::UnknownObject;
use crate::names;

/// Look-ups in the current snapshot. Each sees one organisation only.
impl Registry {
    /// An organisation by id or name.
    pub fn find_organisation(&self, text: &str) -> Option<Arc<Organisation>> {
        let snapshot = self.snapshot();
        let by_id = snapshot.tenants.get(text);
        let found = by_id.or_else(|| snapshot.tenants.values().find(|it| it.organisation.name == text));
        found.map(|tenant| tenant.organisation.clone())
    }

    /// Every organisation.
    pub fn list_organisations(&self) -> Vec<Arc<Organisation>> {
        self.snapshot().tenants.values().map(|tenant| tenant.organisation.clone()).collect()
    }

    /// An organisation's configuration.
    pub fn tenant(&self, organisation: &OrganisationId) -> Option<Arc<Tenant>> {
        self.snapshot().tenants.get(organisation).cloned()
    }

    /// An API key by id or name.
    pub fn find_key(&self, organisation: &OrganisationId, text: &str) -> Result<Arc<ApiKey>, UnknownObject> {
        find_key(&self.snapshot(), organisation, text)
    }

    /// An organisation's API keys, oldest first.
    pub fn list_keys(&self, organisation: &OrganisationId) -> Vec<Arc<ApiKey>> {
        let snapshot = self.snapshot();
        let mut keys: Vec<_> = snapshot.keys.iter().filter(|it| it.organisation == *organisation).cloned().collect();
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        keys
    }

    /// An organisation's providers.
    pub fn list_providers(&self, organisation: &OrganisationId) -> Vec<Arc<Provider>> {
        self.tenant(organisation).map(|it| it.providers.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's models.
    pub fn list_models(&self, organisation: &OrganisationId) -> Vec<Arc<Model>> {
        self.tenant(organisation).map(|it| it.models.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's policies.
    pub fn list_policies(&self, organisation: &OrganisationId) -> Vec<Arc<Policy>> {
        self.tenant(organisation).map(|it| it.policies.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's routers.
    pub fn list_routers(&self, organisation: &OrganisationId) -> Vec<Arc<Router>> {
        self.tenant(organisation).map(|it| it.routers.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's projects.
    pub fn list_projects(&self, organisation: &OrganisationId) -> Vec<Arc<Project>> {
        self.tenant(organisation).map(|it| it.projects.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's scorecards.
    pub fn list_scorecards(&self, organisation: &OrganisationId) -> Vec<Arc<Scorecard>> {
        let scorecards = |it: Arc<Tenant>| it.scorecards.values().map(|it| it.scorecard().clone()).collect();
        self.tenant(organisation).map(scorecards).unwrap_or_default()
    }

    /// An organisation's blends.
    pub fn list_blends(&self, organisation: &OrganisationId) -> Vec<Arc<Blend>> {
        self.tenant(organisation).map(|it| it.blends.values().cloned().collect()).unwrap_or_default()
    }

    /// An object by id, name or slug: a credential as `provider/name`, a scorecard as `name@version` or by the name that
    /// only it has.
    pub fn find(&self, organisation: &OrganisationId, kind: ObjectKind, text: &str) -> Option<Object> {
        find(&self.snapshot(), organisation, kind, text)
    }
}

/// The object of this key.
pub(super) fn live(snapshot: &Snapshot, key: &ObjectKey) -> Option<Object> {
    let organisation = key.organisation.clone().or_else(|| OrganisationId::parse(&key.id).ok())?;
    find(snapshot, &organisation, key.kind, &key.id).filter(|it| it.key() == *key)
}

/// An object of an organisation by id, name or slug.
pub(super) fn find(snapshot: &Snapshot, organisation: &OrganisationId, kind: ObjectKind, text: &str) -> Option<Object> {
    let tenant = snapshot.tenants.get(organisation)?;
    match kind {
        ObjectKind::Pepper => None,
        ObjectKind::Organisation => {
            let own = &tenant.organisation;
            (own.id.as_str() == text || own.name == text).then(|| Object::Organisation(own.clone()))
        }
        ObjectKind::Project => {
            let named = || tenant.projects.values().find(|it| it.name == text);
            tenant.projects.get(text).or_else(named).cloned().map(Object::Project)
        }
        ObjectKind::Provider => tenant.providers.get(text).cloned().map(Object::Provider),
        ObjectKind::Credential => {
            let named = |it: &&Arc<domain::Credential>| {
                text.split_once('/').is_some_and(|(provider, name)| it.provider.as_str() == provider && it.name == name)
            };
            let named = || tenant.credentials.values().find(named);
            tenant.credentials.get(text).or_else(named).cloned().map(Object::Credential)
        }
        ObjectKind::Model => tenant.models.get(text).cloned().map(Object::Model),
        ObjectKind::Scorecard => {
            names::scorecard(tenant, text).ok().map(|it| Object::Scorecard(it.scorecard().clone()))
        }
        ObjectKind::Blend => {
            let named = || tenant.blends.values().find(|it| it.name == text);
            tenant.blends.get(text).or_else(named).cloned().map(Object::Blend)
        }
        ObjectKind::Policy => tenant.policy_named(text).cloned().map(Object::Policy),
        ObjectKind::Router => {
            let named = || tenant.routers.values().find(|it| it.name == text);
            tenant.routers.get(text).or_else(named).cloned().map(Object::Router)
        }
        ObjectKind::Key => find_key(snapshot, organisation, text).ok().map(Object::Key),
    }
}

/// A key by id, or by name: the one in force before those revoked.
pub(super) fn find_key(
    snapshot: &Snapshot,
    organisation: &OrganisationId,
    text: &str,
) -> Result<Arc<ApiKey>, UnknownObject> {
    let own: Vec<_> = snapshot.keys.iter().filter(|it| it.organisation == *organisation).collect();
    let by_id = own.iter().find(|it| it.id.as_str() == text);
    let named = || own.iter().filter(|it| it.name == text).min_by_key(|it| it.revoked_at.is_some());
    by_id.or_else(named).map(|it| (*it).clone()).ok_or_else(|| UnknownObject {
        what: String::new(),
        kind: ObjectKind::Key,
        name: text.to_owned(),
        hint: names::hint(text, own.iter().map(|it| it.name.as_str())),
    })
}
