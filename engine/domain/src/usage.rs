//! What a call consumed, in tokens.

use serde::{Deserialize, Serialize};

/// Tokens of one call. Cached and cache-written tokens are part of `prompt_tokens`, reasoning of `completion_tokens`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All tokens read, whether fresh, from the prompt cache, or written to it.
    pub prompt_tokens: u64,
    /// Tokens read from the provider's prompt cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Tokens written to the provider's prompt cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// All tokens written, reasoning included.
    pub completion_tokens: u64,
    /// Tokens of hidden reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// The provider did not say: the counts are ours.
    #[serde(default)]
    pub estimated: bool,
}

impl Usage {
    /// Tokens read and written together.
    pub fn total_tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}
