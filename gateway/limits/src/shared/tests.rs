//! Several gateways over one real server: what they share, what they do without it, and how it comes back.

pub(crate) mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::{BudgetMode, Limits, Money, OrganisationId, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use server::{PATIENCE, RedisServer};

use super::SharedConfig;
use crate::demand::{Cap, Demand, Spender};
use crate::limiter::{Limiter, Reservation};
use crate::model::{Event, Naive, at, cap, consumed, demand, events, limits, spending};
use crate::refusal::{LimitKind, Refusal, Refused};

/// TLS with those whom a certificate vouches for, or nobody.
pub(crate) fn trusting(certificate: Option<PathBuf>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(certificate.map(|file| CertificateDer::from_pem_file(file).unwrap()));
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn config(server: &RedisServer, replica: &str) -> SharedConfig {
    SharedConfig {
        url: server.url(),
        tls: trusting(None),
        replica: replica.to_owned(),
        replicas: None,
        wait: Duration::from_secs(5),
        lives: Duration::from_mins(10),
    }
}

/// Runs a story over a server, if there is one.
fn over_a_server<F: Future<Output = ()>>(story: impl FnOnce(RedisServer) -> F) {
    let Some(server) = RedisServer::start() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story(server));
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        tokio::task::yield_now().await;
    }
}

async fn gateway(config: SharedConfig) -> Arc<Limiter> {
    let limiter = Arc::new(Limiter::shared(config, Timestamp(1)).unwrap());
    until("it connects", || limiter.is_whole()).await;
    limiter
}

/// Reserves; what is not loaded is loaded with nothing spent.
async fn reserve(limiter: &Arc<Limiter>, seconds: u64, ask: &Demand) -> Result<Reservation, Refusal> {
    match limiter.reserve(at(seconds), ask).await {
        Err(Refusal::Unloaded(unloaded)) => {
            for what in &unloaded {
                limiter.load(at(seconds).wall, &ask.organisation, what, Money::ZERO).await?;
            }
            limiter.reserve(at(seconds), ask).await
        }
        other => other,
    }
}

#[track_caller]
fn refused(result: Result<Reservation, Refusal>) -> Refused {
    match result {
        Err(Refusal::Limit(refused, _)) => refused,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was let in"),
    }
}

fn organisation_cap(amount: i128, mode: BudgetMode) -> Cap {
    cap(Spender::Organisation(OrganisationId::from_random([1; 20])), amount, mode)
}

#[test]
fn two_gateways_never_overshoot_together() {
    over_a_server(|server| async move {
        let gateways = [gateway(config(&server, "a")).await, gateway(config(&server, "b")).await];
        let limits = Limits {
            total_tokens_per_hour: Some(6_000),
            requests_per_minute: Some(350),
            concurrent_requests: Some(7),
            ..Limits::default()
        };
        let ask = spending(demand(limits, 10, 20), &[organisation_cap(1_500, BudgetMode::Hard)], 10);
        let counts: Arc<[AtomicU64; 4]> = Arc::default();
        let mut tasks = Vec::new();
        for number in 0..8_usize {
            let (limiter, ask, counts) = (gateways[number % 2].clone(), ask.clone(), counts.clone());
            tasks.push(tokio::spawn(async move {
                let [let_in, running, most, tried] = &*counts;
                for round in 0..100 {
                    tried.fetch_add(1, Ordering::SeqCst);
                    let Ok(held) = reserve(&limiter, 0, &ask).await else { continue };
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    if (number + round) % 5 == 0 {
                        drop(held);
                    } else {
                        let_in.fetch_add(1, Ordering::SeqCst);
                        held.settle(at(0), consumed(10, 20, 10));
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let [let_in, _, most, tried] = &*counts;
        let (usage, budgets) = gateways[0].look(at(0), &ask).await.unwrap();
        let (usage_of_b, _) = gateways[1].look(at(0), &ask).await.unwrap();
        let count = let_in.load(Ordering::SeqCst);
        assert_eq!(tried.load(Ordering::SeqCst), 800);
        assert_eq!((usage.input_tokens, usage.output_tokens), (10 * count, 20 * count));
        assert_eq!((usage.running, usage_of_b.input_tokens), (0, usage.input_tokens));
        assert_eq!(budgets[0].spent, Money::from_pico(10 * i128::from(count)));
        assert_eq!(budgets[0].reserved, Money::ZERO);
        assert!(30 * count <= 6_000 && usage.requests <= 350 && budgets[0].spent <= Money::from_pico(1_510));
        assert!(most.load(Ordering::SeqCst) <= 7);
        assert!(reserve(&gateways[0], 0, &ask).await.is_err(), "something stopped them");
    });
}

#[test]
fn the_wait_named_lets_the_request_in_and_not_before() {
    over_a_server(|server| async move {
        let limiter = gateway(config(&server, "a")).await;
        let start: u64 = 1_795_000_000_000_000;
        let limits = Limits { output_tokens_per_hour: Some(50), ..Limits::default() };
        let ask = demand(limits, 5, 20);
        for seconds in [0, 90] {
            limiter.set_shared_time(start + seconds * 1_000_000);
            reserve(&limiter, seconds, &ask)
                .await
                .unwrap_or_else(|it| panic!("{it:?}"))
                .settle(at(0), consumed(5, 20, 0));
        }
        let found = refused(reserve(&limiter, 100, &ask).await);
        assert_eq!((found.limit, found.allowed), (LimitKind::OutputTokens, 50));
        let wait = u64::try_from(found.retry_after.unwrap().as_micros()).unwrap();
        limiter.set_shared_time(start + 90_000_000 + wait - 1);
        refused(reserve(&limiter, 100, &ask).await);
        limiter.set_shared_time(start + 90_000_000 + wait);
        assert!(reserve(&limiter, 100, &ask).await.is_ok());
    });
}

#[test]
fn it_lets_in_exactly_what_a_list_of_events_would() {
    over_a_server(|server| async move {
        // In the list nothing is given back by itself.
        let lives = Duration::from_secs(10_000_000);
        let limiter = gateway(SharedConfig { lives, ..config(&server, "a") }).await;
        let next = AtomicU64::new(0);
        let cases = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
        let handle = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            TestRunner::new(cases)
                .run(&(events(), limits()), |(events, limits)| {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let mut random = [0; 20];
                    // A character of an id has 36 values.
                    random[..4].copy_from_slice(&[0, 1, 2, 3].map(|place| (number / 36_u64.pow(place) % 36) as u8));
                    let key = domain::KeyId::from_random(random);
                    handle.block_on(follow(&limiter, &key, limits, events))
                })
                .unwrap();
        })
        .await
        .unwrap();
    });
}

/// Does what events say, and compares.
async fn follow(
    limiter: &Arc<Limiter>,
    key: &domain::KeyId,
    limits: Limits,
    events: Vec<Event>,
) -> Result<(), TestCaseError> {
    // A whole minute, so that slots begin where the model's do.
    let start: u64 = 29_900_000 * 60_000_000;
    let (mut naive, mut open, mut now) = (Naive::default(), Vec::new(), 0);
    for event in events {
        limiter.set_shared_time(start + now * 1_000_000);
        match event {
            Event::Pass { seconds } => now += seconds,
            Event::Ask { input, output } => {
                let ask = Demand { key: key.clone(), ..demand(limits, input, output) };
                // Nothing that is unlimited is asked about.
                let expected = naive.lets_in(now, &limits, input, output);
                let found = limiter.reserve(at(now), &ask).await;
                prop_assert_eq!(found.is_ok(), expected);
                if let Ok(held) = found {
                    open.push(held);
                    naive.open.push((input, output));
                    naive.asked.push(now);
                }
            }
            Event::Consume { which, input, output } if !open.is_empty() => {
                let which = which % open.len();
                open.swap_remove(which).settle(at(now), consumed(input, output, 0));
                naive.open.swap_remove(which);
                naive.consumed.push((now, input, output));
            }
            Event::Release { which } if !open.is_empty() => {
                let which = which % open.len();
                drop(open.swap_remove(which));
                naive.open.swap_remove(which);
            }
            Event::Consume { .. } | Event::Release { .. } => {}
        }
    }
    Ok(())
}

#[test]
fn without_the_server_each_gateway_has_its_share_and_hard_budgets_refuse() {
    over_a_server(|mut server| async move {
        let quick = |name: &str| SharedConfig { wait: Duration::from_millis(500), ..config(&server, name) };
        let gateways = [gateway(quick("a")).await, gateway(quick("b")).await];
        let limits = Limits { requests_per_minute: Some(10), total_tokens_per_hour: Some(10_000), ..Limits::default() };
        let ask = demand(limits, 10, 20);
        let capped = spending(demand(limits, 10, 20), &[organisation_cap(1_000_000, BudgetMode::Hard)], 10);
        let warned = spending(demand(limits, 10, 20), &[organisation_cap(1, BudgetMode::Soft)], 10);
        // Both know of each other.
        for gateway in &gateways {
            let shared = gateway.shared_store().unwrap();
            until("it sees both", || shared.replicas() == 2).await;
        }
        let before = reserve(&gateways[0], 0, &ask).await.unwrap_or_else(|it| panic!("{it:?}"));
        server.kill();
        until("it notices", || gateways.iter().all(|it| !it.is_whole())).await;
        before.settle(at(0), consumed(10, 20, 10));
        assert!(matches!(reserve(&gateways[0], 0, &capped).await, Err(Refusal::Unavailable)));
        assert!(reserve(&gateways[0], 0, &warned).await.is_ok());
        // Half of ten each, and the first had two of its own already.
        let mut let_in = [0, 0];
        for (gateway, count) in gateways.iter().zip(&mut let_in) {
            while let Ok(held) = reserve(gateway, 0, &ask).await {
                assert!(held.is_degraded);
                held.settle(at(0), consumed(10, 20, 10));
                *count += 1;
            }
        }
        assert_eq!(let_in, [3, 5]);
        server.begin();
        until("they come back", || gateways.iter().all(|it| it.is_whole())).await;
        // What was consumed without the server is known to it now: nine that were billed, of both.
        let (usage, _) = gateways[1].look(at(0), &ask).await.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.running), (90, 180, 0));
        let held = reserve(&gateways[0], 0, &capped).await.unwrap_or_else(|it| panic!("{it:?}"));
        assert!(!held.is_degraded);
    });
}

#[test]
fn what_a_dead_gateway_held_is_given_back_when_its_time_is_up() {
    over_a_server(|server| async move {
        let start: u64 = 1_795_000_000_000_000;
        let dying = gateway(config(&server, "a")).await;
        let other = gateway(config(&server, "b")).await;
        let limits = Limits { concurrent_requests: Some(1), total_tokens_per_hour: Some(100), ..Limits::default() };
        let ask = spending(demand(limits, 30, 30), &[organisation_cap(10, BudgetMode::Hard)], 10);
        dying.set_shared_time(start);
        let held = reserve(&dying, 0, &ask).await.unwrap_or_else(|it| panic!("{it:?}"));
        // It never settles.
        std::mem::forget(held);
        other.set_shared_time(start + 599_000_000);
        assert!(reserve(&other, 599, &ask).await.is_err());
        other.set_shared_time(start + 601_000_000);
        assert!(reserve(&other, 601, &ask).await.is_ok());
    });
}

#[test]
fn what_a_gateway_had_spent_is_told_once_and_by_each() {
    over_a_server(|server| async move {
        let ask = spending(demand(Limits::default(), 1, 1), &[organisation_cap(1_000, BudgetMode::Hard)], 10);
        for (name, spent, total) in [("a", 300, 300), ("b", 200, 500), ("a", 999, 500)] {
            let limiter = gateway(config(&server, name)).await;
            if let Err(Refusal::Unloaded(what)) = limiter.look(at(0), &ask).await {
                limiter.load(at(0).wall, &ask.organisation, &what[0], Money::from_pico(spent)).await.unwrap();
            }
            let (_, budgets) = limiter.look(at(0), &ask).await.unwrap();
            assert_eq!(budgets[0].spent, Money::from_pico(total), "{name}");
        }
    });
}

#[test]
fn a_budget_is_not_less_spent_after_the_server_has_lost_it() {
    over_a_server(|mut server| async move {
        let ask = spending(demand(Limits::default(), 1, 1), &[organisation_cap(700, BudgetMode::Hard)], 10);
        let gateways = [gateway(config(&server, "a")).await, gateway(config(&server, "b")).await];
        let told = async |gateway: &Arc<Limiter>, spent| {
            if let Err(Refusal::Unloaded(what)) = gateway.look(at(0), &ask).await {
                gateway.load(at(0).wall, &ask.organisation, &what[0], Money::from_pico(spent)).await.unwrap();
            }
            gateway.look(at(0), &ask).await.unwrap().1[0].spent.pico()
        };
        assert_eq!((told(&gateways[0], 300).await, told(&gateways[1], 390).await), (300, 690));
        assert_eq!(told(&gateways[0], 0).await, 690, "it sees what both have spent");
        server.kill();
        until("they notice", || gateways.iter().all(|it| !it.is_whole())).await;
        server.begin();
        until("they come back", || gateways.iter().all(|it| it.is_whole())).await;
        assert_eq!(told(&gateways[0], 300).await, 690, "the other has said nothing yet");
        let held = reserve(&gateways[0], 0, &ask).await.unwrap_or_else(|it| panic!("{it:?}"));
        held.settle(at(0), consumed(1, 1, 10));
        until("it has arrived", || !gateways[0].is_settling()).await;
        assert!(matches!(reserve(&gateways[0], 0, &ask).await, Err(Refusal::Budget(..))));
        assert_eq!(told(&gateways[1], 390).await, 700, "nothing counts twice");
    });
}

#[test]
fn a_settlement_that_is_sent_twice_counts_once() {
    over_a_server(|server| async move {
        let limiter = gateway(config(&server, "a")).await;
        let ask = demand(Limits { total_tokens_per_hour: Some(100), ..Limits::default() }, 10, 10);
        let shared = limiter.shared_store().unwrap();
        let Ok((hold, answer)) = shared.reserve(at(0).wall, &ask, true).await else { panic!("it is there") };
        assert!(answer.admitted);
        let again = super::SharedHold(hold.0.clone());
        shared.settle(hold, Some(consumed(7, 8, 0)));
        shared.settle(again, Some(consumed(7, 8, 0)));
        until("both have arrived", || !limiter.is_settling()).await;
        let (usage, _) = limiter.look(at(0), &ask).await.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.running), (7, 8, 0));
    });
}

#[test]
fn an_address_with_a_password_is_never_shown() {
    let config = SharedConfig {
        url: "redis://:canary-password@127.0.0.1:1/0".to_owned(),
        tls: trusting(None),
        replica: "a".to_owned(),
        replicas: None,
        wait: Duration::from_millis(1),
        lives: Duration::from_secs(1),
    };
    assert!(!format!("{config:?}").contains("canary"));
    let wrong = SharedConfig { url: "nonsense://:canary-password@host".to_owned(), ..config };
    let Err(fault) = Limiter::shared(wrong, Timestamp(1)) else { panic!("that is no address") };
    assert!(!format!("{fault} {fault:?}").contains("canary"));
}
