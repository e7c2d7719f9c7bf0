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

/// What programs put before and after the words of a person.
const FRAMES: [(&str, &str); 30] = [
    ("You are a helpful assistant. Answer the user's request.\n\nRequest: ", ""),
    ("You are an expert in every field. Think carefully before you answer.\n\n", ""),
    ("You are the assistant of a company. Be polite, be brief, never invent facts.\n\nCustomer says: ", ""),
    ("System: You follow instructions exactly.\nUser: ", ""),
    ("# Role\nSenior consultant\n\n# What the client asks\n", "\n\n# Style\nFriendly and clear."),
    ("<system>Keep to the rules of the house.</system>\n<message>", "</message>"),
    ("<conversation>\n<turn role=\"user\">", "</turn>\n</conversation>"),
    ("{\"role\": \"user\", \"content\": \"", "\"}"),
    ("{\"query\": \"", "\", \"locale\": \"en\"}"),
    ("```\n", "\n```"),
    ("\"\"\"\n", "\n\"\"\""),
    ("--- begin of message ---\n", "\n--- end of message ---"),
    ("Message received from the web form:\n\n", "\n\nSent from the contact page"),
    ("The following was asked by a visitor. Respond in the visitor's language.\n\n", ""),
    ("Please respond to the text between the lines.\n=====\n", "\n====="),
    ("", "\n\nThink step by step."),
    ("", "\n\nRespond in Markdown."),
    ("", "\n\nYour answer should be correct and complete."),
    ("", "\n\nIf you are not sure, say so."),
    ("", "\n\n--\nSent from my phone"),
    ("", "\n\nBest regards,\nRobin"),
    ("Hello team,\n\n", "\n\nKind regards\nAlex"),
    ("Chat history:\nassistant: How can I help you today?\nuser: ", ""),
    ("Du bist ein hilfreicher Assistent.\n\n", ""),
    ("Eres un asistente útil y amable.\n\n", ""),
    ("Tu es un assistant serviable.\n\n", ""),
    ("Você é um assistente prestativo.\n\n", ""),
    ("Ты полезный помощник.\n\n", ""),
    ("你是一个乐于助人的助手。\n\n", ""),
    ("あなたは親切なアシスタントです。\n\n", ""),
];

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
    let text = common(text, random);
    if random.random_bool(0.25) { framed(&text, random) } else { text }
}

fn framed(text: &str, random: &mut impl Rng) -> String {
    let (before, after) = FRAMES[random.random_range(0..FRAMES.len())];
    format!("{before}{text}{after}")
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
    } else if random.random_bool(0.15) {
        text = framed(&text, random);
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
    fn frame_holds_the_text_whole() {
        let text = "Name a river.\nAny river.";
        assert!((0..60).all(|seed| framed(text, &mut StdRng::seed_from_u64(seed)).contains(text)));
    }

    #[test]
    fn options_are_taken_off_and_the_question_stays() {
        assert_eq!(without_options("How many?\nA. one\nB. two\n(C) three"), "How many?");
    }
}
