//! Reads an upstream's events.

use std::collections::BTreeMap;

use crate::UpstreamError;
use crate::canonical::{Event, StopReason};
use crate::gemini::decode::{blocked, candidate_stop, candidates, code, parts_of};
use crate::gemini::{logprobs, proof, unsaid, usage};
use crate::json::{Escapes, Kind, Node, checked_utf8};
use crate::sse::SseEvent;
use crate::stream::{Decode, StreamFault};

/// Reads an upstream's events.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    begun: bool,
    /// What each candidate has said so far.
    candidates: BTreeMap<u64, Candidate>,
}

#[derive(Debug, Default)]
struct Candidate {
    /// Parts so far.
    parts: usize,
    calls: usize,
    /// Its last words were thoughts.
    thinks: bool,
}

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, said: &mut Vec<Event>) -> Result<(), StreamFault> {
        if event.name == b"error" {
            return Err(StreamFault::Upstream(UpstreamError::parse(event.data)));
        }
        // Google sends none, but compatible servers do.
        if event.data.trim_ascii() == b"[DONE]" {
            said.push(Event::End);
            return Ok(());
        }
        let malformed = |fault: &dyn std::fmt::Display| StreamFault::Malformed { reason: fault.to_string() };
        let text = checked_utf8(event.data).map_err(|fault| malformed(&fault))?;
        let chunk = Node::parse(text, Escapes::Lenient).map_err(|fault| malformed(&fault))?;
        if chunk.get("error").is_some() || chunk.kind() == Kind::Array {
            return Err(StreamFault::Upstream(UpstreamError::parse(event.data)));
        }
        if chunk.kind() != Kind::Object {
            return Err(malformed(&format!("the chunk is {}, not an object", chunk.kind().as_str())));
        }
        self.chunk(&chunk, said);
        Ok(())
    }

    fn finish_suffices(&self) -> bool {
        true
    }
}

impl Decoder {
    fn chunk(&mut self, chunk: &Node<'_>, said: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            said.push(Event::Start { id: chunk.string_of("responseId"), model: chunk.string_of("modelVersion") });
        }
        let mut any = false;
        for (choice, candidate) in candidates(chunk) {
            any = true;
            self.candidate(choice, candidate, said);
        }
        // A prompt that is refused as a whole has no candidates.
        if let Some(blocked) = blocked(chunk).filter(|_| !any) {
            said.extend(blocked.message.map(|text| Event::Refusal { choice: 0, text }));
            said.push(Event::Finish { choice: 0, reason: StopReason::ContentFilter });
        }
        said.extend(chunk.get("usageMetadata").and_then(usage::of).map(Event::Usage));
    }

    fn candidate(&mut self, choice: u64, node: &Node<'_>, said: &mut Vec<Event>) {
        let state = self.candidates.entry(choice).or_default();
        let since = said.len();
        for part in parts_of(node) {
            state.part(choice, part, said);
            let lost = unsaid::of_part(choice, state.parts, part).or(unsaid::of_media(choice, state.parts, part));
            said.extend(lost.map(Event::Unsaid));
            state.parts += 1;
        }
        said.extend(unsaid::of_candidate(choice, node).map(Event::Unsaid));
        Event::tell_logprobs(said, since, choice, logprobs::of(node));
        let reason = candidate_stop(node, state.calls > 0);
        said.extend(reason.map(|reason| Event::Finish { choice, reason }));
    }
}

impl Candidate {
    fn part(&mut self, choice: u64, part: &Node<'_>, said: &mut Vec<Event>) {
        let signature = part.string_of("thoughtSignature");
        if let Some(call) = part.get("functionCall") {
            return self.call(choice, call, signature, said);
        }
        let thought = part.get("thought").and_then(Node::bool).unwrap_or(false);
        let text = part.string_of("text").or_else(|| code(part)).filter(|text| !text.is_empty());
        if let Some(text) = text {
            self.thinks = thought;
            said.push(if thought { Event::Reasoning { choice, text } } else { Event::text(choice, text) });
        }
        if let Some(signature) = signature {
            let proof = proof::read(&signature);
            // After thoughts it is their proof, after a text a block of its own.
            let redacted = proof.redacted || !self.thinks;
            said.push(Event::ReasoningSignature { choice, signature: proof.signature, redacted });
        }
    }

    fn call(&mut self, choice: u64, node: &Node<'_>, signature: Option<String>, said: &mut Vec<Event>) {
        let call = self.calls;
        self.calls += 1;
        self.thinks = false;
        let id = node.string_of("id").unwrap_or_default();
        let name = node.string_of("name").unwrap_or_default();
        said.push(Event::ToolCall { choice, call, id, name, signature });
        let text = node.get("args").map_or("{}", |args| args.raw).to_owned();
        said.push(Event::Arguments { choice, call, text });
    }
}
