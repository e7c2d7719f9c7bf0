//! Every message about rules that are refused: what cannot be read, and what is read but makes no sense.

use domain::rule::{NODES_LIMIT, RULES_LIMIT, VALUES_LIMIT};
use domain::{Candidates, Condition, Policy, PolicyId, Rule, Rules, Strategy, Use};
use policy::validate_policy;
use serde_json::{Value, json};

use crate::support::{World, listed};

/// A policy `desk`, and those to which its rules may refer: `eu`, which refers to none; `night`, which refers to
/// `desk`; `chain 1` to `chain 8`, each of which refers to the next.
fn world() -> (World, PolicyId) {
    let mut world = crate::rules::models();
    let mut add = |name: &str| world.policy(name, listed(&["acme/small", "acme/large"]), Strategy::Priority {});
    let desk = add("desk");
    add("eu");
    let night = add("night");
    let chain: Vec<PolicyId> = (1..=8).map(|number| add(&format!("chain {number}"))).collect();
    world.rule(&night, &leading_to("desk"));
    for (number, id) in chain.iter().enumerate().take(7) {
        world.rule(id, &leading_to(&format!("chain {}", number + 2)));
    }
    (world, desk)
}

fn leading_to(policy: &str) -> Value {
    json!([{"priority": 1, "when": {"field": "user", "op": "exists"}, "use": {"policy": policy}}])
}

/// What is said about a list of rules of `desk`.
fn said(rules: &Value) -> Vec<String> {
    if let Err(faults) = Rules::parse(rules) {
        return faults.0.iter().map(ToString::to_string).collect();
    }
    let (mut world, desk) = world();
    world.rule(&desk, rules);
    let policy = Policy::clone(&world.tenant.policies[&desk]);
    validate_policy(&world.tenant, &policy).iter().map(ToString::to_string).collect()
}

fn ruled(when: &Value) -> Value {
    json!([{"priority": 1, "when": when, "use": {"strategy": {"type": "split"}}}])
}

fn used(r#use: &Value) -> Value {
    json!([{"priority": 1, "when": {"field": "user", "op": "exists"}, "use": r#use}])
}

/// A list of rules that refers to a policy by its name.
fn to(policy: &str) -> Value {
    let (world, _) = world();
    used(&json!({"policy": world.tenant.policy_named(policy).unwrap().id}))
}

fn test(field: &str, op: &str, value: &Value) -> Value {
    ruled(&json!({"field": field, "op": op, "value": value}))
}

fn unvalued(field: &str, op: &str) -> Value {
    ruled(&json!({"field": field, "op": op}))
}

fn named(names: &[&str]) -> Value {
    let rule = |name: &&str| {
        json!({"priority": 1, "name": name, "when": {"field": "user", "op": "exists"},
               "use": {"strategy": {"type": "split"}}})
    };
    names.iter().map(rule).collect()
}

#[track_caller]
fn snapshot(name: &str, cases: &[(&str, Value)]) {
    let mut text = String::new();
    for (what, rules) in cases {
        let said = said(rules);
        assert!(!said.is_empty(), "{what}: not refused");
        let lines: Vec<&str> = std::iter::once(*what).chain(said.iter().map(String::as_str)).collect();
        text.push_str(&lines.join("\n  "));
        text.push('\n');
    }
    insta::assert_snapshot!(name, text);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let nested = (0..17).fold(json!({"field": "user", "op": "exists"}), |inner, _| json!({ "not": inner }));
    snapshot(
        "unreadable_rules",
        &[
            ("no list", json!({"priority": 1})),
            ("no object", json!([7])),
            ("nothing in it", json!([{}])),
            (
                "an unknown field of a rule",
                json!([{"priority": 1, "then": 1, "when": {"field": "user", "op": "exists"},
                "use": {"strategy": {"type": "split"}}}]),
            ),
            (
                "a priority that is none",
                json!([{"priority": 1.5, "when": {"field": "user", "op": "exists"},
                "use": {"strategy": {"type": "split"}}}]),
            ),
            (
                "a name that is no text",
                json!([{"priority": 1, "name": 7, "when": {"field": "user", "op": "exists"},
                "use": {"strategy": {"type": "split"}}}]),
            ),
            ("an unknown field", ruled(&json!({"all": [{"field": "colour", "op": "exists"}]}))),
            ("an unknown family", unvalued("label.tier", "exists")),
            ("a field without name", unvalued("tag.", "exists")),
            ("a secret header", unvalued("header.Authorization", "exists")),
            ("a header in capitals", unvalued("header.X-Region", "exists")),
            ("an unknown capability", unvalued("capability.poetry", "exists")),
            ("a field that is no text", ruled(&json!({"field": 7, "op": "exists"}))),
            ("an unknown operator", ruled(&json!({"all": [{"field": "user", "op": "like", "value": "a"}]}))),
            ("a test without field and operator", ruled(&json!({"value": 7}))),
            ("an unknown part of a test", ruled(&json!({"field": "user", "op": "exists", "case": false}))),
            ("a join that is no list", ruled(&json!({"all": {"field": "user", "op": "exists"}}))),
            ("two joins", ruled(&json!({"all": [], "any": []}))),
            ("a join beside a test", ruled(&json!({"not": {"field": "user", "op": "exists"}, "field": "user"}))),
            ("a condition that is none", ruled(&json!("tag.a"))),
            ("too deep", ruled(&nested)),
            ("use of nothing", used(&json!({}))),
            ("use of both", used(&json!({"policy": "pol_00000000000000000000", "strategy": {"type": "split"}}))),
            ("use of something else", used(&json!({"model": "acme/large"}))),
            ("use of no policy id", used(&json!({"policy": "support"}))),
            ("use of an unknown strategy", used(&json!({"strategy": {"type": "cheapest"}}))),
            ("use of an unknown field of a strategy", used(&json!({"strategy": {"type": "split", "axis": "cost"}}))),
        ],
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let leaf = json!({"field": "user", "op": "exists"});
    let wide: Vec<&Value> = std::iter::repeat_n(&leaf, NODES_LIMIT).collect();
    let many: Vec<usize> = (0..=VALUES_LIMIT).collect();
    let names: Vec<String> = (0..=RULES_LIMIT).map(|number| format!("r{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    snapshot(
        "senseless_rules",
        &[
            ("an empty all", ruled(&json!({ "all": [] }))),
            ("an empty any within", ruled(&json!({"all": [{"not": {"any": []}}]}))),
            ("too many tests", ruled(&json!({ "any": wide }))),
            ("too many rules", named(&names)),
            ("an empty name", named(&[" "])),
            ("a name of two lines", named(&["a\nb"])),
            ("a name too long", named(&[&"n".repeat(101)])),
            ("a name twice", named(&["a", "b", "a"])),
            ("no value", unvalued("tag.a", "eq")),
            ("a null value", test("tag.a", "in", &json!(null))),
            ("a value too many", test("tag.a", "exists", &json!(true))),
            ("text: a flag", test("tag.a", "eq", &json!(true))),
            ("text: a list", test("tag.a", "eq", &json!(["a"]))),
            ("number: a text", test("input_tokens", "eq", &json!("10"))),
            ("flag: a text", test("stream", "ne", &json!("true"))),
            ("anything: an object", test("metadata.a", "eq", &json!({}))),
            ("order: a text", test("tag.a", "gt", &json!("10"))),
            ("order: of a flag", test("stream", "lte", &json!(1))),
            ("in: no list", test("tag.a", "in", &json!("a"))),
            ("in: an empty list", test("tag.a", "in", &json!([]))),
            ("in: a member of the wrong kind", test("tag.a", "not_in", &json!(["a", 1, false]))),
            ("in: a member of the wrong kind for a number", test("input_tokens", "in", &json!([1, "2"]))),
            ("in: of numbers, no list", test("complexity", "in", &json!(1))),
            ("in: of anything, no list", test("metadata.a", "in", &json!(1))),
            ("in: too many", test("tag.a", "in", &json!(many))),
            ("in: of a flag", test("stream", "in", &json!([true]))),
            ("contains: a number in text", test("tag.a", "contains", &json!(1))),
            ("contains: a list in anything", test("metadata.a", "contains", &json!([1]))),
            ("contains: in a number", test("input_tokens", "contains", &json!("1"))),
            ("starts_with: a number", test("model", "starts_with", &json!(1))),
            ("ends_with: of a flag", test("has_tools", "ends_with", &json!("e"))),
            ("matches: a number", test("model", "matches", &json!(1))),
            (
                "matches: does not compile",
                ruled(&json!({"any": [{"field": "model", "op": "matches", "value": "gpt-(4|5"}]})),
            ),
            ("matches: looks around", test("model", "matches", &json!("^(?!gpt)"))),
            ("matches: too large when compiled", test("model", "matches", &json!("((a{100}){100}){100}"))),
            ("matches: too long", test("model", "matches", &json!("a".repeat(1025)))),
            (
                "a strategy over a model that is no candidate",
                used(&json!({"strategy": {"type": "single", "model": "beta/eu"}})),
            ),
            ("an unknown policy", used(&json!({"policy": "pol_zzzzzzzzzzzzzzzzzzzz"}))),
            ("a circle of one", to("desk")),
            ("a circle of two", to("night")),
            ("a chain of nine", to("chain 1")),
        ],
    );
}

#[test]
fn what_makes_sense_is_not_refused() {
    let good = [
        json!([]),
        to("eu"),
        to("chain 2"),
        named(&["a", "b"]),
        test("tag.seats", "gte", &json!(10)),
        test("tag.seats", "in", &json!(["a", 10])),
        test("metadata.a", "contains", &json!(true)),
        test("capability.code", "gt", &json!(0.5)),
        test("stream", "ne", &json!(true)),
        test("header.x-region", "matches", &json!("^eu-")),
        unvalued("complexity", "not_exists"),
        used(&json!({"strategy": {"type": "single", "model": "acme/large"}})),
    ];
    for rules in good {
        assert_eq!(said(&rules), [] as [&str; 0], "{rules}");
    }
}

#[test]
fn a_chain_is_counted_from_its_start() {
    let (mut world, desk) = world();
    world.rule(&desk, &leading_to("chain 1"));
    let first = world.tenant.policy_named("chain 1").unwrap();
    let problems = validate_policy(&world.tenant, first);
    // `night` leads to `desk`, `desk` to `chain 1`, and so on: nine references to `chain 8`.
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let chain = "`night` → `desk` → `chain 1` → `chain 2` → `chain 3` → `chain 4` → `chain 5` → `chain 6` → \
                 `chain 7` → `chain 8`";
    let message = format!(
        "rules[0].use.policy: makes a chain of more than 8 references ({chain}): choose a policy that refers to no other"
    );
    assert_eq!(said, [message]);
}

#[test]
fn many_references_do_not_multiply() {
    let mut world = crate::rules::models();
    let policies: Vec<PolicyId> =
        (0..200).map(|number| world.policy(&format!("p{number}"), Candidates::All, Strategy::Priority {})).collect();
    // Every policy refers to the next 24: 24⁸ chains, but few references.
    for (number, id) in policies.iter().enumerate().take(8 * 24) {
        let rule = |next: usize| leading_to(&format!("p{}", (number / 24 + 1) * 24 + next))[0].clone();
        let known = |next: &usize| (number / 24 + 1) * 24 + next < policies.len();
        let rules: Vec<Value> = (0..24).filter(known).map(rule).collect();
        world.rule(id, &json!(rules));
    }
    assert_eq!(validate_policy(&world.tenant, &world.tenant.policies[&policies[0]]), []);
}

#[test]
fn nesting_is_bounded_for_conditions_that_were_never_read() {
    let leaf: Condition = serde_json::from_value(json!({"field": "user", "op": "exists"})).unwrap();
    let when = (0..1000).fold(leaf, |inner, _| Condition::Not(Box::new(inner)));
    let (world, desk) = world();
    let mut policy = Policy::clone(&world.tenant.policies[&desk]);
    let r#use = Use::Strategy(Strategy::Split {});
    policy.rules = Rules::new(vec![Rule { priority: 1, name: None, when, r#use }]);
    let said: Vec<String> = validate_policy(&world.tenant, &policy).iter().map(ToString::to_string).collect();
    let place = format!("rules[0].when{}", ".not".repeat(17));
    assert_eq!(said, [format!("{place}: is nested deeper than 16 levels: make it two rules")]);
}
