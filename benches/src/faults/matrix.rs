//! The fault matrix, row by row: what was expected, what was seen, in each dialect of callers and with each of upstreams.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use domain::Finished;
use ledger::LedgerReader;
use tokio::task::JoinSet;

use crate::faults::caller::{Call, Seen};
use crate::faults::judge::{self, Expect, Wrongs};
use crate::faults::play::{self, Fault, Scene};
use crate::faults::random::Random;
use crate::faults::rows::{Chain, ELSEWHERE, OF_OTHERS, ROWS, Row};
use crate::faults::speech::Speech;
use crate::faults::upstream::{self, Marker};
use crate::faults::world::{self, KEY, PATIENCE, Question, Setup, World};
use crate::faults::{cancels, corpus, reloads};

/// Cells that are tried at once.
const AT_ONCE: usize = 6;
/// An upstream's connection is let go within this when its request is over.
const LET_GO: Duration = Duration::from_secs(5);
const DOWN_MODELS: usize = 4;

/// How much is done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Chooses places and forms.
    pub seed: u64,
    /// Times each cell is tried.
    pub trials: usize,
    /// Only this row.
    pub row: Option<u8>,
    /// Leaves out what takes its time.
    pub quick: bool,
}

/// A row in one dialect, one way.
#[derive(Clone, Copy, Debug)]
struct Cell {
    place: usize,
    row: Row,
    speech: Speech,
    stream: bool,
}

/// Prints a line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// Row of the matrix.
    pub number: u8,
    /// What was done.
    pub what: String,
    /// By whom.
    pub who: String,
    /// What should have come.
    pub expected: String,
    /// What came, each once.
    pub seen: Vec<String>,
    /// How often it was tried.
    pub trials: usize,
    /// What went wrong.
    pub wrongs: Vec<String>,
}

impl Line {
    /// A line of one trial: what was seen, or what was wrong.
    pub fn one(number: u8, what: &str, speech: Speech, expected: &str, result: Result<String, String>) -> Self {
        let (seen, wrongs) = match result {
            Ok(seen) => (seen, Vec::new()),
            Err(wrong) => (wrong.clone(), vec![wrong]),
        };
        let (what, who) = (what.to_owned(), speech.slug().to_owned());
        Self { number, what, who, expected: expected.to_owned(), seen: vec![seen], trials: 1, wrongs }
    }

    fn print(&self, out: &mut String) {
        let ok = if self.wrongs.is_empty() { "ok" } else { "WRONG" };
        let seen = self.seen.join(" / ");
        let _ = writeln!(
            out,
            "{:>3}  {:<26} {:<18} {:<18} {:<24} {:>6}  {ok}",
            self.number, self.what, self.who, self.expected, seen, self.trials
        );
    }
}

/// Runs it, prints the table, and returns what is wrong.
///
/// # Errors
/// When the world does not start, or the ledger cannot be read.
pub async fn run(plan: &Plan, mut setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    let cells = cells(plan);
    setup.models = (cells.len() * plan.trials).max(8);
    setup.lockable = 2 * Speech::ALL.len() * plan.trials;
    if plan.row.is_some_and(|row| row != 13) {
        setup.lockable = 1;
    }
    let world = Arc::new(World::start(&setup).await?);
    let ledger = Arc::new(world.product.ledger()?);
    let mut lines = try_all(&world, &ledger, plan, &cells).await?;
    // Before a key is revoked: a file that names a revoked key is refused.
    lines.extend(reloads::lines(&world, &ledger, plan).await?);
    lines.extend(cancels::lines(&world, &ledger, plan).await?);
    lines.extend(corpus::lines(&world, plan).await?);
    lines.sort_by_key(|line| line.number);
    let mut text =
        format!("{:>3}  {:<26} {:<18} {:<18} {:<24} {:>6}\n", "row", "fault", "caller", "expected", "seen", "trials");
    let mut wrongs = Wrongs::default();
    for line in &lines {
        line.print(&mut text);
        for wrong in &line.wrongs {
            wrongs.note(&format!("row {} {} {}", line.number, line.what, line.who), wrong);
        }
    }
    print(&text);
    print(&without_lines(plan, &lines));
    aftermath(&world, &ledger, &mut wrongs).await?;
    Ok(wrongs)
}

/// Says of each row that has no line why.
fn without_lines(plan: &Plan, lines: &[Line]) -> String {
    let mut text = String::new();
    let is_wanted = |number: &u8| plan.row.is_none_or(|row| row == *number);
    for (rows, place) in ELSEWHERE {
        let rows: Vec<_> = rows.iter().filter(|row| is_wanted(row)).map(u8::to_string).collect();
        if !rows.is_empty() {
            let _ = writeln!(text, "row {}: {place}", rows.join(", "));
        }
    }
    let has_line = |number: &u8| lines.iter().any(|line| line.number == *number);
    for number in OF_OTHERS.iter().filter(|number| is_wanted(number) && !has_line(number)) {
        let _ = writeln!(text, "row {number}: left out of quick runs");
    }
    text
}

fn cells(plan: &Plan) -> Vec<Cell> {
    let rows = ROWS.iter().filter(|row| plan.row.is_none_or(|number| row.number == number));
    let mut cells = Vec::new();
    for row in rows {
        for speech in Speech::ALL {
            for stream in row.modes.each() {
                cells.push(Cell { place: cells.len(), row: *row, speech, stream: *stream });
            }
        }
    }
    cells
}

async fn try_all(world: &Arc<World>, ledger: &Arc<LedgerReader>, plan: &Plan, cells: &[Cell]) -> Result<Vec<Line>> {
    let (mut running, mut lines) = (JoinSet::new(), Vec::new());
    for cell in cells.iter().copied() {
        if running.len() >= AT_ONCE
            && let Some(line) = running.join_next().await
        {
            lines.push(line??);
        }
        let (world, ledger, plan) = (world.clone(), ledger.clone(), plan.clone());
        running.spawn(async move { try_cell(&world, &ledger, &plan, cell).await });
    }
    while let Some(line) = running.join_next().await {
        lines.push(line??);
    }
    // Both ways of a dialect stand together.
    lines.sort_by(|one, other| (one.number, &one.what, &one.who).cmp(&(other.number, &other.what, &other.who)));
    Ok(lines)
}

async fn try_cell(world: &World, ledger: &LedgerReader, plan: &Plan, cell: Cell) -> Result<Line> {
    let backed = if cell.row.chain == Chain::Backed { "" } else { ", alone" };
    let mut line = Line {
        number: cell.row.number,
        what: format!("{}{backed}", cell.row.fault.name()),
        who: format!("{}{}", cell.speech.slug(), if cell.stream { " stream" } else { "" }),
        expected: cell.row.expect.words(),
        seen: Vec::new(),
        trials: 0,
        wrongs: Vec::new(),
    };
    for turn in 0..trials_of(plan, cell) {
        let place = cell.place * plan.trials + turn % plan.trials;
        let other = Speech::ALL[(cell.speech as usize + turn) % Speech::ALL.len()];
        let (seen, checked) = try_once(world, ledger, plan, cell, other, (place, turn)).await?;
        let seen = judge::in_short(&seen, cell.speech);
        if !line.seen.contains(&seen) {
            line.seen.push(seen);
        }
        line.trials += 1;
        if let Err(wrong) = checked {
            line.wrongs.push(format!("upstream {}: {wrong}", other.slug()));
        }
    }
    Ok(line)
}

/// Splits are tried at many places, or at each.
fn trials_of(plan: &Plan, cell: Cell) -> usize {
    match (cell.row.fault, plan.quick) {
        (Fault::Split, true) => plan.trials * 8,
        (Fault::Split, false) => plan.trials * 200,
        _ => plan.trials,
    }
}

/// One request to a fresh model of an upstream's dialect.
async fn try_once(
    world: &World,
    ledger: &LedgerReader,
    plan: &Plan,
    cell: Cell,
    other: Speech,
    (place, turn): (usize, usize),
) -> Result<(Seen, Result<(), String>)> {
    let trial = world.next_trial();
    let fault = cell.row.fault;
    let seed = if fault == Fault::Split {
        split_place(other, cell.stream, plan.seed, turn)
    } else {
        Random::of(plan.seed, (cell.place * 1_000 + turn) as u64).number()
    };
    let first = match fault {
        Fault::Unreachable => world::down(other, place % DOWN_MODELS),
        Fault::Status401 => {
            world::lockable(other, (cell.speech as usize * 2 + usize::from(cell.stream)) * plan.trials + turn)
        }
        _ => world::bad(other, place),
    };
    let mut models = vec![first.clone()];
    if cell.row.chain == Chain::Backed {
        models.push(world::good(cell.speech));
    }
    let marker = Marker { trial, fault, seed };
    let question = Question { speech: cell.speech, stream: cell.stream, marker, models };
    let seen = match fault {
        // On the connection, and so on the thread, on which the upstream's connection is kept.
        Fault::Stale | Fault::CloseIdle => ask_twice(world, &question).await?,
        _ => world.ask(&question).await,
    };
    let mut checked = cell.row.expect.compare(&seen, cell.speech, cell.stream);
    if checked.is_ok() {
        checked = hints(cell.row, &seen);
    }
    let is_over = world.upstream.is_over(trial, LET_GO).await;
    let row = judge::row(ledger, seen.header("x-request-id").unwrap_or_default()).await?;
    let checked = checked
        .and_then(|()| if is_over { Ok(()) } else { Err("the upstream's connection is still busy".to_owned()) })
        .and_then(|()| row.and_then(|row| check_row(cell, &first, trial, &row)));
    Ok((seen, checked))
}

/// A good request first, so that there is a connection to be broken.
async fn ask_twice(world: &World, question: &Question) -> Result<Seen> {
    let before = Marker { trial: world.next_trial(), ..question.marker };
    let before = Question { marker: before, ..question.clone() };
    let mut call = Call::open(world.product.gateway).await?;
    call.send(&before.bytes(KEY)).await;
    let first = call.answer(PATIENCE).await;
    if first.status != 200 {
        return Ok(first);
    }
    call.send(&question.bytes(KEY)).await;
    Ok(call.answer(PATIENCE).await)
}

/// Cuts go through the whole answer, evenly.
fn split_place(speech: Speech, stream: bool, seed: u64, turn: usize) -> u64 {
    let scene = Scene { speech, stream, model: "m".to_owned(), spent: upstream::spent(seed, true), seed: 0 };
    let step = 37;
    (seed + (turn * step) as u64) % play::places(&scene).max(1) as u64
}

/// What the answer says to clients that repeat by themselves.
fn hints(row: Row, seen: &Seen) -> Result<(), String> {
    let wait = seen.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    match (row.fault, row.expect) {
        (Fault::RateLimited, Expect::Error(429)) if !matches!(wait, Some(5..=7)) => {
            Err(format!("Retry-After {wait:?} for 7 s"))
        }
        (Fault::RateLimitedDate, Expect::Error(429)) if !matches!(wait, Some(1..=120)) => {
            Err(format!("Retry-After {wait:?} for a far date"))
        }
        (_, Expect::Error(502 | 504)) if seen.header("x-should-retry") != Some("false") => {
            Err(format!("x-should-retry is {:?}", seen.header("x-should-retry")))
        }
        _ => Ok(()),
    }
}

fn check_row(cell: Cell, first: &str, trial: u64, row: &Finished) -> Result<(), String> {
    let expected = cell.row.expect.outcome();
    if row.outcome != expected {
        return Err(format!("the row says {:?}", row.outcome));
    }
    let served = row.model.as_ref().map(ToString::to_string).unwrap_or_default();
    match cell.row.expect {
        Expect::Answer if cell.row.fault == Fault::NoUsage => {
            let usage = row.usage.unwrap_or_default();
            let is_counted = usage.estimated && usage.prompt_tokens > 0 && usage.completion_tokens > 0;
            if is_counted { Ok(()) } else { Err(format!("usage {usage:?}")) }
        }
        Expect::Answer if served == first => judge::row_is_of_answer(row, trial, true),
        Expect::FailOver if served == world::good(cell.speech) => judge::row_is_of_answer(row, trial, false),
        Expect::Broken if served == first => match row.usage {
            Some(usage) if usage.completion_tokens > 0 => Ok(()),
            usage => Err(format!("usage {usage:?} of what was delivered")),
        },
        Expect::Error(status) if row.status == status => Ok(()),
        Expect::Answer | Expect::FailOver | Expect::Broken | Expect::Error(_) => {
            Err(format!("the row says {served} and {}", row.status))
        }
    }
}

/// When all is over: one row a request, nothing counted that was not asked, the process alive.
async fn aftermath(world: &World, ledger: &LedgerReader, wrongs: &mut Wrongs) -> Result<()> {
    if !world.product.is_alive() {
        wrongs.note("the process", "has ended");
        return Ok(());
    }
    let metrics = world.product.metrics().await?;
    let value = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
    if value("signalbox_panics_total") > 0.0 {
        wrongs.note("panics", value("signalbox_panics_total").to_string());
    }
    let counted = value("signalbox_requests_total") as u64;
    let rows = judge::wait_for_rows(ledger, counted).await?;
    if rows != counted {
        wrongs.note("requests counted", format!("{counted} for {rows} rows"));
    }
    Ok(())
}
