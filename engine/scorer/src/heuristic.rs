//! A scorer without a model: a written-down formula over the same features. For tests and for whoever asks for it by name.
//!
//! It is never a silent substitute for a learned scorer that failed: no score is the honest answer there.

use std::sync::Arc;
use std::time::Instant;

use domain::{CapabilityTag, OutputTokens, Score, ScorerInput};

use crate::prompt::Prompt;
use crate::{Scorer, ScorerError, cues};

/// Scores by formula.
#[derive(Clone, Debug)]
pub struct HeuristicScorer {
    version: Arc<str>,
}

impl Default for HeuristicScorer {
    fn default() -> Self {
        Self { version: Arc::from("heuristic-1") }
    }
}

impl HeuristicScorer {
    /// Makes one; there is nothing to configure.
    pub fn new() -> Self {
        Self::default()
    }

    fn score_one(&self, input: &ScorerInput) -> Score {
        let start = Instant::now();
        let prompt = Prompt::read(input);
        let asking = prompt.asking();
        let ask = prompt.cues.ask;
        let has = |kind: usize| f64::from(ask[kind].min(3));
        let words = asking.split_whitespace().count() as f64;
        let formal =
            asking.bytes().filter(|byte| matches!(byte, b'\\' | b'$' | b'{' | b'}' | b'=' | b'^')).count() as f64;
        let logit = -2.2
            + 0.9 * (1.0 + words / 12.0).ln()
            + 1.6 * has(cues::PROOF).min(2.0)
            + 0.9 * has(cues::DESIGN)
            + 0.7 * has(cues::ADVANCED)
            + 0.4 * has(cues::CODE)
            + 0.5 * has(cues::ANALYSIS)
            + 0.4 * has(cues::CONSTRAINT)
            + 0.2 * (1.0 + formal).ln()
            - 0.9 * has(cues::GREETING)
            - 0.5 * has(cues::LOOKUP)
            - 0.5 * has(cues::LIGHT);
        let complexity = 1.0 / (1.0 + (-logit).exp());
        let p50 = (20.0 * (4.0 * complexity).exp()).round() as u32;
        Score {
            complexity,
            difficulty: logit,
            capabilities: tags(&ask),
            expected_output_tokens: OutputTokens { p50, p90: 3 * p50 },
            uncertainty: 0.25,
            truncated: prompt.truncated,
            micros: start.elapsed().as_micros() as u64,
            version: self.version.clone(),
        }
    }
}

impl Scorer for HeuristicScorer {
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        Ok(batch.iter().map(|input| self.score_one(input)).collect())
    }

    fn version(&self) -> &Arc<str> {
        &self.version
    }
}

/// A probability per tag: high where the matching cue stands in the ask.
fn tags(ask: &[u32; cues::KINDS]) -> Vec<(CapabilityTag, f64)> {
    CapabilityTag::ALL
        .into_iter()
        .map(|tag| {
            let kinds: &[usize] = match tag {
                CapabilityTag::Code => &[cues::CODE],
                CapabilityTag::Math => &[cues::PROOF],
                CapabilityTag::Reasoning => &[cues::PROOF, cues::DESIGN, cues::ANALYSIS],
                CapabilityTag::Knowledge => &[cues::LOOKUP],
                CapabilityTag::Writing => &[cues::PROSE],
                CapabilityTag::Extraction => &[cues::EXTRACTION],
                CapabilityTag::Translation => &[cues::TRANSLATION],
                CapabilityTag::Chat => &[cues::GREETING],
                CapabilityTag::ToolUse | CapabilityTag::StructuredOutput => &[],
            };
            let found = kinds.iter().any(|kind| ask[*kind] > 0);
            (tag, if found { 0.8 } else { 0.1 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complexity(text: &str) -> f64 {
        let input = ScorerInput { text: text.to_owned(), ..ScorerInput::default() };
        HeuristicScorer::new().score_one(&input).complexity
    }

    #[test]
    fn greeting_is_simpler_than_lookup_is_simpler_than_proof() {
        let hello = complexity("hi");
        let lookup = complexity("What is the capital of France?");
        let proof = complexity(
            "Prove rigorously that every finite integral domain is a field, and derive the theorem for rings without identity.",
        );
        assert!(hello < lookup + 0.05 && lookup + 0.4 < proof, "{hello} {lookup} {proof}");
    }
}
