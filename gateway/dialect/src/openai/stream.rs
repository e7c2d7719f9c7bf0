//! A streamed answer on its way through: checked chunk by chunk, renamed, and ended only when it has really ended.
//!
//! Synchronous: bytes in, bytes out. Every event is scanned once and spliced; nothing malformed goes on. The chunk that
//! carries a `finish_reason` and the usage chunk are held back until [`StreamTranslator::close`], because what a call
//! cost is known only then, and because the terminal marker must not overtake the record of the call.

mod chunk;

use bytes::{BufMut, BytesMut};
use domain::Usage;

use super::choices::Choice;
use super::response::own_edits;
use super::usage;
use crate::UpstreamError;
use crate::json::{Edit, Escapes, Member, Scanner, members_of, quoted, splice};
use crate::sse::{SseEvent, SseParser};
use crate::stream::{Progress, StreamFault, StreamOptions};
use crate::usage::{believed, later};
use chunk::Chunk;
use domain::tokens::TokenEstimator;

const DONE: &[u8] = b"[DONE]";
/// Choices that say nothing. An empty array would trip clients that always read the first choice.
const EMPTY_DELTA: &[u8] = br#"[{"index":0,"delta":{},"finish_reason":null}]"#;
/// Most choices that are told apart: the most a request may ask for.
const MAX_CHOICES: u64 = 128;

/// Translates one stream. After a fault, nothing more may be pushed.
#[derive(Debug)]
pub struct StreamTranslator {
    parser: SseParser,
    state: State,
}

#[derive(Debug)]
struct State {
    /// The model that the caller sees, as JSON.
    model: Vec<u8>,
    include_usage: bool,
    /// Members of the first chunk; taken when it is written.
    opening: Vec<(String, Vec<u8>)>,
    progress: Progress,
    /// The choices seen and those that have ended, a bit each.
    seen: u128,
    ended: u128,
    /// The last chunk with a `finish_reason`.
    held: Option<Vec<u8>>,
    /// The last chunk with usage and no choices.
    usage_chunk: Option<Vec<u8>>,
    usage: Option<Usage>,
    /// The `usage` object as it came or was supplied.
    usage_json: Vec<u8>,
    served_model: Option<String>,
    finish_reason: Option<String>,
    /// `id` and `created` of the first chunk, as members, for chunks of our own.
    identity: Vec<u8>,
    text: TokenEstimator,
    ignored: u64,
    /// Kept to be used again by every event.
    members: Vec<Member>,
}

impl StreamTranslator {
    /// Stands before a stream.
    pub fn new(options: StreamOptions) -> Self {
        let state = State {
            model: quoted(&options.model),
            include_usage: options.include_usage,
            opening: options.opening_routing,
            progress: Progress::default(),
            seen: 0,
            ended: 0,
            held: None,
            usage_chunk: None,
            usage: None,
            usage_json: Vec::new(),
            served_model: None,
            finish_reason: None,
            identity: Vec::new(),
            text: TokenEstimator::new(),
            ignored: 0,
            members: Vec::with_capacity(12),
        };
        Self { parser: SseParser::new(options.max_event_bytes), state }
    }

    /// Takes the next bytes of the upstream and appends what goes on to the caller.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Result<Progress, StreamFault> {
        if !self.state.progress.terminal {
            self.parser.push(chunk, |event| self.state.take_event(event, out))?;
        }
        Ok(self.state.progress)
    }

    /// Judges the end of the upstream's bytes: `Ok` only if the answer is complete.
    pub fn end(&mut self) -> Result<(), StreamFault> {
        if !self.state.progress.terminal {
            match self.parser.finish()? {
                Some(data) if is_done(data) => self.state.end()?,
                Some(_) => return Err(StreamFault::Truncated),
                None => {}
            }
        }
        if self.state.progress.finished { Ok(()) } else { Err(StreamFault::Truncated) }
    }

    /// Gives the usage to pass on where the upstream gave none that can be true.
    pub fn supply_usage(&mut self, usage: Usage) {
        if self.usage() != self.state.usage || self.state.usage.is_none() {
            self.state.usage_json = usage::write(&usage).into_bytes();
            self.state.usage = Some(usage);
        }
    }

    /// Appends the held finish chunk with the closing members, the usage chunk if asked for, and the terminal marker.
    pub fn close(&mut self, closing_routing: &[(&str, &[u8])], out: &mut BytesMut) {
        self.state.close(closing_routing, out);
    }

    /// How far the stream has come.
    pub const fn progress(&self) -> Progress {
        self.state.progress
    }

    /// What the call consumed, if the upstream said and it can be true, or it was supplied.
    pub fn usage(&self) -> Option<Usage> {
        believed(self.state.usage, self.state.text.tokens())
    }

    /// The model that the upstream says is answering.
    pub fn served_model(&self) -> Option<&str> {
        self.state.served_model.as_deref()
    }

    /// Why the last choice that ended did.
    pub fn finish_reason(&self) -> Option<&str> {
        self.state.finish_reason.as_deref()
    }

    /// The estimated tokens of the output so far, for an upstream that reports no usage.
    pub const fn estimated_completion(&self) -> u64 {
        self.state.text.tokens()
    }

    /// Events that were neither chunks nor errors and were dropped, such as pings.
    pub const fn ignored_events(&self) -> u64 {
        self.state.ignored
    }
}

impl State {
    fn take_event(&mut self, event: SseEvent<'_>, out: &mut BytesMut) -> Result<(), StreamFault> {
        if self.progress.terminal {
            return Ok(());
        }
        if event.name == b"error" {
            return Err(StreamFault::Upstream(UpstreamError::parse(event.data)));
        }
        if is_done(event.data) {
            return self.end();
        }
        let mut members = std::mem::take(&mut self.members);
        members.clear();
        let result = self.take_chunk(event.data, &mut members, out);
        self.members = members;
        result
    }

    /// Takes the marker. It is also what some servers send behind an answer that they lost: only a `finish_reason` for
    /// every choice says that there is nothing more.
    fn end(&mut self) -> Result<(), StreamFault> {
        if !self.progress.finished {
            return Err(StreamFault::Truncated);
        }
        self.progress.terminal = true;
        Ok(())
    }

    fn take_chunk(&mut self, data: &[u8], members: &mut Vec<Member>, out: &mut BytesMut) -> Result<(), StreamFault> {
        let chunk = Chunk::read(data, members)?;
        if let Some(model) = chunk.model.filter(|_| self.served_model.is_none()) {
            self.served_model = Some(model.into_owned());
        }
        if self.identity.is_empty() {
            self.identity = identity_of(data, members);
        }
        if let Some((usage, json)) = chunk.usage
            && later(self.usage, usage) == usage
        {
            self.usage = Some(usage);
            self.usage_json.clear();
            self.usage_json.extend_from_slice(json.of(data));
        }
        match (chunk.choices, chunk.usage.is_some()) {
            (None, false) => self.ignored += 1,
            (None, true) => {}
            (Some(choices), true) if choices.is_empty() => self.usage_chunk = Some(data.to_vec()),
            (Some(choices), _) => {
                self.flush_held(out);
                if self.note(choices)? {
                    self.held = Some(data.to_vec());
                } else {
                    self.emit(data, members, &[], out);
                }
            }
        }
        Ok(())
    }

    /// Notes what the choices hold; returns whether one of them has ended.
    fn note(&mut self, choices: Vec<Choice>) -> Result<bool, StreamFault> {
        let mut ends = false;
        for choice in choices {
            let bit = 1_u128 << choice.index.min(MAX_CHOICES - 1);
            self.seen |= bit;
            self.progress.content |= choice.has_content;
            self.text += choice.text;
            if let Some(reason) = choice.finish_reason {
                if reason == "error" {
                    let message = "the provider ended the stream with finish_reason `error`";
                    return Err(StreamFault::Upstream(UpstreamError::with_message(message)));
                }
                self.ended |= bit;
                self.finish_reason = Some(reason);
                ends = true;
            }
        }
        self.progress.finished = self.seen != 0 && self.seen == self.ended;
        Ok(ends)
    }

    fn close(&mut self, closing: &[(&str, &[u8])], out: &mut BytesMut) {
        if let Some(held) = self.held.take() {
            self.emit_opening_before(&held, out);
            self.emit_raw(&held, closing, out);
        } else if !closing.is_empty() || !self.opening.is_empty() {
            let own = self.own_chunk(EMPTY_DELTA);
            self.emit_opening_before(&own, out);
            self.emit_raw(&own, closing, out);
        }
        if self.include_usage && self.usage.is_some() {
            let chunk = self.usage_chunk.take().unwrap_or_else(|| self.own_chunk(b"[]"));
            self.emit_usage(&chunk, out);
        }
        out.put_slice(b"data: [DONE]\n\n");
    }

    fn flush_held(&mut self, out: &mut BytesMut) {
        if let Some(held) = self.held.take() {
            self.emit_raw(&held, &[], out);
        }
    }

    /// Writes a kept chunk.
    fn emit_raw(&mut self, data: &[u8], closing: &[(&str, &[u8])], out: &mut BytesMut) {
        let mut members = Vec::new();
        rescan(data, &mut members);
        self.emit(data, &members, closing, out);
    }

    /// Writes an empty delta with the opening members, if no chunk has carried them yet: the chunk to come carries the
    /// closing ones.
    fn emit_opening_before(&mut self, data: &[u8], out: &mut BytesMut) {
        if self.opening.is_empty() {
            return;
        }
        let mut members = Vec::new();
        rescan(data, &mut members);
        let choices = Edit::set("choices", EMPTY_DELTA);
        let opening = std::mem::take(&mut self.opening);
        let mut edits = vec![Edit::set("model", &self.model), choices, Edit::remove("usage")];
        let borrowed: Vec<_> = opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        edits.extend(own_edits(&borrowed));
        write_event(data, &members, &edits, out);
    }

    fn emit_usage(&self, data: &[u8], out: &mut BytesMut) {
        let mut members = Vec::new();
        rescan(data, &mut members);
        let mut edits = vec![Edit::set("model", &self.model), Edit::set("usage", &self.usage_json)];
        edits.extend(own_edits(&[]));
        write_event(data, &members, &edits, out);
    }

    /// Writes a chunk. Usage goes out only in a chunk of its own; `usage: null` goes to those who asked for usage.
    fn emit(&mut self, data: &[u8], members: &[Member], closing: &[(&str, &[u8])], out: &mut BytesMut) {
        let opening = std::mem::take(&mut self.opening);
        let mut routing: Vec<_> = opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        routing.extend_from_slice(closing);
        let mut edits = Vec::with_capacity(2 + routing.len().max(2));
        edits.push(Edit::set("model", &self.model));
        edits.extend((!self.keeps_usage(data, members)).then_some(Edit::remove("usage")));
        edits.extend(own_edits(&routing));
        write_event(data, members, &edits, out);
    }

    fn keeps_usage(&self, data: &[u8], members: &[Member]) -> bool {
        let mut usage = members.iter().filter(|member| member.is_named(data, "usage"));
        self.include_usage && usage.all(|member| member.value.of(data) == b"null")
    }

    /// Returns a chunk with these choices that carries the stream's id.
    fn own_chunk(&self, choices: &[u8]) -> Vec<u8> {
        let mut chunk = br#"{"object":"chat.completion.chunk","#.to_vec();
        chunk.extend_from_slice(&self.identity);
        chunk.extend_from_slice(br#""choices":"#);
        chunk.extend_from_slice(choices);
        chunk.push(b'}');
        chunk
    }
}

fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == DONE
}

fn write_event(data: &[u8], members: &[Member], edits: &[Edit<'_>], out: &mut BytesMut) {
    out.reserve(data.len() + 256);
    out.put_slice(b"data: ");
    let start = out.len();
    splice(data, members, edits, out);
    // Data of several lines has line breaks between its tokens, where any blank will do.
    if memchr::memchr(b'\n', data).is_some() {
        out[start..].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    }
    out.put_slice(b"\n\n");
}

/// Finds the members of a chunk that was sound when it came.
fn rescan(data: &[u8], members: &mut Vec<Member>) {
    let text = crate::json::utf8(data);
    members_of(&mut Scanner::new(text, Escapes::Lenient), members).expect("kept chunks were scanned before");
}

/// Returns the members that name a stream, as JSON text.
fn identity_of(data: &[u8], members: &[Member]) -> Vec<u8> {
    let mut identity = Vec::new();
    for name in ["id", "created"] {
        if let Some(member) = members.iter().find(|member| member.is_named(data, name)) {
            identity.extend_from_slice(&quoted(name));
            identity.push(b':');
            identity.extend_from_slice(member.value.of(data));
            identity.push(b',');
        }
    }
    identity
}

#[cfg(test)]
mod tests;
