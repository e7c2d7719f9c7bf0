//! Which objects a change can make wrong: those that it saves, and those that see what it alters.
//!
//! An object sees another one when what is checked of it reads the other one: a router sees the policies to which its own
//! leads, a policy the blends by which it ranks, a blend the scorecards that it weighs. Whoever adds a check that reads
//! another object adds to [`Reach::of`] who sees it.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::{Ability, Blend, Candidates, Change, Modality, Model, ObjectKind, Policy, Router, Strategy, Tenant};

use crate::keys::Keys;

/// Ids of objects, by kind. Not all of them need exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach(HashMap<ObjectKind, BTreeSet<String>>);

impl Reach {
    /// What `changes` can make wrong, and what is `saved` whether it changes or not.
    pub(crate) fn of<'a>(
        before: &Tenant,
        after: &Tenant,
        keys: &Keys<'_>,
        changes: &[Change],
        saved: impl Iterator<Item = (ObjectKind, &'a str)>,
    ) -> Self {
        let mut reach = Self::default();
        for (kind, id) in saved {
            reach.add(kind, id);
        }
        let altered = Altered::between(before, after, changes, &mut reach);
        if altered.is_nothing() {
            return reach;
        }
        for model in after.models.values().filter(|it| altered.is_gone(ObjectKind::Provider, it.id.provider())) {
            reach.add(ObjectKind::Model, model.id.as_str());
        }
        let seen = after.blends.values().filter(|it| altered.is_seen_by_blend(after, it));
        let blends: HashSet<&str> = seen.map(|it| it.id.as_str()).chain(altered.ids(ObjectKind::Blend)).collect();
        for policy in after.policies.values().filter(|it| altered.is_seen_by_policy(&blends, it)) {
            reach.add(ObjectKind::Policy, policy.id.as_str());
        }
        for router in after.routers.values().filter(|it| altered.is_seen_by_router(after, it)) {
            reach.add(ObjectKind::Router, router.id.as_str());
        }
        for blend in blends {
            reach.add(ObjectKind::Blend, blend);
        }
        reach.add_owners_of_gone(after, keys, &altered);
        reach
    }

    /// Everything.
    #[cfg(test)]
    pub(crate) fn all(tenant: &Tenant, keys: &Keys<'_>) -> Self {
        let mut reach = Self::default();
        reach.add(ObjectKind::Organisation, tenant.organisation.id.as_str());
        tenant.projects.keys().for_each(|id| reach.add(ObjectKind::Project, id.as_str()));
        tenant.providers.keys().for_each(|id| reach.add(ObjectKind::Provider, id.as_str()));
        tenant.models.keys().for_each(|id| reach.add(ObjectKind::Model, id.as_str()));
        tenant.scorecards.keys().for_each(|id| reach.add(ObjectKind::Scorecard, id.as_str()));
        tenant.blends.keys().for_each(|id| reach.add(ObjectKind::Blend, id.as_str()));
        tenant.policies.keys().for_each(|id| reach.add(ObjectKind::Policy, id.as_str()));
        tenant.routers.keys().for_each(|id| reach.add(ObjectKind::Router, id.as_str()));
        keys.iter().for_each(|key| reach.add(ObjectKind::Key, key.id.as_str()));
        reach
    }

    /// The ids of a kind, in order.
    pub(super) fn ids(&self, kind: ObjectKind) -> impl Iterator<Item = &str> {
        self.0.get(&kind).into_iter().flatten().map(String::as_str)
    }

    fn add(&mut self, kind: ObjectKind, id: &str) {
        let ids = self.0.entry(kind).or_default();
        if !ids.contains(id) {
            ids.insert(id.to_owned());
        }
    }

    /// What only has to find what it names, as long as that is there.
    fn add_owners_of_gone(&mut self, after: &Tenant, keys: &Keys<'_>, altered: &Altered<'_>) {
        if altered.gone.is_empty() {
            return;
        }
        let is_gone = |policy: &str| altered.is_gone(ObjectKind::Policy, policy);
        let organisation = &after.organisation;
        if organisation.default_policy.as_ref().is_some_and(|it| is_gone(it.as_str())) {
            self.add(ObjectKind::Organisation, organisation.id.as_str());
        }
        for project in after.projects.values().filter(|it| it.policy.as_ref().is_some_and(|it| is_gone(it.as_str()))) {
            self.add(ObjectKind::Project, project.id.as_str());
        }
        for key in keys.iter() {
            let sees_gone = key.routing.as_ref().is_some_and(|it| is_gone(it.policy.as_str()))
                || key.project.as_ref().is_some_and(|it| altered.is_gone(ObjectKind::Project, it.as_str()))
                || key.allowed_models.iter().any(|it| altered.is_gone(ObjectKind::Model, it.as_str()));
            if sees_gone {
                self.add(ObjectKind::Key, key.id.as_str());
            }
        }
    }
}

/// What a change alters of that which other objects see.
#[derive(Default)]
struct Altered<'a> {
    seen: HashMap<ObjectKind, HashSet<&'a str>>,
    gone: HashSet<(ObjectKind, &'a str)>,
}

impl<'a> Altered<'a> {
    /// Collects what is altered, and adds to the reach what is put.
    fn between(before: &'a Tenant, after: &'a Tenant, changes: &'a [Change], reach: &mut Reach) -> Self {
        let mut altered = Self::default();
        for change in changes {
            let (kind, id) = match change {
                Change::Put(object) => {
                    let key = object.key();
                    reach.add(key.kind, &key.id);
                    // The table has the id for longer than this key does.
                    let Some(id) = id_in(after, key.kind, &key.id) else { continue };
                    (key.kind, id)
                }
                Change::Delete(key) => {
                    altered.gone.insert((key.kind, key.id.as_str()));
                    (key.kind, key.id.as_str())
                }
            };
            if kind == ObjectKind::Provider {
                // Whether requests can be put into its dialect is what others see of its models.
                for model in after.models.values().filter(|it| it.id.provider() == id) {
                    if before.is_routable(&model.id) != after.is_routable(&model.id) {
                        altered.note(ObjectKind::Model, model.id.as_str());
                    }
                }
            }
            if kind == ObjectKind::Credential {
                // Whether a provider has a secret is what others see of it.
                let found = [before, after].into_iter().filter_map(|it| it.credentials.get(id));
                found.for_each(|it| altered.note(ObjectKind::Provider, it.provider.as_str()));
            } else if kind != ObjectKind::Model || shown(before, id) != shown(after, id) {
                altered.note(kind, id);
            }
        }
        altered
    }

    fn note(&mut self, kind: ObjectKind, id: &'a str) {
        self.seen.entry(kind).or_default().insert(id);
    }

    fn is_nothing(&self) -> bool {
        self.seen.is_empty() && self.gone.is_empty()
    }

    fn ids(&self, kind: ObjectKind) -> impl Iterator<Item = &'a str> {
        self.seen.get(&kind).into_iter().flatten().copied()
    }

    fn has(&self, kind: ObjectKind, id: &str) -> bool {
        self.seen.get(&kind).is_some_and(|ids| ids.contains(id))
    }

    fn has_model(&self, id: impl AsRef<str>) -> bool {
        self.has(ObjectKind::Model, id.as_ref())
    }

    fn is_gone(&self, kind: ObjectKind, id: &str) -> bool {
        !self.gone.is_empty() && self.gone.contains(&(kind, id))
    }

    fn is_seen_by_blend(&self, tenant: &Tenant, blend: &Blend) -> bool {
        let weighs = |id: &str| self.has(ObjectKind::Scorecard, id);
        if blend.weights.iter().any(|it| weighs(it.benchmark.as_str())) {
            return true;
        }
        if !self.seen.contains_key(&ObjectKind::Model) {
            return false;
        }
        let benchmarks = || blend.weights.iter().filter_map(|it| tenant.scorecards.get(&it.benchmark));
        blend.fallback_model.as_ref().is_some_and(|it| self.has_model(it))
            || blend.overrides.iter().any(|it| self.has_model(&it.model))
            || benchmarks().any(|it| it.readings().iter().any(|(model, _)| self.has_model(model)))
    }

    fn is_seen_by_policy(&self, blends: &HashSet<&str>, policy: &Policy) -> bool {
        let by_strategy = |strategy: &Strategy| match strategy {
            Strategy::Single { model } => self.has_model(model),
            ranked => ranked.blend().is_some_and(|blend| blends.contains(blend.as_str())),
        };
        let is_listed = match &policy.candidates {
            Candidates::All => false,
            Candidates::Listed(listed) => listed.iter().any(|it| self.has_model(&it.model)),
        };
        let mut targets = policy.rules.declared().iter().filter_map(|rule| rule.policy());
        is_listed
            || policy::strategies(policy).any(by_strategy)
            || targets.any(|it| self.is_gone(ObjectKind::Policy, it.as_str()))
    }

    fn is_seen_by_router(&self, tenant: &Tenant, router: &Router) -> bool {
        let by_policy = |id: &domain::PolicyId| {
            self.has(ObjectKind::Policy, id.as_str())
                || tenant.policies.get(id).is_some_and(|first| {
                    let mut all = policy::reachable(tenant, first).into_iter();
                    all.any(|it| self.has(ObjectKind::Policy, it.id.as_str()))
                })
        };
        router.models.iter().any(|it| self.has_model(it) || self.has(ObjectKind::Provider, it.provider()))
            || router.scorecards.iter().any(|it| self.is_gone(ObjectKind::Scorecard, it.as_str()))
            || router.policy.as_ref().is_some_and(by_policy)
    }
}

/// What others see of a model: that it is there, may be chosen and answers with text.
fn shown<'t>(tenant: &'t Tenant, id: &str) -> Option<(bool, &'t [Modality], &'t [Ability])> {
    let model: &Model = tenant.models.get(id)?;
    Some((model.enabled, &model.output_modalities, &model.capabilities))
}

/// The id in the table of its kind; `None` for those that nobody sees.
fn id_in<'t>(tenant: &'t Tenant, kind: ObjectKind, id: &str) -> Option<&'t str> {
    match kind {
        // No check of another object reads these, as long as they are there.
        ObjectKind::Pepper | ObjectKind::Organisation | ObjectKind::Project | ObjectKind::Router | ObjectKind::Key => {
            None
        }
        ObjectKind::Provider => tenant.providers.get_key_value(id).map(|(id, _)| id.as_str()),
        ObjectKind::Credential => tenant.credentials.get_key_value(id).map(|(id, _)| id.as_str()),
        ObjectKind::Model => tenant.models.get_key_value(id).map(|(id, _)| id.as_str()),
        ObjectKind::Scorecard => tenant.scorecards.get_key_value(id).map(|(id, _)| id.as_str()),
        ObjectKind::Blend => tenant.blends.get_key_value(id).map(|(id, _)| id.as_str()),
        ObjectKind::Policy => tenant.policies.get_key_value(id).map(|(id, _)| id.as_str()),
    }
}

#[cfg(test)]
mod tests;
