//! The questions of `providers check`, and how an answer is judged.

use domain::{Ability, Model};
use serde_json::{Value, json};

/// One question.
pub(super) struct Probe {
    /// What it finds out.
    pub(super) capability: &'static str,
    /// Asked only of models that declare this.
    pub(super) ability: Option<Ability>,
    /// Below the gateway's `/v1`.
    pub(super) path: &'static str,
    /// The request, for a model.
    pub(super) body: fn(&str) -> Value,
    /// What an answer of a status and a body shows; an error says what is wrong.
    pub(super) judge: fn(u16, &str) -> Result<String, String>,
}

impl Probe {
    /// Models of vectors answer nothing else, and nobody else answers with vectors.
    pub(super) fn fits(&self, model: &Model) -> bool {
        model.can(Ability::Embeddings) == (self.path == EMBEDDINGS)
    }
}

const CHAT: &str = "/chat/completions";
const EMBEDDINGS: &str = "/embeddings";
/// One red pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

pub(super) const PROBES: &[Probe] = &[
    Probe { capability: "chat", ability: None, path: CHAT, body: |model| plain(model, json!({})), judge: chat },
    Probe { capability: "usage", ability: None, path: CHAT, body: |model| plain(model, json!({})), judge: usage },
    Probe { capability: "stream", ability: None, path: CHAT, body: streamed, judge: stream },
    Probe { capability: "usage in streams", ability: None, path: CHAT, body: streamed, judge: stream_usage },
    Probe {
        capability: "errors",
        ability: None,
        path: CHAT,
        body: |model| plain(model, json!({"temperature": 99})),
        judge: errors,
    },
    Probe { capability: "tools", ability: Some(Ability::Tools), path: CHAT, body: with_tool, judge: tools },
    Probe { capability: "json_object", ability: Some(Ability::JsonObject), path: CHAT, body: with_json, judge: object },
    Probe {
        capability: "json_schema",
        ability: Some(Ability::JsonSchema),
        path: CHAT,
        body: with_schema,
        judge: schema,
    },
    Probe { capability: "vision", ability: Some(Ability::Vision), path: CHAT, body: with_image, judge: chat },
    Probe {
        capability: "embeddings",
        ability: Some(Ability::Embeddings),
        path: EMBEDDINGS,
        body: embedded,
        judge: vectors,
    },
];

// === Questions ===

fn plain(model: &str, more: Value) -> Value {
    let mut body = json!({"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": "Answer with the one word: ready"}]});
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

fn streamed(model: &str) -> Value {
    plain(model, json!({"stream": true, "stream_options": {"include_usage": true}}))
}

fn parameters() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false})
}

fn with_tool(model: &str) -> Value {
    let function = json!({"name": "weather", "description": "The weather of a city", "parameters": parameters()});
    let messages = json!([{"role": "user", "content": "What is the weather in Paris?"}]);
    plain(
        model,
        json!({"messages": messages, "tools": [{"type": "function", "function": function}], "tool_choice": "required"}),
    )
}

fn with_json(model: &str) -> Value {
    let messages =
        json!([{"role": "user", "content": "Answer with a JSON object whose member city is the capital of France."}]);
    plain(model, json!({"messages": messages, "response_format": {"type": "json_object"}}))
}

fn with_schema(model: &str) -> Value {
    let messages = json!([{"role": "user", "content": "Which city is the capital of France?"}]);
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "capital", "strict": true, "schema": parameters()}});
    plain(model, json!({"messages": messages, "response_format": format}))
}

fn with_image(model: &str) -> Value {
    let parts = json!([{"type": "text", "text": "Which colour is this? One word."}, {"type": "image_url", "image_url": {"url": PIXEL}}]);
    plain(model, json!({"messages": [{"role": "user", "content": parts}]}))
}

fn embedded(model: &str) -> Value {
    json!({"model": model, "input": ["one text", "another"]})
}

// === Judgement ===

/// The answer as JSON, or what the error says.
fn good(status: u16, body: &str) -> Result<Value, String> {
    let document: Value =
        serde_json::from_str(body).map_err(|_| format!("status {status} and a body that is no JSON"))?;
    if status == 200 {
        return Ok(document);
    }
    Err(format!("status {status}: {}", document["error"]["message"].as_str().unwrap_or("no message")))
}

fn message(status: u16, body: &str) -> Result<Value, String> {
    Ok(good(status, body)?["choices"][0]["message"].clone())
}

fn chat(status: u16, body: &str) -> Result<String, String> {
    let message = message(status, body)?;
    let text = message["content"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        Err("the answer has no text".to_owned())
    } else {
        Ok(format!("{} characters", text.chars().count()))
    }
}

fn usage(status: u16, body: &str) -> Result<String, String> {
    counts(&good(status, body)?["usage"])
}

fn counts(usage: &Value) -> Result<String, String> {
    match (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64()) {
        (Some(prompt), Some(completion)) if prompt > 0 && completion > 0 => {
            Ok(format!("{prompt} in, {completion} out"))
        }
        _ => Err("no usage: tokens and cost would be estimated".to_owned()),
    }
}

fn chunks(status: u16, body: &str) -> Result<Vec<Value>, String> {
    if status != 200 {
        good(status, body)?;
    }
    if !body.trim_end().ends_with("data: [DONE]") {
        return Err("the stream did not end with its terminal marker".to_owned());
    }
    Ok(body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect())
}

fn stream(status: u16, body: &str) -> Result<String, String> {
    let chunks = chunks(status, body)?;
    let pieces = chunks
        .iter()
        .filter(|chunk| chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()));
    let pieces = pieces.count();
    let finished = chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"].is_string());
    match (pieces, finished) {
        (0, _) => Err("no piece of text came".to_owned()),
        (_, false) => Err("no finish reason came".to_owned()),
        (pieces, true) => Ok(format!("{pieces} pieces of text")),
    }
}

fn stream_usage(status: u16, body: &str) -> Result<String, String> {
    let chunks = chunks(status, body)?;
    counts(chunks.iter().rev().map(|chunk| &chunk["usage"]).find(|usage| usage.is_object()).unwrap_or(&Value::Null))
}

fn errors(status: u16, body: &str) -> Result<String, String> {
    let document: Value =
        serde_json::from_str(body).map_err(|_| format!("status {status} and a body that is no JSON"))?;
    match status {
        200 => Ok("takes a temperature of 99 without a word".to_owned()),
        400..=422 if document["error"]["message"].is_string() => Ok(format!("status {status} with a message")),
        _ => Err(format!("status {status} for a temperature of 99, where 400 is expected")),
    }
}

fn tools(status: u16, body: &str) -> Result<String, String> {
    let message = message(status, body)?;
    let call = &message["tool_calls"][0];
    let arguments = call["function"]["arguments"].as_str().ok_or("no tool was called although one was required")?;
    let arguments: Value = serde_json::from_str(arguments).map_err(|_| "the arguments are no JSON")?;
    match (call["id"].as_str(), arguments["city"].as_str()) {
        (Some(id), Some(_)) if !id.is_empty() => Ok("a call with an id and sound arguments".to_owned()),
        (_, None) => Err("the arguments do not fit the schema".to_owned()),
        _ => Err("the call has no id".to_owned()),
    }
}

fn parsed(status: u16, body: &str) -> Result<Value, String> {
    let message = message(status, body)?;
    serde_json::from_str(message["content"].as_str().unwrap_or_default())
        .map_err(|_| "the answer is no JSON".to_owned())
}

fn object(status: u16, body: &str) -> Result<String, String> {
    if parsed(status, body)?.is_object() {
        Ok("a JSON object".to_owned())
    } else {
        Err("the answer is no object".to_owned())
    }
}

fn schema(status: u16, body: &str) -> Result<String, String> {
    let answer = parsed(status, body)?;
    let fits = answer["city"].is_string() && answer.as_object().is_some_and(|it| it.len() == 1);
    if fits { Ok("an object that fits".to_owned()) } else { Err("the answer does not fit the schema".to_owned()) }
}

fn vectors(status: u16, body: &str) -> Result<String, String> {
    let document = good(status, body)?;
    let lengths: Vec<usize> = document["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| Some(it["embedding"].as_array()?.len()))
        .collect();
    match lengths.as_slice() {
        [first, second] if first == second && *first > 0 => Ok(format!("{first} dimensions")),
        _ => Err(format!("two vectors of one length were expected, found lengths {lengths:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged_by_what_they_hold() {
        let with = |message: Value| json!({"choices": [{"message": message}]}).to_string();
        assert!(chat(200, &with(json!({"content": "ready"}))).is_ok());
        assert!(chat(200, &with(json!({"content": " "}))).is_err());
        assert!(chat(401, r#"{"error":{"message":"no key"}}"#).unwrap_err().contains("no key"));
        let call = |arguments: &str| json!({"tool_calls": [{"id": "c", "function": {"arguments": arguments}}]});
        assert!(tools(200, &with(call(r#"{"city":"Paris"}"#))).is_ok());
        assert!(tools(200, &with(call("{"))).is_err() && tools(200, &with(json!({}))).is_err());
        assert!(schema(200, &with(json!({"content": r#"{"city":"Paris"}"#}))).is_ok());
        assert!(schema(200, &with(json!({"content": r#"{"town":"Paris"}"#}))).is_err());
    }

    #[test]
    fn a_stream_must_have_text_a_reason_and_its_marker() {
        let text = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
        let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        let done = "data: [DONE]\n\n";
        assert!(stream(200, &[text, finish, done].concat()).is_ok());
        for broken in [[text, finish].concat(), [text, done].concat(), [finish, done].concat()] {
            assert!(stream(200, &broken).is_err(), "{broken}");
        }
        assert!(stream_usage(200, &[text, finish, done].concat()).is_err());
    }
}
