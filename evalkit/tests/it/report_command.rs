//! `evalkit report scorer` as its users meet it.

use std::fs;

use serde_json::{Value, json};

use crate::evalkit;
use crate::scorer_sets::Sets;

fn report(sets: &Sets, more: &[&str]) -> (Option<i32>, String, String) {
    let (model, data, blind) = (sets.model(), sets.path("data"), sets.path("blind"));
    let mut arguments = vec!["report", "scorer", "--model", model.to_str().unwrap(), "--blind", &blind];
    if !more.contains(&"--data") {
        arguments.extend(["--data", &data]);
    }
    arguments.extend(["--everyday", "/nonexistent", "--fast"]);
    arguments.extend(more);
    let output = evalkit(&arguments, "");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn row<'a>(report: &'a Value, group: &str, name: &str) -> &'a Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["group"] == group && row["name"] == name).unwrap_or_else(|| panic!("no {group}: {name}"))
}

#[test]
fn every_promise_has_a_row_in_table_json_page_and_document() {
    let sets = Sets::new();
    let (json, html, md) = (sets.path("report.json"), sets.path("report.html"), sets.path("report.md"));
    let (code, table, errors) = report(&sets, &["--json", &json, "--html", &html, "--md", &md]);
    assert_eq!(code, Some(0), "{table}{errors}");
    let found: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    for (group, name) in [
        ("speed, wall clock", "256-token prompt, p50"),
        ("speed, wall clock", "1 MB prompt, p99"),
        ("speed, wall clock", "batch of 64 prompts of 256 tokens"),
        ("size and start", "artefact"),
        ("size and start", "process start to first score, median"),
        ("routing between two models", "APGR mmlu, difficulty, exact curve"),
        ("routing between two models", "APGR gsm8k, complexity, eleven points"),
        ("routing between two models", "APGR mt_bench, difficulty, less that of length, paired"),
        ("difficulty, dev split", "Spearman within source, mean by size"),
        ("clear cases, blind set", "simple below 0.4"),
        ("clear cases, blind set", "complex above 0.6"),
        ("capability tags, blind set", "macro F1 at 0.5"),
        ("answer length", "median |log ratio|, blind set"),
        ("robustness", "mean |Δ complexity|"),
        ("robustness", "decisions flipped at 0.5, typos"),
        ("complexity and length in bytes", "Spearman, prompts that people sent"),
    ] {
        assert!(row(&found, group, name)["figure"]["value"].is_f64(), "{group}: {name}");
        assert!(table.contains(name), "{name}");
    }
    let apgr = row(&found, "routing between two models", "APGR mmlu, difficulty, exact curve");
    for baseline in ["random", "length", "features + MLP", "n-grams", "n-grams + features", "static table"] {
        assert!(apgr["beside"][baseline]["value"].is_f64(), "{baseline}");
    }
    assert_eq!(apgr["must"]["value"], 0.6);
    // The weak model fails the complex half of these prompts: whoever tells the halves apart recovers most of the gap.
    let told = row(&found, "routing between two models", "APGR mmlu, complexity, exact curve");
    assert!(told["figure"]["value"].as_f64().unwrap() > 0.7, "{told}");
    assert!(!found.to_string().contains(sets.folder.path().to_str().unwrap()), "folders do not travel");
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("prefers-color-scheme:dark") && !page.contains("<script") && !page.contains("http"));
    assert!(fs::read_to_string(&md).unwrap().contains("| artefact |"));
}

#[test]
fn missing_data_is_said_row_by_row_and_by_the_exit_code() {
    let sets = Sets::new();
    let (code, json, table) = report(&sets, &["--data", "/nonexistent", "--no-baselines", "--json", "-"]);
    assert_eq!(code, Some(2), "{table}");
    let found: Value = serde_json::from_str(&json).unwrap();
    let missing = row(&found, "routing between two models", "APGR gsm8k");
    assert_eq!(missing["state"]["state"], "no_data");
    assert!(table.contains("not measured: no data at /nonexistent/routellm-bench/gsm8k-prompts.jsonl.zst"), "{table}");
    assert!(
        row(&found, "clear cases, blind set", "simple below 0.4")["figure"]["value"].is_f64(),
        "the rest is measured"
    );
    let (_, end) = table.rsplit_once("\nnot measured:\n").unwrap();
    for part in
        ["APGR gsm8k", "name its folder with --data", "Decide over gRPC", "--bin decisions -- --rate 500 --json"]
    {
        assert!(end.contains(part), "{part}: {end}");
    }
}

#[test]
fn times_of_decisions_are_taken_over_from_their_file() {
    let sets = Sets::new();
    let file = sets.path("decisions.json");
    let times =
        json!({"tokens": 256, "transport": "TCP", "questions": 2000, "p50_ms": 0.5, "p99_ms": 1.5, "max_ms": 9.0});
    let found = json!({
        "format": "signalbox.decisions/1", "scorer": sets.version, "rate": 500.0, "optimised": true, "rows": [times],
    });
    fs::write(&file, found.to_string()).unwrap();
    let (code, found, table) =
        report(&sets, &["--data", "/nonexistent", "--no-baselines", "--json", "-", "--decisions", &file]);
    assert_eq!(code, Some(2), "{table}");
    let found: Value = serde_json::from_str(&found).unwrap();
    let p99 = row(&found, "speed, wall clock", "Decide over gRPC, 500 a second, p99");
    assert_eq!((&p99["figure"]["value"], &p99["n"], &p99["aim"]["value"]), (&json!(1.5), &json!(2000), &json!(2.0)));
    fs::write(&file, "{}").unwrap();
    let (code, _, errors) = report(&sets, &["--no-baselines", "--decisions", &file]);
    assert!(code == Some(1) && errors.contains("--decisions"), "{errors}");
}

#[test]
fn other_scorer_stands_beside_it_with_the_same_figures() {
    let sets = Sets::new();
    let model = sets.model();
    let against = model.to_str().unwrap();
    let (code, json, table) =
        report(&sets, &["--data", "/nonexistent", "--no-baselines", "--json", "-", "--against", against]);
    assert_eq!(code, Some(2), "{table}");
    let found: Value = serde_json::from_str(&json).unwrap();
    let clear = row(&found, "clear cases, blind set", "complex above 0.6");
    assert_eq!(clear["figure"], clear["against"]);
    assert!(table.contains(" beside "), "{table}");
}

#[test]
fn wrong_data_is_an_error_and_names_the_line() {
    let sets = Sets::new();
    let path = sets.folder.path().join("blind/blind.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"id\":1}\n").unwrap();
    let (code, _, errors) = report(&sets, &["--no-baselines"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("line 25"), "{errors}");
    let output = evalkit(&["report", "scorer", "--model", "/nonexistent"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--model: /nonexistent is refused"));
}
