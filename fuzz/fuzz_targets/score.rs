//! Scores whatever bytes come: a score within its bounds, never a panic. The first byte says how much is context.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use scorer::{LearnedScorer, Scorer, ScorerInput};

static SCORER: LazyLock<LearnedScorer> = LazyLock::new(|| scorer::builtin::load().expect("the embedded artefact is sound"));

fuzz_target!(|bytes: &[u8]| {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let (context, text) = rest.split_at((usize::from(*first) * rest.len()) >> 9);
    let lossy = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let input = ScorerInput { text: lossy(text), context: lossy(context), ..ScorerInput::default() };
    let score = SCORER.score(&[input]).expect("any text has a score").remove(0);
    assert!((0.0..=1.0).contains(&score.complexity) && score.difficulty.is_finite() && score.uncertainty.is_finite());
    assert!(score.capabilities.iter().all(|(_, probability)| (0.0..=1.0).contains(probability)));
    assert!(1 <= score.expected_output_tokens.p50 && score.expected_output_tokens.p50 <= score.expected_output_tokens.p90);
});
