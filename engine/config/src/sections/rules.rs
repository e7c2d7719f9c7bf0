//! `rules` of a policy. They are read by the reader of `domain`, which everybody has, as JSON; what it finds wrong is told
//! at its line.

use domain::Rule;
use serde_json::{Map, Number, Value as Json};

use crate::context::Context;
use crate::fields::Item;
use crate::node::{Node, Positions, Value};

/// The rules, if all of them can be read. Policies in `use` are named as the file likes.
pub(crate) fn rules(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<Rule<String, String>>> {
    let faults = match Rule::<String, String>::parse_all(&json(item.node)) {
        Ok(rules) => return Some(rules),
        Err(faults) => faults.0,
    };
    let positions = Positions::of(item.node);
    for fault in faults {
        // The reader calls the list itself `rules`.
        let inner = fault.path.strip_prefix("rules").unwrap_or_default();
        let spot = positions.nearest(inner).unwrap_or(item.node.spot);
        context.fault(&format!("{}{inner}", item.path), spot, fault.message);
    }
    None
}

/// A tree as JSON. What JSON has no word for becomes text, which no number or flag is taken for.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => whole(*number).map_or_else(|| Json::String(number.to_string()), Json::Number),
        Value::Float(number) => {
            Number::from_f64(*number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        Value::Text(text) | Value::Moment(text) => Json::String(text.clone()),
        Value::List(nodes) => Json::Array(nodes.iter().map(json).collect()),
        Value::Table(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.clone(), json(&entry.node))).collect::<Map<_, _>>())
        }
    }
}

fn whole(number: i128) -> Option<Number> {
    i64::try_from(number).map(Number::from).or_else(|_| u64::try_from(number).map(Number::from)).ok()
}
