//! Judges a router between two models on outcomes that are already known.
//!
//! A router is a score per prompt: the higher, the sooner the prompt goes to the strong model. Everything is derived from
//! that order and the two models' quality and cost on each prompt. [`read`] turns rows into [`Outcomes`] and refuses bad
//! ones, [`evaluate()`] makes a [`Report`], [`table`], [`plots`] and [`html`] show it. Nothing here opens a file, scores a
//! prompt or looks at a clock: that is the command's.

pub mod composite;
pub mod contender;
pub mod curve;
pub mod eleven;
pub mod evaluate;
pub mod html;
pub mod hull;
mod plot;
pub mod plots;
pub mod read;
pub mod report;
pub mod selection;
pub mod table;

pub use contender::{Baseline, Contender, Measure};
pub use curve::{Curve, Point};
pub use evaluate::{CostUnit, Inputs, Settings, evaluate};
pub use hull::Hull;
pub use read::{Costs, InputError};
pub use report::Report;

/// Quality and cost of both models on the same prompts, in one order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// Quality of the weak model, 0..=1.
    pub weak: Vec<f64>,
    /// Quality of the strong model, 0..=1.
    pub strong: Vec<f64>,
    /// Cost of the weak model.
    pub cost_weak: Vec<f64>,
    /// Cost of the strong model.
    pub cost_strong: Vec<f64>,
}

impl Outcomes {
    /// Outcomes where a call costs the same for every prompt.
    pub fn with_flat_costs(weak: Vec<f64>, strong: Vec<f64>, cost_weak: f64, cost_strong: f64) -> Self {
        let n = weak.len();
        Self { weak, strong, cost_weak: vec![cost_weak; n], cost_strong: vec![cost_strong; n] }
    }

    /// How many prompts.
    pub fn len(&self) -> usize {
        self.weak.len()
    }

    /// Whether there is no prompt.
    pub fn is_empty(&self) -> bool {
        self.weak.is_empty()
    }

    /// What each prompt gains from the strong model: the oracle's score.
    pub fn gains(&self) -> Vec<f64> {
        self.strong.iter().zip(&self.weak).map(|(strong, weak)| strong - weak).collect()
    }
}
