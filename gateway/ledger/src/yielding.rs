//! Lets the threads that talk to callers run in between. Being nicer does not do that alone: a batch that has begun keeps
//! its core until the scheduler looks again, which may be milliseconds, and a request would wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether work is done in small steps with the core offered to others in between. One for a ledger; copies are the same.
#[derive(Clone, Default)]
pub(crate) struct Yielding {
    on: Arc<AtomicBool>,
    #[cfg(test)]
    pub(crate) times: Arc<std::sync::atomic::AtomicU64>,
}

impl Yielding {
    /// On while the ledger keeps up. Off where it does not: who yields to threads that never rest hardly runs at all.
    pub(crate) fn set(&self, on: bool) {
        self.on.store(on, Relaxed);
    }

    /// Stands between two steps of some tens of microseconds.
    pub(crate) fn step(&self) {
        if self.on.load(Relaxed) {
            #[cfg(test)]
            self.times.fetch_add(1, Relaxed);
            std::thread::yield_now();
        }
    }
}
