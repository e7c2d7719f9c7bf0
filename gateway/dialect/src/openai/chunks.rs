//! Chat chunks to and from the canonical form: for streams that change their dialect.

mod calls;
mod proofs;

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::encode::append_members;
use super::types::{Extra, Function, Thought, WireCall};
use super::{types, unsaid, usage};
use crate::UpstreamError;
use crate::canonical::{Event, Json, Part};
use crate::json::{Escapes, Kind, Node, checked_utf8, quoted};
use crate::sse::SseEvent;
use crate::stream::{Decode, Encode, Ending, StreamFault, StreamOptions, write_event};
use calls::{Calls, Piece};
use proofs::Proofs;

// === Decoder ===

/// Reads an upstream's chunks.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    begun: bool,
    /// The choices that have begun: the first chunk of each names the role and says nothing.
    choices: Vec<u64>,
    calls: Calls,
    /// The choices that refuse.
    refusing: Vec<u64>,
}

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, said: &mut Vec<Event>) -> Result<(), StreamFault> {
        if event.name == b"error" {
            return Err(StreamFault::Upstream(UpstreamError::parse(event.data)));
        }
        if event.data.trim_ascii() == b"[DONE]" {
            said.push(Event::End);
            return Ok(());
        }
        let malformed = |fault: &dyn std::fmt::Display| StreamFault::Malformed { reason: fault.to_string() };
        let text = checked_utf8(event.data).map_err(|fault| malformed(&fault))?;
        let chunk = Node::parse(text, Escapes::Lenient).map_err(|fault| malformed(&fault))?;
        if chunk.get("error").is_some() {
            return Err(StreamFault::Upstream(UpstreamError::parse(event.data)));
        }
        if chunk.kind() != Kind::Object {
            return Err(malformed(&"a chunk is not an object"));
        }
        let usage = chunk.get("usage").and_then(usage::of);
        let choices = match chunk.get("choices") {
            Some(choices) if choices.kind() != Kind::Array => return Err(malformed(&"`choices` is not an array")),
            Some(choices) => choices.items(),
            None if is_error(&chunk) => return Err(StreamFault::Upstream(UpstreamError::parse(event.data))),
            // A ping, or whatever else is no chunk.
            None if usage.is_none() => return Ok(()),
            None => &[],
        };
        if choices.iter().any(|choice| choice.kind() != Kind::Object) {
            return Err(malformed(&"a choice is not an object"));
        }
        if !std::mem::replace(&mut self.begun, true) {
            said.push(Event::Start { id: chunk.string_of("id"), model: chunk.string_of("model") });
        }
        for (position, choice) in choices.iter().enumerate() {
            self.choice(position as u64, choice, said)?;
        }
        said.extend(usage.map(Event::Usage));
        Ok(())
    }

    fn choices(&self) -> usize {
        self.choices.len()
    }

    fn finish_suffices(&self) -> bool {
        true
    }
}

impl Decoder {
    fn choice(&mut self, position: u64, node: &Node<'_>, said: &mut Vec<Event>) -> Result<(), StreamFault> {
        let choice = node.count_of("index").unwrap_or(position);
        if !self.choices.contains(&choice) {
            self.choices.push(choice);
        }
        let since = said.len();
        if let Some(delta) = node.get("delta") {
            self.delta(choice, delta, said);
        }
        let tells = |logprobs: &&Node<'_>| logprobs.get("content").is_some_and(|content| !content.items().is_empty());
        let logprobs = node.get("logprobs").filter(tells).and_then(|logprobs| Json::parse(logprobs.raw));
        Event::tell_logprobs(said, since, choice, logprobs);
        let Some(reason) = node.str_of("finish_reason").filter(|reason| !reason.is_empty()) else { return Ok(()) };
        if reason == "error" {
            let message = "the provider ended the stream with finish_reason `error`";
            return Err(StreamFault::Upstream(UpstreamError::with_message(message)));
        }
        let reason = types::stop_reason(reason, self.refusing.contains(&choice));
        said.push(Event::Finish { choice, reason });
        Ok(())
    }

    fn delta(&mut self, choice: u64, delta: &Node<'_>, said: &mut Vec<Event>) {
        let text = |name: &str| delta.string_of(name).filter(|text| !text.is_empty());
        let thought = text("reasoning_content").or_else(|| text("reasoning"));
        let is_told = thought.is_some();
        said.extend(thought.map(|text| Event::Reasoning { choice, text }));
        for detail in delta.get("reasoning_details").map(Node::items).unwrap_or_default() {
            said.extend(types::thought_of(detail).into_iter().flat_map(|part| thoughts(choice, part, is_told)));
        }
        for part in delta.get("content").map(types::content_of).unwrap_or_default() {
            match part {
                Part::Text { text, .. } if !text.is_empty() => said.push(Event::text(choice, text)),
                part => said.extend(thoughts(choice, part, false)),
            }
        }
        if let Some(text) = text("refusal") {
            if !self.refusing.contains(&choice) {
                self.refusing.push(choice);
            }
            said.push(Event::Refusal { choice, text });
        }
        for (place, call) in delta.get("tool_calls").map(Node::items).unwrap_or_default().iter().enumerate() {
            if !unsaid::is_custom(call) {
                self.call(choice, call, place > 0, said);
            }
        }
        said.extend(unsaid::of_message(choice, delta).into_iter().map(Event::Unsaid));
    }

    fn call(&mut self, choice: u64, node: &Node<'_>, follows: bool, said: &mut Vec<Event>) {
        let piece = Piece::of(node, follows);
        let function = node.get("function");
        let call = self.calls.continued(choice, &piece).unwrap_or_else(|| {
            let call = self.calls.begin(choice, &piece);
            said.push(Event::ToolCall {
                choice,
                call,
                id: node.string_of("id").unwrap_or_default(),
                name: function.and_then(|it| it.string_of("name")).unwrap_or_default(),
                signature: node.get("extra_content").and_then(types::signature_of),
            });
            call
        });
        let arguments = function.and_then(|it| it.json_text_of("arguments")).filter(|text| !text.is_empty());
        if let Some(text) = arguments {
            self.calls.argue(choice, call);
            said.push(Event::Arguments { choice, call, text });
        }
    }
}

fn is_error(chunk: &Node<'_>) -> bool {
    [chunk.str_of("object"), chunk.str_of("type")].contains(&Some("error"))
        || ["message", "detail"].iter().any(|name| chunk.get(name).is_some_and(|it| it.str() != Some("")))
}

/// The words of a thought, unless the chunk tells them elsewhere too, and its proof.
fn thoughts(choice: u64, part: Part, is_told: bool) -> Vec<Event> {
    let Part::Reasoning { text, signature, redacted } = part else { return Vec::new() };
    let words = (!is_told && !text.is_empty()).then_some(Event::Reasoning { choice, text });
    let proof = signature.map(|signature| Event::ReasoningSignature { choice, signature, redacted });
    words.into_iter().chain(proof).collect()
}

// === Encoder ===

/// Writes a caller's chunks.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// `{"id":…,"object":…,"created":…,"model":…,"choices":[`: how every chunk begins.
    head: Vec<u8>,
    include_usage: bool,
    /// Members of the first chunk; taken when it is written.
    opening: Option<Vec<(String, Vec<u8>)>>,
    /// The choices that refuse.
    refusing: Vec<u64>,
    proofs: Proofs,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[PlacedThought<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Serialize)]
struct PlacedThought<'a> {
    #[serde(flatten)]
    thought: Thought<'a>,
    index: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum CallDelta<'a> {
    Begin(WireCall<'a>),
    More { index: usize, function: Arguments<'a> },
}

#[derive(Serialize)]
struct Arguments<'a> {
    arguments: &'a str,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u64,
    delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<&'a Json>,
    finish_reason: Option<&'a str>,
}

impl Encoder {
    pub(crate) fn new(options: StreamOptions) -> Self {
        let mut head = br#"{"id":"#.to_vec();
        head.extend_from_slice(&quoted(&options.id));
        head.extend_from_slice(
            format!(r#","object":"chat.completion.chunk","created":{},"model":"#, options.created).as_bytes(),
        );
        head.extend_from_slice(&quoted(&options.model));
        head.extend_from_slice(br#","choices":["#);
        Self {
            head,
            include_usage: options.include_usage,
            opening: Some(options.opening_routing),
            refusing: Vec::new(),
            proofs: Proofs::default(),
        }
    }

    /// Writes the first chunk: the role and nothing said.
    fn open(&mut self, out: &mut BytesMut) {
        let Some(opening) = self.opening.take() else { return };
        let members: Vec<_> = opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        let delta = Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
        self.write(&ChunkChoice { index: 0, delta, logprobs: None, finish_reason: None }, &members, out);
    }

    fn say(&self, choice: u64, delta: Delta<'_>, out: &mut BytesMut) {
        self.write(&ChunkChoice { index: choice, delta, logprobs: None, finish_reason: None }, &[], out);
    }

    fn write(&self, choice: &ChunkChoice<'_>, members: &[(&str, &[u8])], out: &mut BytesMut) {
        let mut chunk = Vec::with_capacity(self.head.len() + 128);
        chunk.extend_from_slice(&self.head);
        serde_json::to_writer(&mut chunk, choice).expect("plain data with string keys is always JSON");
        chunk.push(b']');
        if self.include_usage {
            chunk.extend_from_slice(br#","usage":null"#);
        }
        chunk.push(b'}');
        append_members(&mut chunk, members);
        write_event(None, &chunk, out);
    }

    fn write_usage(&self, ending: &Ending<'_>, out: &mut BytesMut) {
        let Some(consumed) = ending.usage.filter(|_| self.include_usage) else { return };
        let mut chunk = self.head.clone();
        chunk.extend_from_slice(br#"],"usage":"#);
        chunk.extend_from_slice(usage::write(&consumed).as_bytes());
        chunk.push(b'}');
        write_event(None, &chunk, out);
    }
}

impl Encode for Encoder {
    fn event(&mut self, event: &Event, out: &mut BytesMut) {
        self.open(out);
        if let Event::Text { choice, .. } | Event::Reasoning { choice, .. } | Event::ToolCall { choice, .. } = event {
            self.proofs.end(*choice);
        }
        match event {
            Event::Start { .. } | Event::Finish { .. } | Event::Usage(_) | Event::Unsaid(_) | Event::End => {}
            Event::Text { choice, text, logprobs } => {
                let delta = Delta { content: Some(text), ..Delta::default() };
                let said = ChunkChoice { index: *choice, delta, logprobs: logprobs.as_ref(), finish_reason: None };
                self.write(&said, &[], out);
            }
            Event::Refusal { choice, text } => {
                if !self.refusing.contains(choice) {
                    self.refusing.push(*choice);
                }
                self.say(*choice, Delta { refusal: Some(text), ..Delta::default() }, out);
            }
            Event::Reasoning { choice, text } => {
                self.say(*choice, Delta { reasoning_content: Some(text), ..Delta::default() }, out);
            }
            Event::ReasoningSignature { choice, signature, redacted } => {
                let index = self.proofs.place(*choice, *redacted);
                let thought = PlacedThought { thought: Thought::of("", signature, *redacted), index };
                self.say(*choice, Delta { reasoning_details: Some([thought]), ..Delta::default() }, out);
            }
            Event::ToolCall { choice, call, id, name, signature } => {
                let begin = WireCall {
                    index: Some(*call),
                    id: id.into(),
                    kind: "function",
                    function: Function { name, arguments: "" },
                    extra_content: Extra::of(signature.as_ref()),
                };
                self.say(*choice, Delta { tool_calls: Some([CallDelta::Begin(begin)]), ..Delta::default() }, out);
            }
            Event::Arguments { choice, call, text } => {
                let more = CallDelta::More { index: *call, function: Arguments { arguments: text } };
                self.say(*choice, Delta { tool_calls: Some([more]), ..Delta::default() }, out);
            }
        }
    }

    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut) {
        self.open(out);
        for (place, (choice, reason)) in ending.finishes.iter().enumerate() {
            let members = if place + 1 == ending.finishes.len() { ending.routing } else { &[] };
            let finish_reason = Some(types::finish_reason(reason, self.refusing.contains(choice)));
            self.write(
                &ChunkChoice { index: *choice, delta: Delta::default(), logprobs: None, finish_reason },
                members,
                out,
            );
        }
        self.write_usage(ending, out);
        out.put_slice(b"data: [DONE]\n\n");
    }
}
