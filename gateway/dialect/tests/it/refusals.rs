//! Chat requests that are wrong: refused by field where they must be translated, sent on as they are where not.

use bytes::Bytes;
use dialect::{BadRequest, Dialect, Encoded, Request, Target};
use serde_json::{Value, json};

const OTHERS: [Dialect; 3] = [Dialect::OpenaiResponses, Dialect::Anthropic, Dialect::Gemini];

fn encode(caller: Dialect, body: &Value, upstream: Dialect) -> Result<Encoded, BadRequest> {
    let target = Target { model: Some("m".to_owned()), stream: Some(false) };
    let request = Request::decode(caller, Bytes::from(body.to_string()), target)?;
    request.encode_for(upstream, "native")
}

fn chat(changes: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    body
}

#[track_caller]
fn check(changes: &Value, path: &str) {
    let body = chat(changes);
    for upstream in OTHERS {
        let bad = encode(Dialect::Openai, &body, upstream).expect_err("a refusal");
        assert_eq!(bad.param.as_deref(), Some(path), "{body} for {upstream:?}");
    }
    encode(Dialect::Openai, &body, Dialect::Openai).expect("what is not read goes on");
}

#[test]
fn messages_that_are_wrong_are_refused_by_their_field() {
    let message = |message: &Value| json!({"messages": [message]});
    check(&message(&json!({"role": "alien", "content": "x"})), "messages[0].role");
    check(&message(&json!({"role": "tool", "content": "x"})), "messages[0].tool_call_id");
    check(&message(&json!({"role": "function", "content": "x"})), "messages[0].name");
    check(&message(&json!({"role": "user", "content": [{"type": "text"}]})), "messages[0].content[0].text");
    check(&message(&json!({"role": "assistant", "content": [{"type": "refusal"}]})), "messages[0].content[0].refusal");
}

#[test]
fn tools_and_their_choice_that_are_wrong_are_refused_by_their_field() {
    check(&json!({"tools": [{"type": "function"}]}), "tools[0].function");
    check(&json!({"tools": [{"type": "function", "function": {}}]}), "tools[0].function.name");
    let choice =
        |choice: &Value| json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": choice});
    check(&choice(&json!("bogus")), "tool_choice");
    check(&choice(&json!({})), "tool_choice.function.name");
    check(&choice(&json!({"type": "function", "name": "f"})), "tool_choice.function.name");
    check(&choice(&json!({"type": "allowed_tools"})), "tool_choice.allowed_tools");
    check(&choice(&json!({"type": "bogus"})), "tool_choice.type");
}

#[test]
fn an_unknown_shape_of_the_answer_is_refused() {
    check(&json!({"response_format": {"type": "bogus"}}), "response_format.type");
}

#[test]
fn a_conversation_that_says_nothing_is_refused_where_it_would_be_an_empty_list() {
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": ""}]}]});
    let anthropic = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": ""}]});
    let sound = json!([{"role": "assistant", "content": null, "reasoning_content": "so"}]);
    for (caller, body, path) in [
        (Dialect::OpenaiResponses, json!({"model": "m", "input": ""}), "input"),
        (Dialect::OpenaiResponses, json!({"model": "m", "input": [{"role": "user", "content": ""}]}), "input"),
        (Dialect::Openai, chat(&json!({"messages": [{"role": "user", "content": ""}]})), "messages"),
        (
            Dialect::Openai,
            chat(&json!({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]})),
            "messages",
        ),
        (Dialect::Openai, chat(&json!({"messages": [{"role": "user", "content": null}]})), "messages"),
        (Dialect::Openai, chat(&json!({"messages": sound})), "messages"),
        (Dialect::Gemini, gemini, "contents"),
        (Dialect::Anthropic, anthropic, "messages"),
    ] {
        for upstream in Dialect::ALL.into_iter().filter(|upstream| *upstream != caller) {
            match encode(caller, &body, upstream) {
                Err(bad) => assert_eq!((bad.param.as_deref(), bad.code), (Some(path), "invalid_value"), "{body}"),
                Ok(encoded) => {
                    let sent: Value = serde_json::from_slice(&encoded.body).expect("JSON");
                    let turns = ["messages", "input", "contents"].map(|name| &sent[name]);
                    let has_turns = turns.iter().any(|turns| turns.as_array().is_some_and(|it| !it.is_empty()));
                    assert!(has_turns && body["messages"] == sound, "{upstream:?}: {sent}");
                }
            }
        }
    }
}

#[test]
fn an_application_that_speaks_alone_is_heard_in_every_dialect() {
    let body = chat(&json!({"messages": [{"role": "system", "content": "say hi"}]}));
    for (upstream, turns) in OTHERS.into_iter().zip(["input", "messages", "contents"]) {
        let encoded = encode(Dialect::Openai, &body, upstream).expect("a request");
        let sent: Value = serde_json::from_slice(&encoded.body).expect("JSON");
        assert!(sent[turns][0].to_string().contains("say hi"), "{sent}");
    }
}
