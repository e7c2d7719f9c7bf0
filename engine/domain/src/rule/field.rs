//! What a rule can ask about, parsed from its text.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::labels::Headers;
use crate::score::CapabilityTag;

/// What a rule asks about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `tag.<key>`: a tag of the request.
    Tag(String),
    /// `header.<name>`: a header, its name in lower case.
    Header(String),
    /// `metadata.<key>`: an entry of the body's `metadata`.
    Metadata(String),
    /// `model`: the model as requested.
    Model,
    /// `project`: the id or the name of the request's project.
    Project,
    /// `key.name`: the name of the API key.
    KeyName,
    /// `user`: the body's `user`.
    User,
    /// `stream`: a stream is wanted.
    Stream,
    /// `has_tools`: tools are offered.
    HasTools,
    /// `has_images`: the request holds images.
    HasImages,
    /// `has_schema`: the answer must fit a schema.
    HasSchema,
    /// `input_tokens`: the estimate of the prompt's length.
    InputTokens,
    /// `max_output_tokens`: the requested maximum.
    MaxOutputTokens,
    /// `complexity`: the scorer's.
    Complexity,
    /// `capability.<tag>`: the scorer's probability of a kind of work.
    Capability(CapabilityTag),
}

/// What kind of value a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// Whatever the caller sent.
    Any,
}

/// A text that names no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidField {
    /// There is no such field.
    #[error("`{0}` is not a field: write one of {list}", list = known())]
    Unknown(String),
    /// The part after the dot is missing.
    #[error("`{0}` names nothing: write a name after the dot")]
    Nameless(String),
    /// The header is not written as rules see it.
    #[error("`header.{0}` names no header: write its name in lower-case letters, digits and `-`")]
    HeaderName(String),
    /// The header carries a secret.
    #[error("`header.{0}` carries a secret, which rules cannot read: use `key.name`, `user` or another header")]
    SecretHeader(String),
    /// There is no such kind of work.
    #[error("{0}")]
    Capability(String),
}

/// The fields that are one word.
const WORDS: [(&str, Field); 11] = [
    ("model", Field::Model),
    ("project", Field::Project),
    ("key.name", Field::KeyName),
    ("user", Field::User),
    ("stream", Field::Stream),
    ("has_tools", Field::HasTools),
    ("has_images", Field::HasImages),
    ("has_schema", Field::HasSchema),
    ("input_tokens", Field::InputTokens),
    ("max_output_tokens", Field::MaxOutputTokens),
    ("complexity", Field::Complexity),
];

impl Field {
    /// What kind of value it has.
    pub const fn kind(&self) -> FieldKind {
        match self {
            Self::Tag(_) | Self::Header(_) | Self::Model | Self::Project | Self::KeyName | Self::User => {
                FieldKind::Text
            }
            Self::Stream | Self::HasTools | Self::HasImages | Self::HasSchema => FieldKind::Flag,
            Self::InputTokens | Self::MaxOutputTokens | Self::Complexity | Self::Capability(_) => FieldKind::Number,
            Self::Metadata(_) => FieldKind::Any,
        }
    }
}

impl FromStr for Field {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        if let Some((_, field)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(field.clone());
        }
        let unknown = || InvalidField::Unknown(cut(text));
        let (family, name) = text.split_once('.').ok_or_else(unknown)?;
        match family {
            "tag" | "header" | "metadata" | "capability" if name.is_empty() => Err(InvalidField::Nameless(cut(text))),
            "tag" => Ok(Self::Tag(name.to_owned())),
            "header" => header(name),
            "metadata" => Ok(Self::Metadata(name.to_owned())),
            "capability" => name.parse().map(Self::Capability).map_err(InvalidField::Capability),
            _ => Err(unknown()),
        }
    }
}

fn header(name: &str) -> Result<Field, InvalidField> {
    let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    if Headers::is_secret(name) {
        return Err(InvalidField::SecretHeader(name.to_ascii_lowercase()));
    }
    if !name.bytes().all(is_name) {
        return Err(InvalidField::HeaderName(cut(name)));
    }
    Ok(Field::Header(name.to_owned()))
}

/// Cuts a text that names nothing to what a message may repeat.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

fn known() -> String {
    let words: Vec<String> = WORDS.iter().map(|(word, _)| format!("`{word}`")).collect();
    format!("`tag.<key>`, `header.<name>`, `metadata.<key>`, `capability.<tag>`, {}", words.join(", "))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(key) => write!(f, "tag.{key}"),
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Metadata(key) => write!(f, "metadata.{key}"),
            Self::Capability(tag) => write!(f, "capability.{tag}"),
            word => f.write_str(WORDS.iter().find(|(_, field)| field == word).map_or("", |(word, _)| word)),
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
