//! What can be chosen about a ledger. Defaults stand here, each with its reason.

use std::time::Duration;

/// When an end record counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// At once; the disk is synced in groups, this long after the first unsynced record.
    /// Survives a killed process at once and a power cut after this time.
    Grouped(Duration),
    /// When the disk has been synced: survives a power cut, costs a wait for the disk per request.
    Strict,
}

impl Durability {
    /// How long a record that nobody waits for may stay unsynced.
    pub(crate) fn group(self) -> Duration {
        match self {
            Self::Grouped(wait) => wait.max(Duration::from_millis(1)),
            Self::Strict => DEFAULT_GROUP,
        }
    }
}

const DEFAULT_GROUP: Duration = Duration::from_millis(20);

/// How a ledger behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Grouped by 20 ms: a power cut may cost that much, a killed process nothing.
    pub durability: Durability,
    /// A spool file is closed at this size, and deleted once all of it is in the database. 64 MiB: few files, and little
    /// to read again at start. Never more than a quarter of `max_spool_bytes`.
    pub segment_bytes: u64,
    /// Start records are refused while the spool is larger. 8 GiB is about four million requests without a database.
    pub max_spool_bytes: u64,
    /// How long rows may wait for company before they are inserted. 50 ms: a tail feels live, inserts are batched.
    pub flush_interval: Duration,
    /// Rows per transaction. 500: beyond it, batches get hardly cheaper.
    pub batch_rows: usize,
    /// How long the database may keep a statement waiting for a lock before the attempt is repeated.
    pub busy_timeout: Duration,
    /// Rows of requests that came longer ago are deleted. `None`: they are what was spent, nobody is to lose them unasked.
    pub retain: Option<Duration>,
    /// How long dropping the ledger may take. What is not drained by then is replayed at the next start.
    pub close_deadline: Duration,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Grouped(DEFAULT_GROUP),
            segment_bytes: 64 << 20,
            max_spool_bytes: 8 << 30,
            flush_interval: Duration::from_millis(50),
            batch_rows: 500,
            busy_timeout: Duration::from_secs(1),
            retain: None,
            close_deadline: Duration::from_secs(5),
        }
    }
}

impl LedgerOptions {
    /// Keeps a drained spool from being a full one: at rest, one segment is all that is left of it.
    pub(crate) fn effective_segment_bytes(&self) -> u64 {
        self.segment_bytes.min(self.max_spool_bytes / 4).max(1)
    }
}
