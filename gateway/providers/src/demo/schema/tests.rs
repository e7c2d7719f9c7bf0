//! Schemas and what is made for them, checked by a small validator of our own.

use proptest::prelude::*;

use super::*;

/// Whether a value fits a schema: the same vocabulary as the generator, read the other way.
fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        return root.pointer(&path[1..]).is_some_and(|target| fits(root, target, value));
    }
    if schema.get("const").is_some_and(|constant| constant != value) {
        return false;
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array)
        && !all.contains(value)
    {
        return false;
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array)
        && !options.iter().any(|option| fits(root, option, value))
    {
        return false;
    }
    let types = match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    types.iter().any(|name| fits_type(root, schema, name, value))
}

fn fits_type(root: &Value, schema: &Value, name: &str, value: &Value) -> bool {
    let edge = |key: &str| schema.get(key).and_then(Value::as_f64);
    match (name, value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) => true,
        ("integer" | "number", Value::Number(number)) => {
            let number = number.as_f64().expect("a number");
            (name == "number" || number.fract() == 0.0)
                && edge("minimum").is_none_or(|bound| number >= bound)
                && edge("maximum").is_none_or(|bound| number <= bound)
                && edge("exclusiveMinimum").is_none_or(|bound| number > bound)
                && edge("exclusiveMaximum").is_none_or(|bound| number < bound)
                && edge("multipleOf").is_none_or(|step| (number / step).fract().abs() < 1e-9)
        }
        ("string", Value::String(text)) => {
            let length = text.chars().count();
            bound(schema, "minLength").is_none_or(|least| length >= least)
                && bound(schema, "maxLength").is_none_or(|most| length <= most)
        }
        ("array", Value::Array(items)) => {
            bound(schema, "minItems").is_none_or(|least| items.len() >= least)
                && bound(schema, "maxItems").is_none_or(|most| items.len() <= most)
                && schema.get("items").is_none_or(|schema| items.iter().all(|item| fits(root, schema, item)))
        }
        ("object", Value::Object(members)) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let required = schema.get("required").and_then(Value::as_array);
            required.is_none_or(|names| names.iter().all(|name| members.contains_key(name.as_str().unwrap_or(""))))
                && members.iter().all(|(name, value)| {
                    properties.and_then(|all| all.get(name)).is_none_or(|schema| fits(root, schema, value))
                })
                && (schema.get("additionalProperties") != Some(&Value::Bool(false))
                    || members.keys().all(|name| properties.is_some_and(|all| all.contains_key(name))))
        }
        _ => false,
    }
}

#[track_caller]
fn check(schema: &Value) -> Value {
    let made = generate(schema, "weather in Paris for 3 days");
    assert!(fits(schema, schema, &made), "{made} does not fit {schema}");
    made
}

#[test]
fn a_strict_schema_gets_every_property() {
    let made = check(&json!({
        "type": "object", "additionalProperties": false, "required": ["city", "days", "unit", "tags", "note", "ok"],
        "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["c", "f"]},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "note": {"type": ["string", "null"]}, "ok": {"type": "boolean"},
        },
    }));
    assert_eq!((&made["city"], &made["days"], &made["unit"]), (&json!("Paris"), &json!(3), &json!("c")));
}

#[test]
fn references_unions_and_constants_are_followed() {
    let made = check(&json!({
        "type": "object", "required": ["step", "kind", "maybe"],
        "properties": {
            "step": {"$ref": "#/$defs/step"}, "kind": {"const": "demo"},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "number", "minimum": 7.5}]},
        },
        "$defs": {"step": {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}},
    }));
    assert_eq!((&made["kind"], &made["maybe"]), (&json!("demo"), &json!(7.5)));
}

#[test]
fn recursive_schemas_end() {
    let tree = json!({
        "type": "object", "required": ["name", "children", "next"], "additionalProperties": false,
        "properties": {
            "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}},
            "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        },
    });
    assert!(check(&tree).to_string().len() < 10_000);
    // One that no finite value fits must still come back.
    generate(&json!({"$ref": "#"}), "");
    generate(&json!({"type": "object", "required": ["x"], "properties": {"x": {"$ref": "#"}}}), "");
}

#[test]
fn all_parts_of_an_all_of_are_met() {
    let schema = json!({"allOf": [
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}},
        {"type": "object", "required": ["b"], "properties": {"b": {"type": "string"}}},
    ]});
    let made = generate(&schema, "");
    assert!(made["a"].is_i64() && made["b"].is_string(), "{made}");
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0_u32..30, 0_u32..30)
            .prop_map(|(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more})),
        (-50_i32..50, 0_i32..50)
            .prop_map(|(least, more)| json!({"type": "integer", "minimum": least, "maximum": least + more})),
        (-50_i32..50, 1_i32..50).prop_map(
            |(least, more)| json!({"type": "number", "exclusiveMinimum": least, "exclusiveMaximum": least + more})
        ),
        (1_i32..9).prop_map(|step| json!({"type": "integer", "multipleOf": step})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": ["null", "string"]})),
        Just(json!({"enum": [4, "x", null]})),
        Just(json!({"const": {"demo": [1]}})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0_u32..4, 0_u32..3).prop_map(
                |(items, least, more)| json!({"type": "array", "items": items, "minItems": least, "maxItems": least + more})
            ),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|options| json!({"anyOf": options})),
            (prop::collection::btree_map("[a-e]", inner, 0..4), any::<bool>()).prop_map(|(properties, strict)| {
                let names: Vec<_> = properties.keys().filter(|_| strict).cloned().collect();
                json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_made_fits(schema in schema(), prompt in "([A-Z]?[a-z]{0,8} |[0-9]{1,4} ){0,6}") {
        let made = generate(&schema, &prompt);
        prop_assert!(fits(&schema, &schema, &made), "{made} does not fit {schema}");
    }

    #[test]
    fn the_same_prompt_gives_the_same_value(schema in schema()) {
        prop_assert_eq!(generate(&schema, "A b"), generate(&schema, "A b"));
    }
}
