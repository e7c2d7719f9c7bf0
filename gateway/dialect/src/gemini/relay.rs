//! A stream that stays in the dialect.

use bytes::BytesMut;

use super::usage::WireUsage;
use super::{decode, encode};
use crate::json::{Edit, Escapes, Member, Node, Scanner, members_of, quoted, splice, utf8};
use crate::openai::own_edits;
use crate::sse::SseEvent;
use crate::stream::{Ending, StreamOptions, write_event};

/// A piece that says nothing: Google's libraries take an event without one for a broken answer.
const NOTHING: &[u8] = br#"[{"content":{"parts":[{"text":""}],"role":"model"},"index":0}]"#;

/// Passes events on.
#[derive(Debug)]
pub(crate) struct Relay {
    /// The model that the caller sees, as JSON.
    model: Vec<u8>,
    /// Members of the first event; taken when it is written.
    opening: Vec<(String, Vec<u8>)>,
    /// A candidate has ended: from here on the last event is kept.
    ended: bool,
    held: Option<Vec<u8>>,
    /// An event has told what was consumed.
    has_usage: bool,
}

impl Relay {
    pub(crate) fn new(options: StreamOptions) -> Self {
        Self {
            model: quoted(&options.model),
            opening: options.opening_routing,
            ended: false,
            held: None,
            has_usage: false,
        }
    }

    fn emit(&mut self, data: &[u8], more: &[Edit<'_>], routing: &[(&str, &[u8])], out: &mut BytesMut) {
        let opening = std::mem::take(&mut self.opening);
        let mut routing = routing.to_vec();
        routing.extend(opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())));
        let mut edits = vec![Edit::set("modelVersion", &self.model)];
        edits.extend_from_slice(more);
        edits.extend(own_edits(&routing));
        let members = members(data);
        let mut event = Vec::with_capacity(data.len() + 256);
        splice(data, &members, &edits, &mut event);
        write_event(None, &event, out);
    }

    /// Writes an event of nothing with the opening, if no event has carried it yet: the one to come closes the answer.
    fn open_before(&mut self, data: &[u8], out: &mut BytesMut) {
        if !self.opening.is_empty() {
            let more =
                [Edit::set("candidates", NOTHING), Edit::remove("usageMetadata"), Edit::remove("promptFeedback")];
            self.emit(data, &more, &[], out);
        }
    }
}

impl crate::stream::Relay for Relay {
    fn event(&mut self, event: SseEvent<'_>, out: &mut BytesMut) {
        // What is no chunk was judged by the decoder.
        let Ok(chunk) = Node::parse(utf8(event.data), Escapes::Lenient) else { return };
        if chunk.entries().is_empty() {
            return;
        }
        if let Some(held) = self.held.take() {
            self.emit(&held, &[], &[], out);
        }
        self.has_usage |= chunk.get("usageMetadata").is_some();
        self.ended |= decode::blocked(&chunk).is_some()
            || decode::candidates(&chunk).any(|(_, it)| decode::candidate_stop(it, false).is_some());
        if self.ended {
            self.held = Some(event.data.to_vec());
        } else {
            self.emit(event.data, &[], &[], out);
        }
    }

    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut) {
        let held = self.held.take().unwrap_or_else(|| [br#"{"candidates":"#, NOTHING, b"}"].concat());
        self.open_before(&held, out);
        let usage = ending.usage.filter(|_| !self.has_usage).map(|usage| encode::json(&WireUsage::from(usage)));
        let usage: Vec<_> = usage.iter().map(|json| Edit::set("usageMetadata", json)).collect();
        self.emit(&held, &usage, ending.routing, out);
    }
}

/// Finds the members of an event that was sound when it came.
fn members(data: &[u8]) -> Vec<Member> {
    let mut members = Vec::with_capacity(8);
    members_of(&mut Scanner::new(utf8(data), Escapes::Lenient), &mut members).expect("events are scanned before");
    members
}

#[cfg(test)]
mod tests;
