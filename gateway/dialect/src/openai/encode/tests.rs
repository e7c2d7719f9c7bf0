//! What requests and answers look like in the dialect, what is lost, and that all it can say comes back.

#![allow(clippy::unwrap_used, reason = "tests")]

use domain::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answer::Shown;
use crate::canonical::arbitrary;
use crate::canonical::{
    Answer, Choice, Json, Media, Message, Part, Reasoning, Request, Role, Sampling, StopReason, Tool,
};
use crate::json::{Escapes, Node};
use crate::openai::decode;

fn write_for(request: &Request, native_model: &str) -> (Value, Vec<String>) {
    let encoded = super::request(request, native_model);
    let lost = encoded.loss.iter().map(|lost| lost.path.clone()).collect();
    (serde_json::from_slice(&encoded.body).unwrap(), lost)
}

fn write(request: &Request) -> (Value, Vec<String>) {
    write_for(request, "native-1")
}

fn thought(text: &str, signature: Option<&str>) -> Part {
    Part::Reasoning { text: text.into(), signature: signature.map(Into::into), redacted: false }
}

fn call(id: &str, name: &str) -> Part {
    Part::ToolCall { id: id.into(), name: name.into(), arguments: "{}".into(), signature: None }
}

fn result(id: &str, content: Vec<Part>, is_error: bool) -> Part {
    Part::ToolResult { call: id.into(), name: None, content, is_error, cache: None }
}

#[test]
fn results_of_tools_come_before_what_else_their_turn_says() {
    let messages = vec![
        Message::new(Role::Assistant, vec![Part::text("Let me look."), call("a", "weather")]),
        Message::new(Role::User, vec![Part::text("Go on."), result("a", vec![Part::text("4")], true)]),
    ];
    let (body, lost) = write(&Request { messages, ..Request::default() });
    assert_eq!(body["messages"][1], json!({"role": "tool", "content": "Error: 4", "tool_call_id": "a"}));
    assert_eq!(body["messages"][2], json!({"role": "user", "content": "Go on."}));
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn thoughts_go_back_only_beside_calls_and_without_another_providers_proof() {
    let messages = vec![
        Message::new(Role::Assistant, vec![thought("Hm.", None), Part::text("Yes.")]),
        Message::new(Role::Assistant, vec![thought("Look.", None), thought("Sure?", Some("sig")), call("a", "f")]),
    ];
    let (body, lost) = write(&Request { messages, ..Request::default() });
    assert_eq!(body["messages"][0], json!({"role": "assistant", "content": "Yes."}));
    assert_eq!(body["messages"][1]["reasoning_content"], "Look.");
    assert_eq!(lost, ["messages[0].content[0]", "messages[1].content[1]"]);
}

#[test]
fn what_the_dialect_cannot_say_is_lost_by_its_path() {
    let cache = || Json::parse(r#"{"type":"ephemeral"}"#);
    let file = |media| Part::File { media, name: None, cache: None };
    let parts = vec![
        Part::Text { text: "hi".into(), cache: cache() },
        Part::Image { media: Media::Id("file-1".into()), detail: None, cache: None },
        file(Media::Url("https://papers.example/a.pdf".into())),
        file(Media::Inline { media_type: "application/pdf".into(), data: "JVBE".into() }),
        Part::Audio { media: Media::Url("https://sounds.example/a.wav".into()) },
    ];
    let request = Request {
        sampling: Sampling { top_k: Some(4), ..Sampling::default() },
        metadata: Json::parse("{}"),
        service_tier: Some("standard_only".into()),
        reasoning: Some(Reasoning { budget_tokens: Some(1000), summary: Some("auto".into()), ..Reasoning::default() }),
        messages: vec![Message::new(Role::User, parts)],
        tools: vec![Tool { name: "f".into(), description: None, parameters: None, strict: None, cache: cache() }],
        ..Request::default()
    };
    let (body, lost) = write(&request);
    let expected = [
        "top_k",
        "metadata",
        "reasoning.budget_tokens",
        "reasoning.summary",
        "messages[0].content[0].cache_control",
        "messages[0].content[1]",
        "messages[0].content[2]",
        "messages[0].content[4]",
        "tools[0].cache_control",
        "service_tier",
    ];
    assert_eq!(lost, expected);
    assert_eq!(body["reasoning_effort"], "low");
    assert_eq!(body["messages"][0]["content"][1]["file"]["filename"], "file");
}

#[test]
fn the_vendors_models_and_thinking_ones_are_limited_by_the_new_name() {
    let plain = Request { max_output_tokens: Some(9), ..Request::default() };
    let thinking = Request { reasoning: Some(Reasoning::default()), ..plain.clone() };
    for (request, model, name) in [
        (&plain, "gpt-5-mini", "max_completion_tokens"),
        (&plain, "openai/o4-mini", "max_completion_tokens"),
        (&plain, "mistral-large", "max_tokens"),
        (&plain, "olmo-2", "max_tokens"),
        (&thinking, "olmo-2", "max_completion_tokens"),
    ] {
        assert_eq!(write_for(request, model).0[name], 9, "{model}");
    }
}

const ECHO: crate::Echo = crate::Echo::NONE;

const SHOWN: Shown<'_> = Shown { model: "acme/one", id: "chatcmpl-x1", created: 7, usage: None, echo: &ECHO };

#[test]
fn a_refusal_in_words_ends_as_any_answer_and_one_without_as_filtered() {
    let reason = |parts| {
        let choice = Choice { parts, stop: StopReason::Refusal, logprobs: None };
        let rendered = super::answer(&Answer { choices: vec![choice], ..Answer::default() }, &SHOWN);
        let body: Value = serde_json::from_slice(&rendered.body).unwrap();
        body["choices"][0]["finish_reason"].clone()
    };
    assert_eq!(reason(vec![Part::Refusal { text: "No.".into() }]), "stop");
    assert_eq!(reason(Vec::new()), "content_filter");
}

#[test]
fn thoughts_split_by_a_streaming_client_belong_together_again() {
    let body = r#"{"messages":[{"role":"assistant","content":"Yes.","reasoning_content":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"","signature":"sig"}]}]}"#;
    let request = decode::request(&Node::parse(body, Escapes::Strict).unwrap()).unwrap();
    assert_eq!(request.messages[0].parts, [thought("Hm.", Some("sig")), Part::text("Yes.")]);
}

#[test]
fn content_in_parts_is_understood() {
    let body = r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"Yes."}]},"finish_reason":"stop"}]}"#;
    let answer = decode::answer(body.as_bytes());
    assert_eq!(answer.choices[0].parts, [thought("Hm.", None), Part::text("Yes.")]);
}

// === All that can be said comes back ===

/// Thoughts, one text, a refusal and calls: the order that a message of the dialect has.
fn said(with_proof: bool) -> impl Strategy<Value = Vec<Part>> {
    let proof = if with_proof { prop::option::of("[a-z]{1,5}").boxed() } else { Just(None).boxed() };
    let thoughts = (any::<bool>(), arbitrary::words(), proof);
    let calls = prop::collection::vec(("[a-z]{1,5}", arbitrary::words()), 0..3);
    (thoughts, prop::option::of(arbitrary::words()), prop::option::of(arbitrary::words()), calls).prop_map(
        move |((thinks, text, proof), said, refusal, calls)| {
            let goes_back = thinks && (with_proof || !calls.is_empty());
            let mut parts: Vec<Part> = goes_back.then(|| thought(&text, proof.as_deref())).into_iter().collect();
            parts.extend(said.map(Part::text));
            parts.extend(refusal.map(|text| Part::Refusal { text }));
            parts.extend(calls.iter().map(|(id, name)| call(id, name)));
            parts
        },
    )
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let tool = ("[a-z]{1,5}", arbitrary::words())
        .prop_map(|(id, text)| Message::new(Role::Tool, vec![result(&id, vec![Part::text(text)], false)]));
    let assistant = said(false)
        .prop_filter("says something", |parts| !parts.is_empty())
        .prop_map(|parts| Message::new(Role::Assistant, parts));
    arbitrary::turns(prop_oneof![tool, assistant])
}

prop_compose! {
    fn answers()(
        choices in prop::collection::vec((said(true), any::<bool>()), 1..3),
        (input, cached, output, thinking) in (1_u64..99, 0_u64..9, 0_u64..99, 0_u64..9),
    ) -> Answer {
        let choice = |(parts, cut): (Vec<Part>, bool)| {
            let has = |wanted: fn(&Part) -> bool| parts.iter().any(wanted);
            let stop = if cut {
                StopReason::Length
            } else if has(|part| matches!(part, Part::ToolCall { .. })) {
                StopReason::ToolCalls
            } else if has(|part| matches!(part, Part::Refusal { .. })) {
                StopReason::Refusal
            } else {
                StopReason::Stop
            };
            Choice { parts, stop, logprobs: None }
        };
        let usage = Usage {
            prompt_tokens: input,
            cached_tokens: cached,
            completion_tokens: output,
            reasoning_tokens: thinking,
            ..Usage::default()
        };
        Answer {
            id: Some("chatcmpl-x1".into()),
            model: Some("acme/one".into()),
            choices: choices.into_iter().map(choice).collect(),
            usage: Some(usage),
            ..Answer::default()
        }
    }
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was(settings in arbitrary::settings(), messages in messages()) {
        let reasoning = settings.reasoning.clone().map(|it| Reasoning { summary: None, ..it });
        let model = Some("gpt-1".to_owned());
        let request = Request { model, messages, reasoning, metadata: None, ..settings };
        let encoded = super::request(&request, "gpt-1");
        prop_assert!(encoded.loss.is_empty(), "{:?}", encoded.loss);
        let body = std::str::from_utf8(&encoded.body).unwrap();
        let again = decode::request(&Node::parse(body, Escapes::Strict).unwrap()).unwrap();
        prop_assert_eq!(again, request);
    }

    #[test]
    fn an_answer_comes_back_as_it_was(answer in answers()) {
        let rendered = super::answer(&answer, &SHOWN);
        prop_assert_eq!(decode::answer(&rendered.body), answer);
    }
}
