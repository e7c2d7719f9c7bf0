//! Words and shapes of the Messages dialect, both ways.

use std::borrow::Cow;

use serde::Serialize;

use crate::canonical::{Json, StopReason};

// === Stop reasons ===

/// Why an answer ended, from the dialect's words.
pub(super) fn stop_reason(word: &str, sequence: Option<&str>) -> StopReason {
    match word {
        "end_turn" => StopReason::Stop,
        "stop_sequence" => StopReason::StopSequence(sequence.map(str::to_owned)),
        // The second: the context was full before the limit was reached.
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "tool_use" => StopReason::ToolCalls,
        "pause_turn" => StopReason::Pause,
        "refusal" => StopReason::Refusal,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The dialect's words for why an answer ended.
#[derive(Serialize)]
pub(super) struct Stop<'a> {
    pub(super) stop_reason: &'static str,
    pub(super) stop_sequence: Option<&'a str>,
}

impl<'a> Stop<'a> {
    /// Others call it a plain stop when they end with calls or a refusal; clients here go by this word alone.
    pub(super) fn of(reason: &'a StopReason, called: bool, refused: bool) -> Self {
        let (stop_reason, stop_sequence) = match reason {
            StopReason::Stop | StopReason::Other(_) if called => ("tool_use", None),
            StopReason::Stop | StopReason::Other(_) if refused => ("refusal", None),
            StopReason::Stop | StopReason::Other(_) => ("end_turn", None),
            StopReason::StopSequence(sequence) => ("stop_sequence", sequence.as_deref()),
            StopReason::Length => ("max_tokens", None),
            StopReason::ToolCalls => ("tool_use", None),
            StopReason::ContentFilter | StopReason::Refusal => ("refusal", None),
            StopReason::Pause => ("pause_turn", None),
        };
        Self { stop_reason, stop_sequence }
    }
}

// === Content ===

/// A content block.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Json>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Json>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Json>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Json,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Json>,
    },
}

/// Where an image or a document comes from.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
    Text { media_type: &'static str, data: String },
}

/// The name of a call in the letters that the dialect takes, the same for the call and its result.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    let is_taken = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    match id {
        "" => Cow::Borrowed("call"),
        _ if id.chars().all(is_taken) => Cow::Borrowed(id),
        _ => Cow::Owned(id.chars().map(|letter| if is_taken(letter) { letter } else { '_' }).collect()),
    }
}

/// The arguments of a call, which must be an object here; `Err` = they are none, and stand in one as text.
pub(super) fn input(arguments: &str) -> Result<Json, Json> {
    let text = arguments.trim_ascii();
    if text.is_empty() {
        return Ok(Json::parse("{}").expect("an object"));
    }
    let object = Json::parse(text).filter(|_| text.starts_with('{'));
    object.ok_or_else(|| {
        let wrapped = serde_json::json!({ "arguments": arguments });
        Json::parse(wrapped.to_string()).expect("an object of one text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_calls_get_letters_that_are_taken() {
        assert_eq!(call_id("toolu_01-a"), "toolu_01-a");
        assert_eq!(call_id("call.1:é"), "call_1__");
        assert_eq!(call_id(""), "call");
    }

    #[test]
    fn arguments_that_are_no_object_stand_in_one() {
        assert_eq!(input(" {\"a\":1}").map(|it| it.as_str().to_owned()), Ok(r#"{"a":1}"#.to_owned()));
        assert_eq!(input("").map(|it| it.as_str().to_owned()), Ok("{}".to_owned()));
        assert_eq!(input(r#"{"a"#).map_err(|it| it.as_str().to_owned()), Err(r#"{"arguments":"{\"a"}"#.to_owned()));
    }

    #[test]
    fn a_plain_stop_after_calls_is_a_stop_for_them() {
        assert_eq!(Stop::of(&StopReason::Stop, true, false).stop_reason, "tool_use");
        assert_eq!(Stop::of(&StopReason::Stop, false, true).stop_reason, "refusal");
        assert_eq!(Stop::of(&StopReason::Length, true, false).stop_reason, "max_tokens");
    }
}
