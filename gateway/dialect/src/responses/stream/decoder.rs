//! Reads an upstream's events.
//!
//! Deltas are told as they come. What a server tells only when an item, or the whole response, is done is told then, so
//! that nothing is said twice and nothing is left out.

use crate::UpstreamError;
use crate::canonical::{Event, Part};
use crate::json::{Escapes, Node, checked_utf8};
use crate::responses::decode::parts_of;
use crate::responses::{logprobs, types, unsaid, usage};
use crate::sse::SseEvent;
use crate::stream::{Decode, StreamFault};

/// Alternatives: this dialect knows one.
const ONLY: u64 = 0;

/// Reads an upstream's events.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    begun: bool,
    /// The items that have begun, by their place in the output.
    items: Vec<Item>,
    /// Calls so far.
    calls: usize,
    refused: bool,
}

/// What was told of an item.
#[derive(Debug)]
struct Item {
    place: u64,
    /// Its place among the calls, if it is one.
    call: Option<usize>,
    /// Something of it was told: text, thoughts, arguments.
    told: bool,
    done: bool,
}

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, said: &mut Vec<Event>) -> Result<(), StreamFault> {
        if event.name == b"error" {
            return Err(reported(event.data));
        }
        if event.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let malformed = |fault: &dyn std::fmt::Display| StreamFault::Malformed { reason: fault.to_string() };
        let text = checked_utf8(event.data).map_err(|fault| malformed(&fault))?;
        let node = Node::parse(text, Escapes::Lenient).map_err(|fault| malformed(&fault))?;
        if node.entries().is_empty() {
            return Err(malformed(&"an event is not an object"));
        }
        match node.str_of("type") {
            Some(kind) => self.typed(kind, &node, said),
            None if node.get("error").is_some() => Err(reported(event.data)),
            None => Ok(()),
        }
    }

    fn finish_suffices(&self) -> bool {
        false
    }
}

impl Decoder {
    fn typed(&mut self, kind: &str, node: &Node<'_>, said: &mut Vec<Event>) -> Result<(), StreamFault> {
        let delta = || node.string_of("delta").filter(|text| !text.is_empty());
        match kind {
            "error" | "response.error" => return Err(reported(node.raw.as_bytes())),
            "response.failed" | "response.cancelled" => return Err(failed(kind, node)),
            "response.created" | "response.queued" | "response.in_progress" => self.begin(node, said),
            "response.output_item.added" => {
                if let Some(item) = node.get("item") {
                    self.item_begins(place_of(node), item, said);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = node.get("item") {
                    self.item_ends(place_of(node), item, said);
                }
            }
            "response.output_text.delta" => {
                let since = said.len();
                said.extend(delta().map(|text| Event::text(ONLY, text)));
                let tokens = node.get("logprobs").map(Node::items).unwrap_or_default();
                Event::tell_logprobs(said, since, ONLY, logprobs::of(tokens.iter()));
                self.note(node);
            }
            "response.refusal.delta" => {
                self.refused = true;
                said.extend(delta().map(|text| Event::Refusal { choice: ONLY, text }));
                self.note(node);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                said.extend(delta().map(|text| Event::Reasoning { choice: ONLY, text }));
                self.note(node);
            }
            "response.reasoning_summary_part.added" if node.count_of("summary_index").is_some_and(|it| it > 0) => {
                said.push(Event::Reasoning { choice: ONLY, text: types::PARAGRAPH.to_owned() });
            }
            "response.function_call_arguments.delta" => self.arguments(node, "delta", said),
            // Those who send no deltas send the whole here.
            "response.function_call_arguments.done" if !self.item(place_of(node)).told => {
                self.arguments(node, "arguments", said);
            }
            "response.completed" | "response.incomplete" | "response.done" => self.ends(node, said),
            // Tools of the provider, ends of parts, pings, and what is yet to be invented.
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, node: &Node<'_>, said: &mut Vec<Event>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let of = |name| node.get("response").and_then(|response| response.string_of(name));
        said.push(Event::Start { id: of("id"), model: of("model") });
    }

    fn item(&mut self, place: u64) -> &mut Item {
        let known = self.items.iter().rposition(|item| item.place == place);
        let index = known.unwrap_or_else(|| {
            self.items.push(Item { place, call: None, told: false, done: false });
            self.items.len() - 1
        });
        &mut self.items[index]
    }

    fn note(&mut self, node: &Node<'_>) {
        self.item(place_of(node)).told = true;
    }

    fn item_begins(&mut self, place: u64, node: &Node<'_>, said: &mut Vec<Event>) {
        let next = self.calls;
        let item = self.item(place);
        if node.str_of("type") != Some("function_call") || item.call.is_some() {
            return;
        }
        let Some(name) = node.string_of("name") else { return };
        item.call = Some(next);
        self.calls += 1;
        let id = node.string_of("call_id").or_else(|| node.string_of("id"));
        said.push(Event::ToolCall {
            choice: ONLY,
            call: next,
            id: id.unwrap_or_default(),
            name,
            signature: types::call_signature(node),
        });
    }

    fn arguments(&mut self, node: &Node<'_>, member: &str, said: &mut Vec<Event>) {
        let item = self.item(place_of(node));
        let text = node.json_text_of(member).filter(|text| !text.is_empty());
        if let (Some(call), Some(text)) = (item.call, text) {
            item.told = true;
            said.push(Event::Arguments { choice: ONLY, call, text });
        }
    }

    /// Tells what of a finished item was not told yet.
    fn item_ends(&mut self, place: u64, node: &Node<'_>, said: &mut Vec<Event>) {
        self.item_begins(place, node, said);
        let item = self.item(place);
        if std::mem::replace(&mut item.done, true) {
            return;
        }
        let (told, call) = (item.told, item.call);
        said.extend(unsaid::of_item(place, node).into_iter().map(Event::Unsaid));
        let since = said.len();
        for part in parts_of(node) {
            match part {
                Part::Text { text, .. } if !told => said.push(Event::text(ONLY, text)),
                Part::Refusal { text } if !told => {
                    self.refused = true;
                    said.push(Event::Refusal { choice: ONLY, text });
                }
                Part::ToolCall { arguments, .. } if !told && !arguments.is_empty() => {
                    said.extend(call.map(|call| Event::Arguments { choice: ONLY, call, text: arguments }));
                }
                Part::Reasoning { text, signature, .. } => think(told, text, signature, said),
                Part::Text { .. }
                | Part::Refusal { .. }
                | Part::ToolCall { .. }
                | Part::Image { .. }
                | Part::Audio { .. }
                | Part::File { .. }
                | Part::ToolResult { .. } => {}
            }
        }
        if !told {
            Event::tell_logprobs(said, since, ONLY, logprobs::of(logprobs::of_item(node)));
        }
    }

    fn ends(&mut self, node: &Node<'_>, said: &mut Vec<Event>) {
        self.begin(node, said);
        let Some(response) = node.get("response") else { return };
        for (place, item) in response.get("output").map(Node::items).unwrap_or_default().iter().enumerate() {
            self.item_ends(place as u64, item, said);
        }
        said.extend(response.get("usage").and_then(usage::of).map(Event::Usage));
        let reason = types::stop_reason(response, self.calls > 0, self.refused);
        said.push(Event::Finish { choice: ONLY, reason });
        said.push(Event::End);
    }
}

/// Tells thoughts that were not told as deltas, and their proof.
fn think(told: bool, text: String, signature: Option<String>, said: &mut Vec<Event>) {
    let redacted = !told && text.is_empty();
    if !told && !text.is_empty() {
        said.push(Event::Reasoning { choice: ONLY, text });
    }
    said.extend(signature.map(|signature| Event::ReasoningSignature { choice: ONLY, signature, redacted }));
}

fn place_of(node: &Node<'_>) -> u64 {
    node.count_of("output_index").unwrap_or(0)
}

fn reported(data: &[u8]) -> StreamFault {
    StreamFault::Upstream(UpstreamError::parse(data))
}

/// A response that ended badly says why in its own `error`.
fn failed(kind: &str, node: &Node<'_>) -> StreamFault {
    let error = node.get("response").and_then(|response| response.get("error"));
    error.map_or_else(
        || StreamFault::Upstream(UpstreamError::with_message(&format!("the provider ended the stream with `{kind}`"))),
        |error| reported(error.raw.as_bytes()),
    )
}
