//! Keys that are withdrawn while they are in use: running requests end within a second, those of others go on.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::{ApiKey, Change, DialectKind, KeyId, Object, Outcome, Scope, Snapshot, SnapshotVersion, Timestamp};
use gateway::Limits;

use crate::engine::{Mood, ScriptedEngine};
use crate::stack::{KEY, NARROW, Setup, TestStack, ask, ask_for_stream, limits, summary};
use crate::upstream::{Act, DONE, STREAM_HEAD, Upstream, begun, chunk, finish, last_chunk, role, stream_head, word};
use crate::wire::{Call, Next, post};

const PROMPT: Duration = Duration::from_secs(1);

fn key_id(number: u8) -> KeyId {
    KeyId::from_random([number; 20])
}

/// A stack whose configuration a scripted engine changes.
struct Story {
    stack: TestStack,
    engine: ScriptedEngine,
}

impl Story {
    fn over(upstream: &Upstream, limits: Limits) -> Self {
        Self::with(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() })
    }

    fn with(setup: Setup) -> Self {
        let stack = TestStack::start(setup);
        let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Scores(0.5));
        Self { stack, engine }
    }

    fn key(&self, number: u8) -> ApiKey {
        ApiKey::clone(self.stack.snapshot.keys.with_id(key_id(number).as_str()).unwrap())
    }

    /// Puts the configuration with this change in force and returns when that was.
    fn change(&self, change: Change) -> Instant {
        let version = SnapshotVersion { revision: 2, ..self.stack.snapshot.version };
        self.engine.publish(self.stack.snapshot.apply(version, [change]));
        self.stack.wait_for_revision(2);
        Instant::now()
    }

    fn put(&self, key: ApiKey) -> Instant {
        self.change(Change::Put(Object::Key(Arc::new(key))))
    }

    fn begin(&self, key: &str, body: &str) -> Call {
        let mut call = self.stack.call();
        call.send(post("/v1/chat/completions", key, body));
        call
    }
}

/// Reads to the end of a stream: its last event, and how it ended.
fn end_of(call: &mut Call) -> (Option<String>, Next) {
    let mut last = None;
    loop {
        match call.next() {
            Next::Event(event) => last = Some(event),
            end => return (last, end),
        }
    }
}

#[track_caller]
fn assert_cut(call: &mut Call, since: Instant, code: &str) {
    let (last, end) = end_of(call);
    assert!(since.elapsed() < PROMPT, "{:?}", since.elapsed());
    assert_eq!(end, Next::Broken, "never a clean end");
    let last = last.expect("the caller is told");
    assert!(last.contains("\"authentication_error\"") && last.contains(code), "{last}");
}

/// A stream that says something, and its end once the gate is opened.
fn gated() -> Upstream {
    let end = vec![chunk(&finish()), chunk(DONE), last_chunk()];
    Upstream::acting([begun(&[&role(), &word("Paris")], Act::Gate), end].concat())
}

/// A stream is running; the change withdraws its key. New requests of the same text are refused as `afterwards` says.
#[track_caller]
fn check_stream(code: &str, afterwards: &str, withdraw: impl FnOnce(&Story) -> Instant) {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Hold));
    let story = Story::over(&upstream, limits());
    let mut call = story.begin(KEY, &ask_for_stream(""));
    call.head().unwrap();
    call.until("Paris");
    let since = withdraw(&story);
    assert_cut(&mut call, since, code);
    upstream.left();
    let record = story.stack.record();
    assert_eq!(summary(&record), (Outcome::Interrupted, 401, vec!["p0/small cancelled".to_owned()]));
    assert_eq!(record.finished.error.as_deref(), Some(code));
    assert!(record.finished.usage.is_some_and(|usage| usage.completion_tokens > 0), "what was said is billed");
    story.stack.chat(&ask("")).assert_error(401, "authentication_error", afterwards);
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since_epoch.as_micros()).unwrap())
}

#[test]
fn a_revoked_key_cuts_its_running_stream() {
    check_stream("revoked_api_key", "revoked_api_key", |story| {
        story.put(ApiKey { revoked_at: Some(now()), ..story.key(1) })
    });
}

#[test]
fn a_deleted_key_cuts_its_running_stream() {
    check_stream("revoked_api_key", "invalid_api_key", |story| {
        story.change(Change::Delete(Object::Key(Arc::new(story.key(1))).key()))
    });
}

#[test]
fn a_key_that_expires_cuts_its_running_stream_without_a_further_change() {
    check_stream("expired_api_key", "expired_api_key", |story| {
        let end = Timestamp(now().0 + 300_000);
        let put = story.put(ApiKey { expires_at: Some(end), ..story.key(1) });
        put + Duration::from_millis(300)
    });
}

#[test]
fn a_key_whose_secret_was_replaced_cuts_the_stream_of_the_old_one() {
    check_stream("revoked_api_key", "invalid_api_key", |story| {
        let mut key = story.key(1);
        key.hash.0[0] ^= 1;
        story.put(key)
    });
}

#[test]
fn streams_of_other_keys_go_on() {
    let upstream = gated();
    let story = Story::over(&upstream, limits());
    let mut calls = [KEY, NARROW].map(|key| story.begin(key, &ask_for_stream("")));
    for call in &mut calls {
        call.head().unwrap();
        call.until("Paris");
    }
    let since = story.put(ApiKey { revoked_at: Some(now()), ..story.key(1) });
    let [revoked, other] = &mut calls;
    assert_cut(revoked, since, "revoked_api_key");
    upstream.open_gate();
    other.until("[DONE]");
    assert_eq!(other.next(), Next::CleanEnd);
}

#[test]
fn a_change_that_leaves_the_key_alone_cuts_nothing() {
    let upstream = gated();
    let story = Story::over(&upstream, limits());
    let mut call = story.begin(KEY, &ask_for_stream(""));
    call.head().unwrap();
    call.until("Paris");
    story.put(ApiKey { name: "renamed".to_owned(), expires_at: Some(Timestamp(i64::MAX)), ..story.key(1) });
    upstream.open_gate();
    call.until("[DONE]");
    assert_eq!(call.next(), Next::CleanEnd);
}

#[test]
fn a_request_that_waits_for_its_answer_is_refused_when_its_key_is_revoked() {
    let upstream = Upstream::acting(vec![Act::Hold]);
    let story = Story::over(&upstream, limits());
    let mut call = story.begin(KEY, &ask(""));
    upstream.wait_for_call();
    let since = story.put(ApiKey { revoked_at: Some(now()), ..story.key(1) });
    call.answer().assert_error(401, "authentication_error", "revoked_api_key");
    assert!(since.elapsed() < PROMPT);
    upstream.left();
    let record = story.stack.record();
    assert_eq!(summary(&record), (Outcome::Failed, 401, vec!["p0/small cancelled".to_owned()]));
}

#[test]
fn a_stream_kept_alive_by_comments_is_cut_when_its_key_loses_the_right() {
    let upstream = Upstream::acting(vec![Act::Hold]);
    let limits = Limits { head_hold: Duration::from_millis(10), keep_alive: Duration::from_millis(10), ..limits() };
    let story = Story::over(&upstream, limits);
    let mut call = story.begin(KEY, &ask_for_stream(""));
    call.head().unwrap();
    assert!(matches!(call.next(), Next::Event(_)));
    let since = story.put(ApiKey { scopes: vec![Scope::Platform], ..story.key(1) });
    let (last, end) = end_of(&mut call);
    assert!(since.elapsed() < PROMPT);
    assert_eq!(end, Next::Broken);
    assert!(last.unwrap().contains("missing_scope"));
    let record = story.stack.record();
    assert_eq!((record.finished.outcome, record.finished.status), (Outcome::Failed, 403));
}

// === Proxied answers ===

/// Sets the dialect of the one provider.
fn speaking(snapshot: &Snapshot, dialect: DialectKind) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) => {
            Object::Provider(Arc::new(domain::Provider { dialect, ..domain::Provider::clone(&provider) }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

/// A proxied answer runs and has come as far as `Paris` when its key is revoked; returns its last event.
#[track_caller]
fn revoke_proxied(acts: Vec<Act>, change: Option<fn(&Snapshot) -> Snapshot>) -> Option<String> {
    revoke_proxied_under(limits(), acts, change)
}

#[track_caller]
fn revoke_proxied_under(limits: Limits, acts: Vec<Act>, change: Option<fn(&Snapshot) -> Snapshot>) -> Option<String> {
    let upstream = Upstream::acting(acts);
    let story = Story::with(Setup { upstreams: vec![upstream.address], change, limits, ..Setup::default() });
    let mut call = story.stack.call();
    call.send(post("/p0/chat/completions", KEY, &ask_for_stream("").replace("\"auto\"", "\"native-small\"")));
    assert_eq!(call.head().unwrap().status, 200);
    call.until("Paris");
    let since = story.put(ApiKey { revoked_at: Some(now()), ..story.key(1) });
    upstream.open_gate();
    let (last, end) = end_of(&mut call);
    assert_eq!(end, Next::Broken, "never a clean end");
    assert!(since.elapsed() < PROMPT);
    upstream.left();
    let record = story.stack.record();
    assert_eq!((record.finished.status, record.finished.error.as_deref()), (401, Some("revoked_api_key")));
    assert_eq!(record.finished.outcome, Outcome::Interrupted);
    last
}

#[test]
fn a_proxied_stream_ends_with_an_error_event_when_its_key_is_revoked() {
    let last = revoke_proxied(begun(&[&role(), &word("Paris")], Act::Hold), None).unwrap();
    assert!(last.starts_with(r#"data: {"error":{"message":"the API key was revoked"#), "{last}");
    assert!(last.contains(r#""type":"authentication_error","param":null,"code":"revoked_api_key""#), "{last}");
}

#[test]
fn the_error_event_of_a_proxied_stream_is_in_the_words_of_its_provider() {
    let delta =
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"Paris\"}}\n\n";
    let last = revoke_proxied(begun(&[delta], Act::Hold), Some(|it| speaking(it, DialectKind::Anthropic))).unwrap();
    assert!(last.starts_with("event: error\ndata: {\"type\":\"error\",\"error\":{"), "{last}");

    let delta = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Paris\"}]}}]}\r\n\r\n\n";
    let last = revoke_proxied(begun(&[delta], Act::Hold), Some(|it| speaking(it, DialectKind::Gemini))).unwrap();
    assert!(last.contains(r#"data: {"error":{"code":401,"#), "{last}");

    // A provider of chat that speaks Responses there.
    let delta = "data: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"delta\":\"Paris\"}\n\n";
    let last = revoke_proxied(begun(&[delta], Act::Hold), None).unwrap();
    assert!(last.starts_with("event: error\n") && last.contains("\"sequence_number\":5"), "{last}");
}

#[test]
fn an_event_that_has_begun_is_completed_before_the_error_event() {
    let (begin, rest) = ("data: {\"x\":", "1}\n\ndata: {\"never\":2}\n\n");
    let begun = begun(&[&(word("Paris") + begin)], Act::Gate);
    let patient = Limits { abort_linger: Duration::from_millis(200), ..limits() };
    let last = revoke_proxied_under(patient, [begun, vec![chunk(rest), Act::Hold]].concat(), None).unwrap();
    assert!(last.starts_with(r#"data: {"error":{"#), "{last}");
    // One that does not go on has no place for an error.
    let begun = [stream_head(), chunk(&(word("Paris") + begin)), Act::Hold].to_vec();
    assert_eq!(revoke_proxied(begun, None), None);
}

#[test]
fn a_proxied_answer_that_is_no_stream_of_events_is_broken_off() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    let acts = vec![Act::Send(head.to_vec()), chunk("{\"a\":\"Paris\"}\n\n"), Act::Hold];
    assert_eq!(revoke_proxied(acts, None), None);
    let packed = String::from_utf8_lossy(STREAM_HEAD).replace("\r\n\r\n", "\r\ncontent-encoding: br\r\n\r\n");
    let acts = vec![Act::Send(packed.into_bytes()), chunk(&word("Paris")), Act::Hold];
    assert_eq!(revoke_proxied(acts, None), None);
}
