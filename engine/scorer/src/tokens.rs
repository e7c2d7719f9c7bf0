//! From a prompt's text to token ids, within a budget, with the tokens that ask marked.

use std::ops::Range;

use tokenizers::Tokenizer;

use crate::ScorerError;
use crate::artifact::{ArtifactError, TOKENIZER};
use crate::network::Shape;
use crate::prompt::Prompt;

/// Reads prompts with one tokenizer.
pub struct TokenReader {
    tokenizer: Tokenizer,
    max_tokens: usize,
}

/// A prompt's tokens. Never empty: a prompt without any has the unknown token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Rows of the token table.
    pub ids: Vec<u32>,
    /// Whether each belongs to the part that asks.
    pub ask: Vec<bool>,
    /// Tokens were left out.
    pub truncated: bool,
}

impl std::fmt::Debug for TokenReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenReader").field("max_tokens", &self.max_tokens).finish_non_exhaustive()
    }
}

impl TokenReader {
    /// Reads a tokenizer's JSON and checks that it fits the token table.
    pub fn parse(bytes: &[u8], shape: &Shape) -> Result<Self, ArtifactError> {
        let malformed = |reason: String| ArtifactError::malformed(TOKENIZER, reason);
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| malformed(error.to_string()))?;
        // A cut and padding of the tokenizer's own would bend ours.
        tokenizer.with_truncation(None).map_err(|error| malformed(error.to_string()))?;
        tokenizer.with_padding(None);
        let words = tokenizer.get_vocab_size(true);
        if words != shape.vocabulary || shape.max_tokens < 2 {
            return Err(malformed(format!("it has {words} words, the manifest says {}", shape.vocabulary)));
        }
        Ok(Self { tokenizer, max_tokens: shape.max_tokens })
    }

    /// Tokenises a prompt and keeps the first and the last half of the budget.
    pub fn read(&self, prompt: &Prompt) -> Result<Tokens, ScorerError> {
        let mut tokens = Tokens { ids: Vec::new(), ask: Vec::new(), truncated: false };
        for (span, is_ask) in spans(prompt) {
            let encoded = self
                .tokenizer
                .encode_fast(&prompt.text[span], false)
                .map_err(|error| ScorerError::Tokenise(error.to_string()))?;
            tokens.ids.extend_from_slice(encoded.get_ids());
            tokens.ask.resize(tokens.ids.len(), is_ask);
        }
        if tokens.ids.is_empty() {
            tokens = Tokens { ids: vec![0], ask: vec![true], truncated: false };
        }
        Ok(self.cut(tokens))
    }

    fn cut(&self, mut tokens: Tokens) -> Tokens {
        let length = tokens.ids.len();
        if length > self.max_tokens {
            let middle = self.max_tokens / 2..length - (self.max_tokens - self.max_tokens / 2);
            tokens.ids.drain(middle.clone());
            tokens.ask.drain(middle);
            tokens.truncated = true;
        }
        tokens
    }
}

/// The text's spans in order, each with whether it asks.
fn spans(prompt: &Prompt) -> Vec<(Range<usize>, bool)> {
    let mut spans = Vec::with_capacity(2 * prompt.ask.len() + 1);
    let mut at = 0;
    for ask in &prompt.ask {
        if at < ask.start {
            spans.push((at..ask.start, false));
        }
        spans.push((ask.clone(), true));
        at = ask.end;
    }
    if at < prompt.text.len() {
        spans.push((at..prompt.text.len(), false));
    }
    spans
}
