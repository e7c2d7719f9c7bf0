//! When a rule holds: tests of single fields, joined by `all`, `any` and `not`.

use std::fmt;

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::field::Field;
use super::pattern::{self, PatternFault};
use super::read;

/// When a rule holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Every one of them.
    All(Vec<Condition>),
    /// At least one of them.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// What one test says.
    #[serde(untagged)]
    Test(Test),
}

impl fmt::Display for Condition {
    /// One line for people: `tag.tier eq "premium" and not (user exists or stream eq true)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(conditions) => joined(f, conditions, " and "),
            Self::Any(conditions) => joined(f, conditions, " or "),
            Self::Not(condition) => {
                f.write_str("not ")?;
                enclosed(f, condition)
            }
            Self::Test(test) => write!(f, "{test}"),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, conditions: &[Condition], by: &str) -> fmt::Result {
    for (place, condition) in conditions.iter().enumerate() {
        if place > 0 {
            f.write_str(by)?;
        }
        enclosed(f, condition)?;
    }
    Ok(())
}

/// In brackets where it has parts of its own.
fn enclosed(f: &mut fmt::Formatter<'_>, condition: &Condition) -> fmt::Result {
    match condition {
        Condition::All(_) | Condition::Any(_) => write!(f, "({condition})"),
        Condition::Not(_) | Condition::Test(_) => write!(f, "{condition}"),
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read::condition(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// How a field is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Equal: text by case, numbers by value; text against a number is read as one.
    Eq,
    /// Not [`Operator::Eq`]; also where the field is missing.
    Ne,
    /// Greater; false unless both are numbers, as for the next three.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Equal to one of a list.
    In,
    /// Not [`Operator::In`]; also where the field is missing.
    NotIn,
    /// Text with this part, or a list with this member.
    Contains,
    /// Text that begins so.
    StartsWith,
    /// Text that ends so.
    EndsWith,
    /// Text in which a regular expression is found.
    Matches,
    /// There is a value, be it empty.
    Exists,
    /// There is none.
    NotExists,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 14] = [
        Self::Eq,
        Self::Ne,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::In,
        Self::NotIn,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Matches,
        Self::Exists,
        Self::NotExists,
    ];

    /// The operator's name: `starts_with`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Matches => "matches",
            Self::Exists => "exists",
            Self::NotExists => "not_exists",
        }
    }

    /// Finds an operator by its name.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str() == text)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field, compared with one value. The expression of `matches` is compiled when the test is made, and kept here.
#[derive(Clone, Debug, Serialize)]
pub struct Test {
    field: Field,
    #[serde(rename = "op")]
    operator: Operator,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip)]
    pattern: Option<Regex>,
}

impl Test {
    /// A test. An expression that does not compile is kept and never matches: [`Test::pattern_fault`] says why.
    pub fn new(field: Field, operator: Operator, value: Option<Value>) -> Self {
        let text = value.as_ref().and_then(Value::as_str).filter(|_| operator == Operator::Matches);
        let pattern = text.and_then(|text| pattern::compile(text).ok());
        Self { field, operator, value, pattern }
    }

    /// What it asks about.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// How it compares.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What it compares with.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    /// Whether the expression of `matches` is found in a text.
    pub fn matches(&self, text: &str) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }

    /// What is wrong with the expression of `matches`.
    pub fn pattern_fault(&self) -> Option<PatternFault> {
        let text = self.value.as_ref().and_then(Value::as_str).filter(|_| self.operator == Operator::Matches);
        text.and_then(|text| pattern::compile(text).err())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.operator)?;
        self.value.iter().try_for_each(|value| write!(f, " {value}"))
    }
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        (&self.field, self.operator, &self.value) == (&other.field, other.operator, &other.value)
    }
}
