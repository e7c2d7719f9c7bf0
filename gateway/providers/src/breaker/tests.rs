//! The breaker under a clock moved by hand.

use proptest::prelude::*;

use super::*;

const fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn breaker() -> Breaker {
    Breaker::new(BreakerConfig::default(), 7)
}

fn trip(breaker: &Breaker, now: Duration) {
    (0..5).for_each(|_| {
        breaker.record(now, Verdict::Failure);
    });
    assert_eq!(breaker.state(now), BreakerState::Open);
}

#[test]
fn five_failures_in_a_row_open_it_and_four_do_not() {
    let breaker = breaker();
    for _ in 0..4 {
        assert_eq!(breaker.record(at(0), Verdict::Failure), BreakerState::Closed);
    }
    breaker.record(at(0), Verdict::Success);
    for _ in 0..4 {
        breaker.record(at(1), Verdict::Failure);
    }
    assert!(breaker.is_available(at(1)));
    assert_eq!(breaker.record(at(1), Verdict::Failure), BreakerState::Open);
    assert!(!breaker.admit(at(1)));
}

#[test]
fn fewer_than_half_successes_open_it_once_there_are_ten_samples() {
    let breaker = breaker();
    let pattern = [false, false, true, false, false, true, false, false, true];
    for success in pattern {
        let verdict = if success { Verdict::Success } else { Verdict::Failure };
        assert_eq!(breaker.record(at(500), verdict), BreakerState::Closed);
    }
    assert_eq!(breaker.record(at(900), Verdict::Failure), BreakerState::Open);
}

#[test]
fn samples_older_than_the_window_do_not_count() {
    let breaker = breaker();
    for _ in 0..4 {
        breaker.record(at(0), Verdict::Failure);
    }
    breaker.record(at(10), Verdict::Success);
    for _ in 0..4 {
        breaker.record(at(10_500), Verdict::Failure);
    }
    breaker.record(at(10_500), Verdict::Success);
    // 9 failures to 2 successes, but the first half is too old to count.
    assert_eq!(breaker.record(at(10_500), Verdict::Failure), BreakerState::Closed);
}

#[test]
fn one_probe_goes_after_the_wait_and_success_closes() {
    let breaker = breaker();
    trip(&breaker, at(0));
    let wait = breaker.remaining(at(0)).expect("open");
    assert!(wait >= at(5_000) && wait <= at(7_500), "{wait:?}");
    assert!(!breaker.admit(wait.saturating_sub(at(1))));
    assert_eq!(breaker.state(wait), BreakerState::HalfOpen);
    assert!(breaker.is_available(wait) && breaker.admit(wait));
    assert!(!breaker.is_available(wait) && !breaker.admit(wait), "a second probe went");
    assert_eq!(breaker.record(wait, Verdict::Success), BreakerState::Closed);
    assert!(breaker.admit(wait) && breaker.admit(wait));
}

#[test]
fn failed_probes_double_the_wait_up_to_a_minute() {
    let breaker = breaker();
    trip(&breaker, at(0));
    let mut now = Duration::ZERO;
    for floor in [5, 10, 20, 40, 40, 40] {
        let wait = breaker.remaining(now).expect("open");
        assert!(wait >= Duration::from_secs(floor) && wait <= Duration::from_mins(1), "{wait:?} for {floor}");
        now += wait;
        assert!(breaker.admit(now));
        breaker.record(now, Verdict::Failure);
    }
}

#[test]
fn a_throttled_probe_fails_but_throttling_alone_opens_nothing() {
    let breaker = breaker();
    for _ in 0..50 {
        assert_eq!(breaker.record(at(0), Verdict::Throttled), BreakerState::Closed);
    }
    trip(&breaker, at(0));
    let until = breaker.remaining(at(0)).expect("open");
    assert!(breaker.admit(until));
    assert_eq!(breaker.record(until, Verdict::Throttled), BreakerState::Open);
}

#[test]
fn a_probe_without_a_verdict_makes_room_for_another() {
    let breaker = breaker();
    trip(&breaker, at(0));
    let until = breaker.remaining(at(0)).expect("open");
    assert!(breaker.admit(until));
    breaker.record(until, Verdict::Neutral);
    assert!(breaker.admit(until), "the probe was given back");
    assert!(!breaker.admit(until + at(59_999)));
    assert!(breaker.admit(until + at(60_000)), "the lost probe was given up");
}

#[test]
fn a_calm_minute_forgets_earlier_trips() {
    let breaker = breaker();
    trip(&breaker, at(0));
    let until = breaker.remaining(at(0)).expect("open");
    breaker.admit(until);
    breaker.record(until, Verdict::Success);
    trip(&breaker, until + at(61_000));
    let wait = breaker.remaining(until + at(61_000)).expect("open");
    assert!(wait <= at(7_500), "{wait:?}");
}

#[test]
fn a_success_that_fills_the_window_does_not_open_it() {
    let breaker = breaker();
    for verdict in [Verdict::Failure, Verdict::Failure, Verdict::Failure, Verdict::Success].into_iter().cycle().take(8)
    {
        breaker.record(at(0), verdict);
    }
    breaker.record(at(0), Verdict::Failure);
    assert_eq!(breaker.record(at(0), Verdict::Success), BreakerState::Closed);
    assert_eq!(breaker.record(at(0), Verdict::Failure), BreakerState::Open);
}

#[test]
fn state_names_are_those_of_the_metrics() {
    let names = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen].map(BreakerState::as_str);
    assert_eq!(names, ["closed", "open", "half_open"]);
}

#[derive(Clone, Debug)]
enum Event {
    Pass(u64),
    Record(Verdict),
    Admit,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0_u64..20_000).prop_map(Event::Pass),
        prop_oneof![Just(Verdict::Success), Just(Verdict::Failure), Just(Verdict::Throttled), Just(Verdict::Neutral)]
            .prop_map(Event::Record),
        Just(Event::Admit),
    ]
}

proptest! {
    #[test]
    fn laws_hold_on_every_path(seed: u64, events in prop::collection::vec(event(), 1..200)) {
        let breaker = Breaker::new(BreakerConfig::default(), seed);
        let mut now = Duration::ZERO;
        for event in events {
            match event {
                Event::Pass(millis) => now += at(millis),
                Event::Record(verdict) => {
                    let before = breaker.state(now);
                    let after = breaker.record(now, verdict);
                    // Only a failure, or a throttled probe, opens; only a success of a probe closes.
                    if after == BreakerState::Open && before != BreakerState::Open {
                        prop_assert!(verdict == Verdict::Failure || (verdict, before) == (Verdict::Throttled, BreakerState::HalfOpen));
                    }
                    if after == BreakerState::Closed && before != BreakerState::Closed {
                        prop_assert_eq!((verdict, before), (Verdict::Success, BreakerState::HalfOpen));
                    }
                }
                Event::Admit => {
                    let (expected, state) = (breaker.is_available(now), breaker.state(now));
                    prop_assert_eq!(breaker.admit(now), expected);
                    prop_assert!(state != BreakerState::Open || !expected);
                    prop_assert!(state != BreakerState::Closed || expected);
                    prop_assert!(state != BreakerState::HalfOpen || !breaker.admit(now), "two probes at once");
                }
            }
            // It never stays shut for longer than the longest wait or the lease of a probe.
            prop_assert!(breaker.remaining(now).is_none_or(|wait| wait <= Duration::from_mins(1)));
        }
    }
}
