//! What `signalbox blends check` says.

use domain::{BlendId, CapabilityTag, Removal, Removed, Strategy, Timestamp};
use policy::{BlendReport, blend_check};
use serde_json::{Value, json};

use crate::support::{World, filled, id, listed, model};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn report(world: &World, blend: &BlendId) -> BlendReport {
    blend_check(&world.tenant, &world.tenant.blends[blend], None, NOW)
}

fn world(names: &[&str]) -> World {
    World::of(names.iter().map(|it| model(&json!({ "id": it }))))
}

fn tagged(tag: &str) -> Value {
    json!({"capabilities": [tag]})
}

#[test]
fn every_kind_of_work_has_its_winner() {
    let mut world = world(&["a/coder", "a/poet", "a/unscored"]);
    let code = world.scorecard("code", &[("a/coder", 0.9), ("a/poet", 0.4)], &tagged("code"));
    let prose = world.scorecard("prose", &[("a/coder", 0.4), ("a/poet", 0.95)], &tagged("writing"));
    let blend = world.blend(&[(&code, 0.5), (&prose, 0.5)], &json!({}));
    let report = report(&world, &blend);
    let found: Vec<_> = report.verdicts.iter().map(|it| (it.capability, it.winner.as_str())).collect();
    let expected = [(None, "a/poet"), (Some(CapabilityTag::Code), "a/coder"), (Some(CapabilityTag::Writing), "a/poet")];
    assert_eq!(found, expected);
    assert!((report.verdicts[1].score - (0.9 * 2.0 + 0.4) / 3.0).abs() < 1e-12);
    assert_eq!(report.removed.iter().map(|it| it.model.as_str()).collect::<Vec<_>>(), ["a/unscored"]);
}

#[test]
fn ties_are_named_and_go_to_the_cheaper() {
    let price = |id: &str, price: &str| model(&json!({"id": id, "pricing": {"prompt": price, "completion": price}}));
    let mut world = World::of([price("a/dear", "2"), price("a/cheap", "1"), price("a/far", "0")]);
    let exam = world.scorecard("exam", &[("a/dear", 0.805), ("a/cheap", 0.8), ("a/far", 0.5)], &json!({}));
    let blend = world.blend(&[(&exam, 1.0)], &json!({}));
    let verdict = report(&world, &blend).verdicts.remove(0);
    assert_eq!((verdict.winner, verdict.ties), (id("a/cheap"), vec![id("a/dear")]));
}

/// The share of shaken weightings that keep the winner, where x leads y by `lead` on one half and trails on the others.
#[track_caller]
fn check_stability(scores: &[(f64, f64)], expected: impl Fn(f64) -> bool) {
    let mut world = world(&["a/x", "a/y"]);
    let benchmarks: Vec<_> = scores
        .iter()
        .map(|(x, y)| world.scorecard(&format!("b{x}{y}"), &[("a/x", *x), ("a/y", *y)], &json!({})))
        .collect();
    let weight = 1.0 / scores.len() as f64;
    let weights: Vec<_> = benchmarks.iter().map(|it| (it, weight)).collect();
    let blend = world.blend(&weights, &json!({}));
    let verdict = report(&world, &blend).verdicts.remove(0);
    assert!(expected(verdict.stability), "{}", verdict.stability);
    assert_eq!(report(&world, &blend).verdicts[0], verdict);
}

#[test]
fn stability_is_the_share_of_shaken_weights_that_keep_the_winner() {
    check_stability(&[(0.9, 0.5), (0.8, 0.6)], |share| (share - 1.0).abs() < 1e-12);
    // x leads by .4 and trails by .34. It loses where its benchmark is lighter and the other is not: 2 of 9. With its
    // benchmark as it was and the other heavier, the two tie, and the id decides.
    check_stability(&[(0.9, 0.5), (0.5, 0.84)], |share| (share - 7.0 / 9.0).abs() < 1e-12);
    // Seven benchmarks are drawn, not gridded.
    let many = [(0.9, 0.5), (0.5, 0.86), (0.6, 0.6), (0.7, 0.7), (0.1, 0.1), (0.2, 0.2), (0.3, 0.3)];
    check_stability(&many, |share| share > 0.5 && share < 1.0 && (share * 1000.0).fract().abs() < 1e-9);
}

#[test]
fn winner_that_rests_on_stand_ins_is_told() {
    let mut world = world(&["a/measured", "a/guessed"]);
    let code = world.scorecard("code", &[("a/measured", 0.8)], &json!({"version": "2"}));
    let prose = world.scorecard("prose", &[("a/measured", 0.5), ("a/guessed", 0.9)], &json!({}));
    let blend = world.blend(&[(&code, 0.5), (&prose, 0.5)], &json!({"missing": "median"}));
    let verdict = report(&world, &blend).verdicts.remove(0);
    assert_eq!((verdict.winner, verdict.imputed), (id("a/guessed"), vec!["code".to_owned()]));
}

#[test]
fn old_scores_and_ended_overrides_are_told() {
    let mut world = world(&["a/x"]);
    let old = json!({"source": {"kind": "published", "date": "2020-01-01"}, "stale_after_days": 365});
    let old = world.scorecard("old", &[("a/x", 0.8)], &old);
    let new = world.scorecard("new", &[("a/x", 0.8)], &json!({"stale_after_days": 365, "retrieved": "2023-11-01"}));
    let base = json!({"benchmark": old, "model": "a/x", "score": 0.1, "author": "d", "reason": "r"});
    let ended = |end: i64| filled(base.clone(), &json!({ "expires_at": end }));
    let overrides = json!([ended(NOW.0 + 1), ended(NOW.0)]);
    let blend = world.blend(&[(&old, 0.5), (&new, 0.5)], &json!({ "overrides": overrides }));
    let report = report(&world, &blend);
    assert_eq!((report.stale, report.expired_overrides), (vec!["old".to_owned()], vec![1]));
    assert!((report.verdicts[0].score - 0.45).abs() < 1e-12);
}

#[test]
fn blend_that_covers_nobody_has_no_winner() {
    let mut world = world(&["a/x"]);
    let exam = world.scorecard("exam", &[("b/other", 0.8)], &tagged("code"));
    let blend = world.blend(&[(&exam, 1.0)], &json!({}));
    assert_eq!(report(&world, &blend).verdicts, []);
}

#[test]
fn distance_that_may_be_chance_is_no_lead() {
    let mut world = world(&["a/best", "a/near", "a/far"]);
    let n = |model: &str, score: f64| json!({"model": model, "score": score, "n": 400});
    let cells = json!({"cells": [n("a/best", 0.8), n("a/near", 0.77), n("a/far", 0.6)]});
    let exam = world.scorecard("exam", &[], &cells);
    let blend = world.blend(&[(&exam, 1.0)], &json!({}));
    let report = report(&world, &blend);
    // Standard errors of .02 and .021: .03 is one of their .029, .2 is seven.
    assert_eq!((&report.verdicts[0].ties[..], &report.verdicts[0].not_significant[..]), (&[][..], &[id("a/near")][..]));
    assert_eq!(report.candidates, [id("a/best"), id("a/near"), id("a/far")]);
}

#[test]
fn only_a_policys_candidates_compete_and_the_disabled_are_told() {
    let mut world = World::of([
        model(&json!({"id": "a/best"})),
        model(&json!({"id": "a/off", "enabled": false})),
        model(&json!({"id": "a/good"})),
    ]);
    let exam = world.scorecard("exam", &[("a/best", 0.9), ("a/off", 0.8), ("a/good", 0.7)], &json!({}));
    let blend = world.blend(&[(&exam, 1.0)], &json!({}));
    let policy = world.policy("p", listed(&["a/off", "a/good"]), Strategy::Priority {});
    let (blend, policy) = (&world.tenant.blends[&blend], &world.tenant.policies[&policy]);
    let report = blend_check(&world.tenant, blend, Some(policy), NOW);
    assert_eq!(report.verdicts[0].winner, id("a/good"));
    assert_eq!(report.removed, [Removed { model: id("a/off"), reason: Removal::Disabled }]);
}
