//! A full copy is any earlier copy and the deltas since, whatever happened in between.

use domain::{ObjectKind, Snapshot, SnapshotVersion};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::story::{Story, desired, furniture, provider};

#[derive(Clone, Debug)]
enum Step {
    Apply(Value),
    Delete(ObjectKind, String),
    Revoke(String),
    Reopen,
}

/// Small names, so that steps meet.
fn step() -> impl Strategy<Value = Step> {
    let name = || (0..3_u8).prop_map(|number| format!("n{number}"));
    let model = || (0..3_u8).prop_map(|number| format!("acme-ai/m{number}"));
    prop_oneof![
        (model(), any::<bool>(), 0.0..1.5_f64).prop_map(|(id, enabled, capability)| Step::Apply(
            json!({"models": [{"id": id, "enabled": enabled, "capability": capability}]})
        )),
        (name(), any::<bool>(), proptest::collection::vec(model(), 0..3)).prop_map(|(name, default, models)| {
            let listed: Vec<Value> = models.iter().map(|model| json!({"model": model})).collect();
            let candidates = if listed.is_empty() { json!("all") } else { json!({"listed": listed}) };
            Step::Apply(json!({"policies": [{"name": name, "default": default, "candidates": candidates,
                                             "strategy": {"type": "split"}}]}))
        }),
        (name(), name())
            .prop_map(|(name, policy)| Step::Apply(json!({"projects": [{"name": name, "policy": policy}]}))),
        (name(), model())
            .prop_map(|(name, model)| Step::Apply(json!({"routers": [{"name": name, "models": [model]}]}))),
        name().prop_map(|name| Step::Apply(json!({"keys": [{"name": name}]}))),
        name().prop_map(|secret| {
            let mut provider = provider("acme-ai");
            provider["credentials"][0]["secret"] = json!(format!("sk-a-long-secret-{secret}"));
            Step::Apply(json!({"providers": [provider]}))
        }),
        (
            prop_oneof![
                Just(ObjectKind::Policy),
                Just(ObjectKind::Project),
                Just(ObjectKind::Router),
                Just(ObjectKind::Key)
            ],
            name()
        )
            .prop_map(|(kind, name)| Step::Delete(kind, name)),
        model().prop_map(|model| Step::Delete(ObjectKind::Model, model)),
        name().prop_map(Step::Revoke),
        Just(Step::Reopen),
    ]
}

/// Takes the steps; those that are refused are no less part of the story.
async fn walk(steps: Vec<Step>) -> Vec<Snapshot> {
    let mut story = Story::furnished().await;
    let mut seen = vec![Snapshot::clone(&story.registry.snapshot())];
    for step in steps {
        match step {
            Step::Apply(file) => drop(
                story.registry.apply(&story.organisation, &desired(file), false, registry::Terms::operator()).await,
            ),
            Step::Delete(kind, name) => {
                drop(story.registry.delete(&story.organisation, kind, &name, registry::Terms::operator()).await);
            }
            Step::Revoke(name) => {
                drop(story.registry.revoke_key(&story.organisation, &name, registry::Terms::operator()).await);
            }
            Step::Reopen => story.reopen().await,
        }
        seen.push(Snapshot::clone(&story.registry.snapshot()));
    }
    let now = story.registry.snapshot();
    for before in &seen {
        let (version, changes) = story.registry.changes_since(before.version).expect("nothing was forgotten");
        assert_eq!(before.apply(version, changes), *now);
    }
    let start = SnapshotVersion { revision: 0, ..now.version };
    let (version, changes) = story.registry.changes_since(start).unwrap();
    assert_eq!(Snapshot::default().apply(version, changes), *now, "from nothing");
    story.reopen().await;
    assert_eq!(*story.registry.snapshot(), *now, "the file holds the same");
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn full_copy_is_any_earlier_copy_and_its_deltas(steps in proptest::collection::vec(step(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seen = runtime.block_on(walk(steps));
        let versions: Vec<_> = seen.iter().map(|snapshot| snapshot.version).collect();
        prop_assert!(versions.is_sorted());
    }
}

#[tokio::test]
async fn another_epoch_or_a_future_revision_needs_a_full_copy() {
    let story = Story::furnished().await;
    let version = story.registry.version();
    assert_eq!(story.registry.changes_since(version), Some((version, Vec::new())));
    assert_eq!(story.registry.changes_since(SnapshotVersion { epoch: version.epoch ^ 1, ..version }), None);
    assert_eq!(story.registry.changes_since(SnapshotVersion { revision: version.revision + 1, ..version }), None);
    assert_eq!(story.registry.changes_since(SnapshotVersion::default()), None);
}

#[tokio::test]
async fn two_registries_have_different_epochs() {
    let (one, other) = (Story::empty().await, Story::empty().await);
    assert_ne!(one.registry.version().epoch, other.registry.version().epoch);
}

#[tokio::test]
async fn full_copy_of_all_objects_makes_the_same_snapshot() {
    let story = Story::furnished().await;
    story.apply(furniture()).await;
    let snapshot = story.registry.snapshot();
    assert_eq!(Snapshot::full(snapshot.version, snapshot.objects()), *snapshot);
}
