//! Whether a test makes sense: the operator can read the field, and the value is of a kind that the operator compares.
//!
//! Evaluation needs none of this (what cannot be compared is false): it saves people from rules that never hold.

use domain::rule::{FieldKind, Path, VALUES_LIMIT};
use domain::{Operator, Test};
use serde_json::Value;

use crate::refusal::quoted;
use crate::validate::Problems;

/// What an operator works on and wants to be compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// One value of the field's own kind.
    One,
    /// A list of such values.
    Many,
    /// A number; numbers and texts that may spell one.
    Number,
    /// A part of a text, or a member of a list.
    Part,
    /// Text.
    Text,
    /// Nothing.
    Nothing,
}

fn wants(operator: Operator) -> Wants {
    match operator {
        Operator::Eq | Operator::Ne => Wants::One,
        Operator::In | Operator::NotIn => Wants::Many,
        Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => Wants::Number,
        Operator::Contains => Wants::Part,
        Operator::StartsWith | Operator::EndsWith | Operator::Matches => Wants::Text,
        Operator::Exists | Operator::NotExists => Wants::Nothing,
    }
}

pub(super) fn check_test(test: &Test, at: &Path<'_>, problems: &mut Problems) {
    let (field, operator) = (test.field(), test.operator());
    let wants = wants(operator);
    if let Some(cure) = unfit(wants, field.kind()) {
        return problems.add(at.field("op").to_string(), format!("`{operator}` cannot read `{field}`, {cure}"));
    }
    let at = at.field("value");
    let mut wrong = |message: String| problems.add(at.to_string(), message);
    let Some(value) = test.value() else {
        if wants != Wants::Nothing {
            wrong(format!("is missing: `{operator}` compares `{field}` with {}", wanted(wants, field.kind())));
        }
        return;
    };
    if let Some(fault) = test.pattern_fault() {
        return wrong(format!("`{}` {fault}", quoted(value.as_str().unwrap_or_default())));
    }
    match (wants, value) {
        (Wants::Nothing, _) => wrong(format!("`{operator}` compares with nothing: take `value` out")),
        (Wants::Many, Value::Array(values)) => {
            if let Err(message) = check_values(values, field.kind()) {
                wrong(message);
            }
        }
        (Wants::One | Wants::Number | Wants::Part | Wants::Text | Wants::Many, value) => {
            if !fits(wants, field.kind(), value) {
                let wanted = wanted(wants, field.kind());
                wrong(format!("is {}: `{operator}` compares `{field}` with {wanted}", described(value)));
            }
        }
    }
}

/// Why an operator makes no sense for a kind of field, and what does.
fn unfit(wants: Wants, kind: FieldKind) -> Option<&'static str> {
    match (kind, wants) {
        (FieldKind::Flag, Wants::Many | Wants::Number | Wants::Part | Wants::Text) => {
            Some("which is true or false: use `eq` or `ne`")
        }
        (FieldKind::Number, Wants::Part | Wants::Text) => {
            Some("which is a number: use `eq`, `ne`, `gt`, `gte`, `lt`, `lte`, `in` or `not_in`")
        }
        _ => None,
    }
}

/// Whether a value that is no list is what an operator compares with.
fn fits(wants: Wants, kind: FieldKind, value: &Value) -> bool {
    match wants {
        Wants::One => fits_kind(kind, value),
        Wants::Number => value.is_number(),
        Wants::Part if kind == FieldKind::Any => fits_kind(kind, value),
        Wants::Part | Wants::Text => value.is_string(),
        Wants::Many | Wants::Nothing => false,
    }
}

fn fits_kind(kind: FieldKind, value: &Value) -> bool {
    match kind {
        FieldKind::Text => value.is_string() || value.is_number(),
        FieldKind::Flag => value.is_boolean(),
        FieldKind::Number => value.is_number(),
        FieldKind::Any => value.is_string() || value.is_number() || value.is_boolean(),
    }
}

fn check_values(values: &[Value], kind: FieldKind) -> Result<(), String> {
    if values.is_empty() {
        return Err("is empty: write at least one value".to_owned());
    }
    if values.len() > VALUES_LIMIT {
        return Err(format!("has {} values: at most {VALUES_LIMIT} are allowed", values.len()));
    }
    match values.iter().enumerate().find(|(_, value)| !fits_kind(kind, value)) {
        Some((place, value)) => {
            Err(format!("has {} at place {place}: write only {}", described(value), wanted(Wants::One, kind)))
        }
        None => Ok(()),
    }
}

/// What should be written, in words.
fn wanted(wants: Wants, kind: FieldKind) -> &'static str {
    match (wants, kind) {
        (Wants::Nothing, _) => "nothing",
        (Wants::Number, _) | (Wants::One, FieldKind::Number) => "a number, without quotes",
        (Wants::Text, _) | (Wants::Part, FieldKind::Text | FieldKind::Flag | FieldKind::Number) => "text, in quotes",
        (Wants::Part | Wants::One, FieldKind::Any) => "text, a number, true or false",
        (Wants::Many, FieldKind::Text) => "a list of texts or numbers, in brackets",
        (Wants::Many, FieldKind::Number) => "a list of numbers, in brackets",
        (Wants::Many, FieldKind::Flag | FieldKind::Any) => "a list of texts, numbers, true or false, in brackets",
        (Wants::One, FieldKind::Text) => "text, in quotes, or a number",
        (Wants::One, FieldKind::Flag) => "true or false, without quotes",
    }
}

/// What was written, in words.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text `{}`", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
