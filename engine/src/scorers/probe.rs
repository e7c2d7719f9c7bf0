//! Tries a scorer on a few prompts before it is trusted with any: does it answer, sensibly, and in time?
//!
//! Whether its answers are good is the gate's question, asked where there is labelled data.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use domain::{Score, ScorerInput};
use scorer::Scorer;

/// A scorer that needs longer for a prompt has failed: the same bound as in service.
pub(crate) const LIMIT: Duration = Duration::from_millis(500);
/// Times a slow prompt is tried again: a busy machine is not the scorer's fault.
const TRIES: usize = 3;

/// Kinds and lengths that traffic has.
const PROMPTS: [&str; 7] = [
    "hi",
    "What is the capital of France?",
    "Prove that every finite integral domain is a field, and say where finiteness is used.",
    "fn main() { let v: Vec<u8> = Vec::new(); println!(\"{:?}\", v); }\nWhy does this not print anything useful?",
    "Переведи на немецкий: «Поезд уже ушёл».",
    "用一句话解释什么是铁路信号箱。",
    "🦀🦀🦀 ?",
];

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probed {
    /// The slowest prompt.
    pub(crate) slowest: Duration,
    /// What it said, in the order of the prompts.
    pub(crate) scores: Vec<Score>,
}

/// Scores every probe; says what is wrong if anything is.
pub(crate) fn probe(scorer: &dyn Scorer, limit: Duration) -> Result<Probed, String> {
    let mut probed = Probed { slowest: Duration::ZERO, scores: Vec::new() };
    // The first prompt of all takes many times as long as later ones; it is not held against the scorer.
    score_one(scorer, PROMPTS[0])?;
    for text in prompts() {
        let mut best: Option<(Duration, Score)> = None;
        for _ in 0..TRIES {
            let began = Instant::now();
            let score = score_one(scorer, &text)?;
            let took = began.elapsed();
            if best.as_ref().is_none_or(|(before, _)| took < *before) {
                best = Some((took, score));
            }
            if took <= limit {
                break;
            }
        }
        let Some((took, score)) = best else { continue };
        if took > limit {
            return Err(format!(
                "it takes {} ms for one prompt; at most {} are allowed",
                took.as_millis(),
                limit.as_millis()
            ));
        }
        probed.slowest = probed.slowest.max(took);
        probed.scores.push(score);
    }
    Ok(probed)
}

impl Probed {
    /// Whether another scorer said the same, to the last bit.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let bare = |score: &Score| Score { micros: 0, ..score.clone() };
        self.scores.len() == other.scores.len()
            && self.scores.iter().zip(&other.scores).all(|(one, other)| bare(one) == bare(other))
    }
}

fn prompts() -> impl Iterator<Item = String> {
    let long = PROMPTS.join("\n").repeat(64);
    PROMPTS.iter().map(|text| (*text).to_owned()).chain([long])
}

fn score_one(scorer: &dyn Scorer, text: &str) -> Result<Score, String> {
    let input = ScorerInput { text: text.to_owned(), ..ScorerInput::default() };
    let scored = catch_unwind(AssertUnwindSafe(|| scorer.score(&[input])));
    let mut scores = scored.map_err(|_| "it panics".to_owned())?.map_err(|failure| failure.to_string())?;
    let (Some(score), true) = (scores.pop(), scores.is_empty()) else {
        return Err("it does not give one score for one prompt".to_owned());
    };
    match fault_of(&score, scorer) {
        None => Ok(score),
        Some(fault) => Err(format!("it gives {fault}")),
    }
}

fn fault_of(score: &Score, scorer: &dyn Scorer) -> Option<String> {
    let within = |name: &str, value: f64, is_right: bool| (!is_right).then(|| format!("{name} {value}"));
    within("complexity", score.complexity, (0.0..=1.0).contains(&score.complexity))
        .or_else(|| within("difficulty", score.difficulty, score.difficulty.is_finite()))
        .or_else(|| within("uncertainty", score.uncertainty, score.uncertainty.is_finite() && score.uncertainty >= 0.0))
        .or_else(|| score.capabilities.iter().find_map(|(tag, p)| within(tag.as_str(), *p, (0.0..=1.0).contains(p))))
        .or_else(|| {
            let tokens = score.expected_output_tokens;
            (tokens.p50 > tokens.p90).then(|| format!("an expected length of {} at most {}", tokens.p50, tokens.p90))
        })
        .or_else(|| {
            let expected = scorer.version();
            (score.version != *expected).then(|| format!("version {} for {expected}", score.version))
        })
}
