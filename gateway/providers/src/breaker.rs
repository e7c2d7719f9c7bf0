//! A circuit breaker: stops calling what keeps failing, and finds out with one probe when it works again.
//!
//! Serves upstreams and the engine alike. Time and the seed of the jitter are given to it; it decides nothing about
//! what to call instead.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When to open and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// This many failures in a row open it.
    pub consecutive_failures: u32,
    /// So does a share of successes below this over the window …
    pub min_success: f64,
    /// … of this length …
    pub window: Duration,
    /// … once it holds this many samples.
    pub min_samples: u32,
    /// The first time it stays open; doubles each time it opens again.
    pub open_min: Duration,
    /// The longest time it stays open, jitter included.
    pub open_max: Duration,
    /// The share of an open time that chance may add.
    pub jitter: f64,
    /// A probe that has not reported after this long counts as lost, and another may go.
    pub probe_lease: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            min_success: 0.5,
            window: Duration::from_secs(10),
            min_samples: 10,
            open_min: Duration::from_secs(5),
            open_max: Duration::from_mins(1),
            jitter: 0.5,
            probe_lease: Duration::from_mins(1),
        }
    }
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// One probe.
    HalfOpen,
}

impl BreakerState {
    /// The state's name: `half_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// What a call says about the health of what was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Success,
    /// It does not.
    Failure,
    /// It works but wants fewer calls: no failure, but no recovery either.
    Throttled,
    /// Nothing: the call ended for reasons of its own.
    Neutral,
}

/// A circuit breaker.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    inner: Mutex<Inner>,
}

const BUCKETS: usize = 10;

#[derive(Debug)]
struct Inner {
    phase: Phase,
    failures_in_a_row: u32,
    samples: [Bucket; BUCKETS],
    /// How often it has opened without a calm time between.
    trips: u32,
    closed_at: Duration,
    random: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Closed,
    /// Opens for one probe at `until`; the probe that is under way is given up at `probe_until`.
    Open {
        until: Duration,
        probe_until: Option<Duration>,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    epoch: u64,
    successes: u32,
    failures: u32,
}

impl Breaker {
    /// A closed breaker. The seed makes its jitter differ from that of others.
    pub fn new(config: BreakerConfig, seed: u64) -> Self {
        let inner = Inner {
            phase: Phase::Closed,
            failures_in_a_row: 0,
            samples: [Bucket::default(); BUCKETS],
            trips: 0,
            closed_at: Duration::ZERO,
            random: seed,
        };
        Self { config, inner: Mutex::new(inner) }
    }

    /// Whether a call may go now. In the half-open state this takes the probe, so the call must then be recorded.
    pub fn admit(&self, now: Duration) -> bool {
        let mut inner = self.lock();
        match &mut inner.phase {
            Phase::Closed => true,
            Phase::Open { until, .. } if now < *until => false,
            Phase::Open { probe_until: Some(lease), .. } if now < *lease => false,
            Phase::Open { probe_until, .. } => {
                *probe_until = Some(now + self.config.probe_lease);
                true
            }
        }
    }

    /// Whether [`Self::admit`] would say yes, without taking the probe.
    pub fn is_available(&self, now: Duration) -> bool {
        self.remaining(now).is_none()
    }

    /// How long no call may go; `None` = one may go now.
    pub fn remaining(&self, now: Duration) -> Option<Duration> {
        let Phase::Open { until, probe_until } = self.lock().phase else { return None };
        let until = probe_until.map_or(until, |lease| lease.max(until));
        until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// What it lets through now.
    pub fn state(&self, now: Duration) -> BreakerState {
        match self.lock().phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { until, .. } if now < until => BreakerState::Open,
            Phase::Open { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether there were failures within the window.
    pub fn has_failed_lately(&self, now: Duration) -> bool {
        self.lock().recent(&self.config, now).1 > 0
    }

    /// Notes how a call ended and returns the state after it.
    pub fn record(&self, now: Duration, verdict: Verdict) -> BreakerState {
        let mut inner = self.lock();
        match inner.phase {
            Phase::Closed => inner.record_closed(&self.config, now, verdict),
            Phase::Open { until, .. } if now < until => inner.record_open(now, verdict),
            Phase::Open { .. } => inner.record_half_open(&self.config, now, verdict),
        }
        drop(inner);
        self.state(now)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn record_closed(&mut self, config: &BreakerConfig, now: Duration, verdict: Verdict) {
        let bucket = self.bucket(config, now);
        match verdict {
            Verdict::Neutral | Verdict::Throttled => {}
            Verdict::Success => {
                bucket.successes += 1;
                self.failures_in_a_row = 0;
            }
            Verdict::Failure => {
                bucket.failures += 1;
                self.failures_in_a_row += 1;
                // Looked at after failures only: a success may fill the window, but is no reason to open.
                if self.failures_in_a_row >= config.consecutive_failures || self.is_mostly_failing(config, now) {
                    self.trip(config, now);
                }
            }
        }
    }

    /// Calls that go although it is open: those begun before, and those of a caller without an alternative.
    fn record_open(&mut self, now: Duration, verdict: Verdict) {
        if verdict == Verdict::Success {
            self.phase = Phase::Open { until: now, probe_until: None };
        }
    }

    fn record_half_open(&mut self, config: &BreakerConfig, now: Duration, verdict: Verdict) {
        match verdict {
            Verdict::Success => {
                self.phase = Phase::Closed;
                self.closed_at = now;
                self.failures_in_a_row = 0;
                self.samples = [Bucket::default(); BUCKETS];
            }
            Verdict::Failure | Verdict::Throttled => self.trip(config, now),
            Verdict::Neutral => {
                if let Phase::Open { probe_until, .. } = &mut self.phase {
                    *probe_until = None;
                }
            }
        }
    }

    fn trip(&mut self, config: &BreakerConfig, now: Duration) {
        if self.phase == Phase::Closed && now.saturating_sub(self.closed_at) > config.open_max {
            self.trips = 0;
        }
        // Chance adds to the wait, so the wait without it stops where the two together reach the maximum.
        let ceiling = config.open_max.div_f64(1.0 + config.jitter);
        let doubled = config.open_min.saturating_mul(1 << self.trips.min(16)).min(ceiling);
        let wait = doubled.mul_f64(1.0 + config.jitter * self.next_random());
        self.trips = self.trips.saturating_add(1);
        self.failures_in_a_row = 0;
        self.phase = Phase::Open { until: now + wait, probe_until: None };
    }

    /// Successes and failures within the window.
    fn recent(&self, config: &BreakerConfig, now: Duration) -> (u32, u32) {
        let oldest = epoch(config, now).saturating_sub(BUCKETS as u64 - 1);
        let recent = self.samples.iter().filter(|bucket| bucket.epoch >= oldest);
        recent.fold((0, 0), |(good, bad), bucket| (good + bucket.successes, bad + bucket.failures))
    }

    fn is_mostly_failing(&self, config: &BreakerConfig, now: Duration) -> bool {
        let (good, bad) = self.recent(config, now);
        good + bad >= config.min_samples && f64::from(good) < config.min_success * f64::from(good + bad)
    }

    fn bucket(&mut self, config: &BreakerConfig, now: Duration) -> &mut Bucket {
        let epoch = epoch(config, now);
        let bucket = &mut self.samples[(epoch % BUCKETS as u64) as usize];
        if bucket.epoch != epoch {
            *bucket = Bucket { epoch, ..Bucket::default() };
        }
        bucket
    }

    /// A number in 0..1 (splitmix64).
    fn next_random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Which part of the window a moment belongs to, counted from 1 so that an untouched bucket is never recent by chance.
fn epoch(config: &BreakerConfig, now: Duration) -> u64 {
    let width = (config.window.as_nanos() / BUCKETS as u128).max(1);
    u64::try_from(now.as_nanos() / width).unwrap_or(u64::MAX - 1) + 1
}

#[cfg(test)]
mod tests;
