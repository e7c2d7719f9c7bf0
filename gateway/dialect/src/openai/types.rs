//! Words of the chat dialect, both ways, and the shapes that answers and requests share.

use std::borrow::Cow;

use serde::Serialize;

use crate::canonical::{Part, StopReason};
use crate::json::Node;

/// Why an answer ended, from the dialect's word; a refusal in words has none of its own.
pub(super) fn stop_reason(word: &str, has_refusal: bool) -> StopReason {
    match word {
        "stop" if has_refusal => StopReason::Refusal,
        "stop" => StopReason::Stop,
        "length" => StopReason::Length,
        "tool_calls" | "function_call" => StopReason::ToolCalls,
        "content_filter" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The dialect's word for why an answer ended. One that refused in words ended as any other.
pub(super) const fn finish_reason(reason: &StopReason, has_refusal: bool) -> &'static str {
    match reason {
        StopReason::Refusal if has_refusal => "stop",
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

/// The thoughts of a message, of its plain text and its `reasoning_details`. Of a stream, clients keep the words in the
/// one and the proof, with no words, in the other: then they belong together.
pub(super) fn thoughts(details: Vec<Part>, text: Option<String>) -> Vec<Part> {
    let is_told = details.iter().any(|part| matches!(part, Part::Reasoning { text, .. } if !text.is_empty()));
    let mut thoughts = details;
    if let Some(words) = text.filter(|text| !text.is_empty() && !is_told) {
        let wordless = thoughts.iter_mut().find_map(|part| match part {
            Part::Reasoning { text, redacted: false, .. } => Some(text),
            _ => None,
        });
        match wordless {
            Some(text) => *text = words,
            None => thoughts.insert(0, Part::Reasoning { text: words, signature: None, redacted: false }),
        }
    }
    thoughts
}

/// What the `content` of an answer says: a text, or the parts that some servers send, thoughts among them.
pub(super) fn content_of(content: &Node<'_>) -> Vec<Part> {
    match content.str() {
        Some("") => Vec::new(),
        Some(text) => vec![Part::text(text)],
        None => content.items().iter().filter_map(content_part).collect(),
    }
}

pub(super) fn content_part(part: &Node<'_>) -> Option<Part> {
    if let Some(text) = part.string_of("text") {
        return Some(Part::text(text));
    }
    let thinking = part.get("thinking")?;
    let texts = thinking.items().iter().filter_map(|it| it.str_of("text"));
    let text = thinking.str().map_or_else(|| texts.collect(), str::to_owned);
    Some(Part::Reasoning { text, signature: None, redacted: false })
}

// === Shapes ===

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Thought<'a> {
    #[serde(rename = "reasoning.text")]
    Text { text: &'a str, signature: &'a str },
    #[serde(rename = "reasoning.encrypted")]
    Encrypted { data: &'a str },
}

impl<'a> Thought<'a> {
    pub(super) const fn of(text: &'a str, signature: &'a str, redacted: bool) -> Self {
        if redacted { Self::Encrypted { data: signature } } else { Self::Text { text, signature } }
    }
}

#[derive(Serialize)]
pub(super) struct WireCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<usize>,
    pub(super) id: Cow<'a, str>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Function<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_content: Option<Extra<'a>>,
}

#[derive(Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct Extra<'a> {
    google: Google<'a>,
}

#[derive(Serialize)]
struct Google<'a> {
    thought_signature: &'a str,
}

impl<'a> Extra<'a> {
    pub(super) fn of(signature: Option<&'a String>) -> Option<Self> {
        signature.map(|signature| Self { google: Google { thought_signature: signature } })
    }
}
