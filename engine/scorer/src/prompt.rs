//! What the scorer reads of a prompt: a bounded cut of its text, the part that asks, and counted features.
//!
//! Everything here costs the same for 4 KiB and 10 MB: the text is cut by bytes before anything looks at it closely.
//! Pure; the network and the heuristic both start from a [`Prompt`].

mod ask;
mod counts;
mod frame;
mod last;

use std::ops::Range;

use domain::ScorerInput;

use crate::cues::{self, Cues};

pub use counts::{COUNTS, LAST_COUNTS};

/// Bytes kept from each end of a long text.
const END_BYTES: usize = 1024;

/// How many dense features a prompt has.
pub const FEATURES: usize = COUNTS + LAST_COUNTS + 3 * cues::KINDS;

/// A prompt, cut and looked at.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The text that is read: all of it, or its two ends.
    pub text: String,
    /// Where in `text` the asking is done, as opposed to the material it is about. Sorted, disjoint, not empty.
    pub ask: Vec<Range<usize>>,
    /// The last thing said: a sentence or two at the end, where most prompts come to the point.
    pub last: Range<usize>,
    /// The text's parts in order: each lies wholly in or wholly out of the ask, and so of the last thing said.
    pub parts: Vec<Part>,
    /// Cues in the text, in the ask and in the last thing said.
    pub cues: Cues,
    /// Dense features, about -1..=3 each: counts, counts of the last thing said, then cues in the ask, anywhere, and in the
    /// last thing said.
    pub features: Vec<f32>,
    /// Some of the prompt is not in `text`.
    pub truncated: bool,
}

/// A stretch of a prompt's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands.
    pub span: Range<usize>,
    /// It asks.
    pub is_ask: bool,
    /// It belongs to the last thing said.
    pub is_last: bool,
}

impl Prompt {
    /// Cuts and counts.
    pub fn read(input: &ScorerInput) -> Self {
        let (kept, cut) = cut(&input.text);
        let text = frame::strip(&kept).to_owned();
        let truncated = cut || input.truncated;
        let ask = ask::find(&text);
        let mut tokens = estimate_tokens(&text) * ratio(input.text.len(), kept.len());
        if input.truncated {
            tokens = tokens.max(input.features.input_tokens as f64);
        }
        let asking = ask.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>().join("\n");
        let last = last::find(&text);
        let mut features = counts::count(&text, &asking, tokens, truncated);
        features.extend(counts::count_last(&text[last.clone()]));
        let parts = parts(&text, &ask, &last);
        let cues = cues::count(&text, &parts);
        features.extend(cues.ask.map(|count| (count as f32).min(4.0) / 2.0));
        features.extend(cues.text.map(|count| (1.0 + count as f32).ln() / 2.0));
        features.extend(cues.last.map(|count| (count as f32).min(4.0) / 2.0));
        Self { text, ask, last, parts, cues, features, truncated }
    }

    /// The part that asks, as one text.
    pub fn asking(&self) -> String {
        self.ask.iter().map(|range| &self.text[range.clone()]).collect::<Vec<_>>().join("\n")
    }
}

/// Cuts a text where the ask or the last thing said begins or ends.
fn parts(text: &str, ask: &[Range<usize>], last: &Range<usize>) -> Vec<Part> {
    let mut cuts = vec![0, last.start, last.end, text.len()];
    cuts.extend(ask.iter().flat_map(|range| [range.start, range.end]));
    cuts.sort_unstable();
    cuts.dedup();
    let part = |pair: &[usize]| {
        let span = pair[0]..pair[1];
        let within = |range: &Range<usize>| range.start <= span.start && span.end <= range.end;
        Part { is_ask: ask.iter().any(within), is_last: within(last), span }
    };
    cuts.windows(2).map(part).collect()
}

/// The text, or its first and last KiB on character boundaries; says whether anything was left out.
fn cut(text: &str) -> (String, bool) {
    if text.len() <= 2 * END_BYTES {
        return (text.to_owned(), false);
    }
    let head = text.floor_char_boundary(END_BYTES);
    let tail = text.ceil_char_boundary(text.len() - END_BYTES);
    (format!("{}\n{}", &text[..head], &text[tail..]), true)
}

/// The estimate that the gateway uses for whole requests: four ASCII bytes, one ideograph, or three other bytes a token.
fn estimate_tokens(text: &str) -> f64 {
    let (mut ascii, mut wide, mut other) = (0_usize, 0_usize, 0_usize);
    for character in text.chars() {
        if character.is_ascii() {
            ascii += 1;
        } else if is_cjk(character) {
            wide += 1;
        } else {
            other += character.len_utf8();
        }
    }
    (ascii.div_ceil(4) + wide + other.div_ceil(3)) as f64
}

/// Ideographs, kana and hangul: scripts in which a character is about a token.
pub(crate) fn is_cjk(character: char) -> bool {
    matches!(u32::from(character), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF)
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Prompt {
        Prompt::read(&ScorerInput { text: text.to_owned(), ..ScorerInput::default() })
    }

    #[test]
    fn short_text_is_read_whole() {
        let prompt = read("What is the capital of France?");
        assert_eq!(prompt.text, "What is the capital of France?");
        assert_eq!(prompt.asking(), prompt.text);
        assert!(!prompt.truncated);
    }

    #[test]
    fn long_text_is_cut_to_both_ends_and_says_so() {
        let text = format!("start{}end", "é".repeat(100_000));
        let prompt = read(&text);
        assert!(prompt.truncated);
        assert!(prompt.text.len() <= 2 * END_BYTES + 1);
        assert!(prompt.text.starts_with("start") && prompt.text.ends_with("end"));
    }

    #[test]
    fn features_have_the_declared_number_and_are_finite() {
        for text in ["", " ", "\n\n\n", "🦀", "مرحبا", "\u{0}\u{7}", "a", "```", "\"", &"x".repeat(5_000_000)] {
            let features = read(text).features;
            assert_eq!(features.len(), FEATURES, "{:?}", &text[..text.len().min(8)]);
            assert!(features.iter().all(|value| value.is_finite() && value.abs() < 10.0), "{features:?}");
        }
    }

    #[test]
    fn truncated_input_takes_its_length_from_the_request() {
        let short = ScorerInput { text: "hello".to_owned(), ..ScorerInput::default() };
        let mut long = short.clone();
        long.truncated = true;
        long.features.input_tokens = 50_000;
        assert_ne!(Prompt::read(&short).features, Prompt::read(&long).features);
    }
}
