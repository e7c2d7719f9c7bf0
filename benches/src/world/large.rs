//! Larger worlds: a decision with everything in it, and an organisation of thousands of policies.

use std::sync::Arc;

use anyhow::{Context, Result};
use domain::{
    ApiKey, Benchmark, Blend, BlendId, CapabilityTag, Decision, KeyId, ModelId, Policy, PolicyId, Rules, Scorecard,
    ScorecardId,
};
use policy::{Ask, Scoring};
use serde_json::{Value, json};

use super::{World, model_names, organisation};

/// Benchmarks of the blend.
const BENCHMARKS: usize = 6;
/// How the policy of [`World::crowded`] is called by requests.
const ALIAS: &str = "@alias/static";

impl World {
    /// Eight candidates; twenty rules over fields of every kind, of which the last holds; a blend of six benchmarks that
    /// is boosted, one of whose cells is missing.
    ///
    /// # Errors
    /// When the configuration types no longer read what is written here.
    pub fn full() -> Result<Self> {
        let mut world = Self::new()?;
        let models: Vec<String> = model_names().collect();
        let tags = CapabilityTag::ALL;
        let mut weights = Vec::new();
        for place in 0..BENCHMARKS {
            let id = ScorecardId::from_random([place as u8; 20]);
            let cell = |(rank, model): (usize, &String)| {
                let score = 0.3 + 0.07 * rank as f64 + 0.01 * ((rank * 5 + place * 3) % 8) as f64;
                json!({"model": model, "score": score, "n": 400})
            };
            // The first benchmark has no score of the fourth model.
            let cells: Vec<Value> =
                models.iter().enumerate().filter(|(rank, _)| (place, *rank) != (0, 3)).map(cell).collect();
            let scorecard: Scorecard = serde_json::from_value(json!({
                "id": id, "organisation": organisation(), "name": format!("benchmark-{place}"), "metric": "accuracy",
                "direction": "higher", "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0},
                "capabilities": [tags[place % tags.len()]], "source": {"kind": "eval"}, "cells": cells}))?;
            let benchmark = Arc::new(Benchmark::of(Arc::new(scorecard)));
            Arc::make_mut(&mut world.tenant.scorecards).insert(id.clone(), benchmark);
            weights.push(json!({"benchmark": id, "weight": if place == 0 { 0.25 } else { 0.15 }}));
        }
        let blend = BlendId::from_random([1; 20]);
        let body = json!({"id": blend, "organisation": organisation(), "name": "ours", "version": 1, "boost": 2.0,
                          "weights": weights});
        let body: Blend = serde_json::from_value(body)?;
        Arc::make_mut(&mut world.tenant.blends).insert(blend.clone(), Arc::new(body));
        let mut policy = Policy::clone(&world.tenant.policies[&world.policy]);
        policy.rules = rules(&blend)?;
        Arc::make_mut(&mut world.tenant.policies).insert(policy.id.clone(), Arc::new(policy));
        let labels = &mut world.facts.labels;
        labels.tag([("tier", "standard"), ("region", "eu-west"), ("team", "search")]);
        labels.metadata.insert("account".to_owned(), json!(12_345));
        labels.user = Some("dana@example.com".to_owned());
        labels.key_name = Some("checkout-service-prod".to_owned());
        Ok(world)
    }

    /// An organisation of so many policies, one of which leaves nothing to a score.
    ///
    /// # Errors
    /// When the configuration types no longer read what is written here.
    pub fn crowded(policies: usize) -> Result<Self> {
        let mut world = Self::new()?;
        let mut table = domain::PolicyTable::clone(&world.tenant.policies);
        for number in 0..policies.max(1) {
            let (random, name) =
                (distinct(number), if number == 0 { "static".to_owned() } else { format!("p{number}") });
            let listed: Vec<Value> = model_names().map(|model| json!({ "model": model })).collect();
            let policy = json!({"id": PolicyId::from_random(random), "organisation": organisation(), "name": name,
                "slug": name, "candidates": {"listed": listed}, "strategy": {"type": "priority"}});
            let policy: Policy = serde_json::from_value(policy)?;
            table.insert(policy.id.clone(), Arc::new(policy));
        }
        world.tenant.policies = Arc::new(table);
        Ok(world)
    }

    /// What a gateway does alone for a request that names the static policy: finds the policy by its alias, and decides.
    ///
    /// # Errors
    /// When no decision comes out.
    pub fn decide_static(&self, key: &ApiKey) -> Result<Decision> {
        let ask = Ask { model: Some(ALIAS), ..Ask::default() };
        let resolved = policy::resolve(&self.tenant, key, &ask).context("refused")?;
        self.decide(&resolved.route, Scoring::NotAsked)
    }

    /// What a gateway does alone for a request that names a model without its provider.
    ///
    /// # Errors
    /// When no decision comes out.
    pub fn decide_bare(&self, key: &ApiKey, model: &ModelId) -> Result<Decision> {
        let ask = Ask { model: Some(model.native()), ..Ask::default() };
        let resolved = policy::resolve(&self.tenant, key, &ask).context("refused")?;
        self.decide(&resolved.route, Scoring::NotAsked)
    }
}

/// A key that limits nothing.
///
/// # Errors
/// When the configuration types no longer read what is written here.
pub fn key() -> Result<ApiKey> {
    let key = json!({"id": KeyId::from_random([4; 20]), "organisation": organisation(), "name": "k", "hint": "",
        "hash": vec![0; 32], "scopes": [], "allowed_models": [], "created_at": 0});
    Ok(serde_json::from_value(key)?)
}

fn distinct(number: usize) -> [u8; 20] {
    let mut random = [5; 20];
    for (place, digit) in random.iter_mut().zip([number % 36, number / 36 % 36, number / 1_296 % 36, number / 46_656]) {
        *place = digit as u8;
    }
    random
}

fn rules(blend: &BlendId) -> Result<Rules> {
    let test = |field: &str, op: &str, value: Value| json!({"field": field, "op": op, "value": value});
    let tests = [
        test("tag.tier", "eq", json!("premium")),
        test("tag.region", "in", json!(["us", "us-east", "apac"])),
        test("tag.team", "starts_with", json!("pay")),
        test("tag.absent", "eq", json!("x")),
        test("header.x-region", "starts_with", json!("eu-")),
        test("header.x-client", "contains", json!("batch")),
        test("metadata.account", "gt", json!(900_000)),
        test("metadata.plan", "eq", json!("gold")),
        test("user", "ends_with", json!("@partner.example")),
        test("user", "matches", json!("^svc-[0-9]+$")),
        test("key.name", "matches", json!("^staging-")),
        test("model", "eq", json!("default_routing")),
        test("stream", "eq", json!(true)),
        test("has_tools", "eq", json!(true)),
        test("has_images", "eq", json!(true)),
        test("input_tokens", "gte", json!(20_000)),
        test("max_output_tokens", "gt", json!(4_096)),
        test("complexity", "gt", json!(0.9)),
        json!({"all": [test("tag.tier", "eq", json!("standard")),
                       {"any": [test("has_schema", "eq", json!(true)), test("capability.code", "gt", json!(0.8))]}]}),
        json!({"all": [test("tag.tier", "eq", json!("standard")), test("tag.region", "starts_with", json!("eu")),
                       {"not": test("stream", "eq", json!(true))}, test("complexity", "lt", json!(0.9))]}),
    ];
    let last = tests.len() - 1;
    let rule = |(place, when): (usize, Value)| {
        let strategy = if place == last { json!({"type": "blend", "blend": blend}) } else { json!({"type": "split"}) };
        json!({"priority": place, "name": format!("rule {place}"), "when": when, "use": {"strategy": strategy}})
    };
    Ok(Rules::parse(&tests.into_iter().enumerate().map(rule).collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_decision_follows_the_last_rule_to_a_boosted_blend_with_a_gap() {
        let decision = World::full().and_then(|world| world.decide_scored()).expect("a decision");
        assert_eq!((decision.rule.as_deref(), decision.strategy.as_str()), (Some("rule 19"), "blend"));
        assert_eq!((decision.candidates.len(), decision.removed.len()), (8, 0));
        assert_ne!(decision.weights, decision.weights_boosted);
        let imputed = decision.candidates.iter().filter(|it| it.why.as_deref().unwrap_or_default().contains("imputed"));
        assert_eq!(imputed.count(), 1);
    }

    #[test]
    fn crowded_organisation_decides_by_the_policy_named_and_by_the_model_named() {
        let (world, key) = (World::crowded(1_000).expect("a world"), key().expect("a key"));
        assert_eq!(world.tenant.policies.len(), 1_001);
        let decision = world.decide_static(&key).expect("a decision");
        assert_eq!((decision.policy.as_deref(), decision.candidates.len()), (Some("static"), 8));
        let model = ModelId::parse("provider-2/model-6").expect("a model id");
        assert_eq!(world.decide_bare(&key, &model).expect("a decision").selected_model, model);
    }
}
