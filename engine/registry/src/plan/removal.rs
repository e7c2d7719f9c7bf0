//! Plans the removal of one object: refused while others refer to it.

use domain::{ObjectKind, ProviderSlug};

use super::{Context, Plan, Planned};
use crate::error::{ApplyError, UnknownObject};
use crate::names;

/// What is to go, by id, name or slug; a credential is named `provider/name`.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    pub(crate) kind: ObjectKind,
    pub(crate) name: String,
}

/// Plans a removal, or returns what stands in its way.
pub(crate) fn remove(
    context: Context<'_>,
    removal: &Removal,
    if_match: impl FnOnce(&str, &str) -> Result<(), ApplyError>,
) -> Result<Planned, ApplyError> {
    let refuse = |faults| ApplyError::Refused { faults };
    let mut plan = Plan::new(context).map_err(refuse)?;
    let Some((id, name)) = plan.find(removal) else {
        let hint = names::hint(&removal.name, plan.known(removal.kind).iter().map(|(_, name)| name.as_str()));
        let (kind, name) = (removal.kind, removal.name.clone());
        return Err(UnknownObject { what: String::new(), kind, name, hint }.into());
    };
    if_match(&id, &name)?;
    if removal.kind == ObjectKind::Provider {
        plan.remove_credentials(&id);
    }
    plan.delete(removal.kind, &id, &name);
    plan.finish().map_err(refuse)
}

impl Plan<'_> {
    fn find(&self, removal: &Removal) -> Option<(String, String)> {
        let text = removal.name.as_str();
        if removal.kind == ObjectKind::Policy {
            return self.before.policy_named(text).map(|it| (it.id.to_string(), it.name.clone()));
        }
        if removal.kind == ObjectKind::Key
            && let Some(key) = self.keys_before.get(text)
        {
            return Some((key.id.to_string(), key.name.clone()));
        }
        let known = self.known(removal.kind);
        let by_id = known.iter().find(|(id, _)| id == text);
        by_id.or_else(|| known.iter().find(|(_, name)| name == text)).cloned()
    }

    /// Ids and names of a kind.
    fn known(&self, kind: ObjectKind) -> Vec<(String, String)> {
        let tenant = self.before;
        match kind {
            ObjectKind::Pepper | ObjectKind::Organisation => Vec::new(),
            ObjectKind::Project => tenant.projects.values().map(|it| (it.id.to_string(), it.name.clone())).collect(),
            ObjectKind::Provider => tenant.providers.keys().map(|it| (it.to_string(), it.to_string())).collect(),
            ObjectKind::Credential => {
                let name = |it: &domain::Credential| format!("{}/{}", it.provider, it.name);
                tenant.credentials.values().map(|it| (it.id.to_string(), name(it))).collect()
            }
            ObjectKind::Model => tenant.models.keys().map(|it| (it.to_string(), it.to_string())).collect(),
            ObjectKind::Scorecard => {
                tenant.scorecards.values().map(|it| (it.scorecard().id.to_string(), it.scorecard().label())).collect()
            }
            ObjectKind::Blend => tenant.blends.values().map(|it| (it.id.to_string(), it.name.clone())).collect(),
            ObjectKind::Policy => tenant.policies.values().map(|it| (it.id.to_string(), it.name.clone())).collect(),
            ObjectKind::Router => tenant.routers.values().map(|it| (it.id.to_string(), it.name.clone())).collect(),
            ObjectKind::Key => self.keys_before.iter().map(|it| (it.id.to_string(), it.name.clone())).collect(),
        }
    }

    /// A provider's secrets go with it.
    fn remove_credentials(&mut self, slug: &str) {
        let Ok(slug) = ProviderSlug::parse(slug) else {
            return;
        };
        let before = self.before;
        for credential in before.credentials_of(&slug) {
            let name = format!("{slug}/{}", credential.name);
            self.delete(ObjectKind::Credential, credential.id.as_str(), &name);
        }
    }
}
