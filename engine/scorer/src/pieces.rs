//! Cuts words into pieces of a unigram vocabulary, along the path of the highest sum of the pieces' log-probabilities.
//!
//! The same as the crate `tokenizers` cuts them, which a test holds it to, in about a tenth of the time: pieces are found by
//! a hash carried from byte to byte, and nothing is allocated for a word. See decision 16. The algorithm is
//! sentencepiece's (Kudo, 2018, arXiv:1804.10959, section 3.2).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::artifact::{ArtifactError, TOKENIZER};

/// Marks the beginning of a word in the vocabulary.
const WORD_START: char = '▁';
/// What an unknown character costs, below the rarest piece.
const UNKNOWN_PENALTY: f64 = 10.0;

/// A vocabulary of pieces.
pub(crate) struct Pieces {
    /// Pieces by their hash.
    known: HashMap<u64, Known, BuildHasherDefault<Hashed>>,
    /// How many there are.
    count: usize,
    /// Beginnings of pieces: where a piece's search may stop.
    beginnings: Beginnings,
    /// Bytes of the longest piece.
    longest: usize,
    unknown: u32,
    unknown_score: f64,
}

/// A piece: its id, and the logarithm of its probability.
#[derive(Clone, Copy)]
struct Known {
    score: f64,
    id: u32,
}

/// What is read of a tokenizer's file.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    normalizer: Option<IgnoredAny>,
    #[serde(default)]
    added_tokens: Vec<IgnoredAny>,
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    unk_id: u32,
    #[serde(default)]
    byte_fallback: bool,
    vocab: Vec<(String, f64)>,
}

/// The best way found to some byte of a word.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    score: f64,
    from: usize,
    piece: u32,
}

impl Pieces {
    /// Reads the JSON of a tokenizer; it has to be a unigram model without a normalizer, added tokens and byte fallback.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let malformed = |reason: String| ArtifactError::malformed(TOKENIZER, reason);
        let file: File = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        let Model { kind, unk_id, byte_fallback, vocab } = file.model;
        if kind != "Unigram" || byte_fallback || file.normalizer.is_some() || !file.added_tokens.is_empty() {
            let reason =
                "this build reads models of type `Unigram` without a normalizer, added tokens and byte fallback";
            return Err(malformed(reason.to_owned()));
        }
        if unk_id as usize >= vocab.len() || vocab.iter().any(|(piece, score)| piece.is_empty() || !score.is_finite()) {
            return Err(malformed("`unk_id` is not in `vocab`, or a piece is empty or has no finite score".to_owned()));
        }
        let pieces = || vocab.iter().zip(0..).filter(|(_, id)| *id != unk_id);
        let known: HashMap<_, _, _> =
            pieces().map(|((piece, score), id)| (hash(piece), Known { score: *score, id })).collect();
        if known.len() + 1 != vocab.len() {
            return Err(malformed("`vocab` holds a piece twice".to_owned()));
        }
        let rarest = vocab.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
        Ok(Self {
            beginnings: Beginnings::of(pieces().map(|((piece, _), _)| piece.as_str())),
            longest: pieces().map(|((piece, _), _)| piece.len()).max().unwrap_or(1),
            count: vocab.len(),
            unknown: unk_id,
            unknown_score: rarest - UNKNOWN_PENALTY,
            known,
        })
    }

    /// How many pieces there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The piece that stands for what is not in the vocabulary.
    pub(crate) fn unknown(&self) -> u32 {
        self.unknown
    }

    /// Appends the pieces of a word without blanks; `text` and `path` are scratch space. Neighbouring unknown characters make
    /// one unknown piece.
    pub(crate) fn cut(&self, word: &str, text: &mut String, path: &mut Vec<Step>, pieces: &mut Vec<u32>) {
        text.clear();
        text.push(WORD_START);
        text.push_str(word);
        self.walk(text, path);
        let first = pieces.len();
        let mut end = text.len();
        while end > 0 {
            let Step { from, piece, .. } = path[end];
            if piece != self.unknown || pieces.len() == first || pieces[pieces.len() - 1] != self.unknown {
                pieces.push(piece);
            }
            end = from;
        }
        pieces[first..].reverse();
    }

    /// Finds the best way to every character's end.
    fn walk(&self, text: &str, path: &mut Vec<Step>) {
        path.clear();
        path.resize(text.len() + 1, Step { score: f64::NEG_INFINITY, from: 0, piece: self.unknown });
        path[0].score = 0.0;
        for (start, character) in text.char_indices() {
            let before = path[start].score;
            let mut reach = |end: usize, piece: u32, score: f64| {
                if before + score > path[end].score {
                    path[end] = Step { score: before + score, from: start, piece };
                }
            };
            let single = start + character.len_utf8();
            let mut has_single = false;
            let mut hash = OFFSET;
            for (byte, end) in text.as_bytes()[start..].iter().take(self.longest).zip(start + 1..) {
                hash = step(hash, *byte);
                if !self.beginnings.may_hold(hash) {
                    break;
                }
                if let Some(&Known { score, id }) = self.known.get(&hash) {
                    reach(end, id, score);
                    has_single |= end == single;
                }
            }
            if !has_single {
                reach(single, self.unknown, self.unknown_score);
            }
        }
    }
}

/// Hashes of all beginnings of all pieces, as bits: it may hold a few too many, never too few. Small enough for the
/// processor's cache, it spares most of the lookups.
struct Beginnings(Vec<u64>);

impl Beginnings {
    /// Logarithm of the number of bits.
    const BITS: u32 = 21;

    fn of<'a>(pieces: impl Iterator<Item = &'a str>) -> Self {
        let mut bits = vec![0; 1 << (Self::BITS - 6)];
        for piece in pieces {
            let mut hash = OFFSET;
            for byte in piece.bytes() {
                hash = step(hash, byte);
                let (word, bit) = Self::place(hash);
                bits[word] |= bit;
            }
        }
        Self(bits)
    }

    fn may_hold(&self, hash: u64) -> bool {
        let (word, bit) = Self::place(hash);
        self.0[word] & bit != 0
    }

    fn place(hash: u64) -> (usize, u64) {
        let at = hash >> (64 - Self::BITS);
        ((at >> 6) as usize, 1 << (at & 63))
    }
}

const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;

/// One byte of FNV-1a.
fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
}

fn hash(piece: &str) -> u64 {
    piece.bytes().fold(OFFSET, step)
}

/// Takes a hash as it is.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| step(hash, *byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::LazyLock;

    use proptest::prelude::*;
    use tokenizers::Tokenizer;

    use super::*;
    use crate::builtin;

    static OURS: LazyLock<Pieces> = LazyLock::new(|| Pieces::parse(file()).unwrap());
    static THEIRS: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::from_bytes(file()).unwrap());

    /// The built-in scorer's tokenizer.
    fn file() -> &'static [u8] {
        builtin::FILES.iter().find(|(name, _)| *name == TOKENIZER).unwrap().1
    }

    #[track_caller]
    fn check(text: &str) {
        let (mut piece, mut path, mut ours) = (String::new(), Vec::new(), Vec::new());
        text.split_whitespace().for_each(|word| OURS.cut(word, &mut piece, &mut path, &mut ours));
        assert_eq!(ours, THEIRS.encode_fast(text, false).unwrap().get_ids(), "{text:?}");
    }

    #[test]
    fn words_are_cut_as_tokenizers_cuts_them() {
        for text in [
            "",
            "Prove that sqrt(2) is irrational, please!",
            "a 12,345.67 (b) don't re-enter https://example.org/?q=1 x_{i+1}",
            "Докажите теорему. 证明这个定理。 これは何ですか？ مرحبا بالعالم नमस्ते दुनिया",
            "🦀🦀 unknown 🧿x🧿 \u{1F9FF}\u{1F9FF}",
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ== aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cut_as_tokenizers_cuts_it(text in "[a-zA-Z0-9 .,'(){}äöüéñ你好証明опрст🦀-]{0,120}") {
            check(&text);
        }
    }

    #[test]
    fn other_kinds_of_tokenizer_are_refused() {
        let parse = |text: &str| Pieces::parse(text.as_bytes()).err().map(|it| it.to_string()).unwrap_or_default();
        assert!(parse(r#"{"model":{"type":"BPE","unk_id":0,"vocab":[["<unk>",0]]}}"#).contains("`Unigram`"));
        assert!(parse(r#"{"model":{"type":"Unigram","unk_id":1,"vocab":[["<unk>",0]]}}"#).contains("`unk_id`"));
        assert!(
            parse(r#"{"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1],["a",-2]]}}"#)
                .contains("twice")
        );
    }
}
