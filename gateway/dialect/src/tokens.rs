//! The model-independent token estimate: one rule for eligibility, limits, cost and missing usage.
//!
//! `ceil(ASCII bytes / 4) + 1 per CJK character + ceil(other bytes / 3)`. Exact tokenizers are slower and differ per
//! model; this one is the same for every candidate, so that candidates can be compared.

use std::ops::AddAssign;

/// Counts text for the estimate. Sums first, rounds once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenEstimator {
    ascii: u64,
    cjk: u64,
    other: u64,
}

impl TokenEstimator {
    /// Counts nothing yet.
    pub const fn new() -> Self {
        Self { ascii: 0, cjk: 0, other: 0 }
    }

    /// Adds a text.
    pub fn add_text(&mut self, text: &str) {
        for character in text.chars() {
            self.add_char(character);
        }
    }

    /// Returns the estimate for everything added.
    pub const fn tokens(&self) -> u64 {
        self.ascii.div_ceil(4) + self.cjk + self.other.div_ceil(3)
    }

    /// Whether nothing was added.
    pub const fn is_empty(&self) -> bool {
        self.ascii == 0 && self.cjk == 0 && self.other == 0
    }

    /// Adds this many ASCII bytes.
    pub(crate) fn add_ascii(&mut self, bytes: usize) {
        self.ascii += bytes as u64;
    }

    /// Adds one character.
    pub(crate) fn add_char(&mut self, character: char) {
        if character.is_ascii() {
            self.ascii += 1;
        } else if is_cjk(character) {
            self.cjk += 1;
        } else {
            self.other += character.len_utf8() as u64;
        }
    }
}

impl AddAssign for TokenEstimator {
    fn add_assign(&mut self, more: Self) {
        self.ascii += more.ascii;
        self.cjk += more.cjk;
        self.other += more.other;
    }
}

/// Returns the estimated tokens of an answer's text, for upstreams that report no usage.
pub fn estimated_completion(text: &str) -> u64 {
    let mut estimator = TokenEstimator::new();
    estimator.add_text(text);
    estimator.tokens()
}

/// Chinese, Japanese and Korean script, where a character is about a token.
const fn is_cjk(character: char) -> bool {
    matches!(character,
        '\u{1100}'..='\u{11FF}'      // Hangul jamo
        | '\u{2E80}'..='\u{9FFF}'    // radicals, punctuation, kana, bopomofo, unified ideographs
        | '\u{A960}'..='\u{A97F}'    // Hangul jamo, extended
        | '\u{AC00}'..='\u{D7FF}'    // Hangul syllables
        | '\u{F900}'..='\u{FAFF}'    // compatibility ideographs
        | '\u{FE30}'..='\u{FE4F}'    // compatibility forms
        | '\u{FF00}'..='\u{FFEF}'    // full-width and half-width forms
        | '\u{20000}'..='\u{3FFFF}') // further ideographs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, tokens: u64) {
        assert_eq!(estimated_completion(text), tokens, "{text}");
    }

    #[test]
    fn ascii_counts_a_quarter_rounded_up() {
        check("", 0);
        check("hi", 1);
        check("four", 1);
        check("fives", 2);
    }

    #[test]
    fn each_cjk_character_counts_one() {
        check("你好世界", 4);
        check("こんにちは", 5);
        check("안녕", 2);
        check("𠀀", 1);
    }

    #[test]
    fn other_scripts_count_a_third_of_their_bytes() {
        check("Привет", 4);
        check("😀", 2);
        check("é", 1);
    }

    #[test]
    fn rounding_happens_once_over_the_sum() {
        let mut estimator = TokenEstimator::new();
        for _ in 0..4 {
            estimator.add_text("a");
        }
        assert_eq!(estimator.tokens(), 1);
    }
}
