//! What a request demands of those who see its data holds on every way to a provider, and in every fallback.

use crate::stack::{KEY, Setup, TestStack, ask, ask_for_stream, router_id};
use crate::upstream::{Upstream, good_stream, whole};
use crate::wire::post;

const DEMANDS: [&str; 2] = [r#","provider":{"zdr":true}"#, r#","provider":{"data_collection":"deny"}"#];

/// A first upstream of which nothing is known, and a second one that keeps nothing.
fn stack(first: &Upstream, second: &Upstream) -> TestStack {
    let upstreams = vec![first.address, second.address];
    TestStack::start(Setup { upstreams, discreet: vec![1], ..Setup::default() })
}

fn failing() -> Upstream {
    Upstream::answering(whole("500 Oh", "", "{}"))
}

#[test]
fn only_the_discreet_provider_is_asked_under_a_policy() {
    for demand in DEMANDS {
        let (first, second) = (Upstream::good(), Upstream::good());
        let stack = stack(&first, &second);
        assert_eq!(stack.chat(&ask(demand)).status, 200);
        assert_eq!(stack.chat(&ask(&format!(r#"{demand},"models":["p0/small","p1/small"]"#))).status, 200);
        let by_router = post(&format!("/{}/v1/chat/completions", router_id()), KEY, &ask(demand));
        assert_eq!(stack.send(&by_router).status, 200);
        assert_eq!((first.calls(), second.calls()), (0, 3), "{demand}");
        // Without the demand the first in order answers.
        assert_eq!(stack.chat(&ask("")).status, 200);
        assert_eq!(first.calls(), 1);
    }
}

#[test]
fn a_stream_goes_there_too() {
    for demand in DEMANDS {
        let (first, second) = (Upstream::acting(good_stream()), Upstream::acting(good_stream()));
        let stack = stack(&first, &second);
        assert!(stack.chat(&ask_for_stream(demand)).complete);
        assert_eq!((first.calls(), second.calls()), (0, 1), "{demand}");
    }
}

#[test]
fn no_fallback_leads_to_one_of_which_nothing_is_known() {
    for demand in DEMANDS {
        let (first, second) = (Upstream::good(), failing());
        let stack = stack(&first, &second);
        assert!(stack.chat(&ask(demand)).status >= 500);
        assert!(stack.chat(&ask_for_stream(demand)).status >= 500);
        assert!(first.calls() == 0 && second.calls() >= 2, "{demand}");
    }
}

#[test]
fn a_model_that_is_named_is_refused_rather_than_asked_all_the_same() {
    for demand in DEMANDS {
        let (first, second) = (Upstream::good(), Upstream::good());
        let stack = stack(&first, &second);
        for named in [r#"{"model":"p0/small""#, r#"{"model":"auto","models":["p0/small"]"#] {
            let answer = stack.chat(&format!(r#"{named},"messages":[{{"role":"user","content":"hi"}}]{demand}}}"#));
            assert!((400..500).contains(&answer.status), "{}", answer.body);
        }
        assert_eq!((first.calls(), second.calls()), (0, 0), "{demand}");
    }
}
