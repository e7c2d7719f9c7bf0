//! Figures on the public outcome files against published and independently recomputed ones.
//!
//! The files are not part of the repository; without them these tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};

use evalkit::router_eval::eleven::eleven;
use evalkit::router_eval::read::{AllOutcomes, PromptOptions, Prompts};
use evalkit::router_eval::{Contender, Curve, Outcomes};
use evalkit::statistics::clustered::clustered_error;
use evalkit::statistics::paired::{difference, mean, variance};
use evalkit::statistics::ranking::Ranking;
use evalkit::statistics::sampling::{mix, uniform};
use serde_json::Value;

use crate::router_eval_vectors::{near, vectors};

const STRONG: &str = "gpt-4-1106-preview";
const WEAK: &str = "mistralai/Mixtral-8x7B-Instruct-v0.1";

/// Where data of all projects lies, if it does.
pub(crate) fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/routellm-bench");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
}

struct Bench {
    outcomes: Outcomes,
    bytes: Vec<f64>,
    clusters: Vec<String>,
}

/// A benchmark in file order.
fn bench(folder: &Path, name: &str, exclude_contaminated: bool, cluster: Option<&str>) -> Bench {
    let open = |kind: &str| datasets::rows::open(&folder.join(format!("{name}-{kind}.jsonl.zst"))).unwrap();
    let options = PromptOptions { exclude_contaminated, first_turn: true, cluster_field: cluster.map(str::to_owned) };
    let (mut prompts, mut all) = (Prompts::default(), AllOutcomes::default());
    prompts.read(open("prompts"), "prompts", &options).unwrap();
    all.read(open("outcomes"), "outcomes", &prompts).unwrap();
    let scores = |model: &str| (0..prompts.rows.len()).map(|place| all.models[model][&place].score).collect();
    Bench {
        outcomes: Outcomes::with_flat_costs(scores(WEAK), scores(STRONG), 0.0, 1.0),
        bytes: prompts.rows.iter().map(|row| row.text.len() as f64).collect(),
        clusters: prompts.rows.into_iter().filter_map(|row| row.cluster).collect(),
    }
}

fn expected(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["recomputed_from_this_data"].clone()
}

#[track_caller]
fn within(found: Option<f64>, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!(found.is_some_and(|found| (found - expected).abs() <= tolerance), "found {found:?}, expected {expected}");
}

#[test]
fn models_and_oracles_match_the_recomputed_figures() {
    let Some(folder) = data() else { return };
    for (name, expected) in expected(&folder).as_object().unwrap() {
        let Bench { outcomes, .. } = bench(&folder, name, true, None);
        assert_eq!(Some(outcomes.len() as u64), expected["n_after_decontamination"].as_u64(), "{name}");
        within(mean(&outcomes.strong), &expected["strong"], 5.1e-6);
        within(mean(&outcomes.weak), &expected["weak"], 5.1e-6);
        let share = |better: &dyn Fn(f64) -> bool| {
            Some(outcomes.gains().into_iter().filter(|gain| better(*gain)).count() as f64 / outcomes.len() as f64)
        };
        within(share(&|gain| gain > 0.0), &expected["share_strong_better"], 5e-5);
        within(share(&|gain| gain < 0.0), &expected["share_weak_better"], 5e-5);

        let Contender::Scored { ranking, scores } = Contender::oracle(&outcomes) else { panic!("it has scores") };
        let curve = Curve::of_ranking(&outcomes, &ranking).unwrap();
        within(curve.apgr(), &expected["oracle_exact_APGR_CPT50min_CPT80min"][0], 5.1e-5);
        within(Some(curve.best_quality()), &expected["oracle_best_quality"], 5.1e-6);
        within(curve.never_falling().apgr_between_ends_of(&curve), &expected["oracle_unforced_APGR"], 5.1e-5);
        let published = eleven(&outcomes, &scores).unwrap();
        let rank10 = &expected["oracle_rank10_APGR_CPT50min_CPT80min"];
        within(published.apgr, &rank10[0], 5.1e-5);
        within(published.cpt50.map(|share| 100.0 * share), &rank10[1], 0.006);
        within(published.cpt80.map(|share| 100.0 * share), &rank10[2], 0.006);
    }
}

#[test]
fn length_baseline_matches_the_published_procedure() {
    let Some(folder) = data() else { return };
    for (name, expected) in expected(&folder).as_object().unwrap() {
        let Bench { outcomes, bytes, .. } = bench(&folder, name, true, None);
        let found = eleven(&outcomes, &bytes).unwrap();
        let length = &expected["prompt_length_baseline_APGR_CPT50_CPT80"];
        // The recomputed figures broke ties between equal lengths at random: that moves APGR in the third place.
        within(found.apgr, &length[0], 0.0015);
        within(found.cpt50.map(|share| 100.0 * share), &length[1], 0.55);
        within(found.cpt80.map(|share| 100.0 * share), &length[2], 0.55);
        // A router that knows who fails: two scores, so that one block is split by the straight line of a coin.
        let fails: Vec<f64> = outcomes.weak.iter().map(|weak| 1.0 - weak).collect();
        within(Curve::of_scores(&outcomes, &fails).unwrap().apgr(), &expected["weak_fails_oracle_APGR"], 0.0125);
    }
}

#[test]
fn coins_scatter_as_the_recomputed_ones_do() {
    let Some(folder) = data() else { return };
    for (name, expected) in expected(&folder).as_object().unwrap() {
        let Bench { outcomes, .. } = bench(&folder, name, true, None);
        let run = |run: u64| {
            let scores: Vec<f64> = (0..outcomes.len() as u64).map(|item| uniform(mix(mix(run) ^ item))).collect();
            eleven(&outcomes, &scores).unwrap().apgr.unwrap()
        };
        let runs: Vec<f64> = (0..50).map(run).collect();
        let deviation = variance(&runs).unwrap().sqrt();
        let random = &expected["random_mean_APGR_CPT50_CPT80"];
        within(mean(&runs), &random[0], 4.0 * deviation * (1.0_f64 / 50.0 + 1.0 / 100.0).sqrt());
        assert!((deviation / expected["random_sd_APGR"].as_f64().unwrap() - 1.0).abs() < 0.4, "{name}: {deviation}");
    }
}

#[test]
fn cluster_oracle_matches_where_clusters_are_known() {
    let Some(folder) = data() else { return };
    let expected = expected(&folder);
    for (name, field, key, tolerance) in [
        ("mmlu", "domain", "domain_mean_gap_oracle_APGR_CPT50_CPT80", 0.002),
        // 72 prompts in 8 categories: how ties are broken moves this much.
        ("mt_bench", "category", "category_mean_gap_oracle_APGR_CPT50_CPT80", 0.025),
    ] {
        let Bench { outcomes, clusters, .. } = bench(&folder, name, true, Some(field));
        let Contender::Scored { scores, .. } = Contender::cluster(&outcomes, &clusters) else {
            panic!("it has scores")
        };
        within(eleven(&outcomes, &scores).unwrap().apgr, &expected[name][key][0], tolerance);
    }
}

#[test]
fn byte_length_router_matches_the_vectors_with_and_without_ties() {
    let Some(folder) = data() else { return };
    let vectors = vectors();
    for (name, exclude, key) in [
        ("gsm8k", false, "gsm8k"),
        ("gsm8k", true, "gsm8k_decontaminated"),
        ("mmlu", false, "mmlu"),
        ("mmlu", true, "mmlu_decontaminated"),
    ] {
        let expected = &vectors["real_data"][key];
        let Bench { outcomes, bytes, .. } = bench(&folder, name, exclude, None);
        assert_eq!(Some(outcomes.len() as u64), expected["n"].as_u64());
        near(mean(&outcomes.weak), &expected["weak_acc"]);
        near(mean(&outcomes.strong), &expected["strong_acc"]);
        let best: Vec<f64> =
            outcomes.weak.iter().zip(&outcomes.strong).map(|(weak, strong)| weak.max(*strong)).collect();
        near(mean(&best), &expected["oracle_acc"]);
        near(difference(&outcomes.strong, &outcomes.weak).map(|it| it.standard_error), &expected["paired_diff_se"]);
        let count = |wanted: f64| outcomes.gains().iter().filter(|gain| (**gain - wanted).abs() < 1e-9).count() as u64;
        assert_eq!(Some(count(1.0)), expected["fixed_by_strong"].as_u64());
        assert_eq!(Some(count(-1.0)), expected["broken_by_strong"].as_u64());

        let stable = Curve::of_ranking(&outcomes, &Ranking::in_file_order(&bytes)).unwrap();
        near(stable.apgr(), &expected["apgr_trapz"]);
        near(stable.cpt_step(0.5), &expected["cpt50"]);
        near(stable.cpt_step(0.8), &expected["cpt80"]);
        let calls = |level: f64| stable.cpt_step(level).map(|share| (share * outcomes.len() as f64).round());
        near(calls(0.5), &expected["cpt50_step_calls"]);
        near(calls(0.8), &expected["cpt80_step_calls"]);
        let Contender::Scored { ranking, .. } = Contender::oracle(&outcomes) else { panic!("it has scores") };
        let oracle = Curve::of_ranking(&outcomes, &ranking).unwrap();
        near(oracle.never_falling().apgr_between_ends_of(&oracle), &expected["oracle_at_most_k_apgr"]);

        let Some(ties) = expected.get("tie_blocks") else { continue };
        let curve = Curve::of_scores(&outcomes, &bytes).unwrap();
        assert_eq!(Some(curve.points().len() as u64 - 1), ties["distinct_thresholds"].as_u64());
        near(curve.apgr(), &ties["apgr_trapz_tie_blocks"]);
        for (level, name) in [(0.5, "cpt50"), (0.8, "cpt80")] {
            near(curve.cpt_step(level), &ties[format!("{name}_step")]);
            near(curve.cpt_linear(level), &ties[format!("{name}_linear")]);
        }
    }
}

#[test]
fn subjects_widen_the_error_sixfold() {
    let Some(folder) = data() else { return };
    let real = &vectors()["real_data"];
    let Bench { outcomes, clusters, .. } = bench(&folder, "mmlu", false, Some("domain"));
    let strong = clustered_error(&outcomes.strong, &clusters).unwrap();
    let expected = &real["mmlu_strong_se"];
    near(strong.clusters as f64, &expected["clusters"]);
    near(strong.naive, &expected["naive"]);
    near(strong.cr0, &expected["cluster_cr0"]);
    near(strong.cr1, &expected["cluster_cr1"]);
    let gap = clustered_error(&outcomes.gains(), &clusters).unwrap();
    let expected = &real["mmlu_paired_diff"];
    near(mean(&outcomes.gains()), &expected["diff"]);
    near(gap.naive, &expected["se_naive"]);
    near(gap.cr1, &expected["se_cluster_cr1"]);
}
