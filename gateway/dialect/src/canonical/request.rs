//! A request in no dialect.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{CacheHints, Loss};

/// Sound JSON as text, carried without being looked into.
#[derive(Clone, Debug)]
pub struct Json(Box<RawValue>);

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Json {
    /// Takes a text that is JSON; `None` = it is none.
    pub fn parse(text: impl Into<String>) -> Option<Self> {
        RawValue::from_string(text.into()).ok().map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model asked for, as written.
    pub model: Option<String>,
    /// The conversation; system text is the messages of [`Role::System`], wherever the dialect keeps it.
    pub messages: Vec<Message>,
    /// Functions that may be called.
    pub tools: Vec<Tool>,
    /// Which of them must be.
    pub tool_choice: Option<ToolChoice>,
    /// Several calls in one answer are welcome; `None` = not said.
    pub parallel_tool_calls: Option<bool>,
    /// Most tokens of the answer.
    pub max_output_tokens: Option<u64>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// How many answers; `None` = not said, one.
    pub choices: Option<u64>,
    /// Log probabilities are wanted: of how many alternatives.
    pub logprobs: Option<u64>,
    /// What the answer must look like.
    pub output: OutputShape,
    /// How much is thought before the answer.
    pub reasoning: Option<Reasoning>,
    /// `low`, `medium` or `high`: how long the answer should be.
    pub verbosity: Option<String>,
    /// The caller's own user, for the provider's abuse checks.
    pub user: Option<String>,
    /// Stands for the caller's own user in those checks, where it is told apart from `user`.
    pub safety_identifier: Option<String>,
    /// What is said about the provider's prompt cache.
    pub cache_hints: CacheHints,
    /// The caller's notes: an object.
    pub metadata: Option<Json>,
    /// `auto`, `default`, `flex`, `priority`.
    pub service_tier: Option<String>,
    /// The answer comes as a stream.
    pub stream: bool,
    /// Members of the request's own dialect that this form has no place for.
    pub unknown: Loss,
    /// Where each of the tools stood.
    pub tool_places: Places,
}

impl Request {
    /// Whether any message has come through that says something.
    pub(crate) fn says_something(&self) -> bool {
        let is_empty = |part: &Part| matches!(part, Part::Text { text, .. } if text.is_empty());
        self.messages.iter().flat_map(|message| &message.parts).any(|part| !is_empty(part))
    }

    /// Whether any message has words, which every dialect can say.
    pub(crate) fn has_words(&self) -> bool {
        let is_words = |part: &Part| matches!(part, Part::Text { text, .. } if !text.is_empty());
        self.messages.iter().flat_map(|message| &message.parts).any(is_words)
    }

    /// The request without a choice of tools that are not in it: they may have been left behind, and no vendor takes a
    /// choice of nothing.
    pub(crate) fn with_possible_choice(&self, loss: &mut Loss) -> Cow<'_, Self> {
        let is_there = |name: &String| self.tools.iter().any(|tool| tool.name == *name);
        let (tool_choice, reason) = match &self.tool_choice {
            Some(ToolChoice::None) if self.tools.is_empty() => (None, None),
            Some(_) if self.tools.is_empty() => (None, Some("there are no tools to choose from")),
            Some(ToolChoice::Named(name)) if !is_there(name) => (None, Some("names a tool that was left behind")),
            Some(ToolChoice::Among { names, required }) if !names.iter().all(is_there) => {
                let names: Vec<_> = names.iter().filter(|name| is_there(name)).cloned().collect();
                let rest = (!names.is_empty()).then_some(ToolChoice::Among { names, required: *required });
                (rest, Some("names tools that were left behind"))
            }
            Some(_) | None => return Cow::Borrowed(self),
        };
        if let Some(reason) = reason {
            loss.note("tool_choice", reason);
        }
        Cow::Owned(Self { tool_choice, ..self.clone() })
    }
}

/// Where things stood in what came in: `messages[2].content[0]`. Told to callers of what was lost; no part of what they
/// have said, so that any two are equal.
#[derive(Clone, Debug, Default)]
pub struct Places(Vec<String>);

impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Places {
    /// Where the thing of this number stood, if it is known.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }

    /// Notes where the things up to this number, not noted yet, all stood.
    pub(crate) fn fill(&mut self, count: usize, place: &dyn std::fmt::Display) {
        if count > self.0.len() {
            self.0.resize(count, place.to_string());
        }
    }

    /// Forgets where a thing stood that is no more.
    pub(crate) fn remove(&mut self, index: usize) {
        self.0.remove(index);
    }
}

impl Extend<String> for Places {
    fn extend<T: IntoIterator<Item = String>>(&mut self, places: T) {
        self.0.extend(places);
    }
}

/// A thing that was read, and where it stood.
pub(crate) type Placed<T> = (T, String);

/// How tokens are drawn; absent = the model's default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 = always the likeliest.
    pub temperature: Option<f64>,
    /// Nucleus.
    pub top_p: Option<f64>,
    /// Only the likeliest so many.
    pub top_k: Option<u64>,
    /// Against repeated tokens, by how often.
    pub frequency_penalty: Option<f64>,
    /// Against repeated tokens at all.
    pub presence_penalty: Option<f64>,
    /// For repeatable answers.
    pub seed: Option<i64>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The application: `system`, `developer`, `instructions`.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool: its parts are [`Part::ToolResult`].
    Tool,
}

/// A turn of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// The speaker's name.
    pub name: Option<String>,
    /// Where each of the parts stood.
    pub places: Places,
}

impl Message {
    /// A turn without a name.
    pub const fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None, places: Places(Vec::new()) }
    }

    /// A turn that was read.
    pub(crate) fn placed(role: Role, parts: Vec<Placed<Part>>) -> Self {
        let (parts, places) = parts.into_iter().unzip();
        Self { role, parts, name: None, places }
    }

    /// Adds what the same speaker goes on to say.
    pub(crate) fn append(&mut self, more: Self) {
        self.places.0.resize(self.parts.len(), String::new());
        self.parts.extend(more.parts);
        self.places.0.extend(more.places.0);
    }

    /// A turn of one text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self::new(role, vec![Part::text(text)])
    }
}

/// A piece of a turn or an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text. `cache` is the Anthropic `cache_control` object, kept for those who know it.
    Text {
        /// It.
        text: String,
        /// Where the prompt cache may end.
        cache: Option<Json>,
    },
    /// The model will not.
    Refusal {
        /// Its words.
        text: String,
    },
    /// An image.
    Image {
        /// It, or where it is.
        media: Media,
        /// `low`, `high`, `auto`.
        detail: Option<String>,
        /// As of text.
        cache: Option<Json>,
    },
    /// Sound.
    Audio {
        /// It; the media type is such as `audio/wav`.
        media: Media,
    },
    /// A document such as a PDF.
    File {
        /// It, or where it is.
        media: Media,
        /// Its name.
        name: Option<String>,
        /// As of text.
        cache: Option<Json>,
    },
    /// What the model thought.
    Reasoning {
        /// In words, or a summary; empty where only the opaque form came.
        text: String,
        /// The provider's proof or encrypted form, to be sent back unchanged.
        signature: Option<String>,
        /// The text is withheld: `signature` is all there is.
        redacted: bool,
    },
    /// The model calls a function.
    ToolCall {
        /// Names the call; its result repeats it.
        id: String,
        /// The function.
        name: String,
        /// Its arguments: the text of a JSON object as the model wrote it, which may be broken.
        arguments: String,
        /// The provider's proof of the thought behind it, to be sent back unchanged.
        signature: Option<String>,
    },
    /// What a function answered.
    ToolResult {
        /// The call.
        call: String,
        /// The function, where it is known.
        name: Option<String>,
        /// What it said: text, images, files.
        content: Vec<Part>,
        /// It failed.
        is_error: bool,
        /// As of text.
        cache: Option<Json>,
    },
}

impl Part {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), cache: None }
    }
}

/// Bytes, or where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// At an address.
    Url(String),
    /// Here.
    Inline {
        /// Such as `image/png`.
        media_type: String,
        /// In base64.
        data: String,
    },
    /// Uploaded to the provider before.
    Id(String),
}

impl Media {
    /// Reads an address, which may be a `data:` URL with the bytes in it.
    pub fn from_url(url: &str) -> Self {
        let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
        match inline {
            Some((media_type, data)) => Self::Inline { media_type: media_type.to_owned(), data: data.to_owned() },
            None => Self::Url(url.to_owned()),
        }
    }

    /// Reads what stands where a file's bytes are: a `data:` URL, or the base64 alone, which is taken for a PDF as these
    /// mostly are.
    pub fn from_file_data(data: String) -> Self {
        if data.starts_with("data:") || data.contains("://") {
            return Self::from_url(&data);
        }
        Self::Inline { media_type: "application/pdf".to_owned(), data }
    }

    /// Whether it is bytes of sound or film.
    pub fn is_played(&self) -> bool {
        let Self::Inline { media_type, .. } = self else { return false };
        media_type.starts_with("audio/") || media_type.starts_with("video/")
    }

    /// The address, a `data:` URL for bytes; `None` for an upload.
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Inline { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::Id(_) => None,
        }
    }
}

/// A function that may be called.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON schema of its arguments; absent = it takes none.
    pub parameters: Option<Json>,
    /// Arguments must fit the schema.
    pub strict: Option<bool>,
    /// As of text.
    pub cache: Option<Json>,
}

/// Which functions must be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
    /// Only among these, and at least one if `required`.
    Among {
        /// Their names.
        names: Vec<String>,
        /// One must be called.
        required: bool,
    },
}

/// What the answer must look like.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OutputShape {
    /// No demand.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema's name.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// It.
        schema: Json,
        /// It must fit exactly.
        strict: Option<bool>,
    },
}

/// How much is thought before the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`: the provider's own word.
    pub effort: Option<String>,
    /// Most tokens of thought; 0 = none.
    pub budget_tokens: Option<u64>,
    /// Thoughts are to be told: `auto`, `concise`, `detailed`, or any word of the dialect.
    pub summary: Option<String>,
}

impl Reasoning {
    /// What a dialect without budgets loses of this; `None` = nothing.
    pub fn lost_budget(&self) -> Option<&'static str> {
        match (&self.effort, self.budget_tokens) {
            (Some(_), _) | (None, None) => None,
            (None, Some(0)) => Some("this dialect has no switch: the model thinks as it does by default"),
            (None, Some(_)) => Some("this dialect has efforts, no budgets: the nearest effort is asked for"),
        }
    }

    /// The effort asked for, or the one nearest to a budget of tokens, for dialects that have efforts only. No thought at
    /// all has none: models that do not think refuse any effort, and how little the others can think is their own.
    pub fn nearest_effort(&self) -> Option<&str> {
        self.effort.as_deref().or_else(|| {
            self.budget_tokens.and_then(|budget| match budget {
                0 => None,
                1..=2_048 => Some("low"),
                2_049..=12_288 => Some("medium"),
                12_289.. => Some("high"),
            })
        })
    }
}
