//! What is to be embedded: checked in one pass, sent on as the slices it came in.

use std::ops::Deref;

use bytes::Bytes;
use domain::Features;
use domain::tokens::TokenEstimator;

use super::gemini;
use crate::Dialect;
use crate::canonical::Loss;
use crate::json::{Edit, Kind, Path, Scanner, Span, checked_utf8, quoted, splice};
use crate::request::{BadRequest, Encoded, Envelope, Top, read};

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
}

/// A request for embeddings.
#[derive(Clone, Debug)]
pub struct EmbeddingsRequest {
    envelope: Envelope,
    fields: Fields,
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
    /// Reads a request body.
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
        let envelope = Envelope {
            members: top.members,
            model: fields.model.clone(),
            features,
            extensions: top.extensions,
            kept_state: false,
            continued: None,
            own_members: top.own_members,
            body,
        };
        Ok(Self { envelope, fields })
    }

    /// How many vectors are asked for.
    pub fn count(&self) -> usize {
        self.fields.input.map_or(0, |input| input.count)
    }

    /// How long each vector shall be; `None` = as long as the model makes them.
    pub const fn dimensions(&self) -> Option<u64> {
        self.fields.dimensions
    }

    /// Whether vectors are wanted as base64 of little-endian floats.
    pub const fn wants_base64(&self) -> bool {
        self.fields.wants_base64
    }

    /// Says whether an upstream of a dialect can be asked.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn fits(&self, upstream: Dialect) -> Result<(), Unsayable> {
        match upstream {
            Dialect::Gemini if self.fields.input.is_some_and(|input| input.is_tokens) => Err(Unsayable::Tokens),
            Dialect::Openai | Dialect::OpenaiResponses | Dialect::Gemini => Ok(()),
            Dialect::Anthropic => Err(Unsayable::NoEmbeddings),
        }
    }

    /// Returns the body for an upstream of a dialect: its model's native name, our fields gone.
    ///
    /// # Errors
    /// Why the upstream cannot be asked.
    pub fn encode_for(&self, upstream: Dialect, native_model: &str) -> Result<Encoded, Unsayable> {
        self.fits(upstream)?;
        Ok(match upstream {
            Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => {
                Encoded { body: self.encode_same(native_model), loss: Loss::default() }
            }
            Dialect::Gemini => {
                let body = gemini::request(self.texts(), native_model, self.fields.dimensions);
                Encoded { body, loss: self.loss() }
            }
        })
    }

    fn encode_same(&self, native_model: &str) -> Bytes {
        let model = quoted(native_model);
        let mut edits = vec![Edit::set("model", &model)];
        edits.extend(self.own_members.iter().map(|name| Edit::remove(name)));
        let mut out = Vec::with_capacity(self.body.len() + native_model.len() + 16);
        splice(&self.body, &self.members, &edits, &mut out);
        out.into()
    }

    fn loss(&self) -> Loss {
        let mut loss = Loss::default();
        for name in &self.fields.unknown {
            loss.note(name, "has no counterpart in another dialect");
        }
        if self.fields.has_user {
            loss.note("user", "this dialect has no such member");
        }
        loss
    }

    /// The input, as JSON texts.
    fn texts(&self) -> Vec<&str> {
        let input = self.fields.input.map_or("", |input| crate::json::utf8(input.span.of(&self.body)));
        let mut scanner = Scanner::new(input, crate::json::Escapes::Strict);
        let mut texts = Vec::with_capacity(self.count());
        if scanner.peek() == Ok(Kind::String) {
            return vec![input];
        }
        // Checked when the request was read, so nothing here can fail.
        let Ok(mut elements) = scanner.enter_array() else { return texts };
        while let Ok(true) = scanner.next_element(&mut elements) {
            let Ok(text) = scanner.skip() else { break };
            texts.push(scanner.slice(text.span));
        }
        texts
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
