//! Simple scorers that a trained one has to beat, each fitted in seconds to the same rows.
//!
//! They say complexity and difficulty as they come, uncalibrated: good for orders, not for thresholds. Nothing that ships
//! is made of them.

mod features;
mod table;

use domain::ScorerInput;
use scorer::inputs::Reading;
use scorer::prompt::{FEATURES, Prompt};
use scorer::wide::{Grams, OUTPUTS, Wide};

use crate::TrainError;
use crate::ridge;

pub use table::StaticTable;

/// Penalty of the ridge over hashed words.
const GRAMS_PENALTY: f32 = 2.0;

/// A prompt and what is known of it.
#[derive(Clone, Debug)]
pub struct Taught {
    /// The prompt.
    pub input: ScorerInput,
    /// Its complexity, where it is known.
    pub complexity: Option<f64>,
    /// Its difficulty, where it is known.
    pub difficulty: Option<f64>,
}

/// Which simple scorer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A small network over the counted features.
    Features,
    /// Ridge over hashed words and word pairs.
    Grams,
    /// Ridge over both.
    GramsAndFeatures,
}

/// What a simple scorer says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// Complexity, on the scale that was taught.
    pub complexity: f64,
    /// Difficulty, on the scale that was taught.
    pub difficulty: f64,
}

/// A fitted simple scorer.
pub struct Fitted(Inner);

enum Inner {
    Network(Box<features::Network>),
    Wide { wide: Wide, grams: bool, features: bool },
    Table(Box<table::Readout>),
}

impl Fitted {
    /// Fits one.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn fit(kind: Kind, rows: &[Taught], seed: u64) -> Result<Self, TrainError> {
        let of =
            |grams: bool, features: bool| Self(Inner::Wide { wide: fit_wide(rows, grams, features), grams, features });
        Ok(match kind {
            Kind::Features => Self(Inner::Network(Box::new(features::Network::fit(rows, seed)?))),
            Kind::Grams => of(true, false),
            Kind::GramsAndFeatures => of(true, true),
        })
    }

    /// Fits a ridge over the mean of an artefact's own token vectors, which stay as they are.
    ///
    /// # Errors
    /// When a prompt cannot be tokenised.
    pub fn over_table(table: StaticTable, rows: &[Taught]) -> Result<Self, TrainError> {
        Ok(Self(Inner::Table(Box::new(table::Readout::fit(table, rows)?))))
    }

    /// What it says of a prompt.
    ///
    /// # Errors
    /// When the prompt cannot be tokenised or a tensor operation fails.
    pub fn say(&self, input: &ScorerInput) -> Result<Said, TrainError> {
        Ok(match &self.0 {
            Inner::Network(network) => network.say(input)?,
            Inner::Table(readout) => readout.say(input)?,
            Inner::Wide { wide, grams, features } => {
                let reading = reading(input, *grams, *features);
                let [complexity, difficulty, ..] = wide.say(&reading.grams, &reading.features);
                Said { complexity: f64::from(complexity), difficulty: f64::from(difficulty) }
            }
        })
    }
}

/// A prompt's words and features, without what is not to be looked at.
fn reading(input: &ScorerInput, grams: bool, features: bool) -> Reading {
    let mut reading = Reading::of(&Prompt::read(input));
    if !grams {
        reading.grams = Grams::default();
    }
    if !features {
        reading.features = vec![0.0; FEATURES];
    }
    reading
}

fn fit_wide(rows: &[Taught], grams: bool, features: bool) -> Wide {
    let readings: Vec<Reading> = rows.iter().map(|row| reading(&row.input, grams, features)).collect();
    let rows: Vec<ridge::Row<'_>> = rows
        .iter()
        .zip(&readings)
        .map(|(row, reading)| {
            let (mut wanted, mut weights) = ([0.0; OUTPUTS], [0.0; OUTPUTS]);
            for (at, target) in [row.complexity, row.difficulty].into_iter().enumerate() {
                if let Some(value) = target {
                    (wanted[at], weights[at]) = (value as f32, 1.0);
                }
            }
            ridge::Row { reading, wanted, weights }
        })
        .collect();
    ridge::fit(&rows, GRAMS_PENALTY)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn rows() -> Vec<Taught> {
        let text = |at: usize| match at % 2 {
            0 => format!(
                "Prove that every integral of f{at}(x) = x^2 + {at} converges, and derive the bound $\\alpha_{at}$."
            ),
            _ => format!("hello number {at}"),
        };
        (0..80)
            .map(|at| Taught {
                input: ScorerInput { text: text(at), ..ScorerInput::default() },
                complexity: (at % 4 < 2).then_some(if at % 2 == 0 { 1.5 } else { -1.5 }),
                difficulty: Some(if at % 2 == 0 { 1.0 } else { -1.0 }),
            })
            .collect()
    }

    fn input(text: &str) -> ScorerInput {
        ScorerInput { text: text.to_owned(), ..ScorerInput::default() }
    }

    #[test]
    fn every_kind_learns_what_is_plain_to_see() {
        let hard = input("Prove that every integral of g(x) = x^2 + 9 converges, and derive the bound $\\beta$.");
        let easy = input("hello number 93");
        for kind in [Kind::Features, Kind::Grams, Kind::GramsAndFeatures] {
            let fitted = Fitted::fit(kind, &rows(), 1).unwrap();
            let (hard, easy) = (fitted.say(&hard).unwrap(), fitted.say(&easy).unwrap());
            assert!(hard.difficulty > easy.difficulty + 0.5, "{kind:?} {hard:?} {easy:?}");
            assert!(hard.complexity > easy.complexity + 0.5, "{kind:?} {hard:?} {easy:?}");
        }
    }

    #[test]
    fn same_seed_gives_the_same_network() {
        let say = |seed| Fitted::fit(Kind::Features, &rows(), seed).unwrap().say(&input("hello")).unwrap();
        assert_eq!(say(1), say(1));
        assert_ne!(say(1), say(2));
    }

    #[test]
    fn ridge_over_words_alone_does_not_see_features() {
        let fitted = Fitted::fit(Kind::Grams, &rows(), 1).unwrap();
        let (short, long) = (fitted.say(&input("xqz")).unwrap(), fitted.say(&input(&"xqz ".repeat(300))).unwrap());
        // Neither holds a word that was taught; length is a feature.
        assert!((short.difficulty - long.difficulty).abs() < 0.05, "{short:?} {long:?}");
    }
}
