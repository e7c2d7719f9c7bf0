//! Scoring in bulk: rows in, scores out, in the order of the input, in bounded memory.
//!
//! [`intake`] reads lines ahead up to a bound, [`row`] makes a prompt of a line and a line of a score, [`bulk`] scores on
//! several threads, [`sink`] writes under a temporary name, [`earlier`] finds what an interrupted run has left. Printing
//! is the command's business.

pub mod bulk;
pub mod earlier;
pub mod intake;
pub mod row;
pub mod sink;

#[cfg(test)]
mod tests;

pub use bulk::{Settings, Summary, run};
pub use intake::Intake;
pub use sink::Sink;
