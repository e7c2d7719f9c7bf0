//! The evidence: trains, applies and judges scorers.
//!
//! The binary is a thin command line over this library. It trains a scorer (`train`), adds models to it and fits the
//! calibration and the dials of `optimal` (`calibrate`, over [`optimal`]),
//! scores prompts in bulk (`score`, over [`score`]), judges routers (`router-eval`, over [`router_eval`] and
//! [`statistics`]), measures all that is promised of a scorer (`report`, over [`report`]), compares it with the one in
//! service (`gate`, over [`gate`]) and brings it to an engine (`promote`). Serving scores belongs to the engine, fitting
//! them to `trainer`.

pub mod commands;
pub mod gate;
pub mod optimal;
pub mod report;
pub mod router_eval;
pub mod score;
pub mod statistics;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a command ended, where that is neither success nor a failure of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All was done.
    Well,
    /// Rows of the input were bad and are missing from the output.
    WithBadRows,
    /// What was judged is not good enough.
    Refused,
    /// It cannot be told whether what was judged is good enough.
    Inconclusive,
    /// The words of the command do not go together.
    Usage,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Well => Self::SUCCESS,
            Ended::WithBadRows => Self::from(2),
            Ended::Refused => Self::from(3),
            Ended::Inconclusive => Self::from(4),
            Ended::Usage => Self::from(64),
        }
    }
}

/// Says a line on standard error. Whoever closed it wants to hear nothing; the work goes on.
pub fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
