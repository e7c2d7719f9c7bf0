//! The ledger: one durable row for every request, and how rows are read back.
//!
//! The hot path appends to a spool file (`spool`), one write per record, and returns. A background thread (`worker`)
//! syncs the spool and drains it into `SQLite` (`database`), where `reader` finds the rows. The spool is the queue:
//! nothing is dropped between a caller and the database, however long the database is away.
//!
//! Bodies, for those who ask for them, lie in a file of their own (`bodies`).
//!
//! Leaves to others: what a request cost, when a record is due, and what to answer when the spool refuses one.

mod bodies;
mod codec;
mod database;
mod error;
mod ledger;
mod options;
mod reader;
mod spend;
mod spool;
mod stats;
mod worker;
mod yielding;

pub use bodies::{
    BodyLog, BodyOwner, BodyRecorder, BodyStore, EraseError, Erased, KeptBodies, KeptBody, MAX_BODY, Which,
};
pub use error::{FlushError, LedgerError, SpoolError};
pub use ledger::Ledger;
pub use options::{Durability, LedgerOptions};
pub use reader::{LedgerReader, Totals};
pub use spend::{ConsumedInMinute, SpentBy};
pub use stats::LedgerStats;

#[cfg(test)]
mod tests;
