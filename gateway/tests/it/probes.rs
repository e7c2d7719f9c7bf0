//! Provider secrets that were refused: whether they work again is found out without a caller, where that can be told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::key_limits::MovedClock;
use crate::stack::{Setup, TestStack, ask, summary};
use crate::upstream::{ANSWER, Act, Upstream, refusal, whole};

fn refused() -> Vec<Act> {
    vec![Act::Send(refusal("401 Unauthorized", "", "x", "invalid_api_key", "no"))]
}

fn listed() -> Vec<Act> {
    vec![Act::Send(whole("200 OK", "", r#"{"object":"list","data":[]}"#))]
}

fn answered() -> Vec<Act> {
    vec![Act::Send(whole("200 OK", "", ANSWER))]
}

/// A stack whose first provider has refused its secret a minute ago, and whose second one is good.
struct Refused {
    stack: TestStack,
    first: Upstream,
    second: Upstream,
}

impl Refused {
    /// After the refusal the first provider says this, call by call.
    fn then(answers: Vec<Vec<Act>>) -> Self {
        let (first, second) = (Upstream::start([vec![refused()], answers].concat()), Upstream::good());
        let clock = Arc::new(MovedClock::default());
        let upstreams = vec![first.address, second.address];
        let stack = TestStack::start(Setup { upstreams, clock: clock.clone(), ..Setup::default() });
        assert_eq!(stack.chat(&ask("")).status, 200);
        assert_eq!((first.calls(), second.calls()), (1, 1));
        clock.pass(61);
        Self { stack, first, second }
    }

    #[track_caller]
    fn wait_for_calls(&self, count: usize) -> String {
        let until = Instant::now() + Duration::from_secs(15);
        while self.first.calls() < count {
            assert!(Instant::now() < until, "{} calls", self.first.calls());
            std::thread::yield_now();
        }
        self.first.last_request()
    }
}

#[test]
fn a_secret_that_is_still_refused_costs_no_caller_a_call() {
    let setup = Refused::then(vec![refused(), answered()]);
    let asked = setup.wait_for_calls(2);
    assert!(asked.starts_with("GET /v1/models HTTP/1.1\r\n") && asked.contains("Bearer upstream-secret"), "{asked}");
    for _ in 0..3 {
        assert_eq!(setup.stack.chat(&ask("")).status, 200);
    }
    assert_eq!((setup.first.calls(), setup.second.calls()), (2, 4), "its wait has begun anew");
}

#[test]
fn a_secret_that_the_list_tells_from_none_is_back() {
    let setup = Refused::then(vec![listed(), refused(), answered()]);
    let asked = setup.wait_for_calls(3);
    assert!(asked.starts_with("GET /v1/models HTTP/1.1\r\n") && !asked.contains("upstream-secret"), "{asked}");
    let until = Instant::now() + Duration::from_secs(15);
    while setup.first.calls() < 4 {
        assert!(Instant::now() < until, "it is not used again");
        assert_eq!(setup.stack.chat(&ask("")).status, 200);
    }
    assert!(setup.first.last_request().starts_with("POST /v1/chat/completions"));
}

#[test]
fn a_list_that_answers_anybody_leaves_the_secret_to_a_real_request() {
    let setup = Refused::then(vec![listed(), listed(), refused(), answered()]);
    setup.wait_for_calls(3);
    let until = Instant::now() + Duration::from_secs(15);
    while setup.first.calls() < 4 {
        assert!(Instant::now() < until, "no real request tries it");
        assert_eq!(setup.stack.chat(&ask("")).status, 200);
    }
    assert!(setup.first.last_request().starts_with("POST /v1/chat/completions"), "the list is not asked again");
    setup.stack.wait_until_idle();
    let tried = setup.stack.records().iter().filter(|record| summary(record).2.len() == 2).count();
    assert_eq!(tried, 2, "it was refused again, and the second one answered");
}
