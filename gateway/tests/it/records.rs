//! What a row tells beside outcome and cost: labels, surface, times, secrets, and whether the right model answered.

use domain::Surface;

use crate::stack::{KEY, TestStack, ask, ask_for_stream};
use crate::upstream::{ANSWER, Upstream, good_events, stream_of, whole};
use crate::wire::post_with;

#[test]
fn labels_of_body_and_header_are_recorded_in_their_order() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let headers = format!("authorization: Bearer {KEY}\r\nx-tags: team=blue, env=test\r\n");
    let body = ask(r#","tags":[{"key":"run","value":"7"}]"#);
    assert_eq!(stack.send(&post_with("/v1/chat/completions", &headers, &body)).status, 200);
    let finished = stack.record().finished;
    let tags: Vec<_> = finished.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
    assert_eq!(tags, [("team", "blue"), ("env", "test"), ("run", "7")]);
    assert_eq!(finished.started.endpoint, Surface::Chat);
}

#[test]
fn the_times_of_a_row_add_up() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    assert_eq!(stack.chat(&ask("")).status, 200);
    let finished = stack.record().finished;
    let (queue, overhead) = (finished.queue_micros.unwrap(), finished.overhead_micros.unwrap());
    let together = queue + overhead + finished.upstream_micros.unwrap();
    // Each is rounded down to a microsecond, and the clock is read once for each.
    assert!(together <= finished.total_micros + 3 && together + 2_000 > finished.total_micros, "{finished:?}");
    let attempt = &finished.attempts[0];
    assert!(attempt.began_micros.unwrap() >= queue && attempt.began_micros.unwrap() < finished.total_micros);
}

#[test]
fn every_attempt_names_the_secret_it_was_made_with() {
    let (bad, good) = (Upstream::answering(whole("500 Oh", "", "{}")), Upstream::good());
    let stack = TestStack::over(&[bad.address, good.address]);
    assert_eq!(stack.chat(&ask("")).status, 200);
    let attempts = stack.record().finished.attempts;
    let secrets: Vec<_> = attempts.iter().map(|attempt| attempt.credential.clone().unwrap()).collect();
    assert!(secrets.len() >= 2 && secrets[0] != *secrets.last().unwrap(), "{secrets:?}");
}

#[test]
fn a_row_names_the_caller_s_user_and_the_provider_s_request() {
    let upstream = Upstream::answering(whole("200 OK", "x-request-id: theirs-1\r\n", ANSWER));
    let stack = TestStack::over(&[upstream.address]);
    assert_eq!(stack.chat(&ask(r#","user":"ann""#)).status, 200);
    let finished = stack.record().finished;
    assert_eq!(finished.started.user.as_deref(), Some("ann"));
    assert_eq!(finished.attempts[0].upstream_request.as_deref(), Some("theirs-1"));
}

#[test]
fn a_proxied_request_is_told_apart_and_labelled() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let headers = format!("authorization: Bearer {KEY}\r\nx-tags: team=blue\r\ncontent-type: application/json\r\n");
    let body = ask("").replace("\"auto\"", "\"native-small\"");
    assert_eq!(stack.send(&post_with("/p0/chat/completions", &headers, &body)).status, 200);
    let finished = stack.record().finished;
    assert_eq!((finished.started.endpoint, finished.tags.len()), (Surface::Proxy, 1));
    assert!(finished.attempts[0].credential.is_some() && finished.queue_micros.is_some());
}

#[track_caller]
fn check_served(served: &str, mismatch: bool) {
    let upstream = Upstream::answering(whole("200 OK", "", &ANSWER.replace("native-small", served)));
    let stack = TestStack::over(&[upstream.address]);
    assert_eq!(stack.chat(&ask("")).status, 200);
    let finished = stack.record().finished;
    assert_eq!((finished.served_model.as_deref(), finished.served_mismatch), (Some(served), mismatch));
}

#[test]
fn a_row_says_when_another_model_was_served() {
    check_served("native-small", false);
    check_served("native-small-2026-01-31", false);
    check_served("native-large", true);
}

#[test]
fn a_stream_says_it_too() {
    let events: Vec<_> = good_events().iter().map(|event| event.replace("native-small", "tiny-fallback")).collect();
    let upstream = Upstream::acting(stream_of(&events));
    let stack = TestStack::over(&[upstream.address]);
    assert!(stack.chat(&ask_for_stream("")).complete);
    assert!(stack.record().finished.served_mismatch);
}
