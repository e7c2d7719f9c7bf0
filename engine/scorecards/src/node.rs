//! A document as a tree, and readers of its fields that report what is wrong by path.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::fault::{Faults, Place};
use crate::names::{did_you_mean, quoted};

/// A value of a JSON or YAML document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Node {
    /// Reads JSON; a fault of syntax, a key that stands twice among them, is told by its line.
    pub(crate) fn json(text: &str, faults: &mut Faults) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(node) => Some(node),
            Err(error) => {
                let place = format!("column {}", error.column());
                let message = error.to_string();
                let what = message.split(" at line ").next().unwrap_or_default();
                faults.add(
                    &Place::line(error.line() as u64, &place),
                    format!("not valid JSON: {what}; NaN and Infinity are none: leave such scores out"),
                );
                None
            }
        }
    }

    const fn what(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    pub(crate) fn list(&self, path: &str, faults: &mut Faults) -> &[Self] {
        if let Self::List(items) = self {
            return items;
        }
        faults.add(&Place::path(path), format!("is {}: write a list", self.what()));
        &[]
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut table: Vec<(String, Node)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Node>()? {
            if table.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format_args!("`{}` stands twice", quoted(&key))));
            }
            table.push((key, value));
        }
        Ok(Node::Table(table))
    }
}

/// A table of a document, with its path.
pub(crate) struct Table<'a> {
    entries: &'a [(String, Node)],
    path: String,
    line: Option<u64>,
}

impl<'a> Table<'a> {
    pub(crate) fn of(node: &'a Node, path: impl Into<String>, faults: &mut Faults) -> Option<Self> {
        Self::on_line(node, path, None, faults)
    }

    pub(crate) fn on_line(
        node: &'a Node,
        path: impl Into<String>,
        line: Option<u64>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let path = path.into();
        if let Node::Table(entries) = node {
            return Some(Self { entries, path, line });
        }
        faults.add(&Place { line, path }, format!("is {}: write a table", node.what()));
        None
    }

    /// Where a field stands.
    pub(crate) fn at(&self, key: &str) -> Place {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Place { line: self.line, path }
    }

    pub(crate) fn path(&self, key: &str) -> String {
        self.at(key).path
    }

    pub(crate) fn refuse_unknown(&self, known: &[&str], faults: &mut Faults) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            let meant = did_you_mean(key, known.iter().copied());
            let cure = if meant.is_empty() { ": take it out".to_owned() } else { meant };
            faults.add(&self.at(&quoted(key)), format!("is unknown{cure}"));
        }
    }

    /// A field that is there and not null.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        let (_, value) = self.entries.iter().find(|(known, _)| known == key)?;
        (*value != Node::Null).then_some(value)
    }

    fn wrong(&self, key: &str, node: &Node, wanted: &str, faults: &mut Faults) {
        faults.add(&self.at(key), format!("is {}: write {wanted}", node.what()));
    }

    fn demand<T>(&self, key: &str, wanted: &str, found: Option<T>, faults: &mut Faults) -> Option<T> {
        if self.get(key).is_none() {
            faults.add(&self.at(key), format!("is missing: write {wanted}"));
        }
        found
    }

    pub(crate) fn text(&self, key: &str, faults: &mut Faults) -> Option<&'a str> {
        match self.get(key)? {
            Node::Text(text) => Some(text.trim()),
            other => {
                self.wrong(key, other, "a text", faults);
                None
            }
        }
    }

    pub(crate) fn owned(&self, key: &str, faults: &mut Faults) -> Option<String> {
        self.text(key, faults).filter(|it| !it.is_empty()).map(str::to_owned)
    }

    pub(crate) fn demand_text(&self, key: &str, faults: &mut Faults) -> Option<&'a str> {
        let found = self.text(key, faults);
        if found == Some("") {
            faults.add(&self.at(key), "is empty: write a text");
            return None;
        }
        self.demand(key, "a text", found, faults)
    }

    pub(crate) fn number(&self, key: &str, faults: &mut Faults) -> Option<f64> {
        match self.get(key)? {
            Node::Number(value) if value.is_finite() => Some(*value),
            Node::Number(value) => {
                faults.add(&self.at(key), format!("{value} is not a score: leave it out where there is none"));
                None
            }
            other => {
                self.wrong(key, other, "a number", faults);
                None
            }
        }
    }

    pub(crate) fn demand_number(&self, key: &str, faults: &mut Faults) -> Option<f64> {
        let found = self.number(key, faults);
        self.demand(key, "a number", found, faults)
    }

    pub(crate) fn count(&self, key: &str, faults: &mut Faults) -> Option<u64> {
        let value = self.number(key, faults)?;
        if value >= 0.0 && value.fract() == 0.0 && value <= 9e15 {
            return Some(value as u64);
        }
        faults.add(&self.at(key), format!("{value} is not a count: write a whole number from 0, or leave it out"));
        None
    }

    pub(crate) fn flag(&self, key: &str, faults: &mut Faults) -> Option<bool> {
        match self.get(key)? {
            Node::Bool(value) => Some(*value),
            other => {
                self.wrong(key, other, "true or false", faults);
                None
            }
        }
    }

    pub(crate) fn list(&self, key: &str, faults: &mut Faults) -> &'a [Node] {
        self.get(key).map_or(&[], |node| node.list(&self.path(key), faults))
    }

    /// A list that must be there and hold something.
    pub(crate) fn demand_list(&self, key: &str, faults: &mut Faults) -> &'a [Node] {
        let list = self.list(key, faults);
        if list.is_empty() && matches!(self.get(key), None | Some(Node::List(_))) {
            faults.add(&self.at(key), "is missing or empty: write at least one");
        }
        list
    }

    pub(crate) fn table(&self, key: &str, faults: &mut Faults) -> Option<Self> {
        Self::on_line(self.get(key)?, self.path(key), self.line, faults)
    }

    pub(crate) fn demand_table(&self, key: &str, faults: &mut Faults) -> Option<Self> {
        let found = self.table(key, faults);
        self.demand(key, "a table", found, faults)
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        let text = self.text(key, faults)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        faults.add(&self.at(key), format!("`{}` is none of {}", quoted(text), words.join(", ")));
        None
    }

    pub(crate) fn demand_choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        let found = self.choice(key, choices, faults);
        self.demand(key, "one of the words", found, faults)
    }

    /// The day of a date or of a moment in RFC 3339.
    pub(crate) fn day(&self, key: &str, faults: &mut Faults) -> Option<domain::Date> {
        let text = self.text(key, faults)?;
        let is_moment = domain::Timestamp::parse_rfc3339(text).is_some();
        match domain::Date::parse(if is_moment { text.get(..10).unwrap_or(text) } else { text }) {
            Ok(date) => Some(date),
            Err(error) => {
                faults.add(&self.at(key), error.to_string());
                None
            }
        }
    }
}
