//! What differs between two versions of an object, field by field, for people.
//!
//! Ids of other objects show as names; what is sealed or hashed does not show at all.

use std::collections::BTreeMap;

use domain::desired::{Action, DiffLine};
use domain::{Rule, Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields that say nothing to a reader or must not be read.
const HIDDEN: [&str; 8] = ["id", "organisation", "hash", "hint", "sealed", "version", "created_at", "provider"];

/// The list that is told item by item.
const RULES: &str = "rules";
/// The lists whose items are told by what they are about: of a long one only what differs is of interest.
const KEYED: [(&str, &str); 3] = [("cells", "model"), ("weights", "benchmark"), ("overrides", "model")];

/// The names of objects that other objects refer to by id: those of the tables as they will be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Names<'a>(Option<&'a Tenant>, Option<&'a Tenant>);

impl<'a> Names<'a> {
    /// Knows what objects of both tables may refer to.
    pub(crate) fn of(before: &'a Tenant, after: &'a Tenant) -> Self {
        Self(Some(after), Some(before))
    }

    fn name(self, id: &str) -> Option<&'a str> {
        let find = |tenant: &'a Tenant| {
            let policy = tenant.policies.get(id).map(|it| it.name.as_str());
            let project = || tenant.projects.get(id).map(|it| it.name.as_str());
            let blend = || tenant.blends.get(id).map(|it| it.name.as_str());
            let scorecard = || tenant.scorecards.get(id).map(|it| it.scorecard().name.as_str());
            policy.or_else(project).or_else(blend).or_else(scorecard)
        };
        [self.0, self.1].into_iter().flatten().find_map(find)
    }
}

/// Compares two versions of an object.
pub(crate) fn line<T: Serialize>(kind: &str, name: &str, before: Option<&T>, after: &T, names: Names<'_>) -> DiffLine {
    let fields = |object: &T| {
        let mut fields = BTreeMap::new();
        flatten("", &serde_json::to_value(object).unwrap_or_default(), names, &mut fields);
        fields
    };
    let new = fields(after);
    let (action, changes) = match before {
        None => {
            let shown = new.iter().filter(|(_, value)| !matches!(value.as_str(), "none" | "[]" | "false"));
            (Action::Create, shown.map(|(field, value)| format!("{field}: {value}")).collect())
        }
        Some(before) => {
            let changes = changed(&fields(before), &new);
            (if changes.is_empty() { Action::Unchanged } else { Action::Update }, changes)
        }
    };
    DiffLine { action, kind: kind.to_owned(), name: name.to_owned(), changes }
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let fields: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = || "none".to_owned();
    let pair = |field: &String| {
        let value = |of: &BTreeMap<String, String>| of.get(field).cloned().unwrap_or_else(none);
        (value(before), value(after))
    };
    let lines = fields.into_iter().map(|field| (field, pair(field))).filter(|(_, (before, after))| before != after);
    lines.map(|(field, (before, after))| format!("{field}: {before} -> {after}")).collect()
}

fn flatten(path: &str, value: &Value, names: Names<'_>, to: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                // The version of a scorecard is a text of its own; that of others only counts.
                if path.is_empty() && HIDDEN.contains(&field.as_str()) && !(field == "version" && value.is_string()) {
                    continue;
                }
                let inner = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
                flatten(&inner, value, names, to);
            }
        }
        Value::Array(rules) if path == RULES => {
            for (place, rule) in rules.iter().enumerate() {
                to.insert(format!("{path}[{place}]"), told(rule, names));
            }
        }
        Value::Array(items) if KEYED.iter().any(|(list, _)| *list == path) => {
            let keyed = KEYED.iter().find(|(list, _)| *list == path).map_or("", |(_, key)| key);
            for (place, item) in items.iter().enumerate() {
                let about = item.get(keyed).and_then(Value::as_str);
                let about = about.map_or_else(|| place.to_string(), |id| names.name(id).unwrap_or(id).to_owned());
                let mut field = format!("{path}.{about}");
                // A second correction of one model is of another benchmark.
                while to.contains_key(&field) {
                    field.push('\'');
                }
                to.insert(field, item_told(item, keyed, names));
            }
        }
        Value::Null => {
            to.insert(path.to_owned(), "none".to_owned());
        }
        Value::String(text) => {
            let shown = names.name(text).map_or_else(|| text.escape_debug().to_string(), ToOwned::to_owned);
            to.insert(path.to_owned(), shown);
        }
        // Moments are kept as microseconds, which nobody reads.
        Value::Number(micros) if path.ends_with("_at") => {
            let moment = micros.as_i64().map_or_else(|| micros.to_string(), |it| Timestamp(it).to_string());
            to.insert(path.to_owned(), moment);
        }
        other => {
            to.insert(path.to_owned(), other.to_string());
        }
    }
}

/// What an item of a list says, less what it is about.
fn item_told(item: &Value, about: &str, names: Names<'_>) -> String {
    let Value::Object(fields) = item else { return item.to_string() };
    let fields = fields.iter().filter(|(field, value)| field.as_str() != about && !value.is_null());
    let told = fields.map(|(field, value)| match value {
        Value::String(text) => format!("{field} {}", names.name(text).unwrap_or(text).escape_debug()),
        other => format!("{field} {other}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// A rule in one line, with the name of the policy to which it refers.
fn told(rule: &Value, names: Names<'_>) -> String {
    let named = |id: String| Some(names.name(&id).map_or(id.clone(), ToOwned::to_owned));
    let rule = Rule::<String, String>::deserialize(rule).ok().and_then(|rule| rule.resolved(named, named));
    rule.map_or_else(|| "…".to_owned(), |rule| rule.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changed_fields_are_listed_with_before_and_after() {
        let before =
            json!({"id": "x", "enabled": true, "pricing": {"prompt": "0.1", "completion": null}, "list": ["a"]});
        let after = json!({"id": "y", "enabled": false, "pricing": {"prompt": "0.1", "completion": "2"}, "list": []});
        let line = line("model", "m", Some(&before), &after, Names::default());
        assert_eq!(line.action, Action::Update);
        assert_eq!(line.changes, ["enabled: true -> false", "list: [\"a\"] -> []", "pricing.completion: none -> 2"]);
    }

    #[test]
    fn moments_are_told_as_times() {
        let key = |end: i64| json!({"expires_at": end});
        let line = line("key", "k", Some(&key(0)), &key(1_800_000_000_000_000), Names::default());
        assert_eq!(line.changes, ["expires_at: 1970-01-01T00:00:00.000Z -> 2027-01-15T08:00:00.000Z"]);
    }

    #[test]
    fn rules_are_told_one_by_one() {
        let rule = |op: &str| json!({"priority": 1, "when": {"field": "user", "op": op}, "use": {"strategy": {"type": "split"}}});
        let line = line("policy", "p", Some(&json!({"rules": [rule("exists")]})), &json!({}), Names::default());
        assert_eq!(line.changes, ["rules[0]: 1: if user exists use split -> none"]);
    }

    #[test]
    fn created_object_lists_what_is_set() {
        let after = json!({"name": "n", "policy": null, "query": {}});
        assert_eq!(line("router", "n", None, &after, Names::default()).changes, ["name: n"]);
    }
}
