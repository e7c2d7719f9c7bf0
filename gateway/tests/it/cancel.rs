//! Callers that leave, stop reading, or go on sending; and a gateway that stops. Every way out leaves one row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::{Clock, Outcome, RequestRecord, Timestamp};
use gateway::{Limits, SystemClock};

use crate::stack::{KEY, Setup, TestStack, ask, ask_for_stream, limits, summary};
use crate::upstream::{
    ANSWER, Act, DONE, Upstream, begun, chunk, finish, framed, good_stream, last_chunk, role, whole, word,
};
use crate::wire::{Call, Next, get, post};

/// What an upstream's work costs while nobody waits for it any more: it must not go on for longer than this.
/// The goal is 100 ms; the rest is for machines with more tests than cores.
const PROMPT: Duration = Duration::from_secs(1);

#[track_caller]
fn assert_prompt(what: &str, left: Instant, gone: Instant) {
    let took = gone.saturating_duration_since(left);
    #[expect(clippy::print_stderr, reason = "the figure is worth seeing")]
    {
        eprintln!("upstream closed after {took:?}: {what}");
    }
    assert!(took < PROMPT, "{what}: {took:?}");
}

/// One row that says the caller left while this model was at work.
#[track_caller]
fn assert_cancelled(stack: &TestStack, attempt: &str) -> RequestRecord {
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::ClientCancelled, 499, vec![format!("p0/small {attempt}")]));
    let usage = record.finished.usage.expect("the prompt was read");
    assert!(usage.estimated && usage.prompt_tokens > 0, "{usage:?}");
    assert!(record.finished.cost.is_some());
    record
}

fn leave_by_close(call: Call) {
    drop(call);
}

// === The three windows ===

#[test]
fn leaving_before_the_upstreams_head_closes_the_upstream() {
    for (body, leave) in [
        (ask(""), leave_by_close as fn(Call)),
        (ask(""), Call::reset),
        (ask_for_stream(""), leave_by_close),
        (ask_for_stream(""), Call::reset),
    ] {
        let upstream = Upstream::acting(vec![Act::Hold]);
        let stack = TestStack::over(&[upstream.address]);
        let call = stack.begin(&body);
        upstream.wait_for_call();
        assert!(upstream.is_held());
        let left = Instant::now();
        leave(call);
        assert_prompt("before the head", left, upstream.left());
        let record = assert_cancelled(&stack, "cancelled");
        assert_eq!(record.finished.usage.unwrap().completion_tokens, 0);
    }
}

#[test]
fn leaving_between_head_and_content_closes_the_upstream() {
    let upstream = Upstream::acting([begun(&[&role()], Act::Gate), vec![Act::Hold]].concat());
    let stack = TestStack::over(&[upstream.address]);
    let call = stack.begin(&ask_for_stream(""));
    upstream.wait_for_call();
    upstream.open_gate();
    let left = Instant::now();
    drop(call);
    assert_prompt("between head and content", left, upstream.left());
    assert_cancelled(&stack, "cancelled");
}

#[test]
fn leaving_in_the_middle_of_an_answer_that_is_no_stream_closes_the_upstream() {
    let cut = whole("200 OK", "", ANSWER);
    let upstream = Upstream::acting(vec![Act::Send(cut[..cut.len() - 20].to_vec()), Act::Hold]);
    let stack = TestStack::over(&[upstream.address]);
    let call = stack.begin(&ask(""));
    upstream.wait_for_call();
    let left = Instant::now();
    drop(call);
    assert_prompt("in the middle of a whole answer", left, upstream.left());
    assert_cancelled(&stack, "cancelled");
}

#[test]
fn leaving_in_mid_stream_closes_the_upstream_and_counts_what_was_said() {
    for leave in [leave_by_close as fn(Call), Call::reset] {
        let upstream = Upstream::acting(begun(&[&role(), &word("Paris is the capital of France")], Act::Hold));
        let stack = TestStack::over(&[upstream.address]);
        let mut call = stack.begin(&ask_for_stream(""));
        call.head().unwrap();
        call.until("Paris");
        let left = Instant::now();
        leave(call);
        assert_prompt("in mid-stream", left, upstream.left());
        let record = assert_cancelled(&stack, "cancelled");
        assert!(record.finished.usage.unwrap().completion_tokens >= 5);
    }
}

#[test]
fn leaving_behind_a_released_head_closes_the_upstream() {
    let upstream = Upstream::acting(vec![Act::Hold]);
    let limits = Limits { head_hold: Duration::from_millis(10), keep_alive: Duration::from_millis(10), ..limits() };
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() });
    let mut call = stack.begin(&ask_for_stream(""));
    call.head().unwrap();
    assert!(matches!(call.next(), Next::Event(_)));
    let left = Instant::now();
    drop(call);
    assert_prompt("behind a released head", left, upstream.left());
    assert_cancelled(&stack, "cancelled");
}

#[test]
fn leaving_while_the_body_is_still_being_sent_leaves_a_row_without_attempts() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let mut call = stack.call();
    call.send(post("/v1/chat/completions", KEY, "").replace("content-length: 0", "content-length: 1000"));
    stack.wait_until_busy();
    drop(call);
    let record = stack.record();
    assert!(matches!(record.finished.outcome, Outcome::ClientCancelled | Outcome::Failed), "{record:?}");
    assert_eq!((record.finished.attempts.len(), record.finished.usage, upstream.calls()), (0, None, 0));
}

// === Bytes behind the request ===

#[test]
fn leaving_is_noticed_behind_pipelined_bytes() {
    let next = post("/v1/chat/completions", KEY, &ask(""));
    // Together with the request, and after it: the HTTP library reads the two on different ways.
    for together in [true, false] {
        let upstream = Upstream::acting(vec![Act::Hold]);
        let stack = TestStack::over(&[upstream.address]);
        let mut call = stack.call();
        let first = post("/v1/chat/completions", KEY, &ask(""));
        if together {
            call.send(format!("{first}{next}"));
        } else {
            call.send(first);
        }
        upstream.wait_for_call();
        if !together {
            call.send(&next);
        }
        let left = Instant::now();
        drop(call);
        assert_prompt("behind pipelined bytes", left, upstream.left());
        assert_cancelled(&stack, "cancelled");
        assert_eq!(upstream.calls(), 1, "the second is not begun for a caller that is gone");
    }
}

#[test]
fn leaving_is_noticed_in_mid_stream_behind_pipelined_bytes() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Hold));
    let stack = TestStack::over(&[upstream.address]);
    let mut call = stack.begin(&ask_for_stream(""));
    call.head().unwrap();
    call.until("Paris");
    call.send(get("/v1/models", KEY));
    let left = Instant::now();
    drop(call);
    assert_prompt("in mid-stream behind pipelined bytes", left, upstream.left());
    assert_cancelled(&stack, "cancelled");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::acting(vec![Act::Gate, Act::Send(whole("200 OK", "", ANSWER))]);
    let stack = TestStack::over(&[upstream.address]);
    let mut call = stack.begin(&ask(""));
    upstream.wait_for_call();
    call.send(get("/v1/models", KEY));
    call.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
    // Long enough for whatever watches the connection to have looked at it.
    std::thread::sleep(Duration::from_millis(150));
    upstream.open_gate();
    assert_eq!(call.answer().json()["model"], "p0/small");
    assert_eq!(call.answer().json()["object"], "list");
    assert_eq!(call.answer().body, "ok\n");
    assert_eq!(summary(&stack.record()).0, Outcome::Completed);
}

/// A caller that has closed its sending side is taken for one that left: the two look the same from here.
#[test]
fn a_caller_that_ends_its_side_counts_as_gone() {
    let upstream = Upstream::acting(vec![Act::Hold]);
    let stack = TestStack::over(&[upstream.address]);
    let mut call = stack.begin(&ask(""));
    upstream.wait_for_call();
    call.stop_sending();
    upstream.left();
    assert_cancelled(&stack, "cancelled");
}

// === HTTP/2 ===

mod http2 {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper::client::conn::http2::SendRequest;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    use super::*;

    async fn connect(stack: &TestStack) -> SendRequest<Full<Bytes>> {
        let stream = tokio::net::TcpStream::connect(stack.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        sender
    }

    fn request(stack: &TestStack, body: String) -> http::Request<Full<Bytes>> {
        request_to(stack, "/v1/chat/completions", body)
    }

    fn request_to(stack: &TestStack, path: &str, body: String) -> http::Request<Full<Bytes>> {
        http::Request::post(format!("http://{}{path}", stack.address))
            .header("authorization", format!("Bearer {KEY}"))
            .body(Full::from(body))
            .unwrap()
    }

    #[test]
    fn a_reset_of_the_stream_before_the_head_closes_the_upstream() {
        let upstream = Upstream::acting(vec![Act::Hold]);
        let stack = TestStack::over(&[upstream.address]);
        stack.runtime().block_on(async {
            let mut sender = connect(&stack).await;
            let response = tokio::spawn(sender.send_request(request(&stack, ask(""))));
            tokio::task::block_in_place(|| upstream.wait_for_call());
            let left = Instant::now();
            response.abort();
            let gone = tokio::task::block_in_place(|| upstream.left());
            assert_prompt("by a reset of the HTTP/2 stream before the head", left, gone);
        });
        assert_cancelled(&stack, "cancelled");
    }

    #[test]
    fn a_reset_of_the_stream_in_its_middle_closes_the_upstream_and_nothing_else() {
        let upstream = Upstream::start(vec![begun(&[&role(), &word("Paris")], Act::Hold), good_stream()]);
        let stack = TestStack::over(&[upstream.address]);
        stack.runtime().block_on(async {
            let mut sender = connect(&stack).await;
            let mut response = sender.send_request(request(&stack, ask_for_stream(""))).await.unwrap();
            assert!(response.frame().await.unwrap().is_ok());
            let left = Instant::now();
            drop(response);
            let gone = tokio::task::block_in_place(|| upstream.left());
            assert_prompt("by a reset of the HTTP/2 stream in its middle", left, gone);
            let next = sender.send_request(request(&stack, ask_for_stream(""))).await.unwrap();
            assert!(next.into_body().collect().await.unwrap().to_bytes().ends_with(DONE.as_bytes()));
        });
        stack.wait_until_idle();
        let mut outcomes: Vec<_> = stack.records().iter().map(|record| record.finished.outcome.as_str()).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["client_cancelled", "completed"]);
    }

    #[test]
    fn a_broken_stream_ends_with_an_error_and_not_cleanly() {
        let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Reset));
        let stack = TestStack::over(&[upstream.address]);
        stack.runtime().block_on(async {
            let mut sender = connect(&stack).await;
            let mut body = sender.send_request(request(&stack, ask_for_stream(""))).await.unwrap().into_body();
            let mut text = Vec::new();
            let end = loop {
                match body.frame().await {
                    Some(Ok(frame)) => text.extend(frame.into_data().unwrap()),
                    end => break end,
                }
            };
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("stream_interrupted") && !text.contains("[DONE]"), "{text}");
            assert!(matches!(end, Some(Err(_))), "a clean end");
        });
        assert_eq!(summary(&stack.record()).0, Outcome::Interrupted);
    }

    #[test]
    fn a_caller_that_stops_reading_one_stream_is_given_up() {
        check_that_one_who_does_not_read_is_given_up("/v1/chat/completions", "auto");
        check_that_one_who_does_not_read_is_given_up("/p0/chat/completions", "native-small");
    }

    #[track_caller]
    fn check_that_one_who_does_not_read_is_given_up(path: &str, model: &str) {
        let flood = framed(&word(&"x".repeat(8_000)));
        let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Flood(flood)));
        let limits = Limits { write_stall: Duration::from_millis(200), ..limits() };
        let stack = TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() });
        stack.runtime().block_on(async {
            let mut sender = connect(&stack).await;
            // Held and not read: its window fills, while the connection itself is well.
            let body = ask_for_stream("").replace("\"auto\"", &format!("\"{model}\""));
            let response = sender.send_request(request_to(&stack, path, body)).await.unwrap();
            tokio::task::block_in_place(|| upstream.left());
            drop(response);
        });
        assert_eq!(summary(&stack.record()).0, Outcome::ClientCancelled);
    }
}

// === Callers that do not read ===

#[test]
fn a_caller_that_stops_reading_pauses_the_upstream_and_is_given_up() {
    let flood = framed(&word(&"x".repeat(8_000)));
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Flood(flood)));
    let limits = Limits { write_stall: Duration::from_millis(300), ..limits() };
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() });
    let mut call = stack.begin(&ask_for_stream(""));
    call.head().unwrap();
    let began = Instant::now();
    upstream.left();
    assert!(began.elapsed() >= Duration::from_millis(250), "given up too early: {:?}", began.elapsed());
    // What the kernel's own buffers on both sides hold, and no more: loopback's grow to some MiB each.
    assert!(upstream.flooded() < 64 << 20, "{} bytes were taken for a caller that reads none", upstream.flooded());
    let record = assert_cancelled(&stack, "cancelled");
    assert!(record.finished.usage.unwrap().completion_tokens > 0);
    drop(call);
}

#[test]
fn a_slow_reader_gets_everything() {
    let text = "x".repeat(8_000);
    let mut events = vec![role()];
    events.extend((0..1_000).map(|_| word(&text)));
    events.extend([finish(), DONE.to_owned()]);
    let upstream = Upstream::acting(crate::upstream::stream_of(&events));
    let limits = Limits { write_stall: Duration::from_secs(5), ..limits() };
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() });
    let mut call = stack.call();
    socket2::SockRef::from(call.stream()).set_recv_buffer_size(64 << 10).unwrap();
    call.send(post("/v1/chat/completions", KEY, &ask_for_stream("")));
    let answer = call.answer();
    assert!(answer.complete);
    assert_eq!(answer.text().len(), 1_000 * 8_000);
}

// === A gateway that stops ===

#[test]
fn stopping_lets_running_streams_finish_and_takes_nothing_new() {
    let upstream = Upstream::acting(
        [begun(&[&role(), &word("Paris")], Act::Gate), vec![chunk(&finish()), chunk(DONE), last_chunk()]].concat(),
    );
    let mut stack = TestStack::over(&[upstream.address]);
    let mut call = stack.begin(&ask_for_stream(""));
    call.head().unwrap();
    call.until("Paris");
    let mut idle = stack.call();
    idle.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(idle.answer().status, 200);

    let stopping = stack.begin_to_stop();
    idle.assert_closed();
    let until = Instant::now() + Duration::from_secs(2);
    while std::net::TcpStream::connect(stack.address).is_ok() {
        assert!(Instant::now() < until, "still listening");
    }
    upstream.open_gate();
    call.until("[DONE]");
    assert_eq!(call.next(), Next::CleanEnd);
    stopping.join().unwrap();
    assert_eq!(summary(&stack.record()).0, Outcome::Completed);
}

#[test]
fn answers_of_a_stopping_gateway_say_that_the_connection_ends() {
    let upstream = Upstream::acting(vec![Act::Gate, Act::Send(whole("200 OK", "", ANSWER))]);
    let mut stack = TestStack::over(&[upstream.address]);
    let mut call = stack.begin(&ask(""));
    upstream.wait_for_call();
    let address = stack.address;
    let stopping = stack.begin_to_stop();
    let until = Instant::now() + Duration::from_secs(2);
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < until, "still listening");
    }
    upstream.open_gate();
    let answer = call.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    call.assert_closed();
    stopping.join().unwrap();
}

#[test]
fn streams_that_outlast_the_drain_are_cut_and_recorded() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Hold));
    let limits = Limits { drain: Duration::from_millis(50), ..limits() };
    let mut stack = TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() });
    let mut call = stack.begin(&ask_for_stream(""));
    call.head().unwrap();
    call.until("Paris");
    stack.begin_to_stop().join().unwrap();
    let mut error = None;
    let end = loop {
        match call.next() {
            Next::Event(event) => error = Some(event),
            end => break end,
        }
    };
    assert_eq!(end, Next::Broken, "never a clean end");
    assert!(error.is_some_and(|event| event.contains("\"shutting_down\"")), "the caller is told");
    upstream.left();
    let record = stack.record();
    assert_eq!(record.finished.outcome, Outcome::Interrupted, "{record:?}");
}

#[test]
fn requests_that_outlast_the_drain_are_told_to_come_again() {
    let upstream = Upstream::acting(vec![Act::Hold]);
    let limits = Limits { drain: Duration::from_millis(50), ..limits() };
    let mut stack = TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() });
    let mut call = stack.begin(&ask(""));
    upstream.wait_for_call();
    let stopping = stack.begin_to_stop();
    let answer = call.answer();
    answer.assert_error(503, "overloaded_error", "shutting_down");
    assert_eq!(answer.header("retry-after"), Some("1"));
    stopping.join().unwrap();
    upstream.left();
    let (outcome, status, _) = summary(&stack.record());
    assert_eq!((outcome, status), (Outcome::Failed, 503));
}

// === Bugs ===

/// Breaks when it is asked the time in the middle of a request.
struct BrokenClock {
    broken: AtomicBool,
    real: SystemClock,
}

impl Clock for BrokenClock {
    fn wall(&self) -> Timestamp {
        self.real.wall()
    }

    fn monotonic(&self) -> Duration {
        assert!(!self.broken.load(Ordering::SeqCst), "a bug");
        self.real.monotonic()
    }
}

#[test]
fn a_bug_in_one_request_is_an_error_with_a_row_and_harms_no_other() {
    let upstream = Upstream::good();
    let clock = Arc::new(BrokenClock { broken: AtomicBool::new(true), real: SystemClock::default() });
    let setup = Setup { upstreams: vec![upstream.address], clock: clock.clone(), ..Setup::default() };
    let stack = TestStack::start(setup);
    stack.chat(&ask("")).assert_error(500, "internal_error", "internal_error");
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Failed, 500, Vec::new()));
    assert_eq!(record.finished.error.as_deref(), Some("internal_error"));
    clock.broken.store(false, Ordering::SeqCst);
    assert_eq!(stack.chat(&ask("")).status, 200);
}
