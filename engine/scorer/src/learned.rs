//! The trained scorer: an artefact in memory, and the way from a prompt to a score.
//!
//! Prompts are run one at a time on the calling thread, also in a batch: with a network this small, padding would cost
//! more than it saves, and a batch equals its singles to the last bit.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use candle_core::Device;
use domain::{CapabilityTag, OutputTokens, Score, ScorerInput};

use crate::artifact::{self, ArtifactError, CALIBRATION, TOKENIZER, Verified, WEIGHTS};
use crate::calibration::Calibration;
use crate::forward::Forward;
use crate::inputs::{self, INPUTS, Reading};
use crate::models::{MODELS, Models};
use crate::network::{HEADS, Shape};
use crate::prompt::Prompt;
use crate::table::Table;
use crate::tokens::TokenReader;
use crate::wide::Wide;
use crate::{Scorer, ScorerError};

/// Most tokens that an answer is expected to have, whatever the network says.
const MAX_OUTPUT_TOKENS: f64 = 32_768.0;

/// Added to the attention of tokens that are not to be looked at.
pub const MASKED: f32 = -1e4;

/// A trained scorer.
pub struct LearnedScorer {
    version: Arc<str>,
    shape: Shape,
    tokens: TokenReader,
    table: Table,
    wide: Wide,
    forward: Forward,
    calibration: Calibration,
    models: Option<Models>,
}

impl std::fmt::Debug for LearnedScorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LearnedScorer")
            .field("version", &self.version)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// What the network said of a prompt, before calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// Difficulty on the item-response scale.
    pub difficulty: f64,
    /// Complexity before the percentile.
    pub complexity: f64,
    /// Its standard deviation before scaling.
    pub spread: f64,
    /// Probability per tag, in the order of [`CapabilityTag::ALL`].
    pub tags: Vec<f64>,
    /// Answer tokens: median and 90th percentile.
    pub output: (f64, f64),
}

impl LearnedScorer {
    /// Loads an artefact's folder.
    ///
    /// # Errors
    /// When a file is missing, differs from its manifest, or cannot be understood; nothing is used before all is checked.
    pub fn load(folder: &Path) -> Result<Self, ArtifactError> {
        let files = artifact::read_folder(folder)?;
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        Self::from_files(&files)
    }

    /// Loads an artefact from memory: file names and contents, the manifest among them.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_files(files: &[(&str, &[u8])]) -> Result<Self, ArtifactError> {
        let verified = Verified::check(files)?;
        let shape = verified.manifest.shape;
        if shape.inputs != INPUTS {
            let reason = format!("it has {} dense inputs, this build makes {INPUTS}", shape.inputs);
            return Err(ArtifactError::Weights(reason));
        }
        let tokens = TokenReader::parse(verified.file(TOKENIZER)?, &shape)?;
        let calibration = Calibration::parse(verified.file(CALIBRATION)?)?;
        let known = verified.manifest.files.contains_key(MODELS);
        let models = known.then(|| verified.file(MODELS).and_then(Models::parse)).transpose()?;
        let (table, wide, forward) =
            read_weights(&shape, verified.file(WEIGHTS)?).map_err(|error| ArtifactError::Weights(error.to_string()))?;
        let version = Arc::from(verified.manifest.version.as_str());
        Ok(Self { version, shape, tokens, table, wide, forward, calibration, models })
    }

    /// Which shape the network has.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What the artefact knows of models, if anything.
    pub fn models(&self) -> Option<&Models> {
        self.models.as_ref()
    }

    /// Runs the network without calibrating: what the trainer calibrates with.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn raw(&self, input: &ScorerInput) -> Result<Raw, ScorerError> {
        Ok(self.read(input)?.0)
    }

    /// What the network says, and whether some of the prompt was not read.
    fn read(&self, input: &ScorerInput) -> Result<(Raw, bool), ScorerError> {
        let prompt = Prompt::read(input);
        let tokens = self.tokens.read(&prompt);
        let context = Reading::of_context(&input.context);
        let dense = inputs::dense(&Reading::of(&prompt), context.as_ref(), &input.features, &self.wide);
        let rows = self.table.rows(&tokens.ids)?;
        let raw = Raw::from_heads(&self.forward.run(&rows, &tokens, &dense))?;
        Ok((raw, prompt.truncated || tokens.truncated))
    }

    fn score_one(&self, input: &ScorerInput) -> Result<Score, ScorerError> {
        let start = Instant::now();
        let (raw, truncated) = self.read(input)?;
        let (complexity, slope) = self.calibration.map(raw.complexity);
        let uncertainty = (raw.spread * self.calibration.uncertainty_scale * slope).clamp(0.0, 0.5);
        let longer = self.calibration.length_shift.exp();
        let tokens = |said: f64| (said * longer).clamp(1.0, MAX_OUTPUT_TOKENS).round() as u32;
        let (p50, p90) = (tokens(raw.output.0), tokens(raw.output.1));
        let tags = raw.tags.iter().enumerate().map(|(index, said)| self.calibration.tag(index, *said));
        Ok(Score {
            complexity,
            difficulty: raw.difficulty,
            capabilities: CapabilityTag::ALL.into_iter().zip(tags).collect(),
            expected_output_tokens: OutputTokens { p50, p90: p90.max(p50) },
            uncertainty,
            truncated,
            micros: start.elapsed().as_micros() as u64,
            version: self.version.clone(),
        })
    }
}

impl Scorer for LearnedScorer {
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        batch.iter().map(|input| self.score_one(input)).collect()
    }

    fn version(&self) -> &Arc<str> {
        &self.version
    }
}

impl Raw {
    /// Reads the heads of one prompt, refusing what is not a number.
    fn from_heads(heads: &[f32; HEADS]) -> Result<Self, ScorerError> {
        let [difficulty, complexity, spread, log_p50, above, tags @ ..] = heads;
        let log_p50 = finite("expected_output_tokens", *log_p50)?;
        let above = softplus(finite("expected_output_tokens", *above)?);
        let tags = tags.iter().map(|logit| finite("capabilities", *logit).map(sigmoid));
        Ok(Self {
            difficulty: finite("difficulty", *difficulty)?,
            complexity: finite("complexity", *complexity)?,
            spread: finite("uncertainty", *spread)?.clamp(-8.0, 2.0).exp(),
            tags: tags.collect::<Result<_, _>>()?,
            output: (bounded_exp(log_p50), bounded_exp(log_p50 + above)),
        })
    }
}

fn finite(output: &'static str, value: f32) -> Result<f64, ScorerError> {
    let value = f64::from(value);
    if value.is_finite() { Ok(value) } else { Err(ScorerError::NotFinite { output, value }) }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn softplus(value: f64) -> f64 {
    if value > 30.0 { value } else { value.exp().ln_1p() }
}

fn bounded_exp(log: f64) -> f64 {
    log.min(MAX_OUTPUT_TOKENS.ln()).exp().max(1.0)
}

fn read_weights(shape: &Shape, bytes: &[u8]) -> candle_core::Result<(Table, Wide, Forward)> {
    let mut tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
    let table = Table::from_tensors(shape, &mut tensors)?;
    let wide = Wide::from_tensors(|name| tensors.remove(name))?;
    Ok((table, wide, Forward::new(shape, &tensors)?))
}
