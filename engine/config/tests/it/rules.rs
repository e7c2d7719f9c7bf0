//! Rules of policies: read alike in both formats, policies named as the file likes.

use config::Loaded;
use domain::Rule;
use serde_json::{Value, json};

use crate::support::{toml, yaml};

const TOML: &str = r#"
[[policies]]
name = "desk"
models = ["*"]

[[policies.rules]]
priority = 10
name = "EU premium"
when = { all = [
    { field = "tag.tier", op = "eq", value = "premium" },
    { any = [
        { field = "tag.region", op = "in", value = ["eu", "uk"] },
        { not = { field = "metadata.seats", op = "lt", value = 5 } },
    ] },
] }
use = { policy = "Premium desk" }

[[policies.rules]]
priority = -1
when = { field = "complexity", op = "gte", value = 0.75 }
use = { strategy = { type = "intelligent", axis = "cost" } }

[[policies.rules]]
priority = 20
when = { field = "stream", op = "eq", value = true }
use = { strategy = "split" }
"#;

const YAML: &str = r"
policies:
  - name: desk
    models: ['*']
    rules:
      - priority: 10
        name: EU premium
        when:
          all:
            - { field: tag.tier, op: eq, value: premium }
            - any:
                - { field: tag.region, op: in, value: [eu, uk] }
                - not: { field: metadata.seats, op: lt, value: 5 }
        use: { policy: Premium desk }
      - priority: -1
        when: { field: complexity, op: gte, value: 0.75 }
        use: { strategy: { type: intelligent, axis: cost } }
      - { priority: 20, when: { field: stream, op: eq, value: true }, use: { strategy: split } }
";

fn rules(loaded: &Loaded) -> &[Rule<String, String>] {
    &loaded.desired.policies[0].rules
}

#[test]
fn rules_are_read_and_written_as_they_stand_in_the_file() {
    let expected = json!([
        {"priority": 10, "name": "EU premium", "when": {"all": [
            {"field": "tag.tier", "op": "eq", "value": "premium"},
            {"any": [{"field": "tag.region", "op": "in", "value": ["eu", "uk"]},
                     {"not": {"field": "metadata.seats", "op": "lt", "value": 5}}]}]},
         "use": {"policy": "Premium desk"}},
        {"priority": -1, "when": {"field": "complexity", "op": "gte", "value": 0.75},
         "use": {"strategy": {"type": "intelligent", "axis": "cost"}}},
        {"priority": 20, "when": {"field": "stream", "op": "eq", "value": true}, "use": {"strategy": {"type": "split"}}},
    ]);
    for loaded in [toml(TOML).unwrap(), yaml(YAML).unwrap()] {
        assert_eq!(serde_json::to_value(rules(&loaded)).unwrap(), expected);
        let document: Value = serde_json::to_value(&loaded.desired).unwrap();
        assert_eq!(serde_json::from_value::<domain::Desired>(document).unwrap(), loaded.desired, "as it travels");
    }
}

#[test]
fn parts_of_rules_are_found_at_their_line() {
    let positions = toml(TOML).unwrap().positions;
    assert_eq!(positions.locate("policies[0].rules[0].use.policy"), Some((16, 18)));
    assert_eq!(positions.locate("policies[0].rules[0].when.all[1].any[0].value"), Some((12, 52)));
    assert_eq!(yaml(YAML).unwrap().positions.locate("policies[0].rules[0].use.policy"), Some((14, 24)));
}

#[test]
fn every_operator_of_the_schema_is_one_of_the_reader() {
    let schema = config::json_schema();
    let described = &schema["$defs"]["RuleOperator"]["enum"];
    assert_eq!(*described, json!(domain::Operator::ALL));
}
