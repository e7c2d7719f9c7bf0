//! Callers of Responses whose providers speak chat: what their clients read beside the answer.

use std::time::Duration;

use gateway::Limits;
use serde_json::{Value, json};

use crate::stack::{KEY, Setup, TestStack, limits};
use crate::upstream::{Act, Upstream, begun, good_stream, role, word};
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
