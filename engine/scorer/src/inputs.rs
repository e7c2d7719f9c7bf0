//! The dense inputs of the network: counted features, what the wide part says, and what is known beside the text.
//!
//! One function makes them for training and for scoring, so that the two cannot differ.

use domain::{Features, OutputFormat, ScorerInput};

use crate::prompt::{FEATURES, Prompt};
use crate::wide::{Grams, OUTPUTS, Wide};

/// Inputs that come from the request rather than from the text: three of the turn before, three of what it demands.
pub const REQUEST: usize = 6;

/// How many dense inputs the network has.
pub const INPUTS: usize = FEATURES + OUTPUTS + REQUEST;

/// Where the wide part's outputs begin among the inputs.
pub const WIDE_AT: usize = FEATURES;

/// A text as the wide part reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Hashed words.
    pub grams: Grams,
    /// Counted features.
    pub features: Vec<f32>,
}

impl Reading {
    /// Reads a prompt.
    pub fn of(prompt: &Prompt) -> Self {
        Self { grams: Grams::of(prompt), features: prompt.features.clone() }
    }

    /// Reads the turn before, if there was one.
    pub fn of_context(context: &str) -> Option<Self> {
        let blank = context.trim().is_empty();
        (!blank).then(|| Self::of(&Prompt::read(&ScorerInput { text: context.to_owned(), ..ScorerInput::default() })))
    }
}

/// Puts the inputs together.
pub fn dense(reading: &Reading, context: Option<&Reading>, features: &Features, wide: &Wide) -> Vec<f32> {
    let mut inputs = Vec::with_capacity(INPUTS);
    inputs.extend_from_slice(&reading.features);
    inputs.extend(scaled(wide.say(&reading.grams, &reading.features)));
    match context.map(|it| wide.say(&it.grams, &it.features)) {
        // Complexity and difficulty of the turn before.
        Some([complexity, difficulty, ..]) => inputs.extend([1.0, bounded(complexity), bounded(difficulty)]),
        None => inputs.extend([0.0; 3]),
    }
    let flag = |is: bool| f32::from(is);
    inputs.extend([
        flag(features.has_tools),
        flag(features.output_format != OutputFormat::Text),
        flag(features.has_images),
    ]);
    debug_assert_eq!(inputs.len(), INPUTS, "the declared number of inputs");
    inputs
}

/// Brings what the wide part says to the size of the other inputs.
fn scaled(said: [f32; OUTPUTS]) -> [f32; OUTPUTS] {
    let mut scaled = said.map(bounded);
    // The logarithm of the answer's tokens runs from 1 to 8.
    scaled[2] = bounded((said[2] - 4.5) / 2.0);
    scaled
}

fn bounded(value: f32) -> f32 {
    value.clamp(-4.0, 4.0)
}
