//! Plans one object as a whole, as the services that edit objects one by one give it. Its faults name its fields.

use std::sync::Arc;

use domain::desired::{CredentialSpec, DesiredFault};
use domain::{
    ApiKey, Blend, Model, Object, ObjectKey, ObjectKind, Organisation, OrganisationId, Policy, Project, Provider,
    ProviderSlug, Router, Scorecard, Tenant,
};

use super::providers::without_slash;
use super::{Context, Plan, Planned, nine_decimals};
use crate::names;

/// Plans that an object is made or replaced, or returns everything that is wrong with it.
pub(crate) fn save(context: Context<'_>, object: &Object) -> Result<Planned, Vec<DesiredFault>> {
    let mut plan = Plan::new(context)?;
    plan.save(object, "");
    plan.finish()
}

/// Plans that several objects are made or replaced. Faults stand behind an object's name: `board@2: metric`.
pub(crate) fn save_all(context: Context<'_>, objects: &[Object]) -> Result<Planned, Vec<DesiredFault>> {
    let mut plan = Plan::new(context)?;
    for object in objects {
        let name = object.name();
        let told = plan.faults.len();
        plan.save(object, &name);
        for fault in &mut plan.faults[told..] {
            fault.path = format!("{name}: {}", fault.path);
        }
    }
    plan.finish()
}

/// Plans that a provider gets a secret, or another one under the same name.
pub(crate) fn save_credential(
    context: Context<'_>,
    provider: &ProviderSlug,
    spec: &CredentialSpec,
) -> Result<Planned, Vec<DesiredFault>> {
    let mut plan = Plan::new(context)?;
    if plan.before.providers.contains_key(provider) {
        plan.credential(provider, spec, "");
    } else {
        let hint = names::hint(provider.as_str(), plan.before.providers.keys().map(ProviderSlug::as_str));
        plan.fault("provider", format!("there is no provider `{provider}`{hint}"));
    }
    plan.finish()
}

fn owner_of(key: &ObjectKey) -> Option<&str> {
    match key.kind {
        ObjectKind::Organisation => Some(&key.id),
        _ => key.organisation.as_ref().map(OrganisationId::as_str),
    }
}

impl Plan<'_> {
    fn save(&mut self, object: &Object, place: &str) {
        let key = object.key();
        self.places.insert((key.kind, key.id.clone()), place.to_owned());
        if owner_of(&key) != Some(self.context.organisation.as_str()) {
            return self.fault("organisation", "is another one: an object stays in its organisation");
        }
        match object {
            Object::Organisation(it) => self.save_organisation(it),
            Object::Project(it) => self.save_project(it),
            Object::Provider(it) => self.save_provider(it),
            Object::Model(it) => self.save_model(it),
            Object::Scorecard(it) => self.save_scorecard(it),
            Object::Blend(it) => self.save_blend(it),
            Object::Policy(it) => self.save_policy(it),
            Object::Router(it) => self.save_router(it),
            Object::Key(it) => self.save_key(it),
            Object::Credential(_) => self.fault("secret", "a credential is saved with its secret, which only it knows"),
            Object::Pepper(_) => self.fault("kind", "the pepper cannot be changed"),
        }
    }

    fn save_organisation(&mut self, it: &Arc<Organisation>) {
        self.check_name("", &it.name);
        let others = self.context.snapshot.tenants.values().map(|tenant| &tenant.organisation);
        if others.into_iter().any(|other| other.id != it.id && other.name == it.name) {
            self.fault("name", format!("there is an organisation `{}` already: choose another name", it.name));
        }
        let before = self.before.organisation.clone();
        self.put(&it.name, Some(&*before), &**it, Object::Organisation(it.clone()));
    }

    fn save_project(&mut self, it: &Arc<Project>) {
        let before = self.before;
        self.check_name("", &it.name);
        self.check_is_alone(ObjectKind::Project, &it.name, |tenant| {
            tenant.projects.values().any(|other| other.id != it.id && other.name == it.name)
        });
        self.put(&it.name, before.projects.get(&it.id).map(Arc::as_ref), &**it, Object::Project(it.clone()));
    }

    fn save_provider(&mut self, it: &Arc<Provider>) {
        let base_url = without_slash(&it.base_url).to_owned();
        let it = Arc::new(Provider { base_url, ..Provider::clone(it) });
        let before = self.before.providers.get(&it.slug);
        self.put(it.slug.as_str(), before.map(Arc::as_ref), &*it, Object::Provider(it.clone()));
    }

    fn save_model(&mut self, it: &Arc<Model>) {
        let it = Arc::new(Model { capability: it.capability.map(nine_decimals), ..Model::clone(it) });
        let before = self.before.models.get(&it.id);
        self.put(it.id.as_str(), before.map(Arc::as_ref), &*it, Object::Model(it.clone()));
    }

    fn save_scorecard(&mut self, it: &Arc<Scorecard>) {
        self.check_name("", &it.name);
        let it = Arc::new(super::scorecards::exact(Scorecard::clone(it)));
        let before = self.before.scorecards.get(&it.id).map(|known| known.scorecard().clone());
        self.put(&it.label(), before.as_deref(), &*it, Object::Scorecard(it.clone()));
    }

    fn save_blend(&mut self, it: &Arc<Blend>) {
        self.check_name("", &it.name);
        let it = Arc::new(super::scorecards::exact_blend(Blend::clone(it)));
        let before = self.before.blends.get(&it.id);
        self.put(&it.name, before.map(Arc::as_ref), &*it, Object::Blend(it.clone()));
    }

    fn save_policy(&mut self, it: &Arc<Policy>) {
        self.check_name("", &it.name);
        let slug = &it.slug;
        if slug.is_empty() || slug.len() > 100 || Policy::slug_of(slug) != *slug {
            let message =
                format!("`{slug}` is not a slug: expected lower-case letters and digits with single `-` between them");
            self.fault("slug", message);
        }
        self.check_is_alone(ObjectKind::Policy, &it.name, |tenant| {
            tenant.policies.named(&it.name).any(|other| other.id != it.id && other.name == it.name)
        });
        if let Some(other) = self.before.policies.with_slug(slug).find(|other| other.id != it.id) {
            let message = format!("policy `{}` has the slug `{slug}` already: give another `slug`", other.name);
            self.fault("slug", message);
        }
        let candidates = super::policies::with_exact_weights(it.candidates.clone());
        let it = Arc::new(Policy { candidates, ..Policy::clone(it) });
        let before = self.before.policies.get(&it.id);
        self.put(&it.name, before.map(Arc::as_ref), &*it, Object::Policy(it.clone()));
    }

    fn save_router(&mut self, it: &Arc<Router>) {
        let before = self.before;
        self.check_name("", &it.name);
        self.check_is_alone(ObjectKind::Router, &it.name, |tenant| {
            tenant.routers.values().any(|other| other.id != it.id && other.name == it.name)
        });
        self.put(&it.name, before.routers.get(&it.id).map(Arc::as_ref), &**it, Object::Router(it.clone()));
    }

    /// Everything of a key but its secret: that is made, or given, with the key and stays.
    fn save_key(&mut self, it: &Arc<ApiKey>) {
        let Some(known) = self.keys_before.get(it.id.as_str()).cloned() else {
            return self.fault("id", format!("there is no key `{}`: create one, which makes its text", it.id));
        };
        if known.revoked_at.is_some() {
            return self.fault("id", format!("the key `{}` was revoked: create another", known.name));
        }
        self.check_name("", &it.name);
        // The name that it has is its own.
        if it.name != known.name && self.keys_before.in_force(&it.name).is_some() {
            self.fault("name", format!("there is a key `{}` already: choose another name", it.name));
        }
        if it.scopes.is_empty() {
            self.fault("scopes", "is empty: say what the key may do");
        }
        let key = Arc::new(ApiKey {
            hash: known.hash,
            hint: known.hint.clone(),
            revoked_at: None,
            created_at: known.created_at,
            ..ApiKey::clone(it)
        });
        self.put(&key.name, Some(&*known), &*key, Object::Key(key.clone()));
    }

    fn check_is_alone(&mut self, kind: ObjectKind, name: &str, is_taken: impl FnOnce(&Tenant) -> bool) {
        if is_taken(self.before) {
            self.fault("name", format!("there is a {kind} `{name}` already: choose another name"));
        }
    }
}
