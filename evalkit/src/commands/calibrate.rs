//! `evalkit calibrate`: fits to outcomes what is not the scorer's network, which stays as it is.
//!
//! `scorer` places further models in a scorer, `optimal` fits what the strategy of that name makes chances of success by,
//! and `traffic` sets its dial.

mod folder;
mod optimal;
mod scorer;
mod table;
mod traffic;

use crate::Ended;

/// Calibrates.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Adds models to a scorer: how likely each is right on a prompt, from at least 20, better 50 outcomes of it.
    Scorer(scorer::Options),
    /// Fits the calibration of the strategy `optimal`: from scores and difficulties to chances of success.
    Optimal(optimal::Options),
    /// Sets the dial of an `optimal` policy: for a promise of quality, or a budget; exits with 3 if none keeps it.
    Traffic(traffic::Options),
}

/// Runs the command.
///
/// # Errors
/// When something cannot be read or written, or the data do not tell what is asked.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    match &options.what {
        What::Scorer(options) => scorer::run(options),
        What::Optimal(options) => optimal::run(options),
        What::Traffic(options) => traffic::run(options),
    }
}
