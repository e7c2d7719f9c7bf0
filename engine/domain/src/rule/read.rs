//! From JSON to rules, with the place of every fault.
//!
//! Written by hand because derived readers neither name the place nor go on after the first fault. Refuses what no rule
//! could mean (unknown names, wrong shapes, bottomless nesting); what is merely unwise is refused when it is saved.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::condition::{Condition, Operator, Test};
use super::path::Path;
use super::{DEPTH_LIMIT, Rule, Use};
use crate::policy::Strategy;

/// Something in a rule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct RuleFault {
    /// Where: `rules[2].when.all[0].op`.
    pub path: String,
    /// What, and how to mend it.
    pub message: String,
}

/// Everything in rules that cannot be read; at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFaults(pub Vec<RuleFault>);

impl fmt::Display for RuleFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for RuleFaults {}

type Object = Map<String, Value>;

pub(super) const RULE: [&str; 4] = ["priority", "name", "when", "use"];
const USE: [&str; 2] = ["policy", "strategy"];
const JOINS: [&str; 3] = ["all", "any", "not"];
const TEST: [&str; 3] = ["field", "op", "value"];

pub(super) fn rules<P: FromStr<Err: fmt::Display>, B: DeserializeOwned>(
    value: &Value,
) -> Result<Vec<Rule<P, B>>, RuleFaults> {
    Reader::read(|reader| {
        let at = Path::Root.field("rules");
        reader.items(value, &at, Reader::rule)
    })
}

pub(super) fn rule<P: FromStr<Err: fmt::Display>, B: DeserializeOwned>(
    value: &Value,
) -> Result<Rule<P, B>, RuleFaults> {
    Reader::read(|reader| reader.rule(value, &Path::Root))
}

pub(super) fn condition(value: &Value) -> Result<Condition, RuleFaults> {
    Reader::read(|reader| reader.condition(value, &Path::Root.field("when"), 0))
}

/// Reads and collects faults: whatever returns `None` has said why.
#[derive(Default)]
struct Reader(Vec<RuleFault>);

impl Reader {
    fn read<T>(read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, RuleFaults> {
        let mut reader = Self::default();
        let read = read(&mut reader);
        read.filter(|_| reader.0.is_empty()).ok_or(RuleFaults(reader.0))
    }

    fn fault<T>(&mut self, at: &Path<'_>, message: impl Into<String>) -> Option<T> {
        let path = match at {
            Path::Root => "rule".to_owned(),
            _ => at.to_string(),
        };
        self.0.push(RuleFault { path, message: message.into() });
        None
    }

    fn rule<P: FromStr<Err: fmt::Display>, B: DeserializeOwned>(
        &mut self,
        value: &Value,
        at: &Path<'_>,
    ) -> Option<Rule<P, B>> {
        let object = self.object(value, at, "with `priority`, `when` and `use`")?;
        self.only(object, at, &RULE);
        let priority = self.required(object, "priority", at, Self::priority);
        let name = self.optional(object, "name", at, Self::text);
        let when = self.required(object, "when", at, |reader, value, at| reader.condition(value, at, 0));
        let r#use = self.required(object, "use", at, Self::r#use);
        Some(Rule { priority: priority?, name: name.map(str::to_owned), when: when?, r#use: r#use? })
    }

    fn priority(&mut self, value: &Value, at: &Path<'_>) -> Option<i32> {
        let priority = value.as_i64().and_then(|number| i32::try_from(number).ok());
        priority.or_else(|| {
            let range = format!("from {} to {}", i32::MIN, i32::MAX);
            self.fault(at, format!("is {}, not a priority: write a whole number {range}", shown(value)))
        })
    }

    fn r#use<P: FromStr<Err: fmt::Display>, B: DeserializeOwned>(
        &mut self,
        value: &Value,
        at: &Path<'_>,
    ) -> Option<Use<P, B>> {
        let object = self.object(value, at, "with `policy` or `strategy`")?;
        self.only(object, at, &USE);
        match (object.get("policy"), object.get("strategy")) {
            (Some(policy), None) => self.policy(policy, &at.field("policy")).map(Use::Policy),
            (None, Some(strategy)) => self.strategy(strategy, &at.field("strategy")).map(Use::Strategy),
            (Some(_), Some(_)) => self.fault(at, "has both `policy` and `strategy`: take one of them out"),
            (None, None) => self.fault(at, "says nothing: write `policy` or `strategy`"),
        }
    }

    fn policy<P: FromStr<Err: fmt::Display>>(&mut self, value: &Value, at: &Path<'_>) -> Option<P> {
        let text = self.text(value, at)?;
        P::from_str(text).map_or_else(|fault| self.fault(at, fault.to_string()), Some)
    }

    fn strategy<B: DeserializeOwned>(&mut self, value: &Value, at: &Path<'_>) -> Option<Strategy<B>> {
        let named = value.as_str().map(|name| json!({ "type": name }));
        serde::Deserialize::deserialize(named.as_ref().unwrap_or(value))
            .map_or_else(|fault: serde_json::Error| self.fault(at, fault.to_string()), Some)
    }

    fn condition(&mut self, value: &Value, at: &Path<'_>, depth: usize) -> Option<Condition> {
        if depth > DEPTH_LIMIT {
            return self.fault(at, format!("is nested deeper than {DEPTH_LIMIT} levels: make it two rules"));
        }
        let object = self.object(value, at, "with `all`, `any`, `not`, or `field` and `op`")?;
        let Some((join, inner)) = JOINS.iter().find_map(|join| object.get_key_value(*join)) else {
            return self.test(object, at).map(Condition::Test);
        };
        if let Some(other) = object.keys().find(|other| *other != join) {
            return self.fault(at, format!("has `{other}` beside `{join}`: put both into the list of an `all`"));
        }
        let at = at.field(join);
        let list =
            |reader: &mut Self| reader.items(inner, &at, |reader, item, at| reader.condition(item, at, depth + 1));
        match join.as_str() {
            "all" => list(self).map(Condition::All),
            "any" => list(self).map(Condition::Any),
            _ => self.condition(inner, &at, depth + 1).map(|inner| Condition::Not(Box::new(inner))),
        }
    }

    fn test(&mut self, object: &Object, at: &Path<'_>) -> Option<Test> {
        self.only(object, at, &TEST);
        let field = self.required(object, "field", at, |reader, value, at| {
            let text = reader.text(value, at)?;
            text.parse().map_or_else(|fault: super::InvalidField| reader.fault(at, fault.to_string()), Some)
        });
        let operator = self.required(object, "op", at, Self::operator);
        let value = object.get("value").filter(|value| !value.is_null()).cloned();
        Some(Test::new(field?, operator?, value))
    }

    fn operator(&mut self, value: &Value, at: &Path<'_>) -> Option<Operator> {
        let text = self.text(value, at)?;
        Operator::named(text).or_else(|| {
            self.fault(at, format!("{} is not an operator: write one of {}", shown(value), names(&Operator::ALL)))
        })
    }

    // --- shapes ---

    fn text<'v>(&mut self, value: &'v Value, at: &Path<'_>) -> Option<&'v str> {
        value.as_str().or_else(|| self.fault(at, format!("is {}, not text: put it in quotes", shown(value))))
    }

    fn object<'v>(&mut self, value: &'v Value, at: &Path<'_>, of: &str) -> Option<&'v Object> {
        value.as_object().or_else(|| self.fault(at, format!("is {}: write an object {of}", shown(value))))
    }

    fn items<T>(
        &mut self,
        value: &Value,
        at: &Path<'_>,
        mut read: impl FnMut(&mut Self, &Value, &Path<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(items) = value.as_array() else {
            return self.fault(at, format!("is {}, not a list: put it in brackets", shown(value)));
        };
        let read = items.iter().enumerate().filter_map(|(place, item)| read(self, item, &at.item(place)));
        Some(read.collect())
    }

    fn only(&mut self, object: &Object, at: &Path<'_>, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let known = names(known);
            self.fault::<()>(&at.field(name), format!("is not known here: take it out, or write one of {known}"));
        }
    }

    fn required<'v, T>(
        &mut self,
        object: &'v Object,
        name: &str,
        at: &Path<'_>,
        read: impl FnOnce(&mut Self, &'v Value, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        match object.get(name) {
            Some(value) => read(self, value, &at.field(name)),
            None => self.fault(&at.field(name), "is missing: add it"),
        }
    }

    fn optional<'v, T>(
        &mut self,
        object: &'v Object,
        name: &str,
        at: &Path<'_>,
        read: impl FnOnce(&mut Self, &'v Value, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = object.get(name).filter(|value| !value.is_null())?;
        read(self, value, &at.field(name))
    }
}

fn names<T: fmt::Display>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A value as a message repeats it: short ones as they are.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("`{}`", text.chars().take(80).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
