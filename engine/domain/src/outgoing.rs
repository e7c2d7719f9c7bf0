//! What a provider's configuration may say about the calls to it: headers of its own, `{model}` in its URL.
//!
//! Checked here once, for the file and for the services that edit one object, so that both refuse the same. Messages
//! never echo a value: people put secrets there.

use crate::catalogue::{AuthScheme, DialectKind, Provider};

/// Stands in a base URL for the model's native name, as Azure's deployments want it.
pub const MODEL_PLACEHOLDER: &str = "{model}";

/// Headers that the gateway writes itself, or that belong to one connection.
const OWN: [&str; 18] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "traceparent",
    "tracestate",
    "upgrade",
    "x-request-id",
];

/// Headers that carry secrets.
const SECRET: [&str; 6] = ["api-key", "authorization", "cookie", "proxy-authorization", "x-api-key", "x-goog-api-key"];

/// The most headers that a provider may have.
const MOST_HEADERS: usize = 32;
/// The longest value, in bytes.
const LONGEST_VALUE: usize = 4096;

/// Whether a text may be a header's name.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether the gateway writes a header (lower case) itself, so that nobody else may.
pub fn is_own_header(name: &str) -> bool {
    OWN.contains(&name)
}

/// What is wrong with sending a header (its name in lower case) with every call to a provider that takes its secret
/// by `auth`.
pub fn header_fault(name: &str, value: &str, auth: &AuthScheme) -> Option<String> {
    if !is_token(name) || name.len() > 128 {
        return Some("is not a header name: use letters, digits and `-`".to_owned());
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("has an upper-case letter: names of headers are written in lower case".to_owned());
    }
    if is_own_header(name) {
        return Some("is the gateway's own header: take it out".to_owned());
    }
    let is_for_the_secret = matches!(auth, AuthScheme::Header(header) if header == name);
    if SECRET.contains(&name) || is_for_the_secret {
        return Some("carries a secret: give that under `credentials`, and say how it is sent with `auth`".to_owned());
    }
    let visible = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if value.is_empty() || value.trim() != value || !visible || value.len() > LONGEST_VALUE {
        return Some(format!(
            "has no usable value: write 1 to {LONGEST_VALUE} visible ASCII characters, without spaces at the ends"
        ));
    }
    None
}

/// What is wrong with the headers of a provider, each with its path below the provider.
pub fn header_faults(provider: &Provider) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    if provider.headers.len() > MOST_HEADERS {
        faults.push(("headers".to_owned(), format!("has more than {MOST_HEADERS} headers: take some out")));
    }
    for (name, value) in &provider.headers {
        if let Some(fault) = header_fault(name, value, &provider.auth) {
            faults.push((format!("headers.{name}"), fault));
        }
    }
    faults
}

/// What is wrong with a base URL beside being one: what it ends in, and what it has in braces.
pub fn base_url_fault(dialect: DialectKind, url: &str) -> Option<String> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = path.split_once('/').map_or((path, ""), |(host, path)| (host, path));
    if host.contains(['{', '}']) {
        return Some(format!("has braces in its host: {MODEL_PLACEHOLDER} may stand in the path only"));
    }
    let rest = path.replacen(MODEL_PLACEHOLDER, "", 1);
    if rest.contains(['{', '}']) {
        return Some(format!("has braces that mean nothing: {MODEL_PLACEHOLDER} may stand in the path, once"));
    }
    let end = url.trim_end_matches('/');
    let operation = dialect.operations().iter().find(|operation| end.ends_with(*operation))?;
    Some(format!("ends in {operation}, which is appended to it: take that off"))
}

/// What is wrong with saying that a provider speaks `OpenAI` Responses too.
pub fn responses_fault(dialect: DialectKind, responses: bool) -> Option<&'static str> {
    match dialect {
        DialectKind::Openai | DialectKind::OpenaiResponses => None,
        DialectKind::Anthropic | DialectKind::Gemini | DialectKind::Custom => {
            responses.then_some("is for dialect \"openai\" only: take it out")
        }
    }
}

/// Whether a provider is taken to speak `OpenAI` Responses beside chat completions where nobody says.
pub fn speaks_responses(dialect: DialectKind, base_url: &str) -> bool {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    dialect == DialectKind::Openai && host.eq_ignore_ascii_case("api.openai.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_gateway_and_of_secrets_are_refused() {
        let auth = AuthScheme::Header("x-vendor-key".to_owned());
        let told = |name: &str, value: &str| header_fault(name, value, &auth).unwrap_or_default();
        assert_eq!(told("anthropic-beta", "tools-2026-01-01, thinking"), "");
        for name in OWN {
            assert!(told(name, "x").contains("gateway's own"), "{name}");
        }
        for name in SECRET.into_iter().chain(["x-vendor-key"]) {
            assert!(told(name, "hunter2").contains("carries a secret"), "{name}");
            assert!(!told(name, "hunter2").contains("hunter2"), "{name}");
        }
        for name in ["", "a b", "a:b", "ä"] {
            assert!(told(name, "x").contains("not a header name"), "{name}");
        }
        assert!(told("X-Title", "x").contains("lower case"));
        for value in ["", " x", "x\r\ny: z", "é", "x\ty"] {
            assert!(told("x-title", value).contains("no usable value"), "{value:?}");
        }
    }

    #[test]
    fn model_may_stand_once_in_the_path() {
        let told = |url: &str| base_url_fault(DialectKind::Openai, url).unwrap_or_default();
        assert_eq!(told("https://x.openai.azure.com/openai/deployments/{model}"), "");
        assert!(told("https://{model}.example.com/v1").contains("in its host"));
        assert!(told("https://example.com/{deployment}").contains("mean nothing"));
        assert!(told("https://example.com/{model}/{model}").contains("once"));
    }

    #[test]
    fn operation_of_the_dialect_is_no_part_of_the_base_url() {
        for (dialect, url, operation) in [
            (DialectKind::Openai, "https://a.example/v1/chat/completions", "/chat/completions"),
            (DialectKind::Openai, "https://a.example/v1/embeddings/", "/embeddings"),
            (DialectKind::OpenaiResponses, "https://a.example/v1/responses", "/responses"),
            (DialectKind::Anthropic, "https://a.example/v1/messages", "/messages"),
            (DialectKind::Gemini, "https://a.example/v1beta/models/x:generateContent", ":generateContent"),
            (DialectKind::Gemini, "https://a.example/v1beta/models", "/models"),
        ] {
            let told = base_url_fault(dialect, url).unwrap_or_default();
            assert!(told.starts_with(&format!("ends in {operation},")), "{url}: {told}");
        }
        assert_eq!(base_url_fault(DialectKind::Custom, "https://a.example/v1/messages"), None);
        assert_eq!(base_url_fault(DialectKind::Anthropic, "https://a.example/v1"), None);
    }

    #[test]
    fn only_the_vendor_itself_is_taken_to_speak_responses() {
        assert!(speaks_responses(DialectKind::Openai, "https://api.openai.com/v1"));
        assert!(speaks_responses(DialectKind::Openai, "https://API.openai.com:443"));
        for url in ["https://api.openai.com.example/v1", "https://example.com/api.openai.com"] {
            assert!(!speaks_responses(DialectKind::Openai, url), "{url}");
        }
        assert!(!speaks_responses(DialectKind::Anthropic, "https://api.openai.com/v1"));
    }
}
