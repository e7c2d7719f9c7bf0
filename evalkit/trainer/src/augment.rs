//! Altered copies of prompts, so that wrappers, case, politeness and typing slips say nothing about difficulty.

use datasets::EverydayPrompt;
use domain::{CapabilityTag, OutputFormat, ScorerInput};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// Opening words that change nothing.
const OPENINGS: [&str; 8] = [
    "Hi! ",
    "Hello, ",
    "please ",
    "Could you help me with this? ",
    "hey, quick one: ",
    "Question: ",
    "I have a question. ",
    "You are a helpful assistant.\n\n",
];

/// Closing words that change nothing.
const CLOSINGS: [&str; 5] = [" Thanks!", " thank you in advance", "\n\nThanks", " pls", " Please."];

/// Wrappers of question sets.
const WRAPPERS: [&str; 4] = [
    "Answer the following question.\n\n",
    "Please answer the following multiple choice question.\n",
    "Q: ",
    "Question: ",
];

/// An everyday prompt as it is.
pub fn input(row: &EverydayPrompt) -> ScorerInput {
    ScorerInput { text: row.prompt.clone(), context: row.context.clone().unwrap_or_default(), ..ScorerInput::default() }
}

/// An everyday prompt as another person might have sent it. `before` is what an earlier turn may have said: prompts that
/// stand for themselves are as hard behind it as alone.
pub fn everyday(row: &EverydayPrompt, before: &str, random: &mut StdRng) -> ScorerInput {
    let mut altered = input(row);
    altered.text = retyped(&row.prompt, row.language == "en", random);
    if row.context.is_none() && random.random_bool(0.3) {
        before.clone_into(&mut altered.context);
    }
    let offers = |tag| if row.tags.contains(&tag) { 0.7 } else { 0.06 };
    altered.features.has_tools = random.random_bool(offers(CapabilityTag::ToolUse));
    if random.random_bool(0.5 * offers(CapabilityTag::StructuredOutput)) {
        altered.features.output_format = OutputFormat::JsonSchema;
    }
    altered.features.has_images = random.random_bool(0.03);
    altered
}

/// The text as another person might have typed it; `english` allows English additions.
fn retyped(text: &str, english: bool, random: &mut StdRng) -> String {
    let mut text = text.to_owned();
    if english && random.random_bool(0.3) {
        text = format!("{}{text}", pick(&OPENINGS, random));
    }
    if english && random.random_bool(0.15) {
        text.push_str(pick(&CLOSINGS, random));
    }
    if random.random_bool(0.25) {
        text.truncate(text.trim_end_matches(['?', '.', '!']).len());
    }
    common(text, random)
}

/// A public prompt with its wrapper or options taken off, or another wrapper put on.
pub fn public(text: &str, random: &mut StdRng) -> String {
    let mut text = if random.random_bool(0.5) { without_options(text) } else { text.to_owned() };
    if let Some(at) = text.find("[PYTHON]")
        && random.random_bool(0.6)
    {
        text = format!("What does this return?\n{}", &text[at..]);
    }
    if random.random_bool(0.2) {
        text = format!("{}{text}", pick(&WRAPPERS, random));
    }
    common(text, random)
}

fn common(text: String, random: &mut StdRng) -> String {
    let text = match random.random_range(0..20) {
        0..=3 => text.to_lowercase(),
        4 => text.to_uppercase(),
        _ => text,
    };
    if random.random_bool(0.3) { with_slips(&text, random) } else { text }
}

/// Takes off lines like `A. …` at the end.
fn without_options(text: &str) -> String {
    let is_option =
        |line: &str| matches!(line.as_bytes(), [b'A'..=b'J', b'.' | b')', b' ', ..] | [b'(', b'A'..=b'J', b')', ..]);
    text.lines().filter(|line| !is_option(line)).collect::<Vec<_>>().join("\n")
}

/// Swaps neighbouring letters here and there.
fn with_slips(text: &str, random: &mut StdRng) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for at in 1..letters.len() {
        if letters[at].is_alphabetic() && letters[at - 1].is_alphabetic() && random.random_bool(0.015) {
            letters.swap(at - 1, at);
        }
    }
    letters.into_iter().collect()
}

fn pick<'a>(from: &[&'a str], random: &mut impl Rng) -> &'a str {
    from[random.random_range(0..from.len())]
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn same_seed_gives_the_same_copy() {
        let copy = |seed| retyped("What is the capital of France?", true, &mut StdRng::seed_from_u64(seed));
        assert_eq!(copy(1), copy(1));
        assert!((0..20).any(|seed| copy(seed) != copy(0)));
    }

    #[test]
    fn options_are_taken_off_and_the_question_stays() {
        assert_eq!(without_options("How many?\nA. one\nB. two\n(C) three"), "How many?");
    }
}
