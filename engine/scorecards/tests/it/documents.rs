//! Documents: our own format, Every Eval Ever, boards of Aider.

use domain::{Direction, Normalisation, SourceKind};
use scorecards::FlagKind;
use serde_json::{Value, json};

use crate::support::{check_read, check_refused, count, read};

fn own() -> Value {
    json!({
        "schema": "evalkit.scorecard/1", "id": "x", "created_at": "2026-11-22T00:00:00Z",
        "producer": {"name": "t", "version": "1"},
        "benchmarks": [{"id": "exam", "version": "2", "kind": "eval", "capabilities": ["code"],
            "metric": {"id": "acc", "direction": "higher", "scale": "linear", "min": 0, "max": 1}}],
        "models": [{"id": "openai/gpt-5", "variant": {"reasoning_effort": "high"}}, {"id": "openai/o3"}],
        "scores": [
            {"benchmark": "exam", "benchmark_version": "2", "model": "openai/gpt-5", "raw": 0.5, "n": 200,
             "provenance": {"origin": "run"}},
            {"benchmark": "exam", "benchmark_version": "2", "model": "openai/o3", "raw": 0.4,
             "ci": {"lo": 0.3, "hi": 0.5, "level": 0.95, "method": "wilson"}, "provenance": {"origin": "run"}},
        ],
    })
}

#[track_caller]
fn check_changed(pointer: &str, value: Value, expected: &[&str]) {
    let mut document = own();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).expect(pointer);
    match parent {
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        other => other[key] = value,
    }
    check_refused("x.json", &document.to_string(), expected);
}

#[test]
fn own_documents_are_read_and_efforts_kept_apart() {
    check_read("x.json", &own().to_string(), &["exam@2 acc: openai/gpt-5@high=0.5 openai/o3=0.4"]);
    let card = &read("x.json", &own().to_string()).unwrap().scorecards[0];
    assert_eq!((card.source.kind, card.capabilities.len()), (SourceKind::Eval, 1));
}

#[test]
fn own_documents_are_read_strictly_with_paths() {
    check_changed("/scores/0/rw", json!(1), &["`scores[0].rw`: is unknown: did you mean `raw`?"]);
    check_changed("/scores/0/raw", json!("1"), &["`scores[0].raw`: is a text: write a number"]);
    check_changed("/scores/0/raw", json!(1.5), &["`scores[0].raw`: 1.5 looks like a percentage"]);
    check_changed("/scores/0/n", json!(-1), &["`scores[0].n`: -1 is not a count"]);
    check_changed(
        "/scores/0/model",
        json!("openai/o4"),
        &["`scores[0].model`: there is no `openai/o4` in `models`: did you mean `openai/o3`?"],
    );
    check_changed(
        "/scores/0/benchmark_version",
        json!("3"),
        &["`scores[0].benchmark_version`: there is no version `3` of `exam`"],
    );
    check_changed("/scores/1/ci/hi", json!(0.35), &["`scores[1].ci`: 0.3 to 0.35 does not hold the score 0.4"]);
    check_changed(
        "/scores/0/provenance/origin",
        json!("web"),
        &["`scores[0].provenance.origin`: `web` is none of `published`"],
    );
    check_changed(
        "/benchmarks/0/metric/scale",
        json!("cubic"),
        &["`benchmarks[0].metric.scale`: `cubic` is none of `linear`"],
    );
    check_changed(
        "/schema",
        json!("evalkit.scorecard/2"),
        &["`schema`: `evalkit.scorecard/2` is not a format that is read here"],
    );
    check_changed(
        "/models/1/id",
        json!("openai/gpt-5"),
        &["`models[1].id`: `openai/gpt-5` stands twice", "`scores[1].model`: there is no"],
    );
    check_refused(
        "x.json",
        "{\"schema\": \"a\", \"schema\": \"b\"}",
        &["line 1, `column 30`: not valid JSON: `schema` stands twice"],
    );
    check_refused("x.json", "{\n\"raw\": NaN}", &["line 2, `column 8`: not valid JSON"]);
}

#[test]
fn what_a_scorecard_does_not_hold_is_flagged() {
    let mut document = own();
    document["overrides"] = json!([{"benchmark": "exam"}]);
    document["scores"][1]["ci"]["level"] = json!(0.9);
    let reading = read("x.json", &document.to_string()).unwrap();
    assert_eq!(count(&reading, FlagKind::LeftOut), 2);
    assert_eq!(reading.scorecards[0].cells[1].cell.interval, None);
}

fn log() -> Value {
    json!({
        "schema_version": "0.3.0", "evaluation_id": "a", "retrieved_timestamp": "1763769600",
        "source_metadata": {"source_type": "evaluation_run", "source_organization_name": "us", "evaluator_relationship": "third_party"},
        "eval_library": {"name": "x", "version": "1"},
        "model_info": {"name": "GPT 5", "id": "openai/gpt-5"},
        "evaluation_results": [{
            "evaluation_name": "Exam", "source_data": {"dataset_name": "exam", "source_type": "url", "url": ["https://example.org"]},
            "metric_config": {"metric_id": "wer", "lower_is_better": true, "score_type": "continuous", "min_score": 0, "max_score": 100},
            "score_details": {"score": 12.5, "uncertainty": {"standard_error": {"value": 1.5}, "num_samples": 400,
                "confidence_interval": {"lower": 10.0, "upper": 15.0, "confidence_level": 0.95}}},
        }],
    })
}

#[test]
fn every_eval_ever_is_read_alone_and_as_a_list() {
    check_read("x.json", &log().to_string(), &["exam wer: openai/gpt-5=12.5"]);
    let mut other = log();
    other["model_info"]["id"] = json!("openai/o3");
    let reading = read("x.json", &json!([log(), other]).to_string()).unwrap();
    let card = &reading.scorecards[0];
    assert_eq!((card.cells.len(), card.direction, card.source.kind), (2, Direction::Lower, SourceKind::Eval));
    assert_eq!(card.normalisation, Normalisation::Bounds { min: 0.0, max: 100.0 });
    assert_eq!(card.retrieved.as_ref().unwrap().to_string(), "2025-11-22");
    let cell = &card.cells[0].cell;
    assert_eq!((cell.n, cell.standard_error, cell.interval.unwrap().low), (Some(400), Some(1.5), 10.0));
}

#[test]
fn every_eval_ever_is_refused_with_paths() {
    let check = |pointer: &str, value: Value, expected: &str| {
        let mut changed = log();
        *changed.pointer_mut(pointer).unwrap() = value;
        check_refused("x.json", &changed.to_string(), &[expected]);
    };
    check("/schema_version", json!("0.1.0"), "`schema_version`: `0.1.0` is not read here");
    check(
        "/evaluation_results/0/score_details/score",
        json!(101),
        "`evaluation_results[0].score_details.score`: 101 is outside",
    );
    check(
        "/evaluation_results/0/metric_config/lower_is_better",
        Value::Null,
        "`evaluation_results[0].metric_config.lower_is_better`: is missing",
    );
    check("/evaluation_results", json!([]), "`evaluation_results`: is missing or empty");
}

const BOARD: &str = "\
- model: gpt-5 (high)
  test_cases: 225
  pass_rate_1: 52.0
  pass_rate_2: 88.0
  pass_num_2: 198
  date: 2025-08-23
  total_cost: 29.0829
- model: o3 (diff)
  test_cases: 225
  pass_rate_1: 40.0
  pass_rate_2: 76.9
  date: 2025-06-25
  total_cost: 0.0
- model: o3 (whole)
  test_cases: 225
  pass_rate_1: 41.0
  pass_rate_2: 70.0
  date: 2025-06-26
- model: o1
  test_cases: 300
  pass_rate_1: 41.0
  pass_rate_2: 70.0
  date: 2025-06-26
";

#[test]
fn boards_of_aider_give_both_attempts_with_intervals_and_costs() {
    let reading = read("polyglot_leaderboard.yml", BOARD).unwrap();
    let shown = crate::support::shown(&reading);
    assert_eq!(
        shown,
        [
            "aider-polyglot@2024-12 pass_rate_2: openai/gpt-5@high=88 openai/o3=70",
            "aider-polyglot-first-attempt@2024-12 pass_rate_1: openai/gpt-5@high=52 openai/o3=41",
        ]
    );
    let cell = &reading.scorecards[0].cells[0];
    let interval = cell.cell.interval.unwrap();
    assert!((interval.low - 83.10).abs() < 0.01 && (interval.high - 91.62).abs() < 0.01, "{interval:?}");
    assert_eq!(
        (cell.successes, cell.cost_per_thousand, reading.scorecards[0].cells[1].cost_per_thousand),
        (Some(198), Some(129.2573), None)
    );
    assert_eq!(count(&reading, FlagKind::LeftOut), 2);
}

#[test]
fn boards_of_aider_are_refused_with_lines() {
    check_refused(
        "x.yml",
        "- model: a\n  test_cases: 0\n  pass_rate_1: 1\n  date: 2025-01-01\n- model: b\n  test_cases: 10\n  pass_rate_1: 200\n",
        &["line 1, `[0].test_cases`: is missing or 0", "line 5, `[1].date`: is missing"],
    );
    check_refused("x.yml", "a: [", &["line "]);
}
