//! Parts of turns and answers as content blocks.

use super::super::proof;
use super::super::types::{Block, Source, call_id, input};
use crate::base64;
use crate::canonical::{Json, Loss, Media, Part, Role};

/// Writes a turn or one of its parts.
pub(super) struct Writer<'w> {
    /// Where it stands in the canonical form.
    pub(super) path: &'w str,
    pub(super) role: Role,
    pub(super) loss: &'w mut Loss,
}

impl Writer<'_> {
    /// Writes parts; empty texts are refused by the dialect and say nothing.
    pub(super) fn blocks<'a>(&mut self, parts: &'a [Part]) -> Vec<Block<'a>> {
        parts.iter().enumerate().filter_map(|(place, part)| self.block(place, part)).collect()
    }

    /// Writes a part that has this place in its turn.
    pub(super) fn block<'a>(&mut self, place: usize, part: &'a Part) -> Option<Block<'a>> {
        let path = format!("{}.content[{place}]", self.path);
        Writer { path: &path, role: self.role, loss: self.loss }.part(part)
    }

    fn part<'a>(&mut self, part: &'a Part) -> Option<Block<'a>> {
        match part {
            Part::Text { text, cache } => {
                (!text.is_empty()).then_some(Block::Text { text, cache_control: cache.as_ref() })
            }
            Part::Refusal { text } => (!text.is_empty()).then_some(Block::Text { text, cache_control: None }),
            Part::Image { media, detail, cache } => self.image(media, detail.as_deref(), cache.as_ref()),
            Part::Audio { .. } => self.lose("this dialect takes no sound"),
            Part::File { media, name, cache } => self.document(media, name.as_deref(), cache.as_ref()),
            Part::Reasoning { text, signature, redacted } => self.thought(text, signature.as_deref(), *redacted),
            Part::ToolCall { id, name, arguments, signature } => {
                self.called(signature.is_some());
                let input = input(arguments).unwrap_or_else(|wrapped| {
                    self.note(
                        ".arguments",
                        "arguments of a call must be an object in this dialect: they stand in one as text",
                    );
                    wrapped
                });
                Some(Block::ToolUse { id: call_id(id), name, input })
            }
            Part::ToolResult { call, content, is_error, cache, name: _ } => Some(Block::ToolResult {
                tool_use_id: call_id(call),
                content: self.blocks(content),
                is_error: *is_error,
                cache_control: cache.as_ref(),
            }),
        }
    }

    fn image<'a>(&mut self, media: &'a Media, detail: Option<&str>, cache: Option<&'a Json>) -> Option<Block<'a>> {
        if self.role == Role::System {
            return self.lose("system text is text only in this dialect");
        }
        if detail.is_some_and(|detail| detail != "auto") {
            self.note(".detail", "images have no detail in this dialect");
        }
        let source = match media {
            Media::Url(url) => Source::Url { url },
            Media::Inline { media_type, data } => Source::Base64 { media_type, data },
            Media::Id(_) => return self.lose("an upload at another provider cannot be read here"),
        };
        Some(Block::Image { source, cache_control: cache })
    }

    fn document<'a>(&mut self, media: &'a Media, title: Option<&'a str>, cache: Option<&'a Json>) -> Option<Block<'a>> {
        if self.role == Role::System {
            return self.lose("system text is text only in this dialect");
        }
        let source = match media {
            Media::Url(url) => Source::Url { url },
            Media::Inline { media_type, data } if media_type == "application/pdf" => {
                Source::Base64 { media_type, data }
            }
            Media::Inline { media_type, data } if is_text(media_type) => match base64::decode_text(data) {
                Some(data) => Source::Text { media_type: "text/plain", data },
                None => return self.lose("the document is no text in base64"),
            },
            Media::Inline { .. } => return self.lose("documents are PDF or text in this dialect"),
            Media::Id(_) => return self.lose("an upload at another provider cannot be read here"),
        };
        Some(Block::Document { source, title, cache_control: cache })
    }

    fn thought<'a>(&mut self, text: &'a str, signature: Option<&'a str>, redacted: bool) -> Option<Block<'a>> {
        match signature.filter(|signature| !proof::is_foreign(signature)) {
            Some(data) if redacted => Some(Block::RedactedThinking { data }),
            Some(signature) => Some(Block::Thinking { thinking: text, signature }),
            None => self.lose(proof::REFUSED),
        }
    }

    fn called(&mut self, has_proof: bool) {
        if has_proof {
            self.note(".signature", "this dialect keeps the proof of a thought with the thought, not with a call");
        }
    }

    fn note(&mut self, member: &str, reason: &'static str) {
        self.loss.note(format!("{}{member}", self.path), reason);
    }

    fn lose<T>(&mut self, reason: &'static str) -> Option<T> {
        self.note("", reason);
        None
    }
}

/// Types of documents that are told as plain text.
fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || matches!(media_type, "application/json" | "application/xml")
}
