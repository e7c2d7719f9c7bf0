//! The provider proxy: a provider's own API under our keys, as it is, accounted for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{AuthScheme, Model, Money, Object, Outcome, Provider, Snapshot};
use gateway::Limits;

use crate::stack::{KEY, NARROW, Setup, TestStack, UNKNOWN, limits, summary};
use crate::upstream::{Act, STREAM_HEAD, Upstream, begun, chunk, good_events, last_chunk, whole};
use crate::wire::{get, post, post_with};

const COMPLETION: &str = r#"{"model":"native-small","x":[1,2],"usage":{"prompt_tokens":10,"completion_tokens":5}}"#;

fn over(upstream: &Upstream) -> TestStack {
    TestStack::over(&[upstream.address])
}

#[test]
fn bodies_go_and_come_as_they_are_under_our_secret() {
    let upstream = Upstream::answering(whole("200 OK", "x-vendor: yes\r\nset-cookie: a=b\r\n", COMPLETION));
    let stack = over(&upstream);
    let body = r#"{ "model" : "native-0",  "own_field": {"deep": [1, 2]} }"#;
    let headers = format!(
        "x-api-key: {KEY}\r\ncontent-type: application/json\r\nx-forwarded-for: 10.0.0.1\r\ncookie: c=d\r\nx-vendor-option: on\r\n"
    );
    let answer = stack.send(&post_with("/p0/v1/own/path?a=1&key=secret&b=2", &headers, body));
    assert_eq!((answer.status, answer.body.as_str()), (200, COMPLETION));
    assert_eq!((answer.header("x-vendor"), answer.header("set-cookie")), (Some("yes"), None));
    let sent = upstream.last_request();
    assert!(sent.starts_with("POST /v1/own/path?a=1&b=2 HTTP/1.1\r\n"), "{sent}");
    assert_eq!(upstream.last_body(), body);
    assert!(sent.contains("x-vendor-option: on") && sent.contains("authorization: Bearer upstream-secret"), "{sent}");
    for leak in [KEY, "x-forwarded-for", "cookie", "x-api-key"] {
        assert!(!sent.contains(leak), "{leak} in {sent}");
    }
}

#[test]
fn usage_is_read_on_the_way_and_charged_to_the_model_of_the_catalogue() {
    let upstream = Upstream::answering(whole("200 OK", "", COMPLETION));
    let stack = over(&upstream);
    stack.send(&post("/p0/chat/completions", KEY, r#"{"model":"small"}"#));
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Completed, 200, vec!["p0/small ok".to_owned()]));
    assert_eq!(record.finished.cost, Some(Money::from_pico(30_000_000)));
    assert_eq!(record.finished.served_model.as_deref(), Some("native-small"));
}

#[test]
fn streams_pass_through_byte_for_byte_and_are_charged() {
    let events = good_events();
    let mut acts = vec![Act::Send(STREAM_HEAD.to_vec())];
    acts.extend(events.iter().map(|event| chunk(event)));
    acts.push(last_chunk());
    let upstream = Upstream::acting(acts);
    let stack = over(&upstream);
    let answer = stack.send(&post("/p0/chat/completions", KEY, r#"{"model":"small","stream":true}"#));
    assert_eq!((answer.body, answer.complete), (events.concat(), true));
    assert_eq!(stack.record().finished.cost, Some(Money::from_pico(30_000_000)));
}

#[test]
fn a_stream_that_breaks_never_ends_cleanly() {
    let events = good_events();
    let upstream = Upstream::acting(begun(&[&events[0], &events[1]], Act::Reset));
    let stack = over(&upstream);
    let answer = stack.send(&post("/p0/chat/completions", KEY, r#"{"model":"small","stream":true}"#));
    assert!(!answer.complete);
    assert_eq!(stack.record().finished.outcome, Outcome::Interrupted);
}

#[test]
fn other_methods_and_media_pass_too() {
    let upstream = Upstream::answering(whole("200 OK", "", r#"{"data":[]}"#));
    let stack = over(&upstream);
    assert_eq!(stack.send(&get("/p0/files?limit=2", KEY)).status, 200);
    assert!(upstream.last_request().starts_with("GET /v1/files?limit=2 "), "{}", upstream.last_request());
    let multipart = format!("authorization: Bearer {KEY}\r\ncontent-type: multipart/form-data; boundary=x\r\n");
    let body = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nsmall\r\n--x--\r\n";
    assert_eq!(stack.send(&post_with("/p0/audio/transcriptions", &multipart, body)).status, 200);
    assert_eq!(upstream.last_body(), body);
}

#[test]
fn an_error_of_the_provider_comes_as_it_is() {
    let upstream = Upstream::answering(whole("418 Teapot", "retry-after: 7\r\n", r#"{"own":"shape"}"#));
    let stack = over(&upstream);
    let answer = stack.send(&post("/p0/brew", KEY, r#"{"model":"small"}"#));
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.header("retry-after")),
        (418, r#"{"own":"shape"}"#, Some("7"))
    );
    let record = stack.record();
    assert_eq!((record.finished.outcome, record.finished.cost), (Outcome::Failed, None));
}

#[test]
fn who_may_not_use_the_model_or_the_provider_may_not_pass() {
    let upstream = Upstream::answering(whole("200 OK", "", COMPLETION));
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address, upstream.address], ..Setup::default() });
    assert_eq!(stack.send(&post("/p0/chat/completions", NARROW, r#"{"model":"small"}"#)).status, 200);
    for (path, body) in [
        ("/p0/chat/completions", r#"{"model":"large"}"#),
        ("/p1/chat/completions", r#"{"model":"small"}"#),
        ("/p1/files", "{}"),
    ] {
        stack.send(&post(path, NARROW, body)).assert_error(403, "permission_error", "model_not_allowed");
    }
    stack.send(&post("/p0/files", UNKNOWN, "{}")).assert_error(401, "authentication_error", "invalid_api_key");
    stack.send(&post("/nobody/files", KEY, "{}")).assert_error(404, "not_found_error", "unknown_path");
    assert_eq!(upstream.calls(), 1);
}

#[test]
fn an_unreachable_provider_is_told_in_our_words() {
    let stack = TestStack::over(&[Upstream::nobody()]);
    let answer = stack.send(&post("/p0/files", KEY, r#"{"model":"small"}"#));
    answer.assert_error(502, "provider_error", "connect_failed");
    assert_eq!(stack.record().finished.outcome, Outcome::Failed);
}

#[test]
fn a_limited_key_cannot_name_a_model_in_a_way_that_only_the_provider_reads() {
    let upstream = Upstream::answering(whole("200 OK", "", COMPLETION));
    let stack = over(&upstream);
    let send = |path: &str, media_type: &str, body: &str| {
        let headers = format!("authorization: Bearer {NARROW}\r\ncontent-type: {media_type}\r\n");
        stack.send(&post_with(path, &headers, body)).status
    };
    let json = "application/json";
    for (path, media_type, body, status) in [
        ("/p0/chat/completions", "text/plain", r#"{"model":"large"}"#, 403),
        ("/p0/chat/completions", json, r#"{"model":"small","model":"large"}"#, 400),
        ("/p0/chat/completions", json, "\u{feff}{\"model\":\"large\"}", 400),
        ("/p0/chat/completions", json, r#"{"Model":"large"}"#, 400),
        ("/p0/chat/completions", json, r#"{"input":"x"}"#, 403),
        ("/p0/chat/completions?model=large", json, r#"{"model":"small"}"#, 400),
        ("/p0/models/small/../large:generateContent", json, "{}", 400),
        ("/p0/models%2Flarge:generateContent", json, "{}", 400),
        ("/p0/../../corp/v1/files", json, r#"{"model":"small"}"#, 400),
    ] {
        assert_eq!(send(path, media_type, body), status, "{path} {body}");
    }
    assert_eq!(upstream.calls(), 0);
    assert_eq!(send("/p0/chat/completions", "text/plain", r#"{"model":"small"}"#), 200);
}

#[test]
fn a_stream_that_ends_before_its_marker_is_no_complete_answer() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":110,\"output_tokens\":1}}}\n\n";
    let upstream = Upstream::acting(vec![Act::Send(STREAM_HEAD.to_vec()), chunk(start), last_chunk()]);
    let stack = over(&upstream);
    let answer = stack.send(&post("/p0/messages", KEY, r#"{"model":"small","stream":true}"#));
    assert!(!answer.complete);
    let record = stack.record().finished;
    assert_eq!((record.outcome, record.usage.map(|usage| usage.prompt_tokens)), (Outcome::Interrupted, Some(110)));
}

// === Uploads ===

const LENGTH: usize = 300_000;

/// A stack that holds a kilobyte of a body and passes on up to half a megabyte.
fn small(upstream: &Upstream) -> TestStack {
    let limits = Limits { body_bytes: 1_024, upload_bytes: 500_000, body_wait: Duration::from_millis(300), ..limits() };
    TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() })
}

fn upload_head(key: &str, media_type: &str, length: usize) -> String {
    format!(
        "POST /p0/v1/files HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[test]
fn an_upload_is_passed_on_while_it_comes() {
    let upstream = Upstream::answering(whole("200 OK", "", r#"{"id":"file-1"}"#));
    let stack = small(&upstream);
    let lines: Vec<_> = (0..LENGTH / 10).map(|number| format!("{number:09} ")).collect();
    let body = lines.concat();
    let (one, other) = body.split_at(LENGTH / 2);
    let mut call = stack.call();
    call.send(upload_head(KEY, "application/octet-stream", LENGTH) + one);
    let until = Instant::now() + Duration::from_secs(10);
    while upstream.connections() == 0 {
        assert!(Instant::now() < until, "nothing goes on before the body is whole");
        std::thread::yield_now();
    }
    call.send(other);
    let answer = call.answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"id":"file-1"}"#));
    assert!(upstream.last_body() == body, "byte for byte");
    let sent = upstream.last_request();
    assert!(
        sent.contains(&format!("content-length: {LENGTH}\r\n")) && sent.contains("Bearer upstream-secret"),
        "{sent}"
    );
    assert_eq!(summary(&stack.record()).0, Outcome::Completed);
}

#[test]
fn what_has_to_be_read_is_no_upload() {
    let upstream = Upstream::good();
    let stack = small(&upstream);
    let text = "x".repeat(LENGTH);
    for (key, media_type, length, body) in [
        (KEY, "application/json", LENGTH, text.clone()),
        (KEY, "application/octet-stream", LENGTH, format!("{{{text}")),
        (NARROW, "application/octet-stream", LENGTH, text.clone()),
        (KEY, "application/octet-stream", 500_001, text),
    ] {
        let mut call = stack.call();
        call.send(upload_head(key, media_type, length) + &body);
        call.answer().assert_error(413, "invalid_request_error", "body_too_large");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_upload_that_stops_is_the_callers_fault() {
    let upstream = Upstream::good();
    let stack = small(&upstream);
    let mut call = stack.call();
    call.send(upload_head(KEY, "application/octet-stream", LENGTH) + "begun");
    call.answer().assert_error(408, "invalid_request_error", "slow_body");
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Failed, 408, Vec::new()));
    assert_eq!(upstream.calls(), 0, "it never had all of it");
}

// === Forms that flow ===

const FORM: &str = "multipart/form-data; boundary=x";

fn field(name: &str, value: &str) -> String {
    format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// A file of `LENGTH` bytes and what stands behind it.
fn form(behind: &[String]) -> String {
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
    format!("{file}{}\r\n{}--x--\r\n", "sound".repeat(LENGTH / 5), behind.concat())
}

/// Sends a form in two pieces, cut so many bytes before its end.
fn send_form(stack: &TestStack, form: &str, from_end: usize) -> crate::wire::Response {
    let (one, other) = form.split_at(form.len() - from_end);
    let mut call = stack.call();
    call.send(upload_head(KEY, FORM, form.len()) + one);
    call.send(other);
    call.answer()
}

#[test]
fn a_form_that_names_its_model_behind_its_file_is_charged_to_it() {
    let form = form(&[field("language", "en"), field("model", "small")]);
    // In the middle of the name, of the field's head and of the delimiter before it.
    for from_end in [12, 30, 73] {
        let upstream = Upstream::answering(whole("200 OK", "", COMPLETION));
        let stack = small(&upstream);
        let answer = send_form(&stack, &form, from_end);
        assert_eq!((answer.status, answer.body.as_str()), (200, COMPLETION));
        assert!(upstream.last_body() == form, "byte for byte");
        let record = stack.record();
        assert_eq!(summary(&record), (Outcome::Completed, 200, vec!["p0/small ok".to_owned()]));
        assert_eq!(record.finished.cost, Some(Money::from_pico(30_000_000)));
        assert_eq!(record.finished.started.requested_model.as_deref(), Some("small"));
    }
}

#[test]
fn a_name_that_is_cut_by_the_end_of_a_piece_is_read_whole() {
    let upstream = Upstream::answering(whole("200 OK", "", COMPLETION));
    let stack = small(&upstream);
    let form = field("model", "small") + &form(&[]);
    let cut = form.find("all\r\n").unwrap();
    assert_eq!(send_form(&stack, &form, form.len() - cut).status, 200);
    assert_eq!(stack.record().finished.cost, Some(Money::from_pico(30_000_000)));
}

#[test]
fn a_form_that_names_two_models_is_broken_off() {
    let upstream = Upstream::good();
    let stack = small(&upstream);
    let twice = form(&[field("model", "small"), field("model", "large")]);
    send_form(&stack, &twice, 12).assert_error(400, "invalid_request_error", "invalid_value");
    assert_eq!(summary(&stack.record()), (Outcome::Failed, 400, Vec::new()));
    assert_eq!(upstream.calls(), 0, "it never had all of it");
}

fn with_small_disabled(snapshot: &Snapshot) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Model(model) if model.id.native() == "small" => {
            Object::Model(Arc::new(Model { enabled: false, ..Model::clone(&model) }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

#[test]
fn a_form_cannot_ask_a_disabled_model_behind_its_file() {
    let upstream = Upstream::good();
    let limits = Limits { body_bytes: 1_024, upload_bytes: 500_000, ..limits() };
    let change: fn(&Snapshot) -> Snapshot = with_small_disabled;
    let upstreams = vec![upstream.address];
    let stack = TestStack::start(Setup { upstreams, limits, change: Some(change), ..Setup::default() });
    let answer = send_form(&stack, &form(&[field("model", "small")]), 12);
    answer.assert_error(404, "not_found_error", "model_not_found");
    assert_eq!(upstream.calls(), 0, "it never had all of it");
}

// === More models than one ===

fn with_large_too(snapshot: &Snapshot) -> Snapshot {
    let large = |model: &Model| {
        let id = domain::ModelId::parse("p0/large").unwrap();
        Object::Model(Arc::new(Model { id, native: "native-large".to_owned(), enabled: false, ..model.clone() }))
    };
    let objects = snapshot.objects().into_iter().flat_map(|object| match object {
        Object::Model(model) => vec![large(&model), Object::Model(model)],
        other => vec![other],
    });
    Snapshot::full(snapshot.version, objects)
}

#[test]
fn a_limited_key_may_use_every_model_that_it_names() {
    let upstream = Upstream::answering(whole("200 OK", "", COMPLETION));
    let stack = over(&upstream);
    for (path, body) in [
        ("/p0/chat/completions", r#"{"model":"small","models":["large"]}"#),
        ("/p0/chat/completions", r#"{"model":"small","models":["small","large"],"route":"fallback"}"#),
        ("/p0/chat/completions", r#"{"model":"small","Models":["large"]}"#),
        ("/p0/chat/completions", r#"{"model":"small","models":[{"id":"large"}]}"#),
        ("/p0/chat/completions", r#"{"models":["large"]}"#),
        ("/p0/responses", r#"{"model":"small","tools":[{"type":"image_generation","model":"large"}]}"#),
        ("/p0/messages/batches", r#"{"requests":[{"params":{"model":"small"}},{"params":{"model":"large"}}]}"#),
        ("/p0/messages/batches", r#"{"model":"small","requests":[{"params":{"model":"large"}}]}"#),
        ("/p0/messages/batches", r#"{"model":"small","requests":"elsewhere"}"#),
    ] {
        stack.send(&post(path, NARROW, body)).assert_error(403, "permission_error", "model_not_allowed");
        assert_eq!(stack.send(&post(path, KEY, body)).status, 200, "{body}");
    }
    let calls = upstream.calls();
    for (path, body) in [
        (
            "/p0/chat/completions",
            r#"{"model":"small","models":["small","native-small"],"tools":[{"type":"function"}]}"#,
        ),
        ("/p0/chat/completions", r#"{"models":["small"]}"#),
        ("/p0/messages/batches", r#"{"requests":[{"params":{"model":"small"}}]}"#),
    ] {
        assert_eq!(stack.send(&post(path, NARROW, body)).status, 200, "{body}");
    }
    assert_eq!(upstream.calls(), calls + 3);
}

#[test]
fn nobody_may_name_a_disabled_model_to_fall_back_on() {
    let upstream = Upstream::good();
    let change: fn(&Snapshot) -> Snapshot = with_large_too;
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address], change: Some(change), ..Setup::default() });
    let answer = stack.send(&post("/p0/chat/completions", KEY, r#"{"model":"small","models":["large"]}"#));
    answer.assert_error(404, "not_found_error", "model_not_found");
    assert_eq!(upstream.calls(), 0);
}

// === Methods ===

#[test]
fn an_answer_without_a_body_is_complete() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n";
    let ended = |status: &str| format!("HTTP/1.1 {status}\r\n\r\n");
    for (method, path, answer, outcome, status, attempts) in [
        ("HEAD", "/p0/models/small", ok.to_owned(), Outcome::Completed, 200, vec!["p0/small ok"]),
        // An attempt is made on a model, and here none is named.
        ("HEAD", "/p0/files/x", ok.to_owned(), Outcome::Completed, 200, vec![]),
        ("HEAD", "/p0/models/small", ended("404 Not Found"), Outcome::Failed, 404, vec!["p0/small refused"]),
        ("DELETE", "/p0/models/small", ended("204 No Content"), Outcome::Completed, 204, vec!["p0/small ok"]),
        ("GET", "/p0/models/small", ended("200 OK\r\ncontent-length: 0"), Outcome::Completed, 200, vec!["p0/small ok"]),
    ] {
        let upstream = Upstream::answering(answer.into_bytes());
        let stack = over(&upstream);
        let mut call = stack.call();
        call.send(get(path, KEY).replacen("GET", method, 1));
        let head = call.head().expect("an answer");
        let length = Some("7").filter(|_| method == "HEAD" && status == 200);
        assert_eq!((head.status, head.header("content-length").filter(|it| *it != "0")), (status, length));
        let attempts = attempts.into_iter().map(str::to_owned).collect();
        assert_eq!(summary(&stack.record()), (outcome, status, attempts), "{method} {path}");
    }
}

#[test]
fn what_shows_secrets_or_makes_a_tunnel_is_not_passed_on() {
    let upstream = Upstream::good();
    let stack = over(&upstream);
    for target in ["TRACE /p0/x", "TRACE /v1/models", "CONNECT test:443"] {
        let mut call = stack.call();
        call.send(format!("{target} HTTP/1.1\r\nhost: test:443\r\nauthorization: Bearer {KEY}\r\n\r\n"));
        let answer = call.answer();
        answer.assert_error(405, "invalid_request_error", "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"), "{target}");
    }
    assert_eq!(upstream.connections(), 0);
}

// === Azure ===

fn as_azure(snapshot: &Snapshot) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) => Object::Provider(Arc::new(Provider {
            base_url: provider.base_url.replace("/v1", "/openai/deployments/{model}"),
            auth: AuthScheme::Header("api-key".to_owned()),
            query: [("api-version".to_owned(), "2024-02-01".to_owned())].into(),
            ..Provider::clone(&provider)
        })),
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

#[test]
fn azures_clients_work_as_they_are() {
    let upstream = Upstream::answering(whole("200 OK", "", COMPLETION));
    let change: fn(&Snapshot) -> Snapshot = as_azure;
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address], change: Some(change), ..Setup::default() });
    for (path, version) in [
        ("/p0/openai/deployments/gpt/chat/completions?api-version=2024-10-21", "2024-10-21"),
        ("/p0/gpt/chat/completions?api-version=2024-10-21", "2024-10-21"),
        ("/p0/gpt/chat/completions", "2024-02-01"),
    ] {
        let headers = format!("api-key: {KEY}\r\ncontent-type: application/json\r\n");
        assert_eq!(stack.send(&post_with(path, &headers, r#"{"model":"gpt"}"#)).status, 200, "{path}");
        let sent = upstream.last_request();
        let line = format!("POST /openai/deployments/gpt/chat/completions?api-version={version} HTTP/1.1\r\n");
        assert!(sent.starts_with(&line) && sent.contains("api-key: upstream-secret-0\r\n"), "{sent}");
        assert!(!sent.contains(KEY), "{sent}");
    }
}
