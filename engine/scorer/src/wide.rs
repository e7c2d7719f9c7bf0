//! The wide part of the model: one linear layer over hashed words and word pairs and the counted features.
//!
//! It remembers what single words say ("eigenvalue", "thanks"), which the narrow token vectors blur. What it says goes to
//! the network as further inputs, so that the network decides how far to believe it. Fitted by ridge regression.

use candle_core::{DType, Device, Tensor};
use domain::CapabilityTag;

use crate::prompt::{FEATURES, Prompt, is_cjk};

/// What it says of a prompt: complexity, difficulty, logarithm of the answer's tokens, then one value a tag.
pub const OUTPUTS: usize = 3 + CapabilityTag::ALL.len();

/// Rows of the hashed table, a power of two: words of the whole text, of the ask and of the last thing said share it.
pub const BUCKETS: usize = 1 << 17;

/// Folded into the hashes of words of the ask, so that they are told from words elsewhere.
const ASK: u64 = 0x9E37_79B9_7F4A_7C15;
/// The same for words of the last thing said.
const LAST: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// The buckets of a prompt's words and word pairs: of the whole text, of the ask, of the last thing said. Sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grams {
    /// Of all that is read.
    pub text: Vec<u32>,
    /// Of the part that asks.
    pub ask: Vec<u32>,
    /// Of the last thing said.
    pub last: Vec<u32>,
}

impl Grams {
    /// Hashes a prompt's words.
    pub fn of(prompt: &Prompt) -> Self {
        let asking = prompt.ask.iter().map(|range| &prompt.text[range.clone()]);
        Self {
            text: hashed(std::iter::once(prompt.text.as_str()), 0),
            ask: hashed(asking, ASK),
            last: hashed(std::iter::once(&prompt.text[prompt.last.clone()]), LAST),
        }
    }

    /// Each bucket with its value: each of the three parts has length 1 as a vector.
    pub fn values(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        [&self.text, &self.ask, &self.last].into_iter().flat_map(|buckets| {
            let value = (buckets.len().max(1) as f32).sqrt().recip();
            buckets.iter().map(move |bucket| (*bucket as usize, value))
        })
    }
}

/// Sorted, distinct buckets of the words and neighbouring words of some pieces of text.
fn hashed<'a>(pieces: impl Iterator<Item = &'a str>, salt: u64) -> Vec<u32> {
    let mut buckets = Vec::with_capacity(128);
    for piece in pieces {
        let mut before = 0;
        words(piece, |word| {
            buckets.push(bucket(word ^ salt));
            if before != 0 {
                buckets.push(bucket(word.rotate_left(23).wrapping_add(before) ^ salt));
            }
            before = word;
        });
    }
    buckets.sort_unstable();
    buckets.dedup();
    buckets
}

fn bucket(hash: u64) -> u32 {
    // The finaliser of splitmix64: every bit of the hash reaches the low ones.
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) as usize & (BUCKETS - 1)) as u32
}

/// Calls back with the hash of each word: a run of letters in lower case, a run of digits by its length alone, or any other
/// visible character, ideographs among them.
fn words(text: &str, mut found: impl FnMut(u64)) {
    let mut run = Run::default();
    for character in text.chars() {
        let kind = Kind::of(character);
        if kind != run.kind || matches!(kind, Kind::Single) {
            run.end(&mut found);
            run.kind = kind;
        }
        match kind {
            Kind::Letters if character.is_ascii() => run.add(u64::from(character.to_ascii_lowercase())),
            Kind::Letters => character.to_lowercase().for_each(|it| run.add(u64::from(it))),
            Kind::Digits => run.add(u64::from('0')),
            Kind::Single => run.add(u64::from(character)),
            Kind::Blank => {}
        }
    }
    run.end(&mut found);
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Blank,
    Letters,
    Digits,
    Single,
}

impl Kind {
    fn of(character: char) -> Self {
        match character {
            _ if character.is_ascii_alphabetic() => Self::Letters,
            _ if character.is_whitespace() || character.is_control() => Self::Blank,
            _ if character.is_ascii_digit() => Self::Digits,
            _ if is_cjk(character) => Self::Single,
            _ if character.is_alphanumeric() || is_mark(character) => Self::Letters,
            _ => Self::Single,
        }
    }
}

/// Vowel signs of Devanagari and Arabic vowel marks belong to the word they stand in.
fn is_mark(character: char) -> bool {
    matches!(u32::from(character), 0x0300..=0x036F | 0x064B..=0x065F | 0x0900..=0x0903 | 0x093A..=0x094F | 0x0951..=0x0957)
}

/// FNV-1a over the characters of a word.
#[derive(Default)]
struct Run {
    kind: Kind,
    hash: u64,
}

impl Run {
    fn add(&mut self, value: u64) {
        let start = if self.hash == 0 { 0xCBF2_9CE4_8422_2325 } else { self.hash };
        self.hash = (start ^ value).wrapping_mul(0x0000_0100_0000_01B3);
    }

    fn end(&mut self, found: &mut impl FnMut(u64)) {
        if self.hash != 0 {
            found(self.hash);
        }
        self.hash = 0;
    }
}

/// The fitted layer.
#[derive(Clone, Debug)]
pub struct Wide {
    /// `BUCKETS` rows.
    table: Vec<Line>,
    /// `FEATURES` rows.
    dense: Vec<Line>,
    bias: [f32; OUTPUTS],
}

/// A row of the layer in one line of the processor's cache: reading rows here and there is what the layer's time goes to.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Line([f32; OUTPUTS]);

impl Wide {
    /// A layer of given weights; `table` has [`BUCKETS`] rows and `dense` has [`FEATURES`].
    pub fn new(table: Vec<[f32; OUTPUTS]>, dense: Vec<[f32; OUTPUTS]>, bias: [f32; OUTPUTS]) -> Self {
        debug_assert_eq!((table.len(), dense.len()), (BUCKETS, FEATURES), "rows of the wide layer");
        let lines = |rows: Vec<_>| rows.into_iter().map(Line).collect();
        Self { table: lines(table), dense: lines(dense), bias }
    }

    /// What it says of a prompt, centred and scaled to be inputs of the network.
    pub fn say(&self, grams: &Grams, features: &[f32]) -> [f32; OUTPUTS] {
        let mut said = self.bias;
        let mut add = |row: &Line, value: f32| {
            for (sum, weight) in said.iter_mut().zip(row.0) {
                *sum += weight * value;
            }
        };
        grams.values().for_each(|(bucket, value)| add(&self.table[bucket], value));
        self.dense.iter().zip(features).for_each(|(row, value)| add(row, *value));
        said
    }

    /// The layer as tensors named `wide.table` (half precision), `wide.dense` and `wide.bias`.
    pub fn tensors(&self) -> candle_core::Result<[(&'static str, Tensor); 3]> {
        let device = &Device::Cpu;
        let rows = |rows: &[Line]| {
            let values: Vec<f32> = rows.iter().flat_map(|row| row.0).collect();
            Tensor::from_vec(values, (rows.len(), OUTPUTS), device)
        };
        Ok([
            ("wide.table", rows(&self.table)?.to_dtype(DType::F16)?),
            ("wide.dense", rows(&self.dense)?),
            ("wide.bias", Tensor::from_slice(&self.bias, OUTPUTS, device)?),
        ])
    }

    /// Reads the layer from tensors, by [`tensors`](Self::tensors)' names.
    pub fn from_tensors(mut take: impl FnMut(&str) -> Option<Tensor>) -> candle_core::Result<Self> {
        let mut rows = |name: &str, expected: usize| {
            let tensor = take(name).ok_or_else(|| candle_core::Error::Msg(format!("there is no tensor `{name}`")))?;
            if tensor.elem_count() != expected * OUTPUTS {
                let found = tensor.dims().to_vec();
                let reason = format!("`{name}` is {found:?}, expected [{expected}, {OUTPUTS}]");
                return Err(candle_core::Error::Msg(reason));
            }
            let flat = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            Ok(flat.as_chunks::<OUTPUTS>().0.to_vec())
        };
        let (table, dense) = (rows("wide.table", BUCKETS)?, rows("wide.dense", FEATURES)?);
        let bias = rows("wide.bias", 1)?.first().copied().unwrap_or_default();
        Ok(Self::new(table, dense, bias))
    }
}

#[cfg(test)]
mod tests {
    use domain::ScorerInput;

    use super::*;

    fn grams(text: &str) -> Grams {
        Grams::of(&Prompt::read(&ScorerInput { text: text.to_owned(), ..ScorerInput::default() }))
    }

    fn count(text: &str) -> usize {
        let mut count = 0;
        words(text, |_| count += 1);
        count
    }

    #[test]
    fn words_digits_signs_and_ideographs_are_told_apart() {
        assert_eq!(count("Don't stop: 3.14 naïve"), 9, "Don ' t stop : 3 . 14 naïve");
        assert_eq!(count("证明定理"), 4);
        assert_eq!(count("साबित करो"), 2);
        assert_eq!(count(" \n\t"), 0);
    }

    #[test]
    fn case_and_the_value_of_numbers_change_nothing_their_length_does() {
        assert_eq!(grams("What is 17 plus 25?"), grams("what is 42 PLUS 99?"));
        assert_ne!(grams("what is 1 plus 2?"), grams("what is 1000 plus 2?"));
    }

    #[test]
    fn order_of_words_matters_through_pairs() {
        assert_ne!(grams("dog bites man"), grams("man bites dog"));
    }

    #[test]
    fn words_of_each_part_have_buckets_of_their_own() {
        let grams = grams("prove");
        assert_eq!((grams.text.len(), grams.ask.len(), grams.last.len()), (1, 1, 1));
        assert!(grams.text != grams.ask && grams.ask != grams.last && grams.text != grams.last);
    }

    #[test]
    fn each_part_has_length_one() {
        let total: f32 = grams("one two three").values().map(|(_, value)| value * value).sum();
        assert!((total - 3.0).abs() < 1e-6, "{total}");
        assert_eq!(grams("").values().count(), 0);
    }

    #[test]
    fn layer_survives_its_tensors() {
        let mut table = vec![[0.0; OUTPUTS]; BUCKETS];
        let prompt = grams("prove");
        table[prompt.ask[0] as usize] = [0.5; OUTPUTS];
        let wide = Wide::new(table, vec![[0.25; OUTPUTS]; FEATURES], [1.0; OUTPUTS]);
        let tensors = wide.tensors().expect("tensors");
        let find = |name: &str| tensors.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        let read = Wide::from_tensors(find).expect("the layer");
        let features = vec![1.0; FEATURES];
        let same = wide.say(&prompt, &features).map(f32::to_bits) == read.say(&prompt, &features).map(f32::to_bits);
        assert!(same, "half precision holds these weights exactly");
        assert!((read.say(&prompt, &features)[0] - (1.5 + 0.25 * FEATURES as f32)).abs() < 1e-3);
        let wrong = Wide::from_tensors(|name| (name != "wide.dense").then(|| find(name)).flatten());
        assert!(wrong.expect_err("no dense").to_string().contains("wide.dense"));
    }
}
