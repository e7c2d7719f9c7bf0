//! What input items become, what is refused, and what is told as lost.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::canonical::{Media, Message, OutputShape, Part, Request, Role, StopReason, ToolChoice};
use crate::json::{Escapes, Node};
use crate::request::BadRequest;

fn read(body: &str) -> Result<Request, BadRequest> {
    super::request(&Node::parse(body, Escapes::Strict).unwrap())
}

fn golden(name: &str) -> Request {
    let path = format!("{}/tests/golden/openai_responses/requests/{name}.json", env!("CARGO_MANIFEST_DIR"));
    read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn lost(request: &Request) -> Vec<&str> {
    request.unknown.iter().map(|lost| lost.path.as_str()).collect()
}

#[track_caller]
fn refused(body: &str, param: &str, code: &str) {
    let fault = read(body).unwrap_err();
    assert_eq!((fault.param.as_deref(), fault.code), (Some(param), code), "{body}: {fault}");
}

#[test]
fn a_text_is_a_turn_of_the_user() {
    let request = golden("plain");
    assert_eq!(request.messages, [Message::text(Role::User, "Name three rivers that cross a border.")]);
    assert!(request.unknown.is_empty());
}

#[test]
fn instructions_and_developer_messages_are_system_text() {
    let request = golden("system");
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::System, Role::User]);
    assert_eq!(request.messages[2].parts.len(), 2);
    assert_eq!((request.sampling.temperature, request.max_output_tokens), (Some(0.3), Some(200)));
    assert_eq!(request.user.as_deref(), Some("u-17"));
    assert!(request.unknown.is_empty(), "{:?}", request.unknown);
}

#[test]
fn what_the_model_said_in_a_row_is_one_turn() {
    let request = golden("tool_loop");
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::Tool]);
    let said = &request.messages[1].parts;
    assert_eq!(
        said[0],
        Part::Reasoning {
            text: "Two cities, two calls.".into(),
            signature: Some("gAAAAABown1".into()),
            redacted: false
        }
    );
    assert_eq!(said[1], Part::text("Let me look."));
    assert!(matches!(&said[3], Part::ToolCall { id, arguments, .. } if id == "call_b" && arguments.contains("Rome")));
    let Part::ToolResult { content, .. } = &request.messages[3].parts[0] else { panic!() };
    assert!(
        matches!(&content[1], Part::Image { media: Media::Inline { media_type, .. }, .. } if media_type == "image/png")
    );
    assert!(request.unknown.is_empty(), "{:?}", request.unknown);
}

#[test]
fn media_come_by_address_inline_or_as_uploads() {
    let parts = &golden("image").messages[0].parts;
    assert!(matches!(&parts[1], Part::Image { media: Media::Url(_), detail: Some(detail), .. } if detail == "high"));
    assert!(matches!(&parts[2], Part::Image { media: Media::Inline { .. }, .. }));
    assert!(matches!(&parts[3], Part::Image { media: Media::Id(id), .. } if id == "file-123"));
    assert!(
        matches!(&parts[4], Part::File { media: Media::Inline { .. }, name: Some(name), .. } if name == "note.pdf")
    );
    assert!(matches!(&parts[5], Part::File { media: Media::Url(_), .. }));
}

#[test]
fn tools_choices_and_shapes_are_read() {
    let request = golden("tools");
    assert_eq!((request.tools[0].strict, request.tools[1].parameters.is_none()), (Some(true), true));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("weather".into())));
    let among = ToolChoice::Among { names: vec!["weather".into()], required: true };
    assert_eq!(golden("tools_allowed").tool_choice, Some(among));
    let structured = golden("structured");
    assert!(
        matches!(structured.output, OutputShape::JsonSchema { name: Some(name), strict: Some(true), .. } if name == "book")
    );
    assert_eq!(structured.verbosity.as_deref(), Some("low"));
}

#[test]
fn what_others_cannot_say_is_lost_by_its_path() {
    let request = golden("unknown_fields");
    let expected = [
        "tools[0]",
        "tools[1].defer_loading",
        "input[0].mood",
        "input[1]",
        "input[2]",
        "input[3]",
        "include[0]",
        "truncation",
        "max_tool_calls",
        "x_vendor",
    ];
    let mut lost = lost(&request);
    lost.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(lost, expected);
    assert_eq!(request.logprobs, Some(2));
    assert_eq!(request.tools.len(), 1);
}

#[test]
fn what_a_provider_has_kept_is_asked_of_no_other() {
    assert_eq!(lost(&golden("state_at_the_provider")), ["previous_response_id"]);
}

#[test]
fn wrong_types_are_refused_with_their_path() {
    refused(r#"{"model":"m"}"#, "input", "missing_field");
    refused(r#"{"input":7}"#, "input", "invalid_type");
    refused(r#"{"input":[7]}"#, "input[0]", "invalid_type");
    refused(r#"{"input":[{"role":"wizard","content":"x"}]}"#, "input[0].role", "invalid_value");
    refused(r#"{"input":[{"role":"user"}]}"#, "input[0].content", "missing_field");
    refused(r#"{"input":[{"role":"user","content":[{"text":"x"}]}]}"#, "input[0].content[0].type", "missing_field");
    refused(
        r#"{"input":[{"role":"user","content":[{"type":"input_text","text":1}]}]}"#,
        "input[0].content[0].text",
        "invalid_type",
    );
    refused(
        r#"{"input":[{"role":"user","content":[{"type":"input_image"}]}]}"#,
        "input[0].content[0].image_url",
        "missing_field",
    );
    refused(
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":{}}]}"#,
        "input[0].arguments",
        "invalid_type",
    );
    refused(r#"{"input":"x","max_output_tokens":0}"#, "max_output_tokens", "invalid_value");
    refused(r#"{"input":"x","background":true}"#, "background", "invalid_value");
    refused(r#"{"input":"x","tool_choice":"maybe"}"#, "tool_choice", "invalid_value");
    refused(r#"{"input":"x","tools":[{"type":"function"}]}"#, "tools[0].name", "missing_field");
    refused(r#"{"input":"x","text":{"format":{"type":"json_schema"}}}"#, "text.format.schema", "missing_field");
}

#[test]
fn an_earlier_response_may_stand_for_the_input() {
    assert!(read(r#"{"previous_response_id":"resp_1"}"#).unwrap().messages.is_empty());
    assert!(read(r#"{"input":"x","background":false}"#).unwrap().unknown.is_empty());
}

fn answered(name: &str) -> crate::canonical::Answer {
    let path = format!("{}/tests/golden/openai_responses/answers/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let body = std::fs::read_to_string(path).unwrap();
    super::answer(&Node::parse(&body, Escapes::Lenient).unwrap()).unwrap()
}

#[test]
fn an_answer_says_why_it_ended() {
    let stop = |name| answered(name).choices[0].stop.clone();
    assert_eq!(stop("text"), StopReason::Stop);
    assert_eq!(stop("tools"), StopReason::ToolCalls);
    assert_eq!(stop("cut_off"), StopReason::Length);
    assert_eq!(stop("filtered"), StopReason::ContentFilter);
    assert_eq!(stop("refusal"), StopReason::Refusal);
}

#[test]
fn thoughts_keep_their_proof_and_withheld_ones_are_marked() {
    let told = &answered("thinking").choices[0].parts[0];
    let Part::Reasoning { text, signature, redacted: false } = told else { panic!("{told:?}") };
    assert_eq!((text.as_str(), signature.as_deref()), ("Try small primes.\n\nNone divides.", Some("gAAAAABproof")));
    let withheld = &answered("withheld_thinking").choices[0].parts[0];
    assert!(matches!(withheld, Part::Reasoning { text, redacted: true, .. } if text.is_empty()), "{withheld:?}");
    assert_eq!(answered("thinking").usage.unwrap().reasoning_tokens, 320);
}

#[test]
fn log_probabilities_are_those_of_the_chat_dialect() {
    let logprobs = answered("logprobs_and_unknown").choices[0].logprobs.clone().unwrap();
    assert!(logprobs.as_str().starts_with(r#"{"content":[{"#) && logprobs.as_str().ends_with(r#""refusal":null}"#));
}

#[test]
fn a_response_that_is_no_answer_is_an_error() {
    let refuse = |body: &str| super::answer(&Node::parse(body, Escapes::Lenient).unwrap()).unwrap_err().to_string();
    assert!(refuse(r#"{"status":"failed","output":[]}"#).contains("failed"));
    assert!(refuse(r#"{"status":"queued","output":[]}"#).contains("queued"));
    assert!(refuse(r#"{"detail":"busy"}"#).contains("busy"));
    assert!(refuse(r#"{"output":{}}"#).contains("not an array"));
    assert!(refuse("{}").contains("no choices"));
}
