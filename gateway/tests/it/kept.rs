//! Requests that go on with an answer find the provider, and the account there, that has kept it.

use std::sync::Arc;

use domain::{Credential, Object, Outcome, Owner, Provider, Snapshot};

use crate::stack::{KEY, Setup, TestStack, summary};
use crate::upstream::{Act, Upstream, chunk, last_chunk, stream_head, whole};
use crate::wire::{Response, post};

/// Lets every provider take Responses.
fn all_keep_answers(snapshot: &Snapshot) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) => {
            Object::Provider(Arc::new(Provider { responses: true, ..Provider::clone(&provider) }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

/// Makes all secrets the organisation's own, so that they take turns.
fn as_one_owners(snapshot: &Snapshot) -> Snapshot {
    let snapshot = all_keep_answers(snapshot);
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Credential(credential) => {
            Object::Credential(Arc::new(Credential { owner: Owner::Org, ..Credential::clone(&credential) }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

fn over(upstreams: &[&Upstream]) -> Setup {
    let upstreams = upstreams.iter().map(|upstream| upstream.address).collect();
    Setup { upstreams, change: Some(all_keep_answers), ..Setup::default() }
}

fn response(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"response","status":"completed","model":"native-small","output":[{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":"Paris."}}]}}],"usage":{{"input_tokens":1,"output_tokens":1}}}}"#
    )
}

fn answer(id: &str) -> Act {
    Act::Send(whole("200 OK", "", &response(id)))
}

/// Fails its first call and answers all others under this name.
fn failing_once(id: &str) -> Upstream {
    Upstream::start(vec![vec![Act::Send(whole("500 Oops", "", r#"{"error":{"message":"oops"}}"#))], vec![answer(id)]])
}

fn begin(stack: &TestStack, more: &str) -> Response {
    stack.send(&post("/v1/responses", KEY, &format!(r#"{{"model":"auto","input":"hi"{more}}}"#)))
}

fn go_on(stack: &TestStack, id: &str, more: &str) -> Response {
    begin(stack, &format!(r#","previous_response_id":"{id}"{more}"#))
}

fn calls<const N: usize>(upstreams: [&Upstream; N]) -> [usize; N] {
    upstreams.map(Upstream::calls)
}

#[test]
fn an_answer_is_gone_on_with_where_it_was_kept() {
    let (first, second) = (failing_once("resp_of_first"), Upstream::acting(vec![answer("resp_of_second")]));
    let stack = TestStack::start(over(&[&first, &second]));
    assert_eq!(begin(&stack, "").json()["id"], "resp_of_second");
    assert_eq!(calls([&first, &second]), [1, 1]);
    for number in 2..5 {
        let answer = go_on(&stack, "resp_of_second", "");
        assert_eq!((answer.status, answer.header("x-routing-model")), (200, Some("p1/small")), "{}", answer.body);
        assert_eq!(calls([&first, &second]), [1, number]);
    }
    assert_eq!(begin(&stack, "").json()["id"], "resp_of_first", "others go where they would");
    assert_eq!(go_on(&stack, "resp_of_first", "").header("x-routing-model"), Some("p0/small"));
}

#[test]
fn a_stream_says_at_its_begin_who_keeps_it() {
    let events = [
        r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_streamed","model":"m"}}"#.to_owned(),
        r#"{"type":"response.output_text.delta","sequence_number":1,"output_index":0,"delta":"Paris"}"#.to_owned(),
        format!(r#"{{"type":"response.completed","sequence_number":2,"response":{}}}"#, response("resp_streamed")),
    ];
    let mut stream = vec![stream_head()];
    stream.extend(events.iter().map(|event| chunk(&format!("data: {event}\n\n"))));
    stream.push(last_chunk());
    let (first, second) = (failing_once("resp_of_first"), Upstream::start(vec![stream, vec![answer("resp_2")]]));
    let stack = TestStack::start(over(&[&first, &second]));
    let streamed = begin(&stack, r#","stream":true"#);
    assert!(streamed.complete && streamed.body.contains("resp_streamed"), "{}", streamed.body);
    assert_eq!(go_on(&stack, "resp_streamed", "").json()["id"], "resp_2");
    assert_eq!(calls([&first, &second]), [1, 2]);
}

#[test]
fn nobody_answers_for_a_keeper_that_fails() {
    let fails = Act::Send(whole("500 Oops", "", r#"{"error":{"message":"oops"}}"#));
    let (first, second) = (failing_once("resp_1"), Upstream::start(vec![vec![answer("resp_2")], vec![fails]]));
    let stack = TestStack::start(over(&[&first, &second]));
    begin(&stack, "");
    let answer = go_on(&stack, "resp_2", "");
    answer.assert_error(502, "provider_error", "server_error");
    assert_eq!(calls([&first, &second]), [1, 2]);
}

#[test]
fn a_keeper_that_cannot_be_asked_is_named() {
    let (first, second) = (failing_once("resp_1"), Upstream::acting(vec![answer("resp_2")]));
    let stack = TestStack::start(over(&[&first, &second]));
    begin(&stack, "");
    let refused = go_on(&stack, "resp_2", r#","provider":{"ignore":["p1"]}"#);
    let named = go_on(&stack, "resp_2", "").status;
    let elsewhere = post("/v1/responses", KEY, r#"{"model":"p0/small","input":"x","previous_response_id":"resp_2"}"#);
    for answer in [refused, stack.send(&elsewhere)] {
        answer.assert_error(400, "no_eligible_model", "no_eligible_model");
        let error = &answer.json()["error"];
        assert_eq!(error["param"], "previous_response_id");
        assert!(error["message"].as_str().unwrap().contains("provider `p1` has kept"), "{}", answer.body);
        assert!(answer.body.contains("p0/small: kept_state"), "{}", answer.body);
    }
    assert_eq!((named, calls([&first, &second])), (200, [1, 2]));
    let rows = stack.records();
    assert!(rows.iter().any(|row| summary(row) == (Outcome::Failed, 400, Vec::new())));
}

#[test]
fn what_is_not_known_here_goes_where_it_would() {
    let (first, second) = (failing_once("resp_1"), Upstream::acting(vec![answer("resp_2")]));
    let mut stack = TestStack::start(over(&[&first, &second]));
    begin(&stack, r#","store":false"#);
    let model = |answer: &Response| answer.header("x-routing-model").map(str::to_owned);
    assert_eq!(model(&go_on(&stack, "resp_2", "")).as_deref(), Some("p0/small"), "it was not to be kept");
    stack.restart();
    assert_eq!(model(&go_on(&stack, "resp_1", "")).as_deref(), Some("p0/small"), "nothing is known any more");
    assert_eq!(model(&go_on(&stack, "resp_unknown", "")).as_deref(), Some("p0/small"));
}

#[test]
fn the_secret_is_the_one_of_the_answer_that_is_gone_on_with() {
    let upstream = Upstream::start((1..20).map(|number| vec![answer(&format!("resp_{number}"))]).collect());
    let change = Some(as_one_owners as fn(&Snapshot) -> Snapshot);
    let stack = TestStack::start(Setup { own_secrets: true, change, ..over(&[&upstream]) });
    let secret = || {
        let request = upstream.last_request().to_ascii_lowercase();
        request.lines().find(|line| line.starts_with("authorization")).unwrap().to_owned()
    };
    let begun = [1, 2].map(|number| {
        begin(&stack, "");
        (format!("resp_{number}"), secret())
    });
    assert_ne!(begun[0].1, begun[1].1, "secrets take turns");
    for (id, kept_with) in begun.iter().cycle().take(6) {
        assert_eq!(go_on(&stack, id, "").status, 200);
        assert_eq!(&secret(), kept_with, "{id}");
        assert_eq!(go_on(&stack, id, "").status, 200);
        assert_eq!(&secret(), kept_with, "{id}, again");
    }
}
