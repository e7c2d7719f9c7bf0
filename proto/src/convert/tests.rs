//! Round trips of every message that has a domain type, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Debug;
use std::sync::Arc;

use domain::desired::{Action, CreatedKey, DiffLine, KeyRoutingSpec, KeySpec};
use domain::{
    Ability, Affinity, ApiKey, AttemptOutcome, AuthScheme, Axis, Blend, BlendId, BlendWeight, Calibration,
    CandidateRecord, Candidates, CapabilityTag, Change, Condition, Constraints, Credential, CredentialId,
    CredentialSource, Date, Decision, Degradation, DesiredFault, Dial, DialectKind, Diff, Direction, Facts, Features,
    Field, Interval, KeyHash, KeyId, KeyRouting, Labels, Lambda, MinQuality, Missing, Modality, Model, ModelId, Money,
    Normalisation, Object, ObjectKey, Operator, Optimal, Organisation, OrganisationId, OutputFormat, OutputTokens,
    Override, Owner, Policy, PolicyId, PolicyModel, Previous, Pricing, Project, ProjectId, Provider, ProviderSlug,
    RankBy, RequestId, Route, Router, RouterId, Rule, Rules, Scale, Scales, Scope, Score, ScoreCell, Scorecard,
    ScorecardId, ScorerInput, SealedBytes, SecretText, Snapshot, SnapshotVersion, SourceKind, SourceNote, Strategy,
    Test, Timeouts, Timestamp, Use,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Strategy as Arbitrary;

use super::*;
use crate::pb::{admin::v1 as admin, routing::v1 as routing};
use crate::watch::{Assembler, CHUNK_BYTES, Event, delta_messages, full_messages};
use crate::{DecideAnswer, DecideCall, OutcomeReport};

// === Any value of each type ===

macro_rules! any_id {
    ($name:ident, $type:ty) => {
        fn $name() -> impl Arbitrary<Value = $type> {
            any::<[u8; 20]>().prop_map(<$type>::from_random)
        }
    };
}
any_id!(organisation_id, OrganisationId);
any_id!(project_id, ProjectId);
any_id!(credential_id, CredentialId);
any_id!(scorecard_id, ScorecardId);
any_id!(blend_id, BlendId);
any_id!(policy_id, PolicyId);
any_id!(router_id, RouterId);
any_id!(key_id, KeyId);

fn text() -> impl Arbitrary<Value = String> {
    "\\PC{0,20}"
}

fn slug() -> impl Arbitrary<Value = ProviderSlug> {
    "[a-z][a-z0-9-]{2,9}".prop_filter_map("reserved", |text| ProviderSlug::parse(&text).ok())
}

fn model_id() -> impl Arbitrary<Value = ModelId> {
    (slug(), "[A-Za-z0-9._:/@+-]{1,20}").prop_map(|(slug, name)| ModelId::parse(&format!("{slug}/{name}")).unwrap())
}

fn amount() -> impl Arbitrary<Value = Money> {
    any::<i64>().prop_map(|pico| Money::from_pico(pico.into()))
}

fn moment() -> impl Arbitrary<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

fn version() -> impl Arbitrary<Value = SnapshotVersion> {
    any::<(u64, u64)>().prop_map(|(epoch, revision)| SnapshotVersion { epoch, revision })
}

fn request_id() -> impl Arbitrary<Value = RequestId> {
    any::<u128>().prop_map(RequestId::from_value)
}

fn organisation() -> impl Arbitrary<Value = Organisation> {
    (organisation_id(), text(), of(policy_id()), of(calibration())).prop_map(
        |(id, name, default_policy, calibration)| Organisation {
            body_logging: None,
            budget: None,
            id,
            name,
            default_policy,
            calibration,
        },
    )
}

fn calibration() -> impl Arbitrary<Value = Calibration> {
    // Numbers that decimal text holds exactly.
    let number = || (-64_i32..64).prop_map(|it| f64::from(it) / 8.0);
    let scale = move || (number(), number()).prop_map(|(a, b)| Scale { a, b });
    (text(), text(), number(), scale(), scale(), any::<u64>()).prop_map(|(version, source, k, blend, q, n)| {
        Calibration {
            version: version.into(),
            difficulty: source.clone(),
            k,
            scale: Scales { blend, q },
            fitted_on: source.clone(),
            n,
            date: Date::parse("2026-11-22").unwrap(),
            source,
        }
    })
}

fn project() -> impl Arbitrary<Value = Project> {
    (project_id(), organisation_id(), text(), of(policy_id())).prop_map(|(id, organisation, name, policy)| Project {
        budget: None,
        id,
        organisation,
        name,
        policy,
    })
}

fn auth() -> impl Arbitrary<Value = AuthScheme> {
    prop_oneof![Just(AuthScheme::Bearer), text().prop_map(AuthScheme::Header), text().prop_map(AuthScheme::Query)]
}

fn timeouts() -> impl Arbitrary<Value = Timeouts> {
    any::<[Option<u64>; 5]>().prop_map(|[connect_ms, response_header_ms, first_token_ms, inter_chunk_ms, total_ms]| {
        Timeouts { connect_ms, response_header_ms, first_token_ms, inter_chunk_ms, total_ms }
    })
}

fn provider() -> impl Arbitrary<Value = Provider> {
    let flags = any::<(bool, bool, Option<bool>, Option<bool>)>();
    (slug(), organisation_id(), text(), auth(), flags, timeouts(), btree_map(text(), text(), 0..3)).prop_map(
        |(slug, organisation, base_url, auth, flags, timeouts, query)| Provider {
            headers: std::collections::BTreeMap::new(),
            responses: false,
            slug,
            organisation,
            dialect: DialectKind::Openai,
            base_url,
            auth,
            allow_anonymous: flags.0,
            allow_private_network: flags.1,
            zero_data_retention: flags.2,
            collects_data: flags.3,
            timeouts,
            query,
        },
    )
}

fn credential() -> impl Arbitrary<Value = Credential> {
    let sealed = vec(any::<u8>(), 0..80).prop_map(SealedBytes);
    let owner = select(vec![Owner::Managed, Owner::Org, Owner::User]);
    (credential_id(), organisation_id(), slug(), text(), owner, any::<u32>(), sealed, text()).prop_map(
        |(id, organisation, provider, name, owner, version, sealed, hint)| Credential {
            kind: domain::CredentialKind::ApiKey,
            user: None,
            weight: 1,
            id,
            organisation,
            provider,
            name,
            owner,
            version,
            sealed,
            hint,
        },
    )
}

fn pricing() -> impl Arbitrary<Value = Pricing> {
    [of(amount()), of(amount()), of(amount()), of(amount()), of(amount())].prop_map(
        |[prompt, completion, cached_prompt, cache_write, reasoning]| Pricing {
            prompt,
            completion,
            cached_prompt,
            cache_write,
            reasoning,
        },
    )
}

fn modalities() -> impl Arbitrary<Value = Vec<Modality>> {
    vec(select(vec![Modality::Text, Modality::Image, Modality::Audio, Modality::Video, Modality::File]), 0..4)
}

fn model() -> impl Arbitrary<Value = Model> {
    let names = (model_id(), organisation_id(), text(), of(text()), of(text()), of(text()));
    let limits = any::<(bool, Option<u64>, Option<u64>, Option<bool>)>();
    let abilities = vec(select(Ability::ALL.to_vec()), 0..5);
    let lists = (abilities, modalities(), modalities(), of(vec(text(), 0..3)));
    (names, limits, pricing(), of(0.0..=1.0), lists).prop_map(|(names, limits, pricing, capability, lists)| Model {
        dimensions: None,
        id: names.0,
        organisation: names.1,
        native: names.2,
        name: names.3,
        enabled: limits.0,
        context_length: limits.1,
        max_output_tokens: limits.2,
        pricing,
        capability,
        capabilities: lists.0,
        input_modalities: lists.1,
        output_modalities: lists.2,
        supported_parameters: lists.3,
        released: names.4,
        zero_data_retention: limits.3,
        source: names.5,
    })
}

fn strategy() -> impl Arbitrary<Value = Strategy> {
    prop_oneof![
        model_id().prop_map(|model| Strategy::Single { model }),
        Just(Strategy::Priority {}),
        Just(Strategy::Split {}),
        Just(Strategy::LowestCost {}),
        Just(Strategy::LeastLatency {}),
        blend_id().prop_map(|blend| Strategy::Blend { blend }),
        optimal().prop_map(Strategy::Optimal),
        select(vec![Axis::Cost, Axis::Performance, Axis::Capability]).prop_map(|axis| Strategy::Intelligent { axis }),
    ]
}

fn candidates() -> impl Arbitrary<Value = Candidates> {
    let listed = (model_id(), any::<Option<u32>>(), of(0.0..1e9)).prop_map(|(model, priority, weight)| PolicyModel {
        model,
        priority,
        weight,
    });
    prop_oneof![Just(Candidates::All), vec(listed, 0..4).prop_map(Candidates::Listed)]
}

fn condition() -> impl Arbitrary<Value = Condition> {
    let test = (select(Operator::ALL.to_vec()), "[a-z.]{1,8}", text()).prop_map(|(operator, key, value)| {
        Condition::Test(Test::new(Field::Tag(key), operator, Some(serde_json::json!(value))))
    });
    test.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|it| Condition::Not(Box::new(it))),
        ]
    })
}

fn rules() -> impl Arbitrary<Value = Rules> {
    let r#use = prop_oneof![policy_id().prop_map(Use::Policy), strategy().prop_map(Use::Strategy)];
    let rule = (any::<i32>(), of(text()), condition(), r#use).prop_map(|(priority, name, when, r#use)| Rule {
        priority,
        name,
        when,
        r#use,
    });
    vec(rule, 0..3).prop_map(Rules::new)
}

fn policy() -> impl Arbitrary<Value = Policy> {
    (
        (policy_id(), organisation_id(), text(), text(), any::<u32>()),
        candidates(),
        strategy(),
        rules(),
        of(Just(Affinity::Conversation)),
    )
        .prop_map(|((id, organisation, name, slug, version), candidates, strategy, rules, affinity)| Policy {
            id,
            organisation,
            name,
            slug,
            version,
            candidates,
            strategy,
            rules,
            affinity,
        })
}

fn router() -> impl Arbitrary<Value = Router> {
    let credentials = btree_map(slug(), select(vec![CredentialSource::Managed, CredentialSource::User]), 0..3);
    let names = (router_id(), organisation_id(), text());
    (names, vec(model_id(), 0..4), of(policy_id()), vec(scorecard_id(), 0..3), credentials).prop_map(
        |((id, organisation, name), models, policy, scorecards, credentials)| Router {
            id,
            organisation,
            name,
            models,
            policy,
            scorecards,
            credentials,
        },
    )
}

fn missing() -> impl Arbitrary<Value = Missing> {
    use Missing::{Exclude, LowerBound, Median, Min, Renormalise, Zero};
    select(vec![LowerBound, Median, Renormalise, Min, Zero, Exclude])
}

fn figure() -> impl Arbitrary<Value = f64> {
    -1e9..1e9
}

fn normalisation() -> impl Arbitrary<Value = Normalisation> {
    prop_oneof![
        (figure(), figure()).prop_map(|(min, max)| Normalisation::Bounds { min, max }),
        (figure(), figure(), figure()).prop_map(|(min, max, chance)| Normalisation::ChanceAdjusted {
            min,
            max,
            chance
        }),
        figure().prop_map(|anchor| Normalisation::EloExpected { anchor }),
        (figure(), figure()).prop_map(|(min, max)| Normalisation::Log { min, max }),
    ]
}

fn day() -> impl Arbitrary<Value = Date> {
    (2000..2100, 1..=12, 1..=28)
        .prop_map(|(year, month, day)| Date::parse(&format!("{year}-{month:02}-{day:02}")).unwrap())
}

fn score_cell() -> impl Arbitrary<Value = ScoreCell> {
    let interval = (figure(), figure()).prop_map(|(low, high)| Interval { low, high });
    (model_id(), figure(), any::<Option<u64>>(), of(figure()), of(interval))
        .prop_map(|(model, score, n, standard_error, interval)| ScoreCell { model, score, n, standard_error, interval })
}

fn scorecard() -> impl Arbitrary<Value = Scorecard> {
    let names = (scorecard_id(), organisation_id(), text(), text(), text(), of(text()));
    let kind = select(vec![SourceKind::Published, SourceKind::Eval, SourceKind::Uploaded]);
    let source = (kind, of(day()), of(text()), of(text())).prop_map(|(kind, date, licence, url)| SourceNote {
        kind,
        date,
        licence,
        url,
    });
    let reading = (select(vec![Direction::Higher, Direction::Lower]), normalisation(), of(missing()));
    let tags = vec(select(CapabilityTag::ALL.to_vec()), 0..4);
    let age = (of(day()), any::<Option<u64>>());
    (names, source, reading, tags, age, vec(score_cell(), 0..4)).prop_map(
        |(names, source, reading, capabilities, age, cells)| Scorecard {
            id: names.0,
            organisation: names.1,
            name: names.2,
            version: names.3,
            metric: names.4,
            unit: names.5,
            direction: reading.0,
            normalisation: reading.1,
            capabilities,
            missing: reading.2,
            source,
            retrieved: age.0,
            stale_after_days: age.1,
            cells,
        },
    )
}

fn correction() -> impl Arbitrary<Value = Override> {
    (scorecard_id(), model_id(), figure(), text(), text(), of(moment())).prop_map(
        |(benchmark, model, score, author, reason, expires_at)| Override {
            benchmark,
            model,
            score,
            author,
            reason,
            expires_at,
        },
    )
}

fn blend() -> impl Arbitrary<Value = Blend> {
    let weight = (scorecard_id(), figure(), of(missing())).prop_map(|(benchmark, weight, missing)| BlendWeight {
        benchmark,
        weight,
        missing,
    });
    let names = (blend_id(), organisation_id(), text(), any::<u32>());
    let ranking = (figure(), select(vec![RankBy::Mean, RankBy::Lcb]), figure());
    let gaps = (of(missing()), of(model_id()));
    (names, vec(weight, 0..4), ranking, gaps, vec(correction(), 0..3)).prop_map(
        |(names, weights, ranking, gaps, overrides)| Blend {
            id: names.0,
            organisation: names.1,
            name: names.2,
            version: names.3,
            weights,
            missing: gaps.0,
            boost: ranking.0,
            rank_by: ranking.1,
            z: ranking.2,
            overrides,
            fallback_model: gaps.1,
        },
    )
}

fn scopes() -> impl Arbitrary<Value = Vec<Scope>> {
    vec(select(vec![Scope::Routing, Scope::Platform]), 0..3)
}

fn api_key() -> impl Arbitrary<Value = ApiKey> {
    let routing = (policy_id(), any::<bool>()).prop_map(|(policy, active)| KeyRouting { policy, active });
    let names = (key_id(), organisation_id(), of(project_id()), text(), text());
    let moments = (of(moment()), of(moment()), moment());
    (names, any::<[u8; 32]>(), scopes(), vec(model_id(), 0..3), of(routing), moments).prop_map(
        |(names, hash, scopes, allowed_models, routing, moments)| ApiKey {
            per_user: domain::Limits::default(),
            user: None,
            body_logging: None,
            budget: None,
            limits: domain::Limits::default(),
            id: names.0,
            organisation: names.1,
            project: names.2,
            name: names.3,
            hash: KeyHash(hash),
            hint: names.4,
            scopes,
            allowed_models,
            routing,
            expires_at: moments.0,
            revoked_at: moments.1,
            created_at: moments.2,
        },
    )
}

fn object() -> impl Arbitrary<Value = Object> {
    prop_oneof![
        vec(any::<u8>(), 0..60).prop_map(|bytes| Object::Pepper(SealedBytes(bytes))),
        organisation().prop_map(|it| Object::Organisation(Arc::new(it))),
        project().prop_map(|it| Object::Project(Arc::new(it))),
        provider().prop_map(|it| Object::Provider(Arc::new(it))),
        credential().prop_map(|it| Object::Credential(Arc::new(it))),
        model().prop_map(|it| Object::Model(Arc::new(it))),
        scorecard().prop_map(|it| Object::Scorecard(Arc::new(it))),
        blend().prop_map(|it| Object::Blend(Arc::new(it))),
        policy().prop_map(|it| Object::Policy(Arc::new(it))),
        router().prop_map(|it| Object::Router(Arc::new(it))),
        api_key().prop_map(|it| Object::Key(Arc::new(it))),
    ]
}

fn change() -> impl Arbitrary<Value = Change> {
    prop_oneof![object().prop_map(Change::Put), object().prop_map(|object| Change::Delete(object.key()))]
}

fn features() -> impl Arbitrary<Value = Features> {
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

fn constraints() -> impl Arbitrary<Value = Constraints> {
    let limits = (of(amount()), of(min_quality()));
    (vec(model_id(), 0..3), vec(slug(), 0..3), vec(slug(), 0..3), any::<(bool, bool)>(), limits).prop_map(
        |(models, only_providers, ignored_providers, flags, (max_cost, min_quality))| Constraints {
            models,
            only_providers,
            ignored_providers,
            deny_data_collection: flags.0,
            zero_data_retention: flags.1,
            max_cost,
            min_quality,
        },
    )
}

fn min_quality() -> impl Arbitrary<Value = MinQuality> {
    (1_u32..=100).prop_map(|it| MinQuality::try_new(f64::from(it) / 100.0).unwrap())
}

fn optimal() -> impl Arbitrary<Value = Optimal> {
    let lambda = (0_u32..1000).prop_map(|it| Dial::Lambda(Lambda::try_new(f64::from(it) / 8.0).unwrap()));
    (of(blend_id()), prop_oneof![lambda, min_quality().prop_map(Dial::MinQuality)])
        .prop_map(|(blend, dial)| Optimal { blend, dial })
}

fn labels() -> impl Arbitrary<Value = Labels> {
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

fn facts() -> impl Arbitrary<Value = Facts> {
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

fn route() -> impl Arbitrary<Value = Route> {
    prop_oneof![
        policy_id().prop_map(Route::Policy),
        router_id().prop_map(Route::Router),
        vec(model_id(), 0..3).prop_map(Route::List),
        model_id().prop_map(Route::Direct),
    ]
}

fn call() -> impl Arbitrary<Value = DecideCall> {
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

fn score() -> impl Arbitrary<Value = Score> {
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

fn decision() -> Decision {
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

// === Laws ===

/// A value that went over the wire is the value that was sent.
fn travels<D, M>(value: &D) -> Result<(), TestCaseError>
where
    D: PartialEq + Debug + TryFrom<M, Error = ConvertError>,
    M: prost::Message + Default + for<'a> From<&'a D>,
{
    let bytes = M::from(value).encode_to_vec();
    let back = M::decode(bytes.as_slice()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&D::try_from(back).map_err(|error| TestCaseError::fail(error.to_string()))?, value);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn objects_of_every_kind_travel(object in object()) {
        travels::<Object, pb::Object>(&object)?;
        travels::<ObjectKey, pb::ObjectKey>(&object.key())?;
    }

    #[test]
    fn changes_travel(change in change()) {
        travels::<Change, pb::Change>(&change)?;
    }

    #[test]
    fn decide_calls_travel(call in call()) {
        travels::<DecideCall, routing::DecideRequest>(&call)?;
    }

    #[test]
    fn scores_travel(score in score(), text in text(), truncated: bool, features in features()) {
        travels::<Score, routing::Score>(&score)?;
        let context = text.chars().rev().collect();
        travels::<ScorerInput, routing::ScorerInput>(&ScorerInput { text, context, truncated, features })?;
    }

    #[test]
    fn a_snapshot_is_put_together_as_it_was_cut(
        base in vec(object(), 0..20), changes in vec(change(), 0..10), revision in 1_u64..1000,
    ) {
        let at = |revision| SnapshotVersion { epoch: 7, revision };
        let first = Snapshot::full(at(revision), base);
        let second = first.apply(at(revision + 1), changes.clone());
        let mut assembler = Assembler::new(None);
        for message in full_messages(&first) {
            assembler.take(message).unwrap();
        }
        prop_assert_eq!(assembler.held().unwrap().as_ref(), &first);
        for message in delta_messages(second.version, &changes) {
            assembler.take(message).unwrap();
        }
        prop_assert_eq!(assembler.held().unwrap().as_ref(), &second);
    }
}

#[test]
fn every_outcome_travels() {
    for number in 1..=16 {
        let outcome = routing::AttemptOutcome::try_from(number).unwrap();
        let report = OutcomeReport {
            organisation: OrganisationId::from_random([1; 20]),
            model: ModelId::parse("acme/large").unwrap(),
            credential: Some(CredentialId::from_random([2; 20])),
            outcome: AttemptOutcome::try_from(outcome).unwrap(),
            latency_micros: 1,
            first_token_micros: None,
            output_tokens: Some(2),
            at: Timestamp(3),
        };
        travels::<OutcomeReport, routing::OutcomeReport>(&report).unwrap();
    }
}

#[test]
fn answers_travel_with_and_without_their_parts() {
    let version = SnapshotVersion { epoch: 1, revision: 2 };
    for decision in [None, Some(decision())] {
        for degraded in [None, Some(Degradation::Scorer)] {
            let answer = DecideAnswer { score: None, decision: decision.clone(), version, degraded };
            let message = routing::DecideResponse::try_from(&answer).unwrap();
            assert_eq!(DecideAnswer::try_from(message), Ok(answer));
        }
    }
}

#[test]
fn a_decision_that_contradicts_its_record_is_refused() {
    let message = routing::Decision::try_from(&decision()).unwrap();
    let other_choice = routing::Decision { selected_model: "acme/small".into(), ..message.clone() };
    assert_eq!(Decision::try_from(other_choice).unwrap_err().field, "selected_model");
    let other_order =
        routing::Decision { candidates: message.candidates.iter().rev().cloned().collect(), ..message.clone() };
    assert_eq!(Decision::try_from(other_order).unwrap_err().field, "candidates");
    assert_eq!(Decision::try_from(message), Ok(decision()));
}

#[test]
fn diffs_faults_and_keys_travel() {
    let diff = Diff {
        lines: vec![DiffLine {
            action: Action::Update,
            kind: "policy".into(),
            name: "support".into(),
            changes: vec!["axis: cost -> performance".into()],
        }],
        created_keys: vec![CreatedKey { id: "key_1".into(), name: "ci".into(), key: SecretText::new("sk".into()) }],
        warnings: vec!["a model is disabled".into()],
    };
    travels::<Diff, admin::Diff>(&diff).unwrap();
    let fault = DesiredFault { path: "policies[0].name".into(), message: "is taken".into() };
    assert_eq!(DesiredFault::from(admin::Fault::from(&fault)), fault);
    let spec = KeySpec {
        name: "ci".into(),
        project: Some("web".into()),
        routing: Some(KeyRoutingSpec { policy: "support".into(), active: false }),
        secret: None,
        scopes: vec![Scope::Platform],
        allowed_models: vec![ModelId::parse("acme/large").unwrap()],
        expires_at: Some(Timestamp(5)),
    };
    travels::<KeySpec, admin::CreateKeyRequest>(&spec).unwrap();
}

#[test]
fn an_error_names_the_field_by_its_path() {
    let policy = Policy {
        id: PolicyId::from_random([1; 20]),
        organisation: OrganisationId::from_random([1; 20]),
        name: "support".into(),
        slug: "support".into(),
        version: 1,
        candidates: Candidates::Listed(vec![]),
        strategy: Strategy::Priority {},
        rules: Rules::default(),
        affinity: None,
    };
    let mut message = pb::Policy::from(&policy);
    let models = vec![pb::PolicyModel { model: "gpt".into(), priority: None, weight: None }];
    let listed = pb::candidates::Candidates::Listed(pb::candidates::Listed { models });
    message.candidates = Some(pb::Candidates { candidates: Some(listed) });
    let object = pb::Object { object: Some(pb::object::Object::Policy(message)) };
    let error = Object::try_from(object).unwrap_err();
    assert_eq!(error.field, "policy.candidates.listed.models[0].model");

    let rules_json = br#"[{"priority": 1, "when": {"field": "user", "op": "resembles"}, "use": {"policy": "x"}}]"#;
    let error = Policy::try_from(pb::Policy { rules_json: rules_json.to_vec(), ..(&policy).into() }).unwrap_err();
    assert_eq!(error.field, "rules_json");
    assert!(error.message.contains("rules[0].when.op: `resembles` is not an operator"), "{error}");
    let error = Facts::try_from(routing::Facts { labels_json: b"[1]".to_vec(), ..Default::default() }).unwrap_err();
    assert_eq!(error.field, "labels_json");
}

#[test]
fn a_policy_without_rules_and_a_request_without_labels_say_nothing_of_them() {
    let message = routing::Facts::from(&Facts::default());
    assert!(message.labels_json.is_empty());
    assert_eq!(Facts::try_from(message).unwrap(), Facts::default());
    let policy = pb::Policy {
        id: PolicyId::from_random([1; 20]).to_string(),
        organisation: OrganisationId::from_random([1; 20]).to_string(),
        candidates: Some((&Candidates::All).into()),
        strategy: Some((&Strategy::<BlendId>::Split {}).into()),
        ..Default::default()
    };
    let read = Policy::try_from(policy.clone()).unwrap();
    assert!(read.rules.is_empty());
    assert_eq!(pb::Policy::from(&read), policy);
}

#[test]
fn values_of_a_newer_version_are_refused() {
    let key = pb::ObjectKey { kind: 99, organisation: None, id: "x".into() };
    assert_eq!(ObjectKey::try_from(key).unwrap_err().field, "kind");
}

#[test]
fn complexity_outside_its_range_is_refused() {
    for complexity in [f64::NAN, -0.1, 1.1] {
        let message = routing::Score { complexity, version: "x".into(), ..routing::Score::default() };
        assert_eq!(Score::try_from(message).unwrap_err().field, "complexity");
    }
}

#[test]
fn secrets_do_not_print() {
    let created = admin::CreatedKey { id: "key_1".into(), name: "ci".into(), key: "sk-sb-secret".into() };
    let request = admin::CreateKeyRequest { secret: Some("sk-sb-secret".into()), ..Default::default() };
    let apply = admin::ApplyRequest { document_json: b"sk-sb-secret".to_vec(), ..Default::default() };
    let shown = format!("{created:?} {request:?} {apply:?}");
    assert!(!shown.contains("secret") && !shown.contains("115, 107"), "{shown}");
}

#[test]
fn large_copies_are_cut_into_chunks() {
    let organisation = OrganisationId::from_random([1; 20]);
    let owner = Organisation {
        body_logging: None,
        budget: None,
        id: organisation.clone(),
        name: "acme".into(),
        default_policy: None,
        calibration: None,
    };
    let project = |number: u8| Project {
        budget: None,
        id: ProjectId::from_random([number; 20]),
        organisation: organisation.clone(),
        name: "x".repeat(300_000),
        policy: None,
    };
    let objects = std::iter::once(Object::Organisation(Arc::new(owner)))
        .chain((0..10).map(|number| Object::Project(Arc::new(project(number)))));
    let messages: Vec<_> = full_messages(&Snapshot::full(SnapshotVersion { epoch: 1, revision: 1 }, objects)).collect();
    assert!(messages.len() > 4, "{}", messages.len());
    assert!(messages.iter().all(|message| prost::Message::encoded_len(message) <= CHUNK_BYTES + 16));
}

#[test]
fn what_was_not_committed_is_never_seen() {
    let snapshot = Snapshot::full(SnapshotVersion { epoch: 1, revision: 1 }, []);
    let mut assembler = Assembler::new(Some(Arc::new(snapshot.clone())));
    let next = Snapshot::full(SnapshotVersion { epoch: 2, revision: 1 }, []);
    let begin = full_messages(&next).next().unwrap();
    assert_eq!(assembler.take(begin), Ok(Event::Partial));
    assembler.restart();
    assert_eq!(assembler.held().map(AsRef::as_ref), Some(&snapshot));
}

#[test]
fn a_delta_without_its_base_is_refused() {
    let other_epoch = delta_messages(SnapshotVersion { epoch: 2, revision: 9 }, &[]).swap_remove(0);
    let held = Snapshot::full(SnapshotVersion { epoch: 1, revision: 1 }, []);
    assert!(Assembler::new(Some(Arc::new(held))).take(other_epoch.clone()).is_err());
    assert!(Assembler::new(None).take(other_epoch).is_err());
}
