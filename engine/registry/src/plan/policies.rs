//! Plans policies, the organisation's default among them, and projects.

use std::collections::HashMap;
use std::sync::Arc;

use domain::desired::{CalibrationSpec, OrganisationSpec, PolicySpec, ProjectSpec};
use domain::{
    Calibration, Candidates, Object, ObjectKind, Organisation, Policy, PolicyId, Project, ProjectId, Rule, Rules,
    Scales, Use,
};

use super::{Plan, nine_decimals};
use crate::names;

impl Plan<'_> {
    /// Plans every policy; returns the one that is to be the default, if the file names one.
    pub(super) fn policies(&mut self, specs: &[PolicySpec]) -> Option<PolicyId> {
        let mut default: Option<(PolicyId, String)> = None;
        // All of them first: rules may refer to policies that come later in the file.
        let mut drafts = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("policies[{index}]");
            drafts.extend(self.policy_draft(spec, &path).map(|policy| (spec, path, policy)));
        }
        for (spec, path, draft) in drafts {
            let id = draft.id.clone();
            self.policy(spec, &path, draft);
            match (&default, spec.default) {
                (Some((_, first)), true) => {
                    let message = format!("{first} is the default already: an organisation has one default policy");
                    self.fault(format!("{path}.default"), message);
                }
                (None, true) => default = Some((id, path)),
                (_, false) => {}
            }
        }
        default.map(|(policy, _)| policy)
    }

    /// A policy as it will be, but for its rules.
    fn policy_draft(&mut self, spec: &PolicySpec, path: &str) -> Option<Policy> {
        if !self.check_name(path, &spec.name) {
            return None;
        }
        let slug = self.policy_slug(spec, path)?;
        let before = self.before;
        // A slug in the file identifies; without one the name does, and the policy keeps its slug.
        let by_slug = spec.slug.as_deref().and_then(|slug| self.owner_of_slug(slug));
        let known = by_slug.or_else(|| self.owner_of_name(&spec.name)).and_then(|id| before.policies.get(id));
        let id = known.map_or_else(|| PolicyId::from_random(crate::random()), |it| it.id.clone());
        let slug = match (known, &spec.slug) {
            (Some(known), None) => known.slug.clone(),
            _ => slug,
        };
        if !self.place(ObjectKind::Policy, &id, path) {
            return None;
        }
        self.check_policy_is_alone(spec, &slug, &id, path);
        let strategy =
            spec.strategy.clone().resolved(|text| self.resolve_blend(&text, &format!("{path}.strategy.blend")));
        let draft = Policy {
            id,
            organisation: self.context.organisation.clone(),
            name: spec.name.clone(),
            slug,
            version: known.map_or(1, |it| it.version),
            candidates: with_exact_weights(spec.candidates.clone()),
            strategy: strategy?,
            rules: Rules::default(),
            affinity: spec.affinity,
        };
        Arc::make_mut(&mut self.after.policies).insert(draft.id.clone(), Arc::new(draft.clone()));
        Some(draft)
    }

    fn policy(&mut self, spec: &PolicySpec, path: &str, draft: Policy) {
        let known = self.before.policies.get(&draft.id);
        let policy = Arc::new(Policy { rules: self.rules(spec, path), ..draft });
        Arc::make_mut(&mut self.after.policies).insert(policy.id.clone(), policy.clone());
        self.put(&spec.name, known.map(Arc::as_ref), &policy, Object::Policy(policy.clone()));
    }

    /// The rules of a policy, none of them if one refers to a policy that there is not.
    fn rules(&mut self, spec: &PolicySpec, path: &str) -> Rules {
        let mut resolved = Vec::with_capacity(spec.rules.len());
        for (index, rule) in spec.rules.iter().enumerate() {
            let path = format!("{path}.rules[{index}].use");
            resolved.push(self.rule(rule.clone(), &path));
        }
        resolved.into_iter().collect::<Option<Vec<_>>>().map(Rules::new).unwrap_or_default()
    }

    fn rule(&mut self, rule: Rule<String, String>, path: &str) -> Option<Rule> {
        // A rule has a policy or a strategy: only one of the two is looked for.
        let (policy, blend) = match &rule.r#use {
            Use::Policy(text) => (self.resolve_policy(text, &format!("{path}.policy")), None),
            Use::Strategy(strategy) => {
                let find = |text: &String| self.resolve_blend(text, &format!("{path}.strategy.blend"));
                (None, strategy.blend().and_then(find))
            }
        };
        rule.resolved(|_| policy, |_| blend)
    }

    fn policy_slug(&mut self, spec: &PolicySpec, path: &str) -> Option<String> {
        let slug = spec.slug.clone().unwrap_or_else(|| Policy::slug_of(&spec.name));
        if slug.is_empty() || slug.len() > 100 || Policy::slug_of(&slug) != slug {
            let message =
                format!("`{slug}` is not a slug: expected lower-case letters and digits with single `-` between them");
            self.fault(format!("{path}.slug"), message);
            return None;
        }
        Some(slug)
    }

    /// Names and slugs are unique, counting those that are given up: the store checks them row by row.
    fn check_policy_is_alone(&mut self, spec: &PolicySpec, slug: &str, id: &PolicyId, path: &str) {
        if self.owner_of_name(&spec.name).is_some_and(|owner| owner != id) {
            self.fault(format!("{path}.name"), format!("another policy is named `{}` already", spec.name));
        }
        if let Some(owner) = self.owner_of_slug(slug).filter(|owner| *owner != id) {
            let name = self.after.policies.get(owner).map_or("another", |it| it.name.as_str());
            let message = format!("policy `{name}` has the slug `{slug}` already: give another `slug`");
            self.fault(format!("{path}.slug"), message);
        }
        self.policy_names.entry(spec.name.clone()).or_insert_with(|| id.clone());
        self.policy_slugs.entry(slug.to_owned()).or_insert_with(|| id.clone());
    }

    fn owner_of_name(&self, name: &str) -> Option<&PolicyId> {
        let before = || self.before.policies.named(name).find(|it| it.name == name).map(|it| &it.id);
        before().or_else(|| self.policy_names.get(name))
    }

    fn owner_of_slug(&self, slug: &str) -> Option<&PolicyId> {
        let before = || self.before.policies.with_slug(slug).next().map(|it| &it.id);
        before().or_else(|| self.policy_slugs.get(slug))
    }

    /// What the file says of the organisation itself.
    pub(super) fn organisation(
        &mut self,
        specs: &[OrganisationSpec],
        default: Option<PolicyId>,
        calibration: Option<&CalibrationSpec>,
    ) {
        let before = self.before.organisation.clone();
        let mut after = Organisation::clone(&before);
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("organisations[{index}]");
            if spec.name != before.name {
                let message =
                    format!("this is the organisation `{}`: name it, or apply the file to the other", before.name);
                self.fault(format!("{path}.name"), message);
            } else if self.place(ObjectKind::Organisation, &before.id, &path) {
                after.budget = spec.budget;
                after.body_logging = spec.body_logging;
            }
        }
        after.default_policy = default.or(after.default_policy);
        match calibration {
            Some(CalibrationSpec::BuiltIn) => after.calibration = None,
            Some(CalibrationSpec::Own(own)) => after.calibration = Some(exact(own)),
            None => {}
        }
        if calibration.is_some() && specs.is_empty() {
            self.places.insert((ObjectKind::Organisation, before.id.to_string()), String::new());
        }
        if after != *before {
            let after = Arc::new(after);
            self.put(&before.name, Some(before.as_ref()), &after, Object::Organisation(after.clone()));
        }
    }

    pub(super) fn projects(&mut self, specs: &[ProjectSpec]) {
        let by_name: HashMap<&str, _> = self.before.projects.values().map(|it| (it.name.as_str(), it)).collect();
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("projects[{index}]");
            if !self.check_name(&path, &spec.name) {
                continue;
            }
            let known = by_name.get(spec.name.as_str()).copied();
            let id = known.map_or_else(|| ProjectId::from_random(crate::random()), |it| it.id.clone());
            if !self.place(ObjectKind::Project, format!("name {}", spec.name), &path) {
                continue;
            }
            self.places.insert((ObjectKind::Project, id.to_string()), path.clone());
            let project = Arc::new(Project {
                budget: spec.budget,
                id,
                organisation: self.context.organisation.clone(),
                name: spec.name.clone(),
                policy: spec.policy.as_deref().and_then(|text| self.resolve_policy(text, &format!("{path}.policy"))),
            });
            self.put(&spec.name, known.map(Arc::as_ref), &project, Object::Project(project.clone()));
        }
    }

    /// Finds a policy by id, slug or name, or notes that there is none.
    pub(super) fn resolve_policy(&mut self, text: &str, path: &str) -> Option<PolicyId> {
        let wanted = text.strip_prefix("@alias/").unwrap_or(text);
        // A name that this file gave up leads nowhere: the table has the names that are left.
        let after = &self.after.policies;
        let by_slug = || after.with_slug(wanted).next();
        let found = after.get(wanted).or_else(by_slug).or_else(|| after.named(wanted).next()).map(|it| it.id.clone());
        if found.is_none() {
            let known = self.after.policies.values().flat_map(|it| [it.name.as_str(), it.slug.as_str()]);
            let known: std::collections::BTreeSet<&str> = known.collect();
            let message = format!("there is no policy `{text}`{}", names::hint(text, known));
            self.fault(path, message);
        }
        found
    }
}

fn exact(calibration: &Calibration) -> Calibration {
    let mut exact = calibration.clone();
    let Scales { blend, q } = &mut exact.scale;
    for figure in [&mut exact.k, &mut blend.a, &mut blend.b, &mut q.a, &mut q.b] {
        *figure = nine_decimals(*figure);
    }
    exact
}

pub(super) fn with_exact_weights(mut candidates: Candidates) -> Candidates {
    if let Candidates::Listed(listed) = &mut candidates {
        for candidate in listed {
            candidate.weight = candidate.weight.map(nine_decimals);
        }
    }
    candidates
}
