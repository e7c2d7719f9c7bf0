//! Figures on prompts that nobody who worked on the scorer has looked at: clear cases, tags, answer lengths.

use std::collections::BTreeSet;

use datasets::{BlindPrompt, Level};
use domain::{CapabilityTag, Score};
use trainer::metrics::auroc;

use super::chance::{self, Chance};
use super::row::{Goal, Row, Unit};
use crate::router_eval::report::Figure;

/// Fewest clear cases of a language that make a row.
const FEWEST: usize = 5;

/// Whether a clear case is told as one; `None` for prompts that are not clear.
pub fn is_right(level: Level, complexity: f64) -> Option<bool> {
    match level {
        Level::Simple => Some(complexity < 0.4),
        Level::Medium => None,
        Level::Complex => Some(complexity > 0.6),
    }
}

/// Absolute logarithm of said over stated answer length.
pub fn length_error(prompt: &BlindPrompt, score: &Score) -> f64 {
    (f64::from(score.expected_output_tokens.p50.max(1)) / prompt.expected_output_tokens).ln().abs()
}

/// Macro F1 at probability 0.5 of weighted items; tags that no item has are passed over.
pub fn macro_f1(prompts: &[BlindPrompt], said: &[Score], weights: &[u8]) -> Option<f64> {
    let scores: Vec<f64> = (0..CapabilityTag::ALL.len()).filter_map(|tag| f1(tag, prompts, said, weights)).collect();
    crate::statistics::paired::mean(&scores)
}

/// F1 of one tag; `None` if no item has it.
fn f1(tag: usize, prompts: &[BlindPrompt], said: &[Score], weights: &[u8]) -> Option<f64> {
    let (mut both, mut named, mut had) = (0.0, 0.0, 0.0);
    for ((prompt, score), weight) in prompts.iter().zip(said).zip(weights) {
        let weight = f64::from(*weight);
        let (name, probability) = score.capabilities[tag];
        let (says, has) = (probability >= 0.5, prompt.tags.contains(&name));
        both += if says && has { weight } else { 0.0 };
        named += if says { weight } else { 0.0 };
        had += if has { weight } else { 0.0 };
    }
    (had > 0.0).then(|| 2.0 * both / (named + had))
}

/// Clear cases: shares told as what they are, overall and by language, and the area under the curve.
pub fn clear_rows(prompts: &[BlindPrompt], said: &[Score]) -> Vec<Row> {
    const GROUP: &str = "clear cases, blind set";
    let share = |level: Level, language: Option<&str>| {
        let of = prompts.iter().zip(said).filter(|(prompt, _)| language.is_none_or(|it| prompt.language == it));
        let right: Vec<bool> =
            of.filter(|it| it.0.level == level).filter_map(|(_, score)| is_right(level, score.complexity)).collect();
        (chance::share(right.iter().filter(|it| **it).count(), right.len()), right.len())
    };
    let mut rows = Vec::new();
    for (level, name) in [(Level::Simple, "simple below 0.4"), (Level::Complex, "complex above 0.6")] {
        let (figure, n) = share(level, None);
        rows.push(Row::new(GROUP, name, Unit::Share, figure).of(n).must(Goal::AtLeast(0.95)).aim(Goal::AtLeast(0.98)));
    }
    let languages: BTreeSet<&str> = prompts.iter().map(|it| it.language.as_str()).collect();
    for language in languages {
        for (level, name) in [(Level::Simple, "simple below 0.4"), (Level::Complex, "complex above 0.6")] {
            let (figure, n) = share(level, Some(language));
            if n >= FEWEST {
                rows.push(Row::new(GROUP, format!("{name}, {language}"), Unit::Share, figure).of(n));
            }
        }
    }
    rows
}

/// The chance that a complex prompt stands above a simple one.
pub fn area(prompts: &[BlindPrompt], values: &[f64], chance: &Chance) -> Figure {
    let ids: Vec<&str> = prompts.iter().map(|it| it.id.as_str()).collect();
    chance.figure(&ids, |weights| {
        let of = |level: Level| -> Vec<f64> {
            let drawn = prompts.iter().zip(values).zip(weights).filter(|((prompt, _), _)| prompt.level == level);
            drawn.flat_map(|((_, value), weight)| std::iter::repeat_n(*value, usize::from(*weight))).collect()
        };
        let (complex, simple) = (of(Level::Complex), of(Level::Simple));
        (!complex.is_empty() && !simple.is_empty()).then(|| auroc(&complex, &simple))
    })
}

/// Tags: macro F1, then each tag that occurs.
pub fn tag_rows(prompts: &[BlindPrompt], said: &[Score], chance: &Chance) -> Vec<Row> {
    const GROUP: &str = "capability tags, blind set";
    let ids: Vec<&str> = prompts.iter().map(|it| it.id.as_str()).collect();
    let all = chance.figure(&ids, |weights| macro_f1(prompts, said, weights));
    let all = Row::new(GROUP, "macro F1 at 0.5", Unit::Plain, all).of(prompts.len());
    let mut rows = vec![all.must(Goal::AtLeast(0.85)).aim(Goal::AtLeast(0.92))];
    for (at, tag) in CapabilityTag::ALL.into_iter().enumerate() {
        let n = prompts.iter().filter(|it| it.tags.contains(&tag)).count();
        if n > 0 {
            let figure = chance.figure(&ids, |weights| f1(at, prompts, said, weights));
            rows.push(Row::new(GROUP, format!("F1, {tag}"), Unit::Plain, figure).of(n));
        }
    }
    rows
}

/// Answer length.
pub fn length_row(prompts: &[BlindPrompt], said: &[Score], chance: &Chance) -> Row {
    let ids: Vec<&str> = prompts.iter().map(|it| it.id.as_str()).collect();
    let errors: Vec<f64> = prompts.iter().zip(said).map(|(prompt, score)| length_error(prompt, score)).collect();
    let figure = chance.figure(&ids, |weights| chance::median(&errors, weights));
    // What always saying the median would give: a length that looks at nothing.
    let lengths: Vec<f64> = prompts.iter().map(|it| it.expected_output_tokens).collect();
    let ones = vec![1; lengths.len()];
    let middle = chance::median(&lengths, &ones).unwrap_or(f64::NAN);
    let constant: Vec<f64> = lengths.iter().map(|it| (it / middle).ln().abs()).collect();
    let constant = chance.figure(&ids, |weights| chance::median(&constant, weights));
    Row::new("answer length", "median |log ratio|, blind set", Unit::Plain, figure)
        .of(errors.len())
        .must(Goal::AtMost(std::f64::consts::LN_2))
        .beside("constant", constant)
}
