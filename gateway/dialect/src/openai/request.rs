//! A chat-completions request: checked once, asked many times, and sent on as the slices it came in.
//!
//! Reading is strict where we act on a field and blind elsewhere: unknown fields travel untouched. Which model answers
//! is not decided here.

mod conversation;
mod fields;
mod history;

use std::ops::Deref;

use bytes::Bytes;
use domain::ScorerInput;

use crate::json::{self, Edit, Escapes, Scanner, Span, members_of, quoted, splice};
use crate::request::{BadRequest, Envelope, ScorerText};

/// A request whose top level, messages and own extensions are sound.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    envelope: Envelope,
    n: u64,
    include_usage: bool,
    stream_options: Option<Span>,
    scorer_text: ScorerText,
}

impl Deref for ChatRequest {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}

impl ChatRequest {
    /// Reads a request body.
    pub fn decode(body: Bytes) -> Result<Self, BadRequest> {
        let text = json::checked_utf8(&body).map_err(|fault| BadRequest::not_utf8(&fault))?;
        let fields = fields::read(text)?;
        Ok(fields.into_request(body))
    }

    /// Whether the caller asked for a usage chunk in the stream.
    pub const fn include_usage(&self) -> bool {
        self.include_usage
    }

    /// How many answers are wanted.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// Returns the body for an upstream: its model's native name, our fields gone, usage forced on in streams.
    pub fn encode_for(&self, native_model: &str) -> Bytes {
        let model = quoted(native_model);
        let stream_options = self.forced_stream_options();
        let mut edits = Vec::with_capacity(2 + self.own_members.len());
        edits.push(Edit::set("model", &model));
        edits.extend(stream_options.as_deref().map(|options| Edit::set("stream_options", options)));
        edits.extend(self.own_members.iter().map(|name| Edit::remove(name)));
        let mut out = Vec::with_capacity(self.body.len() + native_model.len() + 64);
        splice(&self.body, &self.members, &edits, &mut out);
        out.into()
    }

    /// Returns what the scorer reads. Costs the same for any length of prompt.
    pub fn scorer_input(&self) -> ScorerInput {
        let (text, truncated) = self.scorer_text.render(&self.body);
        let context = self.scorer_text.render_context(&self.body);
        ScorerInput { text, context, truncated, features: self.features.clone() }
    }

    /// Returns the `stream_options` to send, where the caller's own do not ask for usage.
    fn forced_stream_options(&self) -> Option<Vec<u8>> {
        if !self.stream() || self.include_usage {
            return None;
        }
        let options = self.stream_options.map_or("{}", |span| json::utf8(span.of(&self.body)));
        let mut members = Vec::new();
        members_of(&mut Scanner::new(options, Escapes::Strict), &mut members).expect("checked when decoded");
        let mut forced = Vec::with_capacity(options.len() + 24);
        splice(options.as_bytes(), &members, &[Edit::set("include_usage", b"true")], &mut forced);
        Some(forced)
    }
}

#[cfg(test)]
mod tests;
