//! A caller's events: `message_start`, blocks one after the other, `message_delta`, `message_stop`.

use bytes::BytesMut;
use serde::Serialize;

use super::super::types::{Block as WireBlock, Stop, call_id, input};
use super::super::usage::WireUsage;
use super::order::{Block, Kind, Order, Write};
use crate::canonical::{Event, StopReason};
use crate::json::quoted;
use crate::openai::encode::append_members;
use crate::stream::{Encode, Ending, StreamOptions, write_event};

/// Writes a caller's events.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// What names the answer; taken when `message_start` is written.
    opening: Option<StreamOptions>,
    order: Order,
    /// Blocks that have begun.
    blocks: usize,
    called: bool,
    refused: bool,
}

impl Encoder {
    pub(crate) const fn new(options: StreamOptions) -> Self {
        Self { opening: Some(options), order: Order::new(), blocks: 0, called: false, refused: false }
    }

    fn open(&mut self, out: &mut BytesMut) {
        let Some(options) = self.opening.take() else { return };
        let routing: Vec<_> =
            options.opening_routing.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        let mut message = br#"{"id":"#.to_vec();
        message.extend_from_slice(&quoted(&options.id));
        message.extend_from_slice(br#","type":"message","role":"assistant","model":"#);
        message.extend_from_slice(&quoted(&options.model));
        // What was read is known only at the end, and told there.
        message.extend_from_slice(
            br#","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}"#,
        );
        append_members(&mut message, &routing);
        let mut event = br#"{"type":"message_start","message":"#.to_vec();
        event.extend_from_slice(&message);
        event.push(b'}');
        append_members(&mut event, &routing);
        write_event(Some("message_start"), &event, out);
    }

    fn say(&mut self, kind: Kind, text: &str, out: &mut BytesMut) {
        let Self { order, blocks, .. } = self;
        order.say(kind, text, &mut Blocks { begun: blocks, out });
    }
}

impl Encode for Encoder {
    fn event(&mut self, event: &Event, out: &mut BytesMut) {
        self.open(out);
        if !belongs(event) {
            return;
        }
        match event {
            Event::Start { .. } | Event::Finish { .. } | Event::Usage(_) | Event::Unsaid(_) | Event::End => {}
            // What tells tokens alone.
            Event::Text { text, .. } if text.is_empty() => {}
            Event::Text { text, .. } => self.say(Kind::Text, text, out),
            Event::Reasoning { text, .. } => self.say(Kind::Thought, text, out),
            Event::Refusal { text, .. } => {
                self.refused = true;
                self.say(Kind::Text, text, out);
            }
            Event::ReasoningSignature { signature, redacted: true, .. } => {
                self.say(Kind::Withheld { data: signature.clone() }, "", out);
            }
            Event::ReasoningSignature { signature, redacted: false, .. } => {
                let Self { order, blocks, .. } = self;
                order.prove(signature, &mut Blocks { begun: blocks, out });
            }
            Event::ToolCall { call, id, name, .. } => {
                self.called = true;
                self.say(Kind::Call { call: *call, id: id.clone(), name: name.clone() }, "", out);
            }
            Event::Arguments { call, text, .. } => {
                self.say(Kind::Call { call: *call, id: String::new(), name: String::new() }, text, out);
            }
        }
    }

    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut) {
        self.open(out);
        let Self { order, blocks, .. } = self;
        order.finish(&mut Blocks { begun: blocks, out });
        let reason = ending.finishes.iter().find(|(choice, _)| *choice == 0).map(|(_, reason)| reason);
        let stop = Stop::of(reason.unwrap_or(&StopReason::Stop), self.called, self.refused);
        write_end(&stop, ending, out);
    }
}

/// Whether an event is of the one answer that this dialect gives.
const fn belongs(event: &Event) -> bool {
    match event {
        Event::Start { .. } | Event::Usage(_) | Event::Unsaid(_) | Event::End => true,
        Event::Text { choice, .. }
        | Event::Reasoning { choice, .. }
        | Event::ReasoningSignature { choice, .. }
        | Event::Refusal { choice, .. }
        | Event::ToolCall { choice, .. }
        | Event::Arguments { choice, .. }
        | Event::Finish { choice, .. } => *choice == 0,
    }
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    r#type: &'static str,
    delta: &'a Stop<'a>,
    usage: WireUsage,
}

/// Writes what ends an answer: why, what was consumed, our members, and the terminal marker.
pub(in super::super) fn write_end(stop: &Stop<'_>, ending: &Ending<'_>, out: &mut BytesMut) {
    let usage = WireUsage::from(ending.usage.unwrap_or_default());
    let mut delta = json(&MessageDelta { r#type: "message_delta", delta: stop, usage });
    append_members(&mut delta, ending.routing);
    write_event(Some("message_delta"), &delta, out);
    write_event(Some("message_stop"), br#"{"type":"message_stop"}"#, out);
}

// === Blocks ===

/// Writes blocks as they begin, go on and end.
struct Blocks<'a> {
    begun: &'a mut usize,
    out: &'a mut BytesMut,
}

#[derive(Serialize)]
struct BlockStart<'a> {
    r#type: &'static str,
    index: usize,
    content_block: WireBlock<'a>,
}

#[derive(Serialize)]
struct BlockDelta<'a> {
    r#type: &'static str,
    index: usize,
    delta: Delta<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

#[derive(Serialize)]
struct BlockStop {
    r#type: &'static str,
    index: usize,
}

impl Blocks<'_> {
    fn delta(&mut self, delta: Delta<'_>) {
        let event = BlockDelta { r#type: "content_block_delta", index: *self.begun - 1, delta };
        write_event(Some("content_block_delta"), &json(&event), self.out);
    }
}

impl Write for Blocks<'_> {
    fn begin(&mut self, kind: &Kind) {
        let content_block = match kind {
            Kind::Text => WireBlock::Text { text: "", cache_control: None },
            Kind::Thought => WireBlock::Thinking { thinking: "", signature: "" },
            Kind::Withheld { data } => WireBlock::RedactedThinking { data },
            Kind::Call { id, name, .. } => {
                let (Ok(input) | Err(input)) = input("");
                WireBlock::ToolUse { id: call_id(id), name, input }
            }
        };
        let event = BlockStart { r#type: "content_block_start", index: *self.begun, content_block };
        write_event(Some("content_block_start"), &json(&event), self.out);
        *self.begun += 1;
    }

    fn more(&mut self, kind: &Kind, text: &str) {
        self.delta(match kind {
            Kind::Text => Delta::Text { text },
            Kind::Thought => Delta::Thinking { thinking: text },
            Kind::Call { .. } => Delta::InputJson { partial_json: text },
            // It was whole from the start.
            Kind::Withheld { .. } => return,
        });
    }

    fn end(&mut self, block: &Block) {
        if !block.proof.is_empty() {
            self.delta(Delta::Signature { signature: &block.proof });
        }
        let event = BlockStop { r#type: "content_block_stop", index: *self.begun - 1 };
        write_event(Some("content_block_stop"), &json(&event), self.out);
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data with string keys is always JSON")
}
