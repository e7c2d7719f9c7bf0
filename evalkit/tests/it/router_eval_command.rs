//! `evalkit router-eval` as its users meet it.

use std::fs;
use std::io::Write;
use std::path::Path;

use tempfile::TempDir;

use crate::evalkit;

/// Ten prompts of the toy set.
fn toy() -> TempDir {
    let folder = TempDir::new().unwrap();
    let toy = &crate::router_eval_vectors::vectors()["toy"];
    let items = || 0..10_usize;
    let prompts = lines(items().map(|item| serde_json::json!({"id": id(item), "prompt": "x".repeat(10 - item)})));
    let outcomes = lines(items().flat_map(|item| {
        ["weak", "strong"].map(|model| {
            let (score, cost) = (&toy[model][item], &toy[format!("cost_{model}_usd")]);
            let model = format!("{model}-model");
            serde_json::json!({"prompt_id": id(item), "model": model, "score": score, "cost_usd": cost})
        })
    }));
    let scores =
        lines(items().map(|item| serde_json::json!({"id": id(item), "complexity": toy["router_score"][item]})));
    write(&folder, "prompts.jsonl", &prompts);
    write(&folder, "outcomes.jsonl", &outcomes);
    write(&folder, "scores.jsonl", &scores);
    folder
}

fn id(item: usize) -> String {
    format!("p{item}")
}

fn lines(rows: impl Iterator<Item = serde_json::Value>) -> String {
    rows.map(|row| row.to_string() + "\n").collect()
}

fn write(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).unwrap();
}

fn edit(folder: &TempDir, name: &str, change: impl Fn(String) -> String) {
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    write(folder, name, &change(text));
}

fn judge(folder: &TempDir, more: &[&str]) -> (Option<i32>, String, String) {
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (prompts, outcomes, scores) = (path("prompts.jsonl"), path("outcomes.jsonl"), path("scores.jsonl"));
    let mut arguments = vec!["router-eval", "--prompts", &prompts, "--outcomes", &outcomes, "--scores", &scores];
    if !more.contains(&"--strong") {
        arguments.extend(["--strong", "strong-model"]);
    }
    arguments.extend(["--weak", "weak-model", "--bootstrap", "50"]);
    arguments.extend(more);
    let output = evalkit(&arguments, "");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn table_json_page_and_plots_say_the_same() {
    let folder = toy();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, html, svg) = (path("report.json"), path("report.html"), path("plots"));
    let (code, table, _) = judge(&folder, &["--budget", "3", "--json", &json, "--html", &html, "--svg", &svg]);
    assert_eq!(code, Some(0));
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let figure = |name: &str| report["router"]["figures"][name]["value"].as_f64().unwrap();
    assert!((figure("apgr") - 0.883_333_333).abs() < 1e-6 && table.contains("0.8833"));
    assert!((figure("aiq") - 0.79).abs() < 1e-9 && (figure("quality_at_budget_hull") - 0.742_857_142).abs() < 1e-6);
    assert!((figure("saving_at_strong_quality") - 0.588).abs() < 1e-9);
    assert_eq!(report["costs"]["unit"], "usd_per_1k_calls");
    assert_eq!(report["router"]["curve"].as_array().unwrap().len(), 11);
    assert_eq!(report["data"]["files"].as_array().unwrap().len(), 3);
    assert!(!report.to_string().contains(folder.path().to_str().unwrap()), "folders do not travel");

    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("0.8833") && page.contains("prefers-color-scheme") && page.matches("<svg").count() == 4);
    for word in ["<script", "http://", "https://", "src=", "@import", "url("] {
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(word), "{word}");
    }
    for name in ["deferral-curve", "quality-over-cost", "reliability", "score-histogram"] {
        let drawing = fs::read_to_string(Path::new(&svg).join(format!("{name}.svg"))).unwrap();
        assert!(drawing.starts_with("<svg") && drawing.contains("<style>") && !drawing.contains("NaN"), "{name}");
    }
}

#[test]
fn same_seed_gives_the_same_bytes() {
    let folder = toy();
    let (_, once, table) = judge(&folder, &["--json", "-", "--seed", "9"]);
    let (_, again, _) = judge(&folder, &["--json", "-", "--seed", "9"]);
    assert_eq!(once, again);
    assert!(once.starts_with('{') && table.contains("APGR"), "the table gives way to JSON");
    assert_ne!(once, judge(&folder, &["--json", "-", "--seed", "10"]).1);
}

#[test]
fn built_in_scorer_is_timed() {
    let folder = toy();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (prompts, outcomes) = (path("prompts.jsonl"), path("outcomes.jsonl"));
    let output = evalkit(
        &[
            "router-eval",
            "--prompts",
            &prompts,
            "--outcomes",
            &outcomes,
            "--strong",
            "strong-model",
            "--weak",
            "weak-model",
            "--bootstrap",
            "0",
            "--signal",
            "difficulty",
        ],
        "",
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("(difficulty)") && said.contains("in process") && said.contains("p99"), "{said}");
}

#[test]
fn gzip_is_read() {
    let folder = toy();
    let packed = folder.path().join("prompts.jsonl.gz");
    let mut writer = flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    writer.write_all(&fs::read(folder.path().join("prompts.jsonl")).unwrap()).unwrap();
    writer.finish().unwrap();
    write(&folder, "prompts.jsonl", "");
    let (code, said, faults) = judge(&folder, &["--prompts", packed.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{faults}");
    assert!(said.contains("on 10 prompts"));
}

#[test]
fn prompts_without_outcome_are_named_and_end_with_a_warning() {
    let folder = toy();
    edit(&folder, "outcomes.jsonl", |text| text.split_inclusive('\n').skip(1).collect());
    let (code, said, faults) = judge(&folder, &[]);
    assert_eq!(code, Some(2));
    assert!(
        faults.contains("1 prompts left out") && faults.contains("p0") && said.contains("on 9 prompts"),
        "{faults}"
    );
    let (code, _, faults) = judge(&folder, &["--strict"]);
    assert_eq!(code, Some(1));
    assert!(faults.contains("1 of 10 prompts lack an outcome") && faults.contains("p0"), "{faults}");
}

#[track_caller]
fn refused(folder: &TempDir, more: &[&str], words: &[&str]) {
    let (code, said, faults) = judge(folder, more);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    for word in words {
        assert!(faults.contains(word), "{word:?} is not in: {faults}");
    }
}

#[test]
fn what_cannot_be_judged_is_refused_with_its_reason() {
    let folder = toy();
    refused(&folder, &["--strong", "strong-modle"], &["`strong-modle`", "nearest: strong-model", "weak-model"]);
    refused(&folder, &["--prompts", "/nonexistent.jsonl"], &["--prompts /nonexistent.jsonl"]);
    edit(&folder, "scores.jsonl", |text| text.replace("p3", "q3"));
    refused(&folder, &[], &["--scores lacks 1 of 10 prompts: p3"]);
    edit(&folder, "scores.jsonl", |text| text.replace("q3", "p3").replace("0.95", "NaN"));
    refused(&folder, &[], &["scores.jsonl has 1 bad rows: line 1"]);
    let folder = toy();
    edit(&folder, "outcomes.jsonl", |text| text.replacen("\"score\":1", "\"score\":7", 1));
    refused(&folder, &[], &["outcomes.jsonl has 1 bad rows", "line 2: score 7 is not within 0..=1"]);
    let folder = toy();
    edit(&folder, "outcomes.jsonl", |text| {
        text.replace("weak-model", "x").replace("strong-model", "weak-model").replace("\"x\"", "\"strong-model\"")
    });
    refused(&folder, &[], &["not stronger", "0.5000", "0.8000"]);
}

#[test]
fn wrong_arguments_are_named() {
    let folder = toy();
    for (more, word) in [
        (&["--baseline", "best"][..], "random, length"),
        (&["--cost-weak", "1"], "--cost-strong"),
        (&["--signal", "price"], "complexity or difficulty"),
        (&["--right-from", "0"], "above 0"),
    ] {
        let (code, _, faults) = judge(&folder, more);
        assert_eq!(code, Some(64), "{faults}");
        assert!(faults.contains(word), "{faults}");
    }
}
