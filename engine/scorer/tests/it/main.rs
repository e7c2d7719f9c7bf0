//! The built-in scorer as its users meet it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod artifact;
mod scoring;

use std::sync::LazyLock;

use scorer::{LearnedScorer, Score, Scorer, ScorerInput};

static BUILTIN: LazyLock<LearnedScorer> =
    LazyLock::new(|| scorer::builtin::load().expect("the embedded artefact is sound"));

fn input(text: impl Into<String>) -> ScorerInput {
    ScorerInput { text: text.into(), ..ScorerInput::default() }
}

fn score(text: impl Into<String>) -> Score {
    BUILTIN.score(&[input(text)]).unwrap().remove(0)
}
