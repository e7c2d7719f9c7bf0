//! What the ledger counts, and how the counts reach the metrics registry.
//!
//! The hot path only bumps atomics; the background thread publishes them, so a request never pays for a look-up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the ledger was opened, and what is on its way now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerStats {
    /// Records appended to the spool.
    pub appended: u64,
    /// Records refused by the spool.
    pub refused: u64,
    /// Rows inserted into the database.
    pub drained: u64,
    /// End records found at start that were not in the database.
    pub replayed: u64,
    /// Starts found at start without an end.
    pub unknown_outcomes: u64,
    /// Rows that were in the database already.
    pub duplicates: u64,
    /// Torn tails cut off at start.
    pub truncated_tails: u64,
    /// Spool files with damaged records in the middle, kept aside.
    pub corrupt_segments: u64,
    /// Records that could be read from disk but not understood; kept in the database.
    pub unreadable: u64,
    /// Rows deleted because their time was over.
    pub expired: u64,
    /// Failed attempts to use the database; each was repeated.
    pub database_errors: u64,
    /// Failed syncs of the spool.
    pub sync_errors: u64,
    /// Completed syncs of the spool.
    pub syncs: u64,
    /// Records appended and not yet drained.
    pub backlog: u64,
    /// Size of the spool on disk.
    pub spool_bytes: u64,
    /// Requests started and not finished.
    pub open_requests: u64,
}

macro_rules! counters {
    ($($name:ident),+) => {
        /// The counters behind `LedgerStats`.
        #[derive(Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)+
            pub(crate) open_requests: AtomicU64,
        }

        impl Counters {
            /// Reads all counters. Backlog and size are the spool's to add.
            pub(crate) fn read(&self) -> LedgerStats {
                LedgerStats {
                    $($name: self.$name.load(Relaxed),)+
                    open_requests: self.open_requests.load(Relaxed),
                    ..LedgerStats::default()
                }
            }
        }

        /// Hands the counts to the metrics registry.
        pub(crate) fn publish(stats: &LedgerStats) {
            $(metrics::counter!(concat!("signalbox_ledger_", stringify!($name), "_total")).absolute(stats.$name);)+
            metrics::gauge!("signalbox_ledger_backlog_records").set(stats.backlog as f64);
            metrics::gauge!("signalbox_ledger_spool_bytes").set(stats.spool_bytes as f64);
            metrics::gauge!("signalbox_ledger_open_requests").set(stats.open_requests as f64);
        }
    };
}

counters!(
    appended,
    refused,
    drained,
    replayed,
    unknown_outcomes,
    duplicates,
    truncated_tails,
    corrupt_segments,
    unreadable,
    expired,
    database_errors,
    sync_errors,
    syncs
);

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Relaxed);
}
