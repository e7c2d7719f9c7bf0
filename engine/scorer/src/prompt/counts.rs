//! Counted features of a prompt: lengths, digits, marks of code and mathematics, layout, scripts.
//!
//! Each is scaled to about -1..=3 by a fixed formula, so that no statistics of a training set travel with the model.

use super::is_cjk;

/// How many counted features there are.
pub const COUNTS: usize = 44;

/// How many features the last thing said has.
pub const LAST_COUNTS: usize = 12;

/// Counts the last thing said.
pub(super) fn count_last(text: &str) -> [f32; LAST_COUNTS] {
    let tally = Tally::of(text);
    let [digits, numbers, code, operators, latex, questions, capitals, commas, letters] = tally.marks();
    let length = [log(tally.bytes, 3.0), log(tally.words, 2.0), flag(tally.words <= 8.0)];
    let [bytes, words, short] = length;
    [bytes, words, short, digits, numbers, code, operators, latex, questions, capitals, commas, letters]
}

/// Counts one prompt. `tokens` is the estimated length of the whole prompt, not only of what is read.
pub(super) fn count(text: &str, asking: &str, tokens: f64, truncated: bool) -> Vec<f32> {
    let whole = Tally::of(text);
    let ask = Tally::of(asking);
    let mut features = Vec::with_capacity(super::FEATURES);
    features.extend([
        log(tokens, 3.0),
        (log(tokens, 3.0) - 1.5).max(0.0),
        (1.5 - log(tokens, 3.0)).max(0.0),
        log(ask.bytes, 3.0),
        log(ask.words, 2.0),
        share(ask.bytes, whole.bytes),
        f32::from(truncated),
        log(whole.lines, 2.0),
        log(whole.sentences, 2.0),
        log(ask.sentences, 2.0),
    ]);
    for tally in [&whole, &ask] {
        features.extend(tally.marks());
    }
    features.extend([
        log(whole.fences, 1.0),
        log(whole.list_items, 2.0),
        log(whole.options, 1.0),
        log(whole.quotes, 2.0),
        log(whole.links, 1.0),
        log(whole.longest_word, 2.0) - 1.0,
        log(whole.longest_number, 1.0),
        share(whole.not_ascii, whole.bytes),
        3.0 * share(whole.cjk, whole.bytes),
        share(whole.distinct, whole.words),
        f32::from(whole.bytes == 0.0),
        flag(asking.trim_end().ends_with(['?', '\u{ff1f}', '؟'])),
        flag(asking.trim_end().ends_with(':')),
        flag(text.trim_start().starts_with(['{', '[', '<'])),
        flag(whole.words <= 4.0),
        flag(ask.words <= 12.0),
    ]);
    debug_assert_eq!(features.len(), COUNTS, "the declared number of counted features");
    features
}

/// What one pass over a text counts.
#[derive(Default)]
struct Tally {
    bytes: f64,
    words: f64,
    letter_bytes: f64,
    distinct: f64,
    lines: f64,
    sentences: f64,
    digits: f64,
    numbers: f64,
    longest_number: f64,
    longest_word: f64,
    code: f64,
    operators: f64,
    latex: f64,
    questions: f64,
    capitals: f64,
    commas: f64,
    fences: f64,
    list_items: f64,
    options: f64,
    quotes: f64,
    links: f64,
    not_ascii: f64,
    cjk: f64,
}

impl Tally {
    fn of(text: &str) -> Self {
        let mut tally = Self { bytes: text.len() as f64, ..Self::default() };
        tally.characters(text);
        tally.words(text);
        tally.layout(text);
        tally
    }

    /// Digits, numbers, marks of code, operators, LaTeX, questions, capitals, commas, length of words.
    fn marks(&self) -> [f32; 9] {
        [
            4.0 * share(self.digits, self.bytes),
            log(self.numbers, 2.0),
            8.0 * share(self.code, self.bytes),
            8.0 * share(self.operators, self.bytes),
            log(self.latex, 2.0),
            log(self.questions, 1.0),
            4.0 * share(self.capitals, self.bytes),
            log(self.commas, 2.0),
            log(self.letter_bytes / self.words.max(1.0), 1.0) - 1.8,
        ]
    }

    fn characters(&mut self, text: &str) {
        let mut run = 0.0;
        for character in text.chars() {
            match character {
                '0'..='9' => self.digits += 1.0,
                '{' | '}' | ';' | '_' | '(' | ')' | '[' | ']' | '#' | '|' => self.code += 1.0,
                '+' | '-' | '*' | '/' | '=' | '^' | '<' | '>' | '%' | '≤' | '≥' | '∑' | '∫' | '√' | '×' => {
                    self.operators += 1.0;
                }
                '\\' | '$' => self.latex += 1.0,
                '?' | '\u{ff1f}' | '؟' => self.questions += 1.0,
                ',' | '、' | '\u{ff0c}' | '،' => self.commas += 1.0,
                '"' | '“' | '”' | '«' | '»' | '「' => self.quotes += 1.0,
                'A'..='Z' => self.capitals += 1.0,
                '.' | '!' | '。' | '।' => self.sentences += 1.0,
                _ => {}
            }
            if character.is_ascii_digit() {
                run += 1.0;
                self.longest_number = self.longest_number.max(run);
            } else {
                self.numbers += f64::from(u8::from(run > 0.0));
                run = 0.0;
            }
            if !character.is_ascii() {
                self.not_ascii += character.len_utf8() as f64;
                self.cjk += f64::from(u8::from(is_cjk(character)));
            }
        }
        self.numbers += f64::from(u8::from(run > 0.0));
        self.sentences += self.questions;
    }

    fn words(&mut self, text: &str) {
        let mut seen = Vec::new();
        for word in text.split_whitespace() {
            self.words += 1.0;
            self.letter_bytes += word.len() as f64;
            self.longest_word = self.longest_word.max(word.len() as f64);
            self.links += f64::from(u8::from(word.starts_with("http://") || word.starts_with("https://")));
            seen.push(word);
        }
        seen.sort_unstable();
        seen.dedup();
        self.distinct = seen.len() as f64;
        // Scripts without spaces: two ideographs count as a word.
        self.words = self.words.max(self.cjk / 2.0);
    }

    fn layout(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.trim_start();
            self.lines += 1.0;
            let bytes = line.as_bytes();
            match bytes {
                [b'`', b'`', b'`', ..] => self.fences += 1.0,
                [b'-' | b'*', b' ', ..] | [b'0'..=b'9', b'.' | b')', ..] => self.list_items += 1.0,
                [b'(', b'A'..=b'J', b')', ..] | [b'A'..=b'J', b'.' | b')', b' ', ..] => self.options += 1.0,
                _ => {}
            }
        }
    }
}

fn log(count: f64, scale: f64) -> f32 {
    ((1.0 + count).ln() / scale) as f32
}

fn share(part: f64, whole: f64) -> f32 {
    if whole > 0.0 { (part / whole).min(64.0) as f32 } else { 0.0 }
}

fn flag(is: bool) -> f32 {
    f32::from(is)
}
