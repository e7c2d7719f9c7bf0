//! Counting tokens: who is asked and who is not, what is told when nobody can say, and the account that it leaves.

use std::sync::Arc;

use domain::{DialectKind, Limits, Object, Outcome, Snapshot};
use serde_json::json;

use crate::stack::{KEY, KeyLimits, NARROW, Setup, TestStack, summary};
use crate::upstream::{Upstream, whole};
use crate::wire::{Response, post};

/// What nobody would guess.
const COUNT: u64 = 4_711;
const CLAUDES: &str = "/v1/messages/count_tokens";

/// A vendor's own dialect, and how its callers ask.
struct Vendor {
    speaks: fn(&Snapshot) -> Snapshot,
    answer: &'static str,
    field: &'static str,
    ask: fn(model: &str, key: &str, more: &str) -> String,
}

const VENDORS: [Vendor; 2] = [
    Vendor {
        speaks: |snapshot| speaking(snapshot, DialectKind::Anthropic),
        answer: r#"{"input_tokens":4711}"#,
        field: "input_tokens",
        ask: ask_as_claude,
    },
    Vendor {
        speaks: |snapshot| speaking(snapshot, DialectKind::Gemini),
        answer: r#"{"totalTokens":4711}"#,
        field: "totalTokens",
        ask: |model, key, more| {
            let body = format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"What is it?"}}]}}]{more}}}"#);
            post(&format!("/v1beta/models/{model}:countTokens"), key, &body)
        },
    },
];

fn ask_as_claude(model: &str, key: &str, more: &str) -> String {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"What is it?"}}]{more}}}"#);
    post(CLAUDES, key, &body)
}

fn speaking(snapshot: &Snapshot, dialect: DialectKind) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) => {
            Object::Provider(Arc::new(domain::Provider { dialect, ..domain::Provider::clone(&provider) }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

/// Two providers of the vendor's dialect, of which the second keeps nothing and collects nothing.
fn over(vendor: &Vendor, upstreams: &[&Upstream], limits: Limits) -> TestStack {
    TestStack::start(Setup {
        upstreams: upstreams.iter().map(|it| it.address).collect(),
        discreet: vec![1],
        change: Some(vendor.speaks),
        key_limits: KeyLimits { key: limits, ..KeyLimits::default() },
        ..Setup::default()
    })
}

fn counting(vendor: &Vendor) -> Upstream {
    Upstream::answering(whole("200 OK", "request-id: up_1\r\n", vendor.answer))
}

/// The number that was told.
#[track_caller]
fn told(vendor: &Vendor, response: &Response) -> u64 {
    assert_eq!(response.status, 200, "{}", response.body);
    response.json()[vendor.field].as_u64().unwrap()
}

// === Who is asked ===

#[test]
fn the_provider_of_the_model_is_asked() {
    for vendor in VENDORS {
        let upstream = counting(&vendor);
        let stack = over(&vendor, &[&upstream], Limits::default());
        for model in ["p0/small", "small"] {
            assert_eq!(told(&vendor, &stack.send(&(vendor.ask)(model, KEY, ""))), COUNT);
        }
        assert_eq!(upstream.calls(), 2);
    }
}

#[test]
fn no_provider_is_asked_that_the_request_excludes() {
    for vendor in VENDORS {
        let (first, second) = (counting(&vendor), counting(&vendor));
        let stack = over(&vendor, &[&first, &second], Limits::default());
        for demand in [r#"{"zdr":true}"#, r#"{"data_collection":"deny"}"#, r#"{"ignore":["p0"]}"#, r#"{"only":["p1"]}"#]
        {
            let more = format!(r#","provider":{demand}"#);
            let estimate = told(&vendor, &stack.send(&(vendor.ask)("p0/small", KEY, &more)));
            assert!((1..100).contains(&estimate), "{estimate}");
            assert_eq!(first.calls(), 0, "{demand}");
            assert_eq!(told(&vendor, &stack.send(&(vendor.ask)("p1/small", KEY, &more))), COUNT, "{demand}");
        }
        assert_eq!(second.calls(), 4);
    }
}

#[test]
fn nobody_is_asked_where_another_may_answer() {
    let [vendor, _] = VENDORS;
    let upstream = counting(&vendor);
    let stack = over(&vendor, &[&upstream, &upstream], Limits::default());
    for more in [r#","models":["p0/small","p1/small"]"#, r#","routing_policy_id":"main""#] {
        let _ = told(&vendor, &stack.send(&(vendor.ask)("p0/small", KEY, more)));
    }
    let _ = told(&vendor, &stack.send(&(vendor.ask)("auto", KEY, "")));
    assert_eq!(upstream.calls(), 0);
}

#[test]
fn a_model_that_is_unknown_or_not_the_keys_is_refused() {
    for vendor in VENDORS {
        let upstream = counting(&vendor);
        let stack = over(&vendor, &[&upstream, &upstream], Limits::default());
        for (model, key, status) in [("p0/none", KEY, 404), ("none", KEY, 404), ("p1/small", NARROW, 403)] {
            let answer = stack.send(&(vendor.ask)(model, key, ""));
            assert_eq!((answer.status, answer.json().get(vendor.field)), (status, None), "{model}");
        }
        assert_eq!(told(&vendor, &stack.send(&(vendor.ask)("p0/small", NARROW, ""))), COUNT);
        assert_eq!(upstream.calls(), 1);
        let codes: Vec<_> = stack.records().into_iter().filter_map(|row| row.finished.error).collect();
        assert_eq!(codes, ["model_not_allowed", "model_not_found", "model_not_found"]);
    }
}

// === Its account ===

#[test]
fn a_count_leaves_an_account_of_whom_it_asked_and_costs_nothing() {
    for vendor in VENDORS {
        let upstream = counting(&vendor);
        let stack = over(&vendor, &[&upstream], Limits::default());
        assert_eq!(told(&vendor, &stack.send(&(vendor.ask)("p0/small", KEY, ""))), COUNT);
        let record = stack.record();
        assert_eq!(summary(&record), (Outcome::Completed, 200, vec!["p0/small ok".to_owned()]));
        let finished = record.finished;
        assert_eq!(finished.model.as_ref().map(domain::ModelId::as_str), Some("p0/small"));
        assert_eq!((finished.usage, finished.cost), (None, None));
        let attempt = &finished.attempts[0];
        assert!(attempt.credential.is_some() && attempt.millis.is_some(), "{attempt:?}");
        assert_eq!(attempt.upstream_request.as_deref(), Some("up_1"));
        assert!(finished.upstream_micros > Some(0));
    }
}

#[test]
fn each_count_is_a_request_of_its_key_and_takes_no_tokens() {
    let limits = Limits { requests_per_minute: Some(3), total_tokens_per_hour: Some(1_000), ..Limits::default() };
    for vendor in VENDORS {
        let upstream = counting(&vendor);
        let stack = over(&vendor, &[&upstream], limits);
        for (model, left) in [("p0/small", "2"), ("auto", "1"), ("p0/small", "0")] {
            let answer = stack.send(&(vendor.ask)(model, KEY, ""));
            let remaining = |what: &str| answer.header(&format!("x-ratelimit-remaining-{what}"));
            assert_eq!((remaining("requests"), remaining("tokens")), (Some(left), Some("1000")));
        }
        let refused = stack.send(&(vendor.ask)("p0/small", KEY, ""));
        assert_eq!((refused.status, refused.header("x-ratelimit-remaining-requests")), (429, Some("0")));
        assert_eq!(upstream.calls(), 2);
    }
}

// === Providers that do not know ===

#[test]
fn what_is_no_count_is_a_bad_answer_and_an_estimate_is_told_instead() {
    for vendor in VENDORS {
        for (status, body, outcome) in [
            ("200 OK", r#"{"error":{"message":"x"}}"#, "bad_answer"),
            ("200 OK", "none", "bad_answer"),
            ("200 OK", r#"{"input_tokens":-1,"totalTokens":-1}"#, "bad_answer"),
            ("500 Oh", "{}", "server_error"),
            ("401 No", "{}", "unauthorised"),
        ] {
            let upstream = Upstream::answering(whole(status, "", body));
            let stack = over(&vendor, &[&upstream], Limits::default());
            let answer = stack.send(&(vendor.ask)("p0/small", KEY, ""));
            let estimate = told(&vendor, &answer);
            assert!((1..100).contains(&estimate), "{estimate}");
            assert_eq!(answer.json(), json!({vendor.field: estimate}));
            let record = stack.record();
            assert_eq!(summary(&record), (Outcome::Completed, 200, vec![format!("p0/small {outcome}")]));
            assert_eq!((record.finished.model, record.finished.usage), (None, None));
            assert_eq!(upstream.calls(), 1);
        }
    }
}
