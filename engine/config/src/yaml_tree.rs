//! YAML (and JSON) to [`Node`]. The parser stops at the first fault of syntax; budgets bound depth, size and aliases.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, SnippetMode, Spanned, UserMessageFormatter};

use crate::fault::ConfigFault;
use crate::node::{Entry, Node, Spot, Value};

/// Four times as deep as any configuration; the parser takes tens of kilobytes of stack for each level when it is built
/// without optimisation.
const MAX_DEPTH: usize = 24;
/// What aliases may repeat in all.
const MAX_REPEATED: usize = 200_000;
/// Room for the largest file that is read.
const MAX_NODES: usize = 2_000_000;

/// Returns the tree of a YAML document; an empty one is an empty table.
///
/// # Errors
/// The first fault of syntax.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<ConfigFault>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH, flow_nesting_limit: MAX_DEPTH, max_nodes: MAX_NODES, max_events: 2 * MAX_NODES,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPEATED },
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<RawValue>>(text, options) {
        Ok(root) => {
            let root = node(root);
            let empty = matches!(root.value, Value::Null);
            Ok(if empty { Node { spot: root.spot, value: Value::Table(Vec::new()) } } else { root })
        }
        Err(error) => Err(vec![fault(&error)]),
    }
}

fn fault(error: &serde_saphyr::Error) -> ConfigFault {
    let location = error.location();
    let options = serde_saphyr::render_options! { formatter: &UserMessageFormatter, snippets: SnippetMode::Off };
    let mut message = error.render_with_options(options);
    if let Some(location) = location {
        // The place stands before the message already.
        let place = format!(" at line {}, column {}", location.line(), location.column());
        message = message.replace(&place, "");
    }
    let one_line: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    ConfigFault::new("", location.map_or(Spot::START, spot), format!("not valid YAML: {}", one_line.join(", ")))
}

fn spot(location: Location) -> Spot {
    let from_one = |value: u64| usize::try_from(value).unwrap_or(usize::MAX).max(1);
    Spot { line: from_one(location.line()), column: from_one(location.column()) }
}

fn node(spanned: Spanned<RawValue>) -> Node {
    Node { spot: spot(spanned.referenced), value: spanned.value.0 }
}

struct RawValue(Value);

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor).map(Self)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Integer(i128::try_from(value).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<RawValue>>()? {
            list.push(node(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut table = Vec::new();
        while let Some(key) = items.next_key::<Spanned<String>>()? {
            let value = items.next_value::<Spanned<RawValue>>()?;
            table.push(Entry { spot: spot(key.referenced), key: key.value, node: node(value) });
        }
        Ok(Value::Table(table))
    }
}
