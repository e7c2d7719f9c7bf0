//! Figures on the routing sets: how much of the gap between two models the scorer's order recovers.

use super::chance::Chance;
use super::data::Bench;
use super::row::{Goal, Row, Unit};
use crate::router_eval::report::{Data, Figure, Report};
use crate::router_eval::{Baseline, Inputs, Measure, Settings, evaluate};

/// Replicates for baselines, whose intervals matter less.
const RIVAL_REPLICATES: u32 = 200;

/// What is asked on a set: must and aim of APGR.
fn goals(set: &str) -> (f64, f64) {
    match set {
        "mmlu" => (0.600, 0.62),
        "gsm8k" => (0.610, 0.64),
        _ => (0.70, 0.80),
    }
}

/// The rows of a set for one output of the scorer. `rivals` are baselines' words on the same prompts.
pub fn rows(
    set: &'static str,
    bench: &Bench,
    signal: &str,
    said: &[f64],
    rivals: &[(&'static str, Vec<f64>)],
    chance: &Chance,
) -> Vec<Row> {
    let group = "routing between two models";
    let named = |what: &str| format!("APGR {set}, {signal}, {what}");
    let Some(report) = judge(bench, said, vec![Baseline::Random, Baseline::Length], chance) else {
        return Vec::new();
    };
    let (must, aim) = goals(set);
    let baseline = |name: &str| report.baselines.iter().find(|it| it.name == name);
    let length = baseline("length").map(|it| it.figure(Measure::Apgr)).unwrap_or_default();
    let runs = baseline("random").and_then(|it| it.runs);
    let random = Figure { value: runs.and_then(|it| it.apgr_mean), interval: None };
    let mut exact = Row::new(group, named("exact curve"), Unit::Plain, report.router.figure(Measure::Apgr))
        .of(bench.ids.len())
        .must(Goal::AtLeast(must))
        .aim(Goal::AtLeast(aim))
        .beside("random", random)
        .beside("length", length);
    if let Some(deviation) = runs.and_then(|it| it.apgr_deviation) {
        exact = exact.note(format!("{set}: coins differ by {deviation:.3} (standard deviation)"));
    }
    let points = |report: &crate::router_eval::report::ContenderReport| {
        let value = report.eleven.as_ref().and_then(|it| it.apgr);
        Figure { value, interval: None }
    };
    let mut eleven = Row::new(group, named("eleven points"), Unit::Plain, points(&report.router))
        .of(bench.ids.len())
        .must(Goal::AtLeast(must))
        .aim(Goal::AtLeast(aim))
        .beside("random", Figure { value: runs.and_then(|it| it.eleven_mean), interval: None })
        .beside("length", baseline("length").map(points).unwrap_or_default());
    for (name, values) in rivals {
        let fewer = Chance { replicates: chance.replicates.min(RIVAL_REPLICATES), ..*chance };
        if let Some(rival) = judge(bench, values, Vec::new(), &fewer) {
            exact = exact.beside(name, rival.router.figure(Measure::Apgr));
            eleven = eleven.beside(name, points(&rival.router));
        }
    }
    let difference = report.differences.iter().find(|it| it.baseline == "length");
    let difference = difference.map(|it| it.figure(Measure::Apgr)).unwrap_or_default();
    let mut less = Row::new(group, named("less that of length, paired"), Unit::Plain, difference).of(bench.ids.len());
    less = if set == "mmlu" { less.must(Goal::LowerEndAbove(0.0)) } else { less.aim(Goal::LowerEndAbove(0.0)) };
    vec![exact, eleven, less]
}

fn judge(bench: &Bench, scores: &[f64], baselines: Vec<Baseline>, chance: &Chance) -> Option<Report> {
    let inputs = Inputs {
        ids: bench.ids.clone(),
        bytes: bench.texts.iter().map(|text| text.len() as u64).collect(),
        outcomes: bench.outcomes.clone(),
        scores: scores.to_vec(),
        strong: "strong".to_owned(),
        weak: "weak".to_owned(),
        data: Data::default(),
        ..Inputs::default()
    };
    let settings = Settings {
        baselines,
        replicates: chance.replicates,
        seed: chance.seed,
        budget: None,
        right_from: 0.5,
        quality_per_cost: None,
        cluster_field: None,
    };
    evaluate(&inputs, &settings, &mut |_| {})
}
