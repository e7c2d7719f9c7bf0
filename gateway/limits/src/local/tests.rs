//! The counts of one process against a list of events, and under threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::BudgetMode;
use proptest::prelude::*;

use super::*;
use crate::demand::User;
use crate::model::{Event, Naive, at, cap, consumed, demand, events, limits, spending};
use crate::refusal::LimitKind;

/// Loads nothing spent for what has not been loaded.
fn load_all(local: &Local, now: Now, demand: &Demand) {
    for Cap { spender, budget } in &demand.caps {
        let since = period_start(budget.period, now.wall);
        let what = Unloaded { spender: spender.clone(), period: budget.period, since };
        local.load(&demand.organisation, &what, Money::ZERO);
    }
}

#[track_caller]
fn refused(result: Result<(Taken, Status), Refusal>) -> Refused {
    match result {
        Err(Refusal::Limit(refused, _)) => refused,
        other => panic!("{other:?}"),
    }
}

fn tokens_per_hour(limit: u64) -> Limits {
    Limits { total_tokens_per_hour: Some(limit), ..Limits::default() }
}

#[test]
fn reservations_count_until_they_are_replaced_by_what_was_consumed() {
    let local = Local::default();
    let ask = demand(tokens_per_hour(100), 40, 20);
    let (first, status) = local.reserve(at(0), &ask).unwrap();
    assert_eq!(status.tokens.map(|it| (it.limit, it.remaining)), Some((100, 40)));
    assert_eq!(refused(local.reserve(at(0), &ask)).retry_after, Some(Duration::from_secs(1)));
    local.settle(&first, Some((at(1), consumed(10, 10, 0))));
    let (second, status) = local.reserve(at(2), &ask).unwrap();
    assert_eq!(status.tokens.map(|it| it.remaining), Some(20));
    local.settle(&second, None);
    let used = local.usage(at(3).monotonic, &ask.key, None);
    assert_eq!((used.input_tokens, used.output_tokens, used.running, used.requests), (10, 10, 0, 2));
}

#[test]
fn the_wait_named_lets_the_request_in_and_not_before() {
    let local = Local::default();
    let limits = Limits { output_tokens_per_hour: Some(50), requests_per_minute: Some(3), ..Limits::default() };
    let ask = demand(limits, 5, 20);
    for second in [0, 30] {
        let (taken, _) = local.reserve(at(second), &ask).unwrap();
        local.settle(&taken, Some((at(second), consumed(5, 20, 0))));
    }
    let found = refused(local.reserve(at(100), &ask));
    assert_eq!((found.limit, found.allowed, found.per_user), (LimitKind::OutputTokens, 50, false));
    let wait = found.retry_after.unwrap();
    let later = |wait: Duration| Now { monotonic: at(100).monotonic + wait, ..at(100) };
    refused(local.reserve(later(wait.checked_sub(Duration::from_micros(1)).unwrap()), &ask));
    let (taken, _) = local.reserve(later(wait), &ask).unwrap();
    local.settle(&taken, None);
}

#[test]
fn a_request_larger_than_a_limit_is_refused_for_good() {
    let local = Local::default();
    assert_eq!(refused(local.reserve(at(0), &demand(tokens_per_hour(100), 90, 20))).retry_after, None);
    let none = Limits { requests_per_minute: Some(0), ..Limits::default() };
    assert_eq!(refused(local.reserve(at(0), &demand(none, 1, 1))).retry_after, None);
}

#[test]
fn users_of_a_key_are_limited_each_by_themselves_and_all_by_the_key() {
    let local = Local::default();
    let of = |user: u8| {
        let limits = Limits { requests_per_minute: Some(2), ..Limits::default() };
        let user = Some(User { digest: UserDigest([user; 16]), limits });
        Demand { user, ..demand(Limits { requests_per_minute: Some(3), ..Limits::default() }, 1, 1) }
    };
    let taken: Vec<_> = [1, 1].map(|user| local.reserve(at(0), &of(user)).unwrap().0).into();
    assert!(refused(local.reserve(at(0), &of(1))).per_user);
    let third = local.reserve(at(0), &of(2)).unwrap().0;
    assert!(!refused(local.reserve(at(0), &of(2))).per_user);
    taken.iter().chain([&third]).for_each(|it| drop(local.settle(it, None)));
    assert_eq!(local.usage(at(0).monotonic, &of(1).key, Some(UserDigest([1; 16]))).requests, 2);
}

#[test]
fn a_refusal_takes_nothing_anywhere() {
    let local = Local::default();
    let key = KeyId::from_random([2; 20]);
    let caps = [cap(Spender::Key(key.clone()), 0, BudgetMode::Hard)];
    let broke = spending(demand(tokens_per_hour(100), 1, 1), &caps, 5);
    load_all(&local, at(0), &broke);
    assert!(matches!(local.reserve(at(0), &broke), Err(Refusal::Budget(..))));
    assert_eq!(local.usage(at(0).monotonic, &key, None), Usage::default());
    // And the other way round: a limit that refuses leaves the budget alone.
    let caps = [cap(Spender::Organisation(broke.organisation.clone()), 10, BudgetMode::Hard)];
    let large = spending(demand(tokens_per_hour(1), 1, 1), &caps, 5);
    load_all(&local, at(0), &large);
    refused(local.reserve(at(0), &large));
    let budgets = local.budgets(at(0).wall, &large.organisation, &caps).unwrap();
    assert_eq!((budgets[0].spent, budgets[0].reserved), (Money::ZERO, Money::ZERO));
}

#[test]
fn a_budget_says_what_it_must_know_first_and_begins_anew_with_its_period() {
    let local = Local::default();
    let caps = [cap(Spender::Key(KeyId::from_random([2; 20])), 100, BudgetMode::Hard)];
    let ask = spending(demand(Limits::default(), 1, 1), &caps, 10);
    let Err(Refusal::Unloaded(what)) = local.reserve(at(0), &ask) else { panic!("it knows nothing yet") };
    assert_eq!(what[0].since, period_start(BudgetPeriod::Day, at(0).wall));
    local.load(&ask.organisation, &what[0], Money::from_pico(100));
    let Err(Refusal::Budget(spent, _)) = local.reserve(at(0), &ask) else { panic!("it is spent") };
    assert_eq!(spent.until, period_end(BudgetPeriod::Day, at(0).wall));
    assert!(local.reserve(at(86_400), &ask).is_ok());
}

#[test]
fn a_soft_budget_lets_requests_in_and_tells_once() {
    let local = Local::default();
    let caps = [cap(Spender::Key(KeyId::from_random([2; 20])), 10, BudgetMode::Soft)];
    let ask = spending(demand(Limits::default(), 1, 1), &caps, 6);
    load_all(&local, at(0), &ask);
    let alerts: Vec<usize> = (0..4)
        .map(|_| local.settle(&local.reserve(at(0), &ask).unwrap().0, Some((at(0), consumed(1, 1, 6)))).len())
        .collect();
    assert_eq!(alerts, [0, 1, 0, 0]);
}

#[test]
fn what_a_key_consumed_before_the_start_counts() {
    let local = Local::default();
    let ask = demand(tokens_per_hour(100), 10, 10);
    local.restore(at(0).monotonic, &ask.key, Duration::from_mins(30), Tokens { input: 60, output: 30 });
    let wait = refused(local.reserve(at(0), &ask)).retry_after.unwrap();
    assert!(wait > Duration::from_mins(29) && wait <= Duration::from_mins(31), "{wait:?}");
}

#[test]
fn users_without_end_are_forgotten_and_keys_and_what_runs_are_not() {
    let local = Local::with_room(64);
    let limits = Limits { requests_per_minute: Some(1_000), ..Limits::default() };
    let of = |user: u32| {
        let mut digest = [0; 16];
        digest[..4].copy_from_slice(&user.to_be_bytes());
        Demand { user: Some(User { digest: UserDigest(digest), limits }), ..demand(limits, 1, 1) }
    };
    let (running, _) = local.reserve(at(0), &of(0)).unwrap();
    for user in 1..500 {
        let (taken, _) = local.reserve(at(1), &of(user)).unwrap();
        local.settle(&taken, Some((at(1), consumed(1, 1, 0))));
    }
    let key = of(0).key;
    assert!(local.counters_of(&key).len() <= 65);
    assert_eq!(local.usage(at(1).monotonic, &key, None).requests, 500);
    assert_eq!(local.usage(at(1).monotonic, &key, of(0).user.map(|it| it.digest)).running, 1);
    local.settle(&running, None);
}

#[test]
fn threads_never_take_more_than_the_limits_and_one_request_more_than_the_budget() {
    let local = Arc::new(Local::default());
    let limits = Limits {
        total_tokens_per_hour: Some(5_000),
        requests_per_minute: Some(400),
        concurrent_requests: Some(6),
        ..Limits::default()
    };
    let caps = [cap(Spender::Organisation(OrganisationId::from_random([1; 20])), 1_500, BudgetMode::Hard)];
    let ask = spending(demand(limits, 10, 20), &caps, 10);
    load_all(&local, at(0), &ask);
    let (let_in, running, most, spent) = <(AtomicU64, AtomicU64, AtomicU64, AtomicU64)>::default();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (local, ask, let_in, running, most, spent) = (&local, &ask, &let_in, &running, &most, &spent);
            scope.spawn(move || {
                for round in 0..500 {
                    let Ok((taken, _)) = local.reserve(at(0), ask) else { continue };
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    if (thread + round) % 5 == 0 {
                        local.settle(&taken, None);
                        continue;
                    }
                    let_in.fetch_add(1, Ordering::SeqCst);
                    spent.fetch_add(10, Ordering::SeqCst);
                    local.settle(&taken, Some((at(0), consumed(10, 20, 10))));
                }
            });
        }
    });
    let used = local.usage(at(0).monotonic, &ask.key, None);
    assert_eq!(used.input_tokens + used.output_tokens, 30 * let_in.load(Ordering::SeqCst));
    assert!(used.input_tokens + used.output_tokens <= 5_000 && used.requests <= 400 && used.running == 0);
    assert!(most.load(Ordering::SeqCst) <= 6);
    assert!(spent.load(Ordering::SeqCst) <= 1_510);
    // One of them stopped it, or nothing was tried.
    assert!(local.reserve(at(0), &ask).is_err());
}

proptest! {
    #[test]
    fn it_lets_in_exactly_what_a_list_of_events_would(events in events(), limits in limits()) {
        let (local, mut naive, mut open, mut now) = (Local::default(), Naive::default(), Vec::new(), 0);
        for event in events {
            match event {
                Event::Pass { seconds } => now += seconds,
                Event::Ask { input, output } => {
                    let expected = naive.lets_in(now, &limits, input, output);
                    let found = local.reserve(at(now), &demand(limits, input, output));
                    prop_assert_eq!(found.is_ok(), expected);
                    if let Ok((taken, _)) = found {
                        open.push(taken);
                        naive.open.push((input, output));
                        naive.asked.push(now);
                    }
                }
                Event::Consume { which, input, output } if !open.is_empty() => {
                    let which = which % open.len();
                    local.settle(&open.swap_remove(which), Some((at(now), consumed(input, output, 0))));
                    naive.open.swap_remove(which);
                    naive.consumed.push((now, input, output));
                }
                Event::Release { which } if !open.is_empty() => {
                    let which = which % open.len();
                    local.settle(&open.swap_remove(which), None);
                    naive.open.swap_remove(which);
                }
                Event::Consume { .. } | Event::Release { .. } => {}
            }
        }
    }
}
