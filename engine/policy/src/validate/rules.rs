//! What the rules of a policy must satisfy before they are saved: values that fit, expressions that compile, names that
//! are unique, policies that exist and lead in no circle.

mod chain;
mod fit;

use std::collections::BTreeMap;

use domain::rule::{DEPTH_LIMIT, NODES_LIMIT, Path, RULES_LIMIT};
use domain::{Condition, Policy, Rule, Tenant, Use};

use super::{Problems, check_strategy};
use chain::Chains;
use fit::check_test;

pub(super) fn check(tenant: &Tenant, policy: &Policy, problems: &mut Problems) {
    let rules = policy.rules.declared();
    let root = Path::Root.field("rules");
    if rules.len() > RULES_LIMIT {
        problems.add(
            "rules",
            format!("has {} rules: at most {RULES_LIMIT} are allowed, so join some by `any`", rules.len()),
        );
        return;
    }
    check_names(rules, problems);
    let chains = Chains::new(tenant, policy);
    for (place, rule) in rules.iter().enumerate() {
        let at = root.item(place);
        check_when(&rule.when, &at.field("when"), problems);
        let at = at.field("use");
        match &rule.r#use {
            Use::Strategy(strategy) => {
                check_strategy(tenant, policy, strategy, &at.field("strategy").to_string(), problems);
            }
            Use::Policy(target) => {
                if let Err(message) = chains.check(target) {
                    problems.add(at.field("policy").to_string(), message);
                }
            }
        }
    }
}

/// Names stand in reasons, and so in a header of answers.
const NAME_CHARACTERS: usize = 100;

fn check_names(rules: &[Rule], problems: &mut Problems) {
    let mut seen = BTreeMap::new();
    for (place, name) in rules.iter().enumerate().filter_map(|(place, rule)| Some((place, rule.name.as_deref()?))) {
        let path = format!("rules[{place}].name");
        if name.trim().is_empty() {
            problems.add(path, "is empty: give the rule a name, or leave `name` out");
        } else if name.chars().count() > NAME_CHARACTERS || name.chars().any(char::is_control) {
            problems.add(path, format!("has more than {NAME_CHARACTERS} characters or a line break: shorten it"));
        } else if let Some(first) = seen.insert(name, place) {
            problems.add(path, format!("`{name}` is already the name of rules[{first}]: choose another"));
        }
    }
}

fn check_when(when: &Condition, at: &Path<'_>, problems: &mut Problems) {
    let mut nodes = 0;
    check_condition(when, at, 0, &mut nodes, problems);
    if nodes > NODES_LIMIT {
        let message =
            format!("has more than {NODES_LIMIT} tests, `all`, `any` and `not`: make it two rules, or use `in`");
        problems.add(at.to_string(), message);
    }
}

/// Goes no further than the bounds: what lies beyond is refused as a whole.
fn check_condition(condition: &Condition, at: &Path<'_>, depth: usize, nodes: &mut usize, problems: &mut Problems) {
    *nodes += 1;
    if *nodes > NODES_LIMIT {
        return;
    }
    if depth > DEPTH_LIMIT {
        return problems.add(at.to_string(), format!("is nested deeper than {DEPTH_LIMIT} levels: make it two rules"));
    }
    let (join, conditions) = match condition {
        Condition::Test(test) => return check_test(test, at, problems),
        Condition::Not(inner) => return check_condition(inner, &at.field("not"), depth + 1, nodes, problems),
        Condition::All(conditions) => ("all", conditions),
        Condition::Any(conditions) => ("any", conditions),
    };
    let at = at.field(join);
    if conditions.is_empty() {
        problems.add(at.to_string(), "is empty: write at least one condition, or take the rule out");
    }
    for (place, inner) in conditions.iter().enumerate() {
        check_condition(inner, &at.item(place), depth + 1, nodes, problems);
    }
}
