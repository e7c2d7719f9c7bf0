//! Measures the ledger: nanoseconds per start and end on the hot path, and rows per second into the database.
//!
//! `cargo run --release -p ledger --example append_rate -- [requests] [threads] [candidates]`

#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![allow(clippy::unwrap_used, reason = "a measurement may stop at the first surprise")]

use std::time::{Duration, Instant};

use domain::clock::Timestamp;
use domain::decision::{AttemptOutcome, CandidateRecord};
use domain::{
    Arguments, Attempt, Axis, CapabilityTag, Decision, Facts, Features, Finished, Health, KeyId, ModelId, Money,
    OrganisationId, Outcome, OutputTokens, PolicyId, RecordFilter, RequestId, Route, Score, Scored, SnapshotVersion,
    Started, Surface, Usage,
};
use ledger::{Durability, Ledger, LedgerOptions};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let requests = numbers.first().copied().unwrap_or(100_000);
    let threads = numbers.get(1).copied().unwrap_or(1).max(1);
    let candidates = numbers.get(2).copied().unwrap_or(3);

    // Nothing is drained meanwhile, so that the two figures do not mix.
    let held = LedgerOptions { flush_interval: Duration::from_hours(1), ..LedgerOptions::default() };
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), held).unwrap();
    let took = append(&ledger, requests, threads, candidates);
    let per_request = took.as_nanos() * u128::from(threads) / u128::from(requests);
    println!(
        "append, {threads} threads: {per_request} ns per start and end, {} bytes",
        ledger.stats().spool_bytes / requests
    );
    let (begin, cpu_before) = (Instant::now(), cpu_seconds());
    wait(&ledger);
    let cpu = (cpu_seconds() - cpu_before) * 1e6 / requests as f64;
    println!("drain alone: {:.0} rows/s, {cpu:.1} us of CPU per row", requests as f64 / begin.elapsed().as_secs_f64());
    let size = std::fs::metadata(dir.path().join("ledger.sqlite")).unwrap().len();
    println!("database: {} bytes per row", size / requests);
    drop(ledger);

    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), LedgerOptions::default()).unwrap();
    let begin = Instant::now();
    append(&ledger, requests, threads, candidates);
    wait(&ledger);
    println!("append and drain together: {:.0} rows/s", requests as f64 / begin.elapsed().as_secs_f64());
    drop(ledger);

    let dir = tempfile::tempdir().unwrap();
    let strict = LedgerOptions { durability: Durability::Strict, ..LedgerOptions::default() };
    let ledger = Ledger::open(dir.path(), strict).unwrap();
    let few = (requests / 100).max(threads);
    let took = append(&ledger, few, threads, candidates);
    println!("strict, {threads} threads: {} us per request", took.as_micros() * u128::from(threads) / u128::from(few));
}

/// Starts and ends requests on several threads and returns how long it took.
fn append(ledger: &Ledger, requests: u64, threads: u64, candidates: u64) -> Duration {
    let each = requests / threads;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut request = sample(candidates);
                for number in 0..each {
                    request.started.id = RequestId::from_parts(1_700_000_000_000 + number, u128::from(thread));
                    ledger.start(&request.started).unwrap();
                    ledger.finish(&request).unwrap();
                }
            });
        }
    });
    begin.elapsed()
}

/// CPU time of all threads so far, in hundredths of a second as Linux counts it; 0 elsewhere.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Waits until all rows are in the database and proves it.
fn wait(ledger: &Ledger) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let totals = runtime.block_on(async {
        ledger.flush(Duration::from_mins(10)).await.unwrap();
        ledger.totals(&RecordFilter::default()).await.unwrap()
    });
    assert_eq!(totals.rows * 2, ledger.stats().appended);
}

fn sample(candidates: u64) -> Finished {
    let model = |number: u64| ModelId::parse(&format!("openrouter/vendor/model-{number}")).unwrap();
    Finished {
        started: Started {
            id: RequestId::from_value(0),
            at: Timestamp(1_700_000_000_000_000),
            organisation: OrganisationId::from_random([1; 20]),
            key: KeyId::from_random([1; 20]),
            project: None,
            requested_model: Some("support".to_owned()),
            stream: true,
            user: None,
            endpoint: Surface::Chat,
        },
        outcome: Outcome::Completed,
        status: 200,
        model: Some(model(0)),
        served_model: Some("model-0-2026-01-01".to_owned()),
        served_mismatch: false,
        queue_micros: Some(20),
        overhead_micros: Some(120),
        tags: Vec::new(),
        loss: Vec::new(),
        policy: Some(PolicyId::from_random([1; 20])),
        usage: Some(Usage { prompt_tokens: 200, completion_tokens: 100, ..Usage::default() }),
        cost: Some(Money::from_pico(123_456_789)),
        saved: Some(Money::from_pico(23_456_789)),
        total_micros: 1_234_567,
        first_token_micros: Some(345_678),
        decision_micros: Some(1_234),
        upstream_micros: Some(1_200_000),
        attempts: vec![Attempt {
            status: Some(200),
            millis: Some(1_200.25),
            ..Attempt::new(model(0), AttemptOutcome::Ok)
        }],
        decision: Some(Decision {
            policy: Some("support".to_owned()),
            policy_id: Some(PolicyId::from_random([1; 20])),
            router: None,
            rule: None,
            strategy: "intelligent".to_owned(),
            axis: Some(Axis::Performance),
            complexity: Some(0.373_737),
            adjusted: Some(0.373_737),
            difficulty: None,
            calibration: None,
            capabilities: CapabilityTag::ALL.map(|tag| (tag, 0.123_456_789)).to_vec(),
            selected_model: model(0),
            candidates: (0..candidates)
                .map(|number| CandidateRecord {
                    model: model(number),
                    position: Some(0.123_456),
                    score: Some(0.654_321),
                    expected_cost_usd: Some(Money::from_pico(123_456_789)),
                    why: None,
                })
                .collect(),
            removed: Vec::new(),
            weights: None,
            weights_boosted: None,
            degraded: None,
            scorer: Some("scorer-1".into()),
            truncated: false,
            snapshot: SnapshotVersion { epoch: 1, revision: 42 },
            seed: RequestId::from_value(0),
            capability_source: Some("explicit".to_owned()),
            most_capable_cost_usd: Some(Money::from_pico(987_654_321)),
            most_capable_model: Some(model(1)),
            explicit_order: false,
            instructions: None,
            affinity: None,
            reason: "complexity 0.37 asks for a medium model; the cheapest that reaches it was chosen".to_owned(),
        }),
        arguments: Some(Box::new(Arguments {
            route: Route::Policy(PolicyId::from_random([1; 20])),
            facts: Facts {
                features: Features { input_tokens: 200, turns: 1, ..Features::default() },
                requested_model: Some("support".to_owned()),
                ..Facts::default()
            },
            scoring: Scored::Known(Score {
                complexity: 0.373_737,
                difficulty: -0.123_456,
                capabilities: CapabilityTag::ALL.map(|tag| (tag, 0.123_456_789)).to_vec(),
                expected_output_tokens: OutputTokens { p50: 180, p90: 600 },
                uncertainty: 0.05,
                truncated: false,
                micros: 900,
                version: "scorer-1".into(),
            }),
            health: Health::default(),
            previous: None,
            now: Timestamp(1_700_000_000_000_000),
        })),
        error: None,
    }
}
