//! A scorecard as a file gives it: not yet anybody's, and with what a file knows of a score beyond what routing needs.

use domain::{
    CapabilityTag, Date, Direction, Missing, ModelId, Normalisation, OrganisationId, ScoreCell, Scorecard, ScorecardId,
    SourceNote,
};

/// What one model scored, and what is known of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct CellSpec {
    /// The score, its evidence and the model's id.
    pub cell: ScoreCell,
    /// The model's name as published.
    pub published: String,
    /// How many samples were right, where that is what was counted.
    pub successes: Option<u64>,
    /// When it was observed.
    pub observed: Option<Date>,
    /// What a thousand samples cost, in US dollars at list prices.
    pub cost_per_thousand: Option<f64>,
}

/// A scorecard without owner and id.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorecardSpec {
    /// The benchmark's name: lower-case letters, digits and `-._`, at most 64.
    pub name: String,
    /// Its version; empty = unknown.
    pub version: String,
    /// What was measured.
    pub metric: String,
    /// In which unit.
    pub unit: Option<String>,
    /// Which end is good.
    pub direction: Direction,
    /// How scores become comparable.
    pub normalisation: Normalisation,
    /// Kinds of work it tells about.
    pub capabilities: Vec<CapabilityTag>,
    /// What stands in for missing scores.
    pub missing: Option<Missing>,
    /// Where its numbers come from.
    pub source: SourceNote,
    /// When they were fetched.
    pub retrieved: Option<Date>,
    /// After how many days they are stale; absent = never.
    pub stale_after_days: Option<u64>,
    /// The scores, in the order of the file.
    pub cells: Vec<CellSpec>,
}

impl ScorecardSpec {
    /// Makes it somebody's.
    pub fn into_scorecard(self, id: ScorecardId, organisation: OrganisationId) -> Scorecard {
        Scorecard {
            id,
            organisation,
            name: self.name,
            version: self.version,
            metric: self.metric,
            unit: self.unit,
            direction: self.direction,
            normalisation: self.normalisation,
            capabilities: self.capabilities,
            missing: self.missing,
            source: self.source,
            retrieved: self.retrieved,
            stale_after_days: self.stale_after_days,
            cells: self.cells.into_iter().map(|it| it.cell).collect(),
        }
    }

    /// `aider-polyglot@2024-12`, or the bare name where there is no version.
    pub fn label(&self) -> String {
        label(&self.name, &self.version)
    }

    /// What a model scored.
    pub fn cell(&self, model: &ModelId) -> Option<&CellSpec> {
        self.cells.iter().find(|it| it.cell.model == *model)
    }
}

pub(crate) fn label(name: &str, version: &str) -> String {
    if version.is_empty() { name.to_owned() } else { format!("{name}@{version}") }
}
