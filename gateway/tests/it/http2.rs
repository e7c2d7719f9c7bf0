//! HTTP/2 at its edges: abuse that is cheap for the caller is ended, and a gateway that stops says so.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway::Limits;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::stack::{KEY, Setup, TestStack, ask, ask_for_stream, limits};
use crate::upstream::{Act, DONE, Upstream, begun, chunk, finish, last_chunk, role, word};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;
/// GET / of `a`, packed.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'a'];

// === Frames ===

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A connection on which the test writes frames itself.
struct Raw(TcpStream);

impl Raw {
    fn open(stack: &TestStack) -> Self {
        Self::open_with(stack, &[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())
    }

    fn open_with(stack: &TestStack, bytes: &[u8]) -> Self {
        let mut stream = TcpStream::connect(stack.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(bytes).unwrap();
        Self(stream)
    }

    /// Reads frames until one of these kinds comes; `None` = the connection ended before.
    fn until(&mut self, kinds: &[u8]) -> Option<(u8, Vec<u8>)> {
        loop {
            let mut head = [0; 9];
            let read = self.0.read_exact(&mut head);
            let is_silent = read.as_ref().is_err_and(|fault| fault.kind() == std::io::ErrorKind::WouldBlock);
            assert!(!is_silent, "nothing came, and no end either");
            read.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).ok()?;
            if kinds.contains(&head[3]) {
                return Some((head[3], payload));
            }
        }
    }

    /// The error that the connection ends with.
    fn end(&mut self) -> Option<u32> {
        let (_, payload) = self.until(&[GOAWAY])?;
        Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()))
    }
}

/// After whatever the test did, others are served.
#[track_caller]
fn assert_lives(stack: &TestStack) {
    assert_eq!(stack.chat(&ask("")).status, 200);
    stack.wait_until_idle();
}

fn good() -> (TestStack, Upstream) {
    let upstream = Upstream::good();
    (TestStack::over(&[upstream.address]), upstream)
}

#[test]
fn streams_that_are_reset_as_fast_as_they_are_opened_end_the_connection() {
    let (stack, _upstream) = good();
    let mut raw = Raw::open(&stack);
    let opened_and_reset = |number: u32| {
        let stream = 2 * number + 1;
        let headers = frame(HEADERS, END_STREAM | END_HEADERS, stream, GET);
        [headers, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    let burst: Vec<u8> = (0..2_000).flat_map(opened_and_reset).collect();
    // It may be closed before all has been written.
    let _ = raw.0.write_all(&burst);
    assert_eq!(raw.end(), Some(ENHANCE_YOUR_CALM));
    assert_lives(&stack);
}

#[test]
fn a_connection_that_does_not_open_is_closed_like_a_head_that_does_not_end() {
    let limits = Limits { header_wait: Duration::from_millis(50), ..limits() };
    let stack = TestStack::start(Setup { upstreams: vec![Upstream::nobody()], limits, ..Setup::default() });
    let whole = [PREFACE, &frame(SETTINGS, 0, 0, &[0; 6])].concat();
    for come in [PREFACE.len(), PREFACE.len() + 5, whole.len() - 1] {
        let mut raw = Raw::open_with(&stack, &whole[..come]);
        assert_eq!(raw.until(&[HEADERS]), None, "{come} bytes");
    }
    let mut raw = Raw::open_with(&stack, &whole);
    // Being idle is what is tried here.
    std::thread::sleep(Duration::from_millis(200));
    raw.0.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)).unwrap();
    assert!(raw.until(&[HEADERS]).is_some(), "an open connection may idle");
}

#[test]
fn a_head_that_never_ends_ends_the_connection() {
    let (stack, _upstream) = good();
    let mut raw = Raw::open(&stack);
    raw.0.write_all(&frame(HEADERS, END_STREAM, 1, GET)).unwrap();
    let piece: Vec<u8> = frame(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y']);
    for _ in 0..5_000 {
        if raw.0.write_all(&piece).is_err() {
            break;
        }
    }
    // The end may overtake the words.
    assert!(matches!(raw.end(), None | Some(ENHANCE_YOUR_CALM | 1)));
    assert_lives(&stack);
}

#[test]
fn line_ends_in_names_and_values_are_refused() {
    let (stack, upstream) = good();
    for header in [
        &b"\x00\x01x\x04a\r\nb"[..],
        b"\x00\x03x\r\n\x01a",
        b"\x00\x11transfer-encoding\x07chunked",
        b"\x00\x05:path\x02/x",
        b"\x00\x01X\x01a",
    ] {
        let mut raw = Raw::open(&stack);
        let block = [GET, header].concat();
        raw.0.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).unwrap();
        let (kind, _) = raw.until(&[HEADERS, RST_STREAM, GOAWAY]).expect("an end");
        assert_ne!(kind, HEADERS, "{header:?} is answered");
    }
    assert_eq!(upstream.calls(), 0);
    assert_lives(&stack);
}

#[test]
fn behind_a_head_that_was_asked_for_stands_no_body() {
    let (stack, _upstream) = good();
    stack.runtime().block_on(async {
        let mut sender = connect(&stack).await;
        let (mut head, _) = chat(&stack, String::new()).into_parts();
        head.method = http::Method::HEAD;
        head.uri = format!("http://{}/v1/models", stack.address).parse().unwrap();
        let answer = sender.send_request(http::Request::from_parts(head, Full::default())).await.unwrap();
        let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
        assert!(answer.status().is_success() && length > 0);
        assert!(http_body::Body::is_end_stream(answer.body()), "the stream ends with its head");
    });
}

// === A gateway that stops ===

async fn connect(stack: &TestStack) -> SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(stack.address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

fn chat(stack: &TestStack, body: String) -> http::Request<Full<Bytes>> {
    http::Request::post(format!("http://{}/v1/chat/completions", stack.address))
        .header("authorization", format!("Bearer {KEY}"))
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}

#[test]
fn stopping_lets_running_streams_finish_and_takes_no_new_ones() {
    let upstream = Upstream::acting(
        [begun(&[&role(), &word("Paris")], Act::Gate), vec![chunk(&finish()), chunk(DONE), last_chunk()]].concat(),
    );
    let mut stack = TestStack::over(&[upstream.address]);
    let handle = stack.runtime().handle().clone();
    let (mut sender, mut body) = handle.block_on(async {
        let mut sender = connect(&stack).await;
        let mut body = sender.send_request(chat(&stack, ask_for_stream(""))).await.unwrap().into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(first.starts_with(b"data:"), "{first:?}");
        (sender, body)
    });
    let stopping = stack.begin_to_stop();
    handle.block_on(async {
        let until = Instant::now() + Duration::from_secs(5);
        let health = || {
            let request = http::Request::get(format!("http://{}/healthz", stack.address));
            request.body(Full::new(Bytes::new())).unwrap()
        };
        while sender.send_request(health()).await.is_ok() {
            assert!(Instant::now() < until, "new streams are still taken");
        }
        upstream.open_gate();
        let mut rest = Vec::new();
        while let Some(frame) = body.frame().await {
            rest.extend(frame.expect("the stream is not cut").into_data().unwrap_or_default());
        }
        assert!(rest.ends_with(DONE.as_bytes()), "{}", String::from_utf8_lossy(&rest));
    });
    stopping.join().unwrap();
}
