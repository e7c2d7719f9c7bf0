//! Routes real prompts through a running server with the demo provider and reconciles what the answers said with what
//! the ledger holds, to the last pico-dollar.
//!
//! `cargo build --release && cargo run --release -p benches --bin route_prompts -- [--data DIR] [--prompts 1000]`
//!
//! Half of the requests stream. Fails on any answer that is not complete and on any difference; where the prompts are
//! not there, it says so and ends well.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use benches::harness::http::{self, Wire};
use benches::harness::loader;
use benches::harness::signalbox::{LeftBehind, Options, Signalbox};
use clap::Parser;
use domain::{Money, Outcome, RecordFilter, RecordReader};
use hdrhistogram::Histogram;
use serde::Deserialize;
use serde_json::{Value, json};

const FILE: &str = "arena-hard-prompts.jsonl.zst";
/// Differences that are told in full.
const TOLD: usize = 10;

#[derive(Parser)]
struct Cli {
    /// The folder of the prompts.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/train"))]
    data: PathBuf,
    /// How many.
    #[arg(long, default_value_t = 1_000)]
    prompts: usize,
    /// How many at a time.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// The server; default: the `signalbox` beside this program.
    #[arg(long)]
    signalbox: Option<PathBuf>,
}

#[derive(Deserialize)]
struct PromptRow {
    prompt: String,
}

/// What an answer said of itself.
#[derive(Debug, PartialEq)]
struct Told {
    request: String,
    model: String,
    /// Why the decision was not the one that a score would have given.
    degraded: Option<String>,
    cost: Money,
    decision_ms: f64,
    total_ms: f64,
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let file = cli.data.join(FILE);
    if !file.is_file() {
        println!("skipped: there is no {FILE} in {} (name its folder with --data)", cli.data.display());
        return Ok(ExitCode::SUCCESS);
    }
    let prompts = read_prompts(&file, cli.prompts)?;
    let server = Signalbox::start(Options { program: cli.signalbox.as_deref(), ..Options::default() })?;
    let key = server.first_key.clone().context("the first start shows a key")?;

    let begin = Instant::now();
    let answers = route_all(&prompts, server.gateway, &key, cli.at_once.max(1));
    let seconds = begin.elapsed().as_secs_f64();
    let left = server.stop()?;

    let mut faults: Vec<String> = Vec::new();
    let mut told = Vec::with_capacity(answers.len());
    for (number, answer) in answers {
        match answer {
            Ok(answer) => told.push(answer),
            Err(fault) => faults.push(format!("prompt {number}: {fault:#}")),
        }
    }
    println!("{} prompts in {seconds:.1} s, {} complete answers", prompts.len(), told.len());
    print_shares(&told);
    print_degraded(&told);
    print_latencies(&told)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    faults.extend(runtime.block_on(reconcile(&told, prompts.len(), &left))?);
    for fault in faults.iter().take(TOLD) {
        println!("WRONG {fault}");
    }
    println!("{}", if faults.is_empty() { "all reconciled".to_owned() } else { format!("{} faults", faults.len()) });
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_prompts(file: &Path, count: usize) -> Result<Vec<String>> {
    let mut prompts = Vec::with_capacity(count);
    for row in datasets::rows::read::<PromptRow>(datasets::rows::open(file)?).take(count) {
        match row? {
            Ok((_, row)) => prompts.push(row.prompt),
            Err(fault) => bail!("{}: {fault}", file.display()),
        }
    }
    ensure!(prompts.len() == count, "{} holds {} prompts, {count} were asked for", file.display(), prompts.len());
    Ok(prompts)
}

fn route_all(prompts: &[String], gateway: SocketAddr, key: &str, at_once: usize) -> Vec<(usize, Result<Told>)> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..at_once)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    let mut caller = Caller { gateway, key, wire: None };
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(prompt) = prompts.get(number) else { return answers };
                        answers.push((number, caller.ask(prompt, number % 2 == 1)));
                    }
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap_or_default()).collect()
    })
}

struct Caller<'a> {
    gateway: SocketAddr,
    key: &'a str,
    wire: Option<Wire>,
}

impl Caller<'_> {
    fn ask(&mut self, prompt: &str, stream: bool) -> Result<Told> {
        let body = json!({"model": "auto", "stream": stream, "messages": [{"role": "user", "content": prompt}]});
        let request = http::post(self.gateway, http::CHAT, self.key, body.to_string().as_bytes());
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => loader::connect(self.gateway)?,
        };
        wire.send(&request)?;
        ensure!(wire.read_head()?, "the gateway closed instead of answering");
        let framing = wire.framing()?;
        let mut answer = Vec::new();
        wire.read_body(framing, &mut |piece| answer.extend_from_slice(piece))?;
        let text = String::from_utf8(answer).context("the answer is not UTF-8")?;
        ensure!(wire.status() == 200, "status {}: {text}", wire.status());
        let id = wire.header("x-request-id").context("no x-request-id")?.to_owned();
        let degraded = wire.header("x-routing-degraded").map(ToOwned::to_owned);
        self.wire = Some(wire);
        let told = if stream { read_stream(&text, id) } else { read_whole(&text, id) };
        Ok(Told { degraded, ..told? })
    }
}

fn read_whole(text: &str, request: String) -> Result<Told> {
    let answer: Value = serde_json::from_str(text)?;
    ensure!(answer["choices"][0]["finish_reason"].is_string(), "no finish_reason");
    ensure!(!text_of(&answer["choices"][0]["message"]).is_empty(), "no text");
    told(request, &answer["model"], &answer["routing"])
}

fn read_stream(text: &str, request: String) -> Result<Told> {
    let mut data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    ensure!(data.next_back() == Some("[DONE]"), "the stream does not end with [DONE]");
    let (mut model, mut routing, mut is_finished, mut content) = (Value::Null, Value::Null, false, 0);
    for event in data {
        let event: Value = serde_json::from_str(event)?;
        is_finished |= event["choices"][0]["finish_reason"].is_string();
        content += text_of(&event["choices"][0]["delta"]).len();
        if event["routing"]["cost_usd"].is_string() {
            routing = event["routing"].clone();
        }
        model = event["model"].clone();
    }
    ensure!(is_finished, "no finish_reason");
    ensure!(content > 0, "no text");
    told(request, &model, &routing)
}

fn text_of(message: &Value) -> &str {
    message["content"].as_str().unwrap_or_default()
}

fn told(request: String, model: &Value, routing: &Value) -> Result<Told> {
    Ok(Told {
        request,
        model: model.as_str().context("no model")?.to_owned(),
        degraded: None,
        cost: Money::parse(routing["cost_usd"].as_str().context("no routing.cost_usd")?)?,
        decision_ms: routing["latency_ms"]["decision"].as_f64().context("no routing.latency_ms.decision")?,
        total_ms: routing["latency_ms"]["total"].as_f64().context("no routing.latency_ms.total")?,
    })
}

fn print_shares(told: &[Told]) {
    let mut shares: BTreeMap<&str, (usize, Money)> = BTreeMap::new();
    for answer in told {
        let share = shares.entry(&answer.model).or_default();
        share.0 += 1;
        share.1 += answer.cost;
    }
    for (model, (count, cost)) in shares {
        println!("  {model:<16}{count:>6}  {:>5.1} %  {cost} USD", 100.0 * count as f64 / told.len() as f64);
    }
}

/// Decisions without a score are worth knowing, but no fault: the server promises them within its deadline.
fn print_degraded(told: &[Told]) {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in told.iter().filter_map(|answer| answer.degraded.as_deref()) {
        *reasons.entry(reason).or_default() += 1;
    }
    println!("  decided without a score: {reasons:?}");
}

fn print_latencies(told: &[Told]) -> Result<()> {
    type Figure = fn(&Told) -> f64;
    let figures: [(&str, Figure); 2] = [("decision", |it| it.decision_ms), ("total", |it| it.total_ms)];
    for (name, figure) in figures {
        let mut seen = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)?;
        for answer in told {
            seen.saturating_record((figure(answer) * 1e3) as u64);
        }
        let millis = |quantile| seen.value_at_quantile(quantile) as f64 / 1e3;
        let (p50, p90, p99, max) = (millis(0.5), millis(0.9), millis(0.99), millis(1.0));
        println!("  {name} latency: p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, max {max:.2} ms");
    }
    Ok(())
}

/// Compares what was told with the rows: how many, the sums, and each request by itself.
async fn reconcile(told: &[Told], requests: usize, left: &LeftBehind) -> Result<Vec<String>> {
    let totals = left.ledger.totals(&RecordFilter::default()).await?;
    let mut rows = BTreeMap::new();
    let mut filter = RecordFilter { after_sequence: Some(0), limit: 1_000, ..RecordFilter::default() };
    loop {
        let page = left.ledger.list(filter.clone()).await?;
        let Some(last) = page.last() else { break };
        filter.after_sequence = Some(last.sequence);
        rows.extend(page.into_iter().map(|row| (row.finished.started.id.to_string(), row.finished)));
    }
    let mut faults = Vec::new();
    let mut expect = |what: &str, ours: String, theirs: String| {
        println!("  {what}: {ours} told, {theirs} in the ledger");
        if ours != theirs {
            faults.push(format!("{what}: {ours} told, {theirs} in the ledger"));
        }
    };
    let sum: Money = told.iter().map(|answer| answer.cost).sum();
    let row_sum: Money = rows.values().filter_map(|row| row.cost).sum();
    expect("requests", requests.to_string(), totals.rows.to_string());
    expect("distinct requests", requests.to_string(), rows.len().to_string());
    expect("cost (USD), totals", sum.to_string(), totals.cost.to_string());
    expect("cost (USD), sum of rows", sum.to_string(), row_sum.to_string());
    for answer in told {
        let Some(row) = rows.get(&answer.request) else {
            faults.push(format!("{} has no row", answer.request));
            continue;
        };
        let model = row.model.as_ref().map(ToString::to_string);
        if row.outcome != Outcome::Completed || row.cost != Some(answer.cost) || model.as_ref() != Some(&answer.model) {
            faults.push(format!("{answer:?} has the row {:?} {:?} {model:?}", row.outcome, row.cost));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSING: &str = r#""routing":{"cost_usd":"0.5","latency_ms":{"decision":1.5,"upstream":1.0,"total":3.0}}"#;

    fn stream(end: &str) -> String {
        format!(
            "data: {{\"model\":\"demo/small\",\"choices\":[{{\"delta\":{{\"content\":\"hi\"}}}}]}}\n\n\
             data: {{\"model\":\"demo/small\",\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}],{CLOSING}}}\n\n{end}"
        )
    }

    #[test]
    fn complete_stream_is_read() {
        let told = read_stream(&stream("data: [DONE]\n\n"), "req".to_owned()).expect("complete");
        let cost = Money::parse("0.5").expect("an amount");
        let expected = Told {
            request: "req".to_owned(),
            model: "demo/small".to_owned(),
            degraded: None,
            cost,
            decision_ms: 1.5,
            total_ms: 3.0,
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn stream_without_its_end_is_a_fault() {
        assert!(read_stream(&stream(""), "req".to_owned()).is_err());
    }

    #[test]
    fn answer_without_finish_reason_is_a_fault() {
        let text = format!(r#"{{"model":"demo/small","choices":[{{"message":{{"content":"hi"}}}}],{CLOSING}}}"#);
        assert!(read_whole(&text, "req".to_owned()).is_err());
    }
}
