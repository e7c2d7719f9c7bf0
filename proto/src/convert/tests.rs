//! Round trips of every message that has a domain type, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

mod basics;
mod catalogue;
mod keys;
mod policies;
mod requests;
mod scorecards;

use std::fmt::Debug;
use std::sync::Arc;

use domain::desired::{Action, CreatedKey, DiffLine, KeyRoutingSpec, KeySpec};
use domain::{
    ApiKey, AttemptOutcome, BlendId, BodyLogging, Budget, BudgetMode, BudgetPeriod, Candidates, Change, Credential,
    CredentialId, CredentialKind, Decision, Degradation, DesiredFault, Diff, Facts, KeyId, Limits, ModelId, Money,
    Object, ObjectKey, Organisation, OrganisationId, Policy, PolicyId, Project, ProjectId, Rules, Scope, Score,
    ScorerInput, SecretText, Snapshot, SnapshotVersion, Strategy, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;

use self::basics::text;
use self::keys::{change, object};
use self::requests::{call, decision, features, score};
use super::*;
use crate::pb::{admin::v1 as admin, routing::v1 as routing};
use crate::watch::{Assembler, CHUNK_BYTES, Event, delta_messages, full_messages};
use crate::{DecideAnswer, DecideCall, OutcomeReport};

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
        user: Some("dana".into()),
        limits: Limits { requests_per_minute: Some(600), ..Limits::default() },
        per_user: Limits { total_tokens_per_hour: Some(7), ..Limits::default() },
        budget: Some(Budget { amount: Money::from_pico(1), period: BudgetPeriod::Week, mode: BudgetMode::Soft }),
        body_logging: Some(BodyLogging { retention_days: 7 }),
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
fn what_an_earlier_version_sent_means_what_it_meant_then() {
    let id = |text: &str| text.to_owned();
    let organisation = OrganisationId::from_random([1; 20]).to_string();
    let credential = pb::Credential {
        id: CredentialId::from_random([2; 20]).to_string(),
        organisation: organisation.clone(),
        provider: id("acme"),
        name: id("main"),
        version: 3,
        ..pb::Credential::default()
    };
    let read = Credential::try_from(credential).unwrap();
    assert_eq!((read.kind, read.weight, read.user), (CredentialKind::ApiKey, 1, None));
    let key = pb::Key {
        id: KeyId::from_random([3; 20]).to_string(),
        organisation,
        hash: vec![0; 32],
        budget: Some(pb::Budget { amount_usd: id("50"), period: 3, mode: 0 }),
        ..pb::Key::default()
    };
    let read = ApiKey::try_from(key.clone()).unwrap();
    assert!(read.limits.is_empty() && read.per_user.is_empty() && read.body_logging.is_none());
    assert_eq!(read.budget.unwrap().mode, BudgetMode::Hard, "a budget is hard unless it says otherwise");
    let period = pb::Budget { amount_usd: id("50"), period: 0, mode: 0 };
    let error = ApiKey::try_from(pb::Key { budget: Some(period), ..key }).unwrap_err();
    assert_eq!(error.field, "budget.period");
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
