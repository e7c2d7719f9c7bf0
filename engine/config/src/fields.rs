//! One table of the file, read key by key.
//!
//! Asking for a key makes it known: whatever was not asked for is unknown, so the list of known keys cannot differ
//! from what the readers do.

use crate::context::Context;
use crate::nearest::nearest;
use crate::node::{Entry, Node, Spot, Value, joined};

/// A value with its path.
#[derive(Clone, Debug)]
pub(crate) struct Item<'a> {
    pub(crate) path: String,
    pub(crate) node: &'a Node,
}

impl Item<'_> {
    /// Notes a fault at this value. Returns `None`, so that readers can end with it.
    pub(crate) fn fault<T>(&self, context: &mut Context<'_>, message: impl Into<String>) -> Option<T> {
        context.fault(&self.path, self.node.spot, message);
        None
    }

    /// Notes that the value is of the wrong kind.
    pub(crate) fn wrong_kind<T>(&self, context: &mut Context<'_>, expected: &str) -> Option<T> {
        let message = match &self.node.value {
            Value::Null => format!("is empty: expected {expected}, or leave the line out"),
            other => format!("expected {expected}, found {}", other.kind()),
        };
        self.fault(context, message)
    }
}

/// Reads one value.
pub(crate) type Read<T> = fn(&Item<'_>, &mut Context<'_>) -> Option<T>;

/// A table whose keys are being asked for.
pub(crate) struct Fields<'a> {
    pub(crate) path: String,
    pub(crate) spot: Spot,
    entries: &'a [Entry],
    asked: Vec<&'static str>,
    /// Told at the end, unless a misspelt key explains them.
    missing: Vec<(&'static str, String)>,
}

impl<'a> Fields<'a> {
    /// Opens a table; anything else is a fault.
    pub(crate) fn open(item: &Item<'a>, context: &mut Context<'_>) -> Option<Self> {
        match &item.node.value {
            Value::Table(entries) => Some(Self {
                path: item.path.clone(),
                spot: item.node.spot,
                entries,
                asked: Vec::new(),
                missing: Vec::new(),
            }),
            _ => item.wrong_kind(context, "a table of keys and values"),
        }
    }

    /// Asks for a key.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.asked.push(key);
        self.peek(key)
    }

    /// Looks at a key without making it known.
    pub(crate) fn peek(&self, key: &str) -> Option<Item<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(Item { path: joined(&self.path, key), node: &entry.node })
    }

    /// Reads a key that may be absent.
    pub(crate) fn read<T>(&mut self, key: &'static str, context: &mut Context<'_>, read: Read<T>) -> Option<T> {
        let item = self.take(key)?;
        read(&item, context)
    }

    /// Reads a key that must be there; `example` is a value to write, `why` ends the sentence.
    pub(crate) fn require<T>(
        &mut self,
        key: &'static str,
        (example, why): (&str, &str),
        context: &mut Context<'_>,
        read: Read<T>,
    ) -> Option<T> {
        if let Some(item) = self.take(key) {
            return read(&item, context);
        }
        let message = format!("`{key}` is missing: write {}{why}", context.pair(key, example));
        self.miss(key, message)
    }

    /// Notes that a key should be there.
    pub(crate) fn miss<T>(&mut self, key: &'static str, message: String) -> Option<T> {
        self.missing.push((key, message));
        None
    }

    /// The keys asked for so far.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> &[&'static str] {
        &self.asked
    }

    /// Refuses what was not asked for and tells what is missing. `later` are keys of features that this version does
    /// not have.
    pub(crate) fn finish(mut self, later: &[&str], context: &mut Context<'_>) {
        for entry in self.entries.iter().filter(|entry| !self.asked.contains(&entry.key.as_str())) {
            let shown = shortened(&entry.key);
            let message = match nearest(&entry.key, &self.asked) {
                _ if later.contains(&entry.key.as_str()) => {
                    format!("`{shown}` is not supported by this version: take it out")
                }
                Some(meant) => {
                    self.missing.retain(|(key, _)| *key != meant);
                    format!("unknown key `{shown}`: did you mean `{meant}`?")
                }
                None => format!("unknown key `{shown}`: known here are {}", self.asked.join(", ")),
            };
            context.fault(&joined(&self.path, &shown), entry.spot, message);
        }
        for (_, message) in &self.missing {
            context.fault(&self.path, self.spot, message);
        }
    }
}

/// The first 80 characters, less what would break a line.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(80).collect()
}
