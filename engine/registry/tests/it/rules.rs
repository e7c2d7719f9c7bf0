//! Rules of policies: references by name become ids, survive a restart, and hold what they refer to.

use domain::ObjectKind;
use domain::desired::{Action, Diff};
use serde_json::{Value, json};

use crate::story::Story;

fn policy(name: &str, rules: &Value) -> Value {
    json!({"name": name, "candidates": "all", "strategy": {"type": "priority"}, "rules": rules})
}

fn tier(policy: &str) -> Value {
    json!({"priority": 10, "name": "tier", "when": {"field": "tag.tier", "op": "eq", "value": "premium"},
           "use": {"policy": policy}})
}

/// `desk` refers to `Premium desk`, which comes later in the file.
fn desks() -> Value {
    let hard = json!({"priority": 20, "when": {"any": [{"field": "complexity", "op": "gte", "value": 0.7},
                                                       {"not": {"field": "user", "op": "exists"}}]},
                      "use": {"strategy": {"type": "single", "model": "acme-ai/large"}}});
    json!({"policies": [policy("desk", &json!([tier("Premium desk"), hard])), policy("Premium desk", &json!([]))]})
}

fn changes(diff: &Diff, name: &str) -> Vec<String> {
    let line = diff.lines.iter().find(|line| line.name == name).unwrap();
    line.changes.iter().filter(|change| change.starts_with("rules")).cloned().collect()
}

#[tokio::test]
async fn rules_refer_to_policies_by_name_slug_or_id_in_any_order_and_survive_a_restart() {
    let mut story = Story::furnished().await;
    let diff = story.apply(desks()).await;
    let told = [
        r#"rules[0]: 10 "tier": if tag.tier eq "premium" use policy Premium desk"#,
        "rules[1]: 20: if complexity gte 0.7 or not user exists use single: acme-ai/large",
    ];
    assert_eq!(changes(&diff, "desk"), told);
    assert!(story.apply(desks()).await.is_empty(), "again, nothing changes");
    let premium = story.tenant().policy_named("Premium desk").unwrap().id.clone();
    for name in ["premium-desk", "@alias/premium-desk", premium.as_str()] {
        let mut file = desks();
        file["policies"][0]["rules"][0]["use"]["policy"] = json!(name);
        assert!(story.apply(file).await.is_empty(), "{name}");
    }

    let before = story.registry.snapshot();
    story.reopen().await;
    assert_eq!(*story.registry.snapshot(), *before);
    let tenant = story.tenant();
    let desk = tenant.policy_named("desk").unwrap();
    assert_eq!(desk.rules.declared()[0].policy(), Some(&premium));
    assert_eq!(desk.rules.declared().len(), 2);

    let diff = story.apply(json!({"policies": [policy("desk", &json!([tier("support")]))]})).await;
    let gone = format!("{} -> none", told[1]);
    let moved = format!("{} -> 10 \"tier\": if tag.tier eq \"premium\" use policy Support", told[0]);
    assert_eq!(changes(&diff, "desk"), [moved, gone]);
}

#[tokio::test]
async fn a_renamed_policy_is_still_referred_to_and_its_old_name_leads_nowhere() {
    let story = Story::furnished().await;
    story.apply(desks()).await;
    let mut renamed = policy("Gold desk", &json!([]));
    renamed["slug"] = json!("premium-desk");
    let faults =
        story.refused(json!({"policies": [policy("desk", &json!([tier("Premium desk")])), renamed.clone()]})).await;
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("policies[0].rules[0].use.policy: there is no policy `Premium desk`"), "{faults:?}");
    let diff = story.apply(json!({"policies": [renamed]})).await;
    assert_eq!(diff.lines[0].action, Action::Update);
    let tenant = story.tenant();
    let referred = tenant.policy_named("desk").unwrap().rules.declared()[0].policy().unwrap();
    assert_eq!(tenant.policies[referred].name, "Gold desk");
}

#[tokio::test]
async fn a_policy_that_a_rule_refers_to_is_not_deleted() {
    let story = Story::furnished().await;
    story.apply(desks()).await;
    let refused = story
        .registry
        .delete(&story.organisation, ObjectKind::Policy, "Premium desk", registry::Terms::operator())
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "policy `desk`: rules[0].use.policy: there is no policy `Premium desk`: let it name another policy first"
    );
    story.apply(json!({"policies": [policy("desk", &json!([]))]})).await;
    story
        .registry
        .delete(&story.organisation, ObjectKind::Policy, "Premium desk", registry::Terms::operator())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_one_model_of_a_rule_is_not_disabled_under_it() {
    let story = Story::empty().await;
    let models = |enabled: bool| {
        json!({"providers": [crate::story::provider("acme-ai")],
               "models": [{"id": "acme-ai/large", "enabled": enabled}, {"id": "acme-ai/small"}]})
    };
    story.apply(models(true)).await;
    story.apply(desks()).await;
    let faults = story.refused(models(false)).await;
    let expected =
        "policy `desk`: rules[1].use.strategy.model: the model `acme-ai/large` is disabled: enable it, or name another";
    assert_eq!(faults, [expected]);
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused_with_their_place() {
    let story = Story::furnished().await;
    let bad = json!([
        tier("Suport"),
        {"priority": 1, "when": {"field": "user", "op": "exists"}, "use": {"policy": "other"}},
    ]);
    let faults = story.refused(json!({"policies": [policy("desk", &bad)]})).await;
    assert_eq!(
        faults,
        [
            "policies[0].rules[0].use.policy: there is no policy `Suport`; did you mean `Support`?",
            "policies[0].rules[1].use.policy: there is no policy `other`; there are: Support, desk, support",
        ]
    );
    let bad = json!([
        {"priority": 1, "when": {"field": "input_tokens", "op": "matches", "value": "^a"}, "use": {"policy": "support"}},
        {"priority": 1, "when": {"field": "user", "op": "matches", "value": "(a"}, "use": {"policy": "support"}},
        {"priority": 1, "when": {"field": "user", "op": "exists"},
         "use": {"strategy": {"type": "single", "model": "acme-ai/gone"}}},
        {"priority": 1, "name": "a\nb", "when": {"field": "user", "op": "exists"}, "use": {"policy": "desk"}},
    ]);
    let faults = story.refused(json!({"policies": [policy("desk", &bad)]})).await;
    let places: Vec<&str> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
    let expected = [
        "policies[0].rules[0].when.op",
        "policies[0].rules[1].when.value",
        "policies[0].rules[2].use.strategy.model",
        "policies[0].rules[3].name",
        "policies[0].rules[3].use.policy",
    ];
    assert_eq!(places, expected, "{faults:#?}");
}

#[tokio::test]
async fn a_circle_is_refused_whichever_end_closes_it() {
    let story = Story::furnished().await;
    story.apply(desks()).await;
    let faults = story.refused(json!({"policies": [policy("Premium desk", &json!([tier("desk")]))]})).await;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("policies[0].rules[0].use.policy: leads in a circle"), "{faults:?}");
}

#[tokio::test]
async fn a_router_needs_a_choice_wherever_rules_lead() {
    let story = Story::furnished().await;
    story.apply(desks()).await;
    let faults =
        story.refused(json!({"routers": [{"name": "edge", "models": ["acme-ai/small"], "policy": "desk"}]})).await;
    assert_eq!(
        faults,
        ["routers[0].policy: the policy `desk` can choose none of the router's models: add one to both"]
    );
    story
        .apply(json!({"routers": [{"name": "edge", "models": ["acme-ai/small", "acme-ai/large"], "policy": "desk"}]}))
        .await;
}
