//! What the caller says about a file, beside the file itself.

use domain::{CapabilityTag, Date, Direction, Missing, Normalisation, SourceKind};

use crate::format::Format;
use crate::names::slug;

/// A file to read.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its name, with or without folders: names the benchmark where nothing else does.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// Its format; absent = told from name and content.
    pub format: Option<Format>,
}

impl File<'_> {
    /// `support-tone` for `scores/Support Tone.csv`.
    pub(crate) fn stem(&self) -> String {
        let base = self.name.rsplit(['/', '\\']).next().unwrap_or_default();
        slug(base.rsplit_once('.').map_or(base, |(stem, _)| stem))
    }
}

/// What is declared of a file's benchmarks. Absent = what the file says, else the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// The benchmark's name; only for files of one benchmark.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What was measured.
    pub metric: Option<String>,
    /// In which unit.
    pub unit: Option<String>,
    /// Which end is good.
    pub direction: Option<Direction>,
    /// How scores become comparable; absent = 0 to 1 or 0 to 100, whichever holds all scores, and a flag that it was guessed.
    pub normalisation: Option<Normalisation>,
    /// Kinds of work it tells about.
    pub capabilities: Vec<CapabilityTag>,
    /// What stands in for missing scores.
    pub missing: Option<Missing>,
    /// What kind of source it is; absent = uploaded, or what the format says.
    pub source: Option<SourceKind>,
    /// When the numbers were observed.
    pub observed: Option<Date>,
    /// When they were fetched.
    pub retrieved: Option<Date>,
    /// Under which licence they may be passed on.
    pub licence: Option<String>,
    /// Where they stand.
    pub url: Option<String>,
    /// After how many days they are stale.
    pub stale_after_days: Option<u64>,
}
