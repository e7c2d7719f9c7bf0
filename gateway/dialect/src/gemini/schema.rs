//! Google's own schemas as JSON schemas: `{"type": "STRING", "nullable": true}` as `{"type": ["string", "null"]}`.
//!
//! The other way needs nothing: functions and answers take JSON schemas under other members. A schema that is a JSON
//! schema already stays as it is. Properties keep their order, which a model follows when it writes.

use crate::canonical::Json;
use crate::json::{Node, Value, quoted};

/// Returns a schema as a JSON schema; what is no object stays what it is.
pub(super) fn to_json_schema(schema: &Node<'_>) -> Option<Json> {
    let mut text = String::with_capacity(schema.raw.len() + 32);
    write(schema, &mut text);
    Json::parse(text)
}

fn write(schema: &Node<'_>, out: &mut String) {
    if !matches!(schema.value, Value::Object(_)) {
        out.push_str(schema.raw);
        return;
    }
    let nullable = schema.get("nullable").and_then(Node::bool) == Some(true);
    out.push('{');
    let start = out.len();
    for (name, value) in schema.entries() {
        let name = keyword(name);
        // The order is that of the properties; whether null will do is told by the type.
        if matches!(name, "nullable" | "propertyOrdering") {
            continue;
        }
        if out.len() > start {
            out.push(',');
        }
        push_quoted(name, out);
        out.push(':');
        write_member(name, value, nullable, out);
    }
    out.push('}');
}

fn write_member(name: &str, value: &Node<'_>, nullable: bool, out: &mut String) {
    match name {
        "type" => write_type(value, nullable, out),
        "enum" if nullable && !value.items().is_empty() && !value.items().iter().any(is_null) => {
            list(value.items(), out, |item, out| out.push_str(item.raw));
            out.pop();
            out.push_str(",null]");
        }
        "items" | "additionalProperties" | "not" => write(value, out),
        "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
            if value.items().is_empty() {
                out.push_str(value.raw);
            } else {
                list(value.items(), out, write);
            }
        }
        "properties" | "$defs" | "defs" => properties(value, out),
        // Proto writes whole numbers of 64 bits as texts.
        "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties" => {
            out.push_str(value.str().filter(|text| text.parse::<u64>().is_ok()).unwrap_or(value.raw));
        }
        _ => out.push_str(value.raw),
    }
}

fn write_type(value: &Node<'_>, nullable: bool, out: &mut String) {
    let Some(kind) = type_of(value) else { return out.push_str(value.raw) };
    let kind = kind.to_ascii_lowercase();
    if nullable && kind != "null" {
        out.push('[');
        push_quoted(&kind, out);
        out.push_str(",\"null\"]");
    } else {
        push_quoted(&kind, out);
    }
}

/// The name of a type. Proto JSON may write members of enumerations as their numbers.
fn type_of<'a>(value: &'a Node<'_>) -> Option<&'a str> {
    const NAMES: [&str; 8] = ["", "string", "number", "integer", "boolean", "array", "object", "null"];
    let by_number = || NAMES.get(value.raw.parse::<usize>().ok()?).copied().filter(|name| !name.is_empty());
    value.str().or_else(by_number)
}

fn properties(value: &Node<'_>, out: &mut String) {
    if !matches!(value.value, Value::Object(_)) {
        return out.push_str(value.raw);
    }
    out.push('{');
    for (index, (name, schema)) in value.entries().iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_quoted(name, out);
        out.push(':');
        write(schema, out);
    }
    out.push('}');
}

fn list(items: &[Node<'_>], out: &mut String, write: impl Fn(&Node<'_>, &mut String)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

const fn is_null(node: &Node<'_>) -> bool {
    matches!(node.value, Value::Null)
}

fn push_quoted(text: &str, out: &mut String) {
    out.push_str(crate::json::utf8(&quoted(text)));
}

/// The keyword under its JSON schema name.
fn keyword(name: &str) -> &str {
    match name {
        "any_of" => "anyOf",
        "one_of" => "oneOf",
        "prefix_items" => "prefixItems",
        "additional_properties" => "additionalProperties",
        "property_ordering" => "propertyOrdering",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        "defs" => "$defs",
        "ref" => "$ref",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Escapes;

    #[track_caller]
    fn check(schema: &str, expected: &str) {
        let found = to_json_schema(&Node::parse(schema, Escapes::Strict).unwrap()).unwrap();
        assert_eq!(found.as_str(), expected);
    }

    #[test]
    fn types_are_small_and_null_is_one_of_them() {
        check(
            r#"{"type":"OBJECT","properties":{"nullable":{"type":"STRING","nullable":true},"any_of":{"type":"INTEGER","format":"int32"}},
                "required":["nullable"],"propertyOrdering":["any_of"]}"#,
            r#"{"type":"object","properties":{"nullable":{"type":["string","null"]},"any_of":{"type":"integer","format":"int32"}},"required":["nullable"]}"#,
        );
        check(
            r#"{"type":"STRING","nullable":true,"enum":["a","b"]}"#,
            r#"{"type":["string","null"],"enum":["a","b",null]}"#,
        );
        check(r#"{"type":"STRING","nullable":false}"#, r#"{"type":"string"}"#);
    }

    #[test]
    fn types_may_be_written_as_their_numbers() {
        check(
            r#"{"type":6,"properties":{"a":{"type":1,"nullable":true},"b":{"type":5,"items":{"type":3}}}}"#,
            r#"{"type":"object","properties":{"a":{"type":["string","null"]},"b":{"type":"array","items":{"type":"integer"}}}}"#,
        );
        check(r#"{"type":8}"#, r#"{"type":8}"#);
    }

    #[test]
    fn schemas_within_schemas_are_reached() {
        check(
            r#"{"type":"ARRAY","min_items":"2","items":{"any_of":[{"type":"STRING"},{"type":"ARRAY","items":{"type":"NUMBER"}}]}}"#,
            r#"{"type":"array","minItems":2,"items":{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"number"}}]}}"#,
        );
    }

    #[test]
    fn a_json_schema_stays_as_it_is() {
        let schema = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"additionalProperties":false,"$defs":{"b":{"type":["string","null"]}}}"##;
        check(schema, schema);
        check("true", "true");
    }
}
