//! What a request that is passed on says of itself: which model it names, above all.
//!
//! The provider reads the same bytes its own way, so nothing is guessed here: what two readers could understand in two
//! ways is refused. Otherwise a key that is limited to models, or to a budget, would hold only those who keep to it.

use std::borrow::Cow;

use bytes::Bytes;
use dialect::BadRequest;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::endpoints::proxy::form::{FormScanner, Twice};
use crate::endpoints::proxy::others::Others;
use crate::error::Failure;

const MODEL_ONCE: &str = "must give the field `model` once";
/// Whoever reads the address, and whoever reads the body, would ask different models.
pub(super) const TWO_MODELS: &str = "names one model in its address and another in its body";

/// Members of a body that mean something here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) user: Option<String>,
    /// Of each answer.
    pub(super) max_tokens: Option<u64>,
    /// How many answers.
    pub(super) answers: Option<u64>,
    /// What it names beside its model.
    pub(super) others: Others,
}

/// Where a request goes below its provider's base URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// Starts with `/`, with the query, without the caller's key.
    pub(super) path: String,
    /// What stands in the place of `{model}` in the base URL; empty where it has none.
    pub(super) deployment: String,
}

impl Destination {
    /// Takes the path apart that follows the provider's name.
    ///
    /// # Errors
    /// A path that another reader could take for another: with dot segments, or slashes and controls in escapes.
    pub(super) fn of(below: &str, query: Option<&str>, base_url: &str) -> Result<Self, Failure> {
        check_path(below)?;
        let (deployment, below) = match base_url.split_once("{model}") {
            Some((before, _)) => {
                let rest = below_template(below, before).strip_prefix('/').unwrap_or_default();
                rest.split_at(rest.find('/').unwrap_or(rest.len()))
            }
            None => ("", below),
        };
        let kept: Vec<&str> =
            query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("key=")).collect();
        let path = if kept.is_empty() { below.to_owned() } else { format!("{below}?{}", kept.join("&")) };
        Ok(Self { path, deployment: deployment.to_owned() })
    }

    /// `/models/{model}:method`, as Gemini names its models.
    fn model(&self) -> Option<&str> {
        if !self.deployment.is_empty() {
            return Some(&self.deployment);
        }
        let (_, rest) = self.path.split_once("/models/")?;
        let end = rest.find([':', '?', '/']).unwrap_or(rest.len());
        Some(&rest[..end]).filter(|model| !model.is_empty())
    }

    fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The path without what stands before the deployment in the base URL already: `/openai/deployments`, which Azure's clients
/// write after the address that they are given.
fn below_template<'a>(path: &'a str, before: &str) -> &'a str {
    let before = before.split_once("://").map_or(before, |(_, rest)| rest).trim_end_matches('/');
    let repeated = before.match_indices('/').find_map(|(at, _)| path.strip_prefix(&before[at..]));
    repeated.filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn check_path(path: &str) -> Result<(), Failure> {
    let lower = path.to_ascii_lowercase();
    let plain = lower.replace("%2e", ".");
    let has_dots = plain.split('/').any(|segment| matches!(segment, "." | ".."));
    let hides = ["%2f", "%5c", "\\", "%0", "%1", "%7f", "//"].iter().any(|it| lower.contains(it));
    if has_dots || hides {
        return Err(refused(
            "invalid_path",
            None,
            "the path has dot segments, or slashes or controls in escapes: write it plainly",
        ));
    }
    Ok(())
}

impl Said {
    /// Reads what a request says.
    ///
    /// # Errors
    /// A body of which it cannot be told which model it names, or that names another one than its path.
    pub(super) fn of(destination: &Destination, headers: &HeaderMap, body: &Bytes) -> Result<Self, Failure> {
        in_body(headers, body)?.addressed_to(destination)
    }

    /// Reads what a request says of whose form no more than the beginning has come.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn of_form(destination: &Destination, headers: &HeaderMap, form: &FormScanner) -> Result<Self, Failure> {
        check_packing(headers)?;
        let model = named_once(form)?.map(str::to_owned);
        Self { model, ..Self::default() }.addressed_to(destination)
    }

    fn addressed_to(self, destination: &Destination) -> Result<Self, Failure> {
        let mut said = self;
        let elsewhere = destination.model().or_else(|| destination.query("model"));
        // A deployment is what is called, whatever the body says.
        if !destination.deployment.is_empty() {
            said.model = Some(destination.deployment.clone());
        } else if let Some(model) = elsewhere {
            if said.model.as_deref().is_some_and(|named| named != model) {
                return Err(unclear(TWO_MODELS));
            }
            said.model = Some(model.to_owned());
        }
        Ok(said)
    }
}

fn in_body(headers: &HeaderMap, body: &Bytes) -> Result<Said, Failure> {
    if body.is_empty() {
        return Ok(Said::default());
    }
    check_packing(headers)?;
    let media_type = text(headers, header::CONTENT_TYPE).to_ascii_lowercase();
    if media_type.starts_with("multipart/form-data") {
        let model = form_model(body)?;
        return Ok(Said { model, ..Said::default() });
    }
    let content = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    // JSON by its looks, whatever it says it is: so do many servers read it.
    if content.first() == Some(&b'{') || media_type.contains("json") {
        return in_json(body);
    }
    Ok(Said::default())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn check_packing(headers: &HeaderMap) -> Result<(), Failure> {
    let encoding = text(headers, header::CONTENT_ENCODING);
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    Err(unclear("is packed (`Content-Encoding`): send it plain"))
}

fn in_json(body: &Bytes) -> Result<Said, Failure> {
    let Ok(Members(members)) = serde_json::from_slice::<Members<'_>>(body) else {
        return match serde_json::from_slice::<&RawValue>(body) {
            // An array or a text names no model.
            Ok(other) if !other.get().trim_start().starts_with('{') => Ok(Said::default()),
            _ => Err(unclear("is not sound JSON")),
        };
    };
    let mut said = Said::default();
    let mut models = 0;
    for (name, value) in members {
        if name.eq_ignore_ascii_case("model") {
            models += 1;
            said.model = serde_json::from_str(value.get()).ok();
            if models > 1 || name != "model" || said.model.is_none() {
                return Err(unclear("must give `model` once, in lower case, as a string"));
            }
        }
        said.others.note(&name, value);
        match &*name {
            "stream" => said.stream = value.get() == "true",
            "n" => said.answers = serde_json::from_str(value.get()).ok(),
            "user" => said.user = serde_json::from_str(value.get()).ok(),
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                said.max_tokens = serde_json::from_str(value.get()).ok();
            }
            _ => {}
        }
    }
    Ok(said)
}

/// The members of an object, twins and all.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    members.push((name.0, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The field `model` of a form.
fn form_model(body: &Bytes) -> Result<Option<String>, Failure> {
    let text = String::from_utf8_lossy(body);
    let lower = text.to_ascii_lowercase();
    let mut found = ["name=\"model\"", "name=model\r", "name=model;", "name='model'"]
        .iter()
        .flat_map(|mark| lower.match_indices(mark).map(|(at, mark)| at + mark.len()))
        .collect::<Vec<_>>();
    found.dedup();
    match found.as_slice() {
        [] => Ok(None),
        [at] => {
            let value = text.get(*at..).and_then(|rest| rest.split_once("\r\n\r\n")?.1.split("\r\n").next());
            value
                .map(|model| Some(model.to_owned()))
                .ok_or_else(|| unclear("must have its field `model` in the usual form"))
        }
        _ => Err(unclear(MODEL_ONCE)),
    }
}

/// The model that a form names, as far as it has come.
pub(super) fn named_once(form: &FormScanner) -> Result<Option<&str>, Failure> {
    form.model().map_err(|Twice| unclear(MODEL_ONCE))
}

pub(super) fn unclear(problem: &str) -> Failure {
    refused(
        "invalid_value",
        Some("model"),
        &format!("the body {problem}: which model it names decides whether it may be sent"),
    )
}

fn refused(code: &'static str, param: Option<&str>, message: &str) -> Failure {
    Failure::Malformed(BadRequest { message: message.to_owned(), param: param.map(str::to_owned), code })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "https://api.example.com/v1";

    fn to(path: &str, query: Option<&str>) -> Destination {
        Destination::of(path, query, PLAIN).expect("sound")
    }

    #[track_caller]
    fn model(path: &str, media_type: &str, body: &str, expected: Result<Option<&str>, ()>) {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type.parse().expect("a header"))]);
        let said = Said::of(&to(path, query), &headers, &Bytes::from(body.to_owned()));
        let found = said.as_ref().map(|said| said.model.as_deref()).map_err(|_| ());
        assert_eq!(found, expected, "{path} {body}");
    }

    #[test]
    fn the_model_is_found_whatever_the_body_is_called() {
        let body = r#" {"model":"a","stream":true}"#;
        for media_type in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
            model("/chat", media_type, body, Ok(Some("a")));
        }
        let form = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--x--\r\n";
        model("/audio", "multipart/form-data; boundary=x", form, Ok(Some("whisper")));
        model("/v1beta/models/pro:generateContent", "application/json", "{}", Ok(Some("pro")));
        model("/files", "application/octet-stream", "bytes", Ok(None));
        model("/list", "application/json", "[1]", Ok(None));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let twice = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n";
        for (path, media_type, body) in [
            ("/chat", "application/json", r#"{"model":"a","model":"b"}"#),
            ("/chat", "application/json", r#"{"Model":"b"}"#),
            ("/chat", "application/json", r#"{"mod\u0065l":7}"#),
            ("/chat", "application/json", "\u{feff}{\"model\":\"b\"}"),
            ("/chat", "text/plain", r#"{"model":"b""#),
            ("/chat?model=b", "application/json", r#"{"model":"a"}"#),
            ("/models/a:generateContent", "application/json", r#"{"model":"b"}"#),
            ("/audio", "multipart/form-data", &[twice, twice].concat()),
        ] {
            model(path, media_type, body, Err(()));
        }
        let packed = HeaderMap::from_iter([(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"))]);
        assert!(Said::of(&to("/chat", None), &packed, &Bytes::from_static(b"x")).is_err());
    }

    #[test]
    fn paths_cannot_leave_the_base_url() {
        for path in
            ["/../x", "/a/%2E%2e/x", "/a/./b", "/..%2fx", "/a%5Cb", "/a\\b", "/a%0d%0aX:1", "//x", "/models/a/../b:x"]
        {
            assert!(Destination::of(path, None, PLAIN).is_err(), "{path}");
        }
        assert_eq!(to("/files", Some("limit=2&key=sk&after=x")).path, "/files?limit=2&after=x");
        assert_eq!(to("/files", Some("key=sk")).path, "/files");
    }

    #[test]
    fn a_deployment_stands_first_below_a_template() {
        let found = Destination::of("/gpt/chat/completions", None, "https://x/deployments/{model}").expect("sound");
        assert_eq!(found, Destination { path: "/chat/completions".to_owned(), deployment: "gpt".to_owned() });
        for (path, base) in [
            ("/openai/deployments/gpt/chat/completions", "https://x/openai/deployments/{model}"),
            ("/openai/deployments/gpt/chat/completions", "https://x/corp/openai/deployments/{model}"),
            ("/gpt/chat/completions", "https://x/openai/deployments/{model}"),
            ("/gpt/chat/completions", "https://x/{model}"),
        ] {
            assert_eq!(Destination::of(path, None, base).expect("sound"), found, "{path}");
        }
        let headers = HeaderMap::new();
        let said = Said::of(&found, &headers, &Bytes::from_static(br#"{"model":"other"}"#)).expect("sound");
        assert_eq!(said.model.as_deref(), Some("gpt"));
    }
}
