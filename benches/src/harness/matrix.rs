//! What is measured: cells (body, connections, pace, delivery) times ways (direct, floor, gateway) times passes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::fixtures::{self, Delivery};
use crate::harness::loader::{self, Load, Moment, Pace, Tally};
use crate::harness::{http, mock, process};

/// The way a request takes to the mock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// No process in between.
    Direct,
    /// Through the bare pass-through.
    Floor,
    /// Through the product.
    Gateway,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Floor, Self::Gateway];
}

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// `1 KB, 16 connections`.
    pub name: &'static str,
    /// Bytes of the request's body.
    pub body: usize,
    /// How the answer comes.
    pub delivery: Delivery,
    /// At once.
    pub connections: usize,
    /// When requests are sent.
    pub pace: Pace,
    /// Streams come without pauses.
    pub burst: bool,
}

const fn cell(name: &'static str, body: usize, connections: usize, pace: Pace) -> Cell {
    Cell { name, body, delivery: Delivery::Whole, connections, pace, burst: false }
}

const fn streams(name: &'static str, delivery: Delivery, burst: bool) -> Cell {
    Cell { name, body: KB, delivery, connections: if burst { 16 } else { 8 }, pace: Pace::Closed, burst }
}

const KB: usize = 1_024;

/// Every kind of load.
pub const CELLS: [Cell; 12] = [
    cell("1 KB, 1 connection", KB, 1, Pace::Closed),
    cell("1 KB, 16 connections", KB, 16, Pace::Closed),
    cell("1 KB, 64 connections", KB, 64, Pace::Closed),
    cell("100 KB, 1 connection", 100 * KB, 1, Pace::Closed),
    cell("100 KB, 16 connections", 100 * KB, 16, Pace::Closed),
    cell("100 KB, 64 connections", 100 * KB, 64, Pace::Closed),
    cell("1 KB, 500 a second", KB, 32, Pace::Open(500)),
    cell("1 KB, 1000 a second", KB, 32, Pace::Open(1_000)),
    streams("streams, 8 at once", Delivery::Stream, false),
    streams("translated, 8 at once", Delivery::Translated, false),
    streams("streams in a burst", Delivery::Stream, true),
    streams("translated in a burst", Delivery::Translated, true),
];

/// Whom a way leads through.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Which way.
    pub way: Way,
    /// Where to send.
    pub address: SocketAddr,
    /// The process in between.
    pub process: Option<u32>,
}

/// How long, and with what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sent but not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
    /// The API key of every request.
    pub key: String,
    /// The shape of the mock's streams.
    pub shape: mock::Shape,
    /// The mock.
    pub mock: SocketAddr,
    /// The mock's process id.
    pub mock_process: u32,
}

/// Quantiles in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    /// How many were recorded.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl From<&Histogram<u64>> for Quantiles {
    fn from(histogram: &Histogram<u64>) -> Self {
        let micros = |nanos: u64| nanos as f64 / 1_000.0;
        Self {
            count: histogram.len(),
            p50: micros(histogram.value_at_quantile(0.5)),
            p99: micros(histogram.value_at_quantile(0.99)),
            max: micros(histogram.max()),
        }
    }
}

/// One cell, one way, one pass.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Which cell.
    pub cell: &'static str,
    /// Which way.
    pub way: Way,
    /// Requests answered well per second.
    pub rate: f64,
    /// CPU microseconds of the process in between, per request.
    pub cpu_micros: Option<f64>,
    /// The share of one core that the process in between has used.
    pub cpu_share: Option<f64>,
    /// The share of one core that loader and mock have used.
    pub loader_share: f64,
    /// The share of one core that strangers have used meanwhile.
    pub strangers_share: f64,
    /// From due to the end of the answer.
    pub latency: Quantiles,
    /// From due to the first text.
    pub first: Quantiles,
    /// Between two pieces of text.
    pub gap: Quantiles,
    /// From the mock to the loader, every piece of text.
    pub transit: Quantiles,
    /// Requests sent, warm-up included.
    pub sent: u64,
    /// Requests that the mock has read.
    pub upstream: u64,
    /// What went wrong, and how often.
    pub errors: std::collections::BTreeMap<String, u64>,
}

impl Sample {
    /// Whether the figures may be used: nothing failed, and every request reached the mock exactly once.
    pub fn is_sound(&self) -> bool {
        self.errors.is_empty() && self.sent == self.upstream
    }

    /// CPU microseconds of the process in between per piece of text, its share of what the request costs included.
    pub fn cpu_micros_a_piece(&self) -> Option<f64> {
        let pieces = self.transit.count as f64 / self.latency.count.max(1) as f64;
        self.cpu_micros.filter(|_| pieces > 0.0).map(|micros| micros / pieces)
    }
}

/// CPU seconds so far.
#[derive(Clone, Copy, Default)]
struct Used {
    between: f64,
    ours: f64,
    all: f64,
}

impl Used {
    fn now(target: &Target, plan: &Plan) -> Self {
        Self {
            between: target.process.map_or(0.0, process::cpu_seconds),
            ours: process::cpu_seconds(std::process::id()) + process::cpu_seconds(plan.mock_process),
            all: process::busy_seconds(),
        }
    }
}

/// A request of a cell: only the product is asked in another dialect than the mock's.
fn request(cell: &Cell, target: &Target, plan: &Plan) -> Vec<u8> {
    let (path, body) = match (cell.delivery, target.way) {
        (Delivery::Translated, Way::Gateway) => ("/v1/messages", fixtures::messages_request(cell.body)),
        (Delivery::Translated, Way::Direct | Way::Floor) => {
            (http::CHAT, fixtures::request(cell.body, Delivery::Stream))
        }
        (Delivery::Whole | Delivery::Stream, _) => (http::CHAT, fixtures::request(cell.body, cell.delivery)),
    };
    let body = if cell.burst { fixtures::in_one_burst(&body) } else { body };
    http::post(target.address, path, &plan.key, &body)
}

/// Measures one cell one way.
///
/// # Errors
/// When the mock does not say what it has seen.
pub fn measure(cell: &Cell, target: &Target, plan: &Plan) -> Result<Sample> {
    let load = Load {
        address: target.address,
        request: request(cell, target, plan),
        connections: cell.connections,
        pace: cell.pace,
        pieces: (cell.delivery != Delivery::Whole).then_some(plan.shape.pieces),
        warm_up: plan.warm_up,
        measured: plan.measured,
    };
    let before = mock::seen(plan.mock)?;
    let (mut begin, mut end) = (Used::default(), Used::default());
    let tally = loader::run(&load, |moment| match moment {
        Moment::Begin => begin = Used::now(target, plan),
        Moment::End => end = Used::now(target, plan),
    });
    let upstream = mock::seen(plan.mock)?.requests - before.requests;
    Ok(sample(cell, target, plan, &tally, Used::since(end, begin), upstream))
}

impl Used {
    fn since(end: Self, begin: Self) -> Self {
        Self { between: end.between - begin.between, ours: end.ours - begin.ours, all: end.all - begin.all }
    }
}

fn sample(cell: &Cell, target: &Target, plan: &Plan, tally: &Tally, used: Used, upstream: u64) -> Sample {
    let seconds = plan.measured.as_secs_f64();
    let completed = tally.completed.max(1) as f64;
    Sample {
        cell: cell.name,
        way: target.way,
        rate: tally.completed as f64 / seconds,
        cpu_micros: target.process.map(|_| used.between * 1e6 / completed),
        cpu_share: target.process.map(|_| used.between / seconds),
        loader_share: used.ours / seconds,
        strangers_share: ((used.all - used.ours - used.between) / seconds).max(0.0),
        latency: Quantiles::from(&tally.latency),
        first: Quantiles::from(&tally.first),
        gap: Quantiles::from(&tally.gap),
        transit: Quantiles::from(&tally.transit),
        sent: tally.sent,
        upstream,
        errors: tally.errors.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_repeated_upstream_calls_make_a_sample_unsound() {
        let target = Target { way: Way::Direct, address: ([127, 0, 0, 1], 1).into(), process: None };
        let plan = Plan {
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(1),
            key: String::new(),
            shape: mock::Shape { pieces: 1, gap: Duration::ZERO },
            mock: target.address,
            mock_process: 0,
        };
        let tally = Tally { sent: 5, ..Tally::default() };
        for (upstream, sound) in [(5, true), (4, false), (6, false)] {
            assert_eq!(sample(&CELLS[0], &target, &plan, &tally, Used::default(), upstream).is_sound(), sound);
        }
    }
}
