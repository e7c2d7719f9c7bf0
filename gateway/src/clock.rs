//! The process's clocks and its request ids: the one place of the gateway that asks the operating system for either.

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use domain::{Clock, RequestId, Timestamp};

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> std::time::Duration {
        self.started.elapsed()
    }
}

/// Hands out request ids that only ever increase, also when the wall clock stands still or goes back.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u128,
    last: Mutex<RequestId>,
}

impl RequestIds {
    /// Draws what sets this process's ids apart from those of others within the same millisecond.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random)?;
        // The low 16 bits are left for counting within a millisecond.
        let process = u128::from(u64::from_be_bytes(random)) << 16;
        Ok(Self { process, last: Mutex::new(RequestId::from_value(0)) })
    }

    pub(crate) fn next(&self, now: Timestamp) -> RequestId {
        let fresh = RequestId::from_parts(now.unix_millis(), self.process);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = fresh.max(last.successor());
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_when_the_clock_goes_back() {
        let ids = RequestIds::new().expect("randomness");
        let later = ids.next(Timestamp(2_000_000));
        let earlier = ids.next(Timestamp(1_000_000));
        let same = ids.next(Timestamp(1_000_000));
        assert!(later < earlier && earlier < same);
    }
}
