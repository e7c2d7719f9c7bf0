//! Requests that are passed on and have a model write: what they consume is estimated where their answer does not tell.
//!
//! Otherwise a stream that tells no usage, as OpenAI's do unless they are asked, would pass by every limit and budget.
//! Media, lists and whatever else providers have besides write nothing that could be judged by its text.

use bytes::Bytes;
use dialect::{Dialect, Heard, Request, Target, percent_decode};
use domain::Usage;
use http::Method;

/// A request that has a model write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generation {
    /// The estimate of what it says.
    pub(super) input_tokens: u64,
}

/// The ends of the paths at which models write, and whose words are spoken there; `None` = nobody's that are known here.
const ENDPOINTS: [(&str, Option<Dialect>); 6] = [
    ("/chat/completions", Some(Dialect::Openai)),
    ("/completions", None),
    ("/responses", Some(Dialect::OpenaiResponses)),
    ("/messages", Some(Dialect::Anthropic)),
    (":generatecontent", Some(Dialect::Gemini)),
    (":streamgeneratecontent", Some(Dialect::Gemini)),
];
/// Where a message is only put down.
const NOTED: &str = "/threads/";

impl Generation {
    /// Reads a request for what it is; `None` = no model writes.
    pub(super) fn of(method: &Method, path: &str, model: Option<&str>, body: &Bytes) -> Option<Self> {
        if method != Method::POST {
            return None;
        }
        let path = path.split('?').next().unwrap_or_default();
        // As many servers read it.
        let path = percent_decode(path).to_ascii_lowercase();
        let path = path.trim_end_matches('/');
        let (_, dialect) = ENDPOINTS.into_iter().find(|(end, _)| path.ends_with(end))?;
        if path.contains(NOTED) {
            return None;
        }
        let target = Target { model: model.map(str::to_owned), stream: None };
        let read = dialect.and_then(|dialect| Request::decode(dialect, body.clone(), target).ok());
        Some(Self { input_tokens: read.map_or_else(|| by_length(body), |request| request.features().input_tokens) })
    }

    /// What it has consumed, by what was heard of its answer; `None` = that is no text.
    pub(super) fn estimate(self, heard: &Heard) -> Option<Usage> {
        let completion_tokens = heard.estimated_completion()?;
        Some(Usage { prompt_tokens: self.input_tokens, completion_tokens, estimated: true, ..Usage::default() })
    }
}

/// What stands in a body of unknown shape: four bytes a token, and nothing of what is no text.
pub(super) fn by_length(body: &Bytes) -> u64 {
    if body.trim_ascii_start().first() == Some(&b'{') { body.len() as u64 / 4 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(method: &Method, path: &str, body: &'static str) -> Option<u64> {
        Generation::of(method, path, Some("m"), &Bytes::from_static(body.as_bytes())).map(|it| it.input_tokens)
    }

    #[test]
    fn models_write_at_the_paths_of_every_vendor() {
        for path in [
            "/chat/completions",
            "/v1/chat/completions?api-version=1",
            "/chat/completion%73",
            "/completions/",
            "/responses",
            "/v1/messages",
            "/models/m:generateContent",
            "/v1beta/models/m:streamGenerateContent?alt=sse",
        ] {
            assert_eq!(input(&Method::POST, path, r#"{"own": "shape"}"#), Some(4), "{path}");
            assert_eq!(input(&Method::GET, path, ""), None, "{path}");
        }
        for path in ["/files", "/embeddings", "/responses/r1/cancel", "/threads/t1/messages", "/messages/batches"] {
            assert_eq!(input(&Method::POST, path, "{}"), None, "{path}");
        }
    }

    #[test]
    fn an_image_is_not_judged_by_its_length() {
        let image = "A".repeat(400_000);
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}]}}]}}"#
        );
        let found = Generation::of(&Method::POST, "/chat/completions", None, &body.into()).expect("it writes");
        assert!((100..10_000).contains(&found.input_tokens), "{found:?}");
    }
}
