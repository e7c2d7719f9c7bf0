//! Requests that must not be served twice: of those with one `Idempotency-Key` under one API key, one is answered.
//!
//! A twin that comes while the first runs is refused, and so is one that comes after it was answered; after a failure the
//! name is free again. Known to this process only, and for a day: what was answered is named by its request id, under
//! which its record and, where bodies are kept, its answer are found.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{KeyId, RequestId};
use http::{HeaderMap, HeaderName};

use crate::error::Failure;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest name, in bytes.
const MAX_BYTES: usize = 255;
/// Names of answered requests are kept for so long,
const KEPT: Duration = Duration::from_hours(24);
/// and so many of them; the oldest go first.
const MOST: usize = 100_000;

type Name = [u8; 32];

/// The names in use and those that were.
#[derive(Debug, Default)]
pub(crate) struct Idempotency {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    requests: HashMap<Name, State>,
    /// Those that were answered, the oldest first.
    answered: VecDeque<(Name, Duration)>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Running(RequestId),
    Answered(RequestId),
}

/// A name that is in use by a running request. Dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Ticket {
    book: Arc<Idempotency>,
    name: Name,
    request: RequestId,
    answered: bool,
}

impl Idempotency {
    /// Takes the name that the headers give; `None` = they give none.
    ///
    /// # Errors
    /// A name that is no name, in use, or used up.
    pub(crate) fn begin(
        self: &Arc<Self>,
        headers: &HeaderMap,
        key: &KeyId,
        request: RequestId,
        now: Duration,
    ) -> Result<Option<Ticket>, Failure> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        if value.is_empty() || value.len() > MAX_BYTES {
            return Err(Failure::bad_header("Idempotency-Key", "must have 1 to 255 bytes, or be left out"));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(key.as_str().as_bytes()).update(&[0]).update(value.as_bytes());
        let name = *hasher.finalize().as_bytes();
        let mut known = self.lock();
        known.forget(now);
        match known.requests.get(&name) {
            Some(State::Running(other)) => Err(Failure::Twin { running: *other }),
            Some(State::Answered(other)) => Err(Failure::AlreadyCompleted { answered: *other }),
            None => {
                known.requests.insert(name, State::Running(request));
                Ok(Some(Ticket { book: self.clone(), name, request, answered: false }))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget(&mut self, now: Duration) {
        while let Some((name, at)) = self.answered.front().copied() {
            if now.saturating_sub(at) < KEPT && self.answered.len() <= MOST {
                return;
            }
            self.answered.pop_front();
            self.requests.remove(&name);
        }
    }
}

impl Ticket {
    /// The request was answered: its name is used up.
    pub(crate) fn answered(mut self, now: Duration) {
        self.answered = true;
        let mut known = self.book.lock();
        known.requests.insert(self.name, State::Answered(self.request));
        known.answered.push_back((self.name, now));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.answered {
            self.book.lock().requests.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(book: &Arc<Idempotency>, name: &str, key: u8, hours: u64) -> Result<Option<Ticket>, Failure> {
        let headers = HeaderMap::from_iter([(HEADER, name.parse().expect("a header"))]);
        let request = RequestId::from_parts(1, u128::from(key));
        book.begin(&headers, &KeyId::from_random([key; 20]), request, Duration::from_hours(hours))
    }

    #[test]
    fn a_name_is_taken_while_its_request_runs_and_free_after_it_failed() {
        let book = Arc::default();
        let first = begin(&book, "a", 1, 0).expect("free");
        assert!(matches!(begin(&book, "a", 1, 0), Err(Failure::Twin { .. })));
        assert!(begin(&book, "a", 2, 0).is_ok() && begin(&book, "b", 1, 0).is_ok(), "others are others");
        drop(first);
        assert!(begin(&book, "a", 1, 0).is_ok());
    }

    #[test]
    fn a_name_that_was_answered_is_used_up_for_a_day() {
        let book = Arc::default();
        begin(&book, "a", 1, 0).expect("free").expect("a ticket").answered(Duration::ZERO);
        assert!(matches!(begin(&book, "a", 1, 23), Err(Failure::AlreadyCompleted { .. })));
        assert!(begin(&book, "a", 1, 24).is_ok());
    }

    #[test]
    fn nobody_has_to_give_a_name_but_it_must_be_one() {
        let book: Arc<Idempotency> = Arc::default();
        let none =
            book.begin(&HeaderMap::new(), &KeyId::from_random([1; 20]), RequestId::from_parts(1, 1), Duration::ZERO);
        assert!(none.is_ok_and(|ticket| ticket.is_none()));
        for odd in [String::new(), "x".repeat(256)] {
            assert!(matches!(begin(&book, &odd, 1, 0), Err(Failure::Malformed(_))));
        }
    }
}
