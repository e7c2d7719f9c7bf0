//! Limits, budgets and how long bodies are kept: saved, changed, given up, and refused.

use std::sync::Arc;

use domain::{ApiKey, BodyLogging, Budget, BudgetMode, BudgetPeriod, Limits, Money, Object, Organisation};
use registry::Terms;
use serde_json::{Value, json};

use crate::story::Story;

fn key(more: &Value) -> Value {
    let mut key = json!({"name": "app"});
    for (field, value) in more.as_object().unwrap() {
        key[field] = value.clone();
    }
    json!({"keys": [key]})
}

fn saved(story: &Story) -> Arc<ApiKey> {
    let snapshot = story.registry.snapshot();
    snapshot.keys.iter().find(|it| it.name == "app").unwrap().clone()
}

fn changes(diff: &domain::Diff) -> Vec<String> {
    diff.lines.iter().flat_map(|line| line.changes.clone()).collect()
}

#[tokio::test]
async fn key_keeps_what_it_may_consume_until_the_file_gives_it_up() {
    let mut story = Story::furnished().await;
    let limited = json!({
        "user": "dana",
        "limits": {"requests_per_minute": 600, "total_tokens_per_hour": 2_000_000},
        "per_user": {"concurrent_requests": 2},
        "budget": {"amount": "50", "period": "month", "mode": "soft"},
        "body_logging": {"retention_days": 7},
    });
    story.apply(key(&limited)).await;
    story.reopen().await;
    let held = saved(&story);
    assert_eq!(
        held.limits,
        Limits { requests_per_minute: Some(600), total_tokens_per_hour: Some(2_000_000), ..Limits::default() }
    );
    assert_eq!(held.per_user, Limits { concurrent_requests: Some(2), ..Limits::default() });
    let amount = Money::parse("50").unwrap();
    assert_eq!(held.budget, Some(Budget { amount, period: BudgetPeriod::Month, mode: BudgetMode::Soft }));
    assert_eq!((held.user.as_deref(), held.body_logging), (Some("dana"), Some(BodyLogging { retention_days: 7 })));

    let diff = story.apply(key(&json!({"limits": {"requests_per_minute": 700}}))).await;
    assert_eq!(
        changes(&diff),
        [
            "body_logging.retention_days: 7 -> none",
            "budget.amount: 50 -> none",
            "budget.mode: soft -> none",
            "budget.period: month -> none",
            "limits.requests_per_minute: 600 -> 700",
            "limits.total_tokens_per_hour: 2000000 -> none",
            "per_user.concurrent_requests: 2 -> none",
            "user: dana -> none",
        ]
    );
    assert_eq!(saved(&story).budget, None);
}

#[tokio::test]
async fn figures_out_of_range_are_refused_wherever_they_come_from() {
    let story = Story::furnished().await;
    let faulty = json!({
        "user": " dana",
        "limits": {"requests_per_minute": 0},
        "per_user": {"input_tokens_per_hour": 0},
        "budget": {"amount": "-1", "period": "day"},
        "body_logging": {"retention_days": 3651},
    });
    let zero = "0 would refuse everything: leave it out, or write 1 or more";
    let user = "is no user: write 1 to 256 characters, without line breaks and without spaces at the ends";
    let amount = "is no amount: write USD above 0, such as \"50\"";
    assert_eq!(
        story.refused(key(&faulty)).await,
        [
            "keys[0].body_logging.retention_days: 3651 is out of range: write 1 to 3650 days, or 0 to keep none of this key"
                .to_owned(),
            format!("keys[0].budget.amount_usd: {amount}"),
            format!("keys[0].limits.requests_per_minute: {zero}"),
            format!("keys[0].per_user.input_tokens_per_hour: {zero}"),
            format!("keys[0].user: {user}"),
        ]
    );
    let project = json!({"projects": [{"name": "web", "budget": {"amount": "0", "period": "week"}}]});
    assert_eq!(story.refused(project).await, [format!("projects[0].budget.amount_usd: {amount}")]);
    let organisation = json!({"organisations": [{"name": "acme", "body_logging": {"retention_days": 4000}}]});
    assert_eq!(
        story.refused(organisation).await,
        ["organisations[0].body_logging.retention_days: 4000 is out of range: write 1 to 3650 days"]
    );
    story.apply(key(&json!({}))).await;
    let limits = Limits { concurrent_requests: Some(0), ..Limits::default() };
    let alone = Object::Key(Arc::new(ApiKey { limits, ..ApiKey::clone(&saved(&story)) }));
    let refused = story.registry.save(&story.organisation, alone, Terms::operator()).await.unwrap_err();
    assert_eq!(refused.faults()[0].path, "limits.concurrent_requests");
}

#[tokio::test]
async fn file_says_what_its_organisation_may_spend_and_leaves_the_rest_of_it_alone() {
    let story = Story::furnished().await;
    let before = Organisation::clone(&story.tenant().organisation);
    let budget = json!({"amount": "1000", "period": "month"});
    let diff = story.apply(json!({"organisations": [{"name": "acme", "budget": budget}]})).await;
    assert_eq!(
        changes(&diff),
        ["budget.amount: none -> 1000", "budget.mode: none -> hard", "budget.period: none -> month"]
    );
    let after = Organisation::clone(&story.tenant().organisation);
    assert_eq!(after.budget.unwrap().to_string(), "1000 USD a month");
    assert_eq!(Organisation { budget: None, ..after }, before, "its default policy stays");
    story.apply(json!({"projects": [{"name": "web", "policy": "support", "budget": budget}]})).await;
    let tenant = story.tenant();
    assert!(tenant.organisation.budget.is_some(), "a file that does not name it leaves it alone");
    assert_eq!(tenant.projects.values().next().unwrap().budget, tenant.organisation.budget);

    let other = json!({"organisations": [{"name": "north"}]});
    assert_eq!(
        story.refused(other).await,
        ["organisations[0].name: this is the organisation `acme`: name it, or apply the file to the other"]
    );
    let twice = json!({"organisations": [{"name": "acme"}, {"name": "acme"}]});
    assert_eq!(
        story.refused(twice).await,
        ["organisations[1]: names the same organisation as organisations[0]: keep one of them"]
    );
}
