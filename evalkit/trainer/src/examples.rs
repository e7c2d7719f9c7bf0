//! Rows of the data sets as the network sees them: tokens, features, targets with weights.

use std::collections::BTreeMap;

use datasets::{Corpus, EverydayPrompt, Grading, Split};
use domain::{CapabilityTag, Features, ScorerInput};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use scorer::inputs::{self, Reading};
use scorer::network::TAGS;
use scorer::prompt::Prompt;
use scorer::tokens::{TokenReader, Tokens};
use scorer::wide::Wide;

use crate::config::{Anchor, Config};
use crate::irt::{self, Discrimination};
use crate::{TrainError, augment};

/// A grade on the network's scale: 0 is the middle, about -2..=2.
pub fn scale_grade(grade: f64) -> f64 {
    (grade - 5.0) / 2.5
}

/// A prompt as the network sees it.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Tokens.
    pub tokens: Tokens,
    /// Words and counted features.
    pub reading: Reading,
    /// The same of the turn before.
    pub context: Option<Reading>,
    /// What the request demands.
    pub features: Features,
    /// Dense inputs; empty until a wide part has spoken.
    pub inputs: Vec<f32>,
}

impl Encoded {
    /// Reads a prompt.
    pub fn of(input: &ScorerInput, reader: &TokenReader) -> Result<Self, TrainError> {
        let prompt = Prompt::read(input);
        Ok(Self {
            tokens: reader.read(&prompt),
            reading: Reading::of(&prompt),
            context: Reading::of_context(&input.context),
            features: input.features.clone(),
            inputs: Vec::new(),
        })
    }

    /// Makes the dense inputs with a wide part.
    pub fn describe(&mut self, wide: &Wide) {
        self.inputs = inputs::dense(&self.reading, self.context.as_ref(), &self.features, wide);
    }
}

/// A text without anything beside it.
pub fn plain(text: &str) -> ScorerInput {
    ScorerInput { text: text.to_owned(), ..ScorerInput::default() }
}

/// A value to be learned and how much it counts; weight 0 is "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Target {
    /// The value.
    pub value: f64,
    /// How much it counts.
    pub weight: f64,
}

/// A prompt with what is known of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// Which prompt.
    pub id: String,
    /// Prompts of one unit stay together: the two of a minimal pair.
    pub unit: String,
    /// Who wrote it, or an empty name: families are held out whole.
    pub author: String,
    /// The text itself, then altered copies.
    pub variants: Vec<Encoded>,
    /// Pairs are compared within a group only.
    pub group: usize,
    /// Complexity, by grade or by anchor.
    pub complexity: Target,
    /// Item-response difficulty.
    pub difficulty: Target,
    /// Tags.
    pub tags: [f32; TAGS],
    /// How much the tags count.
    pub tags_weight: f64,
    /// Logarithm of the answer's tokens.
    pub output: Target,
}

/// Everyday prompts, in the order given.
pub fn everyday(
    prompts: &[EverydayPrompt],
    config: &Config,
    reader: &TokenReader,
    seed: u64,
) -> Result<Vec<Example>, TrainError> {
    let mut random = StdRng::seed_from_u64(seed ^ 0xE0E0);
    // Turns before come from the same author, so that an author held out stays unseen.
    let mut turns = BTreeMap::<&str, Vec<&str>>::new();
    for row in prompts {
        turns.entry(&row.author).or_default().push(&row.prompt);
    }
    prompts
        .iter()
        .map(|row| {
            let turns = &turns[row.author.as_str()];
            let mut variants = vec![Encoded::of(&augment::input(row), reader)?];
            for _ in 0..config.variants {
                let before = turns[random.random_range(0..turns.len())];
                variants.push(Encoded::of(&augment::everyday(row, before, &mut random), reader)?);
            }
            Ok(graded(row, variants, 1.0, config))
        })
        .collect()
}

/// Generated prompts: they count for less than written ones, whose families no generator has.
pub fn generated(config: &Config, reader: &TokenReader, seed: u64) -> Result<Vec<Example>, TrainError> {
    let rows = datasets::generate(seed, config.generated);
    let read = |row: &EverydayPrompt| {
        Ok(graded(row, vec![Encoded::of(&augment::input(row), reader)?], config.weights.generated, config))
    };
    rows.iter().map(read).collect()
}

fn graded(row: &EverydayPrompt, variants: Vec<Encoded>, weight: f64, config: &Config) -> Example {
    let grade = scale_grade(row.grade);
    Example {
        id: row.id.clone(),
        unit: row.pair.clone().unwrap_or_else(|| row.id.clone()),
        author: row.author.clone(),
        variants,
        group: 0,
        complexity: Target { value: grade, weight },
        difficulty: Target { value: grade, weight: weight * config.weights.graded_difficulty },
        tags: row.tag_shares.map(|share| share as f32),
        tags_weight: weight,
        output: Target { value: row.expected_output_tokens.ln(), weight },
    }
}

/// Public prompts were graded once, by those who grade lower: on everyday prompts the two gradings are 0.56 apart, and what
/// is learned is their middle.
const SECOND_GRADING: f64 = 0.28;

/// What is known of a public prompt's complexity, tags and answer without its outcomes.
struct Judgement {
    complexity: Target,
    tags: [f32; TAGS],
    tags_weight: f64,
    output: Target,
}

impl Judgement {
    /// By its own grading, if it has one.
    fn graded(grading: &Grading, config: &Config) -> Self {
        let weight = config.weights.public_graded;
        Self {
            complexity: Target { value: scale_grade((grading.grade + SECOND_GRADING).min(10.0)), weight },
            tags: tag_flags(&grading.tags),
            tags_weight: weight,
            output: Target { value: grading.expected_output_tokens.ln(), weight },
        }
    }

    /// By where its part of the set stands, and by its difficulty or stated level within that part.
    fn anchored(anchor: &Anchor, within: f64, config: &Config) -> Self {
        let grade = (anchor.grade + anchor.spread * within.clamp(-2.0, 2.0)).clamp(0.0, 10.0);
        Self {
            complexity: Target { value: scale_grade(grade), weight: config.weights.anchored },
            tags: tag_flags(&anchor.tags),
            tags_weight: if anchor.tags.is_empty() { 0.0 } else { config.weights.public_tags },
            output: Target::default(),
        }
    }
}

/// Public prompts with a difficulty, a stated level or a grading: those to fit, and those to judge by.
pub fn public(
    corpus: &Corpus,
    grades: &BTreeMap<String, Grading>,
    config: &Config,
    reader: &TokenReader,
    seed: u64,
) -> Result<(Vec<Example>, Vec<Example>), TrainError> {
    let mut random = StdRng::seed_from_u64(seed ^ 0xBEEF);
    let (mut train, mut dev) = (Vec::new(), Vec::new());
    let difficulties = standard_difficulties(corpus);
    let lengths = answer_lengths(corpus);
    let sources: BTreeMap<&str, usize> =
        datasets::PERMITTED.iter().copied().chain([datasets::own::SOURCE]).zip(1..).collect();
    for prompt in corpus.prompts.values() {
        let known = difficulties.get(prompt.id.as_str());
        // A stated level of 1 to 5 stands for a deviation of -1.4 to 1.4.
        let within = known.map(|it| it.within_task).or(prompt.meta.level.map(|level| (level - 3.0) / 1.4));
        let anchored = || Some(Judgement::anchored(config.anchor_of(&prompt.source, &prompt.task)?, within?, config));
        let grading = grades.get(&prompt.id).map(|grading| Judgement::graded(grading, config));
        let Some(judgement) = grading.or_else(anchored) else {
            continue;
        };
        let length = lengths.get(prompt.id.as_str());
        let mut variants = vec![Encoded::of(&plain(&prompt.prompt), reader)?];
        if prompt.split == Split::Train {
            variants.push(Encoded::of(&plain(&augment::public(&prompt.prompt, &mut random)), reader)?);
        }
        let example = Example {
            id: prompt.id.clone(),
            unit: prompt.id.clone(),
            author: String::new(),
            variants,
            group: if grades.contains_key(&prompt.id) {
                0
            } else {
                sources.get(prompt.source.as_str()).copied().unwrap_or_default()
            },
            complexity: judgement.complexity,
            difficulty: known.map_or(Target::default(), |it| Target { value: it.within_source, weight: 1.0 }),
            tags: judgement.tags,
            tags_weight: judgement.tags_weight,
            output: length
                .map_or(judgement.output, |tokens| Target { value: tokens.ln(), weight: config.weights.public_tags }),
        };
        if prompt.split == Split::Train { train.push(example) } else { dev.push(example) }
    }
    Ok((train, dev))
}

/// A prompt's difficulty in standard deviations from the mean.
#[derive(Clone, Copy, Debug)]
struct Standard {
    within_source: f64,
    within_task: f64,
}

fn standard_difficulties(corpus: &Corpus) -> BTreeMap<&str, Standard> {
    let mut found = BTreeMap::new();
    for outcomes in corpus.outcomes.values() {
        let rows = outcomes.iter().map(|row| (row.prompt_id.as_str(), row.model.as_str(), row.score));
        // One parameter: with a discrimination of its own, a prompt that tells models apart badly runs off to an extreme
        // difficulty, which no text foretells.
        let fitted = irt::fit_with(Discrimination::One, rows, |id| corpus.prompts[id].split == Split::Train);
        let by_source = standardise(&fitted.difficulty, |_| "");
        let by_task = standardise(&fitted.difficulty, |id| corpus.prompts[id].task.as_str());
        for id in fitted.difficulty.keys() {
            let id = corpus.prompts[id].id.as_str();
            found.insert(id, Standard { within_source: by_source[id], within_task: by_task[id] });
        }
    }
    found
}

/// Subtracts the group's mean and divides by its standard deviation.
fn standardise<'a>(values: &BTreeMap<String, f64>, group: impl Fn(&str) -> &'a str) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::<&str, (f64, f64, f64)>::new();
    for (id, value) in values {
        let sum = sums.entry(group(id)).or_default();
        *sum = (sum.0 + 1.0, sum.1 + value, sum.2 + value * value);
    }
    values
        .iter()
        .map(|(id, value)| {
            let (n, sum, squares) = sums[group(id)];
            let mean = sum / n;
            let deviation = (squares / n - mean * mean).max(1e-6).sqrt();
            (id.clone(), (value - mean) / deviation)
        })
        .collect()
}

/// Median answer length in tokens, where outcomes tell it; very short answers say nothing about an open question.
fn answer_lengths(corpus: &Corpus) -> BTreeMap<&str, f64> {
    let mut lengths = BTreeMap::<&str, Vec<f64>>::new();
    for row in corpus.outcomes.values().flatten() {
        let tokens = row.output_tokens.or(row.output_chars.map(|chars| chars / 4.0));
        if let Some(tokens) = tokens.filter(|tokens| *tokens >= 1.0) {
            lengths.entry(row.prompt_id.as_str()).or_default().push(tokens);
        }
    }
    lengths.into_iter().map(|(id, values)| (id, crate::metrics::median(values))).collect()
}

fn tag_flags(tags: &[CapabilityTag]) -> [f32; TAGS] {
    let mut flags = [0.0; TAGS];
    for (flag, tag) in flags.iter_mut().zip(CapabilityTag::ALL) {
        *flag = f32::from(tags.contains(&tag));
    }
    flags
}
