//! From own rows to a scorer and on to models added to it, as `docs/training.md` tells it: `train`, then `calibrate`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use scorer::{LearnedScorer, ScorerInput};

use super::{evalkit, tiny};

/// Prompts of all difficulties.
fn prompts(count: usize) -> Vec<String> {
    let asks = ["hi thanks", "thanks the", "sum of", "the sum of the graph", "prove the sum", "prove the primes of"];
    (0..count).map(|at| format!("{} {at}", asks[at % asks.len()])).collect()
}

/// A scorer's folder, trained on own rows alone by the command.
fn trained(folder: &Path) -> PathBuf {
    for (name, write) in [("initial", tiny::write_initial as fn(&Path)), ("everyday", tiny::write_everyday)] {
        fs::create_dir(folder.join(name)).unwrap();
        write(&folder.join(name));
    }
    fs::write(folder.join("config.toml"), tiny::CONFIG).unwrap();
    let mut rows = "prompt,model,score\n".to_owned();
    for (at, prompt) in prompts(60).iter().enumerate() {
        let hard = prompt.starts_with("prove");
        writeln!(rows, "{prompt},acme/small,{}", u8::from(!hard)).unwrap();
        writeln!(rows, "{prompt},acme/large,{}", u8::from(!hard || at % 4 > 0)).unwrap();
    }
    fs::write(folder.join("own.csv"), rows).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (config, own, everyday) = (path("config.toml"), path("own.csv"), path("everyday"));
    let (initial, out) = (path("initial"), path("scorers"));
    let sources = ["--config", &config, "--rows", &own, "--no-public", "--everyday", &everyday, "--initial", &initial];
    let more = ["--out", &out, "--version", "9.0", "--rows-grade", "4", "--json"];
    let output = evalkit(&[&["train"], &sources[..], &more[..]].concat(), "");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = stderr(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>();
    let is = |line: &serde_json::Value, event: &str| line["event"] == event;
    assert!(is(&lines[0], "stage") && is(&lines[1], "read") && is(&lines[2], "fitting"), "{lines:?}");
    for line in &lines {
        assert!(line["event"].is_string() && line["elapsed_s"].is_f64(), "{line}");
        let is_far = line["step"].as_u64() <= line["of"].as_u64() && line["eta_s"].is_f64();
        assert!(!is(line, "passed") || line["step"].is_u64() && is_far, "{line}");
    }
    assert!(lines.iter().filter(|line| is(line, "passed")).count() >= 3);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told["report"]["right"]["by_source"]["own"]["ece"]["value"].is_f64(), "{told}");
    folder.join("scorers/9.0")
}

/// Rows of a model whose chance of being right depends on what the scorer says, and the mean of these chances.
fn drawn(model: &str, level: f64, prompts: &[String], scorer: &LearnedScorer) -> (String, f64) {
    let (mut rows, mut sum) = (String::new(), 0.0);
    let scale = scorer.models().unwrap().sources["own"];
    for prompt in prompts {
        let input = ScorerInput { text: prompt.clone(), ..ScorerInput::default() };
        let difficulty = scale.place(scorer.raw(&input).unwrap().difficulty);
        let right = 1.0 / (1.0 + (difficulty - level).exp());
        let hash = blake3::hash(format!("{model} {prompt}").as_bytes());
        let draw = f64::from(u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]])) / 65536.0;
        writeln!(rows, "\"{prompt}\",{model},{}", u8::from(draw < right)).unwrap();
        sum += right;
    }
    (rows, sum / prompts.len() as f64)
}

fn calibrate(model: &Path, folder: &Path, rows: &str, more: &[&str]) -> Output {
    let path = folder.join("rows.csv");
    fs::write(&path, format!("prompt,model,score\n{rows}")).unwrap();
    let (model, rows, out) = (model.to_str().unwrap(), path.to_str().unwrap(), folder.to_str().unwrap());
    let arguments = ["calibrate", "scorer", "--model", model, "--rows", rows, "--out", out];
    evalkit(&[&arguments, more].concat(), "")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn models_are_added_to_a_scorer_that_was_trained_on_own_rows() {
    let folder = tempfile::tempdir().unwrap();
    let base = trained(folder.path());
    let scorer = LearnedScorer::load(&base).unwrap();
    assert!(scorer.models().unwrap().p_right("acme/large", 0.0) > scorer.models().unwrap().p_right("acme/small", 0.0));

    // A known ability is found again.
    let (rows, _) = drawn("acme/new", 0.5, &prompts(150), &scorer);
    let output = calibrate(&base, folder.path(), &rows, &["--version", "9.1", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let placed = &told["models"][0];
    let (theta, error) = (placed["theta"].as_f64().unwrap(), placed["theta_error"].as_f64().unwrap());
    assert!((theta - 0.5).abs() < 2.0 * error && error < 0.6, "{placed}");
    assert!(placed["cross_validated"]["ece"]["high"].is_f64() && placed["cross_validated"]["brier_constant"].is_f64());
    assert!(!stderr(&output).contains("warning"), "{}", stderr(&output));
    let made = folder.path().join("9.1");
    let models = LearnedScorer::load(&made).unwrap().models().unwrap().clone();
    assert!(models.p_right("acme/new", 0.0).is_some() && models.p_right("acme/small", 0.0).is_some());
    let weights = |folder: &Path| fs::read(folder.join("weights.safetensors")).unwrap();
    assert!(weights(&made) == weights(&base), "the network was touched");
    assert!(fs::read_to_string(made.join("card.md")).unwrap().contains("acme/new"));

    // Few outcomes are warned of, fewer are refused.
    let output = calibrate(&made, folder.path(), &drawn("rough", 0.0, &prompts(30), &scorer).0, &["--version", "9.2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("`rough` is placed by 30 outcomes"), "{}", stderr(&output));
    let rows = drawn("enough", 0.0, &prompts(30), &scorer).0 + &drawn("tiny", 0.0, &prompts(12), &scorer).0;
    let output = calibrate(&made, folder.path(), &rows, &["--version", "9.3"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("`tiny` has 12 outcomes"), "{}", stderr(&output));
    assert!(!folder.path().join("9.3").exists());

    // So are bad rows and a version that is there or cannot be.
    let rows = drawn("m", 0.0, &prompts(30), &scorer).0 + "\"one more\",m,7\n";
    for (rows, version, reason) in
        [(rows.as_str(), "9.3", "line 32"), ("", "9.1", "is there already"), ("", "../x", "--version")]
    {
        let output = calibrate(&made, folder.path(), rows, &["--version", version]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn training_without_outcomes_is_wrong_usage() {
    for wrong in [&["train"][..], &["train", "--no-public"], &["train", "--data", "d", "--rows-grade", "4"]] {
        let arguments = [wrong, &["--initial", "i", "--out", "o"]].concat();
        assert_eq!(evalkit(&arguments, "").status.code(), Some(64), "{arguments:?}");
    }
}
