//! One chunk of a stream, scanned.

use std::borrow::Cow;

use domain::Usage;

use crate::UpstreamError;
use crate::json::{Escapes, Kind, Member, Scanner, Span, checked_utf8};
use crate::openai::choices::{self, Choice, ShapeFault};
use crate::openai::usage;
use crate::stream::StreamFault;

/// What matters of a chunk.
#[derive(Debug, Default)]
pub(super) struct Chunk<'a> {
    pub(super) model: Option<Cow<'a, str>>,
    /// `None` = there is no such member.
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<(Usage, Span)>,
    error: Option<Span>,
    /// Some report an error by the shape of the object alone.
    looks_like_error: bool,
}

impl<'a> Chunk<'a> {
    /// Reads the data of an event; its members go into `members`.
    pub(super) fn read(data: &'a [u8], members: &mut Vec<Member>) -> Result<Self, StreamFault> {
        let malformed = |reason: &dyn ToString| StreamFault::Malformed { reason: reason.to_string() };
        let text = checked_utf8(data).map_err(|fault| malformed(&fault))?;
        let chunk = Self::scan(text, members).map_err(|fault| malformed(&fault))?;
        match chunk.error {
            None if chunk.choices.is_none() && chunk.looks_like_error => {
                Err(StreamFault::Upstream(UpstreamError::parse(data)))
            }
            None => Ok(chunk),
            // The whole event, where `error` is a mere text or flag.
            Some(error) if data[error.start] == b'{' => {
                Err(StreamFault::Upstream(UpstreamError::parse(error.of(data))))
            }
            Some(_) => Err(StreamFault::Upstream(UpstreamError::parse(data))),
        }
    }

    fn scan(text: &'a str, members: &mut Vec<Member>) -> Result<Self, ShapeFault> {
        let mut scanner = Scanner::new(text, Escapes::Lenient);
        let mut chunk = Self::default();
        let mut progress = scanner.enter_object()?;
        while let Some(key) = scanner.next_key(&mut progress)? {
            let kind = scanner.peek()?;
            let start = scanner.position();
            match (&*scanner.decode(&key), kind) {
                ("model", Kind::String) => {
                    let model = scanner.string()?;
                    chunk.model = Some(scanner.decode(&model));
                }
                ("choices", kind) if kind != Kind::Null => {
                    let choices = chunk.choices.insert(Vec::new());
                    choices::read(&mut scanner, "delta", |choice| choices.push(choice))?;
                }
                ("usage", Kind::Object) => {
                    let usage = usage::read(&mut scanner)?;
                    chunk.usage = usage.map(|usage| (usage, Span { start, end: scanner.position() }));
                }
                ("error", kind) if kind != Kind::Null => chunk.error = Some(scanner.skip()?.span),
                (name, _) => {
                    let value = scanner.skip()?.span;
                    chunk.looks_like_error |= choices::is_error_mark(name, scanner.slice(value));
                }
            }
            let value = Span { start, end: scanner.position() };
            members.push(Member { key: key.span, escaped: key.escaped, value });
        }
        scanner.finish()?;
        Ok(chunk)
    }
}
