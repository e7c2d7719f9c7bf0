//! The chat completion format of `OpenAI`, as far as the demo provider reads and writes it.

use serde::Deserialize;
use serde_json::{Value, json};

// === reading ===

/// A request. Fields that change nothing for the demo are not read.
#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) stream: Option<bool>,
    #[serde(default)]
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(default)]
    pub(super) max_tokens: Option<u64>,
    #[serde(default)]
    pub(super) max_completion_tokens: Option<u64>,
    #[serde(default)]
    pub(super) stop: Option<OneOrMore>,
    #[serde(default)]
    pub(super) n: Option<u32>,
    #[serde(default)]
    pub(super) tools: Option<Vec<Tool>>,
    #[serde(default)]
    pub(super) tool_choice: Option<Value>,
    #[serde(default)]
    pub(super) response_format: Option<ResponseFormat>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    #[serde(default)]
    pub(super) content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) text: Option<String>,
}

impl Message {
    /// All text of the message.
    pub(super) fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => {
                let texts: Vec<_> = parts.iter().filter_map(|part| part.text.as_deref()).collect();
                texts.join("\n")
            }
        }
    }

    pub(super) fn images(&self) -> u64 {
        match &self.content {
            Some(Content::Parts(parts)) => parts.iter().filter(|part| part.kind == "image_url").count() as u64,
            _ => 0,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub(super) function: Function,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) parameters: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ResponseFormat {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) json_schema: Option<JsonSchema>,
}

#[derive(Debug, Deserialize)]
pub(super) struct JsonSchema {
    #[serde(default)]
    pub(super) schema: Option<Value>,
}

// === writing ===

/// A refused request: its status and the error object.
#[derive(Debug, PartialEq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl ApiError {
    pub(super) fn new(status: u16, message: impl Into<String>, param: Option<&str>, code: Option<&str>) -> Self {
        let message = message.into();
        let error = json!({"message": message, "type": "invalid_request_error", "param": param, "code": code});
        Self { status, body: json!({"error": error}) }
    }
}

/// What one choice says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) saying: Saying,
    pub(super) finish_reason: &'static str,
}

/// Text, or a call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Saying {
    Text(String),
    Call { id: String, name: String, arguments: String },
}

/// A complete answer, before it is written as one document or as a stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: &'static str,
    pub(super) choices: Vec<Choice>,
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
}

impl Answer {
    /// The answer as one document.
    pub(super) fn document(&self) -> Value {
        let choices: Vec<_> = self.choices.iter().enumerate().map(|(index, choice)| choice.document(index)).collect();
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "system_fingerprint": "demo", "choices": choices, "usage": self.usage(),
        })
    }

    /// The answer as stream events, token by token, without the terminal marker.
    pub(super) fn chunks(&self, include_usage: bool) -> Vec<Value> {
        let mut chunks = Vec::new();
        let mut push = |choices: Value, usage: Value| {
            let mut chunk = json!({
                "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
                "system_fingerprint": "demo", "choices": choices,
            });
            if include_usage {
                chunk["usage"] = usage;
            }
            chunks.push(chunk);
        };
        for (index, choice) in self.choices.iter().enumerate() {
            for (delta, finish_reason) in choice.deltas() {
                let choice = json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
                push(json!([choice]), Value::Null);
            }
        }
        if include_usage {
            push(json!([]), self.usage());
        }
        chunks
    }

    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
        })
    }
}

impl Choice {
    fn document(&self, index: usize) -> Value {
        let message = match &self.saying {
            Saying::Text(text) => json!({"role": "assistant", "content": text, "refusal": null}),
            Saying::Call { id, name, arguments } => json!({
                "role": "assistant", "content": null, "refusal": null,
                "tool_calls": [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}],
            }),
        };
        json!({"index": index, "message": message, "logprobs": null, "finish_reason": self.finish_reason})
    }

    fn deltas(&self) -> Vec<(Value, Option<&'static str>)> {
        let mut deltas = vec![(json!({"role": "assistant", "content": "", "refusal": null}), None)];
        match &self.saying {
            Saying::Text(text) => {
                deltas.extend(pieces(text).into_iter().map(|piece| (json!({"content": piece}), None)));
            }
            Saying::Call { id, name, arguments } => {
                let function = json!({"name": name, "arguments": ""});
                let start = json!({"index": 0, "id": id, "type": "function", "function": function});
                deltas[0].0["content"] = Value::Null;
                deltas.push((json!({"tool_calls": [start]}), None));
                deltas.extend(
                    pieces(arguments)
                        .into_iter()
                        .map(|piece| (json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), None)),
                );
            }
        }
        deltas.push((json!({}), Some(self.finish_reason)));
        deltas
    }
}

/// Cuts a text into what stands for tokens: words with the blank before them, long ones in parts.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    const LONGEST: usize = 8;
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, char) in text.char_indices() {
        let is_word_start = char == ' ' && at > start && !text[start..at].ends_with(' ');
        if is_word_start || at - start >= LONGEST {
            pieces.push(&text[start..at]);
            start = at;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_put_together_are_the_text(text in ".{0,200}") {
            let pieces = pieces(&text);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(pieces.concat(), text);
        }
    }

    #[test]
    fn words_keep_the_blank_before_them() {
        assert_eq!(pieces("demo here: extraordinary"), ["demo", " here:", " extraor", "dinary"]);
    }
}
