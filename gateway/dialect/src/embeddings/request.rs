//! What is to be embedded: checked in one pass, sent on as the slices it came in.

use std::ops::Deref;

use bytes::Bytes;
use domain::Features;
use domain::tokens::TokenEstimator;

use super::{gemini, openai};
use crate::canonical::Loss;
use crate::gemini::embed::{self, Contents};
use crate::json::{Edit, Escapes, Kind, Node, Path, Scanner, Span, checked_utf8, quoted, splice};
use crate::request::{BadRequest, Encoded, Envelope, Top, read};
use crate::{Dialect, Operation, Surface};

/// As many as a loss tells.
const MOST_UNKNOWN: usize = 64;

/// Why an upstream cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// Its dialect has no embeddings.
    #[error("the provider's dialect has no embeddings")]
    NoEmbeddings,
    /// The input comes as tokens, which only servers of the caller's dialect take.
    #[error("the input is given as tokens, which the provider's dialect does not take")]
    Tokens,
    /// The input holds more than text, which only servers of the caller's dialect take.
    #[error("the input holds more than text, which the provider's dialect does not take")]
    Media,
}

/// A request for embeddings.
#[derive(Clone, Debug)]
pub struct EmbeddingsRequest {
    envelope: Envelope,
    asked: Asked,
}

/// What is asked for, by the dialect of the caller.
#[derive(Clone, Debug)]
enum Asked {
    Openai(Fields),
    Gemini(Contents),
}

/// The shape in which the caller expects the vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `data`, each vector as numbers or base64.
    Openai { base64: bool },
    /// `embedding`, or `embeddings` of a batch.
    Gemini { is_batch: bool },
}

#[derive(Clone, Debug, Default)]
struct Fields {
    model: Option<String>,
    input: Option<Input>,
    dimensions: Option<u64>,
    wants_base64: bool,
    has_user: bool,
    /// Members that only servers of the dialect may know.
    unknown: Vec<String>,
}

/// The `input` member.
#[derive(Clone, Copy, Debug)]
struct Input {
    span: Span,
    count: usize,
    /// Given as tokens, not as texts.
    is_tokens: bool,
    tokens: u64,
}

impl Deref for EmbeddingsRequest {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}

impl EmbeddingsRequest {
    /// Reads a request body as it is sent to a surface.
    ///
    /// # Errors
    /// As of [`Self::decode`].
    pub fn of(surface: &Surface<'_>, body: Bytes) -> Result<Self, BadRequest> {
        match surface.dialect {
            Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => Self::decode(body),
            Dialect::Gemini => {
                let model = surface.target.model.clone().unwrap_or_default();
                Self::decode_gemini(body, model, surface.operation == Operation::EmbedBatch)
            }
        }
    }

    /// Reads a request body in `OpenAI`'s words.
    ///
    /// # Errors
    /// A body that is no request for embeddings, with the path of the field at fault.
    pub fn decode(body: Bytes) -> Result<Self, BadRequest> {
        let text = checked_utf8(&body).map_err(|fault| BadRequest::not_utf8(&fault))?;
        let mut fields = Fields::default();
        let top = Top::read(text, |scanner, name, path| fields.read(scanner, name, path))?;
        let Some(input) = fields.input else {
            return Err(BadRequest::missing(&Path::top("input"), "a string or an array"));
        };
        let features = Features { input_tokens: input.tokens, parameters: fields.parameters(), ..Features::default() };
        let envelope = envelope(top, fields.model.clone(), features, body);
        Ok(Self { envelope, asked: Asked::Openai(fields) })
    }

    /// Reads a request body in Gemini's words; the model stands in the path.
    ///
    /// # Errors
    /// As of [`Self::decode`].
    pub fn decode_gemini(body: Bytes, model: String, is_batch: bool) -> Result<Self, BadRequest> {
        let text = checked_utf8(&body).map_err(|fault| BadRequest::not_utf8(&fault))?;
        let top = Top::read(text, |scanner, _, _| {
            scanner.skip()?;
            Ok(())
        })?;
        let contents = embed::read(&Node::parse(text, Escapes::Strict)?, &model, is_batch)?;
        let parameters = contents.dimensions.map(|_| "dimensions".to_owned()).into_iter().collect();
        let features = Features { input_tokens: contents.tokens, parameters, ..Features::default() };
        let envelope = envelope(top, Some(model).filter(|model| !model.is_empty()), features, body);
        Ok(Self { envelope, asked: Asked::Gemini(contents) })
    }

    /// How many vectors are asked for.
    pub fn count(&self) -> usize {
        match &self.asked {
            Asked::Openai(fields) => fields.input.map_or(0, |input| input.count),
            Asked::Gemini(contents) => contents.texts.len(),
        }
    }

    /// How long each vector shall be; `None` = as long as the model makes them.
    pub const fn dimensions(&self) -> Option<u64> {
        match &self.asked {
            Asked::Openai(fields) => fields.dimensions,
            Asked::Gemini(contents) => contents.dimensions,
        }
    }

    /// The shape in which the vectors are expected.
    pub(super) const fn shape(&self) -> Shape {
        match &self.asked {
            Asked::Openai(fields) => Shape::Openai { base64: fields.wants_base64 },
            Asked::Gemini(contents) => Shape::Gemini { is_batch: contents.is_batch },
        }
    }

    /// Says whether an upstream of a dialect can be asked.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn fits(&self, upstream: Dialect) -> Result<(), Unsayable> {
        match (upstream, &self.asked) {
            (Dialect::Anthropic, _) => Err(Unsayable::NoEmbeddings),
            (Dialect::Gemini, Asked::Openai(fields)) if fields.input.is_some_and(|input| input.is_tokens) => {
                Err(Unsayable::Tokens)
            }
            (Dialect::Openai | Dialect::OpenaiResponses, Asked::Gemini(contents)) if contents.has_media => {
                Err(Unsayable::Media)
            }
            (Dialect::Openai | Dialect::OpenaiResponses | Dialect::Gemini, _) => Ok(()),
        }
    }

    /// The path below a provider's base URL at which a model embeds this; `None` = the dialect has no embeddings.
    pub fn path(&self, upstream: Dialect, native_model: &str) -> Option<String> {
        let method = match self.shape() {
            Shape::Gemini { is_batch: false } => "embedContent",
            Shape::Gemini { is_batch: true } | Shape::Openai { .. } => "batchEmbedContents",
        };
        match upstream {
            Dialect::Openai | Dialect::OpenaiResponses => Some("/embeddings".to_owned()),
            Dialect::Gemini => Some(format!("/models/{native_model}:{method}")),
            Dialect::Anthropic => None,
        }
    }

    /// Returns the body for an upstream of a dialect: its model's native name, our fields gone.
    ///
    /// # Errors
    /// Why the upstream cannot be asked.
    pub fn encode_for(&self, upstream: Dialect, native_model: &str) -> Result<Encoded, Unsayable> {
        self.fits(upstream)?;
        Ok(match (&self.asked, upstream) {
            (Asked::Openai(fields), Dialect::Gemini) => {
                let body = gemini::request(self.texts(fields), native_model, fields.dimensions);
                Encoded { body, loss: fields.loss() }
            }
            (Asked::Openai(_), Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic) => {
                let body = self.spliced(&[Edit::set("model", &quoted(native_model))]);
                Encoded { body, loss: Loss::default() }
            }
            (Asked::Gemini(contents), Dialect::Gemini) => {
                Encoded { body: self.encode_contents(contents, native_model), loss: Loss::default() }
            }
            (Asked::Gemini(contents), Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic) => {
                let body = openai::request(&contents.texts, native_model, contents.dimensions);
                Encoded { body, loss: contents.loss.clone() }
            }
        })
    }

    fn encode_contents(&self, contents: &Contents, native_model: &str) -> Bytes {
        let model = gemini::model(native_model);
        if !contents.is_batch {
            return self.spliced(&[Edit::set("model", &model)]);
        }
        let requests = gemini::requests(crate::json::utf8(self.member("requests").unwrap_or_default()), native_model);
        let named = self.member("model").is_some().then_some(Edit::set("model", &model));
        let edits: Vec<_> = std::iter::once(Edit::set("requests", &requests)).chain(named).collect();
        self.spliced(&edits)
    }

    /// The body with members changed and ours gone.
    fn spliced(&self, edits: &[Edit<'_>]) -> Bytes {
        let removed = self.own_members.iter().map(|name| Edit::remove(name));
        let edits: Vec<_> = edits.iter().copied().chain(removed).collect();
        let mut out = Vec::with_capacity(self.body.len() + 256);
        splice(&self.body, &self.members, &edits, &mut out);
        out.into()
    }

    /// The input, as JSON texts.
    fn texts(&self, fields: &Fields) -> Vec<&str> {
        gemini::elements(fields.input.map_or("", |input| crate::json::utf8(input.span.of(&self.body))))
    }
}

fn envelope(top: Top, model: Option<String>, features: Features, body: Bytes) -> Envelope {
    Envelope {
        members: top.members,
        model,
        features,
        extensions: top.extensions,
        kept: None,
        continued: None,
        own_members: top.own_members,
        body,
    }
}

impl Fields {
    fn read(&mut self, scanner: &mut Scanner<'_>, name: &str, path: &Path<'_>) -> Result<(), BadRequest> {
        match name {
            "model" => self.model = read::string(scanner, path)?.filter(|model| !model.is_empty()).map(Into::into),
            "input" => self.input = Some(input(scanner, path)?),
            "dimensions" => {
                self.dimensions = read::unsigned(scanner, path)?;
                if self.dimensions == Some(0) {
                    return Err(BadRequest::invalid(path, "must be at least 1"));
                }
            }
            "encoding_format" => {
                self.wants_base64 = match read::string(scanner, path)?.as_deref() {
                    None | Some("float") => false,
                    Some("base64") => true,
                    Some(_) => return Err(BadRequest::invalid(path, "must be `float` or `base64`")),
                }
            }
            "user" => self.has_user = read::string(scanner, path)?.is_some(),
            _ => {
                if self.unknown.len() < MOST_UNKNOWN {
                    self.unknown.push(path.to_string());
                }
                scanner.skip()?;
            }
        }
        Ok(())
    }

    fn loss(&self) -> Loss {
        let mut loss = Loss::default();
        for name in &self.unknown {
            loss.note(name, "has no counterpart in another dialect");
        }
        if self.has_user {
            loss.note("user", "this dialect has no such member");
        }
        loss
    }

    fn parameters(&self) -> Vec<String> {
        let given = [("dimensions", self.dimensions.is_some()), ("encoding_format", self.wants_base64)];
        given.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()).collect()
    }
}

/// Reads a text, texts, tokens, or arrays of tokens.
fn input(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Input, BadRequest> {
    const EXPECTED: &str = "a string, or an array of strings or tokens";
    let kind = scanner.peek()?;
    let start = scanner.position();
    let mut found = Found::default();
    match kind {
        Kind::String => {
            found.text += scanner.string()?.count;
            found.count = 1;
        }
        Kind::Array => found.read(scanner, path)?,
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {
            return Err(BadRequest::wrong_type(path, EXPECTED, kind));
        }
    }
    Ok(Input {
        span: Span { start, end: scanner.position() },
        count: found.count,
        is_tokens: found.kind.is_some_and(|kind| kind != Kind::String),
        tokens: found.text.tokens() + found.tokens,
    })
}

/// What an array of inputs holds.
#[derive(Default)]
struct Found {
    /// Of the first element; all are alike.
    kind: Option<Kind>,
    count: usize,
    text: TokenEstimator,
    tokens: u64,
}

impl Found {
    fn read(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        let mut elements = scanner.enter_array()?;
        let mut index = 0;
        while scanner.next_element(&mut elements)? {
            let here = path.index(index);
            let kind = scanner.peek()?;
            let first = *self.kind.get_or_insert(kind);
            match kind {
                _ if kind != first => return Err(BadRequest::wrong_type(&here, first.as_str(), kind)),
                Kind::String => self.text += scanner.string()?.count,
                Kind::Number => self.token(scanner, &here)?,
                Kind::Array => self.tokens(scanner, &here)?,
                Kind::Object | Kind::Bool | Kind::Null => {
                    return Err(BadRequest::wrong_type(&here, "a string or tokens", kind));
                }
            }
            index += 1;
        }
        if index == 0 {
            return Err(BadRequest::invalid(path, "must hold something to embed"));
        }
        // Mere tokens are one input.
        self.count = if self.kind == Some(Kind::Number) { 1 } else { index };
        Ok(())
    }

    fn tokens(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        let mut elements = scanner.enter_array()?;
        let mut index = 0;
        while scanner.next_element(&mut elements)? {
            self.token(scanner, &path.index(index))?;
            index += 1;
        }
        if index == 0 {
            return Err(BadRequest::invalid(path, "must hold at least one token"));
        }
        Ok(())
    }

    fn token(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        if read::unsigned(scanner, path)?.is_none() {
            return Err(BadRequest::wrong_type(path, "a token", Kind::Null));
        }
        self.tokens += 1;
        Ok(())
    }
}
