//! What requests and answers become in the dialect, and what is lost.

#![expect(clippy::needless_pass_by_value, reason = "a case reads better without ampersands")]

use serde_json::{Value, json};

use super::*;
use crate::canonical::{Json, Media, Message, OutputShape, Part, Reasoning, Role, Tool, ToolChoice};

fn said(messages: Vec<Message>) -> Request {
    Request { messages, ..Request::default() }
}

fn write(it: &Request, model: &str) -> (Value, Vec<String>) {
    let encoded = request(it, model);
    let lost = encoded.loss.iter().map(|lost| lost.path.clone()).collect();
    (serde_json::from_slice(&encoded.body).unwrap(), lost)
}

#[track_caller]
fn check(messages: Vec<Message>, contents: Value, lost: &[&str]) {
    let (body, found) = write(&said(messages), "gemini-2.5-flash");
    assert_eq!((&body["contents"], found), (&contents, lost.iter().map(|path| (*path).to_owned()).collect()));
}

fn call(id: &str, name: &str) -> Part {
    Part::ToolCall { id: id.into(), name: name.into(), arguments: r#"{"a":1}"#.into(), signature: None }
}

fn result(call: &str, text: &str) -> Message {
    let content = vec![Part::text(text)];
    Message::new(
        Role::Tool,
        vec![Part::ToolResult { call: call.into(), name: None, content, is_error: false, cache: None }],
    )
}

#[test]
fn system_text_stands_before_the_conversation() {
    let user = || Message::text(Role::User, "hi");
    let (body, lost) = write(&said(vec![Message::text(Role::System, "be brief"), user()]), "gemini-3-flash");
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "be brief"}]}));
    assert_eq!(lost, Vec::<String>::new());
    let (_, lost) = write(&said(vec![user(), Message::text(Role::System, "late")]), "gemini-3-flash");
    assert_eq!(lost, ["messages[1]"]);
    let (alone, _) = write(&said(vec![Message::text(Role::System, "tell a story")]), "gemini-3-flash");
    assert_eq!(alone, json!({"contents": [{"role": "user", "parts": [{"text": "tell a story"}]}]}));
}

#[test]
fn results_of_one_turn_stand_together_and_name_their_functions() {
    let calls = Message::new(Role::Assistant, vec![call("c1", "f"), call("c2", "g")]);
    let messages = vec![Message::text(Role::User, "hi"), calls, result("c1", "one"), result("c2", r#"{"t":7,"u":8}"#)];
    let sent = |id: &str, name: &str| json!({"functionCall": {"id": id, "name": name, "args": {"a": 1}}});
    let back = |id: &str, name: &str, response: Value| json!({"functionResponse": {"id": id, "name": name, "response": response}});
    let expected = json!([
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [sent("c1", "f"), sent("c2", "g")]},
        {"role": "user", "parts": [back("c1", "f", json!({"output": "one"})), back("c2", "g", json!({"t": 7, "u": 8}))]},
    ]);
    check(messages, expected, &[]);
    let orphan = json!([{"role": "user", "parts": [back("c9", "c9", json!({"output": "{}"}))]}]);
    check(vec![result("c9", "{}")], orphan, &["messages[0].content[0].name"]);
}

#[test]
fn newer_models_are_told_to_trust_calls_without_proof() {
    let proven =
        Part::ToolCall { id: "c0".into(), name: "f".into(), arguments: String::new(), signature: Some("AQID".into()) };
    let messages = |part: Part| said(vec![Message::new(Role::Assistant, vec![part, call("c2", "g")])]);
    let signatures = |part: Part, model: &str| {
        let (body, _) = write(&messages(part), model);
        [0, 1].map(|place| body["contents"][0]["parts"][place]["thoughtSignature"].clone())
    };
    assert_eq!(signatures(call("c1", "f"), "gemini-3-pro"), [json!(NO_PROOF), Value::Null]);
    assert_eq!(signatures(proven, "gemini-3-pro"), [json!("AQID"), Value::Null]);
    assert_eq!(signatures(call("c1", "f"), "gemini-2.5-pro"), [Value::Null, Value::Null]);
}

const NO_PROOF: &str = crate::gemini::proof::NO_PROOF;

#[test]
fn proofs_of_others_are_lost_and_words_are_not() {
    let thought = |text: &str, signature: &str, redacted| Part::Reasoning {
        text: text.into(),
        signature: Some(signature.into()),
        redacted,
    };
    let parts =
        vec![thought("hm", "foreign", false), thought("", "foreign", true), thought("so", "gemini:AQID", false)];
    let expected = json!([{"role": "model", "parts": [
        {"text": "hm", "thought": true},
        {"text": "so", "thought": true, "thoughtSignature": "AQID"},
    ]}]);
    let lost = ["messages[0].content[0].signature", "messages[0].content[1].signature"];
    check(vec![Message::new(Role::Assistant, parts)], expected, &lost);
}

#[test]
fn media_is_sent_inline_or_by_address() {
    let png = Media::Inline { media_type: "image/png".into(), data: "AQID".into() };
    let image = |media, detail: Option<&str>| Part::Image { media, detail: detail.map(str::to_owned), cache: None };
    let parts = vec![
        image(png, Some("high")),
        image(Media::Url("https://example.org/a.webp".into()), Some("auto")),
        Part::File { media: Media::Id("file-1".into()), name: None, cache: None },
    ];
    let expected = json!([{"role": "user", "parts": [
        {"inlineData": {"mimeType": "image/png", "data": "AQID"}},
        {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.org/a.webp"}},
    ]}]);
    check(
        vec![Message::new(Role::User, parts)],
        expected,
        &["messages[0].content[0].detail", "messages[0].content[2]"],
    );
}

#[test]
fn broken_arguments_keep_their_text() {
    let broken = Part::ToolCall { id: "c".into(), name: "f".into(), arguments: "{\"a\":".into(), signature: None };
    let args = json!({"arguments": "{\"a\":"});
    let expected = json!([{"role": "model", "parts": [{"functionCall": {"id": "c", "name": "f", "args": args}}]}]);
    check(vec![Message::new(Role::Assistant, vec![broken])], expected, &["messages[0].content[0].arguments"]);
}

#[track_caller]
fn thinks(effort: Option<&str>, budget_tokens: Option<u64>, model: &str, expected: Value, lost: &[&str]) {
    let reasoning = Reasoning { effort: effort.map(str::to_owned), budget_tokens, summary: None };
    let (body, found) = write(&Request { reasoning: Some(reasoning), ..Request::default() }, model);
    assert_eq!(
        (&body["generationConfig"]["thinkingConfig"], found.as_slice()),
        (&expected, lost.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().as_slice())
    );
}

#[test]
fn thinking_is_said_as_the_generation_takes_it() {
    let (old, new) = ("gemini-2.5-flash", "gemini-3-flash");
    thinks(Some("low"), None, old, json!({"thinkingBudget": 1024}), &[]);
    thinks(Some("none"), None, old, json!({"thinkingBudget": 0}), &[]);
    thinks(Some("none"), None, "gemini-2.5-pro", json!({"thinkingBudget": 128}), &["reasoning.effort"]);
    thinks(Some("low"), None, new, json!({"thinkingLevel": "LOW"}), &[]);
    thinks(Some("max"), None, new, json!({"thinkingLevel": "HIGH"}), &["reasoning.effort"]);
    thinks(None, Some(7), new, json!({"thinkingBudget": 7}), &[]);
    thinks(Some("low"), Some(7), new, json!({"thinkingLevel": "LOW"}), &["reasoning.budget_tokens"]);
    thinks(None, Some(0), old, json!({"thinkingBudget": 0}), &[]);
    thinks(None, Some(0), "gemini-3-pro", json!({"thinkingLevel": "LOW"}), &["reasoning.effort"]);
    thinks(None, None, new, json!({"thinkingBudget": -1}), &[]);
}

fn schema(text: &str) -> Option<Json> {
    Json::parse(text)
}

#[test]
fn functions_take_json_schemas_and_choices_are_modes() {
    let tool = |name: &str, parameters| Tool {
        name: name.into(),
        description: None,
        parameters,
        strict: Some(true),
        cache: None,
    };
    let full = r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
    let tools = vec![tool("f", schema(full)), tool("g", schema(r#"{"type":"object","properties":{}}"#))];
    let choose = |choice| {
        let (body, _) =
            write(&Request { tools: tools.clone(), tool_choice: Some(choice), ..Request::default() }, "gemini-3-flash");
        body["toolConfig"]["functionCallingConfig"].clone()
    };
    assert_eq!(choose(ToolChoice::Required), json!({"mode": "ANY"}));
    assert_eq!(choose(ToolChoice::Named("f".into())), json!({"mode": "ANY", "allowedFunctionNames": ["f"]}));
    let among = ToolChoice::Among { names: vec!["f".into()], required: false };
    assert_eq!(choose(among), json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}));
    let (body, lost) = write(&Request { tools, ..Request::default() }, "gemini-3-flash");
    let functions =
        json!([{"name": "f", "parametersJsonSchema": serde_json::from_str::<Value>(full).unwrap()}, {"name": "g"}]);
    assert_eq!(body["tools"], json!([{ "functionDeclarations": functions }]));
    assert_eq!(lost, ["tools[0].strict", "tools[1].strict"]);
}

#[test]
fn answers_in_json_are_asked_for_where_the_model_can() {
    let output = OutputShape::JsonSchema {
        name: Some("n".into()),
        description: None,
        schema: schema("{}").unwrap(),
        strict: Some(true),
    };
    let tools = vec![Tool { name: "f".into(), description: None, parameters: None, strict: None, cache: None }];
    let both = Request { tools, output, ..Request::default() };
    let config = |it: &Request, model| write(it, model).0["generationConfig"].clone();
    let expected = json!({"responseMimeType": "application/json", "responseJsonSchema": {}});
    assert_eq!(config(&both, "gemini-3-flash"), expected);
    assert_eq!(config(&Request { tools: Vec::new(), ..both.clone() }, "gemini-2.5-flash"), expected);
    let (body, lost) = write(&both, "gemini-2.5-flash");
    assert_eq!((&body["generationConfig"], lost), (&Value::Null, vec!["output".to_owned()]));
}

#[test]
fn what_the_dialect_lacks_is_told_as_lost() {
    let lacking = Request {
        user: Some("u".into()),
        metadata: schema("{}"),
        verbosity: Some("low".into()),
        parallel_tool_calls: Some(false),
        service_tier: Some("scale".into()),
        stop: (0..7).map(|it| it.to_string()).collect(),
        ..Request::default()
    };
    let (body, lost) = write(&lacking, "gemini-3-flash");
    assert_eq!(body["generationConfig"]["stopSequences"], json!(["0", "1", "2", "3", "4"]));
    assert_eq!(lost, ["stop[5]", "service_tier", "parallel_tool_calls", "verbosity", "user", "metadata"]);
}
