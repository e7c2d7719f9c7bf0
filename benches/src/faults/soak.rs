//! Mixed traffic for a long time: whether memory grows, and whether everything that was opened is closed again.
//!
//! Every dialect to every dialect, whole and streamed, with faults, and with callers that leave in the middle. Memory is
//! looked at after a third of the time; what it grows by from then on is told as a slope with its standard error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::faults::caller::{Call, End};
use crate::faults::judge::Wrongs;
use crate::faults::random::Random;
use crate::faults::reconcile::{MODELS, question};
use crate::faults::world::{KEY, PATIENCE, Setup, World};
use crate::harness::process::{open_files, resident_mib, threads};

const LANES: u64 = 16;
/// A lane's pause between two requests: together some 200 a second.
const PAUSE: Duration = Duration::from_millis(60);
const FAULTS: f64 = 0.1;
const LEAVERS: f64 = 0.05;
const LOOK: Duration = Duration::from_secs(5);
/// Pooled connections are closed within 20 s, and what is late within as much.
const REST: Duration = Duration::from_secs(45);
/// Segments of the ledger and connections to the database come and go.
const SPARE_FILES: usize = 8;
/// MiB an hour.
const SLOPE: f64 = 1.0;

/// Runs for so long and prints how memory, files and threads stood.
///
/// # Errors
/// When the world does not start, or the server does not tell its metrics.
pub async fn run(time: Duration, seed: u64, mut setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    setup.models = MODELS;
    let world = Arc::new(World::start(&setup).await?);
    sleep(LOOK).await;
    let base = Footprint::of(&world);
    print(&format!("at the start: {base}\n"));
    let (over, mut lanes) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for lane in 0..LANES {
        let (world, over) = (world.clone(), over.clone());
        lanes.spawn(async move { lane_of(&world, seed, lane, &over).await });
    }
    let (began, mut line) = (Instant::now(), Line::default());
    while began.elapsed() < time {
        sleep(LOOK.min(time)).await;
        // Nobody asks for it here, and it would grow.
        drop(world.upstream.take_journal());
        if began.elapsed() >= time / 3 {
            line.add(began.elapsed().as_secs_f64() / 3_600.0, resident_mib(world.product.id()));
        }
    }
    let loaded = Footprint::of(&world);
    over.store(true, Ordering::Relaxed);
    let mut sent = 0;
    while let Some(lane) = lanes.join_next().await {
        sent += lane?;
    }
    sleep(REST).await;
    let rested = Footprint::of(&world);
    let open = world.product.metrics().await?.get("signalbox_ledger_open_requests").copied().unwrap_or(0.0);
    print(&format!("at the end:   {loaded}\nat rest:      {rested}, {open} requests open\n"));
    let (slope, error) = line.slope();
    print(&format!("{sent} requests in {:.0} min\n", time.as_secs_f64() / 60.0));
    print(&format!("memory over the last two thirds: {slope:+.2} MiB/h, standard error {error:.2}\n"));
    let mut wrongs = Wrongs::default();
    // What may be chance is no finding.
    if slope - 2.0 * error >= SLOPE {
        wrongs.note("memory", format!("grows by {slope:.2} MiB an hour"));
    }
    if rested.files > base.files + SPARE_FILES || rested.threads > base.threads || open > 0.0 {
        wrongs.note("leak", format!("{rested}, {open} requests open"));
    }
    if !world.product.is_alive() {
        wrongs.note("the process", "has ended");
    }
    Ok(wrongs)
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    mib: f64,
    files: usize,
    threads: usize,
}

impl Footprint {
    fn of(world: &World) -> Self {
        let id = world.product.id();
        Self { mib: resident_mib(id), files: open_files(id), threads: threads(id) }
    }
}

impl std::fmt::Display for Footprint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.1} MiB, {} open files, {} threads", self.mib, self.files, self.threads)
    }
}

/// One caller's requests, one after another; returns how many.
async fn lane_of(world: &World, seed: u64, lane: u64, over: &AtomicBool) -> u64 {
    let (mut sent, mut kept) = (0, None);
    while !over.load(Ordering::Relaxed) {
        sleep(PAUSE).await;
        let place = sent * LANES + lane;
        let mut random = Random::of(seed, place);
        let question = question(world, &mut random, FAULTS, place);
        let Ok(mut call) = Call::kept_or_open(kept.take(), world.product.gateway).await else { continue };
        call.send(&question.bytes(KEY)).await;
        sent += 1;
        if random.chance(LEAVERS) {
            call.reset();
        } else if call.answer(PATIENCE).await.end == End::Clean {
            kept = Some(call);
        }
    }
    sent
}

/// Points through which a straight line is laid.
#[derive(Debug, Default)]
struct Line(Vec<(f64, f64)>);

impl Line {
    fn add(&mut self, x: f64, y: f64) {
        self.0.push((x, y));
    }

    /// The slope of least squares, and its standard error: 0 and infinite for fewer than three points.
    fn slope(&self) -> (f64, f64) {
        let count = self.0.len() as f64;
        if count < 3.0 {
            return (0.0, f64::INFINITY);
        }
        let mean = |of: fn(&(f64, f64)) -> f64| self.0.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = self.0.iter().map(|point| (point.0 - x).powi(2)).sum();
        let slope = self.0.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
        let off: f64 = self.0.iter().map(|point| (point.1 - y - slope * (point.0 - x)).powi(2)).sum();
        (slope, (off / (count - 2.0) / spread).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_of_a_line_is_found_with_its_error() {
        let mut line = Line::default();
        for x in 0..10 {
            line.add(f64::from(x), 100.0 + 3.0 * f64::from(x));
        }
        let (slope, error) = line.slope();
        assert!((slope - 3.0).abs() < 1e-9 && error < 1e-6, "{slope} {error}");
        line.add(9.0, 200.0);
        assert!(line.slope().1 > 1.0);
    }

    #[test]
    fn too_few_points_tell_nothing() {
        assert_eq!(Line(vec![(0.0, 1.0), (1.0, 9.0)]).slope(), (0.0, f64::INFINITY));
    }
}
