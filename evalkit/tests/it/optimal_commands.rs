//! `calibrate optimal` and `calibrate traffic` over own rows, with the scorer that is shipped.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use domain::Calibration;
use scorer::{LearnedScorer, Scorer, ScorerInput};
use serde_json::Value;

use super::evalkit;

/// Name, ability in logits, and USD per million tokens.
const MODELS: [(&str, f64, f64); 6] = [
    ("acme/tiny", -1.5, 0.05),
    ("acme/small", -0.7, 0.2),
    ("acme/medium", 0.0, 0.8),
    ("acme/large", 0.8, 3.0),
    ("acme/huge", 1.4, 10.0),
    ("acme/vast", 2.0, 40.0),
];

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scorer-models/2026.11.4")
}

fn prompts() -> Vec<String> {
    let asks = [
        "hi, thanks a lot",
        "what is the capital of France",
        "translate `good morning` to Spanish",
        "write a function that merges two sorted lists",
        "prove that there are infinitely many primes of the form 4k+3",
        "design a lock-free queue and argue that it is linearisable",
    ];
    (0..240).map(|at| format!("{}, number {at}", asks[at % asks.len()])).collect()
}

/// Outcomes whose chances hang on what the scorer says.
fn rows() -> String {
    let scorer = LearnedScorer::load(&shipped()).unwrap();
    let mut rows = "prompt,model,score\n".to_owned();
    for prompt in prompts() {
        let input = ScorerInput { text: prompt.clone(), ..ScorerInput::default() };
        let difficulty = scorer.score(&[input]).unwrap()[0].difficulty;
        for (model, ability, _) in MODELS {
            let right = 1.0 / (1.0 + (-(ability - difficulty)).exp());
            let hash = blake3::hash(format!("{model} {prompt}").as_bytes());
            let draw = f64::from(u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]])) / 65536.0;
            writeln!(rows, "\"{prompt}\",{model},{}", u8::from(draw < right)).unwrap();
        }
    }
    rows
}

fn prices() -> String {
    MODELS
        .iter()
        .fold("model,input,output\n".to_owned(), |text, (model, _, usd)| text + &format!("{model},{usd},{usd}\n"))
}

/// Runs a command that must end well and print JSON.
#[track_caller]
fn told(arguments: &[&str]) -> Value {
    let output = evalkit(arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn calibration_is_fitted_and_a_dial_set_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("own.csv"), rows()).unwrap();
    fs::write(path("prices.csv"), prices()).unwrap();
    let scorer = shipped();
    let (scorer, own, prices, out) = (scorer.to_str().unwrap(), path("own.csv"), path("prices.csv"), path("c.json"));
    let fit = ["calibrate", "optimal", "--model", scorer, "--outcomes", &own, "--prices", &prices, "--out", &out];
    let told_of_fit = told(&[&fit[..], &["--json"]].concat());
    let calibration: Calibration = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(calibration.fault(), None);
    assert!((0.5..1.8).contains(&calibration.k) && calibration.fits_scorer("2026.11.4"), "{calibration:?}");
    let losses: Vec<f64> =
        told_of_fit["judged"].as_array().unwrap().iter().map(|it| it["log_loss"]["value"].as_f64().unwrap()).collect();
    // With difficulty, chances are better than each model's mean.
    assert!(losses.len() == 7 && losses[0] < losses[2], "{losses:?}");
    // What is there is not overwritten.
    assert_eq!(evalkit(&fit, "").status.code(), Some(1));

    let traffic =
        ["calibrate", "traffic", "--rows", &own, "--model", scorer, "--calibration", &out, "--prices", &prices];
    let kept = told(&[&traffic[..], &["--target", "loss<=0.05@90", "--json"]].concat());
    let number = |at: &str| kept.pointer(at).and_then(Value::as_f64).unwrap();
    assert!(number("/outcome/loss/value") <= 0.05 && kept["quality_is_measured"] == true, "{kept}");
    assert!(number("/outcome/cost_usd/value") < number("/strongest/cost_usd/value"), "{kept}");
    assert!(kept["strategy"].as_str().unwrap().starts_with("{ type = \"optimal\", min_quality = "), "{kept}");
    // A budget that nobody can keep to.
    let budget = ["--budget", "0.000001/day", "--requests-per-day", "1000", "--dial", "lambda"];
    assert_eq!(evalkit(&[&traffic[..], &budget].concat(), "").status.code(), Some(3));
}

#[test]
fn dial_is_set_by_decision_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let candidate = |model: &str, score: f64, usd: &str| serde_json::json!({"model": model, "score": score, "expected_cost_usd": usd, "position": null});
    let mut lines = String::new();
    for at in 0..200 {
        let weak = 0.3 + 0.6 * f64::from(at) / 200.0;
        let seed = domain::RequestId::from_value(at as u128);
        let decision = serde_json::json!({"policy": "p", "rule": null, "strategy": "optimal", "axis": null,
            "complexity": 0.5, "adjusted": null, "selected_model": "a/strong", "removed": [], "degraded": null,
            "candidates": [candidate("a/strong", 0.9, "0.01"), candidate("a/weak", weak, "0.001")],
            "scorer": "2026.11.4", "snapshot": {"epoch": 1, "revision": 1}, "seed": seed, "reason": ""});
        writeln!(lines, "{}", serde_json::json!({"id": seed, "decision": decision})).unwrap();
        writeln!(lines, "{decision}").unwrap();
    }
    lines.push_str("{\"decision\": null}\n");
    fs::write(&path, lines).unwrap();
    let file = path.to_str().unwrap();
    let budget = ["--budget", "5/day", "--requests-per-day", "1000", "--dial", "lambda", "--json"];
    let kept = told(&[&["calibrate", "traffic", "--decisions", file][..], &budget].concat());
    let cost = kept.pointer("/outcome/cost_usd/value").and_then(Value::as_f64).unwrap();
    assert!((0.004..=0.005).contains(&cost) && kept["requests"] == 400, "{kept}");
    assert_eq!(kept["quality_is_measured"], false);
}
