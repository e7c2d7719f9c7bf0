//! Laws of the dialect: what it can say comes back as it was, cut anywhere, and no bytes are too odd for it.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{decode, encode};
use crate::answer::Shown;
use crate::canonical::{
    Answer, Choice, Event, Json, Media, Message, OutputShape, Part, Reasoning, Request, Role, Sampling, StopReason,
    Tool, ToolChoice,
};
use crate::json::{Escapes, Node, utf8};
use crate::sse::SseParser;
use crate::stream::{Decode, Encode, Ending, StreamFault, StreamOptions};
use crate::{Dialect, fuzz};

// === What the dialect can say ===

fn text() -> impl Strategy<Value = Part> {
    "[a-zé\"\\\\\n{}]{1,12}".prop_map(Part::text)
}

fn media() -> impl Strategy<Value = Part> {
    let inline = |media_type: &'static str| {
        "([A-Za-z0-9+/]{4}){1,4}".prop_map(move |data| Media::Inline { media_type: media_type.into(), data })
    };
    prop_oneof![
        inline("image/png").prop_map(|media| Part::Image { media, detail: None, cache: None }),
        inline("audio/wav").prop_map(|media| Part::Audio { media }),
        inline("application/pdf").prop_map(|media| Part::File { media, name: None, cache: None }),
        Just(Part::Image { media: Media::Url("https://example.org/a.png".into()), detail: None, cache: None }),
        Just(Part::File { media: Media::Id("files/abc".into()), name: None, cache: None }),
    ]
}

fn signature() -> impl Strategy<Value = String> {
    "([A-Za-z0-9+/]{4}){1,4}".prop_map(|text| format!("gemini:{text}"))
}

/// Thoughts with a proof: without one, neighbours would become one thought.
fn thought() -> impl Strategy<Value = Part> {
    prop_oneof![
        ("[a-z ]{1,8}", signature())
            .prop_map(|(text, signature)| { Part::Reasoning { text, signature: Some(signature), redacted: false } }),
        signature().prop_map(|signature| Part::Reasoning {
            text: String::new(),
            signature: Some(signature),
            redacted: true
        }),
    ]
}

fn object() -> impl Strategy<Value = String> {
    prop_oneof![Just("{}".to_owned()), "[a-z]{1,4}".prop_map(|text| format!(r#"{{"{text}": [1, "{text}"]}}"#))]
}

fn call() -> impl Strategy<Value = Part> {
    ("c[a-z0-9]{3}", "[a-z_]{1,6}", object(), of("([A-Za-z0-9+/]{4}){1,3}"))
        .prop_map(|(id, name, arguments, signature)| Part::ToolCall { id, name, arguments, signature })
}

fn result() -> impl Strategy<Value = Part> {
    let said = prop_oneof![
        "[a-z{}\" ]{1,9}".boxed(),
        object().boxed(),
        Just(r#"{"output":"x"}"#.to_owned()).boxed(),
        Just(r#"{"error":1,"a":2}"#.to_owned()).boxed(),
    ];
    let image = Part::Image {
        media: Media::Inline { media_type: "image/png".into(), data: "AQID".into() },
        detail: None,
        cache: None,
    };
    ("c[a-z0-9]{3}", "[a-z_]{1,6}", said, any::<bool>(), any::<bool>()).prop_map(
        move |(call, name, text, is_error, shows)| {
            let mut content = vec![Part::text(text)];
            content.extend(shows.then(|| image.clone()));
            Part::ToolResult { call, name: Some(name), content, is_error, cache: None }
        },
    )
}

fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let user = vec(prop_oneof![text(), media()], 1..4).prop_map(|parts| Message::new(Role::User, parts));
    let results = vec(result(), 1..3).prop_map(|parts| Message::new(Role::Tool, parts));
    let model =
        vec(prop_oneof![text(), thought(), call()], 1..5).prop_map(|parts| Message::new(Role::Assistant, parts));
    let turns = vec((prop_oneof![user, results], model), 1..3);
    (of(vec(text(), 1..3)), turns).prop_map(|(system, turns)| {
        let system = system.map(|parts| Message::new(Role::System, parts));
        system.into_iter().chain(turns.into_iter().flat_map(|(asks, answers)| [asks, answers])).collect()
    })
}

fn tools() -> impl Strategy<Value = Vec<Tool>> {
    let schema = of(Just(r#"{"type":"object","properties":{"a":{"type":["string","null"]}}}"#));
    let tool = ("[a-z_]{1,6}", of("[a-z ]{1,9}"), schema).prop_map(|(name, description, schema)| Tool {
        name,
        description,
        parameters: schema.and_then(Json::parse),
        strict: None,
        cache: None,
    });
    vec(tool, 1..4)
}

fn tool_choice() -> impl Strategy<Value = ToolChoice> {
    let names = || vec("[a-z_]{1,6}", 2..4);
    prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        "[a-z_]{1,6}".prop_map(ToolChoice::Named),
        names().prop_map(|names| ToolChoice::Among { names, required: true }),
        names().prop_map(|names| ToolChoice::Among { names, required: false }),
    ]
}

fn sampling() -> impl Strategy<Value = Sampling> {
    let share = || of((0..100_u32).prop_map(|it| f64::from(it) / 64.0));
    (share(), share(), of(0..64_u64), share(), share(), of(any::<i32>())).prop_map(
        |(temperature, top_p, top_k, frequency_penalty, presence_penalty, seed)| Sampling {
            temperature,
            top_p,
            top_k,
            frequency_penalty,
            presence_penalty,
            seed: seed.map(i64::from),
        },
    )
}

fn output() -> impl Strategy<Value = OutputShape> {
    let schema = Json::parse(r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#).unwrap();
    let shaped = OutputShape::JsonSchema { name: None, description: None, schema, strict: None };
    prop_oneof![Just(OutputShape::Text), Just(OutputShape::JsonObject), Just(shaped)]
}

fn reasoning() -> impl Strategy<Value = Reasoning> {
    let summary = any::<bool>().prop_map(|told| told.then(|| "auto".to_owned()));
    let amount = prop_oneof![
        Just((None, None)),
        (1..9999_u64).prop_map(|budget| (None, Some(budget))),
        prop_oneof![Just("minimal"), Just("low"), Just("medium"), Just("high")]
            .prop_map(|it| (Some(it.to_owned()), None)),
    ];
    (summary, amount).prop_map(|(summary, (effort, budget_tokens))| Reasoning { effort, budget_tokens, summary })
}

fn request() -> impl Strategy<Value = Request> {
    let limits = (of(1..9999_u64), vec("[a-z]{1,4}", 0..5), of(1..4_u64), of(0..5_u64));
    let tier = of(prop_oneof![Just("default"), Just("flex"), Just("priority")].prop_map(str::to_owned));
    (conversation(), of((tools(), of(tool_choice()))), limits, sampling(), output(), of(reasoning()), tier).prop_map(
        |(messages, tools, (max_output_tokens, stop, choices, logprobs), sampling, output, reasoning, service_tier)| {
            let (tools, tool_choice) = tools.unwrap_or_default();
            Request {
                messages,
                tools,
                tool_choice,
                max_output_tokens,
                stop,
                sampling,
                choices,
                logprobs,
                output,
                reasoning,
                service_tier,
                ..Request::default()
            }
        },
    )
}

fn choice() -> impl Strategy<Value = Choice> {
    vec(prop_oneof![text(), thought(), call()], 0..5).prop_flat_map(|parts| {
        let called = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        let stop = prop_oneof![
            Just(if called { StopReason::ToolCalls } else { StopReason::Stop }),
            Just(StopReason::Length),
            Just(StopReason::ContentFilter),
            Just(StopReason::Other("MALFORMED_RESPONSE".into())),
        ];
        stop.prop_map(move |stop| Choice { parts: parts.clone(), stop, logprobs: None })
    })
}

fn usage() -> impl Strategy<Value = domain::Usage> {
    (1..999_u64, 0..9_u64, 0..99_u64, 0..99_u64).prop_map(|(prompt, cached, answer, thoughts)| domain::Usage {
        prompt_tokens: prompt,
        cached_tokens: cached,
        completion_tokens: answer + thoughts,
        reasoning_tokens: thoughts,
        ..domain::Usage::default()
    })
}

// === Laws ===

/// Newer models get a word instead of a missing proof; here it is taken out again.
fn without_stand_in(mut request: Request) -> Request {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolCall { signature, .. } = part {
            signature.take_if(|it| it == super::proof::NO_PROOF);
        }
    }
    request
}

proptest! {
    #[test]
    fn requests_come_back_as_they_were(request in request()) {
        let encoded = encode::request(&request, "gemini-3-flash");
        prop_assert!(encoded.loss.is_empty(), "{:?}", encoded.loss);
        let node = Node::parse(utf8(&encoded.body), Escapes::Strict).unwrap();
        prop_assert_eq!(without_stand_in(decode::request(&node).unwrap()), request);
    }

    #[test]
    fn answers_come_back_as_they_were(choices in vec(choice(), 1..3), usage in of(usage())) {
        let answer = Answer { id: Some("id-1".into()), model: Some("acme/small".into()), choices, usage, ..Answer::default() };
        let shown = Shown { model: "acme/small", id: "id-1", created: 7, usage: None, echo: &crate::Echo::default() };
        let rendered = encode::answer(&answer, &shown);
        prop_assert!(rendered.loss.is_empty(), "{:?}", rendered.loss);
        let node = Node::parse(utf8(&rendered.body), Escapes::Strict).unwrap();
        prop_assert_eq!(decode::answer(&node).unwrap(), answer);
    }

    #[test]
    fn streams_come_back_as_they_were_wherever_they_are_cut(choice in choice(), place in any::<usize>()) {
        let (events, finish) = events_of(&choice);
        let wire = written(&events, &finish);
        let (head, tail) = wire.split_at(place % wire.len());
        prop_assert_eq!(read(&[&*wire]), read(&[head, tail]));
        let mut expected = events;
        expected.push(finish);
        prop_assert_eq!(read(&[&*wire]).unwrap(), expected);
    }

    #[test]
    fn no_bytes_are_too_odd(data in any::<Vec<u8>>(), place in any::<usize>()) {
        odd(&data, place);
    }

    #[test]
    fn no_json_is_too_odd(body in odd_json(), place in any::<usize>()) {
        odd(body.to_string().as_bytes(), place);
        odd(format!("data: {body}\n\n").as_bytes(), place);
    }
}

fn odd(data: &[u8], place: usize) {
    let place = place % data.len().max(1);
    for other in Dialect::ALL {
        fuzz::request_of(Dialect::Gemini, other, data);
        fuzz::answer_of(Dialect::Gemini, other, data);
        fuzz::stream_of(Dialect::Gemini, other, data, place);
        fuzz::stream_of(other, Dialect::Gemini, data, place);
    }
}

/// JSON with the names that the dialect knows in places where they do not belong.
fn odd_json() -> impl Strategy<Value = serde_json::Value> {
    const NAMES: [&str; 24] = [
        "contents",
        "parts",
        "text",
        "role",
        "functionCall",
        "functionResponse",
        "inlineData",
        "fileData",
        "thought",
        "thoughtSignature",
        "candidates",
        "content",
        "finishReason",
        "usageMetadata",
        "promptTokenCount",
        "args",
        "promptFeedback",
        "blockReason",
        "tools",
        "functionDeclarations",
        "generationConfig",
        "systemInstruction",
        "error",
        "name",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[a-z]{0,4}".prop_map(Into::into),
        Just("STOP".into()),
    ];
    let member = proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            vec((member.clone(), inner), 0..6).prop_map(|it| serde_json::Value::Object(it.into_iter().collect())),
        ]
    })
}

/// What a stream of the choice says, in as many events as this dialect takes for it.
fn events_of(of: &Choice) -> (Vec<Event>, Event) {
    let mut events = vec![Event::Start { id: Some("id-1".into()), model: Some("acme/small".into()) }];
    let mut calls = 0;
    for part in &of.parts {
        match part.clone() {
            Part::Text { text, .. } => events.push(Event::text(0, text)),
            Part::Reasoning { text, signature, redacted } => {
                if !text.is_empty() {
                    events.push(Event::Reasoning { choice: 0, text });
                }
                // Two proofs that follow each other cannot be told from one in pieces.
                if !matches!(events.last(), Some(Event::ReasoningSignature { .. })) {
                    let redacted = redacted && !matches!(events.last(), Some(Event::Reasoning { .. }));
                    let proof = |signature| Event::ReasoningSignature { choice: 0, signature, redacted };
                    events.extend(signature.map(proof));
                }
            }
            Part::ToolCall { id, name, arguments, signature } => {
                events.push(Event::ToolCall { choice: 0, call: calls, id, name, signature });
                events.push(Event::Arguments { choice: 0, call: calls, text: arguments });
                calls += 1;
            }
            other => panic!("{other:?} is no part of these answers"),
        }
    }
    (events, Event::Finish { choice: 0, reason: of.stop.clone() })
}

fn written(events: &[Event], finish: &Event) -> Bytes {
    let Event::Finish { reason, .. } = finish else { panic!("{finish:?} is no end") };
    let mut encoder = super::stream::Encoder::new(StreamOptions {
        model: "acme/small".into(),
        include_usage: true,
        opening_routing: vec![("routing".into(), b"{}".to_vec())],
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "id-1".into(),
        created: 7,
        echo: crate::Echo::NONE,
    });
    let mut out = BytesMut::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    encoder.close(&Ending { finishes: &[(0, reason.clone())], usage: None, routing: &[] }, &mut out);
    out.freeze()
}

fn read(pieces: &[&[u8]]) -> Result<Vec<Event>, StreamFault> {
    let mut parser = SseParser::new(SseParser::DEFAULT_LIMIT);
    let mut decoder = super::stream::Decoder::default();
    let mut said = Vec::new();
    for piece in pieces {
        parser.push(piece, |event| decoder.event(event, &mut said))?;
    }
    Ok(said)
}
