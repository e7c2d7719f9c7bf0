//! Words of the chat dialect, both ways.

use crate::canonical::{Part, StopReason};
use crate::json::Node;

/// Why an answer ended, from the dialect's word.
pub(super) fn stop_reason(word: &str) -> StopReason {
    match word {
        "stop" => StopReason::Stop,
        "length" => StopReason::Length,
        "tool_calls" | "function_call" => StopReason::ToolCalls,
        "content_filter" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The dialect's word for why an answer ended.
pub(super) const fn finish_reason(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Stop | StopReason::StopSequence(_) | StopReason::Pause | StopReason::Other(_) => "stop",
        StopReason::Length => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::ContentFilter | StopReason::Refusal => "content_filter",
    }
}

/// The media type of a sound format: `wav`.
pub(super) fn audio_type(format: &str) -> String {
    format!("audio/{format}")
}

/// The sound format of a media type: `wav`, `mp3`.
pub(super) fn audio_format(media_type: &str) -> &str {
    match media_type.strip_prefix("audio/").unwrap_or(media_type) {
        "mpeg" => "mp3",
        "x-wav" | "wave" => "wav",
        format => format,
    }
}

/// A name for a call that has none: by its choice and place, so that the same bytes give the same name.
pub(crate) fn made_up_id(choice: u64, call: usize) -> String {
    format!("call_{choice}_{call}")
}

/// One of `reasoning_details`, in which compatible servers keep thoughts with their proofs.
pub(super) fn thought_of(detail: &Node<'_>) -> Option<Part> {
    match detail.str_of("type")? {
        "reasoning.text" => Some(Part::Reasoning {
            text: detail.string_of("text").unwrap_or_default(),
            signature: detail.string_of("signature"),
            redacted: false,
        }),
        "reasoning.summary" => Some(Part::Reasoning {
            text: detail.string_of("summary").unwrap_or_default(),
            signature: None,
            redacted: false,
        }),
        "reasoning.encrypted" => {
            Some(Part::Reasoning { text: String::new(), signature: Some(detail.string_of("data")?), redacted: true })
        }
        _ => None,
    }
}

/// The proof of thought in a call's `extra_content`, where Google's compatible server keeps it.
pub(super) fn signature_of(extra: &Node<'_>) -> Option<String> {
    extra.get("google")?.string_of("thought_signature")
}
