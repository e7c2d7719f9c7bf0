//! Callers of Responses whose providers speak chat, or not: what their clients read beside the answer, and who may answer
//! what goes on with an earlier one.

use std::sync::Arc;
use std::time::Duration;

use domain::{Object, Snapshot};
use gateway::Limits;
use serde_json::{Value, json};

use crate::stack::{KEY, Setup, TestStack, limits};
use crate::upstream::{Act, Upstream, begun, good_stream, role, whole, word};
use crate::wire::{Next, post};

const ASKED: &str = r#""instructions":"be brief","temperature":0.5,"tools":[{"type":"function","name":"now"}]"#;

fn ask(stream: bool) -> String {
    post("/v1/responses", KEY, &format!(r#"{{"model":"auto","input":"hi","stream":{stream},{ASKED}}}"#))
}

#[track_caller]
fn repeats(response: &Value) {
    let function = json!([{"type": "function", "name": "now", "parameters": null, "strict": null}]);
    let said = (&response["instructions"], &response["temperature"], &response["tools"], &response["truncation"]);
    assert_eq!(said, (&json!("be brief"), &json!(0.5), &function, &json!("disabled")), "{response}");
}

fn is_numbered(events: &[Value]) -> bool {
    events.iter().enumerate().all(|(number, event)| event["sequence_number"] == json!(number))
}

#[test]
fn an_answer_in_another_dialect_repeats_what_was_asked_for() {
    let stack = TestStack::over(&[Upstream::good().address]);
    let answer = stack.send(&ask(false)).json();
    repeats(&answer);
    assert_eq!(answer["output"][0]["content"][0]["text"], "Paris.");

    let stack = TestStack::over(&[Upstream::acting(good_stream()).address]);
    let events = stack.send(&ask(true)).chunks();
    let responses: Vec<&Value> = events.iter().filter_map(|event| event.get("response")).collect();
    assert_eq!(responses.len(), 3);
    responses.into_iter().for_each(repeats);
}

fn assert_cut(events: &[Value]) {
    let last = events.last().unwrap();
    assert_eq!((&last["type"], is_numbered(events)), (&json!("error"), true), "{events:?}");
    assert!(events.len() > 4, "there was content: {events:?}");
}

#[test]
fn the_error_of_a_stream_that_breaks_is_counted_among_its_events() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Reset));
    let stack = TestStack::over(&[upstream.address]);
    assert_cut(&stack.send(&ask(true)).chunks());
}

#[test]
fn the_error_of_a_stream_that_is_cut_here_is_counted_too() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Hold));
    let limits = Limits { drain: Duration::from_millis(50), ..limits() };
    let mut stack = TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() });
    let mut call = stack.call();
    call.send(ask(true));
    call.head().unwrap();
    let mut events = Vec::new();
    let mut stopping = None;
    while let Next::Event(event) = call.next() {
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        events.push(serde_json::from_str(data).unwrap());
        if event.contains("Paris") {
            stopping.get_or_insert_with(|| stack.begin_to_stop());
        }
    }
    stopping.unwrap().join().unwrap();
    assert_cut(&events);
}

// === What a provider has kept ===

/// Lets the second provider take Responses.
fn second_keeps_answers(snapshot: &Snapshot) -> Snapshot {
    let version = snapshot.version;
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) if provider.slug.as_str() == "p1" => {
            Object::Provider(Arc::new(domain::Provider { responses: true, ..domain::Provider::clone(&provider) }))
        }
        other => other,
    });
    Snapshot::full(version, objects)
}

const GOES_ON: &str = r#"{"model":"auto","input":"and now?","previous_response_id":"resp_1"}"#;

#[test]
fn what_goes_on_with_a_kept_answer_is_for_providers_that_keep_them() {
    let kept = r#"{"id":"resp_2","object":"response","status":"completed","model":"native-small","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Paris."}]}],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let (chat, responses) = (Upstream::good(), Upstream::answering(whole("200 OK", "", kept)));
    let upstreams = vec![chat.address, responses.address];
    let setup = Setup { upstreams, change: Some(second_keeps_answers), ..Setup::default() };
    let stack = TestStack::start(setup);
    let answer = stack.send(&post("/v1/responses", KEY, GOES_ON));
    assert_eq!((answer.status, answer.header("x-routing-model")), (200, Some("p1/small")), "{}", answer.body);
    assert_eq!((chat.calls(), responses.calls()), (0, 1));
    assert!(responses.last_body().contains(r#""previous_response_id":"resp_1""#));
}

#[test]
fn what_goes_on_with_a_kept_answer_is_refused_where_nobody_keeps_them() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    for body in [GOES_ON.to_owned(), GOES_ON.replace("auto", "p0/small")] {
        let answer = stack.send(&post("/v1/responses", KEY, &body));
        answer.assert_error(400, "no_eligible_model", "no_eligible_model");
        assert!(answer.body.contains("kept_state") && answer.body.contains("send the whole conversation"));
    }
    assert_eq!(upstream.calls(), 0);
}
