//! An upstream's error, from whatever it sent: the dialect's own shape, others' shapes, plain text or an HTML page.
//!
//! Off the hot path, so a tree is fine here; its depth is limited by the parser, its size by the caller's body cap.

use serde_json::Value;

/// Longest message that is kept, in bytes.
const MAX_MESSAGE: usize = 2000;
/// Longest type, code or param that is kept, in bytes.
const MAX_WORD: usize = 128;

/// What an upstream says went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UpstreamError {
    /// Its words, cut to 2,000 bytes; never empty.
    pub message: String,
    /// Its `type`.
    pub kind: Option<String>,
    /// Its `code`; numbers as text.
    pub code: Option<String>,
    /// The field it blames.
    pub param: Option<String>,
    /// Its `details`; few have any.
    pub details: Option<Box<Details>>,
    /// The HTTP status that it names in the body, for errors that arrive under another.
    pub status: Option<u16>,
}

/// What an upstream says of its error for programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// JSON text of an object or a list; empty where it would be longer than 2,000 bytes.
    pub json: String,
    /// The cause that they name: `error_code`, as Anthropic calls it.
    pub cause: Option<String>,
}

impl UpstreamError {
    /// Reads the body of an error response, or the data of an error event.
    pub fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            return Self::from_value(&value);
        }
        let message = if text.starts_with('<') { page_message(text) } else { one_line(text) };
        Self::with_message(&message)
    }

    /// Whether the prompt is longer than the model can read, so that a model with a longer context may do.
    pub fn is_context_length(&self) -> bool {
        const WORDINGS: [&str; 14] = [
            "context_length_exceeded",
            "context length",
            "context window",
            "context size",
            "prompt is too long",
            "prompt too long",
            "input is too long",
            "input length",
            "maximum prompt length",
            "maximum number of tokens",
            "too many input tokens",
            "input token count",
            "max_model_len",
            "reduce the length of the messages",
        ];
        const CODES: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];
        self.names_any(&CODES) || contains_any(&self.message, &WORDINGS)
    }

    /// Whether the upstream does not know the model: our catalogue is wrong.
    pub fn is_model_not_found(&self) -> bool {
        const WORDINGS: [&str; 8] = [
            "does not exist",
            "not found",
            "unknown model",
            "not a valid model",
            "no such model",
            "invalid model",
            "no endpoints found",
            "not exist",
        ];
        let speaks_of_models = contains_any(&self.message, &["model"]) || self.param.as_deref() == Some("model");
        !self.names_another_cause()
            && (self.names_any(&["model_not_found"]) || speaks_of_models && contains_any(&self.message, &WORDINGS))
    }

    /// Whether it names a cause for programs that has nothing to do with the model: what the caller refers to is gone or
    /// is in use, and only the caller can go on from that.
    pub fn names_another_cause(&self) -> bool {
        self.cause().is_some_and(|cause| !cause.contains("model"))
    }

    /// The cause that its details name.
    pub fn cause(&self) -> Option<&str> {
        self.details.as_ref()?.cause.as_deref()
    }

    pub(crate) fn with_message(message: &str) -> Self {
        let message = if message.is_empty() { "the provider gave no reason" } else { message };
        Self { message: shortened(message, MAX_MESSAGE), ..Self::default() }
    }

    fn from_value(value: &Value) -> Self {
        match value {
            // One vendor wraps its error object in an array.
            Value::Array(items) => items.first().map_or_else(|| Self::with_message(""), Self::from_value),
            Value::Object(_) => match &value["error"] {
                error @ Value::Object(_) => Self::from_object(error),
                Value::String(message) => Self { message: shortened(message, MAX_MESSAGE), ..Self::from_object(value) },
                _ => Self::from_object(value),
            },
            Value::String(message) => Self::with_message(&one_line(message)),
            _ => Self::with_message(&value.to_string()),
        }
    }

    fn from_object(object: &Value) -> Self {
        let message = ["message", "detail", "error_description", "msg", "title"]
            .into_iter()
            .find_map(|key| message_of(&object[key]))
            .unwrap_or_default();
        let code = word(&object["code"]);
        let status = [&object["status"], &object["status_code"], &object["code"]].into_iter().find_map(status_of);
        Self {
            kind: word(&object["type"]),
            param: word(&object["param"]),
            code,
            details: details_of(&object["details"]),
            status,
            ..Self::with_message(&message)
        }
    }

    fn names_any(&self, words: &[&str]) -> bool {
        let is_named = |given: &Option<String>| given.as_deref().is_some_and(|given| words.contains(&given));
        is_named(&self.code) || is_named(&self.kind)
    }
}

/// A message in the forms it comes in: text, an object with one, or a list of validation faults.
fn message_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Object(_) => ["message", "msg", "error"].into_iter().find_map(|key| message_of(&value[key])),
        Value::Array(items) => {
            let messages: Vec<_> = items.iter().take(8).filter_map(message_of).collect();
            (!messages.is_empty()).then(|| messages.join("; "))
        }
        _ => None,
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(shortened(text, MAX_WORD)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn details_of(value: &Value) -> Option<Box<Details>> {
    let is_some = value.is_object() || value.is_array();
    let json = is_some.then(|| value.to_string())?;
    let json = if json.len() <= MAX_MESSAGE { json } else { String::new() };
    Some(Box::new(Details { json, cause: word(&value["error_code"]) }))
}

fn status_of(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

/// Names an HTML page by its title.
fn page_message(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|tag| {
        let start = tag + lower[tag..].find('>')? + 1;
        let end = start + lower[start..].find('<')?;
        Some(one_line(&page[start..end]))
    });
    match title.filter(|title| !title.is_empty()) {
        Some(title) => format!("the provider answered with an HTML page: {title}"),
        None => "the provider answered with an HTML page".into(),
    }
}

fn one_line(text: &str) -> String {
    let reached = &text[..text.floor_char_boundary(4 * MAX_MESSAGE)];
    reached.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(limit)])
}

fn contains_any(text: &str, wordings: &[&str]) -> bool {
    let lower = text.to_ascii_lowercase();
    wordings.iter().any(|wording| lower.contains(wording))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> UpstreamError {
        UpstreamError::parse(body.as_bytes())
    }

    #[track_caller]
    fn check(body: &str, message: &str, kind: Option<&str>, code: Option<&str>, status: Option<u16>) {
        let error = parse(body);
        assert_eq!(
            (error.message.as_str(), error.kind.as_deref(), error.code.as_deref(), error.status),
            (message, kind, code, status),
            "{body}"
        );
    }

    #[test]
    fn every_usual_shape_is_understood() {
        check(r#"{"error":{"message":"no","type":"t","code":"c","param":null}}"#, "no", Some("t"), Some("c"), None);
        check(r#"{"error":{"message":"busy","code":503}}"#, "busy", None, Some("503"), Some(503));
        check(r#"{"error":"no such thing"}"#, "no such thing", None, None, None);
        check(
            r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#,
            "bad",
            None,
            Some("400"),
            Some(400),
        );
        check(r#"{"detail":"Not authenticated"}"#, "Not authenticated", None, None, None);
        check(
            r#"{"detail":[{"loc":["body"],"msg":"too short"},{"msg":"too long"}]}"#,
            "too short; too long",
            None,
            None,
            None,
        );
        check(
            r#"{"object":"error","message":"gone","type":"NotFoundError","code":404}"#,
            "gone",
            Some("NotFoundError"),
            Some("404"),
            Some(404),
        );
        check(
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "Overloaded",
            Some("overloaded_error"),
            None,
            None,
        );
        check("  upstream connect\n error ", "upstream connect error", None, None, None);
        check(
            "<html><head><title>502 Bad\nGateway</title></head>",
            "the provider answered with an HTML page: 502 Bad Gateway",
            None,
            None,
            None,
        );
        check("<!doctype html>", "the provider answered with an HTML page", None, None, None);
        check("", "the provider gave no reason", None, None, None);
        check("{}", "the provider gave no reason", None, None, None);
        check("[]", "the provider gave no reason", None, None, None);
        check("null", "null", None, None, None);
    }

    #[test]
    fn long_texts_are_cut() {
        let error = parse(&format!(r#"{{"error":{{"message":"{}","code":"{}"}}}}"#, "é".repeat(5000), "x".repeat(500)));
        assert!(error.message.len() <= MAX_MESSAGE + 3 && error.message.ends_with("é…"));
        assert!(error.code.is_some_and(|code| code.len() <= MAX_WORD + 3));
        assert!(parse(&"long ".repeat(100_000)).message.len() <= MAX_MESSAGE + 3);
    }

    #[test]
    fn details_are_kept_whole_or_not_at_all_and_their_cause_is_known() {
        let of = |details: &str| parse(&format!(r#"{{"error":{{"message":"m","details":{details}}}}}"#)).details;
        let found = of(r#"{"error_code":"gone","a":[1]}"#).unwrap();
        assert_eq!((found.json.as_str(), found.cause.as_deref()), (r#"{"a":[1],"error_code":"gone"}"#, Some("gone")));
        let long = of(&format!(r#"{{"error_code":"gone","a":"{}"}}"#, "x".repeat(3000))).unwrap();
        assert_eq!((long.json.as_str(), long.cause.as_deref()), ("", Some("gone")));
        assert_eq!((of("null"), of("\"text\"")), (None, None));
    }

    #[test]
    fn deep_nesting_is_text() {
        assert!(parse(&"[".repeat(100_000)).message.starts_with("[[["));
    }

    #[test]
    fn context_refusals_are_recognised() {
        let refusals = [
            r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 208310 tokens > 200000 maximum"}}"#,
            r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}"#,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
        ];
        for body in refusals {
            assert!(parse(body).is_context_length(), "{body}");
        }
        assert!(!parse(r#"{"error":{"message":"Invalid value for temperature"}}"#).is_context_length());
    }

    #[test]
    fn unknown_models_are_recognised() {
        let refusals = [
            r#"{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","code":"model_not_found"}}"#,
            r#"{"error":{"message":"model 'llama' not found, try pulling it first"}}"#,
            r#"{"error":{"message":"acme/x is not a valid model ID","code":400}}"#,
        ];
        for body in refusals {
            assert!(parse(body).is_model_not_found(), "{body}");
        }
        assert!(!parse(r#"{"error":{"message":"file not found"}}"#).is_model_not_found());
    }
}
