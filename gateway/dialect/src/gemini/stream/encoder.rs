//! Writes a caller's events. Calls and proofs are told whole, so that their pieces are gathered first.

use bytes::BytesMut;
use serde::Serialize;

use super::calls::Calls;
use crate::canonical::{Event, Json, Part, StopReason};
use crate::gemini::encode::own_part;
use crate::gemini::logprobs;
use crate::gemini::types::{self, WireContent, WirePart};
use crate::gemini::usage::WireUsage;
use crate::openai::encode::append_members;
use crate::stream::{Encode, Ending, StreamOptions, write_event};

/// Writes a caller's events.
#[derive(Debug)]
pub(crate) struct Encoder {
    model: String,
    id: String,
    /// Members of the first event; taken when it is written.
    opening: Vec<(String, Vec<u8>)>,
    calls: Calls,
    /// The proof that is coming in: of which alternative, and what there is of it.
    proof: Option<(u64, Part)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    candidates: Vec<Candidate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<WireUsage>,
    model_version: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    content: WireContent<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'static str>,
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs_result: Option<Json>,
}

impl<'a> Candidate<'a> {
    fn of(index: u64, part: WirePart<'a>, finish_reason: Option<&'static str>) -> Self {
        Self {
            content: WireContent { role: Some("model"), parts: vec![part] },
            finish_reason,
            index,
            logprobs_result: None,
        }
    }
}

impl Encoder {
    pub(crate) fn new(options: StreamOptions) -> Self {
        let StreamOptions { model, id, opening_routing: opening, .. } = options;
        Self { model, id, opening, calls: Calls::default(), proof: None }
    }

    fn say(&mut self, choice: u64, part: WirePart<'_>, out: &mut BytesMut) {
        self.say_with(choice, part, None, out);
    }

    fn say_with(&mut self, choice: u64, part: WirePart<'_>, logprobs: Option<&Json>, out: &mut BytesMut) {
        let logprobs_result = logprobs.and_then(logprobs::result);
        let opening = std::mem::take(&mut self.opening);
        let members: Vec<_> = opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        self.write(vec![Candidate { logprobs_result, ..Candidate::of(choice, part, None) }], None, &members, out);
    }

    fn write(
        &self,
        candidates: Vec<Candidate<'_>>,
        usage_metadata: Option<WireUsage>,
        members: &[(&str, &[u8])],
        out: &mut BytesMut,
    ) {
        let chunk = Chunk { candidates, usage_metadata, model_version: &self.model, response_id: &self.id };
        let mut chunk = serde_json::to_vec(&chunk).expect("plain data with string keys is always JSON");
        append_members(&mut chunk, members);
        write_event(None, &chunk, out);
    }

    fn say_part(&mut self, choice: u64, part: &Part, out: &mut BytesMut) {
        if let Some(wire) = own_part(part) {
            self.say(choice, wire, out);
        }
    }

    /// Writes what was gathered and cannot grow any more, now that something else is said.
    fn flush(&mut self, out: &mut BytesMut) {
        if let Some((choice, part)) = self.proof.take() {
            self.say_part(choice, &part, out);
        }
        while let Some((choice, part)) = self.calls.take_whole() {
            self.say_part(choice, &part, out);
        }
    }

    fn prove(&mut self, choice: u64, more: &str, redacted: bool, out: &mut BytesMut) {
        match &mut self.proof {
            Some((of, Part::Reasoning { signature: Some(signature), redacted: whole, .. }))
                if (*of, *whole) == (choice, redacted) =>
            {
                signature.push_str(more);
            }
            _ => {
                self.flush(out);
                let signature = Some(more.to_owned());
                self.proof = Some((choice, Part::Reasoning { text: String::new(), signature, redacted }));
            }
        }
    }
}

impl Encode for Encoder {
    fn event(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            // The opening rides on the first words: there is no event of its own for it.
            Event::Start { .. } | Event::Finish { .. } | Event::Usage(_) | Event::Unsaid(_) | Event::End => {}
            Event::Text { choice, text, logprobs } => {
                self.flush(out);
                self.say_with(*choice, WirePart::text(text), logprobs.as_ref(), out);
            }
            Event::Refusal { choice, text } => {
                self.flush(out);
                self.say(*choice, WirePart::text(text), out);
            }
            Event::Reasoning { choice, text } => {
                self.flush(out);
                self.say(*choice, WirePart::thought(text, None), out);
            }
            Event::ReasoningSignature { choice, signature, redacted } => {
                self.prove(*choice, signature, *redacted, out);
            }
            Event::ToolCall { choice, call, id, name, signature } => {
                self.flush(out);
                self.calls.begin(*choice, *call, id, name, signature.as_ref());
            }
            Event::Arguments { choice, call, text } => self.calls.add(*choice, *call, text),
        }
    }

    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut) {
        self.flush(out);
        while let Some((choice, part)) = self.calls.take_first() {
            self.say_part(choice, &part, out);
        }
        if !self.opening.is_empty() {
            self.say(0, WirePart::text(""), out);
        }
        let last = |(choice, reason): &(u64, StopReason)| {
            Candidate::of(*choice, WirePart::text(""), Some(types::finish_reason(reason)))
        };
        let usage = ending.usage.map(WireUsage::from);
        self.write(ending.finishes.iter().map(last).collect(), usage, ending.routing, out);
    }
}
