//! When old rows are deleted: in small steps between batches, so that the drain never waits for more than one of them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Rows of one step: a few milliseconds.
pub(super) const STEP: u32 = 200;
/// Between steps while there is more to delete: at most 2,000 rows a second, beside what the drain does.
const MORE: Duration = Duration::from_millis(100);
/// Between looks when there was nothing left; also after an error.
const REST: Duration = Duration::from_mins(1);

/// How long rows are kept, and when to look next.
pub(super) struct Retention {
    keep: Option<Duration>,
    due: Instant,
}

impl Retention {
    pub(super) fn new(keep: Option<Duration>) -> Self {
        Self { keep, due: Instant::now() }
    }

    /// The time until the next look, if rows are deleted at all.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.keep.map(|_| self.due.saturating_duration_since(Instant::now()))
    }

    /// Rows before this moment go, if it is time to look.
    pub(super) fn limit(&self) -> Option<i64> {
        let keep = self.keep.filter(|_| Instant::now() >= self.due)?;
        let oldest = SystemTime::now().checked_sub(keep)?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(oldest.as_micros()).ok()
    }

    /// Notes how many rows the step deleted.
    pub(super) fn deleted(&mut self, rows: u64) {
        let pause = if rows >= u64::from(STEP) { MORE } else { REST };
        self.due = Instant::now() + pause;
    }
}
