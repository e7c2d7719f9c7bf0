//! Vectors that came back: as many as were asked for, all of one length, in the shape that was asked for.

use bytes::Bytes;
use domain::Usage;

use super::EmbeddingsRequest;
use super::request::Shape;
use super::vectors::{self, Vector};
use crate::answer::BadAnswer;
use crate::json::{Edit, Escapes, Kind, Member, Node, Scanner, Span, SyntaxFault, checked_utf8, quoted, splice};
use crate::openai::{append_members, own_edits};
use crate::usage::believed;
use crate::{Dialect, UpstreamError, gemini, openai};

/// An answer with as many vectors as were asked for.
#[derive(Clone, Debug)]
pub struct EmbeddingsAnswer {
    dialect: Dialect,
    body: Bytes,
    members: Vec<Member>,
    found: Found,
}

/// What an answer shows of us.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The model that answered, as the catalogue calls it.
    pub model: &'a str,
    /// What is told of the tokens where the provider told nothing.
    pub usage: Usage,
    /// Members of ours: names and JSON texts.
    pub routing: &'a [(&'a str, &'a [u8])],
}

/// What was read on the way.
#[derive(Clone, Debug, Default)]
struct Found {
    vectors: Vec<Vector>,
    usage: Option<Usage>,
    served_model: Option<String>,
    error: Option<Span>,
    /// Something that should be a vector is none.
    is_odd: bool,
}

impl EmbeddingsAnswer {
    /// Reads the body of a successful response of an upstream.
    ///
    /// # Errors
    /// A body that reports an error, is no answer, or has not the vectors that were asked for.
    pub fn decode(upstream: Dialect, body: Bytes, request: &EmbeddingsRequest) -> Result<Self, BadAnswer> {
        let text = checked_utf8(&body).map_err(|fault| malformed(&fault))?;
        match text.trim_ascii_start().bytes().next() {
            None => return Err(BadAnswer::Empty),
            Some(b'<') => return Err(BadAnswer::Html),
            Some(b'[') => return Err(BadAnswer::Upstream(UpstreamError::parse(&body))),
            Some(_) => {}
        }
        let mut members = Vec::with_capacity(8);
        let mut found = read(upstream, text, &mut members).map_err(|fault| malformed(&fault))?;
        if found.error.is_some() {
            return Err(BadAnswer::Upstream(UpstreamError::parse(&body)));
        }
        found.check(request.count())?;
        found.vectors.sort_by_key(|vector| vector.place);
        let is_packed = found.vectors.iter().any(|vector| body[vector.span.start] == b'"');
        if is_packed && matches!(request.shape(), Shape::Gemini { .. }) {
            return Err(malformed(&"an embedding is base64 where numbers were asked for"));
        }
        Ok(Self { dialect: upstream, body, members, found })
    }

    /// What the call consumed, if the provider says.
    pub fn usage(&self) -> Option<Usage> {
        believed(self.found.usage, 0)
    }

    /// The model that the provider says has answered.
    pub fn served_model(&self) -> Option<&str> {
        self.found.served_model.as_deref()
    }

    /// How long the vectors are.
    pub fn dimensions(&self) -> usize {
        self.found.vectors.first().map_or(0, |vector| vector.dimensions)
    }

    /// Returns the answer for the caller.
    pub fn render(&self, request: &EmbeddingsRequest, shown: &Shown<'_>) -> Bytes {
        match (self.dialect, request.shape()) {
            (Dialect::Gemini, Shape::Openai { base64 }) => self.write_data(base64, shown),
            (Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic, Shape::Openai { .. }) => {
                self.splice(shown)
            }
            (Dialect::Gemini, Shape::Gemini { is_batch }) if self.has(member(is_batch)) => {
                self.spliced(&own_edits(shown.routing).collect::<Vec<_>>())
            }
            (_, Shape::Gemini { is_batch }) => self.write_embeddings(is_batch, shown),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.is_named(&self.body, name))
    }

    fn splice(&self, shown: &Shown<'_>) -> Bytes {
        let usage = shown.usage;
        let (model, usage) = (quoted(shown.model), usage_json(self.found.usage.unwrap_or(usage)));
        let mut edits = vec![Edit::set("model", &model)];
        edits.extend(self.found.usage.is_none().then_some(Edit::set("usage", usage.as_bytes())));
        edits.extend(own_edits(shown.routing));
        self.spliced(&edits)
    }

    fn spliced(&self, edits: &[Edit<'_>]) -> Bytes {
        let mut out = Vec::with_capacity(self.body.len() + 256);
        splice(&self.body, &self.members, edits, &mut out);
        out.into()
    }

    fn write_data(&self, base64: bool, shown: &Shown<'_>) -> Bytes {
        let mut out = self.room();
        out.extend_from_slice(br#"{"object":"list","data":["#);
        for (index, values) in self.values().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(format!(r#"{{"object":"embedding","index":{index},"embedding":"#).as_bytes());
            if base64 {
                vectors::write_base64(crate::json::utf8(values), &mut out);
            } else {
                out.extend_from_slice(values);
            }
            out.push(b'}');
        }
        out.extend_from_slice(br#"],"model":"#);
        out.extend_from_slice(&quoted(shown.model));
        out.extend_from_slice(br#","usage":"#);
        out.extend_from_slice(usage_json(self.found.usage.unwrap_or(shown.usage)).as_bytes());
        out.push(b'}');
        append_members(&mut out, shown.routing);
        out.into()
    }

    fn write_embeddings(&self, is_batch: bool, shown: &Shown<'_>) -> Bytes {
        let mut out = self.room();
        out.extend_from_slice(format!(r#"{{"{}":"#, member(is_batch)).as_bytes());
        let (open, close) = if is_batch { (&b"["[..], &b"]"[..]) } else { (&b""[..], &b""[..]) };
        out.extend_from_slice(open);
        for (index, values) in self.values().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(br#"{"values":"#);
            out.extend_from_slice(values);
            out.push(b'}');
        }
        out.extend_from_slice(close);
        let tokens = self.found.usage.unwrap_or(shown.usage).prompt_tokens;
        let usage = format!(r#","usageMetadata":{{"promptTokenCount":{tokens},"totalTokenCount":{tokens}}}}}"#);
        out.extend_from_slice(usage.as_bytes());
        append_members(&mut out, shown.routing);
        out.into()
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.found.vectors.iter().map(|vector| vector.span.of(&self.body))
    }

    fn room(&self) -> Vec<u8> {
        Vec::with_capacity(self.body.len() + 64 * self.found.vectors.len() + 256)
    }
}

/// Where Gemini has its vectors.
const fn member(is_batch: bool) -> &'static str {
    if is_batch { "embeddings" } else { "embedding" }
}

impl Found {
    fn check(&self, expected: usize) -> Result<(), BadAnswer> {
        let count = self.vectors.len();
        if count == 0 && !self.is_odd {
            return Err(BadAnswer::NoChoices);
        }
        if self.is_odd {
            return Err(malformed(&"an embedding is neither an array of numbers nor base64"));
        }
        if count != expected {
            return Err(malformed(&format!("{expected} embeddings were asked for and {count} came")));
        }
        let dimensions = self.vectors[0].dimensions;
        if self.vectors.iter().any(|vector| vector.dimensions != dimensions) {
            return Err(malformed(&"the embeddings are of different lengths"));
        }
        Ok(())
    }

    /// Notes what stands where a vector should.
    fn note(&mut self, vector: Option<Vector>) {
        match vector {
            Some(vector) => self.vectors.push(vector),
            None => self.is_odd = true,
        }
    }
}

fn read(upstream: Dialect, text: &str, members: &mut Vec<Member>) -> Result<Found, SyntaxFault> {
    let mut scanner = Scanner::new(text, Escapes::Lenient);
    let is_gemini = upstream == Dialect::Gemini;
    let mut found = Found::default();
    let mut progress = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut progress)? {
        let kind = scanner.peek()?;
        let start = scanner.position();
        match (&*scanner.decode(&key), kind) {
            ("model", Kind::String) => {
                let model = scanner.string()?;
                found.served_model = Some(scanner.decode(&model).into_owned());
            }
            ("usage" | "usageMetadata", Kind::Object) => {
                found.usage = read_usage(is_gemini, &mut scanner)?.or(found.usage);
            }
            ("data", Kind::Array) if !is_gemini => read_list(&mut scanner, "embedding", &mut found)?,
            ("embeddings", Kind::Array) if is_gemini => read_list(&mut scanner, "values", &mut found)?,
            // Where one alone was asked for.
            ("embedding", Kind::Object) if is_gemini => read_element(&mut scanner, "values", &mut found)?,
            ("error", kind) if kind != Kind::Null => found.error = Some(scanner.skip()?.span),
            _ => drop(scanner.skip()?),
        }
        let value = Span { start, end: scanner.position() };
        members.push(Member { key: key.span, escaped: key.escaped, value });
    }
    scanner.finish()?;
    Ok(found)
}

fn read_list(scanner: &mut Scanner<'_>, member: &str, found: &mut Found) -> Result<(), SyntaxFault> {
    let mut elements = scanner.enter_array()?;
    while scanner.next_element(&mut elements)? {
        if scanner.peek()? == Kind::Object {
            read_element(scanner, member, found)?;
        } else {
            scanner.skip()?;
            found.note(None);
        }
    }
    Ok(())
}

fn read_element(scanner: &mut Scanner<'_>, member: &str, found: &mut Found) -> Result<(), SyntaxFault> {
    let mut members = scanner.enter_object()?;
    let (mut vector, mut place) = (None, None);
    while let Some(key) = scanner.next_key(&mut members)? {
        match &*scanner.decode(&key) {
            name if name == member => vector = vectors::read(scanner)?,
            "index" => place = scanner.skip().map(|index| scanner.slice(index.span).parse().ok())?,
            _ => drop(scanner.skip()?),
        }
    }
    found.note(vector.map(|vector| Vector { place, ..vector }));
    Ok(())
}

/// Reads what was read: all that making vectors consumes.
fn read_usage(is_gemini: bool, scanner: &mut Scanner<'_>) -> Result<Option<Usage>, SyntaxFault> {
    let object = scanner.skip()?.span;
    let object = Node::parse(scanner.slice(object), Escapes::Lenient)?;
    let said = if is_gemini { gemini::usage::of(&object) } else { openai::usage::of(&object) };
    let tokens = said.map_or(0, |usage| usage.prompt_tokens);
    Ok((tokens > 0).then_some(Usage { prompt_tokens: tokens, ..Usage::default() }))
}

fn usage_json(usage: Usage) -> String {
    format!(r#"{{"prompt_tokens":{0},"total_tokens":{0}}}"#, usage.prompt_tokens)
}

fn malformed(fault: &dyn std::fmt::Display) -> BadAnswer {
    BadAnswer::Malformed { reason: fault.to_string() }
}
