//! A rolling window: 60 slots back from now, the oldest of which counts whole although part of it has left already.
//!
//! So what happened counts for at least the window's length and at most one slot longer: never less than was consumed.

use std::collections::VecDeque;
use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

/// Slots in a window, beside the one that is being filled.
pub(crate) const SLOTS: u64 = 60;

/// What happened in the last 60 slots of `SLOT` microseconds. Amounts saturate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window<A, const SLOT: u64> {
    /// By slot number; only those in which something happened.
    slots: VecDeque<(u64, A)>,
    sum: A,
}

/// A moment in microseconds, from an origin long enough ago for all that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn until(self, later: Self) -> Duration {
        Duration::from_micros(later.0.saturating_sub(self.0))
    }
}

impl<A: Copy + Default + AddAssign + SubAssign, const SLOT: u64> Window<A, SLOT> {
    /// What counts now.
    pub(crate) fn sum(&mut self, now: Moment) -> A {
        while let Some((slot, amount)) = self.slots.front().copied()
            && Self::leaves(slot) <= now
        {
            self.slots.pop_front();
            self.sum -= amount;
        }
        if self.slots.is_empty() {
            // A sum that saturated once would stay wrong.
            self.sum = A::default();
        }
        self.sum
    }

    /// Adds what happened at a moment, which need not be the latest.
    pub(crate) fn add(&mut self, at: Moment, amount: A) {
        let slot = at.0 / SLOT;
        let place = self.slots.partition_point(|(known, _)| *known < slot);
        match self.slots.get_mut(place) {
            Some((known, sum)) if *known == slot => *sum += amount,
            Some(_) | None => self.slots.insert(place, (slot, amount)),
        }
        self.sum += amount;
    }

    /// How long until enough has left; `None` if it never has.
    pub(crate) fn wait(&mut self, now: Moment, is_enough: impl Fn(A) -> bool) -> Option<Duration> {
        let mut left = self.sum(now);
        if is_enough(left) {
            return Some(Duration::ZERO);
        }
        self.slots.iter().find_map(|(slot, amount)| {
            left -= *amount;
            is_enough(left).then(|| now.until(Self::leaves(*slot)))
        })
    }

    /// How long until nothing of it counts any more.
    pub(crate) fn empties(&mut self, now: Moment) -> Duration {
        self.sum(now);
        self.slots.back().map_or(Duration::ZERO, |(slot, _)| now.until(Self::leaves(*slot)))
    }

    /// When a slot counts no more.
    fn leaves(slot: u64) -> Moment {
        Moment((slot + SLOTS + 1) * SLOT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SLOT: u64 = 100;

    fn counts(event: u64, now: u64) -> bool {
        (event / SLOT + 61) * SLOT > now
    }

    #[test]
    fn an_event_counts_for_the_whole_window_and_at_most_a_slot_more() {
        for event in [0, 1, 99, 100, 6_050] {
            let mut window = Window::<u64, SLOT>::default();
            window.add(Moment(event), 1);
            assert_eq!(window.sum(Moment(event + 60 * SLOT)), 1, "{event}");
            assert_eq!(window.sum(Moment(event + 61 * SLOT)), 0, "{event}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list_of_events(events in prop::collection::vec((0_u64..400, 1_u64..50), 1..120), limit in 1_u64..400) {
            let (mut window, mut list, mut now) = (Window::<u64, SLOT>::default(), Vec::new(), 0);
            for (step, amount) in events {
                now += step;
                window.add(Moment(now), amount);
                list.push((now, amount));
                let sum_at = |moment: u64| list.iter().filter(|it| counts(it.0, moment)).map(|it| it.1).sum::<u64>();
                prop_assert_eq!(window.sum(Moment(now)), sum_at(now));
                let wait = window.wait(Moment(now), |sum| sum <= limit).expect("an empty window is enough");
                let wait = u64::try_from(wait.as_micros()).expect("short");
                prop_assert!(sum_at(now + wait) <= limit);
                prop_assert!(wait == 0 || sum_at(now + wait - 1) > limit);
            }
        }
    }
}
