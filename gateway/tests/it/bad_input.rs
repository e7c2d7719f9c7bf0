//! What callers send by mistake or in malice: each gets its status and a message that says how to mend it.

use std::time::Duration;

use domain::Outcome;
use gateway::Limits;

use crate::stack::{KEY, Setup, TestStack, UNKNOWN, ask, limits, summary};
use crate::upstream::Upstream;
use crate::wire::{Response, get, post, post_with};

const PATH: &str = "/v1/chat/completions";
const INVALID: &str = "invalid_request_error";

/// A stack in which no request should get as far as an upstream.
fn nowhere() -> TestStack {
    TestStack::over(&[Upstream::nobody()])
}

fn with_limits(limits: Limits) -> TestStack {
    TestStack::start(Setup { upstreams: vec![Upstream::nobody()], limits, ..Setup::default() })
}

/// The body is refused with this code and names this field, and the request leaves one row.
#[track_caller]
fn check(body: impl AsRef<[u8]>, code: &str, param: Option<&str>) {
    let stack = nowhere();
    let answer = send_bytes(&stack, body.as_ref());
    answer.assert_error(400, INVALID, code);
    assert_eq!(answer.json()["error"]["param"].as_str(), param, "{}", answer.body);
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Failed, 400, Vec::new()));
    assert_eq!(record.finished.error.as_deref(), Some(code));
}

fn send_bytes(stack: &TestStack, body: &[u8]) -> Response {
    let mut call = stack.call();
    let head = post(PATH, KEY, "").replace("content-length: 0", &format!("content-length: {}", body.len()));
    call.send(head);
    call.send(body);
    call.answer()
}

// === The body's content ===

#[test]
fn malformed_json_is_refused() {
    check("", "invalid_json", None);
    check("{\"model\":\"auto\",", "invalid_json", None);
    check("{\"model\":\"auto\",\"messages\":[}", "invalid_json", None);
    check("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]} trailing", "invalid_json", None);
    check(ask(r#","temperature":NaN"#), "invalid_json", None);
    check("[]", "invalid_type", None);
    check("null", "invalid_type", None);
}

#[test]
fn wrong_types_are_named() {
    check(r#"{"model":7,"messages":[{"role":"user","content":"x"}]}"#, "invalid_type", Some("model"));
    check(r#"{"messages":"hello"}"#, "invalid_type", Some("messages"));
    check(r#"{"messages":[7]}"#, "invalid_type", Some("messages[0]"));
    check(ask(r#","stream":"yes""#), "invalid_type", Some("stream"));
    check(ask(r#","max_tokens":"many""#), "invalid_type", Some("max_tokens"));
    check(ask(r#","max_tokens":1e999"#), "invalid_value", Some("max_tokens"));
    check(ask(r#","tools":{}"#), "invalid_type", Some("tools"));
    check(ask(r#","tags":[{"key":1,"value":"x"}]"#), "invalid_type", Some("tags[0].key"));
    check(ask(r#","routing":{"max_cost_usd":"much"}"#), "invalid_value", Some("routing.max_cost_usd"));
}

#[test]
fn missing_and_empty_messages_are_refused() {
    check(r#"{"model":"auto"}"#, "missing_field", Some("messages"));
    check(r#"{"model":"auto","messages":[]}"#, "invalid_value", Some("messages"));
}

#[test]
fn keys_given_twice_are_refused() {
    check(ask(r#","model":"p0/small""#), "duplicate_field", Some("model"));
    check(ask(r#","mod\u0065l":"p0/small""#), "duplicate_field", Some("model"));
    check(ask(r#","x":1,"x":2"#), "duplicate_field", Some("x"));
}

#[test]
fn text_that_is_none_is_refused() {
    check(b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}", "invalid_utf8", None);
    check(r#"{"messages":[{"role":"user","content":"\ud800"}]}"#, "invalid_character", None);
    check("{\"messages\":[{\"role\":\"user\",\"content\":\"\0\"}]}", "invalid_character", None);
}

#[test]
fn ten_thousand_levels_of_nesting_are_refused() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    check(ask(&format!(r#","x":{deep}"#)), "nesting_too_deep", None);
    check(deep, "nesting_too_deep", None);
}

// === The body's size and pace ===

#[test]
fn ten_mebibytes_of_prompt_are_taken() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let prompt = "All work and no play. ".repeat((10 << 20) / 22 + 1);
    let answer = stack.chat(&format!(r#"{{"messages":[{{"role":"user","content":"{prompt}"}}]}}"#));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(upstream.last_body().contains(&prompt));
}

#[test]
fn a_body_announced_too_large_is_refused_unread() {
    let stack = nowhere();
    let mut call = stack.call();
    call.send(post(PATH, KEY, "").replace("content-length: 0", &format!("content-length: {}", 33 << 20)));
    let answer = call.answer();
    answer.assert_error(413, INVALID, "body_too_large");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("32 MiB"), "{}", answer.body);
    assert_eq!(summary(&stack.record()), (Outcome::Failed, 413, Vec::new()));
}

#[test]
fn a_caller_that_sends_all_of_a_too_large_body_still_gets_the_refusal() {
    let stack = nowhere();
    let answer = send_bytes(&stack, &vec![b' '; 33 << 20]);
    answer.assert_error(413, INVALID, "body_too_large");
}

#[test]
fn a_body_that_grows_too_large_is_refused() {
    let stack = nowhere();
    let mut call = stack.call();
    call.send(format!(
        "POST {PATH} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    ));
    let mut chunk = format!("{:x}\r\n", 1 << 20).into_bytes();
    chunk.resize(chunk.len() + (1 << 20), b' ');
    chunk.extend(b"\r\n");
    for _ in 0..33 {
        call.send(&chunk);
    }
    call.send("0\r\n\r\n");
    call.answer().assert_error(413, INVALID, "body_too_large");
    assert_eq!(summary(&stack.record()), (Outcome::Failed, 413, Vec::new()));
}

#[test]
fn a_slow_body_is_given_up() {
    let stack = with_limits(Limits { body_wait: Duration::from_millis(50), ..limits() });
    let mut call = stack.call();
    call.send(post(PATH, KEY, "").replace("content-length: 0", "content-length: 100"));
    call.send("{\"messages\":");
    call.answer().assert_error(408, INVALID, "slow_body");
    call.assert_closed();
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Failed, 408, Vec::new()));
    let (queue, overhead) = (record.finished.queue_micros.unwrap(), record.finished.overhead_micros.unwrap());
    assert!(queue >= 50_000 && overhead < queue, "{queue} µs were the caller's, {overhead} the gateway's");
}

#[test]
fn a_body_that_breaks_off_leaves_a_row() {
    let stack = nowhere();
    let mut call = stack.call();
    call.send(post(PATH, KEY, "").replace("content-length: 0", "content-length: 100"));
    call.send("{\"messages\":");
    stack.wait_until_busy();
    drop(call);
    let (outcome, status, attempts) = summary(&stack.record());
    assert!(matches!((outcome, status), (Outcome::Failed, 400) | (Outcome::ClientCancelled, 499)), "{outcome:?}");
    assert!(attempts.is_empty());
}

#[test]
fn a_caller_that_asks_first_is_told_to_go_on_or_refused() {
    let stack = nowhere();
    let ask_first = |length: usize| {
        post(PATH, KEY, "").replace("content-length: 0", &format!("content-length: {length}\r\nexpect: 100-continue"))
    };
    let mut call = stack.call();
    call.send(ask_first(2));
    assert_eq!(call.head().unwrap().status, 100);
    call.send("{}");
    call.answer().assert_error(400, INVALID, "missing_field");

    let mut call = stack.call();
    call.send(ask_first(33 << 20));
    call.answer().assert_error(413, INVALID, "body_too_large");
}

// === The head ===

#[test]
fn only_json_is_taken() {
    let stack = nowhere();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let headers = format!("authorization: Bearer {KEY}\r\ncontent-type: {kind}\r\n");
        stack.send(&post_with(PATH, &headers, &ask(""))).assert_error(415, INVALID, "unsupported_media_type");
    }
}

#[test]
fn wrong_methods_learn_the_right_one() {
    let stack = nowhere();
    let answer = stack.send(&get(PATH, KEY));
    answer.assert_error(405, INVALID, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = stack.send(&post("/v1/models", KEY, "{}"));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    let answer = stack.send(&post("/readyz", KEY, "{}"));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(stack.records().len(), 0);
}

#[test]
fn unknown_paths_are_named() {
    let stack = nowhere();
    for path in ["/", "/v1", "/v1/chat", "/v1/chat/completions/", "/v1/completions", "/abc/chat/completions"] {
        let answer = stack.send(&post(path, KEY, &ask("")));
        answer.assert_error(404, "not_found_error", "unknown_path");
    }
    assert_eq!(stack.records().len(), 0);
}

#[test]
fn header_bombs_are_refused() {
    let stack = nowhere();
    let many = "x-bomb: 1\r\n".repeat(1_000);
    let long = format!("x-bomb: {}\r\n", "x".repeat(300 << 10));
    for headers in [many, long] {
        let mut call = stack.call();
        call.send(format!("GET /v1/models HTTP/1.1\r\nhost: test\r\n{headers}\r\n"));
        call.answer().assert_error(431, INVALID, "head_too_large");
    }
}

#[test]
fn a_head_may_take_so_many_bytes_and_not_one_more() {
    let stack = nowhere();
    let begin = "GET /healthz HTTP/1.1\r\nhost: test\r\nx-long: ";
    for (length, status) in [(128 << 10, 200), ((128 << 10) + 1, 431), (190 << 10, 431)] {
        let value = "x".repeat(length - begin.len() - 4);
        let mut call = stack.call();
        // The answer before is due first.
        call.send(get("/healthz", KEY) + begin + &value + "\r\n\r\n");
        assert_eq!(call.answer().status, 200);
        let answer = call.answer();
        assert_eq!(answer.status, status, "{length}");
        if status != 200 {
            answer.assert_error(431, INVALID, "head_too_large");
            call.assert_closed();
        }
    }
}

#[test]
fn a_refused_caller_that_still_sends_is_not_reset() {
    let stack = nowhere();
    let mut call = stack.call();
    call.send(format!("GET / HTTP/1.1\r\nhost: test\r\nx-long: {}", "x".repeat(400 << 10)));
    call.answer().assert_error(431, INVALID, "head_too_large");
    let end = std::io::Read::read(&mut call.stream(), &mut [0]);
    assert!(matches!(end, Ok(0)), "{end:?}");
    assert!(call.send("x".repeat(100 << 10)), "what it still sends is taken");
}

/// Whatever is wrong with a request: the answer names it, and says what.
#[test]
fn odd_requests_are_refused_in_our_words_and_by_their_name() {
    let stack = nowhere();
    for request in [
        "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        "TRACE / HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "G\tET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n: b\r\n\r\n",
        "GET http://[a HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 0\r\n\r\n",
    ] {
        let mut call = stack.call();
        call.send(request);
        let answer = call.answer();
        assert!((400..500).contains(&answer.status), "{request:?}: {}", answer.status);
        assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "{request:?}");
        assert!(answer.json()["error"]["message"].is_string(), "{request:?}: {}", answer.body);
    }
}

#[test]
fn an_address_that_is_too_long_is_refused() {
    let answer = nowhere().send(&get(&format!("/{}", "x".repeat(70_000)), KEY));
    answer.assert_error(414, INVALID, "target_too_long");
}

#[test]
fn what_is_no_request_is_told_so() {
    let stack = nowhere();
    for begin in ["\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nno field\r\n\r\n", "GET / HTTP/7.0\r\n\r\n"] {
        let mut call = stack.call();
        call.send(begin);
        let answer = call.answer();
        answer.assert_error(400, INVALID, "malformed_request");
        assert!(answer.complete && answer.header("date").is_some(), "{begin}");
        call.assert_closed();
    }
}

#[test]
fn header_bombs_of_http2_are_refused_and_the_connection_lives_on() {
    use http_body_util::{BodyExt, Empty};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let stack = nowhere();
    let request = |bomb: String| {
        http::Request::get(format!("http://{}/v1/models", stack.address))
            .header("authorization", format!("Bearer {KEY}"))
            .header("x-bomb", bomb)
            .body(Empty::<bytes::Bytes>::new())
            .unwrap()
    };
    let statuses = stack.runtime().block_on(async {
        let stream = tokio::net::TcpStream::connect(stack.address).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let mut statuses = Vec::new();
        for length in [31 << 10, 32 << 10, 100 << 10, 10] {
            let answer = sender.send_request(request("x".repeat(length))).await.unwrap();
            let status = answer.status().as_u16();
            let is_named = answer.headers().contains_key("x-request-id");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let is_explained = String::from_utf8_lossy(&body).contains("head_too_large");
            statuses.push((status, is_named, is_explained));
        }
        statuses
    });
    // What is larger by far the library refuses before it is a request.
    assert_eq!(statuses, [(200, true, false), (431, true, true), (431, false, false), (200, true, false)]);
}

#[test]
fn connections_that_say_nothing_or_too_little_are_closed() {
    let stack = with_limits(Limits { header_wait: Duration::from_millis(50), ..limits() });
    for begin in ["", "PRI * HTTP/2"] {
        let mut call = stack.call();
        call.send(begin);
        call.assert_closed();
    }
}

#[test]
fn a_head_that_does_not_end_is_answered_and_closed() {
    let stack = with_limits(Limits { header_wait: Duration::from_millis(50), ..limits() });
    for begin in ["G", "GET /v1/models HTTP/1.1\r\nhost: te", "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nGET /hea"] {
        let mut call = stack.call();
        call.send(begin);
        let mut answer = call.answer();
        if answer.status == 200 {
            answer = call.answer();
        }
        assert!(answer.complete, "{begin}");
        answer.assert_error(408, INVALID, "slow_head");
        call.assert_closed();
    }
}

#[test]
fn a_connection_that_ends_within_its_first_word_is_closed_at_once() {
    let stack = with_limits(Limits { header_wait: Duration::from_mins(1), ..limits() });
    for word in ["P", "PRI * HT", "POS"] {
        let mut call = stack.call();
        call.send(word);
        call.stop_sending();
        call.assert_closed();
    }
}

#[test]
fn a_kept_connection_that_idles_is_closed() {
    let stack = with_limits(Limits { idle_wait: Duration::from_millis(100), ..limits() });
    let mut call = stack.call();
    call.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(call.answer().status, 200);
    call.assert_closed();
}

#[test]
fn a_kept_connection_may_idle_for_longer_than_a_head_may_take() {
    let stack = with_limits(Limits { header_wait: Duration::from_millis(50), ..limits() });
    let mut call = stack.call();
    for _ in 0..2 {
        call.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
        assert_eq!(call.answer().status, 200);
        // Being idle is what is tried here.
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_packed_body_is_refused_by_the_name_of_its_header() {
    let request = post("/v1/chat/completions", KEY, &ask("")).replacen("\r\n", "\r\ncontent-encoding: gzip\r\n", 1);
    let answer = nowhere().send(&request);
    assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &serde_json::json!("Content-Encoding")));
}

#[test]
fn ambiguous_framing_ends_the_connection() {
    let stack = nowhere();
    let body = ask("");
    let length = body.len();
    for framing in [
        format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
        format!("content-length: {length}, {}\r\n", length + 1),
        format!("content-length: +{length}\r\n"),
        "content-length: -1\r\n".to_owned(),
        "transfer-encoding: gzip\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        format!("content-length : {length}\r\n"),
        format!("x-folded: a\r\n b\r\ncontent-length: {length}\r\n"),
    ] {
        let mut call = stack.call();
        call.send(format!("POST {PATH} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {KEY}\r\n{framing}\r\n{body}"));
        let answer = call.answer();
        assert_eq!(answer.status, 400, "{framing}");
        answer.assert_error(400, INVALID, answer.json()["error"]["code"].as_str().unwrap());
        call.assert_closed();
    }
    assert_eq!(stack.records().len(), 0);
}

#[test]
fn requests_that_do_not_name_one_server_are_refused_with_a_reason_and_the_connection_closed() {
    let stack = nowhere();
    for (target, hosts) in [
        ("", ""),
        ("", "host: a\r\nhost: a\r\n"),
        ("", "host: a\r\nHost: b\r\n"),
        ("", "host: a b\r\n"),
        ("", "host: a:b\r\n"),
        ("", "host: a:65536\r\n"),
        ("http://a", ""),
        ("http://a", "host: b\r\n"),
    ] {
        let body = ask("");
        let request = format!(
            "POST {target}{PATH} HTTP/1.1\r\n{hosts}authorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut call = stack.call();
        call.send(request);
        let answer = call.answer();
        answer.assert_error(400, "invalid_request_error", "invalid_value");
        assert_eq!(answer.json()["error"]["param"], "Host", "{target} {hosts}");
        call.assert_closed();
    }
    for request in [
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET http://a:1/healthz HTTP/1.1\r\nhost: A:1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost:\r\n\r\n",
    ] {
        let mut call = stack.call();
        call.send(request);
        assert_eq!(call.answer().status, 200, "{request}");
    }
}

/// What a proxy in front may read otherwise than we do is not read at all, and nothing behind it either.
#[test]
fn requests_that_could_be_cut_in_two_ways_are_refused_and_the_connection_closed() {
    let stack = nowhere();
    let hidden = "GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n";
    let length = hidden.len();
    for (head, body) in [
        (format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", 5 + length), format!("0\r\n\r\n{hidden}")),
        (format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", 5 + length), format!("0\r\n\r\n{hidden}")),
        (format!("content-length: {length}\r\ncontent-length: {length}\r\n"), hidden.to_owned()),
        (format!("content_length: {length}\r\n"), hidden.to_owned()),
        (format!("content-length: {length}\n"), hidden.to_owned()),
        ("transfer-encoding:\x0bchunked\r\n".to_owned(), format!("0\r\n\r\n{hidden}")),
    ] {
        // The request before it is answered as if nothing were wrong.
        let request =
            format!("POST {PATH} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {UNKNOWN}\r\n{head}\r\n{body}");
        let mut call = stack.call();
        call.send(format!("{hidden}{request}"));
        assert_eq!(call.answer().status, 200, "{head}");
        call.answer().assert_error(400, INVALID, "ambiguous_request");
        call.assert_closed();
    }
    assert_eq!(stack.records().len(), 0);
}

#[test]
fn chunks_that_are_none_end_the_request_and_the_connection() {
    let stack = nowhere();
    for chunk in ["x\r\n", "5\nhello\r\n", "3\r\nhello\r\n", "fffffffffffffffff\r\n", "5 5\r\nhello\r\n"] {
        let mut call = stack.call();
        let head = post(PATH, KEY, "").replace("content-length: 0", "transfer-encoding: chunked");
        call.send(format!("{head}{chunk}GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n"));
        call.answer().assert_error(400, INVALID, "broken_body");
        call.assert_closed();
    }
}
