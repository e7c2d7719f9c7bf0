//! What can be read as a rule, how it is written and told, and what is refused where.

use serde_json::json;

use super::*;

/// The example of the design, word for word, but for a whole policy id.
const EXAMPLE: &str = r#"{"priority":10,"name":"EU premium","when":{"all":[
    {"field":"tag.tier","op":"eq","value":"premium"},
    {"any":[{"field":"tag.region","op":"in","value":["eu","uk"]},{"field":"header.x-region","op":"starts_with","value":"eu-"}]}]},
 "use":{"policy":"pol_00000000000000000000"}}"#;

#[track_caller]
fn refused(rules: &Value) -> Vec<String> {
    Rules::parse(rules).unwrap_err().0.into_iter().map(|fault| fault.path).collect()
}

fn rule_when(when: &Value) -> Value {
    json!([{"priority": 1, "when": when, "use": {"strategy": {"type": "split"}}}])
}

#[test]
fn rules_are_written_as_they_are_read() {
    let example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let rule: Rule = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(serde_json::to_value(&rule).unwrap(), example);
    assert_eq!(rule.name.as_deref(), Some("EU premium"));

    let others = json!([
        {"priority": -3, "when": {"not": {"field": "stream", "op": "eq", "value": true}},
         "use": {"strategy": {"type": "single", "model": "acme/large"}}},
        {"priority": 0, "when": {"field": "capability.tool_use", "op": "not_exists"},
         "use": {"strategy": {"type": "intelligent", "axis": "cost"}}},
        {"priority": 0, "when": {"any": [{"field": "metadata.a.b", "op": "contains", "value": 3},
                                         {"field": "user", "op": "matches", "value": "^a+$"}]},
         "use": {"strategy": {"type": "priority"}}},
    ]);
    let rules: Rules = serde_json::from_value(others.clone()).unwrap();
    assert_eq!(serde_json::to_value(&rules).unwrap(), others);
}

#[test]
fn every_field_and_operator_has_one_name() {
    let fields = [
        "tag.tier",
        "tag.a.b",
        "header.x-region",
        "metadata.plan",
        "model",
        "project",
        "key.name",
        "user",
        "stream",
        "has_tools",
        "has_images",
        "has_schema",
        "input_tokens",
        "max_output_tokens",
        "complexity",
        "capability.code",
    ];
    for text in fields {
        assert_eq!(text.parse::<Field>().unwrap().to_string(), text);
    }
    for operator in Operator::ALL {
        assert_eq!(Operator::named(operator.as_str()), Some(operator));
        assert_eq!(serde_json::to_value(operator).unwrap(), operator.as_str());
    }
}

#[test]
fn rules_are_asked_by_priority_then_by_place() {
    let rule = |priority: i32, name: &str| {
        json!({"priority": priority, "name": name, "when": {"field": "user", "op": "exists"},
               "use": {"strategy": {"type": "split"}}})
    };
    let rules = Rules::parse(&json!([rule(5, "a"), rule(-1, "b"), rule(5, "c"), rule(0, "d")])).unwrap();
    let asked: Vec<_> = rules.ascending().map(|(place, rule)| (place, rule.label(place))).collect();
    assert_eq!(asked, [(1, "b".into()), (3, "d".into()), (0, "a".into()), (2, "c".into())]);
}

#[test]
fn every_fault_is_reported_with_its_place() {
    let rules = json!([
        {"priority": 1, "when": {"all": [{"field": "tag.a", "op": "exists"}, {"field": "colour", "op": "is"}]},
         "use": {"policy": "support"}, "then": 1},
        7,
    ]);
    let expected =
        ["rules[0].then", "rules[0].when.all[1].field", "rules[0].when.all[1].op", "rules[0].use.policy", "rules[1]"];
    assert_eq!(refused(&rules), expected);
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        let leaf = json!({"field": "user", "op": "exists"});
        rule_when(&(0..levels).fold(leaf, |inner, _| json!({ "not": inner })))
    };
    assert!(Rules::parse(&nested(DEPTH_LIMIT)).is_ok());
    let paths = refused(&nested(DEPTH_LIMIT + 1));
    assert_eq!(paths, [format!("rules[0].when{}", ".not".repeat(DEPTH_LIMIT + 1))]);
}

#[test]
fn serde_errors_name_the_place() {
    let policy = json!({"id": "pol_00000000000000000000", "organisation": "org_00000000000000000000", "name": "n",
        "slug": "n", "candidates": "all", "strategy": {"type": "split"},
        "rules": rule_when(&json!({"any": [{"field": "user", "op": "like", "value": "a"}]}))});
    let fault = serde_json::from_value::<crate::Policy>(policy).unwrap_err().to_string();
    assert!(fault.starts_with("rules[0].when.any[0].op: `like` is not an operator: write one of `eq`, "), "{fault}");
    let fault = serde_json::from_str::<Rule>("3").unwrap_err().to_string();
    assert!(fault.starts_with("rule: is 3: write an object"), "{fault}");
}

#[test]
fn a_policy_without_rules_reads_and_writes_as_before() {
    let policy = json!({"id": "pol_00000000000000000000", "organisation": "org_00000000000000000000", "name": "n",
        "slug": "n", "version": 1, "candidates": "all", "strategy": {"type": "split"}});
    let read: crate::Policy = serde_json::from_value(policy.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), policy);
}

#[test]
fn patterns_are_bounded_and_linear() {
    let fault = |text: &str| Test::new(Field::User, Operator::Matches, Some(json!(text))).pattern_fault();
    assert_eq!(fault(r"(?i)^eu-[a-z-]{1,20}\d+$"), None);
    assert_eq!(fault(r"^\p{Greek}+$"), None);
    assert_eq!(fault("((a{100}){100}){100}"), Some(PatternFault::TooLarge));
    assert_eq!(fault(&"a".repeat(PATTERN_BYTES + 1)), Some(PatternFault::TooLarge));
    assert_eq!(fault("(a"), Some(PatternFault::Syntax("unclosed group".to_owned())));
    assert!(matches!(fault(r"(a)\1"), Some(PatternFault::Syntax(_))));
    let bomb = Test::new(Field::User, Operator::Matches, Some(json!("^(a+)+$")));
    assert!(!bomb.matches(&format!("{}b", "a".repeat(100_000))));
}

#[test]
fn a_rule_is_told_in_one_line() {
    let told = |rule: &Value| serde_json::from_value::<Rule<String>>(rule.clone()).unwrap().to_string();
    let example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let whole = r#"10 "EU premium": if tag.tier eq "premium" and (tag.region in ["eu","uk"] or header.x-region starts_with "eu-") use policy pol_00000000000000000000"#;
    assert_eq!(told(&example), whole);
    let nameless = json!({"priority": -1, "when": {"not": {"any": [{"field": "user", "op": "exists"}]}},
                          "use": {"strategy": {"type": "single", "model": "acme/large"}}});
    assert_eq!(told(&nameless), "-1: if not (user exists) use single: acme/large");
    let named =
        json!({"priority": 2, "when": {"field": "stream", "op": "eq", "value": true}, "use": {"strategy": "split"}});
    assert_eq!(told(&named), "2: if stream eq true use split", "a strategy without settings is named by its type");
}

#[test]
fn a_file_names_policies_by_any_text() {
    let rules = json!([{"priority": 1, "when": {"field": "user", "op": "exists"}, "use": {"policy": "EU premium"}}]);
    let mut rules = Rule::<String>::parse_all(&rules).unwrap();
    let id = PolicyId::from_random([1; 20]);
    let found = rules.remove(0).resolved(|name| (name == "EU premium").then(|| id.clone()), Some).unwrap();
    assert_eq!(found.policy(), Some(&id));
    assert!(
        Rules::parse(&json!([{"priority": 1, "when": {"field": "user", "op": "exists"},
                                  "use": {"policy": "EU premium"}}]))
        .is_err()
    );
}
