//! Names in an object that is to be saved: what names another object by its name or slug names it by its id afterwards.
//! What a new object leaves open is filled in on the way.

use domain::{DesiredFault, DialectKind, Policy, Rule, Tenant};
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;
use serde_json::Value;

/// Puts ids in the place of names; names that lead nowhere are told.
pub(super) fn resolve(tenant: &Tenant, object: &mut object::Object) -> Vec<DesiredFault> {
    let mut names = Names { tenant, faults: Vec::new() };
    match &mut object.object {
        Some(Kind::Organisation(it)) => names.optional(&mut it.default_policy, "default_policy", Names::policy),
        Some(Kind::Project(it)) => names.optional(&mut it.policy, "policy", Names::policy),
        Some(Kind::Policy(it)) => {
            if let Some(object::strategy::Strategy::Blend(of)) =
                it.strategy.as_mut().and_then(|strategy| strategy.strategy.as_mut())
            {
                names.one(&mut of.blend, "strategy.blend.blend", Names::blend);
            }
            names.rules(&mut it.rules_json);
        }
        Some(Kind::Blend(it)) => {
            for (index, weight) in it.weights.iter_mut().enumerate() {
                names.one(&mut weight.benchmark, &format!("weights[{index}].benchmark"), Names::scorecard);
            }
            for (index, correction) in it.overrides.iter_mut().enumerate() {
                names.one(&mut correction.benchmark, &format!("overrides[{index}].benchmark"), Names::scorecard);
            }
        }
        Some(Kind::Router(it)) => {
            names.optional(&mut it.policy, "policy", Names::policy);
            for (index, scorecard) in it.scorecards.iter_mut().enumerate() {
                names.one(scorecard, &format!("scorecards[{index}]"), Names::scorecard);
            }
        }
        Some(Kind::Key(it)) => {
            names.optional(&mut it.project, "project", Names::project);
            if let Some(routing) = &mut it.routing {
                if routing.policy.is_empty() {
                    let message = "is missing: the key has no policy to enforce; name one as well".to_owned();
                    names.faults.push(DesiredFault { path: "routing.policy".to_owned(), message });
                    return names.faults;
                }
                names.one(&mut routing.policy, "routing.policy", Names::policy);
            }
        }
        Some(Kind::Pepper(_) | Kind::Provider(_) | Kind::Credential(_) | Kind::Model(_) | Kind::Scorecard(_))
        | None => {}
    }
    names.faults
}

/// Gives a new object what it leaves open and cannot be without.
pub(super) fn fill(object: &mut object::Object) {
    match &mut object.object {
        Some(Kind::Provider(it)) => {
            let dialect = object::Dialect::try_from(it.dialect).ok().and_then(|it| DialectKind::try_from(it).ok());
            it.auth.get_or_insert_with(|| (&dialect.map(DialectKind::default_auth).unwrap_or_default()).into());
        }
        Some(Kind::Model(it)) if it.native.is_empty() => {
            it.native = it.id.split_once('/').map(|(_, native)| native.to_owned()).unwrap_or_default();
        }
        Some(Kind::Blend(it)) => {
            if it.rank_by == object::RankBy::Unspecified as i32 {
                it.rank_by = object::RankBy::Mean.into();
            }
            if it.boost == 0.0 {
                it.boost = domain::Blend::default_boost();
            }
            if it.z == 0.0 {
                it.z = domain::Blend::default_z();
            }
        }
        Some(Kind::Policy(it)) if it.slug.is_empty() => it.slug = Policy::slug_of(&it.name),
        Some(
            Kind::Pepper(_)
            | Kind::Organisation(_)
            | Kind::Project(_)
            | Kind::Credential(_)
            | Kind::Model(_)
            | Kind::Scorecard(_)
            | Kind::Policy(_)
            | Kind::Router(_)
            | Kind::Key(_),
        )
        | None => {}
    }
}

struct Names<'a> {
    tenant: &'a Tenant,
    faults: Vec<DesiredFault>,
}

/// Finds the id of a name.
type Find = fn(&Tenant, &str) -> Option<String>;

impl Names<'_> {
    fn policy(tenant: &Tenant, text: &str) -> Option<String> {
        tenant.policy_named(text.strip_prefix("@alias/").unwrap_or(text)).map(|it| it.id.to_string())
    }

    fn project(tenant: &Tenant, text: &str) -> Option<String> {
        let named = || tenant.projects.values().find(|it| it.name == text);
        tenant.projects.get(text).or_else(named).map(|it| it.id.to_string())
    }

    fn blend(tenant: &Tenant, text: &str) -> Option<String> {
        let named = || tenant.blends.values().find(|it| it.name == text);
        tenant.blends.get(text).or_else(named).map(|it| it.id.to_string())
    }

    /// By id, by `name@version`, or by a name that one version alone has.
    fn scorecard(tenant: &Tenant, text: &str) -> Option<String> {
        let all = || tenant.scorecards.values().map(|it| it.scorecard());
        if let Some(found) = all().find(|it| it.id.as_str() == text || it.label() == text) {
            return Some(found.id.to_string());
        }
        let mut named = all().filter(|it| it.name == text);
        named.next().filter(|_| named.next().is_none()).map(|it| it.id.to_string())
    }

    fn one(&mut self, text: &mut String, path: &str, find: Find) {
        match find(self.tenant, text) {
            Some(id) => *text = id,
            None => self.unknown(path, text),
        }
    }

    fn optional(&mut self, text: &mut Option<String>, path: &str, find: Find) {
        if let Some(text) = text {
            self.one(text, path, find);
        }
    }

    /// Rules travel as JSON. What is wrong with them otherwise is told where they are read.
    fn rules(&mut self, json: &mut Vec<u8>) {
        if json.is_empty() {
            return;
        }
        let Ok(value) = serde_json::from_slice::<Value>(json) else { return };
        let Ok(rules) = Rule::<String, String>::parse_all(&value) else { return };
        let mut resolved = Vec::with_capacity(rules.len());
        for (index, rule) in rules.into_iter().enumerate() {
            let tenant = self.tenant;
            let mut lost = Vec::new();
            let rule = rule.resolved(Some, |text| {
                let found = Names::blend(tenant, &text).and_then(|id| id.parse().ok());
                found.or_else(|| {
                    lost.push((format!("rules_json[{index}].use.strategy.blend"), text));
                    None
                })
            });
            let rule = rule.and_then(|rule| {
                let find = |text: String| {
                    let found = Names::policy(tenant, &text).and_then(|id| id.parse().ok());
                    found.or_else(|| {
                        lost.push((format!("rules_json[{index}].use.policy"), text));
                        None
                    })
                };
                rule.resolved(find, Some)
            });
            resolved.extend(rule);
            for (path, text) in lost {
                self.unknown(&path, &text);
            }
        }
        if let Ok(text) = serde_json::to_vec::<Vec<Rule>>(&resolved) {
            *json = text;
        }
    }

    fn unknown(&mut self, path: &str, text: &str) {
        let message = format!("there is none named `{text}`: give its id or its name, or make it first");
        self.faults.push(DesiredFault { path: path.to_owned(), message });
    }
}
