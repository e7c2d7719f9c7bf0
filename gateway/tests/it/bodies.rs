//! Bodies: kept only where somebody asks for it and the request does not say no, and prompts are nowhere else.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use domain::{ApiKey, BodyLogging, Object, Snapshot};

use crate::stack::{KEY, Setup, TestStack, ask, ask_for_stream};
use crate::upstream::{Act, Upstream, begun, good_stream, refusal, role, whole, word};
use crate::wire::post_with;

const PATH: &str = "/v1/chat/completions";
const CANARY: &str = "kanarienvogel-7f3a9c";

fn keeping(upstream: &Upstream) -> TestStack {
    let body_logging = Some(BodyLogging { retention_days: 30 });
    TestStack::start(Setup { upstreams: vec![upstream.address], body_logging, ..Setup::default() })
}

#[test]
fn nothing_is_kept_unless_somebody_asks_for_it() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    assert_eq!(stack.chat(&ask("")).status, 200);
    assert_eq!(stack.bodies(&stack.record()), None);
    assert!(!stack.file("ledger/bodies.db").exists());
}

#[test]
fn what_was_sent_and_delivered_is_kept() {
    let upstream = Upstream::good();
    let stack = keeping(&upstream);
    let answer = stack.chat(&ask(""));
    assert_eq!(stack.bodies(&stack.record()), Some((ask(""), answer.body)));
}

#[test]
fn a_stream_is_kept_as_its_events_were_delivered() {
    let upstream = Upstream::acting(good_stream());
    let stack = keeping(&upstream);
    let answer = stack.chat(&ask_for_stream(""));
    assert!(answer.complete && answer.body.contains("[DONE]"));
    assert_eq!(stack.bodies(&stack.record()), Some((ask_for_stream(""), answer.body)));
}

#[test]
fn a_stream_that_broke_off_is_kept_as_far_as_it_came() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Reset));
    let stack = keeping(&upstream);
    let answer = stack.chat(&ask_for_stream(""));
    let (_, given) = stack.bodies(&stack.record()).unwrap();
    assert!(given.contains("Paris") && given.contains("error"), "{given}");
    assert_eq!(given, answer.body);
}

#[test]
fn a_refusal_is_kept_too() {
    let upstream = Upstream::answering(refusal("400 Bad Request", "", "invalid_request_error", "bad", "no"));
    let stack = keeping(&upstream);
    let answer = stack.chat(&ask(""));
    assert_eq!(answer.status, 400);
    assert_eq!(stack.bodies(&stack.record()), Some((ask(""), answer.body)));
}

#[test]
fn a_key_whose_bodies_are_off_keeps_none_although_its_organisation_does() {
    let upstream = Upstream::good();
    let change = |snapshot: &Snapshot| {
        let keys = snapshot.objects().into_iter().map(|object| match object {
            Object::Key(key) => {
                Object::Key(Arc::new(ApiKey { body_logging: Some(BodyLogging::OFF), ..(*key).clone() }))
            }
            other => other,
        });
        Snapshot::full(snapshot.version, keys)
    };
    let body_logging = Some(BodyLogging { retention_days: 30 });
    let setup = Setup { upstreams: vec![upstream.address], body_logging, change: Some(change), ..Setup::default() };
    let stack = TestStack::start(setup);
    assert_eq!(stack.chat(&ask("")).status, 200);
    assert_eq!(stack.bodies(&stack.record()), None);
    assert!(!stack.file("ledger/bodies.db").exists());
}

#[track_caller]
fn check_opt_out(header: &str, more: &str) {
    let upstream = Upstream::good();
    let stack = keeping(&upstream);
    let headers = format!("authorization: Bearer {KEY}\r\n{header}");
    stack.send(&post_with(PATH, &headers, &ask(more)));
    assert_eq!(stack.bodies(&stack.record()), None, "{header}{more}");
}

#[test]
fn a_request_can_say_that_nothing_of_it_may_be_kept() {
    check_opt_out("x-no-log: 1\r\n", "");
    check_opt_out("X-No-Log: true\r\n", "");
    check_opt_out("", r#","provider":{"data_collection":"deny"}"#);
    check_opt_out("", r#","provider":{"zdr":true}"#);
}

#[test]
fn an_explicit_zero_is_no_opt_out() {
    let upstream = Upstream::good();
    let stack = keeping(&upstream);
    let headers = format!("authorization: Bearer {KEY}\r\nx-no-log: 0\r\n");
    stack.send(&post_with(PATH, &headers, &ask("")));
    assert!(stack.bodies(&stack.record()).is_some());
}

// === Nowhere else ===

/// Everything that is logged, at any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn files_that_hold(dir: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files_that_hold(&path, needle));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|it| it == needle.as_bytes())) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// A prompt, and an upstream that repeats it in its errors, must reach neither log nor disk.
#[test]
fn a_prompt_reaches_no_log_and_no_file_however_a_request_ends() {
    let log = Log::default();
    let for_threads = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || for_threads.clone())
        .finish();
    tracing_subscriber::util::SubscriberInitExt::try_init(subscriber).unwrap();

    let prompt = |more: &str| ask(more).replace("What is the capital of France?", CANARY);
    let saying = |status: &str| {
        whole(status, "", &format!(r#"{{"error":{{"message":"I will not: {CANARY}","type":"x","code":"y"}}}}"#))
    };
    let begun_and_failed = {
        let error = format!("data: {{\"error\":{{\"message\":\"{CANARY}\"}}}}\n\n");
        begun(&[&role(), &word("Paris"), &error], Act::Close)
    };
    let scripts = [
        Act::Send(whole("200 OK", "", &format!(r#"{{"choices": {CANARY}"#))),
        Act::Send(saying("200 OK")),
        Act::Send(saying("400 Bad Request")),
        Act::Send(saying("401 Unauthorized")),
        Act::Send(saying("429 Too Many Requests")),
        Act::Send(saying("500 Oh")),
        Act::Send(format!("HTTP/1.1 {CANARY}\r\n\r\n").into_bytes()),
    ];
    let mut all: Vec<Vec<Act>> = scripts.into_iter().map(|act| vec![act]).collect();
    all.push(begun_and_failed);
    for script in all {
        let upstream = Upstream::acting(script);
        let stack = TestStack::over(&[upstream.address]);
        stack.chat(&prompt(""));
        stack.chat(&prompt(r#","stream":true"#));
        // Broken JSON and wrong types around the prompt.
        stack.chat(&prompt("").replace(r#""messages""#, r#""messages":5,"x""#));
        stack.chat(&prompt("")[..60]);
        stack.wait_until_idle();
        assert_eq!(stack.records().len(), 4);
        assert_eq!(files_that_hold(&stack.file(""), CANARY), [""; 0]);
    }
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("an upstream attempt failed"), "the log was listened to");
    let leaks: Vec<&str> = logged.lines().filter(|line| line.contains(CANARY)).collect();
    assert_eq!(leaks, [""; 0]);
}
