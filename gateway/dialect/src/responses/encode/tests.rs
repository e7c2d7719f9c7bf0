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
use crate::responses::decode;

fn write(request: &Request) -> (Value, Vec<String>) {
    let encoded = super::request(request, "native-1");
    let lost = encoded.loss.iter().map(|lost| lost.path.clone()).collect();
    (serde_json::from_slice(&encoded.body).unwrap(), lost)
}

fn of(messages: Vec<Message>) -> Request {
    Request { messages, ..Request::default() }
}

fn thought(text: &str, signature: Option<&str>) -> Part {
    Part::Reasoning { text: text.into(), signature: signature.map(Into::into), redacted: false }
}

fn call(id: &str, arguments: &str) -> Part {
    Part::ToolCall { id: id.into(), name: "weather".into(), arguments: arguments.into(), signature: None }
}

fn result(id: &str, content: Vec<Part>, is_error: bool) -> Part {
    Part::ToolResult { call: id.into(), name: None, content, is_error, cache: None }
}

#[test]
fn a_turn_of_the_assistant_falls_into_items_in_its_order() {
    let said =
        vec![thought("Two calls.", Some("gAAAAABx")), Part::text("Let me look."), call("a", ""), call("b", "{}")];
    let (body, lost) = write(&of(vec![
        Message::text(Role::System, "Be brief."),
        Message::text(Role::User, "Compare."),
        Message::new(Role::Assistant, said),
        Message::new(Role::User, vec![result("a", vec![Part::text("4")], true), Part::text("Go on.")]),
    ]));
    assert_eq!(body["instructions"], "Be brief.");
    assert_eq!(
        body["input"],
        json!([
            {"type": "message", "role": "user", "content": "Compare."},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Two calls."}], "encrypted_content": "gAAAAABx"},
            {"type": "message", "role": "assistant", "content": "Let me look."},
            {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{}"},
            {"type": "function_call", "call_id": "b", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "Error: 4"},
            {"type": "message", "role": "user", "content": "Go on."},
        ])
    );
    assert_eq!((&body["store"], &body["include"]), (&json!(false), &json!(["reasoning.encrypted_content"])));
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn thoughts_of_other_providers_stay_behind() {
    let said = vec![thought("Hm.", Some("ErUBCkYI")), thought("Hm.", None), Part::text("Yes.")];
    let (body, lost) = write(&of(vec![Message::text(Role::User, "x"), Message::new(Role::Assistant, said)]));
    assert_eq!(body["input"].as_array().unwrap().len(), 2);
    assert_eq!(lost, ["messages[1].content[0]", "messages[1].content[1]"]);
}

#[test]
fn what_the_dialect_cannot_say_is_lost_by_its_path() {
    let sampling = Sampling { top_k: Some(4), seed: Some(7), frequency_penalty: Some(0.1), ..Sampling::default() };
    let cache = Json::parse(r#"{"type":"ephemeral"}"#);
    let sound = Part::Audio { media: Media::Inline { media_type: "audio/wav".into(), data: "UklGRg==".into() } };
    let upload = Part::Image { media: Media::Id("file-1".into()), detail: None, cache: None };
    let said = vec![Part::Text { text: "hi".into(), cache }, sound, upload];
    let request = Request {
        stop: vec!["END".into()],
        choices: Some(2),
        sampling,
        max_output_tokens: Some(5),
        service_tier: Some("standard_only".into()),
        reasoning: Some(Reasoning { budget_tokens: Some(9000), ..Reasoning::default() }),
        messages: vec![Message { name: Some("ada".into()), ..Message::new(Role::User, said) }],
        ..Request::default()
    };
    let (body, lost) = write(&request);
    let expected = [
        "stop",
        "top_k",
        "frequency_penalty",
        "seed",
        "choices",
        "max_output_tokens",
        "messages[0].name",
        "messages[0].content[0].cache_control",
        "messages[0].content[1]",
        "messages[0].content[2]",
        "reasoning.budget_tokens",
        "service_tier",
    ];
    assert_eq!(lost, expected);
    assert_eq!((&body["max_output_tokens"], &body["reasoning"]["effort"]), (&json!(16), &json!("medium")));
}

#[test]
fn functions_stay_as_loose_as_the_caller_left_them() {
    let tool = |strict| Tool { name: "now".into(), description: None, parameters: None, strict, cache: None };
    let (body, _) = write(&Request { tools: vec![tool(None), tool(Some(true))], ..Request::default() });
    assert_eq!((&body["tools"][0]["strict"], &body["tools"][1]["strict"]), (&json!(false), &json!(true)));
}

const ECHO: crate::Echo = crate::Echo::NONE;

const SHOWN: Shown<'_> = Shown { model: "acme/one", id: "resp_x1", created: 7, usage: None, echo: &ECHO };

fn rendered(answer: &Answer) -> (Value, Vec<String>) {
    let rendered = super::answer(answer, &SHOWN);
    let lost = rendered.loss.iter().map(|lost| lost.path.clone()).collect();
    (serde_json::from_slice(&rendered.body).unwrap(), lost)
}

#[test]
fn an_answer_has_every_member_that_the_vendor_requires() {
    let parts = vec![thought("Hm.", Some("sig")), Part::text("Yes."), Part::text("Really."), call("a", "{}")];
    let choice = Choice { parts, stop: StopReason::ToolCalls, logprobs: None };
    let second = Choice { parts: Vec::new(), stop: StopReason::Stop, logprobs: None };
    let (body, lost) = rendered(&Answer { choices: vec![choice, second], ..Answer::default() });
    for required in [
        "id",
        "object",
        "created_at",
        "error",
        "incomplete_details",
        "instructions",
        "model",
        "tools",
        "output",
        "parallel_tool_calls",
        "metadata",
        "tool_choice",
        "temperature",
        "top_p",
    ] {
        assert!(body.get(required).is_some(), "{required}");
    }
    assert_eq!((&body["model"], &body["status"]), (&json!("acme/one"), &json!("completed")));
    let kinds: Vec<_> = body["output"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!(body["output"][1]["content"].as_array().unwrap().len(), 2);
    assert_eq!(lost, ["choices[1]"]);
}

#[test]
fn an_answer_cut_off_is_incomplete() {
    let choice = |stop| Choice { parts: vec![Part::text("It was")], stop, logprobs: None };
    let (body, _) = rendered(&Answer { choices: vec![choice(StopReason::Length)], ..Answer::default() });
    assert_eq!((&body["status"], &body["output"][0]["status"]), (&json!("incomplete"), &json!("incomplete")));
    assert_eq!(body["incomplete_details"], json!({"reason": "max_output_tokens"}));
    let (body, _) = rendered(&Answer { choices: vec![choice(StopReason::Refusal)], ..Answer::default() });
    assert_eq!(body["incomplete_details"], json!({"reason": "content_filter"}));
}

// === All that can be said comes back ===

fn said() -> impl Strategy<Value = Part> {
    prop_oneof![
        arbitrary::words().prop_map(Part::text),
        arbitrary::words().prop_map(|text| Part::Refusal { text }),
        (arbitrary::words(), "[a-z]{1,5}", "\\{\"a\":[0-9]\\}").prop_map(|(name, id, arguments)| Part::ToolCall {
            id,
            name,
            arguments,
            signature: None
        }),
        (arbitrary::words(), "gAAAA[a-z]{1,5}").prop_map(|(text, proof)| thought(&text, Some(&proof))),
        "gAAAA[a-z]{1,5}".prop_map(|proof| Part::Reasoning {
            text: String::new(),
            signature: Some(proof),
            redacted: true
        }),
    ]
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let tool = ("[a-z]{1,5}", prop::collection::vec(arbitrary::content(), 1..3))
        .prop_map(|(id, content)| Message::new(Role::Tool, vec![result(&id, content, false)]));
    let assistant = prop::collection::vec(said(), 1..5).prop_map(|parts| Message::new(Role::Assistant, parts));
    arbitrary::turns(prop_oneof![tool, assistant]).prop_map(|mut messages| {
        // Two turns of the assistant in a row are one here.
        messages.dedup_by(|next, last| last.role == Role::Assistant && next.role == Role::Assistant);
        messages
    })
}

prop_compose! {
    fn answers()(
        parts in prop::collection::vec(said(), 0..5),
        cut in any::<bool>(),
        (input, cached, output, thinking) in (1_u64..99, 0_u64..9, 0_u64..99, 0_u64..9),
    ) -> Answer {
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
        let usage = Usage {
            prompt_tokens: input,
            cached_tokens: cached,
            completion_tokens: output,
            reasoning_tokens: thinking,
            ..Usage::default()
        };
        Answer {
            id: Some("resp_x1".into()),
            model: Some("acme/one".into()),
            choices: vec![Choice { parts, stop, logprobs: None }],
            usage: Some(usage),
            ..Answer::default()
        }
    }
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was(settings in arbitrary::settings(), messages in messages()) {
        let request = Request { messages, ..settings };
        let encoded = super::request(&request, "native-1");
        prop_assert!(encoded.loss.is_empty(), "{:?}", encoded.loss);
        let body = std::str::from_utf8(&encoded.body).unwrap();
        let again = decode::request(&Node::parse(body, Escapes::Strict).unwrap()).unwrap();
        prop_assert_eq!(again, request);
    }

    #[test]
    fn an_answer_comes_back_as_it_was(answer in answers()) {
        let rendered = super::answer(&answer, &SHOWN);
        let body = std::str::from_utf8(&rendered.body).unwrap();
        let again = decode::answer(&Node::parse(body, Escapes::Strict).unwrap()).unwrap();
        prop_assert_eq!(again, answer);
    }
}
