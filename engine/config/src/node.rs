//! The tree that every format is read into: values that know their place.

use std::collections::BTreeMap;

/// A place in a file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Spot {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    pub(crate) value: Value,
}

/// What both formats can say.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// A date or time without quotes (TOML).
    Moment(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key, where it stands, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) spot: Spot,
    pub(crate) node: Node,
}

impl Value {
    /// What it is, in words; never the value itself, which may be a secret.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Moment(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Where each part of a configuration stands in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<String, (usize, usize)>);

impl Positions {
    pub(crate) fn of(root: &Node) -> Self {
        let mut positions = Self::default();
        positions.add(String::new(), root);
        positions
    }

    fn add(&mut self, path: String, node: &Node) {
        match &node.value {
            Value::List(items) => {
                items.iter().enumerate().for_each(|(place, item)| self.add(format!("{path}[{place}]"), item));
            }
            Value::Table(entries) => entries.iter().for_each(|entry| self.add(joined(&path, &entry.key), &entry.node)),
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Moment(_) => {}
        }
        if !path.is_empty() {
            self.0.insert(path, (node.spot.line, node.spot.column));
        }
    }

    /// The line and column, from 1, of the part that `path` (`policies[0].models[1]`) names, or of the nearest part
    /// around it that the file has.
    pub fn locate(&self, path: &str) -> Option<(usize, usize)> {
        let mut path = path;
        loop {
            if let Some(spot) = self.0.get(path) {
                return Some(*spot);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// As [`Self::locate`].
    pub(crate) fn nearest(&self, path: &str) -> Option<Spot> {
        self.locate(path).map(|(line, column)| Spot { line, column })
    }
}

/// `path.key`, or `key` at the top.
pub(crate) fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
