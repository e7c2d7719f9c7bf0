//! Wall-clock times of cutting, tokenising and scoring, in this process on the calling thread.

use std::time::Instant;

use domain::ScorerInput;
use scorer::Scorer;

use super::ReportError;
use super::subject::{Subject, plain};
use crate::statistics::sampling::{mix, uniform};

/// Bytes that a prompt has at most, whatever the scorer says of it.
const ENOUGH: usize = 1_400;

const WORDS: [&str; 96] = [
    "the", "please", "report", "of", "and", "server", "with", "is", "customer", "that", "for", "on", "house", "was",
    "as", "water", "from", "at", "program", "by", "an", "result", "be", "this", "number", "which", "or", "letter",
    "market", "not", "are", "table", "but", "what", "garden", "all", "were", "function", "when", "we", "window",
    "there", "can", "question", "your", "said", "energy", "use", "each", "she", "do", "how", "their", "will", "up",
    "other", "about", "out", "many", "then", "them", "these", "so", "some", "her", "would", "make", "like", "him",
    "into", "time", "has", "look", "two", "more", "write", "go", "see", "explain", "contract", "way", "could",
    "people", "my", "than", "first", "been", "call", "who", "its", "now", "find", "long", "down", "day", "did",
];

/// Prompts of as many tokens as the scorer reads, 256 at most; words differ from prompt to prompt.
///
/// # Errors
/// When one cannot be scored.
pub fn full_prompts(subject: &Subject, count: usize, seed: u64) -> Result<Vec<ScorerInput>, ReportError> {
    (0..count).map(|at| full_prompt(subject, mix(seed ^ at as u64))).collect()
}

/// The most words that are read without a cut, found by halving.
fn full_prompt(subject: &Subject, seed: u64) -> Result<ScorerInput, ReportError> {
    let is_cut = |count: u64| -> Result<bool, ReportError> {
        let text = words(seed, count);
        Ok(text.len() > ENOUGH || subject.say([text.as_str()])?.iter().any(|score| score.truncated))
    };
    let (mut whole, mut cut) = (1, 400);
    while cut - whole > 1 {
        let middle = u64::midpoint(whole, cut);
        if is_cut(middle)? {
            cut = middle;
        } else {
            whole = middle;
        }
    }
    Ok(plain(&words(seed, whole)))
}

/// A prompt of so many words.
pub fn words(seed: u64, count: u64) -> String {
    (0..count).map(|at| word(seed, at)).collect::<Vec<_>>().join(" ")
}

fn word(seed: u64, at: u64) -> &'static str {
    WORDS[(uniform(mix(seed ^ mix(at))) * WORDS.len() as f64) as usize % WORDS.len()]
}

/// Times of single prompts in milliseconds, taken in turn, sorted.
///
/// # Errors
/// When one cannot be scored.
pub fn times(subject: &Subject, prompts: &[ScorerInput], rounds: usize) -> Result<Vec<f64>, ReportError> {
    let mut found = Vec::with_capacity(rounds);
    // The first calls fill caches and are not counted.
    for round in 0..rounds + 20 {
        let elapsed = once(subject, std::slice::from_ref(&prompts[round % prompts.len()]))?;
        if round >= 20 {
            found.push(elapsed * 1e3);
        }
    }
    found.sort_unstable_by(f64::total_cmp);
    Ok(found)
}

/// Prompts a second of a batch, over several rounds, sorted.
///
/// # Errors
/// When one cannot be scored.
pub fn rates(subject: &Subject, batch: &[ScorerInput], rounds: usize) -> Result<Vec<f64>, ReportError> {
    let mut found = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        found.push(batch.len() as f64 / once(subject, batch)?.max(1e-9));
    }
    found.sort_unstable_by(f64::total_cmp);
    Ok(found)
}

/// Seconds that a batch takes.
///
/// # Errors
/// When one cannot be scored.
pub fn once(subject: &Subject, batch: &[ScorerInput]) -> Result<f64, ReportError> {
    let start = Instant::now();
    let scores = subject.scorer.score(batch)?;
    let elapsed = start.elapsed().as_secs_f64();
    std::hint::black_box(scores);
    Ok(elapsed)
}
