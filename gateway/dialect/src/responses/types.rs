//! Words and shapes of the Responses dialect, both ways.

use domain::Usage;
use serde::Serialize;

use crate::Echo;
use crate::canonical::{Part, StopReason};
use crate::json::Node;
use crate::responses::logprobs::Tokens;
use crate::responses::usage::WireUsage;

// === Words ===

/// The status of what was cut off.
pub(super) const INCOMPLETE: &str = "incomplete";

/// What an answer asks to be included, so that thoughts can be sent back by a caller who keeps the conversation.
pub(super) const ENCRYPTED_REASONING: &str = "reasoning.encrypted_content";
/// What asks for log probabilities.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";

/// Whether a proof of thoughts is one that this dialect's own servers made: they refuse every other. Their tokens are
/// Fernet's, which begin with a version byte and the high bytes of a time.
pub(super) fn is_own_proof(signature: &str) -> bool {
    signature.starts_with("gAAAA")
}

/// Why an answer ended, from the response object.
pub(super) fn stop_reason(response: &Node<'_>, has_calls: bool, has_refusal: bool) -> StopReason {
    if response.str_of("status") != Some(INCOMPLETE) {
        return match (has_calls, has_refusal) {
            (true, _) => StopReason::ToolCalls,
            (false, true) => StopReason::Refusal,
            (false, false) => StopReason::Stop,
        };
    }
    match response.get("incomplete_details").and_then(|it| it.str_of("reason")) {
        Some("max_output_tokens" | "max_tokens") | None => StopReason::Length,
        Some("content_filter") => StopReason::ContentFilter,
        Some(other) => StopReason::Other(other.to_owned()),
    }
}

/// The status of an answer that ended so, and what made it incomplete.
pub(super) const fn status(stop: &StopReason, has_refusal: bool) -> (&'static str, Option<&'static str>) {
    match stop {
        StopReason::Length => (INCOMPLETE, Some("max_output_tokens")),
        StopReason::ContentFilter => (INCOMPLETE, Some("content_filter")),
        // A refusal without words has no other place here.
        StopReason::Refusal if !has_refusal => (INCOMPLETE, Some("content_filter")),
        StopReason::Stop
        | StopReason::StopSequence(_)
        | StopReason::ToolCalls
        | StopReason::Refusal
        | StopReason::Pause
        | StopReason::Other(_) => ("completed", None),
    }
}

/// The status of what was being said when an answer ended so.
pub(super) const fn item_status(stop: &StopReason) -> &'static str {
    match stop {
        StopReason::Length | StopReason::ContentFilter => INCOMPLETE,
        StopReason::Stop
        | StopReason::StopSequence(_)
        | StopReason::ToolCalls
        | StopReason::Refusal
        | StopReason::Pause
        | StopReason::Other(_) => "completed",
    }
}

/// The thoughts of a `reasoning` item: its words, or the summary of them.
pub(super) fn thought_of(item: &Node<'_>) -> Part {
    let texts = |member: &str| -> Vec<String> {
        item.get(member).map(Node::items).unwrap_or_default().iter().filter_map(|part| part.string_of("text")).collect()
    };
    let content = texts("content");
    let told = if content.is_empty() { texts("summary") } else { content };
    let signature = item.string_of("encrypted_content").filter(|it| !it.is_empty());
    let redacted = told.is_empty() && signature.is_some();
    Part::Reasoning { text: told.join(PARAGRAPH), signature, redacted }
}

/// What stands between two parts of a summary told as one text.
pub(super) const PARAGRAPH: &str = "\n\n";

/// The proof of thought beside a call, where we have put it for another dialect's sake.
pub(super) fn call_signature(item: &Node<'_>) -> Option<String> {
    item.get("extra_content")?.get("google")?.string_of("thought_signature")
}

// === Shapes of an answer ===

/// An item of the output.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'a> {
    Message {
        id: &'a str,
        status: &'static str,
        role: &'static str,
        content: Vec<Content<'a>>,
    },
    Reasoning {
        id: &'a str,
        summary: Vec<Summary<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        id: &'a str,
        status: &'static str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        extra_content: Option<Extra<'a>>,
    },
}

/// A part of a message.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content<'a> {
    OutputText { text: &'a str, annotations: [&'static str; 0], logprobs: &'a Tokens },
    Refusal { refusal: &'a str },
}

impl<'a> Content<'a> {
    pub(super) const fn text(text: &'a str, logprobs: &'a Tokens) -> Self {
        Self::OutputText { text, annotations: [], logprobs }
    }
}

/// A part of a summary of thoughts.
#[derive(Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct Summary<'a> {
    pub(super) text: &'a str,
}

/// Members of other dialects beside a call.
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

/// The response object.
#[derive(Serialize)]
pub(super) struct WireResponse<'a> {
    pub(super) id: &'a str,
    object: &'static str,
    created_at: i64,
    status: &'static str,
    error: Option<()>,
    incomplete_details: Option<Incomplete>,
    model: &'a str,
    output: Vec<Item<'a>>,
    #[serde(flatten)]
    echo: &'a Echo,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

impl<'a> WireResponse<'a> {
    pub(super) const fn new(id: &'a str, created_at: i64, model: &'a str, echo: &'a Echo) -> Self {
        Self {
            id,
            object: "response",
            created_at,
            status: "in_progress",
            error: None,
            incomplete_details: None,
            model,
            output: Vec::new(),
            echo,
            usage: None,
        }
    }

    /// The response when it has ended.
    pub(super) fn ended(self, stop: &StopReason, output: Vec<Item<'a>>, usage: Option<Usage>) -> Self {
        let has_refusal = output.iter().any(Item::has_refusal);
        let (status, reason) = status(stop, has_refusal);
        Self {
            status,
            incomplete_details: reason.map(|reason| Incomplete { reason }),
            output,
            usage: usage.map(WireUsage::from),
            ..self
        }
    }

    /// The event that tells it: `response.completed`, `response.incomplete`.
    pub(super) fn closing_event(&self) -> &'static str {
        if self.status == INCOMPLETE { "response.incomplete" } else { "response.completed" }
    }
}

impl Item<'_> {
    fn has_refusal(&self) -> bool {
        let Self::Message { content, .. } = self else { return false };
        content.iter().any(|part| matches!(part, Content::Refusal { .. }))
    }
}

/// What a call says of its arguments: clients parse the text, so that none are an empty object, unless the call was cut
/// off before they came.
pub(super) fn arguments_of_call<'a>(arguments: &'a str, status: &str) -> &'a str {
    if arguments.is_empty() && status != INCOMPLETE { "{}" } else { arguments }
}

/// Names of items: the answer's own name less its prefix, and the place of the item.
pub(super) fn item_id(prefix: &str, answer: &str, place: usize) -> String {
    let stem = answer.rsplit(['_', '-']).next().unwrap_or(answer);
    format!("{prefix}_{stem}_{place}")
}

/// Whether an item bears a name of ours: a prefix, a stem and a place. The vendor's have no place.
pub(super) fn is_item_id(id: &str) -> bool {
    let place = id.rsplit_once('_').filter(|(stem, _)| stem.contains('_'));
    place.is_some_and(|(_, place)| !place.is_empty() && place.len() <= 6 && place.bytes().all(|it| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Escapes;

    #[track_caller]
    fn stops(response: &str, expected: &StopReason) {
        let node = Node::parse(response, Escapes::Lenient).unwrap();
        assert_eq!(stop_reason(&node, false, false), *expected, "{response}");
    }

    #[test]
    fn an_incomplete_response_says_why() {
        stops(r#"{"status":"completed"}"#, &StopReason::Stop);
        stops(r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#, &StopReason::Length);
        stops(
            r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#,
            &StopReason::ContentFilter,
        );
        stops(
            r#"{"status":"incomplete","incomplete_details":{"reason":"boredom"}}"#,
            &StopReason::Other("boredom".into()),
        );
        stops(r#"{"status":"incomplete"}"#, &StopReason::Length);
    }

    #[test]
    fn items_are_named_after_the_answer() {
        assert_eq!(item_id("msg", "resp_abc", 2), "msg_abc_2");
        assert_eq!(item_id("msg", "chatcmpl-abc", 0), "msg_abc_0");
        assert!(is_item_id(&item_id("rs", "resp_abc", 2)));
        assert!(!is_item_id("rs_68af0123456789abcdef") && !is_item_id("rs_123456") && !is_item_id("rs_abc_"));
    }
}
