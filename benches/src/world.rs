//! A tenant of eight models, the facts of a request to it, and the record such a request leaves.

mod large;

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::{
    Arguments, Attempt, CapabilityTag, Decision, Facts, Features, Finished, Model, ModelId, Money, OrganisationId,
    Outcome, OutputTokens, PolicyId, RequestId, Route, Score, Scored, SnapshotVersion, Started, Tenant, Timestamp,
    Usage,
};
use domain::{AttemptOutcome, KeyId};
use policy::{Health, Question, Scoring, Step};
use serde_json::{Value, json};

pub use large::key;

/// When everything here happens.
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const VERSION: SnapshotVersion = SnapshotVersion { epoch: 1, revision: 42 };

/// A tenant with eight priced models of four providers and one intelligent policy over them.
#[derive(Debug)]
pub struct World {
    tenant: Tenant,
    policy: PolicyId,
    facts: Facts,
    score: Score,
}

fn organisation() -> OrganisationId {
    OrganisationId::from_random([1; 20])
}

/// The names of the eight models, the least capable first.
pub fn model_names() -> impl Iterator<Item = String> {
    (0..8).map(|place| format!("provider-{}/model-{place}", place % 4))
}

/// The eight models as `apply` takes them.
pub fn model_specs() -> Vec<Value> {
    let spec = |(place, id): (usize, String)| {
        json!({"id": id, "context_length": 128_000, "max_output_tokens": 8_192,
               "capability": 0.1 + 0.1 * place as f64, "capabilities": ["tools", "json_schema"],
               "pricing": {"prompt": format!("{}e-8", 5 << place), "completion": format!("{}e-8", 20 << place)}})
    };
    model_names().enumerate().map(spec).collect()
}

impl World {
    /// Builds it.
    ///
    /// # Errors
    /// When the configuration types no longer read what is written here.
    pub fn new() -> Result<Self> {
        let owner = json!({"id": organisation(), "name": "bench", "default_policy": null});
        let mut tenant = Tenant::new(Arc::new(serde_json::from_value(owner)?));
        for mut spec in model_specs() {
            spec["organisation"] = json!(organisation());
            spec["native"] = spec["id"].clone();
            spec["enabled"] = json!(true);
            let model: Model = serde_json::from_value(spec)?;
            add_provider(&mut tenant, model.id.provider())?;
            Arc::make_mut(&mut tenant.models).insert(model.id.clone(), Arc::new(model));
        }
        let policy = PolicyId::from_random([3; 20]);
        let listed: Vec<Value> = model_names().map(|model| json!({ "model": model })).collect();
        let configured = json!({"id": policy, "organisation": organisation(), "name": "bench", "slug": "bench",
            "candidates": {"listed": listed}, "strategy": {"type": "intelligent", "axis": "performance"}});
        Arc::make_mut(&mut tenant.policies).insert(policy.clone(), Arc::new(serde_json::from_value(configured)?));
        let features = Features { input_tokens: 240, max_output_tokens: Some(256), turns: 2, ..Features::default() };
        let facts = Facts { features, requested_model: Some("auto".to_owned()), ..Facts::default() };
        Ok(Self { tenant, policy, facts, score: score() })
    }

    /// Decides by the intelligent policy, with a score.
    ///
    /// # Errors
    /// When no decision comes out.
    pub fn decide_scored(&self) -> Result<Decision> {
        self.decide(&Route::Policy(self.policy.clone()), Scoring::Known(&self.score))
    }

    /// Decides for a model named in the request.
    ///
    /// # Errors
    /// When no decision comes out.
    pub fn decide_direct(&self, model: &ModelId) -> Result<Decision> {
        self.decide(&Route::Direct(model.clone()), Scoring::NotAsked)
    }

    fn decide(&self, route: &Route, scoring: Scoring<'_>) -> Result<Decision> {
        let question = Question {
            tenant: &self.tenant,
            version: VERSION,
            route,
            facts: &self.facts,
            scoring,
            health: &Health::default(),
            previous: None,
            seed: RequestId::from_parts(1_700_000_000_000, 7),
            now: NOW,
        };
        match policy::decide(&question).context("refused")? {
            Step::Decided(decision) => Ok(*decision),
            Step::NeedsScore => bail!("a score was asked for"),
        }
    }

    /// What the decision of [`World::decide_scored`] is made of.
    pub fn arguments(&self) -> Arguments {
        Arguments {
            route: Route::Policy(self.policy.clone()),
            facts: self.facts.clone(),
            scoring: Scored::Known(self.score.clone()),
            health: Health::default(),
            previous: None,
            now: NOW,
        }
    }

    /// The record of a request that was decided with a score and answered.
    ///
    /// # Errors
    /// When no decision comes out.
    pub fn record(&self) -> Result<Finished> {
        let decision = self.decide_scored()?;
        let model = decision.selected_model.clone();
        Ok(Finished {
            started: Started {
                id: RequestId::from_value(0),
                at: NOW,
                organisation: organisation(),
                key: KeyId::from_random([4; 20]),
                project: None,
                requested_model: Some("auto".to_owned()),
                stream: false,
                user: None,
                endpoint: domain::Surface::Chat,
            },
            outcome: Outcome::Completed,
            status: 200,
            model: Some(model.clone()),
            served_model: Some("mock-1".to_owned()),
            served_mismatch: false,
            queue_micros: Some(12),
            overhead_micros: Some(90),
            tags: Vec::new(),
            loss: Vec::new(),
            policy: Some(self.policy.clone()),
            usage: Some(Usage { prompt_tokens: 211, completion_tokens: 52, ..Usage::default() }),
            cost: Some(Money::from_pico(123_456_789)),
            saved: Some(Money::from_pico(23_456_789)),
            total_micros: 812_345,
            first_token_micros: None,
            decision_micros: Some(640),
            upstream_micros: Some(810_000),
            attempts: vec![Attempt {
                status: Some(200),
                millis: Some(810.25),
                ..Attempt::new(model, AttemptOutcome::Ok)
            }],
            decision: Some(decision),
            arguments: Some(Box::new(self.arguments())),
            error: None,
        })
    }
}

fn add_provider(tenant: &mut Tenant, slug: &str) -> Result<()> {
    if tenant.providers.contains_key(slug) {
        return Ok(());
    }
    let provider = json!({"slug": slug, "organisation": organisation(), "dialect": "openai",
                          "base_url": "https://provider.example/v1", "allow_anonymous": true});
    let provider: domain::Provider = serde_json::from_value(provider)?;
    Arc::make_mut(&mut tenant.providers).insert(provider.slug.clone(), Arc::new(provider));
    Ok(())
}

fn score() -> Score {
    Score {
        complexity: 0.47,
        difficulty: 0.1,
        // The first kinds of work weigh most, so that a boost moves weights.
        capabilities: CapabilityTag::ALL
            .iter()
            .enumerate()
            .map(|(place, tag)| (*tag, 0.6 / (1 + place) as f64))
            .collect(),
        expected_output_tokens: OutputTokens { p50: 180, p90: 700 },
        uncertainty: 0.08,
        truncated: false,
        micros: 600,
        version: "bench-1".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scored_decision_considers_all_eight_models() {
        let decision = World::new().and_then(|world| world.decide_scored()).expect("a decision");
        assert_eq!((decision.candidates.len(), decision.removed.len()), (8, 0));
    }

    #[test]
    fn direct_decision_is_the_model_named() {
        let model = ModelId::parse("provider-2/model-6").expect("a model id");
        let decision = World::new().and_then(|world| world.decide_direct(&model)).expect("a decision");
        assert_eq!(decision.selected_model, model);
    }
}
