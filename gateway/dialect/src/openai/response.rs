//! A whole answer: judged by its content, not its status, then passed on with two members changed.

use bytes::Bytes;
use domain::Usage;

use super::choices::{self, ShapeFault};
use super::usage;
use crate::UpstreamError;
use crate::answer::BadAnswer;
use crate::json::{Edit, Escapes, Kind, Member, Scanner, Span, checked_utf8, quoted, splice};
use crate::usage::believed;
use domain::tokens::TokenEstimator;

/// Members of an answer that are ours; an upstream's own are dropped.
pub(super) const OWN_MEMBERS: [&str; 2] = ["routing", "dari_routing"];

impl From<ShapeFault> for BadAnswer {
    fn from(fault: ShapeFault) -> Self {
        Self::Malformed { reason: fault.to_string() }
    }
}

/// An answer with at least one choice.
#[derive(Clone, Debug)]
pub struct ChatResponse {
    body: Bytes,
    members: Vec<Member>,
    found: Found,
}

/// What was read on the way.
#[derive(Clone, Debug, Default)]
struct Found {
    usage: Option<Usage>,
    served_model: Option<String>,
    finish_reason: Option<String>,
    text: TokenEstimator,
    choices: u64,
    error: Option<Span>,
    /// Some report an error by the shape of the object alone.
    looks_like_error: bool,
}

impl ChatResponse {
    /// Reads the body of a successful response.
    pub fn decode(body: Bytes) -> Result<Self, BadAnswer> {
        let (members, found) = read(&body)?;
        Ok(Self { body, members, found })
    }

    /// The body as it came.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// What the call consumed, if the provider says and it can be true.
    pub fn usage(&self) -> Option<Usage> {
        believed(self.found.usage, self.found.text.tokens())
    }

    /// The model that the provider says has answered.
    pub fn served_model(&self) -> Option<&str> {
        self.found.served_model.as_deref()
    }

    /// Why the last choice ended.
    pub fn finish_reason(&self) -> Option<&str> {
        self.found.finish_reason.as_deref()
    }

    /// The estimated tokens of the answer, for a provider that reports no usage.
    pub const fn estimated_completion(&self) -> u64 {
        self.found.text.tokens()
    }

    /// Returns the answer under another model name, with routing members: names and JSON texts.
    pub fn splice(&self, model: &str, routing: &[(&str, &[u8])]) -> Bytes {
        let model = quoted(model);
        let added: usize = routing.iter().map(|(name, json)| name.len() + json.len() + 4).sum();
        let mut edits = vec![Edit::set("model", &model)];
        edits.extend(own_edits(routing));
        let mut out = Vec::with_capacity(self.body.len() + model.len() + added + 16);
        splice(&self.body, &self.members, &edits, &mut out);
        out.into()
    }
}

/// Puts our members in, and takes an upstream's members of these names out.
pub(crate) fn own_edits<'a>(routing: &'a [(&'a str, &'a [u8])]) -> impl Iterator<Item = Edit<'a>> {
    let is_given = |name: &&str| routing.iter().any(|(given, _)| given == name);
    let removed = OWN_MEMBERS.into_iter().filter(move |name| !is_given(name)).map(Edit::remove);
    routing.iter().map(|(name, json)| Edit::set(name, json)).chain(removed)
}

fn read(body: &[u8]) -> Result<(Vec<Member>, Found), BadAnswer> {
    let text = checked_utf8(body).map_err(|fault| BadAnswer::Malformed { reason: fault.to_string() })?;
    match text.trim_ascii_start().bytes().next() {
        None => return Err(BadAnswer::Empty),
        Some(b'<') => return Err(BadAnswer::Html),
        Some(_) => {}
    }
    let mut members = Vec::with_capacity(12);
    let found = read_answer(text, &mut members)?;
    if let Some(error) = found.error {
        // The whole body, because some put the message beside `error`.
        let object = if body[error.start] == b'{' { error.of(body) } else { body };
        return Err(BadAnswer::Upstream(UpstreamError::parse(object)));
    }
    match found.choices {
        0 if found.looks_like_error => Err(BadAnswer::Upstream(UpstreamError::parse(body))),
        0 => Err(BadAnswer::NoChoices),
        _ => Ok((members, found)),
    }
}

fn read_answer(text: &str, members: &mut Vec<Member>) -> Result<Found, ShapeFault> {
    let mut scanner = Scanner::new(text, Escapes::Lenient);
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
            ("usage", _) => found.usage = usage::read(&mut scanner)?.or(found.usage),
            ("choices", kind) if kind != Kind::Null => choices::read(&mut scanner, "message", |choice| {
                found.choices += 1;
                found.text += choice.text;
                found.finish_reason = choice.finish_reason.or(found.finish_reason.take());
            })?,
            ("error", kind) if kind != Kind::Null => found.error = Some(scanner.skip()?.span),
            (name, _) => {
                let value = scanner.skip()?.span;
                found.looks_like_error |= choices::is_error_mark(name, scanner.slice(value));
            }
        }
        let value = Span { start, end: scanner.position() };
        members.push(Member { key: key.span, escaped: key.escaped, value });
    }
    scanner.finish()?;
    Ok(found)
}

#[cfg(test)]
mod tests;
