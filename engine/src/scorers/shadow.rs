//! A second scorer that scores some of the prompts too, so that its word can be compared with the serving one's.
//!
//! It has a thread of its own and a bounded queue. Prompts are handed over when their answers are gone, without
//! waiting: what does not fit, or comes while prompts wait to be scored for an answer, is dropped and counted.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use domain::ScorerInput;
use metrics::{counter, gauge};
use scorer::Scorer;
use tracing::warn;

use super::disagreement::Disagreement;

/// Prompts that may wait for the shadow.
const QUEUE: usize = 128;

/// What the serving scorer said of a prompt.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) complexity: f64,
    pub(crate) version: Arc<str>,
}

/// A running shadow. Its thread ends when this is dropped and what it is doing is done.
pub(crate) struct Shadow {
    desk: Arc<Desk>,
    queue: SyncSender<(ScorerInput, Told)>,
    pub(crate) share: f64,
    draws: AtomicU64,
}

/// What the shadow's thread and those who ask share.
struct Desk {
    scorer: Arc<dyn Scorer>,
    tally: Mutex<Tally>,
}

/// The figures, and what is missing from them.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Whose word the shadow's is compared with.
    pub(crate) against: Arc<str>,
    pub(crate) figures: Disagreement,
    pub(crate) dropped_full: u64,
    pub(crate) dropped_busy: u64,
    pub(crate) dropped_stale: u64,
    pub(crate) failed: u64,
    pub(crate) micros: u64,
}

impl Tally {
    fn new(against: Arc<str>) -> Self {
        let figures = Disagreement::default();
        Self { against, figures, dropped_full: 0, dropped_busy: 0, dropped_stale: 0, failed: 0, micros: 0 }
    }
}

// === impl Shadow ===

impl Shadow {
    pub(crate) fn start(scorer: Arc<dyn Scorer>, share: f64, against: Arc<str>) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(QUEUE);
        let desk = Arc::new(Desk { scorer, tally: Mutex::new(Tally::new(against)) });
        thread::Builder::new().name("shadow".to_owned()).spawn({
            let desk = desk.clone();
            move || desk.run(&waiting)
        })?;
        Ok(Self { desk, queue, share, draws: AtomicU64::new(0) })
    }

    pub(crate) fn version(&self) -> &Arc<str> {
        self.desk.scorer.version()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.desk.lock().clone()
    }

    /// Begins to count anew: another scorer serves.
    pub(crate) fn restart(&self, against: Arc<str>) {
        *self.desk.lock() = Tally::new(against);
    }

    /// Draws some of the prompts that have been scored; `busy` when others still wait for their answers.
    pub(crate) fn offer(&self, prompts: impl Iterator<Item = (ScorerInput, Option<Told>)>, busy: bool) {
        for (input, told) in prompts {
            let Some(told) = told else { continue };
            if !self.draws() {
                continue;
            }
            if busy {
                self.desk.drop_one("busy", |tally| &mut tally.dropped_busy);
                continue;
            }
            match self.queue.try_send((input, told)) {
                Ok(()) => {}
                // Disconnected: its thread has died of something worse than a panic.
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    self.desk.drop_one("full", |tally| &mut tally.dropped_full);
                }
            }
        }
    }

    /// Whether the next prompt is drawn: evenly spread, the same at every run.
    fn draws(&self) -> bool {
        let number = self.draws.fetch_add(1, Ordering::Relaxed);
        (mixed(number) >> 11) as f64 / ((1_u64 << 53) as f64) < self.share
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        // What was said of it is said of nobody now.
        gauge!("signalbox_shadow_mean_difference").set(0.0);
        gauge!("signalbox_shadow_flipped_share").set(0.0);
    }
}

/// Spreads consecutive numbers evenly over all 64 bits (the finaliser of `SplitMix64`).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

// === impl Desk ===

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        // Nothing panics while the lock is held; if it did, the figures would be one prompt off.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_one(&self, reason: &'static str, which: impl FnOnce(&mut Tally) -> &mut u64) {
        counter!("signalbox_shadow_dropped_total", "reason" => reason).increment(1);
        *which(&mut self.lock()) += 1;
    }

    fn run(&self, waiting: &Receiver<(ScorerInput, Told)>) {
        while let Ok((input, told)) = waiting.recv() {
            let began = Instant::now();
            let scored = catch_unwind(AssertUnwindSafe(|| self.scorer.score(std::slice::from_ref(&input))));
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            let complexity = match scored {
                Ok(Ok(scores)) => match scores.as_slice() {
                    [only] if only.complexity.is_finite() => Ok(only.complexity),
                    _ => Err("it gave no usable score".to_owned()),
                },
                Ok(Err(failure)) => Err(failure.to_string()),
                Err(_) => Err("it panicked".to_owned()),
            };
            self.take(&told, complexity, micros);
        }
    }

    fn take(&self, told: &Told, complexity: Result<f64, String>, micros: u64) {
        if self.lock().against != told.version {
            self.drop_one("stale", |tally| &mut tally.dropped_stale);
            return;
        }
        match complexity {
            Ok(complexity) => {
                let mut tally = self.lock();
                tally.figures.add(told.complexity, complexity);
                tally.micros += micros;
                let mean = tally.figures.mean_absolute().unwrap_or_default();
                let flipped = tally.figures.flips().map_or(0.0, |flips| flips[1].1);
                drop(tally);
                counter!("signalbox_shadow_prompts_total").increment(1);
                gauge!("signalbox_shadow_mean_difference").set(mean);
                gauge!("signalbox_shadow_flipped_share").set(flipped);
            }
            Err(reason) => {
                let mut tally = self.lock();
                tally.failed += 1;
                let first = tally.failed == 1;
                drop(tally);
                counter!("signalbox_shadow_failures_total").increment(1);
                if first {
                    warn!(version = %self.scorer.version(), %reason, "the scorer in shadow failed; further failures are only counted");
                }
            }
        }
    }
}
