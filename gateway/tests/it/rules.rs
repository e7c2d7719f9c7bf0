//! Tag rules, from what a caller sends to who answers: tags of body and header, a rule that needs a score, what the
//! engine is told, and what is refused.

use domain::{Candidates, ModelId, OrganisationId, Policy, PolicyId, PolicyModel, Rules, Strategy};
use gateway::Limits;
use serde_json::json;

use crate::engine::{Mood, PATIENT, ScriptedEngine};
use crate::stack::{KEY, Setup, TestStack, ask, limits};
use crate::upstream::Upstream;
use crate::wire::{Response, post_with};

/// A policy `main` that begins with `p0/small`, and one `premium` of `p1/small` alone. Callers of the tier `premium` get
/// the latter; hard prompts get `p1/small` too, by a rule whose name no header can carry as it is.
struct Ruled {
    stack: TestStack,
    engine: ScriptedEngine,
    upstreams: [Upstream; 2],
}

fn ruled(mood: Mood) -> Ruled {
    let upstreams = [Upstream::good(), Upstream::good()];
    let strong = ModelId::parse("p1/small").unwrap();
    let premium = Policy {
        id: PolicyId::from_random([8; 20]),
        organisation: OrganisationId::from_random([1; 20]),
        name: "premium".to_owned(),
        slug: "premium".to_owned(),
        version: 1,
        candidates: Candidates::Listed(vec![PolicyModel { model: strong.clone(), priority: None, weight: None }]),
        strategy: Strategy::Single { model: strong },
        rules: Rules::default(),
        affinity: None,
    };
    let rules = json!([
        {"priority": 20, "name": "schwer → groß", "when": {"field": "complexity", "op": "gte", "value": 0.7},
         "use": {"strategy": {"type": "single", "model": "p1/small"}}},
        {"priority": 10, "name": "premium callers", "when": {"field": "tag.tier", "op": "eq", "value": "premium"},
         "use": {"policy": premium.id}},
    ]);
    let setup = Setup {
        upstreams: upstreams.iter().map(|upstream| upstream.address).collect(),
        limits: Limits { engine_wait: PATIENT, ..limits() },
        rules: Rules::parse(&rules).unwrap(),
        policies: vec![premium],
        ..Setup::default()
    };
    let stack = TestStack::start(setup);
    let engine = ScriptedEngine::start(&stack.engine_socket(), mood);
    Ruled { stack, engine, upstreams }
}

impl Ruled {
    fn send(&self, headers: &str, more: &str) -> Response {
        let headers = format!("authorization: Bearer {KEY}\r\ncontent-type: application/json\r\n{headers}");
        self.stack.send(&post_with("/v1/chat/completions", &headers, &ask(more)))
    }

    /// Who answers, by which policy and which rule.
    #[track_caller]
    fn check(&self, headers: &str, more: &str, expected: (&str, &str, Option<&str>)) {
        let answer = self.send(headers, more);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let routing = answer.json()["routing"].clone();
        let found = (
            answer.header("x-routing-model").unwrap(),
            answer.header("x-routing-policy").unwrap(),
            routing["rule"].as_str(),
        );
        assert_eq!(found, expected, "{routing}");
    }
}

const PREMIUM: (&str, &str, Option<&str>) = ("p1/small", "premium", Some("premium callers"));
const MAIN: (&str, &str, Option<&str>) = ("p0/small", "main", None);

#[test]
fn a_tag_in_header_or_body_leads_to_another_policy_without_asking_for_a_score() {
    let ruled = ruled(Mood::Fails);
    ruled.check("X-Tags: region=eu, tier=premium\r\n", "", PREMIUM);
    ruled.check("", r#","tags":[{"key":"tier","value":"basic"},{"key":"tier","value":"premium"}]"#, PREMIUM);
    ruled.check("x-tags: tier=basic\r\nx-tags: tier=premium\r\n", "", PREMIUM);
    assert_eq!(ruled.engine.asked(), 0);
    let answer = ruled.send("X-Tags: tier=premium\r\n", "");
    let reason = answer.header("x-routing-reason").unwrap();
    assert!(reason.starts_with("rule premium callers: "), "{reason}");
    assert!(!ruled.upstreams[1].last_body().contains("tags"), "they stay here");
}

#[test]
fn the_body_wins_over_the_header() {
    let ruled = ruled(Mood::Scores(0.1));
    ruled.check("X-Tags: tier=premium\r\n", r#","tags":[{"key":"tier","value":"basic"}]"#, MAIN);
    ruled.check("X-Tags: tier=basic\r\n", r#","tags":[{"key":"tier","value":"premium"}]"#, PREMIUM);
    assert_eq!(ruled.engine.asked(), 1, "the first only: it depends on the score");
}

#[test]
fn a_rule_on_complexity_asks_for_a_score_and_is_recorded_with_its_name() {
    let ruled = ruled(Mood::Scores(0.1));
    ruled.check("", "", MAIN);
    ruled.engine.set(Mood::Scores(0.9));
    ruled.check("", "", ("p1/small", "main", Some("schwer → groß")));
    let answer = ruled.send("", "");
    let reason = answer.header("x-routing-reason").unwrap();
    assert!(reason.starts_with("rule schwer ? gro?: "), "a header carries ASCII: {reason}");
    let decision = ruled.stack.records()[0].finished.decision.clone().unwrap();
    assert_eq!((decision.rule.as_deref(), decision.complexity), (Some("schwer → groß"), Some(0.9)));
}

#[test]
fn without_a_score_its_rule_does_not_hold_and_the_answer_says_so() {
    let ruled = ruled(Mood::Fails);
    let answer = ruled.send("", "");
    assert_eq!(answer.header("x-routing-model"), Some("p0/small"));
    assert_eq!(answer.header("x-routing-degraded"), Some("engine"));
}

#[test]
fn what_no_rule_reads_is_neither_sent_to_the_engine_nor_kept() {
    let ruled = ruled(Mood::Scores(0.1));
    let more = r#","tags":[{"key":"tier","value":"plus"}],"metadata":{"plan":"gold"},"user":"u-1""#;
    ruled.check("X-Region: eu-west\r\nCookie: a=b\r\nX-Tags: team=ops\r\n", more, MAIN);
    let read = serde_json::json!({"tags": {"tier": "plus"}});
    assert_eq!(serde_json::to_value(ruled.engine.told().labels).unwrap(), read);
    let kept = ruled.stack.records()[0].finished.arguments.clone().unwrap();
    assert_eq!(serde_json::to_value(&kept.facts.labels).unwrap(), read);
    assert!(matches!(kept.scoring, domain::Scored::Known(score) if &*score.version == "scripted"));
}

#[test]
fn tags_that_cannot_be_read_are_refused_by_their_field() {
    let ruled = ruled(Mood::Fails);
    let long = "v".repeat(1_025);
    let metadata = format!(r#","metadata":{{"a":"{}"}}"#, "x".repeat(20_000));
    for (headers, more, param) in [
        ("X-Tags: premium\r\n", "", "X-Tags[0]"),
        ("X-Tags: a=b, =c\r\n", "", "X-Tags[1].key"),
        (format!("X-Tags: a={long}\r\n").as_str(), "", "X-Tags[0].value"),
        ("", r#","tags":[{"key":"","value":"b"}]"#, "tags[0].key"),
        ("", metadata.as_str(), "metadata"),
    ] {
        let answer = ruled.send(headers, more);
        answer.assert_error(400, "invalid_request_error", "invalid_value");
        assert_eq!(answer.json()["error"]["param"], param);
    }
}

#[test]
fn without_rules_the_header_is_checked_and_the_vendors_fields_are_not() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let metadata = format!(r#","metadata":{{"a":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(stack.chat(&ask(&metadata)).status, 200);
    let headers = format!("authorization: Bearer {KEY}\r\ncontent-type: application/json\r\nX-Tags: premium\r\n");
    let answer = stack.send(&post_with("/v1/chat/completions", &headers, &ask("")));
    answer.assert_error(400, "invalid_request_error", "invalid_value");
}
