//! From a prompt's text to token ids, within a budget, with the tokens that ask marked.

use crate::artifact::{ArtifactError, TOKENIZER};
use crate::network::Shape;
use crate::pieces::Pieces;
use crate::prompt::{Part, Prompt};

/// Reads prompts with one tokenizer.
pub struct TokenReader {
    pieces: Pieces,
    max_tokens: usize,
}

/// A prompt's tokens. Never empty: a prompt without any has the unknown token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Rows of the token table.
    pub ids: Vec<u32>,
    /// Whether each belongs to the part that asks.
    pub ask: Vec<bool>,
    /// Whether each belongs to the last thing said.
    pub last: Vec<bool>,
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
        let pieces = Pieces::parse(bytes)?;
        if pieces.len() != shape.vocabulary || shape.max_tokens < 2 {
            let reason = format!("it has {} words, the manifest says {}", pieces.len(), shape.vocabulary);
            return Err(ArtifactError::malformed(TOKENIZER, reason));
        }
        Ok(Self { pieces, max_tokens: shape.max_tokens })
    }

    /// Tokenises a prompt and keeps the first and the last half of the budget.
    pub fn read(&self, prompt: &Prompt) -> Tokens {
        let mut tokens = Tokens::default();
        let (mut piece, mut path) = (String::new(), Vec::new());
        for Part { span, is_ask, is_last } in &prompt.parts {
            for word in prompt.text[span.clone()].split_whitespace() {
                self.pieces.cut(word, &mut piece, &mut path, &mut tokens.ids);
            }
            tokens.ask.resize(tokens.ids.len(), *is_ask);
            tokens.last.resize(tokens.ids.len(), *is_last);
        }
        if tokens.ids.is_empty() {
            tokens = Tokens { ids: vec![self.pieces.unknown()], ask: vec![true], last: vec![true], truncated: false };
        }
        self.cut(tokens)
    }

    fn cut(&self, mut tokens: Tokens) -> Tokens {
        let length = tokens.ids.len();
        if length > self.max_tokens {
            let middle = self.max_tokens / 2..length - (self.max_tokens - self.max_tokens / 2);
            tokens.ids.drain(middle.clone());
            tokens.ask.drain(middle.clone());
            tokens.last.drain(middle);
            tokens.truncated = true;
        }
        tokens
    }
}
