//! A figure with what is asked of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::router_eval::report::{Figure, FileUsed};

/// The report's format.
pub const FORMAT: &str = "evalkit.scorer-report/1";

/// Everything measured of a scorer.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: &'static str,
    /// The program that made it.
    pub producer: String,
    /// The scorer's version.
    pub scorer: String,
    /// The version it is set beside.
    pub against: Option<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// Replicates of the bootstrap; 0 where intervals were left out.
    pub replicates: u32,
    /// Whether samples were measured instead of everything.
    pub fast: bool,
    /// What was read.
    pub files: Vec<FileUsed>,
    /// The figures.
    pub rows: Vec<Row>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which part of the report it belongs to.
    pub group: &'static str,
    /// What it is.
    pub name: String,
    /// How it is written.
    pub unit: Unit,
    /// The figure and its 95 % interval.
    pub figure: Figure,
    /// Of how many.
    pub n: Option<usize>,
    /// What it has to reach.
    pub must: Option<Goal>,
    /// What it is meant to reach.
    pub aim: Option<Goal>,
    /// Whether it was measured.
    pub state: State,
    /// The same of baselines.
    pub beside: BTreeMap<&'static str, Figure>,
    /// The same of the other scorer.
    pub against: Option<Figure>,
    /// What a reader must know of it.
    pub note: Option<String>,
}

/// Whether a figure was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum State {
    /// It was.
    Measured,
    /// Data that it needs is not there.
    NoData(String),
    /// It is not for this command or not in this artefact.
    Elsewhere(String),
}

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain number.
    Plain,
    /// A share, written in percent.
    Share,
    /// Milliseconds.
    Milliseconds,
    /// Prompts a second.
    PerSecond,
    /// Megabytes of a million bytes.
    Megabytes,
}

/// What is asked of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "is", content = "value", rename_all = "snake_case")]
pub enum Goal {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
    /// More.
    Above(f64),
    /// The interval's lower end is more.
    LowerEndAbove(f64),
}

// === impl Goal ===

impl Goal {
    /// Whether a figure reaches it; `None` if that cannot be told.
    pub fn is_reached(self, figure: Figure) -> Option<bool> {
        let value = figure.value?;
        Some(match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Above(bound) => value > bound,
            Self::LowerEndAbove(bound) => figure.interval?.low > bound,
        })
    }
}

// === impl Row ===

impl Row {
    /// A measured figure without goals.
    pub fn new(group: &'static str, name: impl Into<String>, unit: Unit, figure: Figure) -> Self {
        Self {
            group,
            name: name.into(),
            unit,
            figure,
            n: None,
            must: None,
            aim: None,
            state: State::Measured,
            beside: BTreeMap::new(),
            against: None,
            note: None,
        }
    }

    /// A figure that was not measured.
    pub fn without(group: &'static str, name: impl Into<String>, unit: Unit, state: State) -> Self {
        Self { state, ..Self::new(group, name, unit, Figure::default()) }
    }

    /// Of how many.
    #[must_use]
    pub fn of(mut self, n: usize) -> Self {
        self.n = Some(n);
        self
    }

    /// What it has to reach.
    #[must_use]
    pub fn must(mut self, goal: Goal) -> Self {
        self.must = Some(goal);
        self
    }

    /// What it is meant to reach.
    #[must_use]
    pub fn aim(mut self, goal: Goal) -> Self {
        self.aim = Some(goal);
        self
    }

    /// What a reader must know of it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// A baseline's figure.
    #[must_use]
    pub fn beside(mut self, name: &'static str, figure: Figure) -> Self {
        self.beside.insert(name, figure);
        self
    }
}

impl Report {
    /// Whether data was missing.
    pub fn lacks_data(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.state, State::NoData(_)))
    }

    /// Puts another scorer's figures beside these.
    pub fn set_beside(&mut self, version: String, others: &[Row]) {
        for row in &mut self.rows {
            let same = others.iter().find(|other| other.group == row.group && other.name == row.name);
            row.against = same.filter(|other| other.state == State::Measured).map(|other| other.figure);
        }
        self.against = Some(version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Interval;

    fn figure(value: f64, low: f64) -> Figure {
        Figure { value: Some(value), interval: Some(Interval { low, high: 1.0 }) }
    }

    #[test]
    fn goals_are_judged_by_the_value_and_differences_by_their_lower_end() {
        assert_eq!(Goal::AtLeast(0.6).is_reached(figure(0.6, 0.5)), Some(true));
        assert_eq!(Goal::AtMost(0.6).is_reached(figure(0.61, 0.5)), Some(false));
        assert_eq!(Goal::Above(0.0).is_reached(figure(0.0, 0.0)), Some(false));
        assert_eq!(Goal::LowerEndAbove(0.0).is_reached(figure(0.2, -0.1)), Some(false));
        assert_eq!(Goal::LowerEndAbove(0.0).is_reached(Figure { value: Some(1.0), interval: None }), None);
        assert_eq!(Goal::AtLeast(0.6).is_reached(Figure::default()), None);
    }
}
