//! From a prompt's text to token ids, within a budget, with the tokens that ask marked.

use std::ops::Range;

use tokenizers::Tokenizer;

use crate::ScorerError;
use crate::artifact::{ArtifactError, TOKENIZER};
use crate::network::Shape;
use crate::prompt::Prompt;

/// Marks a word's first piece in the vocabulary.
const WORD_START: char = '▁';
/// Most marks behind a word that are looked up one by one.
const MAX_MARKS: usize = 3;

/// Reads prompts with one tokenizer.
pub struct TokenReader {
    tokenizer: Tokenizer,
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
        let mut tokens = Tokens::default();
        let mut piece = String::new();
        for Part { span, is_ask, is_last } in parts(prompt) {
            for word in prompt.text[span].split_whitespace() {
                if !self.known_word(word, &mut piece, &mut tokens.ids) {
                    self.any_word(word, &mut tokens.ids)?;
                }
            }
            tokens.ask.resize(tokens.ids.len(), is_ask);
            tokens.last.resize(tokens.ids.len(), is_last);
        }
        if tokens.ids.is_empty() {
            tokens = Tokens { ids: vec![0], ask: vec![true], last: vec![true], truncated: false };
        }
        Ok(self.cut(tokens))
    }

    /// A word of the vocabulary, perhaps with marks behind it: the common case, some thirty times quicker by table than
    /// through the tokenizer. Says whether the word was one.
    fn known_word(&self, word: &str, piece: &mut String, ids: &mut Vec<u32>) -> bool {
        let bare = word.trim_end_matches(|it: char| it.is_ascii_punctuation());
        if bare.is_empty() || bare.len() + MAX_MARKS < word.len() {
            return false;
        }
        let before = ids.len();
        piece.clear();
        piece.push(WORD_START);
        piece.push_str(bare);
        let found = self.tokenizer.token_to_id(piece);
        ids.extend(found);
        let mut known = found.is_some();
        for mark in word[bare.len()..].chars() {
            piece.clear();
            piece.push(mark);
            let found = self.tokenizer.token_to_id(piece);
            ids.extend(found);
            known &= found.is_some();
        }
        if !known {
            ids.truncate(before);
        }
        known
    }

    fn any_word(&self, word: &str, ids: &mut Vec<u32>) -> Result<(), ScorerError> {
        let encoded =
            self.tokenizer.encode_fast(word, false).map_err(|error| ScorerError::Tokenise(error.to_string()))?;
        ids.extend_from_slice(encoded.get_ids());
        Ok(())
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

/// A stretch of the text that lies wholly in or wholly out of the ask, and so of the last thing said.
struct Part {
    span: Range<usize>,
    is_ask: bool,
    is_last: bool,
}

/// The text's parts in order.
fn parts(prompt: &Prompt) -> Vec<Part> {
    let mut cuts = vec![0, prompt.last.start, prompt.last.end, prompt.text.len()];
    cuts.extend(prompt.ask.iter().flat_map(|range| [range.start, range.end]));
    cuts.sort_unstable();
    cuts.dedup();
    let within = |part: &Range<usize>, span: &Range<usize>| span.start <= part.start && part.end <= span.end;
    let part = |pair: &[usize]| {
        let span = pair[0]..pair[1];
        let is_ask = prompt.ask.iter().any(|ask| within(&span, ask));
        let is_last = within(&span, &prompt.last);
        Part { span, is_ask, is_last }
    };
    cuts.windows(2).map(part).collect()
}
