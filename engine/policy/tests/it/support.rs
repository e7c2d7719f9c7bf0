//! A small tenant to decide over, and the shortest ways to ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{
    Affinity, ApiKey, Benchmark, Blend, BlendId, Candidates, Credential, CredentialId, Decision, Facts, KeyHash, KeyId,
    Model, ModelId, OrganisationId, OutputTokens, Policy, PolicyId, PolicyModel, Project, ProjectId, Provider,
    RequestId, Route, Router, RouterId, Rules, Score, ScorecardId, SnapshotVersion, Strategy, Tenant, Timestamp,
};
use policy::{Health, Question, Refusal, Scoring, Step, decide};
use serde_json::{Value, json};

pub(crate) const VERSION: SnapshotVersion = SnapshotVersion { epoch: 1, revision: 41 };

pub(crate) fn organisation() -> OrganisationId {
    OrganisationId::from_random([1; 20])
}

pub(crate) fn id(text: &str) -> ModelId {
    ModelId::parse(text).unwrap()
}

/// Fills what a partial JSON object leaves out.
pub(crate) fn filled(mut base: Value, patch: &Value) -> Value {
    match (&mut base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (name, value) in patch {
                let filled_value = filled(base.remove(name).unwrap_or(Value::Null), value);
                base.insert(name.clone(), filled_value);
            }
        }
        (base, patch) => *base = patch.clone(),
    }
    base
}

/// A model from the fields that matter.
pub(crate) fn model(fields: &Value) -> Model {
    let base = json!({"organisation": organisation(), "native": "native", "enabled": true});
    serde_json::from_value(filled(base, fields)).unwrap()
}

/// A model of a given capability, one USD per million tokens in and two out.
pub(crate) fn capable(name: &str, capability: f64) -> Model {
    model(&json!({"id": name, "capability": capability, "context_length": 1000,
                  "pricing": {"prompt": "0.000001", "completion": "0.000002"}}))
}

/// Facts from the fields that matter.
pub(crate) fn facts(fields: &Value) -> Facts {
    serde_json::from_value(filled(serde_json::to_value(Facts::default()).unwrap(), fields)).unwrap()
}

pub(crate) fn score(complexity: f64) -> Score {
    Score {
        complexity,
        difficulty: 0.0,
        capabilities: Vec::new(),
        expected_output_tokens: OutputTokens { p50: 100, p90: 200 },
        uncertainty: 0.0,
        truncated: false,
        micros: 900,
        version: "test-1".into(),
    }
}

pub(crate) fn seed(number: u32) -> RequestId {
    RequestId::from_parts(1_700_000_000_000 + u64::from(number), u128::from(number))
}

/// Candidates in a list, without priorities or weights.
pub(crate) fn listed(models: &[&str]) -> Candidates {
    Candidates::Listed(models.iter().map(|it| PolicyModel { model: id(it), priority: None, weight: None }).collect())
}

/// A tenant under construction. Objects are numbered in the order in which they are added.
pub(crate) struct World {
    pub(crate) tenant: Tenant,
}

impl World {
    /// A tenant with these models, each provider with a secret.
    pub(crate) fn of(models: impl IntoIterator<Item = Model>) -> Self {
        let organisation: domain::Organisation =
            serde_json::from_value(json!({"id": organisation(), "name": "o", "default_policy": null})).unwrap();
        let mut world = Self { tenant: Tenant::new(Arc::new(organisation)) };
        for model in models {
            let slug = model.id.provider().to_owned();
            if !world.tenant.providers.contains_key(slug.as_str()) {
                world.provider(&json!({ "slug": slug }));
                world.credential(&slug);
            }
            Arc::make_mut(&mut world.tenant.models).insert(model.id.clone(), Arc::new(model));
        }
        world
    }

    /// Adds a provider, or replaces one.
    pub(crate) fn provider(&mut self, fields: &Value) {
        let base = json!({"organisation": organisation(), "dialect": "openai", "base_url": "http://127.0.0.1:1"});
        let provider: Provider = serde_json::from_value(filled(base, fields)).unwrap();
        Arc::make_mut(&mut self.tenant.providers).insert(provider.slug.clone(), Arc::new(provider));
    }

    fn credential(&mut self, provider: &str) {
        let id = CredentialId::from_random([self.tenant.credentials.len() as u8; 20]);
        let credential: Credential = serde_json::from_value(json!({"id": id, "organisation": organisation(),
            "provider": provider, "name": "a", "version": 1, "sealed": [], "hint": "…"}))
        .unwrap();
        Arc::make_mut(&mut self.tenant.credentials).insert(id, Arc::new(credential));
    }

    /// Takes a provider's secrets away.
    pub(crate) fn without_credential(&mut self, provider: &str) {
        Arc::make_mut(&mut self.tenant.credentials).retain(|_, it| it.provider.as_str() != provider);
    }

    /// Adds a policy of this name.
    pub(crate) fn policy(&mut self, name: &str, candidates: Candidates, strategy: Strategy) -> PolicyId {
        let number = self.tenant.policies.len();
        // Ids have 36 letters: the first tells the 37th policy from the first.
        let mut random = [number as u8; 20];
        random[0] += (number / 36) as u8;
        let id = PolicyId::from_random(random);
        let slug = Policy::slug_of(name);
        let policy = Policy {
            id: id.clone(),
            organisation: organisation(),
            name: name.to_owned(),
            slug,
            version: 1,
            candidates,
            strategy,
            rules: Rules::default(),
            affinity: None,
        };
        Arc::make_mut(&mut self.tenant.policies).insert(id.clone(), Arc::new(policy));
        id
    }

    /// Gives a policy its rules. Where JSON has `{"policy": NAME}`, the policy of that name is meant.
    pub(crate) fn rule(&mut self, policy: &PolicyId, rules: &Value) {
        let rules = Rules::parse(&self.with_ids(rules)).unwrap();
        let policy = Policy { rules, ..Policy::clone(&self.tenant.policies[policy]) };
        Arc::make_mut(&mut self.tenant.policies).insert(policy.id.clone(), Arc::new(policy));
    }

    /// Gives a policy this affinity.
    pub(crate) fn affinity(&mut self, policy: &PolicyId, affinity: Option<Affinity>) {
        let policy = Policy { affinity, ..Policy::clone(&self.tenant.policies[policy]) };
        Arc::make_mut(&mut self.tenant.policies).insert(policy.id.clone(), Arc::new(policy));
    }

    fn with_ids(&self, rules: &Value) -> Value {
        let mut rules = rules.clone();
        for rule in rules.as_array_mut().into_iter().flatten() {
            if let Some(named) = rule.pointer_mut("/use/policy") {
                let known = named.as_str().and_then(|name| self.tenant.policy_named(name));
                *named = known.map_or(named.take(), |policy| json!(policy.id));
            }
        }
        rules
    }

    /// Adds a project of this name.
    pub(crate) fn project(&mut self, name: &str) -> ProjectId {
        let id = ProjectId::from_random([self.tenant.projects.len() as u8; 20]);
        let project: Project =
            serde_json::from_value(json!({"id": id, "organisation": organisation(), "name": name, "policy": null}))
                .unwrap();
        Arc::make_mut(&mut self.tenant.projects).insert(id.clone(), Arc::new(project));
        id
    }

    /// Adds a router of this name.
    pub(crate) fn router(&mut self, name: &str, models: &[&str], policy: Option<PolicyId>) -> RouterId {
        let router_id = RouterId::from_random([self.tenant.routers.len() as u8; 20]);
        let models = models.iter().map(|it| id(it)).collect();
        let router = Router {
            id: router_id.clone(),
            organisation: organisation(),
            name: name.to_owned(),
            models,
            policy,
            scorecards: Vec::new(),
            credentials: std::collections::BTreeMap::new(),
        };
        Arc::make_mut(&mut self.tenant.routers).insert(router_id.clone(), Arc::new(router));
        router_id
    }

    /// Adds a scorecard of shares, or of what the fields say. Scores are given by model.
    pub(crate) fn scorecard(&mut self, name: &str, scores: &[(&str, f64)], fields: &Value) -> ScorecardId {
        let id = ScorecardId::from_random([self.tenant.scorecards.len() as u8; 20]);
        let cells: Vec<_> = scores.iter().map(|(model, score)| json!({"model": model, "score": score})).collect();
        let base = json!({"id": id, "organisation": organisation(), "name": name, "metric": "m", "cells": cells,
            "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0}, "source": {"kind": "eval"}});
        let scorecard = serde_json::from_value(filled(base, fields)).unwrap();
        let benchmark = Benchmark::of(Arc::new(scorecard));
        Arc::make_mut(&mut self.tenant.scorecards).insert(id.clone(), Arc::new(benchmark));
        id
    }

    /// Adds a live blend.
    pub(crate) fn blend(&mut self, weights: &[(&ScorecardId, f64)], fields: &Value) -> BlendId {
        let id = BlendId::from_random([self.tenant.blends.len() as u8; 20]);
        let weights: Vec<_> = weights.iter().map(|(id, weight)| json!({"benchmark": id, "weight": weight})).collect();
        let base = json!({"id": id, "organisation": organisation(), "name": format!("blend {id}"), "version": 1,
            "weights": weights});
        let blend: Blend = serde_json::from_value(filled(base, fields)).unwrap();
        Arc::make_mut(&mut self.tenant.blends).insert(id.clone(), Arc::new(blend));
        id
    }

    /// Decides with healthy candidates.
    pub(crate) fn ask(&self, route: &Route, facts: &Facts, scoring: Scoring<'_>, seed: RequestId) -> Answer {
        self.ask_with_health(route, facts, scoring, seed, &Health::default())
    }

    /// Decides.
    pub(crate) fn ask_with_health(
        &self,
        route: &Route,
        facts: &Facts,
        scoring: Scoring<'_>,
        seed: RequestId,
        health: &Health,
    ) -> Answer {
        let now = Timestamp(1_700_000_000_000_000);
        decide(&Question {
            tenant: &self.tenant,
            version: VERSION,
            route,
            facts,
            scoring,
            health,
            previous: None,
            seed,
            now,
        })
    }
}

pub(crate) type Answer = Result<Step, Refusal>;

/// The decision, where there must be one.
#[track_caller]
pub(crate) fn decided(answer: Answer) -> Decision {
    match answer {
        Ok(Step::Decided(decision)) => *decision,
        other => panic!("not decided: {other:?}"),
    }
}

/// The candidates' ids in order.
pub(crate) fn order(decision: &Decision) -> Vec<&str> {
    decision.candidates.iter().map(|it| it.model.as_str()).collect()
}

/// The reasons of removal, by model.
pub(crate) fn removed(removed: &[domain::Removed]) -> BTreeMap<String, String> {
    removed.iter().map(|it| (it.model.to_string(), it.reason.as_str().to_owned())).collect()
}

/// A key without any configuration.
pub(crate) fn key() -> ApiKey {
    ApiKey {
        per_user: domain::Limits::default(),
        user: None,
        body_logging: None,
        budget: None,
        limits: domain::Limits::default(),
        id: KeyId::from_random([9; 20]),
        organisation: organisation(),
        project: None,
        name: "k".to_owned(),
        hash: KeyHash([0; 32]),
        hint: "…".to_owned(),
        scopes: Vec::new(),
        allowed_models: Vec::new(),
        routing: None,
        expires_at: None,
        revoked_at: None,
        created_at: Timestamp(0),
    }
}
