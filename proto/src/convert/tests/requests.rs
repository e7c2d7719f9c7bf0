//! What is asked of the engine, and what it answers, of any value.

use domain::{
    Axis, CandidateRecord, CapabilityTag, Constraints, Decision, Facts, Features, Labels, ModelId, Money, OutputFormat,
    OutputTokens, PolicyId, Previous, RequestId, Route, Score, SnapshotVersion,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Strategy as Arbitrary;

use super::basics::{
    amount, model_id, moment, organisation_id, policy_id, project_id, request_id, router_id, slug, text, version,
};
use super::policies::min_quality;
use crate::DecideCall;

pub(super) fn features() -> impl Arbitrary<Value = Features> {
    let format = select(vec![OutputFormat::Text, OutputFormat::JsonObject, OutputFormat::JsonSchema]);
    let counts = any::<(u64, Option<u64>, u32, u64)>();
    (counts, any::<[bool; 6]>(), format, vec(text(), 0..3)).prop_map(|(counts, flags, output_format, parameters)| {
        Features {
            input_tokens: counts.0,
            max_output_tokens: counts.1,
            stream: flags[0],
            has_tools: flags[1],
            forces_tool: flags[2],
            has_images: flags[3],
            has_audio: flags[4],
            has_files: flags[5],
            output_format,
            turns: counts.2,
            system_bytes: counts.3,
            parameters,
        }
    })
}

pub(super) fn constraints() -> impl Arbitrary<Value = Constraints> {
    let limits = (of(amount()), of(min_quality()), of(slug()));
    (vec(model_id(), 0..3), vec(slug(), 0..3), vec(slug(), 0..3), any::<(bool, bool, bool, bool)>(), limits).prop_map(
        |(models, only_providers, ignored_providers, flags, (max_cost, min_quality, kept_by))| Constraints {
            models,
            only_providers,
            ignored_providers,
            deny_data_collection: flags.0,
            zero_data_retention: flags.1,
            kept_state: flags.2,
            kept_by,
            kept_thread: flags.3,
            max_cost,
            min_quality,
        },
    )
}

pub(super) fn labels() -> impl Arbitrary<Value = Labels> {
    let pairs = || btree_map(text(), text(), 0..3);
    (pairs(), pairs(), pairs(), of(text()), of(project_id()), of(text())).prop_map(
        |(tags, headers, metadata, user, project, key_name)| Labels {
            tags,
            headers: headers.into(),
            metadata: metadata.into_iter().map(|(key, value)| (key, serde_json::json!([value]))).collect(),
            user,
            project,
            key_name,
        },
    )
}

pub(super) fn facts() -> impl Arbitrary<Value = Facts> {
    (features(), of(text()), constraints(), vec(model_id(), 0..3), labels(), of(text())).prop_map(
        |(features, requested_model, constraints, allowed_models, labels, instructions)| Facts {
            features,
            requested_model,
            constraints,
            allowed_models,
            labels,
            instructions,
        },
    )
}

pub(super) fn route() -> impl Arbitrary<Value = Route> {
    prop_oneof![
        policy_id().prop_map(Route::Policy),
        router_id().prop_map(Route::Router),
        vec(model_id(), 0..3).prop_map(Route::List),
        model_id().prop_map(Route::Direct),
    ]
}

pub(super) fn call() -> impl Arbitrary<Value = DecideCall> {
    let previous =
        (text(), model_id(), any::<u64>(), any::<bool>()).prop_map(|(session, model, cached_tokens, in_tool_loop)| {
            Previous { session, model, cached_tokens, in_tool_loop }
        });
    let health = (vec(model_id(), 0..3), of(previous));
    (organisation_id(), route(), facts(), (text(), any::<bool>()), health, (version(), request_id(), moment()))
        .prop_map(|(organisation, route, facts, text, health, at)| DecideCall {
            organisation,
            route,
            facts,
            context: text.0.chars().rev().collect(),
            text: text.0,
            truncated: text.1,
            unhealthy: health.0,
            previous: health.1,
            version: at.0,
            seed: at.1,
            now: at.2,
        })
}

pub(super) fn score() -> impl Arbitrary<Value = Score> {
    let tags = vec((select(CapabilityTag::ALL.to_vec()), 0.0..=1.0), 0..4);
    let lengths = any::<(u32, u32)>().prop_map(|(p50, p90)| OutputTokens { p50, p90 });
    (0.0..=1.0, -9.0..9.0, tags, lengths, 0.0..1.0, any::<(bool, u64)>(), text()).prop_map(
        |(complexity, difficulty, capabilities, expected_output_tokens, uncertainty, rest, version)| Score {
            complexity,
            difficulty,
            capabilities,
            expected_output_tokens,
            uncertainty,
            truncated: rest.0,
            micros: rest.1,
            version: version.into(),
        },
    )
}

pub(super) fn decision() -> Decision {
    let model = |text: &str| ModelId::parse(text).unwrap();
    let candidate = |text: &str| CandidateRecord {
        model: model(text),
        position: Some(0.5),
        score: None,
        expected_cost_usd: Some(Money::from_pico(420)),
        why: Some("cheapest".into()),
    };
    Decision {
        policy: Some("support".into()),
        policy_id: Some(PolicyId::from_random([1; 20])),
        router: None,
        rule: None,
        strategy: "intelligent".into(),
        axis: Some(Axis::Performance),
        complexity: Some(0.52),
        adjusted: Some(0.52),
        difficulty: Some(1.5),
        calibration: Some("2026.11.4-a".into()),
        capabilities: vec![(CapabilityTag::Code, 0.91)],
        selected_model: model("acme/large"),
        candidates: vec![candidate("acme/large"), candidate("acme/small")],
        removed: vec![],
        weights: None,
        weights_boosted: None,
        degraded: None,
        scorer: Some("sb-1".into()),
        truncated: false,
        snapshot: SnapshotVersion { epoch: 1, revision: 41 },
        seed: RequestId::from_parts(7, 9),
        capability_source: Some("price".into()),
        most_capable_model: None,
        most_capable_cost_usd: None,
        explicit_order: false,
        instructions: None,
        affinity: None,
        reason: "uncertain prompt".into(),
    }
}
