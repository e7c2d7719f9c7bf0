//! Drives one address with one request over many connections and keeps what it saw.
//!
//! Closed loop: every connection sends its next request when the last one has ended. Open loop: request `i` is due at
//! `start + i / rate` whatever the answers do, and its latency counts from then, so that a target that stalls cannot
//! hide it.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::harness::http::Wire;
use crate::harness::observer::{Observer, nanos};

/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// A loader thread needs little.
const STACK: usize = 256 << 10;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// When the last one has ended.
    Closed,
    /// So many a second.
    Open(u32),
}

/// What is sent, and how.
#[derive(Clone, Debug)]
pub struct Load {
    /// To whom.
    pub address: SocketAddr,
    /// A whole request, head and body.
    pub request: Vec<u8>,
    /// Over how many connections.
    pub connections: usize,
    /// When.
    pub pace: Pace,
    /// Pieces of text that a streamed answer must have; `None` = answers are whole.
    pub pieces: Option<u64>,
    /// Sent, but not counted, for so long.
    pub warm_up: Duration,
    /// Counted for so long.
    pub measured: Duration,
}

/// What was seen. Histograms hold nanoseconds of requests due after the warm-up.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests sent, warm-up included.
    pub sent: u64,
    /// Requests that ended well within the measured time.
    pub completed: u64,
    /// What went wrong, and how often, warm-up included.
    pub errors: BTreeMap<String, u64>,
    /// From due to the end of the answer.
    pub latency: Histogram<u64>,
    /// From due to the first text.
    pub first: Histogram<u64>,
    /// Between two pieces of text.
    pub gap: Histogram<u64>,
    /// From the mock to here, of every piece of text.
    pub transit: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let histogram = || Histogram::new_with_bounds(1, 120_000_000_000, 3).expect("fixed bounds that are valid");
        Self {
            sent: 0,
            completed: 0,
            errors: BTreeMap::new(),
            latency: histogram(),
            first: histogram(),
            gap: histogram(),
            transit: histogram(),
        }
    }
}

impl Tally {
    /// How many requests went wrong.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.completed += other.completed;
        for (error, count) in &other.errors {
            *self.errors.entry(error.clone()).or_default() += count;
        }
        let pairs = [
            (&mut self.latency, &other.latency),
            (&mut self.first, &other.first),
            (&mut self.gap, &other.gap),
            (&mut self.transit, &other.transit),
        ];
        for (ours, theirs) in pairs {
            ours.add(theirs).expect("all have the same bounds");
        }
    }
}

/// The moments of one run.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: Instant,
    counted: Instant,
    end: Instant,
}

/// Runs a load to its end. `at` is called when counting begins and when it ends.
pub fn run(load: &Load, mut at: impl FnMut(Moment)) -> Tally {
    let start = Instant::now() + Duration::from_millis(20);
    let counted = start + load.warm_up;
    let span = Span { start, counted, end: counted + load.measured };
    let next = AtomicU64::new(0);
    let mut total = Tally::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..load.connections)
            .filter_map(|_| {
                let worker = Worker { load, span, next: &next, tally: Tally::default(), wire: None };
                thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || worker.work()).ok()
            })
            .collect();
        sleep_until(span.counted);
        at(Moment::Begin);
        sleep_until(span.end);
        at(Moment::End);
        for worker in workers {
            match worker.join() {
                Ok(tally) => total.merge(&tally),
                Err(_) => *total.errors.entry("a loader thread panicked".to_owned()).or_default() += 1,
            }
        }
    });
    total
}

/// The measured time begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It begins.
    Begin,
    /// It ends.
    End,
}

struct Worker<'a> {
    load: &'a Load,
    span: Span,
    /// The number of the next request, for all workers together.
    next: &'a AtomicU64,
    tally: Tally,
    wire: Option<Wire>,
}

impl Worker<'_> {
    fn work(mut self) -> Tally {
        sleep_until(self.span.start);
        while let Some(due) = self.due() {
            self.tally.sent += 1;
            let result = self.exchange(due);
            let now = Instant::now();
            match result {
                Ok(()) => {
                    if due >= self.span.counted {
                        self.tally.latency.saturating_record(nanos(now, due));
                    }
                    self.tally.completed += u64::from(now >= self.span.counted && now < self.span.end);
                }
                Err(fault) => {
                    *self.tally.errors.entry(fault.to_string()).or_default() += 1;
                    self.wire = None;
                    // A target that refuses at once must not make this a busy loop.
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
        self.tally
    }

    /// Waits for the next request's time; `None` when there is none.
    fn due(&self) -> Option<Instant> {
        let due = match self.load.pace {
            Pace::Closed => Instant::now(),
            Pace::Open(rate) => {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let due = self.span.start + Duration::from_secs(1).mul_f64(number as f64 / f64::from(rate));
                sleep_until(due);
                due
            }
        };
        (due < self.span.end).then_some(due)
    }

    fn exchange(&mut self, due: Instant) -> io::Result<()> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => connect(self.load.address)?,
        };
        wire.send(&self.load.request)?;
        if !wire.read_head()? {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed before the answer"));
        }
        let (status, framing) = (wire.status(), wire.framing()?);
        match self.load.pieces {
            Some(wanted) if status == 200 => {
                let mut observer = Observer::default();
                let counted = due >= self.span.counted;
                let tally = &mut self.tally;
                wire.read_body(framing, &mut |bytes| observer.take(bytes, due, counted.then_some(&mut *tally)))?;
                if observer.pieces != wanted || !observer.done {
                    return Err(io::Error::other(format!("a stream of {} pieces, expected {wanted}", observer.pieces)));
                }
            }
            _ => {
                let mut bytes = 0;
                wire.read_body(framing, &mut |piece| bytes += piece.len())?;
                if status == 200 && bytes == 0 {
                    return Err(io::Error::other("an empty answer"));
                }
            }
        }
        if !wire.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.wire = Some(wire);
        }
        if status == 200 { Ok(()) } else { Err(io::Error::other(format!("status {status}"))) }
    }
}

/// Connects with the patience of a loader and no Nagle.
///
/// # Errors
/// As of the socket.
pub fn connect(address: SocketAddr) -> io::Result<Wire> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(Wire::new(stream))
}

fn sleep_until(moment: Instant) {
    let wait = moment.saturating_duration_since(Instant::now());
    if !wait.is_zero() {
        thread::sleep(wait);
    }
}
