//! The command line of evalkit: arguments to a command, a command's end to an exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use evalkit::commands::{calibrate, gate, import, promote, push, report, router_eval, score, train};
use evalkit::tell;

/// Trains, applies and judges scorers.
#[derive(Debug, Parser)]
#[command(name = "evalkit", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trains a scorer.
    Train(train::Options),
    /// Adds models to a scorer from a few dozen outcomes each.
    Calibrate(calibrate::Options),
    /// Scores prompts in bulk; exits with 2 if rows were bad.
    Score(score::Options),
    /// Refuses a scorer that is worse than the one in service; exits with 3 if it is, with 4 if that cannot be told.
    Gate(gate::Options),
    /// Reads scorecards of any format and writes them as one; exits with 2 if there is something to know of them.
    Import(Box<import::Options>),
    /// Brings a scorer that has passed its gate to an engine, and lets it serve.
    Promote(promote::Options),
    /// Brings scorecard files to a server; exits with 2 if there is something to know of them.
    Push(Box<push::Options>),
    /// Measures everything that is promised of a scorer; exits with 2 if data was missing.
    Report(report::Options),
    /// Judges a router on known outcomes; exits with 2 if prompts were left out.
    RouterEval(Box<router_eval::Options>),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing more can be said if even this cannot be printed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS };
        }
    };
    let ended = match arguments.command {
        Command::Train(options) => train::run(options),
        Command::Calibrate(options) => calibrate::run(&options),
        Command::Score(options) => score::run(&options),
        Command::Gate(options) => gate::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Promote(options) => promote::run(&options),
        Command::Push(options) => push::run(&options),
        Command::Report(options) => report::run(&options),
        Command::RouterEval(options) => router_eval::run(&options),
    };
    match ended {
        Ok(ended) => ended.into(),
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
