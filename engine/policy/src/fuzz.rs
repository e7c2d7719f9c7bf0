//! What must hold of any bytes that come as rules, as routing instructions, or as scorecards with a blend over them: they
//! are refused with a place and a reason, or decide within the policy's models; never a panic.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use domain::{
    Benchmark, Blend, CapabilityTag, Decision, Degradation, Facts, ModelId, Object, OutputTokens, Policy, PolicyId,
    RequestId, Route, Rules, Score, Scorecard, Snapshot, SnapshotVersion, Strategy, Tenant, Timestamp,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Health, Problem, Question, Scoring, Step, UnknownModels, decide, validate_blend, validate_policy,
    validate_scorecard,
};

const VERSION: SnapshotVersion = SnapshotVersion { epoch: 1, revision: 1 };
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// Three models under two policies.
static TENANT: LazyLock<Tenant> = LazyLock::new(|| {
    let objects: Vec<Object> = serde_json::from_str(include_str!("fuzz/world.json")).expect("the world is sound");
    let tenants = Snapshot::full(VERSION, objects).tenants;
    tenants.into_values().map(Arc::unwrap_or_clone).next().expect("the world has an organisation")
});

/// Reads bytes as the rules of a policy, checks them as a save does, and decides by them. Returns whether it came to that.
///
/// # Panics
/// When a law does not hold.
pub fn rules(bytes: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return false };
    let Ok(rules) = Rules::parse(&value) else { return false };
    let policy = Policy { rules, ..desk() };
    let problems = validate_policy(&TENANT, &policy);
    if problems.is_empty() {
        check_decisions(&with_policy(policy), &Facts::default());
    }
    check_problems(&problems);
    problems.is_empty()
}

/// Reads bytes as routing instructions under every strategy that they act on.
///
/// # Panics
/// When a law does not hold.
pub fn instructions(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let told = Facts { instructions: Some(text), ..Facts::default() };
    for strategy in [desk().strategy, Strategy::LowestCost {}, Strategy::Priority {}, Strategy::Split {}] {
        let tenant = with_policy(Policy { strategy, ..desk() });
        for decision in check_decisions(&tenant, &told) {
            let record = decision.instructions.expect("the record says what became of a text");
            assert!(!record.understood.is_empty() || record.no_effect.is_some());
        }
    }
}

/// Scorecards, and a blend over them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Blended {
    scorecards: Vec<Scorecard>,
    blend: Blend,
}

/// Reads bytes as `{"scorecards": […], "blend": {…}}`, checks both as a save does, and ranks by them.
/// Returns whether it came to that.
///
/// # Panics
/// When a law does not hold.
pub fn blend(bytes: &[u8]) -> bool {
    let Ok(Blended { scorecards, blend }) = serde_json::from_slice::<Blended>(bytes) else { return false };
    let mut tenant = TENANT.clone();
    for scorecard in scorecards {
        let problems = validate_scorecard(&tenant, &scorecard, UnknownModels::Kept);
        check_problems(&problems);
        if problems.is_empty() {
            let benchmark = Benchmark::of(Arc::new(scorecard));
            Arc::make_mut(&mut tenant.scorecards).insert(benchmark.scorecard().id.clone(), Arc::new(benchmark));
        }
    }
    let problems = validate_blend(&tenant, &blend);
    check_problems(&problems);
    if !problems.is_empty() {
        return false;
    }
    let policy = Policy { strategy: Strategy::Blend { blend: blend.id.clone() }, ..desk() };
    Arc::make_mut(&mut tenant.blends).insert(blend.id.clone(), Arc::new(blend));
    Arc::make_mut(&mut tenant.policies).insert(policy.id.clone(), Arc::new(policy));
    for decision in check_decisions(&tenant, &Facts::default()) {
        let scores = decision.candidates.iter().filter_map(|it| it.score);
        assert!(scores.clone().all(|score| (-1e-9..=1.0 + 1e-9).contains(&score)), "{:?}", scores.collect::<Vec<_>>());
    }
    true
}

fn desk() -> Policy {
    Policy::clone(TENANT.policies.named("desk").next().expect("the world has this policy"))
}

fn with_policy(policy: Policy) -> Tenant {
    let mut tenant = TENANT.clone();
    Arc::make_mut(&mut tenant.policies).insert(policy.id.clone(), Arc::new(policy));
    tenant
}

fn check_problems(problems: &[Problem]) {
    assert!(problems.iter().all(|it| !it.path.is_empty() && !it.message.is_empty()), "{problems:?}");
}

/// Decides by the policy without and with a score: each time some of the policy's models, none twice, and twice the same.
fn check_decisions(tenant: &Tenant, facts: &Facts) -> Vec<Decision> {
    let policy: PolicyId = desk().id;
    let route = Route::Policy(policy);
    let (simple, complex) = (score(0.1), score(0.9));
    let scorings = [
        Scoring::NotAsked,
        Scoring::Unavailable(Degradation::Scorer),
        Scoring::Known(&simple),
        Scoring::Known(&complex),
    ];
    let decisions = scorings.into_iter().filter_map(|scoring| {
        let question = Question {
            tenant,
            version: VERSION,
            route: &route,
            facts,
            scoring,
            health: &Health::default(),
            previous: None,
            seed: RequestId::from_parts(1_800_000_000_000, 1),
            now: NOW,
        };
        let step = decide(&question);
        assert_eq!(step, decide(&question), "the same question has the same answer");
        match step {
            Ok(Step::Decided(decision)) => Some(*decision),
            Ok(Step::NeedsScore) => {
                assert!(matches!(scoring, Scoring::NotAsked), "a score is asked for once");
                None
            }
            // Models without a score in the blend, and nobody else.
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                None
            }
        }
    });
    decisions.inspect(|decision| check_candidates(tenant, decision)).collect()
}

fn check_candidates(tenant: &Tenant, decision: &Decision) {
    let models: Vec<&ModelId> = decision.candidates.iter().map(|it| &it.model).collect();
    let distinct: BTreeSet<_> = models.iter().collect();
    assert!(!models.is_empty() && distinct.len() == models.len(), "{models:?}");
    assert!(models.iter().all(|it| tenant.models.contains_key(*it)), "{models:?}");
    assert!(!decision.reason.is_empty());
}

fn score(complexity: f64) -> Score {
    Score {
        complexity,
        difficulty: 0.0,
        capabilities: vec![(CapabilityTag::Code, complexity)],
        expected_output_tokens: OutputTokens { p50: 100, p90: 200 },
        uncertainty: 0.0,
        truncated: false,
        micros: 0,
        version: "fuzz".into(),
    }
}
