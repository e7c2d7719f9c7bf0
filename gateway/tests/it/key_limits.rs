//! Limits and budgets of keys, over sockets: who is let in, what is told, and what is given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Budget, BudgetMode, BudgetPeriod, Clock, Limits, Money, SecretText, Timestamp};
use gateway::{SharedLimits, SystemClock};

use crate::redis_server::RedisServer;
use crate::stack::{KEY, KeyLimits, NARROW, Setup, TestStack, ask, ask_for_stream};
use crate::upstream::{ANSWER, Act, Upstream, begun, good_stream, role, whole, word};
use crate::wire::{Response, get, post};

/// A clock that a test moves on, both of its times.
#[derive(Default)]
pub(crate) struct MovedClock {
    system: SystemClock,
    seconds: AtomicU64,
}

impl MovedClock {
    pub(crate) fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.system.wall().0 + i64::try_from(self.seconds.load(Ordering::SeqCst)).unwrap() * 1_000_000)
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic() + Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }
}

fn limited(upstream: &Upstream, key_limits: KeyLimits) -> TestStack {
    TestStack::start(Setup { upstreams: vec![upstream.address], key_limits, ..Setup::default() })
}

fn with(key: Limits) -> KeyLimits {
    KeyLimits { key, ..KeyLimits::default() }
}

fn requests(count: u64) -> Limits {
    Limits { requests_per_minute: Some(count), ..Limits::default() }
}

/// An answer of [`ANSWER`] reads 10 tokens and writes 5, at 10^-6 and 4 × 10^-6 USD.
const COST: i128 = 30_000_000;

fn budget(amount: i128, mode: BudgetMode) -> Budget {
    Budget { amount: Money::from_pico(amount), period: BudgetPeriod::Month, mode }
}

#[track_caller]
fn assert_limited(response: &Response) -> u64 {
    response.assert_error(429, "rate_limit_error", "rate_limit_exceeded");
    response.header("retry-after").expect("when to come again").parse().unwrap()
}

#[test]
fn exactly_as_many_pass_at_once_as_the_limit_allows() {
    let upstream = Upstream::good();
    let stack = limited(&upstream, with(requests(17)));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| (0..8).map(|_| stack.chat(&ask("")).status).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let count = |status: u16| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(200), count(429)), (17, 47));
    assert_eq!(upstream.calls(), 17);
    // Whoever was refused has left a record that says so.
    stack.wait_until_idle();
    let refused = stack.records().into_iter().filter(|row| row.finished.status == 429);
    assert!(refused.map(|row| row.finished.error).all(|error| error.as_deref() == Some("rate_limit_exceeded")));
}

#[test]
fn retry_after_lets_exactly_the_next_one_in() {
    let upstream = Upstream::good();
    let clock = Arc::new(MovedClock::default());
    let limits = Limits { total_tokens_per_hour: Some(60), ..Limits::default() };
    let stack = TestStack::start(Setup {
        upstreams: vec![upstream.address],
        key_limits: with(limits),
        clock: clock.clone(),
        ..Setup::default()
    });
    // Each reserves its input and 20 of output, and takes 15 in the end.
    let body = ask(r#","max_tokens":20"#);
    let mut passed = 0;
    let refused = loop {
        assert!(passed < 10, "nothing stops it");
        let response = stack.chat(&body);
        if response.status != 200 {
            break response;
        }
        passed += 1;
    };
    assert!((1..=3).contains(&passed), "{passed}");
    let wait = assert_limited(&refused);
    assert!((3_500..=3_660).contains(&wait), "{wait}");
    clock.pass(wait - 2);
    assert_limited(&stack.chat(&body));
    clock.pass(2);
    assert_eq!(stack.chat(&body).status, 200);
}

#[test]
fn every_answer_says_how_the_limits_stand() {
    let plain = || vec![Act::Send(whole("200 OK", "", ANSWER))];
    let upstream = Upstream::start(vec![plain(), good_stream(), plain()]);
    let limits = Limits {
        total_tokens_per_hour: Some(1_000),
        input_tokens_per_hour: Some(500),
        output_tokens_per_hour: Some(600),
        requests_per_minute: Some(2),
        concurrent_requests: Some(9),
    };
    let stack = limited(&upstream, with(limits));
    let first = stack.chat(&ask(r#","max_tokens":100"#));
    let header = |response: &Response, name: &str| response.header(&format!("x-ratelimit-{name}")).unwrap().to_owned();
    let number = |response: &Response, name: &str| header(response, name).parse::<u64>().unwrap();
    assert_eq!(first.status, 200);
    assert_eq!((number(&first, "limit-tokens"), number(&first, "limit-requests")), (1_000, 2));
    assert_eq!((number(&first, "limit-input-tokens"), number(&first, "limit-output-tokens")), (500, 600));
    assert_eq!((number(&first, "remaining-requests"), number(&first, "remaining-output-tokens")), (1, 500));
    assert_eq!(number(&first, "remaining-tokens"), number(&first, "remaining-input-tokens") + 400);
    assert!(header(&first, "reset-requests").ends_with('s'));
    let second = stack.chat(&ask_for_stream(r#","max_tokens":100"#));
    // The first has settled at 5 tokens of output.
    assert_eq!((number(&second, "remaining-requests"), number(&second, "remaining-output-tokens")), (0, 495));
    let third = stack.chat(&ask(r#","max_tokens":100"#));
    assert_limited(&third);
    assert_eq!((number(&third, "remaining-requests"), number(&third, "remaining-output-tokens")), (0, 590));
    // Keys without limits are told nothing of limits.
    let other = stack.send(&post("/v1/chat/completions", NARROW, &ask("")));
    assert_eq!((other.status, other.header("x-ratelimit-limit-requests")), (200, None));
}

#[test]
fn users_of_a_key_are_limited_each_by_themselves() {
    let upstream = Upstream::good();
    let stack = limited(&upstream, KeyLimits { per_user: requests(1), ..KeyLimits::default() });
    let status = |user: &str| stack.chat(&ask(&format!(r#","user":"{user}""#))).status;
    assert_eq!([status("ann"), status("ann"), status("bob"), status("bob")], [200, 429, 200, 429]);
    assert_eq!([stack.chat(&ask("")).status, stack.chat(&ask("")).status], [200, 200]);
}

#[test]
fn a_place_is_given_back_when_a_request_ends_however_it_ends() {
    let upstream = Upstream::start(vec![
        begun(&[&role(), &word("Paris")], Act::Hold),
        vec![Act::Reset],
        vec![Act::Send(whole("500 Internal Server Error", "", "{}"))],
        vec![Act::Send(whole("200 OK", "", ANSWER))],
    ]);
    let limits = Limits { concurrent_requests: Some(1), total_tokens_per_hour: Some(200), ..Limits::default() };
    let stack = limited(&upstream, with(limits));
    let body = |stream: &str| ask(&format!(r#","max_tokens":100{stream}"#));
    let mut call = stack.begin(&body(r#","stream":true"#));
    assert_eq!(call.head().map(|head| head.status), Some(200));
    call.until("Paris");
    assert_eq!(assert_limited(&stack.chat(&body(""))), 1);
    drop(call);
    stack.wait_until_idle();
    // What these had reserved would not fit twice: a failure gives it back.
    assert_eq!(stack.chat(&body("")).status, 502);
    assert_eq!(stack.chat(&body("")).status, 502);
    assert_eq!(stack.chat(&body("")).status, 200);
}

#[test]
fn a_request_larger_than_its_limit_is_told_not_to_come_again() {
    let upstream = Upstream::good();
    let stack = limited(&upstream, with(Limits { output_tokens_per_hour: Some(50), ..Limits::default() }));
    let refused = stack.chat(&ask(r#","max_tokens":51"#));
    refused.assert_error(429, "rate_limit_error", "rate_limit_exceeded");
    assert_eq!((refused.header("retry-after"), refused.header("x-should-retry")), (None, Some("false")));
    assert_eq!(upstream.calls(), 0);
}

#[test]
fn a_spent_hard_budget_is_402_at_each_scope() {
    let spent = Some(budget(COST, BudgetMode::Hard));
    let scopes = [
        ("key", KeyLimits { key_budget: spent, ..KeyLimits::default() }),
        ("project", KeyLimits { project_budget: spent, ..KeyLimits::default() }),
        ("organisation", KeyLimits { organisation_budget: spent, ..KeyLimits::default() }),
    ];
    for (scope, key_limits) in scopes {
        let upstream = Upstream::good();
        let stack = limited(&upstream, key_limits);
        assert_eq!(stack.chat(&ask("")).status, 200, "{scope}");
        let refused = stack.chat(&ask(""));
        refused.assert_error(402, "budget_exceeded", "budget_exceeded");
        assert_eq!(refused.header("x-should-retry"), Some("false"));
        assert!(refused.body.contains(scope), "{}", refused.body);
        assert_eq!(upstream.calls(), 1, "{scope}");
    }
}

#[test]
fn parallel_requests_overshoot_a_budget_by_less_than_one_estimate() {
    let upstream = Upstream::acting(vec![Act::Gate, Act::Send(whole("200 OK", "", ANSWER))]);
    // Each may cost its input and 4,000 tokens of output: over 16 thousandths of a cent.
    let amount = 40_000_000_000;
    let stack =
        limited(&upstream, KeyLimits { key_budget: Some(budget(amount, BudgetMode::Hard)), ..KeyLimits::default() });
    let body = ask(r#","max_tokens":4000"#);
    let calls: Vec<_> = (0..3).map(|_| stack.begin(&body)).collect();
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while upstream.calls() < 3 {
        assert!(std::time::Instant::now() < until, "three fit");
        std::thread::yield_now();
    }
    // Two had room below the amount, the third was the one that may overshoot.
    stack.chat(&body).assert_error(402, "budget_exceeded", "budget_exceeded");
    upstream.open_gate();
    for mut call in calls {
        assert_eq!(call.answer().status, 200);
    }
    stack.wait_until_idle();
    assert_eq!(stack.chat(&body).status, 200, "what was not spent is free again");
}

#[test]
fn a_soft_budget_refuses_nobody() {
    let upstream = Upstream::good();
    let stack = limited(&upstream, KeyLimits { key_budget: Some(budget(1, BudgetMode::Soft)), ..KeyLimits::default() });
    assert_eq!([stack.chat(&ask("")).status, stack.chat(&ask("")).status], [200, 200]);
}

#[test]
fn limits_and_budgets_survive_a_restart() {
    let upstream = Upstream::good();
    let key_limits = KeyLimits {
        key: Limits { total_tokens_per_hour: Some(60), ..Limits::default() },
        organisation_budget: Some(budget(3 * COST, BudgetMode::Hard)),
        ..KeyLimits::default()
    };
    let mut stack = limited(&upstream, key_limits);
    let body = ask(r#","max_tokens":5"#);
    assert_eq!([stack.chat(&body).status, stack.chat(&body).status], [200, 200]);
    stack.wait_until_idle();
    stack.restart();
    let key = stack.send(&get("/v1/key", KEY)).json();
    assert_eq!(key["usage"]["total_tokens"], 30);
    assert_eq!(key["budgets"][0]["spent_usd"], Money::from_pico(2 * COST).to_string());
    assert_eq!(stack.chat(&body).status, 200);
    stack.chat(&body).assert_error(402, "budget_exceeded", "budget_exceeded");
}

#[test]
fn a_key_sees_its_own_limits_usage_and_budgets() {
    let upstream = Upstream::good();
    let key_limits = KeyLimits {
        key: Limits { total_tokens_per_hour: Some(100_000), ..Limits::default() },
        per_user: requests(5),
        key_budget: Some(budget(1_000_000_000_000, BudgetMode::Soft)),
        ..KeyLimits::default()
    };
    let stack = limited(&upstream, key_limits);
    assert_eq!(stack.chat(&ask("")).status, 200);
    stack.wait_until_idle();
    let seen = stack.send(&get("/v1/key", KEY)).json();
    assert_eq!((&seen["object"], &seen["name"]), (&"key".into(), &"key 1".into()));
    assert_eq!(seen["limits"], serde_json::json!({"total_tokens_per_hour": 100_000}));
    assert_eq!(seen["per_user"], serde_json::json!({"requests_per_minute": 5}));
    let usage = serde_json::json!({"total_tokens": 15, "input_tokens": 10, "output_tokens": 5, "requests": 1, "concurrent_requests": 0});
    assert_eq!(seen["usage"], usage);
    let budget = &seen["budgets"][0];
    assert_eq!((&budget["scope"], &budget["mode"]), (&"key".into(), &"soft".into()));
    assert_eq!((&budget["amount_usd"], &budget["spent_usd"]), (&"1".into(), &"0.00003".into()));
    assert_eq!(&budget["reserved_usd"], "0");
    assert!(
        budget["resets_at"]
            .as_str()
            .is_some_and(|at| at.ends_with("-01T00:00:00.000Z") || at.ends_with("-01T00:00:00Z")),
        "{budget}"
    );
    // Without limits usage is counted all the same.
    assert_eq!(stack.send(&get("/v1/key", NARROW)).json()["usage"]["requests"], 0);
    assert_eq!(stack.send(&get("/v1/key", "no-such-key-of-anybody-0000000000")).status, 401);
}

/// Limits that are counted in the server behind a socket, with time enough for a busy machine.
fn shared_at(server: &RedisServer) -> SharedLimits {
    // How many there are is told: those that start last may be seen too late.
    let (replicas, wait) = (Some(3), Duration::from_secs(2));
    SharedLimits { replicas, wait, ..SharedLimits::at(SecretText::new(server.url())) }
}

#[test]
fn gateways_share_limits_and_go_on_without_the_store() {
    let Some(mut server) = RedisServer::start() else { return };
    let upstream = Upstream::good();
    let start = |key_limits: KeyLimits| {
        let upstreams = vec![upstream.address];
        TestStack::start(Setup { upstreams, key_limits, shared_limits: Some(shared_at(&server)), ..Setup::default() })
    };
    let stacks = [start(with(requests(12))), start(with(requests(12)))];
    let capped = start(KeyLimits { key_budget: Some(budget(10 * COST, BudgetMode::Hard)), ..KeyLimits::default() });
    for stack in stacks.iter().chain([&capped]) {
        wait_for("it connects", || stack.send(&get("/v1/key", KEY)).status == 200);
    }
    let mut statuses: Vec<u16> = (0..16).map(|number| stacks[number % 2].chat(&ask("")).status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200; 12], vec![429; 4]].concat());
    assert_eq!(capped.chat(&ask("")).status, 200);
    assert_eq!(capped.send(&get("/v1/key", KEY)).json()["budgets"][0]["spent_usd"], Money::from_pico(COST).to_string());

    server.kill();
    wait_for("the budget is not known", || capped.chat(&ask("")).status == 503);
    let unknown = capped.chat(&ask(""));
    unknown.assert_error(503, "overloaded_error", "limits_unavailable");
    assert_eq!(unknown.header("x-routing-degraded"), Some("limits"));
    // Both had used up what is their share. The first who is refused may be faster than the news that the store is away.
    wait_for("it is said", || {
        let refused = stacks[0].chat(&ask(""));
        assert_limited(&refused);
        refused.header("x-routing-degraded") == Some("limits")
    });

    server.begin();
    wait_for("it comes back", || capped.chat(&ask("")).status == 200);
}

#[test]
fn a_store_is_reached_over_tls_with_the_authorities_of_providers() {
    let Some(server) = RedisServer::start_secured() else { return };
    let upstream = Upstream::good();
    let start = || {
        let address = SharedLimits::at(SecretText::new(server.secured_url()));
        TestStack::start(Setup {
            upstreams: vec![upstream.address],
            key_limits: KeyLimits { key_budget: Some(budget(10 * COST, BudgetMode::Hard)), ..KeyLimits::default() },
            shared_limits: Some(SharedLimits { wait: Duration::from_secs(2), ..address }),
            extra_ca: Some(server.certificate()),
            ..Setup::default()
        })
    };
    // Over the store what a second gateway spends is known to the first.
    let stacks = [start(), start()];
    for stack in &stacks {
        wait_for("it connects", || stack.chat(&ask("")).status == 200);
    }
    let spent = || stacks[0].send(&get("/v1/key", KEY)).json()["budgets"][0]["spent_usd"].clone();
    wait_for("both are counted", || spent() == Money::from_pico(2 * COST).to_string());
}

#[track_caller]
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + Duration::from_secs(15);
    while !is_so() {
        assert!(std::time::Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}
