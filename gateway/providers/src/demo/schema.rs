//! Makes a JSON value that fits a JSON schema, always the same one.
//!
//! Knows the vocabulary that providers accept for structured output and tools: types, properties, items, enum, const,
//! `$ref`, anyOf, oneOf, allOf, bounds and common formats. `pattern` is not followed: the demo does not invert regular
//! expressions.

use serde_json::{Map, Number, Value, json};

/// From here on only what is required is made, so that recursive schemas end.
const FULL_DEPTH: usize = 4;
/// Deeper than any schema that can be satisfied in earnest.
const MAX_DEPTH: usize = 48;
/// The size at which optional parts are left out.
const MAX_NODES: usize = 500;

/// A value for the schema. The words of the prompt fill strings and numbers where nothing else is demanded.
pub(super) fn generate(schema: &Value, prompt: &str) -> Value {
    Generator { root: schema, words: Words::new(prompt), nodes: 0 }.value(schema, "answer", 0)
}

struct Generator<'a> {
    root: &'a Value,
    words: Words,
    nodes: usize,
}

impl<'a> Generator<'a> {
    fn value(&mut self, schema: &'a Value, name: &str, depth: usize) -> Value {
        self.nodes += 1;
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|path| self.resolve(path)) {
            return self.value(target, name, depth + 1);
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|all| all.first()) {
            return first.clone();
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(options) = schema.get(key).and_then(Value::as_array)
                && let Some(option) = self.choose(options, depth)
            {
                return self.value(option, name, depth + 1);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.all_of(schema, parts, name, depth);
        }
        self.typed(schema, name, depth)
    }

    fn typed(&mut self, schema: &'a Value, name: &str, depth: usize) -> Value {
        match type_of(schema, self.is_minimal(depth)) {
            Some("object") => Value::Object(self.object(schema, depth)),
            Some("array") => self.array(schema, name, depth),
            Some("integer") => integer(schema, self.words.number),
            Some("number") => number(schema, self.words.number),
            Some("boolean") => Value::Bool(true),
            Some("null") => Value::Null,
            _ => Value::String(self.string(schema, name)),
        }
    }

    fn is_minimal(&self, depth: usize) -> bool {
        depth >= FULL_DEPTH || self.nodes > MAX_NODES
    }

    /// The first option that is not null; null first where recursion has to end.
    fn choose(&self, options: &'a [Value], depth: usize) -> Option<&'a Value> {
        let is_null = |option: &&Value| type_of(option, false) == Some("null");
        if self.is_minimal(depth)
            && let Some(null) = options.iter().find(is_null)
        {
            return Some(null);
        }
        options.iter().find(|option| !is_null(option)).or_else(|| options.first())
    }

    fn all_of(&mut self, schema: &'a Value, parts: &'a [Value], name: &str, depth: usize) -> Value {
        let own = schema.get("properties").is_some().then(|| Value::Object(self.object(schema, depth)));
        let made: Vec<_> = own.into_iter().chain(parts.iter().map(|part| self.value(part, name, depth + 1))).collect();
        if made.iter().all(Value::is_object) {
            let members = made.into_iter().filter_map(|value| match value {
                Value::Object(members) => Some(members),
                _ => None,
            });
            return Value::Object(members.flatten().collect());
        }
        made.into_iter().next().unwrap_or(Value::Null)
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Map<String, Value> {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut made = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if self.is_minimal(depth) && !required.contains(&name.as_str()) {
                continue;
            }
            let value = self.value(property, name, depth + 1);
            made.insert(name.clone(), value);
        }
        for name in required {
            made.entry(name.to_owned()).or_insert_with(|| Value::String(format!("demo {name}")));
        }
        made
    }

    fn array(&mut self, schema: &'a Value, name: &str, depth: usize) -> Value {
        let least = bound(schema, "minItems").unwrap_or(0);
        let most = bound(schema, "maxItems").unwrap_or(usize::MAX);
        let wanted = if self.is_minimal(depth) { least } else { least.max(1) };
        let fixed = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut items: Vec<_> = fixed.iter().map(|item| self.value(item, name, depth + 1)).collect();
        let Some(item) = schema.get("items").filter(|items| !items.is_boolean()) else {
            while items.len() < least.min(64) {
                items.push(Value::String(format!("demo {name} {}", items.len() + 1)));
            }
            return Value::Array(items);
        };
        let singular = name.strip_suffix('s').unwrap_or(name);
        let count = wanted.min(most).min(64);
        let choices = item.get("enum").and_then(Value::as_array);
        while items.len() < count {
            // The first of an enum each time would break `uniqueItems`.
            let value = match choices.and_then(|all| all.get(items.len())) {
                Some(choice) => choice.clone(),
                None => self.value(item, &numbered(singular, items.len()), depth + 1),
            };
            items.push(value);
        }
        Value::Array(items)
    }

    fn string(&self, schema: &Value, name: &str) -> String {
        let format = schema.get("format").and_then(Value::as_str);
        let mut text = match format {
            Some("date-time") => "2026-01-01T12:00:00Z".to_owned(),
            Some("date") => "2026-01-01".to_owned(),
            Some("time") => "12:00:00Z".to_owned(),
            Some("duration") => "P1D".to_owned(),
            Some("email") => "demo@example.com".to_owned(),
            Some("hostname") => "demo.example.com".to_owned(),
            Some("ipv4") => "192.0.2.1".to_owned(),
            Some("ipv6") => "2001:db8::1".to_owned(),
            Some("uri") => "https://example.com/demo".to_owned(),
            Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
            _ => self.words.name.clone().unwrap_or_else(|| format!("demo {name}")),
        };
        if let Some(least) = bound(schema, "minLength") {
            let missing = least.min(4_096).saturating_sub(text.chars().count());
            text.extend(std::iter::repeat_n('.', missing));
        }
        if let Some(most) = bound(schema, "maxLength") {
            text = text.chars().take(most).collect();
        }
        text
    }

    fn resolve(&self, path: &str) -> Option<&'a Value> {
        self.root.pointer(path.strip_prefix('#')?)
    }
}

fn numbered(name: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name} {}", index + 1) }
}

/// What a schema wants: its type, the first that is not null of several, or what its keywords imply.
fn type_of(schema: &Value, prefer_null: bool) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => Some(name),
        Some(Value::Array(names)) => {
            let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
            let null = names.iter().find(|name| **name == "null").filter(|_| prefer_null);
            null.or_else(|| names.iter().find(|name| **name != "null")).or(names.first()).copied()
        }
        _ if schema.get("properties").is_some() => Some("object"),
        _ if schema.get("items").is_some() => Some("array"),
        _ => None,
    }
}

fn bound(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
}

fn integer(schema: &Value, hint: Option<f64>) -> Value {
    let whole = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = whole("minimum").map(f64::ceil).or(whole("exclusiveMinimum").map(|bound| bound.floor() + 1.0));
    let most = whole("maximum").map(f64::floor).or(whole("exclusiveMaximum").map(|bound| bound.ceil() - 1.0));
    let wanted = hint.filter(|number| number.fract() == 0.0).unwrap_or(1.0);
    let step = whole("multipleOf").filter(|step| *step > 0.0);
    json!(fit(wanted, least, most, step) as i64)
}

fn number(schema: &Value, hint: Option<f64>) -> Value {
    let edge = |key: &str| schema.get(key).and_then(Value::as_f64);
    // Open bounds are met a little inside of them.
    let least = edge("minimum").or(edge("exclusiveMinimum").map(|bound| bound + 0.5));
    let most = edge("maximum").or(edge("exclusiveMaximum").map(|bound| match least {
        Some(least) if bound - 0.5 < least => f64::midpoint(least, bound),
        _ => bound - 0.5,
    }));
    let fitted = fit(hint.unwrap_or(1.0), least, most, edge("multipleOf").filter(|step| *step > 0.0));
    // An open lower bound just below the upper one leaves only what lies between them.
    let fitted = match (edge("exclusiveMinimum"), most) {
        (Some(open), Some(most)) if fitted <= open => f64::midpoint(open, most),
        _ => fitted,
    };
    Number::from_f64(fitted).map_or(json!(1), Value::Number)
}

fn fit(wanted: f64, least: Option<f64>, most: Option<f64>, step: Option<f64>) -> f64 {
    let bounded = wanted.max(least.unwrap_or(f64::MIN)).min(most.unwrap_or(f64::MAX));
    let Some(step) = step else { return bounded };
    let up = (bounded / step).ceil() * step;
    if most.is_none_or(|most| up <= most) { up } else { (bounded / step).floor() * step }
}

/// What a prompt offers to fill in: a name and a number.
struct Words {
    name: Option<String>,
    number: Option<f64>,
}

impl Words {
    fn new(prompt: &str) -> Self {
        let clean = |word: &str| word.trim_matches(|char: char| !char.is_alphanumeric()).to_owned();
        let words: Vec<String> = prompt.split_whitespace().take(400).map(clean).collect();
        // Only inside a sentence does a capital make a name.
        let starts: Vec<bool> = std::iter::once(true)
            .chain(prompt.split_whitespace().map(|word| word.ends_with(['.', '?', '!', ':'])))
            .collect();
        let is_name = |(index, word): &(usize, &String)| {
            !starts[*index] && word.len() > 1 && word.len() < 40 && word.starts_with(char::is_uppercase)
        };
        Self {
            name: words.iter().enumerate().find(is_name).map(|(_, word)| word.clone()),
            number: words
                .iter()
                .find_map(|word| word.parse::<f64>().ok().filter(|it| it.is_finite() && it.abs() < 1e12)),
        }
    }
}

#[cfg(test)]
mod tests;
