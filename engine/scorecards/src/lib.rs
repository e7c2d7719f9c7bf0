//! Scorecard files: bytes of a published table, an export or an upload to checked scorecards, and back to a file.
//!
//! Pure: no file, clock, environment or randomness; `now` is an argument. Every fault of a file is reported at once, each
//! with its line or path and the cure; of a file with a fault nothing is used. What can be used but should be known
//! (little evidence, old numbers, a guessed unit, a model that nobody knows) is a [`Flag`].
//!
//! Published names of models become ids of the catalogue by [`Aliases`]. Whose a scorecard is and which id it gets is
//! decided by whoever saves it.

mod aider;
mod aliases;
mod assemble;
mod columns;
mod declared;
mod document;
mod eee;
mod evidence;
mod fault;
mod flag;
mod format;
pub mod fuzz;
mod names;
mod native;
mod node;
mod published;
mod spec;
mod table;

pub use aliases::{Aliases, Match};
pub use declared::{Declared, File};
pub use document::{Heading, render};
pub use evidence::{low_evidence, wilson};
pub use fault::Fault;
pub use flag::{Flag, FlagKind};
pub use format::Format;
pub use published::{published, published_for};
pub use spec::{CellSpec, ScorecardSpec};

use std::collections::BTreeSet;

use domain::Timestamp;

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 64 << 20;
/// The longest line of a table, in bytes.
pub const MAX_LINE: usize = 64 << 10;
/// How many scores a file may have.
pub const MAX_CELLS: usize = 100_000;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// A scorecard for each benchmark and metric, in the order of the file.
    pub scorecards: Vec<ScorecardSpec>,
    /// What should be known about them.
    pub flags: Vec<Flag>,
    /// Published names that are no known model, sorted. Their scores are kept: they count towards median and deviation.
    pub unmatched: Vec<String>,
}

impl Reading {
    /// Keeps the scorecards that are wanted, and what is said of them.
    pub fn retain(&mut self, is_wanted: impl Fn(&ScorecardSpec) -> bool) {
        self.scorecards.retain(is_wanted);
        let labels: Vec<_> = self.scorecards.iter().map(ScorecardSpec::label).collect();
        self.flags.retain(|flag| labels.contains(&flag.scorecard));
        let models = self.scorecards.iter().flat_map(|card| &card.cells).map(|it| it.published.as_str());
        let models: BTreeSet<_> = models.collect();
        self.unmatched.retain(|name| models.contains(name.as_str()));
    }
}

/// Reads a scorecard file.
///
/// What is declared goes before what the file says of itself.
///
/// # Errors
/// All faults of the file, at most 100 and a last one that counts the rest.
pub fn read(file: &File<'_>, declared: &Declared, aliases: &Aliases, now: Timestamp) -> Result<Reading, Vec<Fault>> {
    let mut faults = fault::Faults::default();
    let mut flags = Vec::new();
    let Some(text) = format::decode(file.bytes, &mut faults) else { return Err(faults.into_vec()) };
    let format = file.format.unwrap_or_else(|| Format::sniff(file.name, text));
    let entries = match format {
        Format::Csv => table::read(text, &mut faults),
        Format::Json => native::read(text, &mut faults, &mut flags),
        Format::Eee => eee::read(text, &mut faults),
        Format::Aider => aider::read(text, file.name, declared, aliases, &mut faults, &mut flags),
    };
    let reading = assemble::assemble(entries, &file.stem(), declared, aliases, now, &mut faults, flags);
    if faults.is_empty() { Ok(reading) } else { Err(faults.into_vec()) }
}
