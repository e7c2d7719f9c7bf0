//! Words of the dialect, both ways, and the wire shapes that requests, answers and streams share.

use std::borrow::Cow;

use serde::Serialize;

use crate::canonical::{Json, Media, Part, StopReason};

// === Wire shapes ===

/// A turn.
#[derive(Debug, Serialize)]
pub(super) struct WireContent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    pub(super) parts: Vec<WirePart<'a>>,
}

/// A piece of a turn; one member says what it is.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WirePart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<FileData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<FunctionResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: &'a str,
    pub(super) data: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'static str>,
    pub(super) file_uri: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionCall<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) args: Json,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionResponse<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) response: Json,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<WirePart<'a>>,
}

impl<'a> WirePart<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    pub(super) fn thought(text: impl Into<Cow<'a, str>>, signature: Option<Cow<'a, str>>) -> Self {
        Self { thought: true, thought_signature: signature, ..Self::text(text) }
    }

    /// Bytes, or a file at an address; `None` = an upload at another provider.
    pub(super) fn media(media: &'a Media) -> Option<Self> {
        let file = |uri: &'a str| {
            let file_data = FileData { mime_type: type_of(uri), file_uri: uri };
            Self { file_data: Some(file_data), ..Self::default() }
        };
        match media {
            Media::Inline { media_type, data } => {
                Some(Self { inline_data: Some(Blob { mime_type: media_type, data }), ..Self::default() })
            }
            Media::Url(url) => Some(file(url)),
            Media::Id(id) => is_upload(id).then(|| file(id)),
        }
    }

    pub(super) fn call(id: &'a str, name: &'a str, arguments: &str) -> Self {
        let args = arguments_object(arguments).unwrap_or_else(|text| member("arguments", text));
        Self { function_call: Some(FunctionCall { id, name, args }), ..Self::default() }
    }
}

/// The arguments as the object that they have to be; those of none are empty. What is none comes back.
pub(super) fn arguments_object(arguments: &str) -> Result<Json, &str> {
    let text = if arguments.trim_ascii().is_empty() { "{}" } else { arguments };
    object(text).ok_or(arguments)
}

/// A text that is a JSON object.
pub(super) fn object(text: &str) -> Option<Json> {
    if text.trim_ascii_start().starts_with('{') { Json::parse(text.trim_ascii()) } else { None }
}

/// `{"name": "text"}`.
pub(super) fn member(name: &str, text: &str) -> Json {
    let object = serde_json::json!({ name: text }).to_string();
    Json::parse(object).expect("an object of one text is JSON")
}

// === Why an answer ended ===

/// Why an answer ended, from the dialect's word.
pub(super) fn stop_reason(word: &str, called: bool) -> StopReason {
    match word {
        // The vendor says `STOP` after calls, too; servers that stand in for it do not.
        "STOP" | "FUNCTION_CALL" if called => StopReason::ToolCalls,
        "STOP" | "FINISH_REASON_UNSPECIFIED" => StopReason::Stop,
        "MAX_TOKENS" => StopReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The dialect's word for why an answer ended.
pub(super) fn finish_reason(reason: &StopReason) -> &'static str {
    /// Words of this dialect that no other has.
    const OWN: [&str; 9] = [
        "ESCALATION",
        "IMAGE_OTHER",
        "LANGUAGE",
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "NO_IMAGE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    ];
    match reason {
        StopReason::Stop | StopReason::StopSequence(_) | StopReason::ToolCalls | StopReason::Pause => "STOP",
        StopReason::Length => "MAX_TOKENS",
        StopReason::ContentFilter | StopReason::Refusal => "SAFETY",
        StopReason::Other(word) => OWN.into_iter().find(|own| own == word).unwrap_or("OTHER"),
    }
}

// === Media ===

/// Whether an address is that of an upload, which nobody else can read.
pub(super) fn is_upload(uri: &str) -> bool {
    ["https://generativelanguage.googleapis.com/", "gs://", "files/"].iter().any(|start| uri.starts_with(start))
}

/// Where a file is.
pub(super) fn file(uri: String) -> Media {
    if is_upload(&uri) { Media::Id(uri) } else { Media::Url(uri) }
}

/// A piece of media of a type.
pub(super) fn media_part(media_type: &str, media: Media, name: Option<String>, detail: Option<String>) -> Part {
    match media_type.split('/').next() {
        Some("image") => Part::Image { media, detail, cache: None },
        Some("audio") => Part::Audio { media },
        _ => Part::File { media, name, cache: None },
    }
}

/// The media type that the end of an address tells.
pub(super) fn type_of(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit('/').next().unwrap_or_default().rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}

// === What models take ===

/// Whether a model is of the second generation or before: it thinks in budgets and cannot answer in JSON beside tools.
pub(super) fn is_older(native_model: &str) -> bool {
    let name = last_name(native_model);
    ["gemini-1", "gemini-2"].iter().any(|start| name.starts_with(start))
}

/// Whether a model is one of the large, which always think.
pub(super) fn is_large(native_model: &str) -> bool {
    last_name(native_model).split('-').any(|word| word == "pro")
}

/// A model's name without the project or folder that it stands in.
fn last_name(native_model: &str) -> &str {
    native_model.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_in_both_tongues() {
        for word in ["STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL"] {
            assert_eq!(finish_reason(&stop_reason(word, false)), word);
        }
        assert_eq!(stop_reason("STOP", true), StopReason::ToolCalls);
        assert_eq!(stop_reason("FUNCTION_CALL", true), StopReason::ToolCalls);
        assert_eq!(stop_reason("SPII", false), StopReason::ContentFilter);
        assert_eq!(finish_reason(&StopReason::Refusal), "SAFETY");
        assert_eq!(finish_reason(&StopReason::Other("model_context_window_exceeded".into())), "OTHER");
    }

    #[test]
    fn addresses_tell_types_and_owners() {
        assert_eq!(type_of("https://example.org/a.b/Cat.PNG?size=2#top"), Some("image/png"));
        assert_eq!(type_of("https://example.org/v1.2/cat"), None);
        let upload = "https://generativelanguage.googleapis.com/v1beta/files/abc";
        assert_eq!(file(upload.into()), Media::Id(upload.into()));
        assert!(WirePart::media(&Media::Id("file-abc".into())).is_none());
    }

    #[test]
    fn arguments_are_objects_or_come_back() {
        assert_eq!(arguments_object(" ").unwrap().as_str(), "{}");
        assert_eq!(arguments_object(" {\"a\":1} ").unwrap().as_str(), "{\"a\":1}");
        for broken in ["{\"a\":", "[1]", "7"] {
            assert_eq!(arguments_object(broken), Err(broken));
        }
    }

    #[test]
    fn generations_are_told_by_name() {
        for (model, older) in [
            ("gemini-2.5-flash", true),
            ("models/gemini-1.5-pro", true),
            ("gemini-3-pro-preview", false),
            ("gemini-flash-latest", false),
        ] {
            assert_eq!(is_older(model), older, "{model}");
        }
        assert!(is_large("gemini-3-pro-preview") && !is_large("projects/pro/models/gemini-3-flash"));
    }
}
