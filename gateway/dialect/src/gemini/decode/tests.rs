//! What is read of requests and answers, and what is refused.

#![expect(clippy::needless_pass_by_value, reason = "a case reads better without ampersands")]

use serde_json::json;

use super::*;
use crate::BadAnswer;
use crate::canonical::{
    Answer, Choice, Json, Media, Message, OutputShape, Part, Reasoning, Role, StopReason, ToolChoice,
};
use crate::json::Escapes;

fn read(body: &serde_json::Value) -> Result<Request, BadRequest> {
    request(&Node::parse(&body.to_string(), Escapes::Strict).unwrap())
}

/// Reads a request of one user turn and these members.
fn with(more: serde_json::Value) -> Result<Request, BadRequest> {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    read(&body)
}

fn parts(parts: serde_json::Value) -> Vec<Part> {
    read(&json!({"contents": [{"parts": parts}]})).unwrap().messages.remove(0).parts
}

fn lost(request: &Request) -> Vec<&str> {
    request.unknown.iter().map(|lost| lost.path.as_str()).collect()
}

#[test]
fn both_names_of_members_are_known() {
    let camel = with(json!({
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "generationConfig": {"maxOutputTokens": 7, "topK": 40, "stopSequences": ["a"], "candidateCount": 2},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    }));
    let snake = with(json!({
        "system_instruction": {"parts": {"text": "be brief"}},
        "generation_config": {"max_output_tokens": 7.0, "top_k": 40.0, "stop_sequences": ["a"], "candidate_count": 2},
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
    }));
    let found = camel.unwrap();
    assert_eq!(found, snake.unwrap());
    assert_eq!(found.messages[0], Message::text(Role::System, "be brief"));
    assert_eq!((found.max_output_tokens, found.sampling.top_k, found.choices), (Some(7), Some(40), Some(2)));
    assert_eq!(found.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!(lost(&found), Vec::<&str>::new());
}

#[test]
fn results_name_their_calls_even_where_the_caller_does_not() {
    let call = |name: &str| json!({"functionCall": {"name": name, "args": {"a": 1}}});
    let result = |name: &str, text: &str| json!({"functionResponse": {"name": name, "response": {"output": text}}});
    let found = read(&json!({"contents": [
        {"role": "user", "parts": [{"text": "x"}]},
        {"role": "model", "parts": [call("f"), call("g"), call("f")]},
        {"role": "user", "parts": [result("f", "1"), result("f", "2"), result("g", "3")]},
    ]}))
    .unwrap();
    let ids = |message: &Message| -> Vec<String> {
        message
            .parts
            .iter()
            .map(|part| match part {
                Part::ToolCall { id, .. } => id.clone(),
                Part::ToolResult { call, content, .. } => format!("{call}={content:?}"),
                _ => String::new(),
            })
            .collect()
    };
    assert_eq!(ids(&found.messages[1]), ["call_0", "call_1", "call_2"]);
    let text = |text: &str| format!("{:?}", [Part::text(text)]);
    let expected = [("call_0", "1"), ("call_2", "2"), ("call_1", "3")];
    assert_eq!(ids(&found.messages[2]), expected.map(|(call, said)| format!("{call}={}", text(said))));
    assert_eq!(found.messages[2].role, Role::Tool);
}

#[test]
fn results_are_texts_objects_errors_and_media() {
    let read = |response: serde_json::Value| {
        let more = json!([{"inlineData": {"mimeType": "image/png", "data": "AQID"}}]);
        let part = json!({"functionResponse": {"id": "c", "name": "f", "response": response, "parts": more}});
        let Part::ToolResult { call, content, is_error, .. } = parts(json!([part])).remove(0) else { panic!() };
        assert!(call == "c" && matches!(content.last(), Some(Part::Image { .. })));
        let Some(Part::Text { text, .. }) = content.into_iter().next() else { return (String::new(), is_error) };
        (text, is_error)
    };
    assert_eq!(read(json!({"result": "sunny"})), ("sunny".into(), false));
    assert_eq!(read(json!({"error": "no such town"})), ("no such town".into(), true));
    assert_eq!(read(json!({"t": 7, "error": null})).0, r#"{"error":null,"t":7}"#);
    assert_eq!(read(json!({"result": [1]})).0, r#"{"result":[1]}"#);
    assert_eq!(read(json!({})), (String::new(), false));
}

#[test]
fn media_is_what_its_type_says() {
    let found = parts(json!([
        {"inlineData": {"mimeType": "image/png", "data": "-_8"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
        {"inline_data": {"mime_type": "audio/wav", "data": "AQID"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "AQID", "displayName": "a.pdf"}},
        {"fileData": {"fileUri": "https://example.org/cat.jpg"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}},
    ]));
    let inline = |media_type: &str, data: &str| Media::Inline { media_type: media_type.into(), data: data.into() };
    let upload = "https://generativelanguage.googleapis.com/v1beta/files/a".to_owned();
    let expected = [
        Part::Image { media: inline("image/png", "+/8="), detail: Some("low".into()), cache: None },
        Part::Audio { media: inline("audio/wav", "AQID") },
        Part::File { media: inline("application/pdf", "AQID"), name: Some("a.pdf".into()), cache: None },
        Part::Image { media: Media::Url("https://example.org/cat.jpg".into()), detail: None, cache: None },
        Part::Image { media: Media::Id(upload), detail: None, cache: None },
    ];
    assert_eq!(found, expected);
}

#[test]
fn thoughts_keep_their_proofs() {
    let found = parts(json!([
        {"text": "hm", "thought": true},
        {"functionCall": {"id": "c", "name": "f"}, "thoughtSignature": "AQID"},
        {"text": "so", "thoughtSignature": "BAUG"},
    ]));
    let expected = [
        Part::Reasoning { text: "hm".into(), signature: None, redacted: false },
        Part::ToolCall { id: "c".into(), name: "f".into(), arguments: "{}".into(), signature: Some("AQID".into()) },
        Part::text("so"),
        Part::Reasoning { text: String::new(), signature: Some("gemini:BAUG".into()), redacted: true },
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_events_of_a_stream_come_back_as_one_turn() {
    let model = |part: serde_json::Value| json!({"role": "model", "parts": [part]});
    let found = read(&json!({"contents": [
        {"role": "user", "parts": [{"text": "x"}]},
        model(json!({"text": "h", "thought": true})),
        model(json!({"text": "m", "thought": true})),
        model(json!({"text": "", "thought": true, "thoughtSignature": "AQID"})),
        model(json!({"text": "Let me "})),
        model(json!({"text": "look."})),
        model(json!({"functionCall": {"id": "a", "name": "f"}})),
        model(json!({"text": ""})),
        {"role": "user", "parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"result": "1"}}}]},
        {"role": "user", "parts": [{"text": "y"}]},
        {"role": "user", "parts": [{"text": "z"}]},
    ]}))
    .unwrap();
    let call = Part::ToolCall { id: "a".into(), name: "f".into(), arguments: "{}".into(), signature: None };
    let thought = Part::Reasoning { text: "hm".into(), signature: Some("gemini:AQID".into()), redacted: false };
    assert_eq!(found.messages[1], Message::new(Role::Assistant, vec![thought, Part::text("Let me look."), call]));
    assert_eq!(found.messages[3..], [Message::text(Role::User, "y"), Message::text(Role::User, "z")]);
}

#[test]
fn thinking_is_a_level_or_a_budget() {
    let read = |config: serde_json::Value| {
        with(json!({"generationConfig": {"thinkingConfig": config}})).unwrap().reasoning.unwrap()
    };
    let levelled = Reasoning { effort: Some("low".into()), ..Reasoning::default() };
    assert_eq!(read(json!({"thinkingLevel": "LOW"})), levelled);
    let told = Reasoning { budget_tokens: Some(512), summary: Some("auto".into()), ..Reasoning::default() };
    assert_eq!(read(json!({"thinkingBudget": 512, "includeThoughts": true})), told);
    assert_eq!(read(json!({"thinking_budget": -1})), Reasoning::default());
}

#[test]
fn answers_in_json_may_have_a_schema_in_either_tongue() {
    let read = |config: serde_json::Value| with(json!({ "generationConfig": config })).unwrap().output;
    let schema = |text: &str| {
        let schema = Json::parse(text).unwrap();
        OutputShape::JsonSchema { name: None, description: None, schema, strict: None }
    };
    let json = "application/json";
    assert_eq!(read(json!({"responseMimeType": json})), OutputShape::JsonObject);
    assert_eq!(
        read(json!({"responseMimeType": json, "responseSchema": {"type": "STRING"}})),
        schema(r#"{"type":"string"}"#)
    );
    assert_eq!(
        read(json!({"responseMimeType": json, "responseJsonSchema": {"type": "null"}})),
        schema(r#"{"type":"null"}"#)
    );
    let odd = with(json!({"generationConfig": {"responseMimeType": "text/x.enum"}})).unwrap();
    assert_eq!((odd.output.clone(), lost(&odd)), (OutputShape::Text, vec!["generationConfig.responseMimeType"]));
}

#[test]
fn tools_are_functions_and_what_runs_at_google_is_told_as_lost() {
    let found = with(json!({"tools": [
        {"functionDeclarations": [{"name": "f", "description": "d", "parameters": {"type": "OBJECT"}}]},
        {"functionDeclarations": [{"name": "g", "parametersJsonSchema": {"type": "object"}}], "googleSearch": {}},
    ], "safetySettings": [], "cachedContent": null}))
    .unwrap();
    let names: Vec<_> =
        found.tools.iter().map(|it| (it.name.as_str(), it.parameters.as_ref().unwrap().as_str())).collect();
    assert_eq!(names, [("f", r#"{"type":"object"}"#), ("g", r#"{"type":"object"}"#)]);
    assert_eq!(lost(&found), ["tools[1].googleSearch", "safetySettings"]);
}

#[track_caller]
fn refused(body: serde_json::Value, param: &str, code: &str) {
    let fault = read(&body).unwrap_err();
    assert_eq!((fault.param.as_deref(), fault.code), (Some(param), code), "{body}");
}

#[test]
fn what_is_wrong_is_refused_by_its_path() {
    refused(json!({}), "contents", "missing_field");
    refused(json!({"contents": "hello"}), "contents", "invalid_type");
    refused(json!({"contents": [{"parts": [{"text": 7}]}]}), "contents[0].parts[0].text", "invalid_type");
    refused(json!({"contents": [{"role": "robot", "parts": []}]}), "contents[0].role", "invalid_value");
    refused(json!({"contents": [{"parts": [{}]}]}), "contents[0].parts[0].text", "missing_field");
    let blob = json!({"inlineData": {"data": "AQID"}});
    refused(json!({"contents": [{"parts": [blob]}]}), "contents[0].parts[0].inlineData.mimeType", "missing_field");
    let config = json!({"contents": [{"parts": [{"text": "x"}]}], "generation_config": {"temperature": "hot"}});
    refused(config, "generation_config.temperature", "invalid_type");
}

// === Answers ===

fn read_answer(body: &serde_json::Value) -> Result<Answer, BadAnswer> {
    answer(&Node::parse(&body.to_string(), Escapes::Lenient).unwrap())
}

#[test]
fn an_answer_says_who_why_and_how_much() {
    let found = read_answer(&json!({
        "candidates": [{"content": {"role": "model", "parts": [
            {"text": "hm", "thought": true}, {"text": "hello"},
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "AQID"},
        ]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 1},
        "modelVersion": "gemini-3-flash", "responseId": "r1",
    }))
    .unwrap();
    let call = Part::ToolCall {
        id: String::new(),
        name: "f".into(),
        arguments: r#"{"a":1}"#.into(),
        signature: Some("AQID".into()),
    };
    let thought = Part::Reasoning { text: "hm".into(), signature: None, redacted: false };
    let choice =
        Choice { parts: vec![thought, Part::text("hello"), call], stop: StopReason::ToolCalls, logprobs: None };
    assert_eq!((found.id.as_deref(), found.model.as_deref()), (Some("r1"), Some("gemini-3-flash")));
    assert_eq!(found.choices, [choice]);
    assert_eq!(found.usage.unwrap().completion_tokens, 3);
}

#[test]
fn a_blocked_prompt_is_a_filtered_answer() {
    let found = read_answer(&json!({"promptFeedback": {"blockReason": "SAFETY"}})).unwrap();
    assert_eq!(found.choices, [Choice { parts: vec![], stop: StopReason::ContentFilter, logprobs: None }]);
    assert_eq!(read_answer(&json!({"promptFeedback": {}})).unwrap().choices, []);
    assert!(matches!(read_answer(&json!([])), Err(BadAnswer::Malformed { .. })));
}
