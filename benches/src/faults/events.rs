//! What a well-behaved upstream of each dialect sends: whole answers, and streams event by event.

use serde_json::{Value, json};

use crate::faults::speech::{Speech, Spent};

/// The pieces of every good text: some of them more than one byte a character.
pub(super) const WORDS: [&str; 4] = ["Alpha ", "béta ", "gamma 😀 ", "delta."];

/// A stream's events, and where it begins and ends to mean something.
#[derive(Clone, Debug)]
pub struct Script {
    /// The events as they are written, each with its blank line.
    pub events: Vec<String>,
    /// The first with content.
    pub first_content: usize,
    /// The first after which the answer counts as complete.
    pub finish: usize,
}

pub(super) fn answer(speech: Speech, model: &str, spent: Spent) -> Value {
    let text = WORDS.concat();
    let (prompt, completion) = (spent.prompt, spent.completion);
    match speech {
        Speech::Openai => json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
        }),
        Speech::Anthropic => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": model,
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": prompt, "output_tokens": completion},
        }),
        Speech::Gemini => json!({
            "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": gemini_usage(spent), "modelVersion": model, "responseId": "r1",
        }),
        Speech::Responses => response(model, "completed", Some((&text, spent))),
    }
}

pub(super) fn stream(speech: Speech, model: &str, spent: Spent) -> Script {
    match speech {
        Speech::Openai => openai(model, spent),
        Speech::Anthropic => anthropic(model, spent),
        Speech::Gemini => gemini(model, spent),
        Speech::Responses => responses(model, spent),
    }
}

/// An error in the midst of a stream.
pub(super) fn error_event(speech: Speech) -> String {
    let message = "the model fell over";
    match speech {
        Speech::Openai => unnamed(&json!({"error": {"message": message, "type": "server_error", "code": null}})),
        Speech::Anthropic => {
            named("error", &json!({"type": "error", "error": {"type": "api_error", "message": message}}))
        }
        Speech::Gemini => unnamed(&json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})),
        Speech::Responses => named(
            "error",
            &json!({"type": "error", "code": "server_error", "message": message, "param": null, "sequence_number": 9}),
        ),
    }
}

/// What clients wait for at the end, and does not say why there is one.
pub(super) fn bare_marker(speech: Speech) -> String {
    match speech {
        Speech::Anthropic => typed(&json!({"type": "message_stop"})),
        // Some servers send it in any dialect.
        Speech::Openai | Speech::Gemini | Speech::Responses => DONE.to_owned(),
    }
}

const DONE: &str = "data: [DONE]\n\n";

fn named(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn unnamed(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn typed(data: &Value) -> String {
    named(data["type"].as_str().unwrap_or_default(), data)
}

fn gemini_usage(spent: Spent) -> Value {
    json!({"promptTokenCount": spent.prompt, "candidatesTokenCount": spent.completion,
        "totalTokenCount": spent.prompt + spent.completion})
}

fn openai(model: &str, spent: Spent) -> Script {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": model, "choices": choices});
        if !usage.is_null() {
            chunk["usage"] = usage;
        }
        unnamed(&chunk)
    };
    let delta = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    let mut events = vec![chunk(delta(json!({"role": "assistant", "content": ""}), Value::Null), Value::Null)];
    events.extend(WORDS.iter().map(|word| chunk(delta(json!({"content": word}), Value::Null), Value::Null)));
    events.push(chunk(delta(json!({}), json!("stop")), Value::Null));
    let (prompt, completion) = (spent.prompt, spent.completion);
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    events.push(chunk(json!([]), usage));
    events.push(DONE.to_owned());
    Script { first_content: 1, finish: 1 + WORDS.len(), events }
}

fn anthropic(model: &str, spent: Spent) -> Script {
    let mut events = vec![
        typed(&json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": model, "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": spent.prompt, "output_tokens": 1}}})),
        typed(&json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
    ];
    events.extend(WORDS.iter().map(|word| {
        typed(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}))
    }));
    events.push(typed(&json!({"type": "content_block_stop", "index": 0})));
    events.push(typed(&json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
        "usage": {"output_tokens": spent.completion}})));
    events.push(typed(&json!({"type": "message_stop"})));
    Script { first_content: 2, finish: 2 + WORDS.len() + 1, events }
}

fn gemini(model: &str, spent: Spent) -> Script {
    let last = WORDS.len() - 1;
    let events = WORDS.iter().enumerate().map(|(place, word)| {
        let mut candidate = json!({"content": {"parts": [{"text": word}], "role": "model"}, "index": 0});
        let mut chunk = json!({"modelVersion": model, "responseId": "r1"});
        if place == last {
            candidate["finishReason"] = json!("STOP");
            chunk["usageMetadata"] = gemini_usage(spent);
        }
        chunk["candidates"] = json!([candidate]);
        unnamed(&chunk)
    });
    Script { events: events.collect(), first_content: 0, finish: last }
}

fn response(model: &str, status: &str, said: Option<(&str, Spent)>) -> Value {
    let mut response = json!({"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": status,
        "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": null, "model": model,
        "output": [], "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "usage": null, "metadata": {}});
    if let Some((text, Spent { prompt, completion })) = said {
        response["output"] = json!([message(text, "completed")]);
        response["usage"] = json!({"input_tokens": prompt, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": completion, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + completion});
    }
    response
}

fn message(text: &str, status: &str) -> Value {
    let content = if text.is_empty() { json!([]) } else { json!([part(text)]) };
    json!({"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content})
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

fn responses(model: &str, spent: Spent) -> Script {
    let text = WORDS.concat();
    let place = |mut event: Value| {
        event["output_index"] = json!(0);
        event["item_id"] = json!("msg_1");
        event["content_index"] = json!(0);
        event
    };
    let mut data = vec![
        json!({"type": "response.created", "response": response(model, "in_progress", None)}),
        json!({"type": "response.in_progress", "response": response(model, "in_progress", None)}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": message("", "in_progress")}),
        place(json!({"type": "response.content_part.added", "part": part("")})),
    ];
    let first_content = data.len();
    data.extend(
        WORDS.iter().map(|word| place(json!({"type": "response.output_text.delta", "delta": word, "logprobs": []}))),
    );
    data.push(place(json!({"type": "response.output_text.done", "text": text, "logprobs": []})));
    data.push(place(json!({"type": "response.content_part.done", "part": part(&text)})));
    data.push(json!({"type": "response.output_item.done", "output_index": 0, "item": message(&text, "completed")}));
    data.push(json!({"type": "response.completed", "response": response(model, "completed", Some((&text, spent)))}));
    let finish = data.len() - 1;
    let events = data.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = json!(number);
        typed(&event)
    });
    Script { events: events.collect(), first_content, finish }
}
