//! An upstream's events: blocks begun, continued and ended, usage that adds up, and how it ends.

use super::super::decode::refusal;
use super::super::error::status_of;
use super::super::types::stop_reason;
use super::super::unsaid;
use super::super::usage::Counts;
use crate::UpstreamError;
use crate::canonical::{Event, Part};
use crate::json::{Escapes, Node, checked_utf8};
use crate::sse::SseEvent;
use crate::stream::{Decode, StreamFault};

/// Reads an upstream's events.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    counts: Counts,
    /// The calls that have begun, in order.
    calls: Vec<Call>,
}

/// A call that has begun.
#[derive(Debug)]
struct Call {
    /// The block's index.
    index: u64,
    /// Arguments that came with the block's start: they count only if no more follow.
    whole: Option<String>,
}

/// The dialect gives one answer.
const CHOICE: u64 = 0;

impl Decode for Decoder {
    fn event(&mut self, event: SseEvent<'_>, said: &mut Vec<Event>) -> Result<(), StreamFault> {
        let malformed = |fault: &dyn std::fmt::Display| StreamFault::Malformed { reason: fault.to_string() };
        if event.name == b"error" {
            return Err(upstream_error(event.data));
        }
        let text = checked_utf8(event.data).map_err(|fault| malformed(&fault))?;
        let node = Node::parse(text, Escapes::Lenient).map_err(|fault| malformed(&fault))?;
        match node.str_of("type").unwrap_or_default() {
            "error" => return Err(upstream_error(event.data)),
            "message_start" => self.start(&node, said),
            "content_block_start" => self.block_start(&node, said),
            "content_block_delta" => self.block_delta(&node, said),
            "content_block_stop" => self.block_stop(&node, said),
            "message_delta" => self.message_delta(&node, said),
            "message_stop" => said.push(Event::End),
            // Pings, and what was invented since; an error under another name is none of these.
            _ if node.get("error").is_some() => return Err(upstream_error(event.data)),
            _ => {}
        }
        Ok(())
    }

    fn usage_so_far(&self) -> Option<domain::Usage> {
        self.counts.usage()
    }

    fn finish_suffices(&self) -> bool {
        false
    }
}

fn upstream_error(data: &[u8]) -> StreamFault {
    let error = UpstreamError::parse(data);
    let status = error.status.or_else(|| error.kind.as_deref().and_then(status_of));
    StreamFault::Upstream(UpstreamError { status, ..error })
}

impl Decoder {
    fn start(&mut self, node: &Node<'_>, said: &mut Vec<Event>) {
        let Some(message) = node.get("message") else { return };
        if let Some(usage) = message.get("usage") {
            self.counts.take(usage);
        }
        said.push(Event::Start { id: message.string_of("id"), model: message.string_of("model") });
    }

    fn block_start(&mut self, node: &Node<'_>, said: &mut Vec<Event>) {
        let Some(block) = node.get("content_block") else { return };
        let text = |name: &str| block.string_of(name).filter(|text| !text.is_empty());
        said.extend(unsaid::of_block(index_of(node), block).map(Event::Unsaid));
        match block.str_of("type").unwrap_or_default() {
            "text" => said.extend(text("text").map(|text| Event::text(CHOICE, text))),
            "thinking" => {
                said.extend(text("thinking").map(|text| Event::Reasoning { choice: CHOICE, text }));
                said.extend(text("signature").map(proof));
            }
            "redacted_thinking" => said.extend(text("data").map(|signature| Event::ReasoningSignature {
                choice: CHOICE,
                signature,
                redacted: true,
            })),
            "tool_use" => {
                let call = self.calls.len();
                let whole = Some(block.get("input").map_or("{}", |input| input.raw).to_owned());
                self.calls.push(Call { index: index_of(node), whole });
                said.push(Event::ToolCall {
                    choice: CHOICE,
                    call,
                    id: text("id").unwrap_or_default(),
                    name: block.string_of("name").unwrap_or_default(),
                    signature: None,
                });
            }
            // Calls that run at the provider, and their results.
            _ => {}
        }
    }

    fn block_delta(&mut self, node: &Node<'_>, said: &mut Vec<Event>) {
        let Some(delta) = node.get("delta") else { return };
        let text = |name: &str| delta.string_of(name).filter(|text| !text.is_empty());
        match delta.str_of("type").unwrap_or_default() {
            "text_delta" => said.extend(text("text").map(|text| Event::text(CHOICE, text))),
            "thinking_delta" => said.extend(text("thinking").map(|text| Event::Reasoning { choice: CHOICE, text })),
            "signature_delta" => said.extend(text("signature").map(proof)),
            "input_json_delta" => {
                let (Some(call), Some(text)) = (self.call(node), text("partial_json")) else { return };
                self.calls[call].whole = None;
                said.push(Event::Arguments { choice: CHOICE, call, text });
            }
            "citations_delta" => said.push(Event::Unsaid(unsaid::citations(index_of(node)))),
            // What was invented since.
            _ => {}
        }
    }

    fn block_stop(&mut self, node: &Node<'_>, said: &mut Vec<Event>) {
        let Some(call) = self.call(node) else { return };
        let whole = self.calls[call].whole.take();
        said.extend(whole.map(|text| Event::Arguments { choice: CHOICE, call, text }));
    }

    fn message_delta(&mut self, node: &Node<'_>, said: &mut Vec<Event>) {
        if let Some(usage) = node.get("usage") {
            self.counts.take(usage);
        }
        said.extend(self.counts.usage().map(Event::Usage));
        let Some(delta) = node.get("delta") else { return };
        let Some(word) = delta.str_of("stop_reason") else { return };
        if let Some(Part::Refusal { text }) = refusal(delta) {
            said.push(Event::Refusal { choice: CHOICE, text });
        }
        said.push(Event::Finish { choice: CHOICE, reason: stop_reason(word, delta.str_of("stop_sequence")) });
    }

    /// The call of a block, if it is one; the last that began there, should an index come twice.
    fn call(&self, node: &Node<'_>) -> Option<usize> {
        let index = index_of(node);
        self.calls.iter().rposition(|call| call.index == index)
    }
}

fn proof(signature: String) -> Event {
    Event::ReasoningSignature { choice: CHOICE, signature, redacted: false }
}

fn index_of(node: &Node<'_>) -> u64 {
    node.count_of("index").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{Lost, StopReason};
    use domain::Usage;

    fn read(events: &[&str]) -> Result<Vec<Event>, StreamFault> {
        let mut decoder = Decoder::default();
        let mut said = Vec::new();
        for data in events {
            decoder.event(SseEvent { name: b"", data: data.as_bytes() }, &mut said)?;
        }
        Ok(said)
    }

    #[track_caller]
    fn check(events: &[&str], expected: &[Event]) {
        assert_eq!(read(events).as_deref(), Ok(expected));
    }

    #[test]
    fn calls_are_counted_among_calls_not_blocks() {
        let call = |call, id: &str| Event::ToolCall {
            choice: 0,
            call,
            id: id.to_owned(),
            name: "look".to_owned(),
            signature: None,
        };
        let more = |call, text: &str| Event::Arguments { choice: 0, call, text: text.to_owned() };
        check(
            &[
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"look","input":{}}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}"#,
                r#"{"type":"content_block_stop","index":1}"#,
                r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"look","input":{}}}"#,
                r#"{"type":"content_block_stop","index":2}"#,
            ],
            &[call(0, "a"), more(0, r#"{"x":1}"#), call(1, "b"), more(1, "{}")],
        );
    }

    #[test]
    fn usage_adds_up_over_the_stream_and_comes_before_the_end() {
        let usage = Usage { prompt_tokens: 15, cached_tokens: 5, completion_tokens: 9, ..Usage::default() };
        check(
            &[
                r#"{"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}"#,
                r#"{"type":"ping"}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END"},"usage":{"output_tokens":9}}"#,
                r#"{"type":"message_stop"}"#,
            ],
            &[
                Event::Start { id: Some("msg_1".to_owned()), model: Some("m".to_owned()) },
                Event::Usage(usage),
                Event::Finish { choice: 0, reason: StopReason::StopSequence(Some("END".to_owned())) },
                Event::End,
            ],
        );
    }

    #[test]
    fn thoughts_keep_their_proof_and_withheld_ones_their_data() {
        let proof = |signature: &str, redacted| Event::ReasoningSignature {
            choice: 0,
            signature: signature.to_owned(),
            redacted,
        };
        check(
            &[
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"so"}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"ZW5j"}}"#,
            ],
            &[Event::Reasoning { choice: 0, text: "so".to_owned() }, proof("c2ln", false), proof("ZW5j", true)],
        );
    }

    #[test]
    fn calls_that_run_at_the_provider_are_not_ours() {
        check(
            &[
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
            ],
            &[Event::Unsaid(Lost {
                path: "choices[0].content[0]".to_owned(),
                reason: "blocks of tools that run at the provider are not told in another dialect",
            })],
        );
    }

    #[test]
    fn errors_have_the_status_of_their_word() {
        let fault = read(&[r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#]);
        let Err(StreamFault::Upstream(error)) = fault else { panic!("an error") };
        assert_eq!((error.message.as_str(), error.status), ("Overloaded", Some(529)));
    }

    #[test]
    fn a_refusal_is_told_in_words_where_there_are_any() {
        check(
            &[
                r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":"no"}},"usage":{}}"#,
            ],
            &[
                Event::Refusal { choice: 0, text: "no".to_owned() },
                Event::Finish { choice: 0, reason: StopReason::Refusal },
            ],
        );
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        assert!(matches!(read(&["{"]), Err(StreamFault::Malformed { .. })));
    }
}
