//! Streams: their shape, how they are delivered, and the many ways in which upstreams break them.

use std::time::{Duration, Instant};

use domain::{Money, Outcome, Timeouts};
use gateway::Limits;
use ledger::LedgerOptions;
use serde_json::{Value, json};

use crate::stack::{KEY, Setup, TestStack, ask_for_stream, limits, summary};
use crate::upstream::{
    ANSWER, Act, DONE, STREAM_HEAD, Upstream, begun, chunk, event, finish, framed, good_events, good_stream,
    last_chunk, role, stream_head, stream_of, usage, whole, word,
};
use crate::wire::{Next, Response, post};

/// The answer to a stream request over one upstream, and the stack that gave it.
fn streamed(acts: Vec<Act>) -> (TestStack, Response) {
    let upstream = Upstream::acting(acts);
    let stack = TestStack::over(&[upstream.address]);
    let answer = stack.chat(&ask_for_stream(""));
    (stack, answer)
}

fn with_timeouts(upstreams: Vec<std::net::SocketAddr>, timeouts: Timeouts) -> TestStack {
    TestStack::start(Setup { upstreams, timeouts, ..Setup::default() })
}

// === A good stream ===

#[test]
fn stream_has_the_vendors_shape_and_says_how_it_was_routed() {
    let (stack, answer) = streamed(good_stream());
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(answer.header("x-routing-model"), Some("p0/small"));
    assert!(answer.complete, "the end is clean");
    assert_eq!(answer.events().last(), Some(&"[DONE]"));
    assert_eq!(answer.text(), "Paris, of course.");

    let chunks = answer.chunks();
    assert!(chunks.iter().all(|chunk| chunk["model"] == "p0/small" && chunk["object"] == "chat.completion.chunk"));
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()), "nobody asked for usage: {}", answer.body);
    let opening = &chunks[0]["routing"];
    assert_eq!((&opening["selected_model"], &opening["requested_model"]), (&json!("p0/small"), &json!("auto")));
    assert_eq!((&opening["strategy"], &opening["attempts"][0]["outcome"]), (&json!("priority"), &json!("ok")));
    assert_eq!(opening.get("cost_usd"), None, "not known yet");
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!((&last["routing"]["cost_usd"], &last["routing"]["saved_usd"]), (&json!("0.00003"), &json!("0")));
    assert!(last["routing"]["latency_ms"]["total"].is_number());
    assert_eq!(chunks.iter().filter(|chunk| chunk.get("routing").is_some()).count(), 2);

    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Completed, 200, vec!["p0/small ok".to_owned()]));
    assert_eq!(record.finished.cost, Some(Money::from_pico(30_000_000)));
    assert!(record.finished.started.stream && record.finished.first_token_micros.is_some());
}

const TO_GEMINI: &str = r#"{"contents":[{"role":"user","parts":[{"text":"What is the capital of France?"}]}]}"#;

#[test]
fn geminis_callers_get_one_array_unless_they_ask_for_events() {
    let texts = |chunks: &[Value]| -> String {
        let text = |chunk: &Value| chunk["candidates"][0]["content"]["parts"][0]["text"].as_str().map(str::to_owned);
        chunks.iter().filter_map(text).collect()
    };
    let ask = |query: &str| {
        let stack = TestStack::over(&[Upstream::acting(good_stream()).address]);
        stack.send(&post(&format!("/v1beta/models/auto:streamGenerateContent{query}"), KEY, TO_GEMINI))
    };
    let events = ask("?alt=sse");
    assert_eq!((events.header("content-type"), events.complete), (Some("text/event-stream"), true));
    for query in ["", "?$alt=json%3Benum-encoding%3Dint"] {
        let array = ask(query);
        assert_eq!((array.header("content-type"), array.complete), (Some("application/json"), true));
        let elements = array.json();
        let elements = elements.as_array().unwrap();
        assert_eq!((elements.len(), texts(elements)), (events.chunks().len(), "Paris, of course.".to_owned()));
    }
}

#[test]
fn an_array_that_breaks_off_has_its_error_and_no_end() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Reset));
    let stack = TestStack::over(&[upstream.address]);
    let answer = stack.send(&post("/v1beta/models/auto:streamGenerateContent", KEY, TO_GEMINI));
    assert!(!answer.complete && answer.body.starts_with('['), "{}", answer.body);
    let elements: Value = serde_json::from_str(&format!("{}]", answer.body)).unwrap();
    assert_eq!(elements.as_array().unwrap().last().unwrap()["error"]["code"], json!(502));
}

#[test]
fn usage_is_asked_of_the_provider_always_and_told_to_those_who_ask() {
    let upstream = Upstream::acting(good_stream());
    let stack = TestStack::over(&[upstream.address]);
    stack.chat(&ask_for_stream(""));
    let sent: Value = serde_json::from_str(&upstream.last_body()).unwrap();
    assert_eq!(sent["stream_options"]["include_usage"], true);
    let answer = stack.chat(&ask_for_stream(r#","stream_options":{"include_usage":true}"#));
    let last = answer.chunks().pop().unwrap();
    assert_eq!((&last["usage"]["prompt_tokens"], &last["choices"]), (&json!(10), &json!([])));
    assert_eq!(answer.events().last(), Some(&"[DONE]"));
}

#[test]
fn routing_object_is_left_out_of_streams_on_demand() {
    let upstream = Upstream::acting(good_stream());
    let stack = TestStack::over(&[upstream.address]);
    let answer = stack.chat(&ask_for_stream(r#","include_routing_metadata":false"#));
    assert!(!answer.body.contains("routing") && answer.complete, "{}", answer.body);
}

#[test]
fn pieces_that_have_come_together_go_on_together() {
    let words: Vec<String> = (0..12).map(|number| word(&format!("w{number} "))).collect();
    let mut burst = STREAM_HEAD.to_vec();
    [role()].iter().chain(&words).for_each(|event| burst.extend(framed(event)));
    let upstream = Upstream::acting(vec![Act::Send(burst), Act::Gate, chunk(&(finish() + DONE)), last_chunk()]);
    let stack = TestStack::over(&[upstream.address]);
    let mut call = stack.begin(&ask_for_stream(""));
    call.head().unwrap();
    // The first content waits for nothing; the rest would be twelve.
    let pieces = [call.piece(), call.piece()];
    assert!(pieces[0].contains("w0 ") && pieces[1].contains("w11 "), "{pieces:#?}");
    upstream.open_gate();
    call.until("[DONE]");
}

#[test]
fn the_other_name_of_the_object_comes_in_streams_too() {
    let upstream = Upstream::acting(good_stream());
    let stack = TestStack::over(&[upstream.address]);
    let chunks = stack.chat(&ask_for_stream("").replace("\"auto\"", "\"dari/routing\"")).chunks();
    for chunk in [&chunks[0], chunks.last().unwrap()] {
        assert!(chunk["routing"].is_object());
        assert_eq!(chunk["routing"], chunk["dari_routing"]);
    }
}

#[test]
fn events_come_when_they_come() {
    let upstream = Upstream::acting(
        [begun(&[&role(), &word("Paris")], Act::Gate), vec![chunk(&finish()), chunk(DONE), last_chunk()]].concat(),
    );
    let stack = TestStack::over(&[upstream.address]);
    let mut call = stack.begin(&ask_for_stream(""));
    assert_eq!(call.head().unwrap().status, 200);
    call.until("Paris");
    // The upstream says nothing more before this.
    upstream.open_gate();
    call.until("[DONE]");
    assert_eq!(call.next(), Next::CleanEnd);
}

#[test]
fn however_the_bytes_are_cut_the_output_is_the_same() {
    let without_latency = |answer: &Response| {
        let mut chunks = answer.chunks();
        for chunk in &mut chunks {
            if let Some(routing) = chunk["routing"].as_object_mut() {
                routing.remove("latency_ms");
            }
            chunk.as_object_mut().unwrap().retain(|name, value| name != "routing" || !value.is_null());
        }
        (chunks, answer.complete, answer.events().last().copied().unwrap_or_default().to_owned())
    };
    let events = good_events().concat().replace("of course", "of c\u{f6}urs\u{e9} \u{1f600}");
    let expected = without_latency(&streamed(vec![stream_head(), chunk(&events), last_chunk()]).1);
    assert!(expected.1 && expected.2 == "[DONE]");

    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec();
    let crlf = events.replace('\n', "\r\n");
    let cr = events.replace('\n', "\r");
    let with_noise =
        format!("\u{feff}: hello\n\n{}", events.replace("data: ", "event: message\nid: 7\nretry: 10\ndata:"));
    for text in [&events, &crlf, &cr, &with_noise] {
        let (_stack, answer) =
            streamed(vec![Act::Send(head.clone()), Act::Drip(text.clone().into_bytes()), Act::Close]);
        assert_eq!(without_latency(&answer), expected, "{text:?}");
    }
}

#[test]
fn an_end_without_a_marker_is_good_after_a_finish_reason() {
    let (stack, answer) = streamed(stream_of(&[role(), word("Paris"), finish(), usage(10, 5)]));
    assert!(answer.complete && answer.body.ends_with(DONE), "{}", answer.body);
    assert_eq!(stack.record().finished.outcome, Outcome::Completed);
    let cut = begun(&[&role(), &word("Paris"), &finish(), &usage(10, 5)], Act::Reset);
    assert!(streamed(cut).1.complete);
}

#[test]
fn silence_after_a_finish_reason_takes_nothing_from_the_answer() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris"), &finish()], Act::Hold));
    let stack = with_timeouts(vec![upstream.address], Timeouts { inter_chunk_ms: Some(100), ..Timeouts::default() });
    let answer = stack.chat(&ask_for_stream(""));
    assert!(answer.complete && answer.body.ends_with(DONE), "{}", answer.body);
    assert_eq!(stack.record().finished.outcome, Outcome::Completed);
}

#[test]
fn usage_that_is_missing_is_estimated_and_marked() {
    let (stack, answer) = streamed(stream_of(&[role(), word("Paris is the capital"), finish(), DONE.to_owned()]));
    assert!(answer.complete);
    let finished = stack.record().finished;
    let usage = finished.usage.unwrap();
    assert!(usage.estimated && usage.completion_tokens > 0 && usage.prompt_tokens > 0, "{usage:?}");
    assert!(finished.cost.unwrap() > Money::ZERO);
}

#[test]
fn of_two_usages_the_last_counts() {
    let events = [role(), word("Paris"), usage(10, 1), finish(), usage(10, 5), DONE.to_owned()];
    let (stack, _answer) = streamed(stream_of(&events));
    let usage = stack.record().finished.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.estimated), (10, 5, false));
}

#[test]
fn tool_calls_and_refusals_are_content() {
    let tool = event(
        r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}"#,
        "",
    );
    let refused = event(r#"{"index":0,"delta":{"refusal":"no"},"finish_reason":null}"#, "");
    for said in [tool, refused] {
        let (_stack, answer) = streamed(begun(&[&role(), &said], Act::Close));
        answer.assert_broken_off("stream_interrupted");
    }
}

#[test]
fn an_upstream_that_does_not_end_after_its_marker_keeps_nobody_waiting() {
    let mut acts = good_stream();
    acts.pop();
    acts.push(Act::Hold);
    let upstream = Upstream::acting(acts);
    let stack = TestStack::over(&[upstream.address]);
    let answer = stack.chat(&ask_for_stream(""));
    assert!(answer.complete);
    assert_eq!(stack.record().finished.outcome, Outcome::Completed);
    upstream.left();
}

// === Broken before content ===

/// The first upstream breaks like this before content; the second answers as if nothing had been.
#[track_caller]
fn falls_back(acts: Vec<Act>, outcome: &str) {
    let (first, second) = (Upstream::acting(acts), Upstream::acting(good_stream()));
    let stack = TestStack::over(&[first.address, second.address]);
    let answer = stack.chat(&ask_for_stream(""));
    assert!(answer.complete, "{}", answer.body);
    assert_eq!(answer.text(), "Paris, of course.");
    assert_eq!(answer.header("x-routing-model"), Some("p1/small"));
    let chunks = answer.chunks();
    assert!(chunks.iter().all(|chunk| chunk["model"] == "p1/small"), "{}", answer.body);
    let attempts: Vec<_> =
        chunks[0]["routing"]["attempts"].as_array().unwrap().iter().map(|it| &it["outcome"]).collect();
    assert_eq!(attempts, [&json!(outcome), &json!("ok")]);
    let record = stack.record();
    let attempts = vec![format!("p0/small {outcome}"), "p1/small ok".to_owned()];
    assert_eq!(summary(&record), (Outcome::Completed, 200, attempts));
    assert_eq!(record.finished.cost, Some(Money::from_pico(60_000_000)));
}

#[test]
fn what_breaks_before_content_is_never_seen() {
    falls_back(begun(&[], Act::Reset), "disconnected");
    falls_back(begun(&[&role()], Act::Reset), "disconnected");
    falls_back(begun(&[": ping\n\n", &role()], Act::Close), "disconnected");
    falls_back(stream_of(&[role()]), "disconnected");
    falls_back(stream_of(&[]), "disconnected");
}

#[test]
fn a_marker_alone_is_no_answer() {
    falls_back(stream_of(&[DONE.to_owned()]), "disconnected");
}

#[test]
fn an_error_as_first_event_goes_to_the_next() {
    let error = "data: {\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"code\":null}}\n\n";
    falls_back(stream_of(&[error.to_owned()]), "server_error");
    falls_back(stream_of(&[role(), error.to_owned()]), "server_error");
    let named =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"full\"}}\n\n";
    falls_back(stream_of(&[named.to_owned()]), "overloaded");
}

#[test]
fn a_malformed_first_event_goes_to_the_next() {
    falls_back(stream_of(&["data: {\"id\":\n\n".to_owned()]), "bad_answer");
    falls_back(stream_of(&["data: {\"choices\":7}\n\n".to_owned()]), "bad_answer");
    falls_back(vec![stream_head(), chunk("<html>sorry</html>\n\n"), last_chunk()], "bad_answer");
}

#[test]
fn one_document_instead_of_a_stream_goes_to_the_next() {
    falls_back(vec![Act::Send(whole("200 OK", "", ANSWER))], "bad_answer");
    let error = r#"{"error":{"message":"full","type":"overloaded_error"}}"#;
    falls_back(vec![Act::Send(whole("200 OK", "", error))], "overloaded");
    falls_back(vec![Act::Send(whole("200 OK", "", ""))], "disconnected");
}

#[test]
fn an_event_too_large_before_content_goes_to_the_next() {
    let (first, second) =
        (Upstream::acting(begun(&[&role(), &word(&"x".repeat(5_000))], Act::Hold)), Upstream::acting(good_stream()));
    let limits = Limits { event_bytes: 4_096, ..limits() };
    let stack = TestStack::start(Setup { upstreams: vec![first.address, second.address], limits, ..Setup::default() });
    let answer = stack.chat(&ask_for_stream(""));
    assert_eq!((answer.text().as_str(), answer.complete), ("Paris, of course.", true));
    first.left();
}

// === Broken after content ===

/// The upstream says one word and then breaks like this: the caller sees the word, an error, and an abnormal end.
#[track_caller]
fn breaks_off(then: Vec<Act>, code: &str, status: u16) {
    let acts = [begun(&[&role(), &word("Paris is the")], Act::Send(Vec::new())), then].concat();
    let upstream = Upstream::acting(acts);
    let unused = Upstream::acting(good_stream());
    let timeouts = Timeouts { inter_chunk_ms: Some(100), ..Timeouts::default() };
    let setup = Setup {
        upstreams: vec![upstream.address, unused.address],
        timeouts,
        limits: Limits { event_bytes: 4_096, ..limits() },
        ..Setup::default()
    };
    let stack = TestStack::start(setup);
    let answer = stack.chat(&ask_for_stream(""));
    answer.assert_broken_off(code);
    assert_eq!(answer.text(), "Paris is the");
    let error = &answer.chunks().pop().unwrap()["error"];
    assert_eq!((&error["source"], &error["provider"]), (&json!("provider"), &json!("p0")));
    assert_eq!(unused.calls(), 0, "there is no fallback after content");
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Interrupted, status, vec!["p0/small interrupted".to_owned()]));
    let usage = record.finished.usage.unwrap();
    assert!(usage.estimated && usage.completion_tokens > 0 && usage.prompt_tokens > 0, "{usage:?}");
    assert!(record.finished.cost.unwrap() > Money::ZERO);
}

#[test]
fn a_reset_after_content_is_reported_and_never_a_clean_end() {
    breaks_off(vec![Act::Reset], "stream_interrupted", 502);
}

#[test]
fn an_upstream_that_breaks_off_every_stream_is_left_alone_after_a_while() {
    let acts = begun(&[&role(), &word("Paris is the")], Act::Reset);
    let (breaking, steady) = (Upstream::acting(acts), Upstream::acting(good_stream()));
    let stack = TestStack::over(&[breaking.address, steady.address]);
    for _ in 0..5 {
        stack.chat(&ask_for_stream("")).assert_broken_off("stream_interrupted");
        stack.wait_until_idle();
    }
    for _ in 0..3 {
        assert_eq!(stack.chat(&ask_for_stream("")).text(), "Paris, of course.");
    }
    assert_eq!((breaking.calls(), steady.calls()), (5, 3));
}

#[test]
fn a_silent_end_after_content_is_reported_and_never_a_clean_end() {
    breaks_off(vec![last_chunk()], "stream_interrupted", 502);
    breaks_off(vec![Act::Close], "stream_interrupted", 502);
}

#[test]
fn a_malformed_chunk_after_content_is_reported_and_not_passed_on() {
    breaks_off(vec![chunk("data: {\"choices\":[{\"ind\n\n"), Act::Hold], "stream_interrupted", 502);
}

#[test]
fn an_error_event_after_content_is_translated() {
    let error = "data: {\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}\n\n";
    breaks_off(vec![chunk(error), chunk(DONE), last_chunk()], "stream_interrupted", 502);
}

#[test]
fn an_event_too_large_after_content_is_reported() {
    breaks_off(vec![chunk(&word(&"x".repeat(5_000))), Act::Hold], "stream_interrupted", 502);
    // One endless line, without any end of an event.
    breaks_off(vec![chunk(&format!("data: {}", "x".repeat(5_000))), Act::Hold], "stream_interrupted", 502);
}

#[test]
fn a_stall_after_content_is_reported() {
    breaks_off(vec![Act::Hold], "stream_stalled", 504);
}

#[test]
fn a_stream_that_drips_without_end_is_ended_by_the_total_wait() {
    // A comment every now and then keeps the wait between chunks from running out.
    let drip = Act::Drip(": still here\n\n".repeat(400_000).into_bytes());
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
    let said = format!("{}{}", role(), word("Paris"));
    let upstream = Upstream::acting(vec![Act::Send(head), Act::Send(said.into_bytes()), drip, Act::Hold]);
    let stack = with_timeouts(vec![upstream.address], Timeouts { total_ms: Some(300), ..Timeouts::default() });
    let began = Instant::now();
    let answer = stack.chat(&ask_for_stream(""));
    answer.assert_broken_off("stream_stalled");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(stack.record().finished.outcome, Outcome::Interrupted);
}

#[test]
fn a_reset_that_overtakes_the_read_loses_no_error_event() {
    // Everything at once: the word, and the break behind it.
    let all = [STREAM_HEAD, &framed(&role()), &framed(&word("Paris is the"))].concat();
    for _ in 0..20 {
        let upstream = Upstream::acting(vec![Act::Send(all.clone()), Act::Close]);
        let answer = TestStack::over(&[upstream.address]).chat(&ask_for_stream(""));
        answer.assert_broken_off("stream_interrupted");
    }
}

// === The head that is held ===

fn impatient() -> Limits {
    Limits { head_hold: Duration::from_millis(30), keep_alive: Duration::from_millis(30), ..limits() }
}

#[test]
fn a_head_held_too_long_is_released_with_comments_and_fallback_stays_free() {
    let first = Upstream::acting([begun(&[&role()], Act::Gate), vec![Act::Reset]].concat());
    let second = Upstream::acting(good_stream());
    let upstreams = vec![first.address, second.address];
    let stack = TestStack::start(Setup { upstreams, limits: impatient(), ..Setup::default() });
    let mut call = stack.begin(&ask_for_stream(""));
    let head = call.head().unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    for _ in 0..3 {
        assert!(matches!(call.next(), Next::Event(comment) if comment.starts_with(':')));
    }
    first.open_gate();
    let opening = call.until("data: ");
    assert!(opening.contains("p1/small") && opening.contains("routing"), "{opening}");
    call.until("[DONE]");
    assert_eq!(call.next(), Next::CleanEnd);
    let attempts = vec!["p0/small disconnected".to_owned(), "p1/small ok".to_owned()];
    assert_eq!(summary(&stack.record()), (Outcome::Completed, 200, attempts));
}

#[test]
fn an_error_event_tells_when_all_fail_behind_a_released_head() {
    let only = Upstream::acting(vec![Act::Gate, Act::Reset]);
    let stack = TestStack::start(Setup { upstreams: vec![only.address], limits: impatient(), ..Setup::default() });
    let mut call = stack.begin(&ask_for_stream(""));
    assert_eq!(call.head().unwrap().status, 200);
    assert!(matches!(call.next(), Next::Event(comment) if comment.starts_with(':')));
    only.open_gate();
    let error = call.until("data: ");
    assert!(error.contains("\"provider_error\""), "{error}");
    assert_eq!(call.next(), Next::Broken);
    let attempts = vec!["p0/small disconnected".to_owned()];
    assert_eq!(summary(&stack.record()), (Outcome::Failed, 502, attempts));
}

// === Record first ===

#[test]
fn the_record_is_written_before_the_terminal_marker() {
    for _ in 0..20 {
        let upstream = Upstream::acting(good_stream());
        let stack = TestStack::over(&[upstream.address]);
        let mut call = stack.begin(&ask_for_stream(""));
        call.head().unwrap();
        call.until("[DONE]");
        assert_eq!(stack.records().len(), 1);
    }
}

#[test]
fn nothing_is_begun_while_records_cannot_be_written() {
    let upstream = Upstream::good();
    let ledger = LedgerOptions { max_spool_bytes: 1, ..LedgerOptions::default() };
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address], ledger, ..Setup::default() });
    let answer = stack.chat(&ask_for_stream(""));
    answer.assert_error(503, "overloaded_error", "records_unavailable");
    assert_eq!((answer.header("retry-after"), upstream.calls()), (Some("5"), 0));
}
