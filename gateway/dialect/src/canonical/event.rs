//! A piece of a streamed answer in no dialect.

use domain::Usage;

use super::{Json, Lost, StopReason};

/// What an upstream's stream says, one thing at a time. `choice` counts alternatives from 0; `call` counts the tool
/// calls of one alternative from 0, in the order in which they begin.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The upstream's name for it.
        id: Option<String>,
        /// The model that it says is answering.
        model: Option<String>,
    },
    /// More text.
    Text {
        /// Of which alternative.
        choice: u64,
        /// It; empty where only tokens are told that have none.
        text: String,
        /// The log probabilities of its tokens, as of [`super::Choice`].
        logprobs: Option<Json>,
    },
    /// More of the thoughts.
    Reasoning {
        /// Of which alternative.
        choice: u64,
        /// It.
        text: String,
    },
    /// The provider's proof of the thoughts just told, or their encrypted form; more may follow for one block of them.
    ReasoningSignature {
        /// Of which alternative.
        choice: u64,
        /// It.
        signature: String,
        /// There were no words: the signature is the whole block.
        redacted: bool,
    },
    /// More of a refusal.
    Refusal {
        /// Of which alternative.
        choice: u64,
        /// It.
        text: String,
    },
    /// A tool call begins.
    ToolCall {
        /// Of which alternative.
        choice: u64,
        /// Its place among the calls.
        call: usize,
        /// Its name; empty where the upstream gave none, until one is made up.
        id: String,
        /// The function.
        name: String,
        /// As of [`super::Part::ToolCall`].
        signature: Option<String>,
    },
    /// More of a call's arguments.
    Arguments {
        /// Of which alternative.
        choice: u64,
        /// Which call.
        call: usize,
        /// A piece of JSON text.
        text: String,
    },
    /// An alternative has ended. Calls and texts of it are complete.
    Finish {
        /// Which.
        choice: u64,
        /// Why.
        reason: StopReason,
    },
    /// What was consumed so far; the last word counts, absent counts keep their last value.
    Usage(Usage),
    /// Something came that this form has no place for.
    Unsaid(Lost),
    /// Nothing follows: the terminal marker of the dialect.
    End,
}

impl Event {
    /// Text without log probabilities.
    pub const fn text(choice: u64, text: String) -> Self {
        Self::Text { choice, text, logprobs: None }
    }

    /// Gives the text that was said last of these events its log probabilities; where there is none, they are told alone.
    pub(crate) fn tell_logprobs(said: &mut Vec<Self>, since: usize, choice: u64, told: Option<Json>) {
        let Some(told) = told else { return };
        let texts = said[since..].iter_mut().rev();
        let slot =
            texts.filter_map(|event| if let Self::Text { logprobs, .. } = event { Some(logprobs) } else { None });
        match slot.into_iter().next() {
            Some(slot) => *slot = Some(told),
            None => said.push(Self::Text { choice, text: String::new(), logprobs: Some(told) }),
        }
    }
}
