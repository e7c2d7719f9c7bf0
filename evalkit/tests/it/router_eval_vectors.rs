//! Figures against vectors that were computed independently, from the definitions.

use evalkit::router_eval::selection::{select, utility};
use evalkit::router_eval::{Contender, Curve, Hull, Outcomes, composite};
use evalkit::statistics::calibration::{
    Binning, brier, brier_of_base_rate, expected_error, log_loss, maximal_error, reliability,
};
use evalkit::statistics::ranking::{Ranking, auroc};
use evalkit::statistics::{clustered, intervals, multiplicity, paired, sampling, threshold};
use serde_json::Value;

pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/router_eval.json")).unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    numbers(value).into_iter().map(|number| number > 0.5).collect()
}

#[track_caller]
pub(crate) fn near(found: impl Into<Option<f64>>, expected: &Value) {
    let (found, expected) = (found.into(), expected.as_f64());
    let close = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
        (None, None) => true,
        _ => false,
    };
    assert!(close, "found {found:?}, expected {expected:?}");
}

#[track_caller]
fn near_all(found: impl IntoIterator<Item = f64>, expected: &Value) {
    let found: Vec<f64> = found.into_iter().collect();
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        near(found, expected);
    }
}

/// The toy set, costs in USD per 1,000 calls.
fn toy() -> (Value, Outcomes, Vec<f64>) {
    let toy = vectors()["toy"].clone();
    let cost = |key: &str| 1000.0 * toy[key].as_f64().unwrap();
    let outcomes = Outcomes::with_flat_costs(
        numbers(&toy["weak"]),
        numbers(&toy["strong"]),
        cost("cost_weak_usd"),
        cost("cost_strong_usd"),
    );
    let scores = numbers(&toy["router_score"]);
    (toy, outcomes, scores)
}

#[test]
fn toy_curve_is_exact_in_quality_cost_and_gap() {
    let (toy, outcomes, scores) = toy();
    let curve = Curve::of_scores(&outcomes, &scores).unwrap();
    near_all(curve.points().iter().map(|it| it.quality), &toy["curve_quality_by_k_strong"]);
    near_all(curve.points().iter().map(|it| it.cost), &toy["curve_cost_per_1k_by_k"]);
    near_all(curve.points().iter().map(|it| curve.pgr(it.quality).unwrap()), &toy["pgr_by_k"]);
    near(curve.apgr(), &toy["apgr_trapezoid"]);
    near(curve.apgr_of_steps(10), &toy["apgr_mean_of_10_steps_k1_to_k10"]);
}

#[test]
fn chord_recovers_half_of_the_gap() {
    let (toy, outcomes, _) = toy();
    near(Curve::of_scores(&outcomes, &[0.5; 10]).unwrap().apgr(), &toy["apgr_random"]);
}

#[test]
fn toy_cpt_is_the_first_crossing_although_the_curve_falls_later() {
    let (toy, outcomes, scores) = toy();
    let curve = Curve::of_scores(&outcomes, &scores).unwrap();
    for (level, expected) in toy["cpt"].as_object().unwrap() {
        let level: f64 = level.parse().unwrap();
        near(curve.cpt_step(level), &expected["step"]);
        near(curve.cpt_linear(level), &expected["linear_first_crossing"]);
    }
}

#[test]
fn toy_oracle_makes_exactly_k_calls() {
    let (toy, outcomes, _) = toy();
    let Contender::Scored { ranking, .. } = Contender::oracle(&outcomes) else { panic!("an oracle has scores") };
    let curve = Curve::of_ranking(&outcomes, &ranking).unwrap();
    near_all(curve.points().iter().map(|it| it.quality), &toy["oracle_exactly_k"]);
    near(curve.apgr(), &toy["oracle_exactly_k_apgr"]);
    near(curve.best_quality(), &toy["oracle_quality"]);
    let (low, high) = curve.cost_ends();
    near(curve.hull().unwrap().aiq(low, high), &toy["aiq_oracle"]);
}

#[test]
fn toy_hull_and_what_a_budget_buys() {
    let (toy, outcomes, scores) = toy();
    let curve = Curve::of_scores(&outcomes, &scores).unwrap();
    let hull = curve.hull().unwrap();
    for (vertex, expected) in hull.vertices().iter().zip(toy["ndch_points_cost_quality"].as_array().unwrap()) {
        near(vertex.0, &expected[0]);
        near(vertex.1, &expected[1]);
    }
    let (low, high) = curve.cost_ends();
    near(hull.aiq(low, high), &toy["aiq"]);
    let models = Hull::over([curve.weak(), curve.strong()].map(|it| (it.cost, it.quality)), high).unwrap();
    near(models.aiq(low, high), &toy["aiq_zero_router_models_only"]);
    let budget = &toy["quality_at_budget_3.00_per_1k"];
    near(hull.at(3.0), &budget["hull"]);
    near(curve.best_within(3.0).map(|it| it.quality), &budget["step"]);
    assert_eq!((curve.quality_at_cost(0.1), curve.quality_at_cost(99.0)), (None, Some(0.8)));
    assert!((curve.quality_at_cost(1.67).unwrap() - 0.65).abs() < 1e-9);
    assert_eq!((hull.at(0.1), curve.best_within(0.1)), (None, None));
    let saving = &toy["iso_quality_saving_vs_strong"];
    near(curve.cheapest_reaching(saving["quality"].as_f64().unwrap()).map(|it| it.cost), &saving["cost_per_1k"]);
    near(curve.saving_at_strong_quality(), &saving["saving"]);
}

#[test]
fn toy_threshold_has_regret_utility_and_optimal_choices() {
    let (toy, mut outcomes, scores) = toy();
    for costs in [&mut outcomes.cost_weak, &mut outcomes.cost_strong] {
        for cost in costs.iter_mut() {
            *cost /= 1000.0;
        }
    }
    let expected = &toy["threshold_0.65"];
    let found = select(&outcomes, &scores, Some(0.65), 0.5).unwrap();
    near(found.quality, &expected["quality"]);
    near(found.regret, &expected["quality_regret_vs_oracle"]);
    let chosen = &expected["optimal_selection"];
    assert_eq!((Some(found.best_chosen), Some(found.solvable)), (chosen[0].as_u64(), chosen[1].as_u64()));
    near(found.best_cost_on_solvable, &expected["optimal_cost_on_solvable"]);
    near(found.cost_on_solvable, &expected["router_cost_on_solvable"]);
    let rate = expected["lambda_per_usd"].as_f64().unwrap();
    let found = utility(&outcomes, &scores, Some(0.65), rate).unwrap();
    near(found.mean, &expected["mean_utility"]);
    near(found.oracle, &expected["oracle_mean_utility"]);
    near(found.regret, &expected["utility_regret"]);
}

#[test]
fn hull_of_five_points_drops_the_dent() {
    let vector = &vectors()["aiq_5pt"];
    let points = |key: &str| -> Vec<(f64, f64)> {
        vector[key].as_array().unwrap().iter().map(numbers).map(|pair| (pair[0], pair[1])).collect()
    };
    let hull = Hull::over(points("points"), 10.0).unwrap();
    assert_eq!(hull.vertices(), points("ndch"));
    near(hull.area(1.0, 10.0), &vector["area"]);
    near(hull.aiq(1.0, 10.0), &vector["aiq_divide_by_range"]);
}

#[test]
fn composite_is_clamped_where_its_logarithm_leaves_the_range() {
    for vector in vectors()["routerarena_score_beta0.1"].as_array().unwrap() {
        let cost = vector["cost_per_1k"].as_f64().unwrap();
        if let Some(expected) = vector.get("S") {
            near(composite::cheapness(cost), &vector["C"]);
            near(composite::composite(vector["acc"].as_f64().unwrap(), cost), expected);
        }
    }
    assert_eq!(composite::composite(0.9, 400.0), Some(0.0));
    assert_eq!(composite::cheapness(0.0), Some(1.0));
}

#[test]
fn calibration_matches_in_both_binnings() {
    let vector = &vectors()["calibration"];
    let (p, y) = (numbers(&vector["p"]), flags(&vector["y"]));
    near(brier(&p, &y), &vector["brier"]);
    near(brier_of_base_rate(&y), &vector["brier_climatology"]);
    near(log_loss(&p, &y).map(|it| it.0), &vector["logloss"]);
    near(auroc(&Ranking::with_ties(&p), &y, &[1; 10]), &vector["auroc"]);
    for (binning, name) in [(Binning::EqualWidth, "equal_width"), (Binning::EqualMass, "equal_mass")] {
        let bins = reliability(&p, &y, 5, binning);
        near(expected_error(&bins), &vector[format!("ece_5_{name}")]);
        near(maximal_error(&bins), &vector[format!("mce_5_{name}")]);
    }
}

#[test]
fn tied_scores_break_the_plain_quantile_and_not_the_exact_rule() {
    let vector = &vectors()["threshold_ties"];
    let scores = numbers(&vector["scores"]);
    let target = vector["target_strong_share"].as_f64().unwrap();
    near(threshold::linear(&scores, target), &vector["linear_quantile_threshold"]);
    let rule = threshold::tie_exact(&scores, target).unwrap();
    near(rule.threshold, &vector["linear_quantile_threshold"]);
    assert!((rule.of_ties - 1.0 / 3.0).abs() < 1e-12);
    let share = |chosen: &dyn Fn(f64) -> bool| scores.iter().filter(|it| chosen(**it)).count() as f64 / 5.0;
    near(share(&|score| score >= rule.threshold), &vector["share_ge"]);
    near(share(&|score| score > rule.threshold), &vector["share_gt"]);
    assert!((threshold::share_error(0.3, 1000).unwrap() - 0.0284).abs() < 5e-5);
}

#[test]
fn wilson_keeps_within_zero_and_one() {
    for (counts, expected) in vectors()["stats"]["wilson95"].as_object().unwrap() {
        let (successes, trials) = counts.split_once('/').unwrap();
        let found = intervals::wilson(successes.parse().unwrap(), trials.parse().unwrap(), intervals::Z_95).unwrap();
        near(found.low, &expected[0]);
        near(found.high, &expected[1]);
    }
    assert_eq!(intervals::wilson(0, 0, intervals::Z_95), None);
}

#[test]
fn paired_tests_match() {
    let stats = &vectors()["stats"];
    let found = paired::mcnemar(2, 9);
    near(found.exact, &stats["mcnemar_b2_c9"]["exact_two_sided"]);
    near(found.mid_p, &stats["mcnemar_b2_c9"]["mid_p"]);
    let vector = &stats["paired"];
    let found = paired::difference(&numbers(&vector["a"]), &numbers(&vector["b"])).unwrap();
    near(found.difference, &vector["diff"]);
    near(found.standard_error, &vector["se_paired"]);
    near(found.unpaired_standard_error, &vector["se_unpaired"]);
    for (difference, expected) in stats["n_for_mde_sd_diff_0.4_power_0.8"].as_object().unwrap() {
        let found = paired::items_needed(difference.parse().unwrap(), 0.4, 0.05, 0.8);
        assert_eq!(found, expected.as_u64());
    }
}

#[test]
fn clustered_errors_match() {
    let vector = &vectors()["stats"]["cluster"];
    let x = numbers(&vector["x"]);
    let clusters: Vec<u64> = vector["cluster"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    near(paired::mean(&x), &vector["mean"]);
    let found = clustered::clustered_error(&x, &clusters).unwrap();
    near(found.naive, &vector["se_naive"]);
    near(found.cr0, &vector["se_cr0"]);
    near(found.cr1, &vector["se_cr1_inspect"]);
    near(found.covariance, &vector["se_miller"]);
}

#[test]
fn group_errors_are_not_pooled() {
    let vector = &vectors()["stats"]["group_stderr"];
    let errors = numbers(&vector["se"]);
    let groups: Vec<(u64, f64)> = numbers(&vector["n"]).into_iter().map(|n| n as u64).zip(errors.clone()).collect();
    near(clustered::stratified_error(&groups), &vector["stratified"]);
    near(clustered::macro_error(&errors), &vector["macro_mean"]);
    let pooled = vector["lm_eval_pooled"].as_f64().unwrap();
    assert!((clustered::stratified_error(&groups).unwrap() - pooled).abs() > 1e-6);
}

#[test]
fn adjusted_p_values_and_pass_rates_match() {
    let stats = &vectors()["stats"];
    let p = numbers(&stats["multiplicity"]["p"]);
    near_all(multiplicity::holm(&p), &stats["multiplicity"]["holm"]);
    near_all(multiplicity::benjamini_hochberg(&p), &stats["multiplicity"]["bh"]);
    near(sampling::pass_at_k(10, 3, 1), &stats["pass_at_k_n10_c3"]["k1"]);
    near(sampling::pass_at_k(10, 3, 5), &stats["pass_at_k_n10_c3"]["k5"]);
}
