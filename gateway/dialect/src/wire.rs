//! The dialects, and what can be said of each in a word: where its calls go and what its members are called.

use domain::DialectKind;

/// A wire dialect in which requests are asked and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OpenAI` chat completions.
    Openai,
    /// `OpenAI` Responses.
    OpenaiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini `generateContent`.
    Gemini,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 4] = [Self::Openai, Self::OpenaiResponses, Self::Anthropic, Self::Gemini];

    /// The dialect of a provider; `None` = one of its own, reachable through the proxy only.
    pub const fn of(kind: DialectKind) -> Option<Self> {
        match kind {
            DialectKind::Openai => Some(Self::Openai),
            DialectKind::OpenaiResponses => Some(Self::OpenaiResponses),
            DialectKind::Anthropic => Some(Self::Anthropic),
            DialectKind::Gemini => Some(Self::Gemini),
            DialectKind::Custom => None,
        }
    }

    /// The dialect's name: `openai_responses`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::OpenaiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The name of an answer to a request, in the looks of the dialect.
    pub fn answer_id(self, request_id: &str) -> String {
        let prefix = match self {
            Self::Openai => "chatcmpl-",
            Self::OpenaiResponses => "resp_",
            Self::Anthropic => "msg_",
            Self::Gemini => "",
        };
        format!("{prefix}{}", request_id.strip_prefix("req_").unwrap_or(request_id))
    }

    /// The path below a provider's base URL to which a call goes.
    pub fn path(self, native_model: &str, stream: bool) -> String {
        match (self, stream) {
            (Self::Openai, _) => "/chat/completions".to_owned(),
            (Self::OpenaiResponses, _) => "/responses".to_owned(),
            (Self::Anthropic, _) => "/messages".to_owned(),
            (Self::Gemini, false) => format!("/models/{native_model}:generateContent"),
            (Self::Gemini, true) => format!("/models/{native_model}:streamGenerateContent?alt=sse"),
        }
    }

    /// What a stream says while there is nothing to say. Google's libraries take a comment for a broken answer, but not
    /// an empty line.
    pub const fn keep_alive(self) -> &'static [u8] {
        match self {
            Self::Openai | Self::OpenaiResponses | Self::Anthropic => b": still working\n\n",
            Self::Gemini => b"\n\n",
        }
    }

    /// The member of an answer that names the model.
    pub(crate) const fn model_member(self) -> &'static str {
        match self {
            Self::Openai | Self::OpenaiResponses | Self::Anthropic => "model",
            Self::Gemini => "modelVersion",
        }
    }
}
