//! Laws of the dialect: what it can say comes back as it was said, from requests, answers and streams.

mod speech;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{decode, encode, stream};
use crate::answer::Shown;
use crate::canonical::{Answer, Event, Part};
use crate::json::{Escapes, Node, utf8};
use crate::sse::SseParser;
use crate::stream::{Decode, Encode, Ending, StreamOptions};
use crate::{Dialect, Target};

use speech::{answer, request};

/// The events of an answer, its texts cut in two.
fn events(answer: &Answer) -> Vec<Event> {
    let mut events = Vec::new();
    let mut calls = 0;
    for part in answer.choices.iter().flat_map(|choice| &choice.parts) {
        match part {
            Part::Text { text, .. } => events.extend(halves(text).map(|text| Event::text(0, text))),
            Part::Reasoning { text, signature, redacted } => {
                events.extend(halves(text).map(|text| Event::Reasoning { choice: 0, text }));
                let redacted = *redacted;
                let proof = signature.clone();
                events.extend(proof.map(|signature| Event::ReasoningSignature { choice: 0, signature, redacted }));
            }
            Part::ToolCall { id, name, arguments, .. } => {
                let (id, name) = (id.clone(), name.clone());
                events.push(Event::ToolCall { choice: 0, call: calls, id, name, signature: None });
                events.extend(halves(arguments).map(|text| Event::Arguments { choice: 0, call: calls, text }));
                calls += 1;
            }
            Part::Refusal { .. }
            | Part::Image { .. }
            | Part::Audio { .. }
            | Part::File { .. }
            | Part::ToolResult { .. } => {}
        }
    }
    events
}

fn halves(text: &str) -> impl Iterator<Item = String> {
    let (head, tail) = text.split_at(text.floor_char_boundary(text.len() / 2));
    [head.to_owned(), tail.to_owned()].into_iter().filter(|half| !half.is_empty())
}

/// What events say, with pieces of one thing put together.
fn joined(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        match (joined.last_mut(), &event) {
            (Some(Event::Text { text, .. }), Event::Text { text: more, .. })
            | (Some(Event::Reasoning { text, .. }), Event::Reasoning { text: more, .. })
            | (Some(Event::Arguments { text, .. }), Event::Arguments { text: more, .. }) => text.push_str(more),
            _ => joined.push(event),
        }
    }
    joined
}

fn node(body: &[u8]) -> Node<'_> {
    Node::parse(utf8(body), Escapes::Strict).expect("what is written is JSON")
}

fn streamed(answer: &Answer, events: &[Event]) -> BytesMut {
    let options = StreamOptions {
        model: "m".to_owned(),
        include_usage: true,
        opening_routing: Vec::new(),
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "msg_1".to_owned(),
        created: 0,
        echo: crate::Echo::NONE,
    };
    let mut encoder = stream::Encoder::new(options);
    let mut out = BytesMut::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    let finishes: Vec<_> = answer.choices.iter().map(|choice| (0, choice.stop.clone())).collect();
    encoder.close(&Ending { finishes: &finishes, usage: answer.usage, routing: &[] }, &mut out);
    out
}

fn reread(bytes: &[u8]) -> Vec<Event> {
    let (mut parser, mut decoder, mut said) =
        (SseParser::new(SseParser::DEFAULT_LIMIT), stream::Decoder::default(), Vec::new());
    let read: Result<(), crate::StreamFault> = parser.push(bytes, |event| decoder.event(event, &mut said));
    read.expect("what is written is read");
    said
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn requests_come_back(request in request()) {
        let model = request.model.clone().expect("a model");
        let encoded = encode::request(&request, &model);
        prop_assert!(encoded.loss.is_empty(), "{:?}", encoded.loss);
        let found = decode::request(&node(&encoded.body)).expect("what is written is read");
        prop_assert_eq!(found, request);
    }

    #[test]
    fn answers_come_back(answer in answer()) {
        let shown = Shown { model: "m", id: "msg_1", created: 0, usage: None, echo: &crate::Echo::default() };
        let rendered = encode::answer(&answer, &shown);
        prop_assert!(rendered.loss.is_empty(), "{:?}", rendered.loss);
        prop_assert_eq!(decode::answer(&node(&rendered.body)), Ok(answer));
    }

    #[test]
    fn streams_come_back(answer in answer()) {
        let given = events(&answer);
        let mut expected = vec![Event::Start { id: answer.id.clone(), model: answer.model.clone() }];
        expected.extend(given.iter().cloned());
        expected.extend(answer.usage.map(Event::Usage));
        let reason = answer.choices[0].stop.clone();
        expected.extend([Event::Finish { choice: 0, reason }, Event::End]);
        prop_assert_eq!(joined(reread(&streamed(&answer, &given))), joined(expected));
    }

    #[test]
    fn blocks_begin_and_end_in_turn_however_events_are_mixed(
        answer in answer(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut given = events(&answer);
        if !given.is_empty() {
            for index in order {
                let place = index.index(given.len());
                let event = given.remove(place);
                given.push(event);
            }
        }
        let out = streamed(&answer, &given);
        let mut open = None;
        let mut next = 0;
        let mut parser = SseParser::new(SseParser::DEFAULT_LIMIT);
        let read: Result<(), crate::StreamFault> = parser.push(&out, |event| {
            let node = Node::parse(utf8(event.data), Escapes::Strict).expect("JSON");
            let index = node.count_of("index");
            match node.str_of("type") {
                Some("content_block_start") => {
                    assert_eq!((open, index), (None, Some(next)));
                    (open, next) = (index, next + 1);
                }
                Some("content_block_delta") => assert_eq!(open, index),
                Some("content_block_stop") => assert_eq!(open.take(), index),
                _ => assert_eq!(open, None),
            }
            Ok(())
        });
        prop_assert_eq!(read, Ok(()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        drop(crate::Request::decode(Dialect::Anthropic, bytes.clone(), Target::default()));
        drop(super::decode_count(bytes.clone(), Target::default()));
        drop(crate::Answer::decode(Dialect::Anthropic, bytes));
    }

    #[test]
    fn any_json_is_read_or_refused(request in request(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = encode::request(&request, "claude-sonnet-5-5").body.to_vec();
        let place = place.index(body.len());
        body[place] = byte;
        drop(crate::Request::decode(Dialect::Anthropic, body.into(), Target::default()));
    }
}

#[test]
fn a_count_needs_no_limit() {
    let body = Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#);
    assert!(crate::Request::decode(Dialect::Anthropic, body.clone(), Target::default()).is_err());
    let request = super::decode_count(body, Target::default()).expect("a count");
    assert_eq!((request.model(), request.features().max_output_tokens), (Some("m"), None));
}
