//! Tag rules as configured: a condition over what is known of a request, and what decides where it holds.
//!
//! What can be read is well formed: every field and operator exists, and a fault names its place (`rules[2].when.op`).
//! Whether a rule makes sense (a value that fits its operator, a policy that exists) is checked when it is saved, by
//! the crate `policy`, which also evaluates rules.

mod condition;
mod field;
mod path;
mod pattern;
mod read;

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use condition::{Condition, Operator, Test};
pub use field::{Field, FieldKind, InvalidField};
pub use path::Path;
pub use pattern::{PATTERN_BYTES, PatternFault};
pub use read::{RuleFault, RuleFaults};

use crate::ids::{BlendId, PolicyId};
use crate::policy::Strategy;

/// How many levels of `all`, `any` and `not` a condition may have.
pub const DEPTH_LIMIT: usize = 16;
/// How many tests, `all`, `any` and `not` a condition may have together.
pub const NODES_LIMIT: usize = 256;
/// How many values a list of `in` or `not_in` may have.
pub const VALUES_LIMIT: usize = 1000;
/// How many rules a policy may have.
pub const RULES_LIMIT: usize = 1000;
/// How many policies may refer one to the next.
pub const CHAIN_LIMIT: usize = 8;

/// One rule of a policy. `P` is how it refers to other policies and `B` how to blends: by id, or in a file by whatever
/// text names them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule<P = PolicyId, B = BlendId> {
    /// Lower ones are asked first; equals in the order in which they are written.
    pub priority: i32,
    /// What the record of a decision calls it; absent = `rules[2]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it holds.
    pub when: Condition,
    /// What decides then.
    pub r#use: Use<P, B>,
}

/// What decides where a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use<P = PolicyId, B = BlendId> {
    /// Another policy: its candidates, its rules, its strategy.
    Policy(P),
    /// Another strategy over the policy's own candidates.
    Strategy(Strategy<B>),
}

/// The rules of a policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    declared: Vec<Rule>,
    /// Places in `declared`, in the order in which rules are asked.
    ascending: Vec<usize>,
}

// === impl Rule ===

impl Rule {
    /// The keys of a rule.
    pub const KEYS: [&str; 4] = read::RULE;

    /// What the record of a decision calls a rule that stands at this place.
    pub fn label(&self, place: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("rules[{place}]"))
    }

    /// The policy to which the rule hands the request.
    pub fn policy(&self) -> Option<&PolicyId> {
        match &self.r#use {
            Use::Policy(id) => Some(id),
            Use::Strategy(_) => None,
        }
    }

    /// The strategy that the rule puts in place of the policy's own.
    pub fn strategy(&self) -> Option<&Strategy> {
        match &self.r#use {
            Use::Policy(_) => None,
            Use::Strategy(strategy) => Some(strategy),
        }
    }
}

impl<P, B> Rule<P, B> {
    /// The same rule with what it refers to found out; `None` where that fails.
    pub fn resolved<T, C>(
        self,
        find_policy: impl FnOnce(P) -> Option<T>,
        find_blend: impl FnOnce(B) -> Option<C>,
    ) -> Option<Rule<T, C>> {
        let r#use = match self.r#use {
            Use::Policy(policy) => Use::Policy(find_policy(policy)?),
            Use::Strategy(strategy) => Use::Strategy(strategy.resolved(find_blend)?),
        };
        Some(Rule { priority: self.priority, name: self.name, when: self.when, r#use })
    }
}

impl<P: FromStr<Err: fmt::Display>, B: DeserializeOwned> Rule<P, B> {
    /// Reads a list of rules.
    ///
    /// # Errors
    /// Every fault, each with its place.
    pub fn parse_all(value: &Value) -> Result<Vec<Self>, RuleFaults> {
        read::rules(value)
    }
}

impl<P: fmt::Display, B: fmt::Display> fmt::Display for Rule<P, B> {
    /// One line for people: `10 "EU premium": if tag.tier eq "premium" use policy premium`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.priority)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, ": if {} use ", self.when)?;
        match &self.r#use {
            Use::Policy(policy) => write!(f, "policy {policy}"),
            Use::Strategy(Strategy::Single { model }) => write!(f, "single: {model}"),
            Use::Strategy(Strategy::Intelligent { axis }) => write!(f, "intelligent / {}", axis.as_str()),
            Use::Strategy(Strategy::Blend { blend }) => write!(f, "blend: {blend}"),
            Use::Strategy(Strategy::Optimal(optimal)) => write!(f, "optimal: {optimal}"),
            Use::Strategy(strategy) => f.write_str(strategy.as_str()),
        }
    }
}

impl<'de, P: FromStr<Err: fmt::Display>, B: DeserializeOwned> Deserialize<'de> for Rule<P, B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read::rule(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

// === impl Rules ===

impl Rules {
    /// Rules in the order in which they are written.
    pub fn new(declared: Vec<Rule>) -> Self {
        let mut ascending: Vec<usize> = (0..declared.len()).collect();
        ascending.sort_by_key(|place| declared[*place].priority);
        Self { declared, ascending }
    }

    /// Reads a list of rules.
    ///
    /// # Errors
    /// Every fault, each with its place.
    pub fn parse(value: &Value) -> Result<Self, RuleFaults> {
        Rule::parse_all(value).map(Self::new)
    }

    /// The rules as written.
    pub fn declared(&self) -> &[Rule] {
        &self.declared
    }

    /// The rules in the order in which they are asked, each with its place among the declared.
    pub fn ascending(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.ascending.iter().map(|place| (*place, &self.declared[*place]))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.declared.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
