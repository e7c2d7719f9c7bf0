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
    pub fn add_ascii(&mut self, bytes: usize) {
        self.ascii += bytes as u64;
    }

    /// Adds the characters beyond ASCII at the start of a text's bytes; returns how many bytes they take.
    pub fn add_wide_run(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        while let Some(lead @ 0x80..) = text.get(at) {
            // Of most CJK characters the lead byte alone tells what they are: U+3000..=U+9FFF and U+B000..=U+D7FF.
            if matches!(lead, 0xE3..=0xE9 | 0xEB..=0xED) {
                self.cjk += 1;
                at += 3;
                continue;
            }
            // The text is UTF-8, so the lead byte tells the length. No character of two bytes is CJK.
            let length = match lead {
                0xF0.. => 4,
                0xE0.. => 3,
                _ => 2,
            };
            let bits = |index: usize| text.get(at + index).map_or(0, |byte| u32::from(byte & 0x3F));
            let code = match length {
                2 => 0,
                3 => u32::from(lead & 0x0F) << 12 | bits(1) << 6 | bits(2),
                _ => u32::from(lead & 0x07) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3),
            };
            if is_cjk(code) {
                self.cjk += 1;
            } else {
                self.other += length as u64;
            }
            at += length;
        }
        at.min(text.len())
    }

    /// Adds one character.
    pub fn add_char(&mut self, character: char) {
        if character.is_ascii() {
            self.ascii += 1;
        } else if is_cjk(character.into()) {
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
const fn is_cjk(code: u32) -> bool {
    code >= 0x1100
        && matches!(code,
            0x2E80..=0x9FFF      // radicals, punctuation, kana, bopomofo, unified ideographs
            | 0xAC00..=0xD7FF    // Hangul syllables
            | 0xFF00..=0xFFEF    // full-width and half-width forms
            | 0x1100..=0x11FF    // Hangul jamo
            | 0xA960..=0xA97F    // Hangul jamo, extended
            | 0xF900..=0xFAFF    // compatibility ideographs
            | 0xFE30..=0xFE4F    // compatibility forms
            | 0x2_0000..=0x3_FFFF) // further ideographs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn runs_count_as_their_characters(text in "[^\\x00-\\x7F]*", rest in "([a-z].*)?") {
            let (mut by_run, mut by_character) = (TokenEstimator::new(), TokenEstimator::new());
            prop_assert_eq!(by_run.add_wide_run(format!("{text}{rest}").as_bytes()), text.len());
            by_character.add_text(&text);
            prop_assert_eq!(by_run, by_character);
        }
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
