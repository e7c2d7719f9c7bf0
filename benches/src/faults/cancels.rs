//! Callers that leave, read too slowly, or lose their key: how soon the upstream is rid of them, and what their rows say.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::{Outcome, RecordReader};
use hdrhistogram::Histogram;
use ledger::LedgerReader;

use crate::faults::caller::{Call, End};
use crate::faults::judge::Wrongs;
use crate::faults::matrix::{Line, Plan};
use crate::faults::play::Fault;
use crate::faults::product::rows_after;
use crate::faults::speech::Speech;
use crate::faults::upstream::{Entry, Marker};
use crate::faults::world::{self, KEY, PATIENCE, Question, SPARE_KEY, Setup, World};

/// An upstream should be rid of a caller within this, on a machine that does nothing else.
const PROMPT: Duration = Duration::from_millis(50);
/// What a caller that reads nothing may have waiting for it: the buffers of four sockets, and ours.
const BACKLOG: usize = 32 << 20;
const REVOKED_WITHIN: Duration = Duration::from_secs(3);

/// When a caller leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// While the upstream says nothing.
    Queued,
    /// After the upstream's head.
    BeforeContent,
    /// After content.
    Mid,
}

impl Window {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Queued, Self::BeforeContent, Self::Mid];

    /// In the words of tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "waiting for the head",
            Self::BeforeContent => "before content",
            Self::Mid => "mid-stream",
        }
    }

    const fn fault(self) -> Fault {
        match self {
            Self::Queued => Fault::SlowHead,
            Self::BeforeContent => Fault::StallBeforeContent,
            Self::Mid => Fault::StallMid,
        }
    }
}

/// Leaves many times in each window and prints how soon the upstream knew.
///
/// # Errors
/// When the world does not start, or the ledger cannot be read.
pub async fn run(trials: usize, seed: u64, setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    let world = World::start(&Setup { impatient: false, ..setup }).await?;
    let (ledger, mut wrongs) = (world.product.ledger()?, Wrongs::default());
    print(&format!("{:<22} {:>8} {:>9} {:>9} {:>9}\n", "window", "trials", "p50 ms", "p99 ms", "max ms"));
    for window in Window::ALL {
        let mut times = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        for turn in 0..trials {
            let speech = Speech::ALL[turn % Speech::ALL.len()];
            let other = Speech::ALL[(turn / Speech::ALL.len()) % Speech::ALL.len()];
            match leave(&world, window, (speech, other), seed + turn as u64).await? {
                Ok(took) => times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
                Err(wrong) => wrongs.note(window.name(), wrong),
            }
        }
        let millis = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1e3;
        let (p50, p99, max) = (millis(0.5), millis(0.99), millis(1.0));
        print(&format!("{:<22} {:>8} {p50:>9.2} {p99:>9.2} {max:>9.2}\n", window.name(), times.len()));
        if p99 > PROMPT.as_secs_f64() * 1e3 {
            wrongs.note("p99", format!("{} {p99:.2} ms", window.name()));
        }
    }
    if let Err(wrong) = cancelled(&ledger, 0, Window::ALL.len() * trials).await? {
        wrongs.note("rows", wrong);
    }
    Ok(wrongs)
}

/// Leaves once and returns how long the upstream's connection outlived the caller's.
async fn leave(
    world: &World,
    window: Window,
    (speech, other): (Speech, Speech),
    seed: u64,
) -> Result<Result<Duration, String>> {
    let trial = world.next_trial();
    let marker = Marker { trial, fault: window.fault(), seed };
    // Many models: those who leave must not tell against one.
    let models = vec![world::bad(other, usize::try_from(seed % 4).unwrap_or(0))];
    let question = Question { speech, stream: true, marker, models };
    let mut call = Call::open(world.product.gateway).await?;
    call.send(&question.bytes(KEY)).await;
    if window == Window::Mid && !call.until("Alpha", PATIENCE).await {
        return Ok(Err("no content came".to_owned()));
    }
    let until = Instant::now() + PATIENCE;
    while world.upstream.calls_of(trial).is_empty() {
        if Instant::now() > until {
            return Ok(Err("the upstream was not called".to_owned()));
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    if window == Window::BeforeContent {
        // The head is on its way to the gateway, which does not pass it on: there is nothing to wait for.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let left = Instant::now();
    if seed.is_multiple_of(2) {
        call.reset();
    } else {
        drop(call);
    }
    if !world.upstream.is_over(trial, PATIENCE).await {
        return Ok(Err("the upstream's connection stays open".to_owned()));
    }
    let ended = world.upstream.calls_of(trial).iter().filter_map(|call: &Entry| call.ended).max();
    let took = ended.context("it is over")?.saturating_duration_since(left);
    Ok(Ok(took))
}

/// Every row since a sequence says that its caller left, and there are so many.
async fn cancelled(ledger: &LedgerReader, before: u64, count: usize) -> Result<Result<(), String>> {
    let until = Instant::now() + PATIENCE;
    loop {
        let rows = rows_after(ledger, before).await?;
        if rows.len() < count && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let others = rows.iter().filter(|row| row.finished.outcome != Outcome::ClientCancelled).count();
        let is_right = rows.len() == count && others == 0;
        return Ok(if is_right {
            Ok(())
        } else {
            Err(format!("{} rows for {count}, {others} of them others", rows.len()))
        });
    }
}

/// The rows of the matrix in which it is the caller who fails.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn lines(world: &World, ledger: &LedgerReader, plan: &Plan) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let is_wanted = |number: u8| plan.row.is_none_or(|row| row == number);
    if is_wanted(26) {
        for window in Window::ALL {
            for speech in Speech::ALL {
                lines.push(left_line(world, ledger, plan, window, speech).await?);
            }
        }
    }
    if is_wanted(27) {
        lines.push(Line::one(27, "reads nothing", Speech::Openai, "bounded", reads_nothing(world).await?));
    }
    if is_wanted(36) {
        lines.push(Line::one(36, "key revoked", Speech::Openai, "cut, then 401", revoked(world).await?));
    }
    Ok(lines)
}

async fn left_line(world: &World, ledger: &LedgerReader, plan: &Plan, window: Window, speech: Speech) -> Result<Line> {
    let (mut wrongs, mut longest) = (Vec::new(), Duration::ZERO);
    let before = ledger.last_sequence().await?;
    for turn in 0..plan.trials {
        let other = Speech::ALL[(speech as usize + turn) % Speech::ALL.len()];
        match leave(world, window, (speech, other), plan.seed + turn as u64).await? {
            Ok(took) => longest = longest.max(took),
            Err(wrong) => wrongs.push(wrong),
        }
    }
    wrongs.extend(cancelled(ledger, before, plan.trials).await?.err());
    Ok(Line {
        number: 26,
        what: format!("left {}", window.name()),
        who: format!("{} stream", speech.slug()),
        expected: "upstream let go".to_owned(),
        seen: vec![format!("after {} ms at most", longest.as_millis())],
        trials: plan.trials,
        wrongs,
    })
}

/// A caller that takes nothing holds the upstream up instead of filling the gateway's memory.
async fn reads_nothing(world: &World) -> Result<Result<String, String>> {
    let marker = Marker { trial: world.next_trial(), fault: Fault::Flood, seed: 0 };
    let models = vec![world::bad(Speech::Openai, 0)];
    let question = Question { speech: Speech::Openai, stream: true, marker, models };
    let before = world.upstream.flooded();
    let mut call = Call::open(world.product.gateway).await?;
    call.send(&question.bytes(KEY)).await;
    if !call.until("Alpha", PATIENCE).await {
        return Ok(Err("no content came".to_owned()));
    }
    let (mut last, mut quiet) = (before, 0);
    while quiet < 5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = world.upstream.flooded();
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
    let taken = last - before;
    drop(call);
    if taken > BACKLOG {
        return Ok(Err(format!("{} MiB were taken from the upstream", taken >> 20)));
    }
    if !world.upstream.is_over(marker.trial, PATIENCE).await {
        return Ok(Err("the upstream's connection stays open".to_owned()));
    }
    Ok(Ok(format!("{} MiB on the way", taken >> 20)))
}

/// A key that is revoked ends its streams, and opens nothing any more.
async fn revoked(world: &World) -> Result<Result<String, String>> {
    let marker = Marker { trial: world.next_trial(), fault: Fault::Paced, seed: 0 };
    let models = vec![world::bad(Speech::Openai, 1)];
    let question = Question { speech: Speech::Openai, stream: true, marker, models };
    let mut call = Call::open(world.product.gateway).await?;
    call.send(&question.bytes(SPARE_KEY)).await;
    ensure!(call.until("Alpha", PATIENCE).await, "no content came");
    world.product.command(&["keys", "revoke", "spare", "--yes"])?;
    let began = Instant::now();
    let seen = call.answer(REVOKED_WITHIN).await;
    let took = began.elapsed();
    let reading = seen.reading(Speech::Openai);
    if seen.end != End::Broken || !reading.error || reading.terminal {
        return Ok(Err(format!("the stream ended {:?} {reading:?}", seen.end)));
    }
    let again = Marker { trial: world.next_trial(), fault: Fault::None, seed: 0 };
    let after = world.ask_with(&Question { marker: again, ..question }, SPARE_KEY).await;
    Ok(if after.status == 401 {
        Ok(format!("cut after {} ms", took.as_millis()))
    } else {
        Err(format!("then {}", after.status))
    })
}
