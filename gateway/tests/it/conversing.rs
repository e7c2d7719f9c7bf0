//! Conversations that stay on their model, and instructions for one request, from what a caller sends to who answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Affinity, Clock, Strategy, Timestamp};
use gateway::{Limits, SystemClock};
use serde_json::{Value, json};

use crate::engine::{Mood, PATIENT, ScriptedEngine};
use crate::stack::{KEY, Setup, TestStack, ask, limits, own_key};
use crate::upstream::{ANSWER, Act, Upstream, begun, good_stream, role, whole, word};
use crate::wire::{Response, post_with};

/// A clock that a test moves on.
#[derive(Default)]
struct MovedClock {
    system: SystemClock,
    seconds: AtomicU64,
}

impl Clock for MovedClock {
    fn wall(&self) -> Timestamp {
        self.system.wall()
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic() + Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }
}

/// Two candidates, of which the first fails once: the first turn is answered by the second.
struct Talk {
    stack: TestStack,
    clock: Arc<MovedClock>,
    upstreams: [Upstream; 2],
}

fn talk(strategy: Strategy, affinity: Option<Affinity>) -> Talk {
    let fails = vec![Act::Send(whole("500 Internal Server Error", "", "{}"))];
    let good = vec![Act::Send(whole("200 OK", "", ANSWER))];
    talk_over([Upstream::start(vec![fails, good]), Upstream::good()], strategy, affinity)
}

fn talk_over(upstreams: [Upstream; 2], strategy: Strategy, affinity: Option<Affinity>) -> Talk {
    let clock = Arc::new(MovedClock::default());
    let setup = Setup {
        upstreams: upstreams.iter().map(|upstream| upstream.address).collect(),
        strategy,
        affinity,
        clock: clock.clone(),
        ..Setup::default()
    };
    Talk { stack: TestStack::start(setup), clock, upstreams }
}

/// The messages of the first turn, and of one after an answer.
fn turns(opening: &str) -> [Value; 2] {
    let first = json!({"role": "user", "content": opening});
    let answer = json!({"role": "assistant", "content": "Paris."});
    let then = json!({"role": "user", "content": "And of Spain?"});
    [json!([first]), json!([first, answer, then])]
}

impl Talk {
    fn say(&self, key: &str, headers: &str, messages: &Value) -> Response {
        let headers = format!("authorization: Bearer {key}\r\ncontent-type: application/json\r\n{headers}");
        let body = json!({"model": "auto", "messages": messages}).to_string();
        self.stack.send(&post_with("/v1/chat/completions", &headers, &body))
    }

    /// Who answers, and whether it was kept; `None` = nothing is known of a turn before.
    #[track_caller]
    fn check(&self, key: &str, headers: &str, messages: &Value, expected: (&str, Option<bool>)) {
        let answer = self.say(key, headers, messages);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let routing = answer.json()["routing"].clone();
        let found = (answer.header("x-routing-model").unwrap(), routing["affinity"]["kept"].as_bool());
        assert_eq!(found, expected, "{routing}");
    }
}

const CONVERSATION: Option<Affinity> = Some(Affinity::Conversation);

#[test]
fn the_next_turn_stays_on_the_model_that_answered() {
    let talk = talk(Strategy::LeastLatency {}, CONVERSATION);
    let [first, second] = turns("What is the capital of France?");
    talk.check(KEY, "", &first, ("p1/small", None));
    talk.check(KEY, "", &second, ("p1/small", Some(true)));
    let [_, other] = turns("What is the capital of Italy?");
    talk.check(KEY, "", &other, ("p0/small", None));
    let record = talk.stack.records().into_iter().find_map(|it| it.finished.decision?.affinity).unwrap();
    assert_eq!((record.previous.as_str(), record.kept, record.session.len()), ("p1/small", true, 16));
}

#[test]
fn without_affinity_each_turn_is_decided_for_itself() {
    for (strategy, affinity) in [(Strategy::LeastLatency {}, None), (Strategy::Split {}, CONVERSATION)] {
        let talk = talk(strategy, affinity);
        let [first, second] = turns("What is the capital of France?");
        for messages in [&first, &second, &second] {
            let routing = talk.say(KEY, "", messages).json()["routing"].clone();
            assert_eq!(routing["affinity"], Value::Null, "{routing}");
        }
    }
}

#[test]
fn a_tool_loop_is_not_left_although_another_comes_first() {
    let talk = talk(Strategy::Priority {}, CONVERSATION);
    let [first, second] = turns("What is the capital of France?");
    let call = json!({"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let calls = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let result = json!({"role": "tool", "tool_call_id": "c", "content": "Paris"});
    let in_loop = json!([first[0], calls, result]);
    talk.check(KEY, "", &first, ("p1/small", None));
    talk.check(KEY, "", &in_loop, ("p1/small", Some(true)));
    talk.check(KEY, "", &second, ("p0/small", Some(false)));
}

#[test]
fn a_conversation_is_over_after_an_hour() {
    let talk = talk(Strategy::LeastLatency {}, CONVERSATION);
    let [first, second] = turns("What is the capital of France?");
    talk.check(KEY, "", &first, ("p1/small", None));
    talk.clock.seconds.fetch_add(3_000, Ordering::SeqCst);
    talk.check(KEY, "", &second, ("p1/small", Some(true)));
    talk.clock.seconds.fetch_add(3_601, Ordering::SeqCst);
    talk.check(KEY, "", &second, ("p0/small", None));
}

#[test]
fn another_key_is_another_conversation() {
    let talk = talk(Strategy::LeastLatency {}, CONVERSATION);
    let [first, second] = turns("What is the capital of France?");
    talk.check(KEY, "", &first, ("p1/small", None));
    talk.check(&own_key(), "", &second, ("p0/small", None));
    talk.check(&own_key(), "x-session-id: chat-7\r\n", &second, ("p0/small", None));
    talk.check(KEY, "", &second, ("p1/small", Some(true)));
}

#[test]
fn a_session_that_the_caller_names_counts_whatever_was_said() {
    let talk = talk(Strategy::LeastLatency {}, CONVERSATION);
    let ([first, _], [other, _]) = (turns("What is the capital of France?"), turns("Who was Caesar?"));
    talk.check(KEY, "X-Session-Id: chat-7\r\n", &first, ("p1/small", None));
    talk.check(KEY, "X-Session-Id: chat-7\r\n", &other, ("p1/small", Some(true)));
    talk.check(KEY, "X-Session-Id: chat-8\r\n", &first, ("p0/small", None));
}

#[test]
fn a_session_name_that_is_none_is_refused() {
    let stack = TestStack::over(&[Upstream::good().address]);
    let longest = "s".repeat(256);
    for (name, is_fine) in
        [("a b", false), ("", false), ("grün", false), (&format!("{longest}s"), false), (&longest, true)]
    {
        let headers =
            format!("authorization: Bearer {KEY}\r\ncontent-type: application/json\r\nx-session-id: {name}\r\n");
        let answer = stack.send(&post_with("/v1/chat/completions", &headers, &ask("")));
        if is_fine {
            assert_eq!(answer.status, 200);
        } else {
            answer.assert_error(400, "invalid_request_error", "invalid_value");
            assert_eq!(answer.json()["error"]["param"], "X-Session-Id");
        }
    }
}

#[test]
fn a_whole_stream_is_remembered_and_a_broken_one_is_not() {
    let broken = begun(&[&role(), &word("Par")], Act::Reset);
    for (stream, expected) in [(good_stream(), ("p1/small", Some(true))), (broken, ("p0/small", None))] {
        let fails = vec![Act::Send(whole("500 Internal Server Error", "", "{}"))];
        let good = vec![Act::Send(whole("200 OK", "", ANSWER))];
        let upstreams = [Upstream::start(vec![fails, good.clone()]), Upstream::start(vec![stream, good])];
        let talk = talk_over(upstreams, Strategy::LeastLatency {}, CONVERSATION);
        let [first, second] = turns("What is the capital of France?");
        let body = json!({"model": "auto", "messages": first, "stream": true}).to_string();
        talk.stack.chat(&body);
        talk.stack.wait_until_idle();
        talk.check(KEY, "", &second, expected);
    }
}

#[test]
fn instructions_guide_the_request_and_stay_here() {
    let upstreams = [Upstream::good(), Upstream::good()];
    let talk = talk_over(upstreams, Strategy::Priority {}, None);
    let answer = talk.stack.chat(&ask(r#","routing":{"instructions":"avoid p0"}"#));
    assert_eq!(answer.header("x-routing-model"), Some("p1/small"));
    let told = answer.json()["routing"]["instructions"].clone();
    let understood = json!([{"intent": "avoid p0", "effect": "1 removed"}]);
    assert_eq!(told, json!({"understood": understood, "no_effect": null}));
    assert!(!talk.upstreams[1].last_body().contains("instructions"));
    let answer = talk.stack.chat(&ask(r#","routing":{"instructions":"write a faster sorting algorithm"}"#));
    let told = answer.json()["routing"]["instructions"].clone();
    assert_eq!(told["understood"], json!([]));
    assert_eq!(told["no_effect"], "nothing in the text is an intent that routing knows");
    let long = "x".repeat(2_001);
    let answer = talk.stack.chat(&ask(&format!(r#","routing":{{"instructions":"{long}"}}"#)));
    answer.assert_error(400, "invalid_request_error", "invalid_value");
    assert_eq!(answer.json()["error"]["param"], "routing.instructions");
}

#[test]
fn the_engine_is_told_the_instructions() {
    let upstreams = [Upstream::good(), Upstream::good()];
    let stack = TestStack::start(Setup {
        upstreams: upstreams.iter().map(|upstream| upstream.address).collect(),
        limits: Limits { engine_wait: PATIENT, ..limits() },
        ..Setup::default()
    });
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Scores(0.9));
    let answer = stack.chat(&ask(r#","routing":{"instructions":"avoid p0 if the prompt is complex"}"#));
    assert_eq!(answer.header("x-routing-model"), Some("p1/small"));
    assert_eq!(engine.told().instructions.as_deref(), Some("avoid p0 if the prompt is complex"));
}
