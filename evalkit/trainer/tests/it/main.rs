//! A whole training run on a handful of made-up rows.
#![allow(clippy::unwrap_used, reason = "tests")]

mod outcomes;
mod resume;
mod tiny;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use scorer::{LearnedScorer, Scorer, ScorerInput};
use tiny::{CONFIG, write_everyday, write_initial};
use trainer::pipeline::Progress;
use trainer::{Config, Initial, Inputs, TrainError};

/// A folder with everything that a run reads.
fn prepared() -> (tempfile::TempDir, Inputs) {
    let parent = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let path = parent.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let data = folder("data");
    let inputs = Inputs {
        data: Some(data.clone()),
        rows: Vec::new(),
        everyday: folder("everyday"),
        initial: Initial::Folder(folder("initial")),
        out: folder("out"),
        fresh: false,
        overwrite: true,
    };
    write_initial(&parent.path().join("initial"));
    write_everyday(&inputs.everyday);
    write_public(&data);
    (parent, inputs)
}

fn write_public(folder: &Path) {
    let (mut prompts, mut outcomes) = (String::new(), String::new());
    for at in 0..20 {
        let split = if at % 5 == 0 { "dev" } else { "train" };
        let prompt = serde_json::json!({
            "id": format!("mmlu-pro/{at}"), "source": "mmlu-pro", "task": "math", "prompt": format!("sum of {at} primes"),
            "meta": {}, "split": split,
        });
        writeln!(prompts, "{prompt}").unwrap();
        for model in 0..4 {
            let score = u8::from(at < model * 6);
            let row = serde_json::json!({"prompt_id": format!("mmlu-pro/{at}"), "model": format!("m{model}"), "score": score});
            writeln!(outcomes, "{row}").unwrap();
        }
    }
    let write =
        |name: String, text: &str| fs::write(folder.join(name), zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
    for source in datasets::PERMITTED {
        write(format!("{source}-prompts.jsonl.zst"), if source == "mmlu-pro" { &prompts } else { "" });
    }
    write("mmlu-pro-outcomes.jsonl.zst".to_owned(), &outcomes);
}

fn config() -> Config {
    toml::from_str(CONFIG).unwrap()
}

#[test]
fn trained_artefact_loads_and_scores_as_it_was_trained() {
    let (_parent, inputs) = prepared();
    let (folder, report) = trainer::train(&config(), &inputs, 7, &mut |_| {}).unwrap();
    assert_eq!(folder, inputs.out.join("test-1"));
    assert_eq!(report.clear_cases.simple.of, 12);
    let scorer = LearnedScorer::load(&folder).unwrap();
    let input = |text: &str| ScorerInput { text: text.to_owned(), ..ScorerInput::default() };
    let scores = scorer.score(&[input("hi thanks"), input("prove the sum of primes of the graph")]).unwrap();
    assert!(scores[0].complexity < scores[1].complexity, "{scores:?}");
    assert!(fs::read_to_string(folder.join("card.md")).unwrap().contains("must not be used for"));
}

#[test]
fn same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let (_parent, mut inputs) = prepared();
    let weights = |inputs: &Inputs, seed| {
        let (folder, _) = trainer::train(&config(), inputs, seed, &mut |_| {}).unwrap();
        fs::read(folder.join("weights.safetensors")).unwrap()
    };
    let first = weights(&inputs, 7);
    inputs.out = inputs.out.join("again");
    assert!(first == weights(&inputs, 7), "two runs of one seed differ");
    assert!(first != weights(&inputs, 8), "the seed changes nothing");
}

#[test]
fn impossible_configuration_is_refused_by_key() {
    let (_parent, inputs) = prepared();
    let mut wrong = config();
    wrong.version = "../elsewhere".to_owned();
    let error = trainer::train(&wrong, &inputs, 1, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Config { key: "version", .. }), "{error}");
    let mut wrong = config();
    wrong.reference.simple = 0.9;
    let error = trainer::train(&wrong, &inputs, 1, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Config { key: "reference", .. }), "{error}");
}

#[test]
fn every_step_is_told_and_so_is_what_a_run_turns_to() {
    let (_parent, inputs) = prepared();
    let mut told = Vec::new();
    trainer::train(&config(), &inputs, 7, &mut |it| told.push(it)).unwrap();
    assert!(matches!(told[0], Progress::Turned("reading the data")), "{:?}", told[0]);
    assert!(told.iter().filter(|it| matches!(it, Progress::Turned(_))).count() == 3);
    let passes = told.iter().filter(|it| matches!(it, Progress::Passed(..))).count();
    let steps: Vec<_> = told
        .iter()
        .filter_map(|it| if let Progress::Stepped(_, step, of) = it { Some((*step, *of)) } else { None })
        .collect();
    assert!(steps.len() > passes && steps.iter().all(|(step, of)| (1..=*of).contains(step)), "{steps:?}");
}

#[test]
fn finished_scorer_is_not_overwritten_unasked() {
    let (_parent, mut inputs) = prepared();
    inputs.overwrite = false;
    let folder = inputs.out.join(&config().version);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("manifest.json"), "kept").unwrap();
    let error = trainer::train(&config(), &inputs, 1, &mut |_| {}).unwrap_err();
    assert!(matches!(&error, TrainError::AlreadyThere(found) if *found == folder), "{error}");
    assert_eq!(fs::read_to_string(folder.join("manifest.json")).unwrap(), "kept");
}

#[test]
fn start_that_is_not_there_is_told_after_the_rows() {
    let (_parent, mut inputs) = prepared();
    inputs.initial = Initial::Folder("nowhere".into());
    let error = trainer::train(&config(), &inputs, 1, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::NoInitial { name: "tokenizer.json", .. }), "{error}");
    fs::write(inputs.data.as_ref().unwrap().join("mmlu-pro-prompts.jsonl.zst"), "oops\n").unwrap();
    let error = trainer::train(&config(), &inputs, 1, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Data(_)), "{error}");
}

#[test]
fn step_that_blows_up_is_refused_and_writes_nothing() {
    let (_parent, inputs) = prepared();
    let mut wrong = config();
    wrong.learning_rate = 1e30;
    let error = trainer::train(&wrong, &inputs, 1, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Diverged(_)), "{error}");
    assert!(!inputs.out.join("test-1").exists());
}
