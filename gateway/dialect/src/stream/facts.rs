//! What a stream has told so far, whatever its dialect.

use domain::Usage;
use domain::tokens::TokenEstimator;

use super::Progress;
use crate::canonical::{Event, Loss, StopReason};
use crate::usage::{believed, later};

/// What is known of a stream.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) progress: Progress,
    /// As it was told or supplied.
    usage: Option<Usage>,
    pub(crate) served_model: Option<String>,
    /// The upstream's name for the answer.
    pub(crate) id: Option<String>,
    pub(crate) text: TokenEstimator,
    /// The model has written something: refusals may be the provider's own words.
    wrote: bool,
    /// Every choice that ended, and why.
    pub(crate) finishes: Vec<(u64, StopReason)>,
    /// What came that the form between the dialects has no place for.
    pub(crate) unsaid: Loss,
    /// The choices that have said something.
    begun: Vec<u64>,
    /// How many choices have begun, with those that have said nothing yet.
    expected: usize,
}

impl Facts {
    /// Notes what an event says. `finish_suffices`: see [`super::Decode::finish_suffices`].
    pub(crate) fn note(&mut self, event: &Event, finish_suffices: bool) {
        match event {
            Event::Start { model, id } => {
                if self.served_model.is_none() {
                    self.served_model.clone_from(model);
                }
                if self.id.is_none() {
                    self.id.clone_from(id);
                }
            }
            Event::Text { choice, text, .. }
            | Event::Reasoning { choice, text }
            | Event::Arguments { choice, text, .. } => {
                self.wrote |= !text.is_empty();
                self.text.add_text(text);
                self.says(*choice, !text.is_empty());
            }
            Event::Refusal { choice, text } => {
                self.text.add_text(text);
                self.says(*choice, !text.is_empty());
            }
            Event::ToolCall { choice, name, .. } => {
                self.wrote = true;
                self.text.add_text(name);
                self.says(*choice, true);
            }
            Event::ReasoningSignature { choice, redacted, .. } => self.says(*choice, *redacted),
            Event::Finish { choice, reason } => {
                self.says(*choice, false);
                match self.finishes.iter_mut().find(|(ended, _)| ended == choice) {
                    Some((_, known)) => known.clone_from(reason),
                    None => self.finishes.push((*choice, reason.clone())),
                }
                self.progress.finished = finish_suffices && self.has_ended();
            }
            Event::Unsaid(lost) => self.unsaid.note(lost.path.clone(), lost.reason),
            Event::Usage(usage) => self.usage = Some(later(self.usage, *usage)),
            Event::End => self.progress.terminal = true,
        }
    }

    /// Whether something was answered and all that began has said why it ended. A terminal marker alone says nothing: it
    /// also comes behind answers that were lost on the way.
    pub(crate) fn has_ended(&self) -> bool {
        !self.begun.is_empty() && self.finishes.len() == self.begun.len().max(self.expected)
    }

    /// Notes that so many choices have begun.
    pub(crate) const fn expect(&mut self, choices: usize) {
        if choices > self.expected {
            self.expected = choices;
            self.progress.finished = false;
        }
    }

    /// What the call consumed, if it was told and can be true, or was supplied.
    pub(crate) fn usage(&self) -> Option<Usage> {
        believed(self.usage, if self.wrote { self.text.tokens() } else { 0 })
    }

    pub(crate) fn supply_usage(&mut self, usage: Usage) {
        if self.usage() != self.usage || self.usage.is_none() {
            self.usage = Some(usage);
        }
    }

    fn says(&mut self, choice: u64, content: bool) {
        self.progress.content |= content;
        if !self.begun.contains(&choice) {
            self.begun.push(choice);
            self.progress.finished = false;
        }
    }
}
