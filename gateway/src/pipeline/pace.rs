//! Measures what callers feel of a stream: how long the gateway holds its first token, and how evenly the rest comes.
//!
//! Told when something has come from an upstream and when the first content has gone out; reads the clock no more often
//! than the account of the request does anyway.

use tokio::time::Instant;

use crate::meters::Meters;

/// The pace of one answer.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    came: Option<Instant>,
    has_begun: bool,
}

impl Pace {
    /// A wait for the upstream is over.
    pub(crate) fn came(&mut self, now: Instant, meters: &Meters) {
        if let Some(before) = self.came.replace(now).filter(|_| self.has_begun) {
            meters.chunk_gap.record(now.duration_since(before));
        }
    }

    /// The first content goes out.
    pub(crate) fn begins(&mut self, meters: &Meters) {
        self.has_begun = true;
        if let Some(came) = self.came {
            meters.added_first_token.record(came.elapsed());
        }
    }
}
