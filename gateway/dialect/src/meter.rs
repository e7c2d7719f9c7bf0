//! Listens to an answer that is passed on as it is: what it consumed and which model it names, in any vendor's words.
//!
//! Never changes or delays a byte, and never fails: what cannot be understood counts as not said.

mod written;

use domain::Usage;

use crate::anthropic::usage::Counts;
use crate::json::{Escapes, Node, checked_utf8};
use crate::meter::written::Written;
use crate::sse::{SseFault, SseParser};
use crate::usage::{believed, later};
use crate::{Dialect, gemini, openai, responses};

/// A whole document is kept up to this many bytes; of a longer one nothing is known.
const DOCUMENT: usize = 8 << 20;
const EVENT: usize = 1 << 20;

/// Listens to one answer.
#[derive(Debug)]
pub struct Meter {
    form: Form,
    heard: Heard,
}

/// What an answer said of itself.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// What it consumed, if it said and it can be true: zeros too, where no words stand beside them.
    pub usage: Option<Usage>,
    /// The model that it named.
    pub model: Option<String>,
    /// What has been told so far of what is told piece by piece.
    counts: Counts,
    /// An answer of a model has begun.
    begun: bool,
    /// It has said why it stops.
    stopped: bool,
    /// It is complete, by what its dialect says of that.
    ended: bool,
    /// A marker has come behind which nobody reads, whether or not the answer was complete.
    closed: bool,
    /// One more than that of the last event, where events are numbered.
    next_number: Option<u64>,
    written: Written,
    /// It is no text.
    is_media: bool,
}

#[derive(Debug)]
enum Form {
    Document(Vec<u8>),
    Events(SseParser),
    /// Media, or more than can be kept.
    Unread,
}

impl Meter {
    /// Stands before an answer of a media type.
    pub fn new(media_type: Option<&str>) -> Self {
        let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let form = match essence.as_str() {
            "text/event-stream" => Form::Events(SseParser::new(EVENT)),
            "" | "application/json" => Form::Document(Vec::new()),
            other if other.ends_with("+json") => Form::Document(Vec::new()),
            _ => Form::Unread,
        };
        let is_media = ["audio/", "image/", "video/"].iter().any(|family| essence.starts_with(family));
        Self { form, heard: Heard { is_media, ..Heard::default() } }
    }

    /// Stands before an answer that is packed.
    pub fn deaf() -> Self {
        Self { form: Form::Unread, heard: Heard::default() }
    }

    /// Hears the next bytes.
    pub fn push(&mut self, chunk: &[u8]) {
        let Self { form, heard } = self;
        heard.written.came(chunk.len());
        let goes_on = match form {
            Form::Document(kept) if kept.len() + chunk.len() <= DOCUMENT => {
                kept.extend_from_slice(chunk);
                true
            }
            Form::Events(parser) => {
                let heard = parser.push(chunk, |event| {
                    heard.document(event.data);
                    Ok::<(), SseFault>(())
                });
                heard.is_ok()
            }
            Form::Document(_) => false,
            Form::Unread => true,
        };
        if !goes_on {
            self.form = Form::Unread;
        }
    }

    /// A stream in which an answer has begun and not ended, by the words of any dialect. A marker alone ends none: it also
    /// comes behind answers that were lost on the way.
    pub const fn is_cut_short(&self) -> bool {
        matches!(self.form, Form::Events(_)) && self.heard.begun && !self.heard.ended
    }

    /// Whether an event has begun and not ended: nothing can be said before its end.
    pub fn is_within_event(&self) -> bool {
        matches!(&self.form, Form::Events(parser) if parser.is_within_event())
    }

    /// Whether an error event would be understood here: between the events of a stream whose end has not been told.
    pub fn takes_error(&self) -> bool {
        matches!(&self.form, Form::Events(parser) if !parser.is_within_event())
            && !(self.heard.ended || self.heard.closed)
    }

    /// The number of the event that would follow; `None` = events have none here.
    pub const fn next_number(&self) -> Option<u64> {
        self.heard.next_number
    }

    /// Returns what was heard.
    pub fn end(mut self) -> Heard {
        match &self.form {
            Form::Document(kept) => self.heard.document(kept),
            Form::Events(_) => {}
            Form::Unread => self.heard.written.is_beyond_reading(),
        }
        let is_cut_short = matches!(self.form, Form::Events(_)) && !self.heard.ended;
        let written = self.heard.written.text_tokens();
        self.heard.usage = believed(self.heard.usage, written).map(|said| match said.completion_tokens {
            // What has been told before the end is not all, such as the count in Anthropic's first event.
            told if is_cut_short && told < written => Usage { completion_tokens: written, estimated: true, ..said },
            _ => said,
        });
        self.heard
    }
}

impl Heard {
    /// The estimated tokens of what was written, for an answer that told no usage; `None` = it is no text.
    pub fn estimated_completion(&self) -> Option<u64> {
        (!self.is_media).then(|| self.written.tokens())
    }

    fn document(&mut self, data: &[u8]) {
        let Ok(text) = checked_utf8(data) else { return };
        self.closed |= text.trim() == "[DONE]";
        let Ok(node) = Node::parse(text, Escapes::Lenient) else { return };
        // Gemini's streams are one array, unless events were asked for.
        let answers = if node.items().is_empty() { std::slice::from_ref(&node) } else { node.items() };
        for answer in answers {
            self.note(answer);
        }
    }

    fn note(&mut self, node: &Node<'_>) {
        self.note_progress(node);
        self.written.note(node);
        let inner = [Some(node), node.get("response"), node.get("message")];
        for place in inner.into_iter().flatten() {
            self.note_usage(place);
            let model = place.str_of("model").or_else(|| place.str_of("modelVersion"));
            if self.model.is_none() {
                self.model = model.map(str::to_owned);
            }
        }
    }

    /// The last word counts. Only Anthropic's streams tell counts piece by piece.
    fn note_usage(&mut self, place: &Node<'_>) {
        let said = match (place.get("usage"), place.get("usageMetadata")) {
            (Some(object), _) => match vendor(object) {
                Dialect::Openai => openai::usage::of(object),
                Dialect::OpenaiResponses => responses::usage::of(object),
                Dialect::Anthropic => {
                    self.counts.take(object);
                    self.counts.usage()
                }
                Dialect::Gemini => gemini::usage::of(object),
            },
            (None, Some(object)) => gemini::usage::of(object),
            (None, None) => None,
        };
        self.usage = said.map(|said| later(self.usage, said)).or(self.usage);
    }
}

/// In whose words a `usage` object is, by the members that only they write: which vendor answers is not known here.
fn vendor(object: &Node<'_>) -> Dialect {
    let has = |name: &str| object.get(name).is_some();
    let thinks = object.get("output_tokens_details").is_some_and(|it| it.get("reasoning_tokens").is_some());
    if has("prompt_tokens") || has("completion_tokens") {
        Dialect::Openai
    } else if has("total_tokens") || has("input_tokens_details") || thinks {
        Dialect::OpenaiResponses
    } else {
        Dialect::Anthropic
    }
}

impl Heard {
    fn note_progress(&mut self, node: &Node<'_>) {
        let number = node.count_of("sequence_number").map(|number| number.saturating_add(1));
        self.next_number = number.or(self.next_number);
        let kind = node.str_of("type").unwrap_or_default();
        let alternatives = |name: &str| node.get(name).map(Node::items).unwrap_or_default();
        let (choices, candidates) = (alternatives("choices"), alternatives("candidates"));
        let is_chunk = node.str_of("object") == Some("chat.completion.chunk");
        self.begun |= is_chunk || !candidates.is_empty() || matches!(kind, "message_start" | "response.created");
        let says_why = |place: &Node<'_>, name: &str| place.str_of(name).is_some_and(|word| !word.is_empty());
        self.stopped |= node.get("delta").is_some_and(|delta| says_why(delta, "stop_reason"));
        self.closed |= kind == "message_stop";
        self.ended |= choices.iter().any(|choice| says_why(choice, "finish_reason"))
            || candidates.iter().any(|candidate| says_why(candidate, "finishReason"))
            || (kind == "message_stop" && self.stopped)
            || matches!(
                kind,
                "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" | "error"
            );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(media_type: &str, body: &str, model: &str, expected: (u64, u64, u64, u64)) {
        for cut in 0..=body.len() {
            let mut meter = Meter::new(Some(media_type));
            meter.push(&body.as_bytes()[..cut]);
            meter.push(&body.as_bytes()[cut..]);
            let heard = meter.end();
            let usage = heard.usage.expect("usage");
            let seen = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, usage.reasoning_tokens);
            assert_eq!((heard.model.as_deref(), seen), (Some(model), expected), "{body} cut at {cut}");
        }
    }

    #[test]
    fn every_vendors_counts_are_heard_wherever_the_bytes_are_cut() {
        let json = "application/json; charset=utf-8";
        check(
            json,
            r#"{"model":"a","usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":5}}}"#,
            "a",
            (9, 5, 4, 0),
        );
        check(
            json,
            r#"{"model":"b","usage":{"input_tokens":9,"output_tokens":4,"output_tokens_details":{"reasoning_tokens":3}}}"#,
            "b",
            (9, 0, 4, 3),
        );
        check(
            json,
            r#"{"model":"c","usage":{"input_tokens":9,"cache_read_input_tokens":5,"output_tokens":4}}"#,
            "c",
            (14, 5, 4, 0),
        );
        check(
            json,
            r#"{"model":"c","usage":{"input_tokens":9,"output_tokens":4,"output_tokens_details":{"thinking_tokens":3}}}"#,
            "c",
            (9, 0, 4, 3),
        );
        check(
            json,
            r#"{"modelVersion":"d","usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4,"thoughtsTokenCount":3}}"#,
            "d",
            (9, 0, 7, 3),
        );
    }

    #[test]
    fn in_a_stream_the_last_word_counts() {
        let stream = concat!(
            "event: message_start\ndata: {\"message\":{\"model\":\"e\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n",
            "data: {\"usage\":{\"output_tokens\":6,\"output_tokens_details\":{\"thinking_tokens\":2}}}\n\n",
            "data: [DONE]\n\n"
        );
        check("text/event-stream", stream, "e", (9, 0, 6, 2));
        let stream = concat!(
            "data: {\"modelVersion\":\"g\",\"usageMetadata\":{\"promptTokenCount\":9,\"toolUsePromptTokenCount\":2}}\n\n",
            "data: {\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4,\"cachedContentTokenCount\":5}}\n\n",
        );
        check("text/event-stream", stream, "g", (9, 5, 4, 0));
    }

    #[test]
    fn an_error_has_its_place_between_events_until_the_end_was_told() {
        let stream = "event: a\ndata: {\"sequence_number\":7}\n\n: ping\n\ndata: [DONE]\n\n";
        let heard = |come: usize| {
            let mut meter = Meter::new(Some("text/event-stream"));
            meter.push(&stream.as_bytes()[..come]);
            (meter.is_within_event(), meter.takes_error(), meter.next_number())
        };
        let first = stream.find("\n\n").expect("an event") + 2;
        assert_eq!(heard(0), (false, true, None));
        assert!((1..first).all(|come| heard(come) == (true, false, None)));
        assert_eq!(heard(first), (false, true, Some(8)));
        assert_eq!(heard(first + 3), (true, false, Some(8)));
        assert_eq!(heard(stream.len()), (false, false, Some(8)));
        for mut other in [Meter::deaf(), Meter::new(Some("application/json"))] {
            other.push(b"{");
            assert!(!other.takes_error() && !other.is_within_event());
        }
    }

    #[test]
    fn a_marker_alone_ends_no_answer_that_has_begun() {
        let chat = |finish: &str| {
            format!(
                "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"finish_reason\":{finish}}}]}}\n\n{DONE}"
            )
        };
        let gemini = |more: &str| format!("data: {{\"candidates\":[{{\"content\":{{}}{more}}}]}}\n\n{DONE}");
        let messages = |reason: &str| {
            format!(
                "data: {{\"type\":\"message_start\"}}\n\n\
                 data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":{reason}}}}}\n\n\
                 data: {{\"type\":\"message_stop\"}}\n\n"
            )
        };
        let responses =
            |kind: &str| format!("data: {{\"type\":\"response.created\"}}\n\ndata: {{\"type\":\"{kind}\"}}\n\n{DONE}");
        for (stream, is_cut) in [
            (chat("null"), true),
            (chat("\"\""), true),
            (chat("\"stop\""), false),
            (gemini(""), true),
            (gemini(",\"finishReason\":\"STOP\""), false),
            (messages("null"), true),
            (messages("\"end_turn\""), false),
            (responses("response.in_progress"), true),
            (responses("response.completed"), false),
            // What is no model's answer has no reason to end.
            (format!("event: thread.run.completed\ndata: {{\"object\":\"thread.run\"}}\n\n{DONE}"), false),
        ] {
            let mut meter = Meter::new(Some("text/event-stream"));
            meter.push(stream.as_bytes());
            assert_eq!((meter.is_cut_short(), meter.takes_error()), (is_cut, false), "{stream}");
        }
    }

    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn media_and_broken_bodies_say_nothing() {
        for (media_type, body) in
            [("audio/mpeg", "{\"usage\":{\"input_tokens\":9}}"), ("application/json", "{\"usage\":")]
        {
            let mut meter = Meter::new(Some(media_type));
            meter.push(body.as_bytes());
            assert!(meter.end().usage.is_none());
        }
    }
}
