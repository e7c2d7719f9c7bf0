//! How many requests may be repeated to the upstream that has just failed them: a failing upstream must not be given more
//! to do by those who try again.
//!
//! Counted over what is in flight rather than over time: a repeat is paid for as long as it lasts, so slow repeats leave
//! less room than quick ones. Moving on to another upstream is no repeat and costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Repeats that may be under way however little else is.
const ALWAYS: usize = 3;
/// Beside them, one repeat for so many requests in flight: 20 %.
const REQUESTS_PER_REPEAT: usize = 5;

/// Counts the repeats that are under way.
#[derive(Clone, Debug, Default)]
pub struct RetryBudget {
    repeating: Arc<AtomicUsize>,
}

/// A repeat that is under way. Dropping it gives its place back.
#[derive(Debug)]
pub struct Repeat(Arc<AtomicUsize>);

impl RetryBudget {
    /// Takes a place for a repeat while so many requests are in flight; `None` = there is none.
    pub fn begin(&self, in_flight: usize) -> Option<Repeat> {
        let allowed = ALWAYS + in_flight / REQUESTS_PER_REPEAT;
        let place = Repeat(self.repeating.clone());
        // Dropped at once where it is one too many.
        (self.repeating.fetch_add(1, Ordering::Relaxed) < allowed).then_some(place)
    }
}

impl Drop for Repeat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(in_flight: usize, expected: usize) {
        let budget = RetryBudget::default();
        let repeats: Vec<_> = std::iter::from_fn(|| budget.begin(in_flight)).take(1_000).collect();
        assert_eq!(repeats.len(), expected, "{in_flight} in flight");
    }

    #[test]
    fn three_and_a_fifth_of_what_is_in_flight_may_be_repeated() {
        for (in_flight, expected) in [(0, 3), (1, 3), (4, 3), (5, 4), (100, 23), (1_000, 203)] {
            check(in_flight, expected);
        }
    }

    #[test]
    fn a_repeat_that_is_over_makes_room_and_a_refusal_takes_none() {
        let budget = RetryBudget::default();
        let mut repeats: Vec<_> = (0..3).map(|_| budget.begin(0).expect("room")).collect();
        assert!((0..10).all(|_| budget.begin(0).is_none()));
        repeats.pop();
        assert!(budget.begin(0).is_some());
    }

    #[test]
    fn threads_together_get_no_more_than_there_is() {
        let budget = RetryBudget::default();
        let taken = |budget: RetryBudget| std::iter::from_fn(move || budget.begin(50)).take(100).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| budget.clone()).map(|it| std::thread::spawn(move || taken(it))).collect();
        let repeats: Vec<_> = threads.into_iter().flat_map(|it| it.join().expect("no panic")).collect();
        assert!(repeats.len() <= 13, "{}", repeats.len());
        drop(repeats);
        assert!(budget.begin(0).is_some());
    }
}
