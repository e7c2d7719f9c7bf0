//! A small tree for what is read more than once or in no fixed order: bodies that change their dialect.
//!
//! Never made for traffic that stays in its dialect. Borrows from the document; every node keeps its own text, so that
//! what is only carried is copied, not rewritten. A key that comes twice is refused where escapes are strict.

use std::borrow::Cow;

use super::scan::{Escapes, Kind, Scanner, SyntaxFault};

/// A value and its text.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    /// The value as it was written.
    pub(crate) raw: &'a str,
    pub(crate) value: Value<'a>,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads a whole document.
    pub(crate) fn parse(text: &'a str, escapes: Escapes) -> Result<Self, SyntaxFault> {
        let mut scanner = Scanner::new(text, escapes);
        let node = Self::read(&mut scanner)?;
        scanner.finish()?;
        Ok(node)
    }

    fn read(scanner: &mut Scanner<'a>) -> Result<Self, SyntaxFault> {
        let kind = scanner.peek()?;
        let start = scanner.position();
        let value = match kind {
            Kind::Object => {
                let mut entries = Vec::new();
                let mut members = scanner.enter_object()?;
                while let Some(key) = scanner.next_key(&mut members)? {
                    let name = scanner.decode(&key);
                    entries.push((name, Self::read(scanner)?));
                }
                Value::Object(entries)
            }
            Kind::Array => {
                let mut items = Vec::new();
                let mut elements = scanner.enter_array()?;
                while scanner.next_element(&mut elements)? {
                    items.push(Self::read(scanner)?);
                }
                Value::Array(items)
            }
            Kind::String => {
                let text = scanner.string()?;
                Value::String(scanner.decode(&text))
            }
            Kind::Number => {
                let span = scanner.number()?;
                Value::Number(scanner.slice(span))
            }
            Kind::Bool => {
                let span = scanner.literal()?;
                Value::Bool(scanner.slice(span) == "true")
            }
            Kind::Null => {
                scanner.literal()?;
                Value::Null
            }
        };
        let raw = scanner.slice(super::Span { start, end: scanner.position() });
        Ok(Self { raw, value })
    }

    /// What it is.
    pub(crate) const fn kind(&self) -> Kind {
        match &self.value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        }
    }

    /// The member of an object, the last of its name; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let (_, node) = self.entries().iter().rev().find(|(key, _)| key == name)?;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    /// The members of an object; none of anything else.
    pub(crate) fn entries(&self) -> &[(Cow<'a, str>, Self)] {
        if let Value::Object(entries) = &self.value { entries } else { &[] }
    }

    /// The elements of an array; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        if let Value::Array(items) = &self.value { items } else { &[] }
    }

    /// The text of a string.
    pub(crate) fn str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// A count; what is no number counts as absent. Upstreams write `7.0` at times.
    pub(crate) fn count(&self) -> Option<u64> {
        let Value::Number(text) = &self.value else { return None };
        text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|it| *it >= 0.0).map(|float| float as u64))
    }

    /// A truth value.
    pub(crate) const fn bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value { Some(value) } else { None }
    }

    /// The text of a member that is a string.
    pub(crate) fn str_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.str()
    }

    /// The owned text of a member that is a string.
    pub(crate) fn string_of(&self, name: &str) -> Option<String> {
        self.str_of(name).map(str::to_owned)
    }

    /// JSON text that a member is or holds: some write an object where a dialect wants its text.
    pub(crate) fn json_text_of(&self, name: &str) -> Option<String> {
        let member = self.get(name)?;
        let is_tree = matches!(member.value, Value::Object(_) | Value::Array(_));
        if is_tree { Some(member.raw.to_owned()) } else { member.str().map(str::to_owned) }
    }

    /// A member that is a count.
    pub(crate) fn count_of(&self, name: &str) -> Option<u64> {
        self.get(name)?.count()
    }
}
