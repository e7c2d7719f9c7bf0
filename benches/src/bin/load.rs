//! The load harness: starts mock, floor and gateway, drives them through the matrix, checks that nothing was lost, and
//! prints what the gateway costs.
//!
//! `cargo build --release && cargo run --release -p benches --bin load -- [--quick] [--passes 5] [--json FILE]`

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use benches::harness::matrix::{self, CELLS, Cell, Plan, Target, Way};
use benches::harness::process::{self, Process};
use benches::harness::report::Samples;
use benches::harness::signalbox::{Options, Signalbox};
use benches::harness::{floor, mock};
use clap::{Args, Parser, Subcommand};
use domain::{Outcome, RecordFilter};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Of the operator's own making, long enough to be taken.
const KEY: &str = "load-harness-key-0123456789abcdef0123456789";
const READY: Duration = Duration::from_secs(10);
/// Tells how much memory an idle server holds: after its start-up work is done.
const SETTLE: Duration = Duration::from_secs(1);

#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Args)]
struct RunArgs {
    /// The server; default: the `signalbox` beside this program.
    #[arg(long)]
    signalbox: Option<PathBuf>,
    /// Passes over the whole matrix; every second one runs backwards.
    #[arg(long, default_value_t = 5)]
    passes: usize,
    /// Measured seconds of each cell.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// One short pass: shows that all works, and only roughly how fast.
    #[arg(long)]
    quick: bool,
    /// Only the kinds of load whose name holds this: `100 KB`, `streams`.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Lets the scheduler place everything, instead of one core for the target and one for the rest.
    #[arg(long)]
    unpinned: bool,
    /// Writes every sample to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What this program is when it starts itself.
#[derive(Subcommand)]
enum Role {
    /// The upstream.
    #[command(hide = true)]
    Mock {
        #[arg(long)]
        pieces: u64,
        #[arg(long)]
        gap_micros: u64,
    },
    /// The bare pass-through.
    #[command(hide = true)]
    Floor {
        #[arg(long)]
        upstream: SocketAddr,
    },
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let listen = || -> Result<TcpListener> {
        process::end_with_parent();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        process::say_ready(listener.local_addr()?)?;
        Ok(listener)
    };
    match cli.role {
        Some(Role::Mock { pieces, gap_micros }) => {
            mock::serve(&listen()?, mock::Shape { pieces, gap: Duration::from_micros(gap_micros) })?;
        }
        Some(Role::Floor { upstream }) => floor::serve(listen()?, upstream)?,
        None => return run(&cli.run),
    }
    Ok(ExitCode::SUCCESS)
}

/// Which cores are used.
#[derive(Clone, Copy)]
struct Cores {
    target: Option<usize>,
    loader: Option<usize>,
}

impl Cores {
    fn choose(args: &RunArgs) -> Self {
        let enough = std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2);
        if args.unpinned || !enough || !process::pin_self(1) {
            eprintln!("note: nothing is pinned; figures of a target and of the loader disturb each other");
            return Self { target: None, loader: None };
        }
        Self { target: Some(0), loader: Some(1) }
    }
}

fn run(args: &RunArgs) -> Result<ExitCode> {
    let cores = Cores::choose(args);
    let shape = mock::Shape { pieces: 20, gap: Duration::from_millis(5) };
    let (mock, mock_address) = child(
        "mock",
        &["mock", "--pieces", &shape.pieces.to_string(), "--gap-micros", &shape.gap.as_micros().to_string()],
        cores.loader,
    )?;
    let (floor, floor_address) = child("floor", &["floor", "--upstream", &mock_address.to_string()], cores.target)?;
    let gateway = Signalbox::start(Options {
        program: args.signalbox.as_deref(),
        core: cores.target,
        config: Some(configuration(mock_address)),
        secrets: vec![("MOCK_KEY", "mock-secret".to_owned()), ("LOAD_KEY", KEY.to_owned())],
    })?;
    std::thread::sleep(SETTLE);
    let idle_mib = process::resident_mib(gateway.id());

    let targets = [
        Target { way: Way::Direct, address: mock_address, process: None },
        Target { way: Way::Floor, address: floor_address, process: Some(floor.id()) },
        Target { way: Way::Gateway, address: gateway.gateway, process: Some(gateway.id()) },
    ];
    let (passes, warm_up, measured) = if args.quick {
        (1, Duration::from_millis(150), Duration::from_millis(600))
    } else {
        (args.passes.max(1), Duration::from_millis(500), Duration::from_secs_f64(args.seconds))
    };
    let plan = Plan { warm_up, measured, key: KEY.to_owned(), shape, mock: mock_address, mock_process: mock.id() };
    let load_before = process::load_average();
    let samples = all_passes(passes, &args.only, &targets, &plan)?;
    let loaded_mib = process::resident_mib(gateway.id());
    let ready_ms = gateway.ready_ms;

    print!("{}", samples.tables());
    println!("load average before: {load_before:.2}");
    println!("gateway: ready after {ready_ms} ms; {idle_mib:.0} MiB idle, {loaded_mib:.0} MiB after the load");
    let rows = check_ledger(gateway, samples.sent(Way::Gateway))?;
    if let Some(file) = &args.json {
        let report = json!({"passes": samples.passes(), "ready_ms": ready_ms, "idle_mib": idle_mib,
            "loaded_mib": loaded_mib, "load_average_before": load_before, "pinned": cores.target.is_some(),
            "ledger": rows});
        std::fs::write(file, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let is_sound = samples.faults().is_empty() && rows.is_exact();
    println!("{}", if is_sound { "sound: no errors, nothing lost" } else { "UNSOUND: see above" });
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn child(name: &str, args: &[&str], core: Option<usize>) -> Result<(Process, SocketAddr)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args);
    let (process, ready) = Process::start(name, command, core, READY)?;
    let address = ready["address"].as_str().and_then(|address| address.parse().ok());
    Ok((process, address.with_context(|| format!("{name} does not say where it listens"))?))
}

fn configuration(mock: SocketAddr) -> String {
    format!(
        r#"[[providers]]
slug = "mock"
dialect = "openai"
base_url = "http://{mock}/v1"
allow_private_network = true
credentials = [{{ name = "main", secret_env = "MOCK_KEY" }}]

[[models]]
id = "mock/one"
native = "mock-1"
context_length = 1000000
pricing = {{ prompt = "0.0000001", completion = "0.0000004" }}
capability = 0.5

[[policies]]
name = "static"
default = true
models = ["mock/one"]
strategy = {{ type = "single", model = "mock/one" }}

[[keys]]
name = "load"
secret_env = "LOAD_KEY"
"#
    )
}

fn all_passes(passes: usize, only: &str, targets: &[Target], plan: &Plan) -> Result<Samples> {
    let cells: Vec<&Cell> = CELLS.iter().filter(|cell| cell.name.contains(only)).collect();
    ensure!(!cells.is_empty(), "no kind of load has `{only}` in its name: {}", CELLS.map(|cell| cell.name).join("; "));
    let mut samples = Samples::default();
    for pass in 0..passes {
        let mut order: Vec<_> =
            cells.iter().flat_map(|cell| targets.iter().map(move |target| (*cell, target))).collect();
        if pass % 2 == 1 {
            order.reverse();
        }
        let mut taken = Vec::with_capacity(order.len());
        for (cell, target) in order {
            taken.push(matrix::measure(cell, target, plan)?);
        }
        eprintln!("pass {} of {passes} done", pass + 1);
        samples.push(taken);
    }
    Ok(samples)
}

/// Requests and the rows they left.
#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Reconciled {
    requests: u64,
    rows: u64,
    priced: u64,
    completed: u64,
}

impl Reconciled {
    fn is_exact(&self) -> bool {
        self.rows == self.requests && self.priced == self.requests && self.completed == self.requests
    }
}

fn check_ledger(gateway: Signalbox, requests: u64) -> Result<Reconciled> {
    let left = gateway.stop()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rows = runtime.block_on(async {
        let totals = left.ledger.totals(&RecordFilter::default()).await?;
        let mut completed = 0;
        let mut filter = RecordFilter { after_sequence: Some(0), limit: 10_000, ..RecordFilter::default() };
        loop {
            let page = domain::RecordReader::list(&left.ledger, filter.clone()).await?;
            let Some(last) = page.last() else { break };
            filter.after_sequence = Some(last.sequence);
            completed += page.iter().filter(|row| row.finished.outcome == Outcome::Completed).count() as u64;
        }
        anyhow::Ok(Reconciled { requests, rows: totals.rows, priced: totals.priced_rows, completed })
    })?;
    let verdict = if rows.is_exact() { "exact" } else { "NOT EXACT" };
    println!(
        "ledger: {} requests, {} rows, {} priced, {} completed: {verdict}",
        rows.requests, rows.rows, rows.priced, rows.completed
    );
    Ok(rows)
}
