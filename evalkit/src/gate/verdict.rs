//! What the gate says, in the shape of `gate.json`, which `evalkit promote` reads.

use serde::Serialize;

use super::check::{Check, Outcome, Verdict};
use crate::router_eval::report::FileUsed;

/// The format of `gate.json`.
pub const FORMAT: &str = "evalkit.gate/1";

/// What the gate says.
#[derive(Clone, Debug, Serialize)]
pub struct Gate {
    /// [`FORMAT`].
    pub format: &'static str,
    /// `pass`, `fail` or `inconclusive`.
    pub verdict: Verdict,
    /// The candidate's version.
    pub version: String,
    /// The incumbent's version.
    pub against: String,
    /// BLAKE3 of the candidate's manifest, which vouches for its files.
    pub manifest: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Replicates of the bootstrap.
    pub replicates: u32,
    /// The checks.
    pub checks: Vec<Outcome>,
    /// Checks that were left out on request.
    pub without: Vec<Check>,
    /// What was read.
    pub files: Vec<FileUsed>,
}

/// The verdict over all checks: the worst of them; without any, nothing can be told.
pub fn overall(checks: &[Outcome]) -> Verdict {
    checks.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Inconclusive)
}
