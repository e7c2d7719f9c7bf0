//! What the demo models say in prose: honest about being a demo, the same every time, a little more with each model.

use std::fmt::Write as _;

use super::arithmetic::{self, show};
use super::model::{DemoModel, Skill};

/// How much of a prompt is quoted.
const QUOTED_WORDS: usize = 14;
const QUOTED_CHARS: usize = 90;
/// How much of a prompt is read for sums and outlines.
const READ_CHARS: usize = 4_000;

const CLOSINGS: [&str; 4] = [
    "Connect a real provider for real answers.",
    "This text is canned: add a provider key to hear a real model.",
    "No language model was asked. The routing, though, was real.",
    "I only follow rules, so take this as a test of the wiring.",
];

/// What the prompt is made of, as far as the skills look.
pub(super) struct Prompt<'a> {
    pub(super) text: &'a str,
    pub(super) images: u64,
    pub(super) turns: usize,
    /// What the last tool said, if the conversation ends with it.
    pub(super) tool_result: Option<&'a str>,
}

/// The text of one choice.
pub(super) fn speak(model: &DemoModel, prompt: &Prompt<'_>, choice: usize) -> String {
    let read = head(prompt.text, READ_CHARS);
    let mut said = format!("{} here: ", model.id);
    if let Some(result) = prompt.tool_result {
        let _ = write!(said, "the tool answered \"{}\". ", quote(result));
    } else if is_greeting(read) {
        said.push_str("hello to you too! I am a demo model, not a language model. ");
    } else if read.trim().is_empty() {
        said.push_str("you sent no text. ");
    } else {
        let _ = write!(said, "you asked \"{}\". ", quote(read));
    }
    if prompt.images > 0 {
        let plural = if prompt.images == 1 { "image" } else { "images" };
        let _ = write!(said, "You sent {} {plural}, which a demo cannot look at. ", prompt.images);
    }
    if model.skill >= Skill::Medium {
        calculate(&mut said, read);
    }
    if model.skill >= Skill::Large {
        outline(&mut said, read, prompt.turns);
    }
    said.push_str(CLOSINGS[(hash(prompt.text).wrapping_add(choice as u64) % CLOSINGS.len() as u64) as usize]);
    said
}

/// A small stable hash (FNV-1a): the seed of everything that varies.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn calculate(said: &mut String, text: &str) {
    let Some(found) = arithmetic::find(text) else { return };
    let _ = match found.result {
        Ok(result) => write!(said, "I can do sums: {} = {}. ", found.expression, show(result)),
        Err(reason) => write!(said, "I can do sums, but {}: {reason}. ", found.expression),
    };
}

fn outline(said: &mut String, text: &str, turns: usize) {
    let words = text.split_whitespace().count();
    let sentences = text.split(['.', '?', '!', '\n']).filter(|part| !part.trim().is_empty()).count().max(1);
    let first = text.split_whitespace().next().unwrap_or("nothing");
    let longest = text
        .split(|char: char| !char.is_alphanumeric())
        .max_by_key(|word| word.chars().count())
        .filter(|word| !word.is_empty())
        .unwrap_or("nothing");
    let _ = write!(
        said,
        "An outline of the request:\n1. Form: {words} words, {sentences} sentences, {turns} messages.\n\
         2. It opens with \"{}\".\n3. Its longest word is \"{}\".\n",
        head(first, 24),
        head(longest, 24),
    );
}

fn is_greeting(text: &str) -> bool {
    const GREETINGS: [&str; 8] = ["hi", "hello", "hey", "hallo", "hola", "bonjour", "moin", "greetings"];
    let mut words = text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next().map(str::to_lowercase);
    first.is_some_and(|word| GREETINGS.contains(&word.as_str())) && words.count() < 4
}

fn quote(text: &str) -> String {
    let mut words = text.split_whitespace();
    let quoted: Vec<_> = words.by_ref().take(QUOTED_WORDS).collect();
    let joined = quoted.join(" ");
    let cut = head(&joined, QUOTED_CHARS);
    let more = if words.next().is_some() || cut.len() < joined.len() { " …" } else { "" };
    format!("{cut}{more}")
}

fn head(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::model::MODELS;

    fn say(model: usize, text: &str) -> String {
        speak(&MODELS[model], &Prompt { text, images: 0, turns: 1, tool_result: None }, 0)
    }

    #[test]
    fn every_model_says_that_it_is_a_demo() {
        for (index, model) in MODELS.iter().enumerate() {
            assert!(say(index, "Why is the sky blue?").starts_with(&format!("{} here: ", model.id)));
        }
    }

    #[test]
    fn only_the_larger_two_calculate_and_only_the_largest_outlines() {
        let said: Vec<_> = (0..3).map(|index| say(index, "What is 12 * 12?")).collect();
        assert_eq!(said.iter().map(|it| it.contains("= 144.")).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(said.iter().map(|it| it.contains("outline")).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn greetings_images_and_tool_results_are_answered() {
        assert!(say(0, "Hi!").contains("hello to you too"));
        let prompt = Prompt { text: "what is this?", images: 2, turns: 1, tool_result: None };
        assert!(speak(&MODELS[0], &prompt, 0).contains("2 images"));
        let prompt = Prompt { text: "weather?", images: 0, turns: 3, tool_result: Some("18 degrees") };
        assert!(speak(&MODELS[0], &prompt, 0).contains("the tool answered \"18 degrees\""));
    }

    #[test]
    fn the_same_prompt_gives_the_same_text_and_choices_differ() {
        let prompt = Prompt { text: "x", images: 0, turns: 1, tool_result: None };
        assert_eq!(say(0, "x"), say(0, "x"));
        assert_ne!(speak(&MODELS[0], &prompt, 0), speak(&MODELS[0], &prompt, 1));
    }
}
