//! Refuses early and cheaply rather than queue without end: requests in flight, and bytes of their bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::Limits;
use crate::error::Failure;

/// Counts what is in flight in the whole process.
#[derive(Debug)]
pub(crate) struct LoadShed {
    requests: Gauge,
    body_bytes: Gauge,
}

#[derive(Debug)]
struct Gauge {
    used: AtomicUsize,
    limit: usize,
}

/// A place among the requests in flight, with the bytes of its body. Dropping it gives both back.
#[derive(Debug)]
pub(crate) struct InFlight {
    shed: Arc<LoadShed>,
    body_bytes: usize,
}

impl LoadShed {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            requests: Gauge { used: AtomicUsize::new(0), limit: limits.requests_in_flight },
            body_bytes: Gauge { used: AtomicUsize::new(0), limit: limits.body_bytes_in_flight },
        }
    }

    pub(crate) fn enter(self: &Arc<Self>) -> Result<InFlight, Failure> {
        if !self.requests.take(1) {
            metrics::counter!("signalbox_requests_shed_total", "reason" => "requests").increment(1);
            return Err(Failure::Overloaded);
        }
        Ok(InFlight { shed: self.clone(), body_bytes: 0 })
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.requests.used.load(Ordering::Relaxed)
    }
}

impl InFlight {
    /// Counts bytes of this request's body.
    pub(crate) fn hold_bytes(&mut self, bytes: usize) -> Result<(), Failure> {
        if !self.shed.body_bytes.take(bytes) {
            metrics::counter!("signalbox_requests_shed_total", "reason" => "bytes").increment(1);
            return Err(Failure::Overloaded);
        }
        self.body_bytes += bytes;
        Ok(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shed.requests.give_back(1);
        self.shed.body_bytes.give_back(self.body_bytes);
    }
}

impl Gauge {
    fn take(&self, amount: usize) -> bool {
        let before = self.used.fetch_add(amount, Ordering::Relaxed);
        if before + amount > self.limit {
            self.give_back(amount);
            return false;
        }
        true
    }

    fn give_back(&self, amount: usize) {
        self.used.fetch_sub(amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_when_it_is_dropped() {
        let shed =
            Arc::new(LoadShed::new(&Limits { requests_in_flight: 1, body_bytes_in_flight: 10, ..Limits::default() }));
        let mut first = shed.enter().expect("a place");
        assert!(shed.enter().is_err());
        assert!(first.hold_bytes(8).is_ok() && first.hold_bytes(3).is_err());
        drop(first);
        assert!(shed.enter().is_ok_and(|mut next| next.hold_bytes(10).is_ok()));
    }
}
