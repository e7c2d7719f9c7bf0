//! Writes a caller's events.
//!
//! Messages and thoughts follow one another; calls stay open until the answer ends, because an upstream may go on with
//! an earlier call after it has begun the next. What was said is kept, since the dialect says all of it again at the
//! end.

use bytes::BytesMut;
use serde::Serialize;

use super::items::{PartKind, SaidPart, Saying, Written, is_cut};
use crate::Echo;
use crate::canonical::{Event, Json, StopReason};
use crate::openai::append_members;
use crate::responses::logprobs::Tokens;
use crate::responses::types::{self, Content, Item, Summary, WireResponse};
use crate::stream::{Encode, Ending, StreamOptions, write_event};

/// Writes a caller's events.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: String,
    created: i64,
    echo: Echo,
    /// Members of the first event; taken when it is written.
    opening: Option<Vec<(String, Vec<u8>)>>,
    /// The number of the next event.
    sequence: u64,
    items: Vec<Written>,
    /// The message or the thoughts that go on.
    current: Option<usize>,
}

#[derive(Serialize)]
struct OfItem<'a> {
    output_index: usize,
    item: Item<'a>,
}

#[derive(Serialize)]
struct OfPart<'a, T> {
    item_id: &'a str,
    output_index: usize,
    content_index: usize,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct OfSummary<'a, T> {
    item_id: &'a str,
    output_index: usize,
    summary_index: usize,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct PartOf<T> {
    part: T,
}

#[derive(Serialize)]
struct TextDelta<'a> {
    item_id: &'a str,
    output_index: usize,
    content_index: usize,
    delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<&'a Tokens>,
}

#[derive(Serialize)]
struct TextDone<'a> {
    text: &'a str,
    logprobs: &'a Tokens,
}

#[derive(Serialize)]
struct RefusalDone<'a> {
    refusal: &'a str,
}

#[derive(Serialize)]
struct SummaryDelta<'a> {
    item_id: &'a str,
    output_index: usize,
    summary_index: usize,
    delta: &'a str,
}

#[derive(Serialize)]
struct SummaryDone<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct ArgumentsDelta<'a> {
    item_id: &'a str,
    output_index: usize,
    delta: &'a str,
}

#[derive(Serialize)]
struct ArgumentsDone<'a> {
    item_id: &'a str,
    output_index: usize,
    name: &'a str,
    arguments: &'a str,
}

/// Numbers events and writes them.
struct Writer<'w> {
    sequence: &'w mut u64,
    out: &'w mut BytesMut,
}

impl Writer<'_> {
    /// Writes an event of some members.
    fn write(&mut self, kind: &str, members: &impl Serialize) {
        let event = self.numbered(kind, members);
        write_event(Some(kind), &event, self.out);
    }

    /// Writes an event around the response, with members of ours in both objects.
    fn write_response(&mut self, kind: &str, response: &WireResponse<'_>, own: &[(&str, &[u8])]) {
        let mut object = serde_json::to_vec(response).expect("plain data with string keys is always JSON");
        append_members(&mut object, own);
        let mut event = self.head(kind);
        event.extend_from_slice(br#","response":"#);
        event.extend_from_slice(&object);
        event.push(b'}');
        append_members(&mut event, own);
        write_event(Some(kind), &event, self.out);
    }

    fn numbered(&mut self, kind: &str, members: &impl Serialize) -> Vec<u8> {
        let mut event = self.head(kind);
        let joint = event.len();
        serde_json::to_writer(&mut event, members).expect("plain data with string keys is always JSON");
        // The members' own opening brace becomes the comma before them.
        event[joint] = b',';
        event
    }

    /// `{"type":…,"sequence_number":…`
    fn head(&mut self, kind: &str) -> Vec<u8> {
        let mut head = Vec::with_capacity(256);
        head.extend_from_slice(br#"{"type":""#);
        head.extend_from_slice(kind.as_bytes());
        head.extend_from_slice(br#"","sequence_number":"#);
        head.extend_from_slice(self.sequence.to_string().as_bytes());
        *self.sequence += 1;
        head
    }
}

impl Encoder {
    pub(crate) fn new(options: StreamOptions) -> Self {
        Self {
            id: options.id,
            model: options.model,
            created: options.created,
            echo: options.echo,
            opening: Some(options.opening_routing),
            sequence: 0,
            items: Vec::new(),
            current: None,
        }
    }

    fn open(&mut self, out: &mut BytesMut) {
        let Some(opening) = self.opening.take() else { return };
        let own: Vec<_> = opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        let response = WireResponse::new(&self.id, self.created, &self.model, &self.echo);
        let mut writer = Writer { sequence: &mut self.sequence, out };
        writer.write_response("response.created", &response, &own);
        writer.write_response("response.in_progress", &response, &[]);
    }

    // === Items ===

    /// Begins an item; returns its place.
    fn begin(&mut self, saying: Saying, out: &mut BytesMut) -> usize {
        let output_index = self.items.len();
        let written = Written::new(saying, &self.id, output_index);
        let mut writer = Writer { sequence: &mut self.sequence, out };
        writer.write("response.output_item.added", &OfItem { output_index, item: written.begun() });
        self.items.push(written);
        output_index
    }

    /// Ends an item, once.
    fn finish(&mut self, output_index: usize, out: &mut BytesMut) {
        let mut writer = Writer { sequence: &mut self.sequence, out };
        let Some(item) = self.items.get_mut(output_index).filter(|item| !item.done) else { return };
        item.done = true;
        match &item.saying {
            Saying::Message { parts } => {
                if let Some(part) = parts.last() {
                    end_part(&mut writer, &item.id, output_index, parts.len() - 1, part);
                }
            }
            Saying::Thought { redacted: true, .. } => {}
            Saying::Thought { text, .. } => end_summary(&mut writer, &item.id, output_index, text),
            Saying::Call { name, arguments, .. } => {
                let whole = types::arguments_of_call(arguments, item.status());
                if arguments.is_empty() && !whole.is_empty() {
                    let delta = ArgumentsDelta { item_id: &item.id, output_index, delta: whole };
                    writer.write("response.function_call_arguments.delta", &delta);
                }
                let done = ArgumentsDone { item_id: &item.id, output_index, name, arguments: whole };
                writer.write("response.function_call_arguments.done", &done);
            }
        }
        writer.write("response.output_item.done", &OfItem { output_index, item: item.whole() });
    }

    fn finish_current(&mut self, out: &mut BytesMut) {
        if let Some(current) = self.current.take() {
            self.finish(current, out);
        }
    }

    // === Messages ===

    fn say(&mut self, kind: PartKind, text: &str, logprobs: Option<&Json>, out: &mut BytesMut) {
        let place = match self.current {
            Some(current) if matches!(self.items[current].saying, Saying::Message { .. }) => current,
            Some(_) | None => {
                self.finish_current(out);
                let place = self.begin(Saying::Message { parts: Vec::new() }, out);
                self.current = Some(place);
                place
            }
        };
        let mut writer = Writer { sequence: &mut self.sequence, out };
        let Written { id, saying: Saying::Message { parts }, .. } = &mut self.items[place] else { return };
        if parts.last().is_none_or(|part| part.kind != kind) {
            if let Some(part) = parts.last() {
                end_part(&mut writer, id, place, parts.len() - 1, part);
            }
            let begun = SaidPart::new(kind);
            let what = PartOf { part: begun.content() };
            let added = OfPart { item_id: id, output_index: place, content_index: parts.len(), what };
            writer.write("response.content_part.added", &added);
            parts.push(begun);
        }
        let content_index = parts.len() - 1;
        let tokens = Tokens::of(logprobs);
        parts[content_index].text.push_str(text);
        parts[content_index].logprobs.add(&tokens);
        let (event, logprobs) = match kind {
            PartKind::Text => ("response.output_text.delta", Some(&tokens)),
            PartKind::Refusal => ("response.refusal.delta", None),
        };
        writer.write(event, &TextDelta { item_id: id, output_index: place, content_index, delta: text, logprobs });
    }

    // === Thoughts ===

    /// The thoughts that go on, or new ones where none do or the last have their proof already.
    fn thought(&mut self, out: &mut BytesMut) -> usize {
        let goes_on = |written: &Written| matches!(&written.saying, Saying::Thought { signature, redacted: false, .. } if signature.is_empty());
        if let Some(current) = self.current.filter(|current| goes_on(&self.items[*current])) {
            return current;
        }
        self.finish_current(out);
        let saying = Saying::Thought { text: String::new(), signature: String::new(), redacted: false };
        let place = self.begin(saying, out);
        self.current = Some(place);
        let mut writer = Writer { sequence: &mut self.sequence, out };
        let what = PartOf { part: Summary { text: "" } };
        let begun = OfSummary { item_id: &self.items[place].id, output_index: place, summary_index: 0, what };
        writer.write("response.reasoning_summary_part.added", &begun);
        place
    }

    fn think(&mut self, more: &str, out: &mut BytesMut) {
        let place = self.thought(out);
        let mut writer = Writer { sequence: &mut self.sequence, out };
        let Written { id, saying: Saying::Thought { text, .. }, .. } = &mut self.items[place] else { return };
        text.push_str(more);
        let delta = SummaryDelta { item_id: id, output_index: place, summary_index: 0, delta: more };
        writer.write("response.reasoning_summary_text.delta", &delta);
    }

    fn prove(&mut self, proof: &str, out: &mut BytesMut) {
        let thinks =
            self.current.filter(|it| matches!(self.items[*it].saying, Saying::Thought { redacted: false, .. }));
        let place = thinks.unwrap_or_else(|| self.thought(out));
        if let Saying::Thought { signature, .. } = &mut self.items[place].saying {
            signature.push_str(proof);
        }
    }

    /// Thoughts of which nothing but the encrypted form was told: each is an item of its own.
    fn withhold(&mut self, proof: &str, out: &mut BytesMut) {
        self.finish_current(out);
        let saying = Saying::Thought { text: String::new(), signature: proof.to_owned(), redacted: true };
        let place = self.begin(saying, out);
        self.finish(place, out);
    }

    // === Calls ===

    fn argue(&mut self, of: usize, more: &str, out: &mut BytesMut) {
        let is_it = |item: &Written| matches!(&item.saying, Saying::Call { call, .. } if *call == of);
        let Some(output_index) = self.items.iter().position(is_it) else { return };
        let mut writer = Writer { sequence: &mut self.sequence, out };
        let Written { id, saying: Saying::Call { arguments, .. }, .. } = &mut self.items[output_index] else { return };
        arguments.push_str(more);
        writer.write(
            "response.function_call_arguments.delta",
            &ArgumentsDelta { item_id: id, output_index, delta: more },
        );
    }
}

fn end_part(writer: &mut Writer<'_>, item_id: &str, output_index: usize, content_index: usize, part: &SaidPart) {
    let text = &part.text;
    match part.kind {
        PartKind::Text => {
            let what = TextDone { text, logprobs: &part.logprobs };
            writer.write("response.output_text.done", &OfPart { item_id, output_index, content_index, what });
        }
        PartKind::Refusal => {
            let what = RefusalDone { refusal: text };
            writer.write("response.refusal.done", &OfPart { item_id, output_index, content_index, what });
        }
    }
    let what: PartOf<Content<'_>> = PartOf { part: part.content() };
    writer.write("response.content_part.done", &OfPart { item_id, output_index, content_index, what });
}

fn end_summary(writer: &mut Writer<'_>, item_id: &str, output_index: usize, text: &str) {
    let what = SummaryDone { text };
    let done = OfSummary { item_id, output_index, summary_index: 0, what };
    writer.write("response.reasoning_summary_text.done", &done);
    let what = PartOf { part: Summary { text } };
    let done = OfSummary { item_id, output_index, summary_index: 0, what };
    writer.write("response.reasoning_summary_part.done", &done);
}

impl Encode for Encoder {
    fn event(&mut self, event: &Event, out: &mut BytesMut) {
        self.open(out);
        match event {
            // The dialect has one answer; requests of it never ask for more.
            Event::Start { .. }
            | Event::Finish { .. }
            | Event::Usage(_)
            | Event::Unsaid(_)
            | Event::End
            | Event::Text { choice: 1.., .. }
            | Event::Refusal { choice: 1.., .. }
            | Event::Reasoning { choice: 1.., .. }
            | Event::ReasoningSignature { choice: 1.., .. }
            | Event::ToolCall { choice: 1.., .. }
            | Event::Arguments { choice: 1.., .. } => {}
            Event::Text { text, logprobs, .. } => self.say(PartKind::Text, text, logprobs.as_ref(), out),
            Event::Refusal { text, .. } => self.say(PartKind::Refusal, text, None, out),
            Event::Reasoning { text, .. } => self.think(text, out),
            Event::ReasoningSignature { signature, redacted: false, .. } => self.prove(signature, out),
            Event::ReasoningSignature { signature, redacted: true, .. } => self.withhold(signature, out),
            Event::ToolCall { call, id, name, signature, .. } => {
                self.finish_current(out);
                let (id, name, signature) = (id.clone(), name.clone(), signature.clone());
                self.begin(Saying::Call { call: *call, id, name, arguments: String::new(), signature }, out);
            }
            Event::Arguments { call, text, .. } => self.argue(*call, text, out),
        }
    }

    fn next_number(&self) -> u64 {
        self.sequence
    }

    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut) {
        self.open(out);
        let first = ending.finishes.iter().find(|(choice, _)| *choice == 0);
        let stop = first.map_or(&StopReason::Stop, |(_, stop)| stop);
        for place in 0..self.items.len() {
            self.items[place].cut = !self.items[place].done && is_cut(stop);
            self.finish(place, out);
        }
        let output = self.items.iter().map(Written::whole).collect();
        let response =
            WireResponse::new(&self.id, self.created, &self.model, &self.echo).ended(stop, output, ending.usage);
        let mut writer = Writer { sequence: &mut self.sequence, out };
        writer.write_response(response.closing_event(), &response, ending.routing);
    }
}
