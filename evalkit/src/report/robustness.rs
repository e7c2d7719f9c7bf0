//! How far complexity moves when a prompt is typed otherwise, and how often a decision at 0.5 tips over.

use std::collections::BTreeMap;

use datasets::{BlindPrompt, Level};
use domain::Score;

use super::chance::{self, Chance};
use super::row::{Goal, Row, Unit};
use super::variants::Change;
use super::{ReportError, Subject};

const GROUP: &str = "robustness";

/// What one change did.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Id of the prompt.
    pub id: String,
    /// Which change.
    pub change: Change,
    /// Absolute change of complexity.
    pub by: f64,
    /// Whether it passed 0.5.
    pub flipped: bool,
}

/// Changes every clear prompt in every way and scores it again. `said` is what was said of the prompts as they are.
///
/// # Errors
/// When a prompt cannot be scored.
pub fn moves(subject: &Subject, prompts: &[BlindPrompt], said: &[Score], seed: u64) -> Result<Vec<Moved>, ReportError> {
    let mut found = Vec::new();
    for (prompt, said) in prompts.iter().zip(said).filter(|(prompt, _)| prompt.level != Level::Medium) {
        for change in Change::ALL {
            let Some(text) = change.apply(&prompt.prompt, &prompt.language, seed) else { continue };
            let now = subject.say([text.as_str()])?.first().map_or(f64::NAN, |score| score.complexity);
            found.push(Moved {
                id: prompt.id.clone(),
                change,
                by: (now - said.complexity).abs(),
                flipped: (now >= 0.5) != (said.complexity >= 0.5),
            });
        }
    }
    Ok(found)
}

/// The rows: all changes together, then each alone.
pub fn rows(moves: &[Moved], chance: &Chance) -> Vec<Row> {
    let mut rows = Vec::new();
    let all: Vec<&Moved> = moves.iter().collect();
    rows.push(mean_row("mean |Δ complexity|", &all, chance).must(Goal::AtMost(0.05)));
    rows.push(flip_row("decisions flipped at 0.5", &all, chance).must(Goal::AtMost(0.08)));
    let mut by_change = BTreeMap::<Change, Vec<&Moved>>::new();
    for it in moves {
        by_change.entry(it.change).or_default().push(it);
    }
    for (change, moves) in by_change {
        rows.push(mean_row(&format!("mean |Δ complexity|, {}", change.name()), &moves, chance));
        rows.push(flip_row(&format!("decisions flipped at 0.5, {}", change.name()), &moves, chance));
    }
    rows
}

fn mean_row(name: &str, moves: &[&Moved], chance: &Chance) -> Row {
    let by: Vec<f64> = moves.iter().map(|it| it.by).collect();
    Row::new(GROUP, name, Unit::Plain, chance.figure(&ids(moves), |weights| chance::mean(&by, weights))).of(by.len())
}

fn flip_row(name: &str, moves: &[&Moved], chance: &Chance) -> Row {
    let flipped: Vec<f64> = moves.iter().map(|it| f64::from(u8::from(it.flipped))).collect();
    let figure = chance.figure(&ids(moves), |weights| chance::mean(&flipped, weights));
    Row::new(GROUP, name, Unit::Share, figure).of(flipped.len())
}

/// Changes of one prompt are drawn together.
fn ids<'a>(moves: &[&'a Moved]) -> Vec<&'a str> {
    moves.iter().map(|it| it.id.as_str()).collect()
}
