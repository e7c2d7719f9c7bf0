//! Generated prompts: seeded, free of licences, graded by how they are made.
//!
//! They fill what hand-written prompts run short of: trivial asks in many wordings and languages, alone and under long
//! pastes; calculations of a known number of steps; code from a line to a system; hard asks of few words. Each family has
//! an author of its own, so that it can be held out whole. The same seed makes the same rows on every machine; nothing is
//! read and nothing is written here.

mod chain;
mod chance;
mod code;
mod extraction;
mod formatting;
mod hard;
mod lookups;
mod multiple_choice;
mod smalltalk;
mod translation;
mod word_problems;
mod wrappers;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use domain::CapabilityTag;

pub use chain::{Chain, Node, Operation, apply};
pub use word_problems::{WordProblem, grade as grade_of_steps};

use crate::everyday::EverydayPrompt;
use crate::grading::{Grading, Merged};
use chance::Chance;

/// Languages that prompts are made in, besides English.
pub const LANGUAGES: [&str; 8] = ["es", "fr", "de", "pt", "zh", "ja", "ru", "ar"];

/// A family of prompts.
struct Family {
    author: &'static str,
    /// Rows in a hundred.
    share: usize,
    /// Makes a prompt, or the prompts of a pair.
    unit: fn(&mut Chance) -> Vec<Draft>,
}

/// The families. Word problems and pastes have the larger shares, because they have the most to say.
const FAMILIES: [Family; 10] = [
    Family { author: "gen-smalltalk", share: 7, unit: smalltalk::unit },
    Family { author: "gen-lookups", share: 10, unit: lookups::unit },
    Family { author: "gen-extraction", share: 16, unit: extraction::unit },
    Family { author: "gen-formatting", share: 6, unit: formatting::unit },
    Family { author: "gen-translation", share: 8, unit: translation::unit },
    Family { author: "gen-word-problems", share: 17, unit: word_problems::unit },
    Family { author: "gen-code", share: 12, unit: code::unit },
    Family { author: "gen-multiple-choice", share: 4, unit: multiple_choice::unit },
    Family { author: "gen-wrappers", share: 8, unit: wrappers::unit },
    Family { author: "gen-hard-asks", share: 12, unit: hard::unit },
];

/// Tries at a new text before a family counts as used up.
const TRIES: usize = 40;

/// A prompt as a family makes it.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    prompt: String,
    grade: f64,
    tags: Vec<CapabilityTag>,
    kind: &'static str,
    language: &'static str,
    tokens: f64,
    steps: Option<u32>,
}

impl Draft {
    fn new(
        prompt: String,
        grade: f64,
        tags: &[CapabilityTag],
        kind: &'static str,
        language: &'static str,
        tokens: f64,
    ) -> Self {
        Self { prompt, grade, tags: tags.to_vec(), kind, language, tokens: tokens.round().max(1.0), steps: None }
    }
}

/// Makes so many prompts (one fewer where the last unit would have been a pair). No two are the same once digits are masked.
pub fn generate(seed: u64, count: usize) -> Vec<EverydayPrompt> {
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    let shares: usize = FAMILIES.iter().map(|family| family.share).sum();
    for (at, family) in FAMILIES.iter().enumerate() {
        // Each family has its own stream, so that one that grows does not change the others.
        let chance = Chance::new(seed ^ (0x51_7C_C1_B7 * (at as u64 + 1))).bits();
        let wanted = count * family.share / shares;
        fill(family, &mut Chance::new(chance), wanted, &mut seen, &mut rows);
    }
    // What families that ran dry left over, and what rounding left, goes to the family that never runs dry.
    let missing = count.saturating_sub(rows.len());
    let rest = FAMILIES.iter().find(|family| family.author == "gen-word-problems");
    if let Some(family) = rest {
        fill(family, &mut Chance::new(!seed), missing, &mut seen, &mut rows);
    }
    rows
}

/// Adds up to `wanted` rows of a family.
fn fill(
    family: &Family,
    chance: &mut Chance,
    wanted: usize,
    seen: &mut HashSet<String>,
    rows: &mut Vec<EverydayPrompt>,
) {
    let (mut made, mut failed) = (0, 0);
    while made < wanted && failed < TRIES {
        let unit = (family.unit)(chance);
        let masked: Vec<_> = unit.iter().map(|draft| masked(&draft.prompt)).collect();
        let distinct: HashSet<_> = masked.iter().collect();
        if made + unit.len() > wanted || distinct.len() < masked.len() || masked.iter().any(|text| seen.contains(text))
        {
            failed += 1;
            continue;
        }
        failed = 0;
        made += unit.len();
        seen.extend(masked);
        let pair = (unit.len() > 1).then(|| format!("{}-p{:05}", family.author, rows.len()));
        for draft in unit {
            let id = format!("{}-{:05}", family.author, rows.len());
            rows.push(row(family.author, id, pair.clone(), draft));
        }
    }
}

fn row(author: &str, id: String, pair: Option<String>, draft: Draft) -> EverydayPrompt {
    let first = Grading { grade: draft.grade, tags: draft.tags, expected_output_tokens: draft.tokens };
    let merged = Merged::of(&first, None);
    EverydayPrompt {
        id,
        prompt: draft.prompt,
        context: None,
        grade: merged.grade,
        level: merged.level,
        tags: merged.tags,
        tag_shares: merged.tag_shares,
        language: draft.language.to_owned(),
        kind: draft.kind.to_owned(),
        // As it was given: through its logarithm it would come back with a rounding error.
        expected_output_tokens: draft.tokens,
        author: author.to_owned(),
        pair,
        steps: draft.steps,
        first,
        second: None,
    }
}

/// A text with its digits masked and its case and spacing evened out: two texts that agree in this are near-duplicates.
pub fn masked(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<_> = lower.split_whitespace().collect();
    let mut masked = String::new();
    for letter in words.join(" ").chars() {
        let letter = if letter.is_ascii_digit() { '#' } else { letter };
        if letter != '#' || !masked.ends_with('#') {
            masked.push(letter);
        }
    }
    masked
}

/// A language for a prompt: English for two in five.
fn tongue(chance: &mut Chance) -> &'static str {
    if chance.below(5) < 2 { "en" } else { LANGUAGES[chance.below(LANGUAGES.len())] }
}
