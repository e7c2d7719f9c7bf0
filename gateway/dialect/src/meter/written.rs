//! How much an answer that is passed on has written, in any vendor's words: for those that tell no usage.
//!
//! Only text that a model has written counts, and what stands in an answer twice counts once. What has a shape that is
//! not known here is judged by its length.

use domain::tokens::TokenEstimator;

use crate::json::Node;

/// Bytes of an answer that make a token at most.
const BYTES_PER_TOKEN: u64 = 4;

/// What has been written so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    text: TokenEstimator,
    /// It has a shape that is known, so that its text is all that was written.
    is_known: bool,
    bytes: u64,
}

impl Written {
    /// So many bytes have come.
    pub(super) const fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// What can be read in it is not all of it.
    pub(super) const fn is_beyond_reading(&mut self) {
        self.is_known = false;
    }

    /// The estimate for the text that could be read.
    pub(super) const fn text_tokens(&self) -> u64 {
        self.text.tokens()
    }

    /// The estimate for the answer.
    pub(super) fn tokens(&self) -> u64 {
        if self.is_known { self.text.tokens() } else { self.text.tokens().max(self.bytes / BYTES_PER_TOKEN) }
    }

    /// Reads a document, or an event of a stream.
    pub(super) fn note(&mut self, node: &Node<'_>) {
        for choice in items(node, "choices") {
            self.is_known = true;
            self.add(choice.str_of("text"));
            for place in [choice.get("delta"), choice.get("message")].into_iter().flatten() {
                self.note_speech(place);
            }
        }
        for candidate in items(node, "candidates") {
            self.is_known = true;
            for part in candidate.get("content").map(|content| items(content, "parts")).unwrap_or_default() {
                self.add(part.str_of("text"));
                self.add(part.get("functionCall").map(|call| call.raw));
            }
        }
        match node.str_of("type") {
            Some("message") => self.note_blocks(node),
            Some("content_block_start") => self.note_block(node.get("content_block")),
            Some("content_block_delta") => self.note_block(node.get("delta")),
            Some("message_start") => self.is_known = true,
            Some(kind) if kind.starts_with("response.") => self.note_event(kind, node),
            Some(_) | None if node.str_of("object") == Some("response") => self.note_output(node),
            Some(_) | None => {}
        }
    }

    fn add(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            self.text.add_text(text);
        }
    }

    /// A message of OpenAI's chat, or a part of it.
    fn note_speech(&mut self, place: &Node<'_>) {
        self.add(place.str_of("content"));
        for part in items(place, "content") {
            self.add(part.str_of("text"));
        }
        // Some servers send both.
        let thought = place.str_of("reasoning_content").filter(|thought| !thought.is_empty());
        self.add(thought.or_else(|| place.str_of("reasoning")));
        self.add(place.str_of("refusal"));
        let calls = items(place, "tool_calls").iter().filter_map(|call| call.get("function"));
        for function in calls.chain(place.get("function_call")) {
            self.add(function.str_of("name"));
            self.add(function.str_of("arguments"));
        }
    }

    fn note_blocks(&mut self, message: &Node<'_>) {
        self.is_known = true;
        for block in items(message, "content") {
            self.note_block(Some(block));
            self.add(block.get("input").map(|input| input.raw));
        }
    }

    /// A block of Anthropic's, its beginning, or more of it.
    fn note_block(&mut self, block: Option<&Node<'_>>) {
        self.is_known = true;
        for name in ["text", "thinking", "name", "partial_json"] {
            self.add(block.and_then(|block| block.str_of(name)));
        }
    }

    /// An event of Responses.
    fn note_event(&mut self, kind: &str, event: &Node<'_>) {
        self.is_known = true;
        let (what, step) = kind.rsplit_once('.').unwrap_or_default();
        let is_sound = what.ends_with("audio");
        match (step, event.get("response")) {
            ("delta", _) if !is_sound => self.add(event.str_of("delta")),
            ("completed" | "incomplete", Some(response)) if self.text.is_empty() => self.note_output(response),
            _ => {}
        }
    }

    fn note_output(&mut self, response: &Node<'_>) {
        self.is_known = true;
        for item in items(response, "output") {
            for name in ["name", "arguments", "input"] {
                self.add(item.str_of(name));
            }
            for part in items(item, "content").iter().chain(items(item, "summary")) {
                self.add(part.str_of("text").or_else(|| part.str_of("refusal")));
            }
        }
    }
}

fn items<'a, 'b>(node: &'b Node<'a>, name: &str) -> &'b [Node<'a>] {
    node.get(name).map(Node::items).unwrap_or_default()
}

#[cfg(test)]
mod tests;
