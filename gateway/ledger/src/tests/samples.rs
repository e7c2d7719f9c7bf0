//! Requests to record, and how to make arbitrary ones.

use std::sync::Arc;

use domain::clock::Timestamp;
use domain::decision::{AttemptOutcome, CandidateRecord, Removal, Removed};
use domain::{
    Arguments, Attempt, Axis, CapabilityTag, CredentialId, Decision, Degradation, Facts, Finished, Health, KeyId,
    Latency, ModelId, Money, OrganisationId, Outcome, PolicyId, ProjectId, RequestId, Route, RouterId, Scored,
    SnapshotVersion, Started, Surface, Tag, Usage,
};
use proptest::option;
use proptest::prelude::*;

pub(crate) fn organisation(number: u8) -> OrganisationId {
    OrganisationId::from_random([number; 20])
}

pub(crate) fn key(number: u8) -> KeyId {
    KeyId::from_random([number; 20])
}

pub(crate) fn model(name: &str) -> ModelId {
    ModelId::parse(name).unwrap()
}

pub(crate) fn started(number: u64) -> Started {
    let at = Timestamp(i64::try_from(number).unwrap() * 1_000);
    Started {
        requested_model: Some("auto".to_owned()),
        ..Started::new(RequestId::from_parts(number, 7), at, organisation(1), key(1))
    }
}

pub(crate) fn finished(started: Started) -> Finished {
    Finished {
        model: Some(model("demo/small")),
        usage: Some(Usage { prompt_tokens: 10, completion_tokens: 5, ..Usage::default() }),
        cost: Some(Money::from_pico(1_500)),
        total_micros: 900,
        ..Finished::new(started, Outcome::Completed, 200)
    }
}

/// A record with something in every field.
pub(crate) fn full(number: u64) -> Finished {
    let started = Started {
        project: Some(ProjectId::from_random([3; 20])),
        requested_model: Some("aut\u{f6} \"quoted\"\n".to_owned()),
        stream: true,
        user: Some("ann".to_owned()),
        endpoint: Surface::Messages,
        ..started(number)
    };
    Finished {
        outcome: Outcome::Interrupted,
        served_model: Some("tiny-2026".to_owned()),
        served_mismatch: true,
        queue_micros: Some(50),
        overhead_micros: Some(60),
        tags: vec![tag("team", "blue"), tag("env", "test")],
        loss: vec!["logit_bias".to_owned()],
        policy: Some(PolicyId::from_random([4; 20])),
        usage: Some(Usage {
            prompt_tokens: 1_000,
            cached_tokens: 1,
            cache_write_tokens: 2,
            completion_tokens: 50,
            reasoning_tokens: 3,
            estimated: true,
        }),
        saved: Some(Money::from_pico(-12)),
        first_token_micros: Some(20),
        decision_micros: Some(30),
        upstream_micros: Some(40),
        attempts: vec![Attempt {
            model: model("demo/large"),
            outcome: AttemptOutcome::RateLimited,
            status: Some(429),
            millis: Some(1.5),
            began_micros: Some(7),
            credential: Some(CredentialId::from_random([6; 20])),
            upstream_request: Some("req-1".to_owned()),
        }],
        decision: Some(decision(number, "because")),
        arguments: Some(Box::new(arguments())),
        error: Some("upstream_disconnected".to_owned()),
        ..finished(started)
    }
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

pub(crate) fn arguments() -> Arguments {
    let observed = Latency { first_token_micros: 1, micros_per_token: 2, success_permille: 999 };
    Arguments {
        route: Route::Policy(PolicyId::from_random([4; 20])),
        facts: Facts { requested_model: Some("auto".to_owned()), ..Facts::default() },
        scoring: Scored::Unavailable(Degradation::Engine),
        health: Health { latency: Arc::new([(model("demo/small"), observed)].into()), ..Health::default() },
        previous: None,
        now: Timestamp(9),
    }
}

pub(crate) fn decision(number: u64, reason: &str) -> Decision {
    Decision {
        policy: Some("support".to_owned()),
        policy_id: Some(PolicyId::from_random([4; 20])),
        router: Some(RouterId::from_random([5; 20])),
        rule: None,
        strategy: "intelligent".to_owned(),
        axis: Some(Axis::Performance),
        complexity: Some(0.25),
        adjusted: Some(0.5),
        difficulty: None,
        calibration: None,
        capabilities: vec![(CapabilityTag::Code, 0.75), (CapabilityTag::Chat, 0.125)],
        selected_model: model("demo/small"),
        candidates: ["demo/small", "demo/medium", "demo/large"]
            .map(|name| CandidateRecord {
                model: model(name),
                position: Some(0.5),
                score: Some(0.25),
                expected_cost_usd: Some(Money::from_pico(12_345)),
                why: None,
            })
            .into(),
        removed: vec![Removed { model: model("demo/tiny"), reason: Removal::ContextLength }],
        weights: None,
        weights_boosted: None,
        degraded: None,
        scorer: Some("scorer-1".into()),
        truncated: false,
        snapshot: SnapshotVersion { epoch: 1, revision: 9 },
        seed: RequestId::from_parts(number, 7),
        capability_source: Some("explicit".to_owned()),
        most_capable_cost_usd: Some(Money::from_pico(99)),
        most_capable_model: Some(model("demo/large")),
        explicit_order: false,
        instructions: None,
        affinity: None,
        reason: reason.to_owned(),
    }
}

prop_compose! {
    fn any_started()(
        id: u128, at: i64, random: [u8; 20], project: Option<[u8; 20]>, stream: bool,
        requested_model in option::of(".{0,40}"), user in option::of(".{0,40}"),
        endpoint in prop::sample::select(Surface::ALL.to_vec()),
    ) -> Started {
        Started {
            id: RequestId::from_value(id),
            at: Timestamp(at),
            organisation: OrganisationId::from_random(random),
            key: KeyId::from_random(random),
            project: project.map(ProjectId::from_random),
            requested_model,
            stream,
            user,
            endpoint,
        }
    }
}

prop_compose! {
    fn any_usage()(prompt_tokens: u64, cached_tokens: u64, completion_tokens: u64, estimated: bool, plain: bool) -> Usage {
        if plain {
            return Usage { prompt_tokens: prompt_tokens >> 1, completion_tokens: completion_tokens >> 1, ..Usage::default() };
        }
        Usage { prompt_tokens, cached_tokens, cache_write_tokens: 0, completion_tokens, reasoning_tokens: 0, estimated }
    }
}

prop_compose! {
    /// Any record whose durations fit the columns.
    pub(crate) fn any_finished()(
        started in any_started(),
        outcome in prop::sample::select(Outcome::ALL.to_vec()),
        status: u16,
        named in any::<bool>(),
        served_model in option::of(".{0,40}"),
        usage in option::of(any_usage()),
        cost: Option<i128>, saved: Option<i64>,
        total in 0..i64::MAX, first_token in option::of(0..i64::MAX), micros: Option<u64>,
        decided in any::<bool>(),
        error in option::of(".{0,40}"),
        tags in proptest::collection::vec((".{0,9}", ".{0,9}"), 0..4),
    ) -> Finished {
        Finished {
            outcome,
            status,
            model: named.then(|| model("demo/small")),
            served_model,
            policy: named.then(|| PolicyId::from_random([4; 20])),
            usage,
            // Money's own text goes up to 36 digits.
            cost: cost.map(|pico| Money::from_pico(pico / 1_000)),
            saved: saved.map(|pico| Money::from_pico(i128::from(pico) / 2)),
            total_micros: total.cast_unsigned(),
            first_token_micros: first_token.map(i64::cast_unsigned),
            decision_micros: micros,
            upstream_micros: micros,
            decision: decided.then(|| decision(1, "because")),
            arguments: decided.then(|| Box::new(arguments())),
            error,
            tags: tags.iter().map(|(key, value)| tag(key, value)).collect(),
            ..finished(started)
        }
    }
}
