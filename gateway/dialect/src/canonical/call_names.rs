//! Names for tool calls that came without one, as from Gemini and some servers that only resemble others.
//!
//! The result of a call names it, so no two calls of a conversation may have the same name; and a conversation is many
//! answers. A name is therefore made of the answer's own, which the gateway gives and never gives twice, and the call's
//! place in it. Decoders leave such names empty: they do not know the answer's.

use std::borrow::Cow;

use super::{Answer, Event, Part};

/// How much of the answer's name is taken, from its end, where names differ most: chat completions take 40 letters in all.
const LETTERS: usize = 26;

impl Answer {
    /// The answer with a name for each of its calls.
    pub(crate) fn with_named_calls(&self, answer: &str) -> Cow<'_, Self> {
        let is_unnamed = |part: &Part| matches!(part, Part::ToolCall { id, .. } if id.is_empty());
        if !self.choices.iter().flat_map(|choice| &choice.parts).any(is_unnamed) {
            return Cow::Borrowed(self);
        }
        let mut named = self.clone();
        for (choice, it) in (0..).zip(&mut named.choices) {
            let ids = it
                .parts
                .iter_mut()
                .filter_map(|part| if let Part::ToolCall { id, .. } = part { Some(id) } else { None });
            ids.enumerate().filter(|(_, id)| id.is_empty()).for_each(|(call, id)| *id = made_up(answer, choice, call));
        }
        Cow::Owned(named)
    }
}

impl Event {
    /// Gives a call that begins a name, if it has none.
    pub(crate) fn name_call(&mut self, answer: &str) {
        if let Self::ToolCall { choice, call, id, .. } = self
            && id.is_empty()
        {
            *id = made_up(answer, *choice, *call);
        }
    }
}

/// In letters that every dialect takes.
fn made_up(answer: &str, choice: u64, call: usize) -> String {
    let is_taken = |letter: &char| letter.is_ascii_alphanumeric();
    let mut letters: Vec<char> = answer.chars().rev().filter(is_taken).take(LETTERS).collect();
    letters.reverse();
    format!("call_{}_{choice}_{call}", String::from_iter(letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_name_is_short_and_in_letters_that_every_dialect_takes() {
        let answer = "chatcmpl-01k9zwqg5mr8c6x0yb2t4v7n3d";
        assert_eq!(made_up(answer, 0, 1), "call_01k9zwqg5mr8c6x0yb2t4v7n3d_0_1");
        assert_eq!(made_up("é.:", 2, 0), "call__2_0");
        assert!(made_up(&"x".repeat(99), 99, 99).len() <= 40);
    }

    #[test]
    fn a_call_that_has_a_name_keeps_it() {
        let begins =
            |id: &str| Event::ToolCall { choice: 0, call: 3, id: id.into(), name: "f".into(), signature: None };
        for (id, expected) in [("given", "given"), ("", "call_a1_0_3")] {
            let mut event = begins(id);
            event.name_call("a-1");
            assert_eq!(event, begins(expected));
        }
    }
}
