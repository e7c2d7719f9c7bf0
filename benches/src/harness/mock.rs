//! The mock upstream: a fixed answer, or a stream whose every piece of text carries the time of its birth.
//!
//! Does as little as an upstream can, so that what is measured is not the mock. Counts every request it has read to its
//! end: a gateway that retries, caches or loses one is found out.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::fixtures;
use crate::harness::http::{Wire, push_chunk};
use crate::harness::{loader, observer};

const STACK: usize = 256 << 10;
/// `stream` stands among the first members of the bodies used here.
const SEARCHED: usize = 4_096;

/// What the mock has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests read to their end.
    pub requests: u64,
    /// Of these, streams.
    pub streams: u64,
    /// Streams that the reader left before their end.
    pub left: u64,
}

/// The shape of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pieces of text in a stream.
    pub pieces: u64,
    /// Between two of them.
    pub gap: Duration,
}

#[derive(Debug)]
struct Shared {
    shape: Shape,
    requests: AtomicU64,
    streams: AtomicU64,
    left: AtomicU64,
    whole: Vec<u8>,
}

/// Serves for ever.
///
/// # Errors
/// When accepting fails.
pub fn serve(listener: &TcpListener, shape: Shape) -> io::Result<()> {
    let answer = fixtures::answer();
    let mut whole =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len())
            .into_bytes();
    whole.extend_from_slice(&answer);
    let shared = Arc::new(Shared {
        shape,
        requests: AtomicU64::new(0),
        streams: AtomicU64::new(0),
        left: AtomicU64::new(0),
        whole,
    });
    loop {
        let (stream, _) = listener.accept()?;
        let shared = shared.clone();
        thread::Builder::new().stack_size(STACK).spawn(move || {
            // A caller that has gone is no failure of the mock.
            let _ = converse(stream, &shared);
        })?;
    }
}

/// Asks a mock what it has seen.
///
/// # Errors
/// When it does not answer.
pub fn seen(address: SocketAddr) -> anyhow::Result<Seen> {
    let mut wire = loader::connect(address)?;
    wire.send(b"GET /seen HTTP/1.1\r\nhost: mock\r\n\r\n")?;
    anyhow::ensure!(wire.read_head()?, "the mock closed");
    let framing = wire.framing()?;
    let mut body = Vec::new();
    wire.read_body(framing, &mut |piece| body.extend_from_slice(piece))?;
    Ok(serde_json::from_slice(&body)?)
}

fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    let mut frame = Vec::with_capacity(1_024);
    while wire.read_head()? {
        if wire.first_line().starts_with("GET ") {
            wire.send(&shared.report()?)?;
            continue;
        }
        let framing = wire.framing()?;
        let mut beginning = Vec::new();
        wire.read_body(framing, &mut |piece| {
            let room = SEARCHED.saturating_sub(beginning.len());
            beginning.extend_from_slice(&piece[..piece.len().min(room)]);
        })?;
        shared.requests.fetch_add(1, Relaxed);
        if memmem::find(&beginning, br#""stream":true"#).is_none() {
            wire.send(&shared.whole)?;
            continue;
        }
        shared.streams.fetch_add(1, Relaxed);
        let mut shape = shared.shape;
        if memmem::find(&beginning, fixtures::BURST.as_bytes()).is_some() {
            shape.gap = Duration::ZERO;
        }
        if let Err(fault) = stream_answer(&mut wire, &mut frame, shape) {
            shared.left.fetch_add(1, Relaxed);
            return Err(fault);
        }
    }
    Ok(())
}

/// Piece `i` is due at `start + i * gap`; the first leaves with the opening event.
fn stream_answer(wire: &mut Wire, frame: &mut Vec<u8>, shape: Shape) -> io::Result<()> {
    let start = Instant::now();
    let mut event = Vec::with_capacity(512);
    frame.clear();
    frame.extend_from_slice(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    fixtures::push_opening(&mut event);
    push_chunk(frame, &event);
    for piece in 0..shape.pieces {
        if piece > 0 {
            let due = start + shape.gap.saturating_mul(u32::try_from(piece).unwrap_or(u32::MAX));
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        event.clear();
        fixtures::push_content(&mut event, &format!("@{}@ tide", observer::wall_nanos()));
        push_chunk(frame, &event);
        wire.send(frame)?;
        frame.clear();
    }
    event.clear();
    fixtures::push_closing(&mut event, shape.pieces);
    push_chunk(frame, &event);
    push_chunk(frame, b"");
    wire.send(frame)
}

impl Shared {
    fn report(&self) -> io::Result<Vec<u8>> {
        let load = |counter: &AtomicU64| counter.load(Relaxed);
        let seen = Seen { requests: load(&self.requests), streams: load(&self.streams), left: load(&self.left) };
        let body = serde_json::to_vec(&seen)?;
        let mut answer = Vec::new();
        write!(answer, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len())?;
        answer.extend_from_slice(&body);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Delivery;
    use crate::harness::http;
    use crate::harness::loader::{Load, Pace};

    fn start() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shape = Shape { pieces: 4, gap: Duration::from_millis(1) };
        thread::spawn(move || serve(&listener, shape));
        address
    }

    fn load(address: SocketAddr, delivery: Delivery, pace: Pace) -> Load {
        let request = http::post(address, http::CHAT, "key", &fixtures::request(1_024, delivery));
        Load {
            address,
            request,
            connections: 3,
            pace,
            pieces: (delivery == Delivery::Stream).then_some(4),
            warm_up: Duration::from_millis(20),
            measured: Duration::from_millis(150),
        }
    }

    #[test]
    fn every_request_of_the_loader_is_counted_by_the_mock() {
        let address = start();
        let mut sent = 0;
        for (delivery, pace) in
            [(Delivery::Whole, Pace::Closed), (Delivery::Stream, Pace::Closed), (Delivery::Whole, Pace::Open(200))]
        {
            let tally = loader::run(&load(address, delivery, pace), |_| {});
            assert!(tally.errors.is_empty(), "{:?}", tally.errors);
            assert!(tally.sent > 0);
            sent += tally.sent;
            assert_eq!(seen(address).expect("answers").requests, sent);
        }
    }

    #[test]
    fn stream_of_another_length_is_an_error() {
        let address = start();
        let load = Load { pieces: Some(5), ..load(address, Delivery::Stream, Pace::Closed) };
        let tally = loader::run(&load, |_| {});
        assert!(tally.failed() > 0 && tally.completed == 0);
    }
}
