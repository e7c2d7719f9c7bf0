//! Checking what a change reaches finds what checking everything finds.

use std::collections::{BTreeSet, HashSet};

use domain::{
    BlendId, Change, CredentialId, KeyId, Object, ObjectKind, OrganisationId, PolicyId, ProjectId, RouterId,
    ScorecardId, Snapshot, SnapshotVersion, Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Reach;
use crate::keys::Keys;
use crate::validate::{Finding, Findings, Proposed, check};

/// The kinds that are drawn, with how many there may be of each.
const KINDS: [(ObjectKind, u8); 10] = [
    (ObjectKind::Organisation, 1),
    (ObjectKind::Project, 2),
    (ObjectKind::Provider, 2),
    (ObjectKind::Credential, 2),
    (ObjectKind::Model, 4),
    (ObjectKind::Scorecard, 3),
    (ObjectKind::Blend, 3),
    (ObjectKind::Policy, 4),
    (ObjectKind::Router, 2),
    (ObjectKind::Key, 3),
];

/// Draws that proptest made, one after the other.
struct Dice(std::vec::IntoIter<u8>);

impl Dice {
    fn below(&mut self, limit: u8) -> u8 {
        self.0.next().unwrap_or(0) % limit
    }

    fn often(&mut self) -> bool {
        self.below(4) > 0
    }

    fn rarely(&mut self) -> bool {
        self.below(4) == 0
    }

    fn models(&mut self) -> Vec<String> {
        let some: BTreeSet<u8> = (0..=self.below(3)).map(|_| self.below(4)).collect();
        some.into_iter().map(model).collect()
    }

    fn policy(&mut self) -> Value {
        if self.rarely() { Value::Null } else { json!(PolicyId::from_random([self.below(4); 20])) }
    }

    fn strategy(&mut self) -> Value {
        match self.below(3) {
            0 => json!({"type": "single", "model": model(self.below(4))}),
            1 => json!({"type": "blend", "blend": BlendId::from_random([self.below(3); 20])}),
            _ => json!({"type": "priority"}),
        }
    }
}

fn organisation() -> OrganisationId {
    OrganisationId::from_random([9; 20])
}

fn model(number: u8) -> String {
    format!("p{}/m{number}", number % 2)
}

fn id(kind: ObjectKind, number: u8) -> String {
    let random = [number; 20];
    match kind {
        ObjectKind::Pepper | ObjectKind::Organisation => organisation().to_string(),
        ObjectKind::Project => ProjectId::from_random(random).to_string(),
        ObjectKind::Provider => format!("p{number}"),
        ObjectKind::Credential => CredentialId::from_random(random).to_string(),
        ObjectKind::Model => model(number),
        ObjectKind::Scorecard => ScorecardId::from_random(random).to_string(),
        ObjectKind::Blend => BlendId::from_random(random).to_string(),
        ObjectKind::Policy => PolicyId::from_random(random).to_string(),
        ObjectKind::Router => RouterId::from_random(random).to_string(),
        ObjectKind::Key => KeyId::from_random(random).to_string(),
    }
}

/// An object of this id with whatever else it may have; what it refers to need not be there.
fn object(kind: ObjectKind, number: u8, dice: &mut Dice) -> Object {
    let scorecard = |number: u8| ScorecardId::from_random([number; 20]);
    let mut value = match kind {
        ObjectKind::Pepper => json!([]),
        ObjectKind::Organisation => json!({"default_policy": dice.policy()}),
        ObjectKind::Project => json!({"policy": dice.policy()}),
        ObjectKind::Provider => json!({"slug": id(kind, number),
            "dialect": if dice.rarely() { "custom" } else { "openai" },
            "base_url": "https://api.example.com/v1", "allow_anonymous": dice.rarely()}),
        ObjectKind::Credential => json!({"provider": format!("p{}", dice.below(2)), "version": 1, "sealed": [],
            "hint": "", "owner": if dice.rarely() { "org" } else { "managed" }}),
        ObjectKind::Model => json!({"native": "m", "enabled": dice.often(), "pricing": {},
            "output_modalities": if dice.rarely() { json!(["image"]) } else { json!([]) }}),
        ObjectKind::Scorecard => {
            let cells: Vec<Value> = dice.models().iter().map(|it| json!({"model": it, "score": 0.5})).collect();
            json!({"metric": "accuracy", "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0},
                   "source": {"kind": "eval"}, "cells": cells})
        }
        ObjectKind::Blend => {
            let benchmark = scorecard(dice.below(3));
            let overrides = if dice.rarely() {
                json!([{"benchmark": benchmark, "model": model(dice.below(4)), "score": 0.5, "author": "a",
                        "reason": "r"}])
            } else {
                json!([])
            };
            let fallback = if dice.rarely() { json!(model(dice.below(4))) } else { Value::Null };
            json!({"weights": [{"benchmark": benchmark, "weight": 1.0}], "overrides": overrides,
                   "fallback_model": fallback})
        }
        ObjectKind::Policy => {
            let listed: Vec<Value> = dice.models().iter().map(|it| json!({ "model": it })).collect();
            let candidates = if dice.rarely() { json!("all") } else { json!({ "listed": listed }) };
            let to = if dice.often() {
                json!({"policy": PolicyId::from_random([dice.below(4); 20])})
            } else {
                json!({"strategy": dice.strategy()})
            };
            let rule = json!({"priority": 1, "when": {"field": "user", "op": "exists"}, "use": to});
            let rules = if dice.rarely() { json!([]) } else { json!([rule]) };
            json!({"slug": format!("p{number}"), "candidates": candidates, "strategy": dice.strategy(), "rules": rules})
        }
        ObjectKind::Router => json!({"models": dice.models(), "policy": dice.policy(),
            "scorecards": [scorecard(dice.below(3))],
            "credentials": if dice.rarely() { json!({"p0": "user"}) } else { json!({}) }}),
        ObjectKind::Key => {
            let project = if dice.rarely() { json!(ProjectId::from_random([dice.below(2); 20])) } else { Value::Null };
            let policy = PolicyId::from_random([dice.below(4); 20]);
            let routing = if dice.rarely() { Value::Null } else { json!({"policy": policy, "active": true}) };
            json!({"hint": "", "hash": vec![number; 32], "scopes": [], "allowed_models": dice.models(),
                   "created_at": 0, "project": project, "routing": routing,
                   "expires_at": if dice.rarely() { json!(1) } else { Value::Null }})
        }
    };
    if let Value::Object(fields) = &mut value {
        fields.entry("name").or_insert_with(|| json!(format!("{kind} {number}")));
        if kind != ObjectKind::Provider {
            fields.insert("id".to_owned(), json!(id(kind, number)));
        }
        if kind != ObjectKind::Organisation {
            fields.insert("organisation".to_owned(), json!(organisation()));
        }
        if matches!(kind, ObjectKind::Provider) {
            fields.remove("name");
        }
    }
    serde_json::from_value(json!({"kind": kind.as_str(), "value": value})).unwrap()
}

/// What a check finds that was not there before. A hint names what else there is, which is no part of what is wrong.
fn fresh(before: &Snapshot, after: &Snapshot, reach: &Reach, saved: Option<(ObjectKind, &str)>) -> [Vec<Finding>; 2] {
    let organisation = organisation();
    let of = |snapshot: &Snapshot, saved: &dyn Fn(ObjectKind, &str) -> bool| {
        let keys = Keys::of(&snapshot.keys, &organisation);
        let (tenant, before) = (&snapshot.tenants[&organisation], &before.tenants[&organisation]);
        let found = check(&Proposed { tenant, before, keys: &keys, reach, now: Timestamp(10), saved });
        let cut = |mut it: Finding| {
            it.message.truncate(it.message.find("; ").unwrap_or(it.message.len()));
            it
        };
        let cut_all = |all: Vec<Finding>| all.into_iter().map(cut).collect::<Vec<_>>();
        Findings { faults: cut_all(found.faults), warnings: cut_all(found.warnings) }
    };
    let known = of(before, &|_, _| false);
    let known: HashSet<Finding> = known.faults.into_iter().chain(known.warnings).collect();
    let found = of(after, &|kind, id| saved == Some((kind, id)));
    [found.faults, found.warnings].map(|all| all.into_iter().filter(|it| !known.contains(it)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn checking_what_a_change_reaches_finds_what_checking_everything_finds(
        draws in prop::collection::vec(any::<u8>(), 400),
        (place, number, is_removal) in (0..KINDS.len(), any::<u8>(), any::<bool>()),
    ) {
        let mut dice = Dice(draws.into_iter());
        let mut objects = Vec::new();
        for (kind, count) in KINDS {
            for number in 0..count {
                if kind == ObjectKind::Organisation || dice.often() {
                    objects.push(object(kind, number, &mut dice));
                }
            }
        }
        let before = Snapshot::full(SnapshotVersion::default(), objects);
        let (kind, count) = KINDS[place];
        let put = object(kind, number % count, &mut dice);
        let change = if is_removal && kind != ObjectKind::Organisation {
            Change::Delete(put.key())
        } else {
            Change::Put(put.clone())
        };
        let saved = matches!(change, Change::Put(_)).then(|| (kind, put.key().id));
        let saved = saved.as_ref().map(|(kind, id)| (*kind, id.as_str()));
        let after = before.apply(SnapshotVersion::default(), [change.clone()]);
        let organisation = organisation();
        let (old, new) = (&before.tenants[&organisation], &after.tenants[&organisation]);
        let keys = Keys::of(&after.keys, &organisation);
        let reach = Reach::of(old, new, &keys, &[change], saved.into_iter());
        let mut all = Reach::all(new, &keys);
        all.0.entry(kind).or_default().insert(put.key().id);
        prop_assert_eq!(fresh(&before, &after, &reach, saved), fresh(&before, &after, &all, saved));
    }
}
