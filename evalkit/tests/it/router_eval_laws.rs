//! Laws that hold for any outcomes and any scores.

use evalkit::router_eval::{Baseline, Contender, Curve, Inputs, Measure, Outcomes, Report, Settings, evaluate};
use evalkit::statistics::ranking::Ranking;
use evalkit::statistics::sampling::{key, mix, uniform};
use proptest::prelude::*;

type Row = (f64, f64, f64);

/// Weak and strong quality in quarters, and a score with ties.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0_u8..=4, 0_u8..=4, 0_u8..12)
        .prop_map(|(weak, strong, score)| (f64::from(weak) / 4.0, f64::from(strong) / 4.0, f64::from(score)));
    proptest::collection::vec(row, 2..60)
}

fn outcomes(rows: &[Row]) -> Outcomes {
    let (weak, strong) = rows.iter().map(|row| (row.0, row.1)).unzip();
    Outcomes::with_flat_costs(weak, strong, 0.2, 10.0)
}

fn curve(rows: &[Row], score: impl Fn(f64) -> f64) -> Curve {
    Curve::of_scores(&outcomes(rows), &rows.iter().map(|row| score(row.2)).collect::<Vec<_>>()).unwrap()
}

fn shape(curve: &Curve) -> Vec<(f64, f64, f64)> {
    curve.points().iter().map(|point| (point.share, point.quality, point.cost)).collect()
}

fn is_near(left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => (left - right).abs() < 1e-9,
        (None, None) => true,
        _ => false,
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

proptest! {
    #[test]
    fn curve_ends_at_the_models_means(rows in rows()) {
        let curve = curve(&rows, |score| score);
        prop_assert!((curve.weak().quality - mean(rows.iter().map(|row| row.0))).abs() < 1e-12);
        prop_assert!((curve.strong().quality - mean(rows.iter().map(|row| row.1))).abs() < 1e-12);
        prop_assert!((curve.strong().share - 1.0).abs() < 1e-12 && (curve.strong().cost - 10.0).abs() < 1e-9);
    }

    #[test]
    fn order_of_prompts_does_not_matter(rows in rows(), seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| mix(row.0.to_bits() ^ row.1.to_bits().rotate_left(7) ^ row.2.to_bits() ^ seed));
        let (there, back) = (curve(&rows, |score| score), curve(&shuffled, |score| score));
        prop_assert!(is_near(there.apgr(), back.apgr()));
        prop_assert!(is_near(there.cpt_step(0.5), back.cpt_step(0.5)));
        prop_assert!(is_near(there.cpt_linear(0.8), back.cpt_linear(0.8)));
    }

    #[test]
    fn strictly_rising_maps_of_the_score_change_nothing(rows in rows()) {
        let plain = shape(&curve(&rows, |score| score));
        prop_assert_eq!(&plain, &shape(&curve(&rows, |score| (score / 3.0).exp() - 40.0)));
        prop_assert_eq!(&plain, &shape(&curve(&rows, |score| 1.0 / (1.0 + (-score).exp()))));
    }

    #[test]
    fn no_router_beats_the_oracle_at_any_share(rows in rows()) {
        let outcomes = outcomes(&rows);
        let Contender::Scored { ranking, .. } = Contender::oracle(&outcomes) else { panic!("an oracle has scores") };
        let oracle = Curve::of_ranking(&outcomes, &ranking).unwrap();
        for point in curve(&rows, |score| score).points() {
            prop_assert!(oracle.quality_at(point.share) >= point.quality - 1e-9);
        }
    }

    #[test]
    fn score_turned_round_mirrors_the_area(rows in rows()) {
        let (there, back) = (curve(&rows, |score| score), curve(&rows, |score| -score));
        if let (Some(there), Some(back)) = (there.apgr(), back.apgr()) {
            prop_assert!((there + back - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn hull_never_lies_below_its_curve(rows in rows()) {
        let curve = curve(&rows, |score| score);
        let hull = curve.hull().unwrap();
        for point in curve.points() {
            prop_assert!(hull.at(point.cost).unwrap() >= point.quality - 1e-9);
        }
        let (low, high) = curve.cost_ends();
        prop_assert!(hull.aiq(low, high).unwrap() <= curve.never_falling().best_quality() + 1e-9);
    }

    #[test]
    fn mixing_never_needs_more_than_stepping(rows in rows(), level in 0.05..1.5_f64) {
        let curve = curve(&rows, |score| score);
        match (curve.cpt_linear(level), curve.cpt_step(level)) {
            (Some(mixed), Some(step)) => prop_assert!(mixed <= step + 1e-12),
            (mixed, step) => prop_assert_eq!(mixed, step),
        }
    }

    #[test]
    fn parting_ties_any_way_keeps_the_curve_through_the_block_ends(rows in rows()) {
        let outcomes = outcomes(&rows);
        let scores: Vec<f64> = rows.iter().map(|row| row.2).collect();
        let parted = Curve::of_ranking(&outcomes, &Ranking::in_file_order(&scores)).unwrap();
        for point in curve(&rows, |score| score).points() {
            prop_assert!((parted.quality_at(point.share) - point.quality).abs() < 1e-9);
        }
    }
}

fn inputs(n: u64, signal: f64, salt: u64) -> Inputs {
    let draw = |item: u64, what: u64| uniform(mix(key(&format!("{salt}/{item}")) ^ what));
    let rows: Vec<Row> = (0..n)
        .map(|item| {
            let hard = draw(item, 1);
            let right = |chance: f64, what: u64| f64::from(u8::from(draw(item, what) < chance));
            (right(1.0 - hard, 2), right(1.0 - 0.3 * hard, 3), signal * hard + (1.0 - signal) * draw(item, 4))
        })
        .collect();
    Inputs {
        ids: (0..n).map(|item| format!("{salt}/{item}")).collect(),
        bytes: (0..n).map(|item| (draw(item, 5) * 500.0) as u64).collect(),
        outcomes: outcomes(&rows),
        scores: rows.iter().map(|row| row.2).collect(),
        strong: "big".to_owned(),
        weak: "small".to_owned(),
        ..Inputs::default()
    }
}

fn report(inputs: &Inputs, replicates: u32) -> Report {
    let settings = Settings {
        baselines: Baseline::ALL.to_vec(),
        replicates,
        seed: 3,
        budget: None,
        right_from: 0.5,
        quality_per_cost: None,
        cluster_field: None,
    };
    evaluate(inputs, &settings, &mut |_| ()).unwrap()
}

#[test]
fn intervals_of_a_coin_hold_one_half_about_as_often_as_they_say() {
    let holds = |salt: &u64| {
        let interval = report(&inputs(150, 0.0, *salt), 150).router.figure(Measure::Apgr).interval.unwrap();
        interval.low <= 0.5 && interval.high >= 0.5
    };
    let held = (0..60).filter(holds).count();
    assert!((50..=60).contains(&held), "{held} of 60");
}

#[test]
fn coin_is_not_called_better_than_a_coin() {
    let found = report(&inputs(400, 0.0, 8), 200);
    let text = evalkit::router_eval::table::render(&found);
    let words: Vec<&str> = text.lines().filter(|line| line.starts_with("| random ") && line.contains('[')).collect();
    assert_eq!(words.len(), 5, "{text}");
    assert!(words.iter().all(|line| !line.contains("better") && !line.contains("worse")), "{words:?}");
    assert!(words.iter().any(|line| line.contains("AIQ") && line.contains("never lower")), "{words:?}");
}

#[test]
fn good_router_is_told_apart_and_a_copy_of_a_baseline_is_not() {
    let mut good = inputs(600, 0.9, 1);
    let against = |report: &Report, name: &str| {
        let difference = report.differences.iter().find(|it| it.baseline == name).unwrap();
        difference.figure(Measure::Apgr)
    };
    let found = report(&good, 200);
    assert!(against(&found, "random").interval.unwrap().low > 0.0);
    assert!(against(&found, "oracle").interval.unwrap().high < 0.0);
    good.scores = good.bytes.iter().map(|bytes| *bytes as f64).collect();
    let interval = against(&report(&good, 200), "length").interval.unwrap();
    assert!(interval.low.abs() < 1e-12 && interval.high.abs() < 1e-12);
}

#[test]
fn same_prompts_in_another_order_give_the_same_intervals() {
    let there = inputs(200, 0.5, 2);
    let mut back = there.clone();
    back.ids.reverse();
    back.bytes.reverse();
    back.scores.reverse();
    for values in [
        &mut back.outcomes.weak,
        &mut back.outcomes.strong,
        &mut back.outcomes.cost_weak,
        &mut back.outcomes.cost_strong,
    ] {
        values.reverse();
    }
    let (there, back) = (report(&there, 100), report(&back, 100));
    for measure in Measure::ALL {
        let (left, right) = (there.router.figure(measure), back.router.figure(measure));
        assert!(is_near(left.value, right.value), "{measure:?}");
        assert!(is_near(left.interval.map(|it| it.low), right.interval.map(|it| it.low)), "{measure:?}");
        assert!(is_near(left.interval.map(|it| it.high), right.interval.map(|it| it.high)), "{measure:?}");
    }
}

#[test]
fn equal_models_leave_the_gap_undefined_and_say_so() {
    let mut equal = inputs(100, 0.5, 4);
    equal.outcomes.strong = equal.outcomes.weak.clone();
    let found = report(&equal, 100);
    for measure in [Measure::Apgr, Measure::Cpt50, Measure::Cpt80Linear] {
        assert_eq!((found.router.figure(measure).value, found.router.figure(measure).interval), (None, None));
    }
    assert!(found.notes.iter().any(|note| note.contains("undefined")), "{:?}", found.notes);
    assert!(!serde_json::to_string(&found).unwrap().contains("NaN"));
}

#[test]
fn one_score_for_all_is_the_chord_and_is_said() {
    let mut blind = inputs(100, 0.5, 5);
    blind.scores.fill(0.5);
    let found = report(&blind, 50);
    assert!(is_near(found.router.figure(Measure::Apgr).value, Some(0.5)));
    assert!(is_near(found.router.figure(Measure::AurocWeakWrong).value, Some(0.5)));
    assert!(found.notes.iter().any(|note| note.contains("same score")));
    assert_eq!(found.length_correlation, None);
}

#[test]
fn weak_model_that_is_never_wrong_has_no_calibration() {
    let mut perfect = inputs(60, 0.5, 6);
    perfect.outcomes.weak.fill(1.0);
    perfect.outcomes.strong.fill(1.0);
    let found = report(&perfect, 50);
    assert!(found.calibration.is_none());
    assert_eq!(found.router.figure(Measure::AurocWeakWrong).value, None);
}

#[test]
fn budget_below_every_model_buys_nothing() {
    let inputs = inputs(60, 0.5, 7);
    let settings = Settings {
        baselines: vec![],
        replicates: 0,
        seed: 1,
        budget: Some(0.1),
        right_from: 0.5,
        quality_per_cost: Some(0.01),
        cluster_field: None,
    };
    let found = evaluate(&inputs, &settings, &mut |_| ()).unwrap();
    assert_eq!(found.router.figure(Measure::QualityAtBudget).value, None);
    assert!(found.operating_point.is_none() && found.router.figure(Measure::Apgr).interval.is_none());
}
