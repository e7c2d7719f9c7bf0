//! From a request to an answer: what is refused, what is said, where it is cut, and what it counts.

use dialect::TokenEstimator;
use serde_json::{Value, json};

use super::model::{self, DemoModel};
use super::skill::{self, Prompt};
use super::wire::{Answer, ApiError, ChatRequest, Choice, OneOrMore, Saying, pieces};
use super::{schema, tools};

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
/// More choices than this are refused.
const MAX_CHOICES: u32 = 16;
const TOKENS_PER_IMAGE: u64 = 1_000;
const TOKENS_PER_MESSAGE: u64 = 4;

/// Answers a request, the same way each time but for its id and date.
pub(super) fn answer(request: &ChatRequest, serial: u64, created: u64) -> Result<Answer, ApiError> {
    let model = model::find(&request.model).ok_or_else(|| unknown_model(&request.model))?;
    check(request)?;
    let prompt_tokens = prompt_tokens(request);
    check_length(request, model, prompt_tokens)?;
    let limit = request.max_completion_tokens.or(request.max_tokens).unwrap_or(u64::MAX).min(model.max_output_tokens);
    let choices = choices(request, model, limit, serial)?;
    let completion_tokens = choices.iter().map(Choice::tokens).sum();
    let id = format!("chatcmpl-demo-{serial:012x}");
    Ok(Answer { id, created, model: model.native, choices, prompt_tokens, completion_tokens })
}

fn choices(request: &ChatRequest, model: &DemoModel, limit: u64, serial: u64) -> Result<Vec<Choice>, ApiError> {
    let asked = request.messages.iter().rev().find(|message| message.role == "user").map(super::wire::Message::text);
    let asked = asked.unwrap_or_default();
    let count = request.n.unwrap_or(1);
    if let Some(chosen) = tools::choose(request, &asked)? {
        let call = |index| {
            let id = format!("call_demo_{serial:012x}_{index}");
            let saying = Saying::Call { id, name: chosen.name.clone(), arguments: chosen.arguments.clone() };
            Choice { saying, finish_reason: "tool_calls" }.cut(limit)
        };
        return Ok((0..count).map(call).collect());
    }
    let stops = stops(request);
    let tool_result = request.messages.last().filter(|last| last.role == "tool").map(super::wire::Message::text);
    let prompt = Prompt {
        text: &asked,
        images: request.messages.iter().map(super::wire::Message::images).sum(),
        turns: request.messages.len(),
        tool_result: tool_result.as_deref(),
    };
    let say = |index: u32| {
        let text = match structured(request, model, &prompt)? {
            Some(value) => value.to_string(),
            None => skill::speak(model, &prompt, index as usize),
        };
        let stopped = stops.iter().filter_map(|stop| text.find(stop)).min().map_or(text.as_str(), |end| &text[..end]);
        Ok(Choice { saying: Saying::Text(stopped.to_owned()), finish_reason: "stop" }.cut(limit))
    };
    (0..count).map(say).collect()
}

/// The JSON that the request demands, if it does.
fn structured(request: &ChatRequest, model: &DemoModel, prompt: &Prompt<'_>) -> Result<Option<Value>, ApiError> {
    let Some(format) = &request.response_format else { return Ok(None) };
    match format.kind.as_str() {
        "text" => Ok(None),
        "json_object" => {
            Ok(Some(json!({"model": model.id, "note": "this is a demo", "answer": skill::speak(model, prompt, 0)})))
        }
        "json_schema" => {
            let schema = format.json_schema.as_ref().and_then(|it| it.schema.as_ref());
            let missing = || invalid("response_format.json_schema.schema", "the schema is missing");
            schema.map(|schema| Some(schema::generate(schema, prompt.text))).ok_or_else(missing)
        }
        other => Err(invalid(
            "response_format.type",
            &format!("`{other}` is no response format: expected text, json_object or json_schema"),
        )),
    }
}

fn stops(request: &ChatRequest) -> Vec<&str> {
    let stops = match &request.stop {
        None => &[][..],
        Some(OneOrMore::One(stop)) => std::slice::from_ref(stop),
        Some(OneOrMore::More(stops)) => stops,
    };
    stops.iter().map(String::as_str).filter(|stop| !stop.is_empty()).collect()
}

fn check(request: &ChatRequest) -> Result<(), ApiError> {
    if request.messages.is_empty() {
        return Err(invalid("messages", "`messages` is empty: expected at least one message"));
    }
    if let Some(message) = request.messages.iter().find(|message| !ROLES.contains(&message.role.as_str())) {
        return Err(invalid("messages", &format!("`{}` is no role: expected {}", message.role, ROLES.join(", "))));
    }
    let count = request.n.unwrap_or(1);
    if count == 0 || count > MAX_CHOICES {
        return Err(invalid("n", &format!("`n` is {count}: expected 1 to {MAX_CHOICES}")));
    }
    for (name, value) in [("max_tokens", request.max_tokens), ("max_completion_tokens", request.max_completion_tokens)]
    {
        if value == Some(0) {
            return Err(invalid(name, &format!("`{name}` is 0: expected at least 1")));
        }
    }
    Ok(())
}

fn check_length(request: &ChatRequest, model: &DemoModel, prompt_tokens: u64) -> Result<(), ApiError> {
    let wanted = request.max_completion_tokens.or(request.max_tokens).unwrap_or(1);
    let total = prompt_tokens.saturating_add(wanted);
    if total <= model.context_length {
        return Ok(());
    }
    let message = format!(
        "This model's maximum context length is {} tokens, but {total} were requested ({prompt_tokens} in the messages, \
         {wanted} in the completion).",
        model.context_length
    );
    Err(ApiError::new(400, message, Some("messages"), Some("context_length_exceeded")))
}

fn unknown_model(name: &str) -> ApiError {
    let known = model::MODELS.map(|model| model.native).join(", ");
    let name: String = name.chars().take(100).collect();
    let message = format!("The model `{name}` does not exist at the demo provider: it has {known}");
    ApiError::new(404, message, Some("model"), Some("model_not_found"))
}

fn invalid(param: &str, message: &str) -> ApiError {
    ApiError::new(400, message, Some(param), None)
}

// === counting ===

fn prompt_tokens(request: &ChatRequest) -> u64 {
    let mut estimator = TokenEstimator::new();
    let mut flat = 0;
    for message in &request.messages {
        estimator.add_text(&message.text());
        flat += TOKENS_PER_MESSAGE + TOKENS_PER_IMAGE * message.images();
    }
    for tool in request.tools.iter().flatten() {
        estimator.add_text(&tool.function.name);
        estimator.add_text(tool.function.description.as_deref().unwrap_or(""));
        estimator.add_text(&tool.function.parameters.as_ref().map(Value::to_string).unwrap_or_default());
    }
    estimator.tokens() + flat
}

fn tokens_of(text: &str) -> u64 {
    let mut estimator = TokenEstimator::new();
    estimator.add_text(text);
    estimator.tokens()
}

impl Choice {
    fn tokens(&self) -> u64 {
        match &self.saying {
            Saying::Text(text) => tokens_of(text),
            Saying::Call { name, arguments, .. } => tokens_of(name) + tokens_of(arguments),
        }
    }

    /// The choice within a limit of tokens.
    fn cut(mut self, limit: u64) -> Self {
        if self.tokens() <= limit {
            return self;
        }
        self.finish_reason = "length";
        let (text, left) = match &mut self.saying {
            Saying::Text(text) => (text, limit),
            Saying::Call { name, arguments, .. } => (arguments, limit.saturating_sub(tokens_of(name))),
        };
        let mut end = 0;
        for piece in pieces(text) {
            if tokens_of(&text[..end + piece.len()]) > left {
                break;
            }
            end += piece.len();
        }
        text.truncate(end);
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value, reason = "the json! macro stands in the call")]

    use super::*;

    fn ask(extra: Value) -> Result<Answer, ApiError> {
        let mut body =
            json!({"model": "demo-small", "messages": [{"role": "user", "content": "Why is the sky blue?"}]});
        for (name, value) in extra.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        answer(&serde_json::from_value(body).expect("request"), 7, 1)
    }

    fn text(answer: &Answer) -> &str {
        match &answer.choices[0].saying {
            Saying::Text(text) => text,
            Saying::Call { .. } => panic!("a call"),
        }
    }

    #[test]
    fn answers_are_of_moderate_length_and_counted_by_the_product_rule() {
        for model in model::MODELS {
            let answer = ask(json!({"model": model.native})).expect("answer");
            assert!((20..=110).contains(&answer.completion_tokens), "{} {}", model.id, answer.completion_tokens);
            assert_eq!(answer.completion_tokens, (text(&answer).len() as u64).div_ceil(4));
        }
        assert_eq!(ask(json!({})).expect("answer").prompt_tokens, 4 + 5);
    }

    #[test]
    fn a_token_limit_cuts_and_says_so() {
        for name in ["max_tokens", "max_completion_tokens"] {
            let answer = ask(json!({name: 6})).expect("answer");
            assert_eq!(answer.choices[0].finish_reason, "length");
            assert!(answer.completion_tokens <= 6 && answer.completion_tokens >= 4, "{}", text(&answer));
        }
    }

    #[test]
    fn stop_sequences_end_the_text_before_themselves() {
        let answer = ask(json!({"stop": ["sky", "you"]})).expect("answer");
        assert_eq!((text(&answer), answer.choices[0].finish_reason), ("demo/small here: ", "stop"));
        assert_eq!(text(&ask(json!({"stop": "here"})).expect("answer")), "demo/small ");
    }

    #[test]
    fn several_choices_differ() {
        let answer = ask(json!({"n": 2})).expect("answer");
        assert_eq!(answer.choices.len(), 2);
        assert_ne!(answer.choices[0], answer.choices[1]);
    }

    #[test]
    fn demanded_json_is_json() {
        let object = ask(json!({"response_format": {"type": "json_object"}})).expect("answer");
        assert!(serde_json::from_str::<Value>(text(&object)).is_ok_and(|it| it["model"] == "demo/small"));
        let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}});
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": schema}});
        assert_eq!(text(&ask(json!({"response_format": format})).expect("answer")), r#"{"a":1}"#);
    }

    #[test]
    fn images_count_a_thousand_tokens_each() {
        let part = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
        let content = json!([{"type": "text", "text": "what is this?"}, part]);
        let answer = ask(json!({"messages": [{"role": "user", "content": content}]})).expect("answer");
        assert_eq!(answer.prompt_tokens, 4 + 4 + 1_000);
        assert!(text(&answer).contains("1 image,"));
    }

    #[track_caller]
    fn refused(extra: Value, status: u16, param: &str, code: Value) {
        let error = ask(extra).expect_err("refused");
        let said = &error.body["error"];
        assert_eq!((error.status, &said["param"], &said["code"]), (status, &json!(param), &code), "{said}");
    }

    #[test]
    fn what_cannot_be_answered_is_refused_by_field() {
        refused(json!({"model": "gpt"}), 404, "model", json!("model_not_found"));
        refused(json!({"messages": []}), 400, "messages", Value::Null);
        refused(json!({"messages": [{"role": "robot"}]}), 400, "messages", Value::Null);
        refused(json!({"n": 99}), 400, "n", Value::Null);
        refused(json!({"max_tokens": 0}), 400, "max_tokens", Value::Null);
        refused(json!({"max_tokens": 99_999}), 400, "messages", json!("context_length_exceeded"));
        refused(json!({"response_format": {"type": "xml"}}), 400, "response_format.type", Value::Null);
        let bare = json!({"response_format": {"type": "json_schema"}});
        refused(bare, 400, "response_format.json_schema.schema", Value::Null);
    }
}
