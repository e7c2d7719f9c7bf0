//! The items of an answer while it is being written: what has been said of each, to be said again when it is done.

use crate::canonical::StopReason;
use crate::responses::logprobs::Tokens;
use crate::responses::types::{self, Content, Extra, Item, Summary};

/// An item of the output.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) saying: Saying,
    /// Its end was told.
    pub(super) done: bool,
    /// The answer was cut off while it was being said.
    pub(super) cut: bool,
}

/// What kind of item it is, and what it has said.
#[derive(Debug)]
pub(super) enum Saying {
    Message { parts: Vec<SaidPart> },
    Thought { text: String, signature: String, redacted: bool },
    Call { call: usize, id: String, name: String, arguments: String, signature: Option<String> },
}

/// A part of a message.
#[derive(Debug)]
pub(super) struct SaidPart {
    pub(super) kind: PartKind,
    pub(super) text: String,
    pub(super) logprobs: Tokens,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Text,
    Refusal,
}

impl SaidPart {
    /// Nothing is said yet.
    pub(super) fn new(kind: PartKind) -> Self {
        Self { kind, text: String::new(), logprobs: Tokens::default() }
    }

    pub(super) const fn content(&self) -> Content<'_> {
        match self.kind {
            PartKind::Text => Content::text(self.text.as_str(), &self.logprobs),
            PartKind::Refusal => Content::Refusal { refusal: self.text.as_str() },
        }
    }
}

impl Saying {
    /// What its names begin with.
    pub(super) const fn prefix(&self) -> &'static str {
        match self {
            Self::Message { .. } => "msg",
            Self::Thought { .. } => "rs",
            Self::Call { .. } => "fc",
        }
    }
}

impl Written {
    pub(super) fn new(saying: Saying, answer: &str, place: usize) -> Self {
        Self { id: types::item_id(saying.prefix(), answer, place), saying, done: false, cut: false }
    }

    /// The item when it begins: nothing is said yet.
    pub(super) fn begun(&self) -> Item<'_> {
        match &self.saying {
            Saying::Message { .. } => {
                Item::Message { id: &self.id, status: "in_progress", role: "assistant", content: Vec::new() }
            }
            Saying::Thought { .. } => Item::Reasoning { id: &self.id, summary: Vec::new(), encrypted_content: None },
            Saying::Call { id, name, signature, .. } => Item::FunctionCall {
                id: &self.id,
                status: "in_progress",
                call_id: id,
                name,
                arguments: "",
                extra_content: Extra::of(signature.as_ref()),
            },
        }
    }

    /// How it ends.
    pub(super) const fn status(&self) -> &'static str {
        if self.cut { types::INCOMPLETE } else { "completed" }
    }

    /// The whole item.
    pub(super) fn whole(&self) -> Item<'_> {
        let status = self.status();
        match &self.saying {
            Saying::Message { parts } => Item::Message {
                id: &self.id,
                status,
                role: "assistant",
                content: parts.iter().map(SaidPart::content).collect(),
            },
            Saying::Thought { text, signature, redacted } => Item::Reasoning {
                id: &self.id,
                summary: if *redacted { Vec::new() } else { vec![Summary { text }] },
                encrypted_content: Some(signature.as_str()).filter(|it| !it.is_empty()),
            },
            Saying::Call { id, name, arguments, signature, .. } => Item::FunctionCall {
                id: &self.id,
                status,
                call_id: id,
                name,
                arguments: types::arguments_of_call(arguments, status),
                extra_content: Extra::of(signature.as_ref()),
            },
        }
    }
}

/// Whether an answer that ended so was cut off.
pub(super) fn is_cut(stop: &StopReason) -> bool {
    types::item_status(stop) == types::INCOMPLETE
}
