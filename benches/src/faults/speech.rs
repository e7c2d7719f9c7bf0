//! The four dialects, from both sides: what a caller asks and how it reads the answer, and what an upstream answers.

use serde_json::{Value, json};

use crate::faults::events;
pub use crate::faults::events::Script;

/// A dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Speech {
    /// OpenAI chat completions.
    Openai,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
}

/// Tokens that an upstream says it has taken and given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Tokens read.
    pub prompt: u64,
    /// Tokens written.
    pub completion: u64,
}

/// What a caller makes of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The text.
    pub text: String,
    /// The answer says that it is complete.
    pub terminal: bool,
    /// It says that something went wrong.
    pub error: bool,
    /// Events that are no JSON.
    pub garbage: usize,
}

impl Speech {
    /// Every dialect.
    pub const ALL: [Self; 4] = [Self::Openai, Self::Responses, Self::Anthropic, Self::Gemini];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Responses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// Its slug in names of providers, which take no underscore.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// Where a caller sends its request.
    pub const fn path(self, stream: bool) -> &'static str {
        match self {
            Self::Openai => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Anthropic => "/v1/messages",
            Self::Gemini if stream => "/v1beta/models/auto:streamGenerateContent?alt=sse",
            Self::Gemini => "/v1beta/models/auto:generateContent",
        }
    }

    /// A request for an answer to a prompt, from these candidates.
    pub fn ask(self, prompt: &str, stream: bool, models: &[String]) -> String {
        let turn = json!([{"role": "user", "content": prompt}]);
        let body = match self {
            Self::Openai => json!({"model": "auto", "models": models, "stream": stream, "messages": turn}),
            Self::Responses => json!({"model": "auto", "models": models, "stream": stream, "input": prompt}),
            Self::Anthropic => {
                json!({"model": "auto", "models": models, "stream": stream, "max_tokens": 200, "messages": turn})
            }
            Self::Gemini => json!({"models": models, "contents": [{"role": "user", "parts": [{"text": prompt}]}]}),
        };
        body.to_string()
    }

    /// A whole answer.
    pub fn answer(self, model: &str, spent: Spent) -> Value {
        events::answer(self, model, spent)
    }

    /// A streamed answer.
    pub fn stream(self, model: &str, spent: Spent) -> Script {
        events::stream(self, model, spent)
    }

    /// An error in the midst of a stream.
    pub fn error_event(self) -> String {
        events::error_event(self)
    }

    /// What ends a stream without a word of why the answer ends.
    pub fn bare_marker(self) -> String {
        events::bare_marker(self)
    }

    /// What stands in every good answer.
    pub fn text() -> String {
        events::WORDS.concat()
    }

    /// Reads a whole answer.
    pub fn read_whole(self, body: &str) -> Reading {
        let Ok(value) = serde_json::from_str::<Value>(body) else {
            return Reading { garbage: 1, ..Reading::default() };
        };
        let error = value.get("error").is_some_and(|error| !error.is_null());
        let (text, end) = match self {
            Self::Openai => (&value["choices"][0]["message"]["content"], &value["choices"][0]["finish_reason"]),
            Self::Responses => (&value["output"][0]["content"][0]["text"], &value["status"]),
            Self::Anthropic => (&value["content"][0]["text"], &value["stop_reason"]),
            Self::Gemini => {
                (&value["candidates"][0]["content"]["parts"][0]["text"], &value["candidates"][0]["finishReason"])
            }
        };
        let text = text.as_str().unwrap_or_default().to_owned();
        Reading { text, terminal: end.is_string() && !error, error, garbage: 0 }
    }

    /// Reads a stream, however far it came.
    pub fn read_stream(self, body: &str) -> Reading {
        let mut reading = Reading::default();
        let lines = body.lines().filter_map(|line| line.strip_prefix("data:"));
        for data in lines.map(str::trim).filter(|data| !data.is_empty()) {
            if data == "[DONE]" {
                reading.terminal |= self == Self::Openai;
                continue;
            }
            match serde_json::from_str::<Value>(data) {
                Ok(event) => self.read_event(&event, &mut reading),
                Err(_) => reading.garbage += 1,
            }
        }
        reading
    }

    fn read_event(self, event: &Value, reading: &mut Reading) {
        let kind = event["type"].as_str().unwrap_or_default();
        let is_delta = |wanted: &str| kind == wanted;
        let text = match self {
            Self::Openai => &event["choices"][0]["delta"]["content"],
            Self::Responses if is_delta("response.output_text.delta") => &event["delta"],
            Self::Anthropic if is_delta("content_block_delta") => &event["delta"]["text"],
            Self::Gemini => &event["candidates"][0]["content"]["parts"][0]["text"],
            Self::Responses | Self::Anthropic => &Value::Null,
        };
        reading.text.push_str(text.as_str().unwrap_or_default());
        reading.error |= match self {
            Self::Openai | Self::Gemini => event.get("error").is_some(),
            Self::Responses => matches!(kind, "error" | "response.failed"),
            Self::Anthropic => kind == "error",
        };
        reading.terminal |= match self {
            Self::Openai => false,
            Self::Responses => matches!(kind, "response.completed" | "response.incomplete"),
            Self::Anthropic => kind == "message_stop",
            Self::Gemini => event["candidates"][0]["finishReason"].is_string(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPENT: Spent = Spent { prompt: 10, completion: 5 };

    #[test]
    fn good_answers_are_read_as_such() {
        let expected = Reading { text: Speech::text(), terminal: true, error: false, garbage: 0 };
        for speech in Speech::ALL {
            assert_eq!(speech.read_whole(&speech.answer("m", SPENT).to_string()), expected, "{speech:?}");
            assert_eq!(speech.read_stream(&speech.stream("m", SPENT).events.concat()), expected, "{speech:?}");
        }
    }

    #[test]
    fn a_stream_is_not_complete_before_its_end() {
        for speech in Speech::ALL {
            let script = speech.stream("m", SPENT);
            let begun = script.events[..=script.first_content].concat();
            assert_eq!(speech.read_stream(&begun).text, "Alpha ", "{speech:?}");
            let cut = script.events[..script.finish].concat();
            assert!(!speech.read_stream(&cut).terminal, "{speech:?}");
            let told = speech.read_stream(&format!("{cut}{}", speech.error_event()));
            assert!(told.error && !told.terminal, "{speech:?}");
        }
    }
}
