//! One line of the input as a prompt, and its score as a line of the output.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::{CapabilityTag, Score, ScorerInput};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// What the output says of a row; fields of the input with these names are not kept.
const OUTPUT_FIELDS: [&str; 9] = [
    "id",
    "complexity",
    "difficulty",
    "capabilities",
    "expected_output_tokens",
    "uncertainty",
    "truncated",
    "micros",
    "version",
];

/// A row to be scored.
#[derive(Debug)]
pub struct Row<'a> {
    /// The id as it stands, a JSON string or number.
    pub id: &'a RawValue,
    /// The text.
    pub prompt: String,
    /// Fields other than id and prompt, as they stand.
    pub others: Vec<(String, &'a RawValue)>,
}

impl<'a> Row<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn parse(line: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("it is not UTF-8 from byte {} on", error.valid_up_to() + 1))?;
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|error| {
            format!("{}; expected {{\"id\": text or number, \"prompt\": text}}", within_line(&error))
        })?;
        let missing = |name| format!("it has no `{name}`; expected {{\"id\": text or number, \"prompt\": text}}");
        let id = fields.id.ok_or_else(|| missing("id"))?;
        if !matches!(id.get().as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9')) {
            return Err(format!("`id` is {}, expected text or a number", kind(id)));
        }
        let prompt = fields.prompt.ok_or_else(|| missing("prompt"))?;
        if !prompt.get().starts_with('"') {
            return Err(format!("`prompt` is {}, expected text", kind(prompt)));
        }
        let prompt =
            serde_json::from_str(prompt.get()).map_err(|error| format!("`prompt`: {}", within_line(&error)))?;
        Ok(Self { id, prompt, others: fields.others })
    }

    /// A hash of the id, the same however a text is escaped. Of a million ids two have the same by a chance of one in
    /// thirty millions.
    pub fn id_hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match serde_json::from_str::<String>(self.id.get()) {
            Ok(text) => (true, text).hash(&mut hasher),
            Err(_) => (false, self.id.get()).hash(&mut hasher),
        }
        hasher.finish()
    }

    /// What the scorer is given.
    pub fn into_input(self) -> ScorerInput {
        ScorerInput { text: self.prompt, ..ScorerInput::default() }
    }
}

/// What is wrong, with its column: the line of the input is known, and this is always the first of its own text.
fn within_line(error: &serde_json::Error) -> String {
    let (text, column) = (error.to_string(), error.column());
    match text.strip_suffix(&format!(" at line {} column {column}", error.line())) {
        Some(text) if column > 0 => format!("{text} at column {column}"),
        Some(text) => text.to_owned(),
        None => text,
    }
}

fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        Some(b'"') => "text",
        _ => "a number",
    }
}

/// The fields of a line, unread.
#[derive(Default)]
struct Fields<'a> {
    id: Option<&'a RawValue>,
    prompt: Option<&'a RawValue>,
    others: Vec<(String, &'a RawValue)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            let slot = match name.as_str() {
                "id" => &mut fields.id,
                "prompt" => &mut fields.prompt,
                taken if OUTPUT_FIELDS.contains(&taken) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                _ => {
                    let value = map.next_value()?;
                    fields.others.push((name, value));
                    continue;
                }
            };
            if slot.is_some() {
                return Err(de::Error::custom(format!("`{name}` stands in it twice")));
            }
            *slot = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

/// A scored row, as it is written.
pub struct Scored<'a> {
    /// The id as it stood.
    pub id: &'a RawValue,
    /// The score.
    pub score: &'a Score,
    /// Fields that are kept.
    pub others: &'a [(String, &'a RawValue)],
}

impl Serialize for Scored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let score = self.score;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id)?;
        map.serialize_entry("complexity", &score.complexity)?;
        map.serialize_entry("difficulty", &score.difficulty)?;
        map.serialize_entry("capabilities", &Capabilities(&score.capabilities))?;
        map.serialize_entry("expected_output_tokens", &score.expected_output_tokens)?;
        map.serialize_entry("uncertainty", &score.uncertainty)?;
        map.serialize_entry("truncated", &score.truncated)?;
        map.serialize_entry("micros", &score.micros)?;
        map.serialize_entry("version", &*score.version)?;
        for (name, value) in self.others {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

struct Capabilities<'a>(&'a [(CapabilityTag, f64)]);

impl Serialize for Capabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(tag, probability)| (tag.as_str(), probability)))
    }
}
