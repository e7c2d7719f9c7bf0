//! A whole training run on a handful of made-up rows.
#![allow(clippy::unwrap_used, reason = "tests")]

mod outcomes;
mod resume;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use scorer::{LearnedScorer, Scorer, ScorerInput};
use trainer::{Config, Inputs, TrainError};

const WORDS: [&str; 8] = ["▁hi", "▁prove", "▁sum", "▁of", "▁primes", "▁thanks", "▁the", "▁graph"];

const CONFIG: &str = r#"
version = "test-1"
queries = 1
ask_queries = 1
last_queries = 1
hidden = 8
max_tokens = 32
wide_penalty = 2.0
folds = 2
rank = 2
epochs = 3
patience = 3
everyday_batch = 4
public_batch = 4
learning_rate = 0.01
table_learning_rate = 0.01
weight_decay = 0.01
dropout = 0.1
token_dropout = 0.1
variants = 1
generated = 20
dev_one_in = 3
weights = { generated = 0.5, public_graded = 1.0, pairs = 0.5, difficulty = 0.5, tags = 1.0, output = 0.4, anchored = 0.2, public_tags = 0.2, graded_difficulty = 0.3 }
reference = { simple = 0.4, medium = 0.2, complex = 0.4 }
anchor = [{ source = "mmlu-pro", task = "*", grade = 6.0, spread = 1.0, tags = ["reasoning"] }]
"#;

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
        initial: folder("initial"),
        out: folder("out"),
        fresh: false,
    };
    write_initial(&inputs.initial);
    write_everyday(&inputs.everyday);
    write_public(&data);
    (parent, inputs)
}

fn write_initial(folder: &Path) {
    let vocabulary: Vec<_> = std::iter::once(("<unk>", 0.0)).chain(WORDS.map(|word| (word, -3.0))).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        "post_processor": null, "decoder": null,
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": vocabulary},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let values: Vec<f32> = (0..(WORDS.len() + 1) * 4).map(|at| ((at * 37 % 19) as f32 - 9.0) / 9.0).collect();
    let table = candle_core::Tensor::from_vec(values, (WORDS.len() + 1, 4), &candle_core::Device::Cpu).unwrap();
    let tensors = std::collections::HashMap::from([("table".to_owned(), table)]);
    candle_core::safetensors::save(&tensors, folder.join("table.safetensors")).unwrap();
}

fn write_everyday(folder: &Path) {
    let mut rows = String::new();
    for at in 0..36 {
        let (prompt, grade, tag) = match at % 3 {
            0 => (format!("hi thanks {at}"), 0, "chat"),
            1 => (format!("sum of {at} and the graph"), 5, "math"),
            _ => (format!("prove the sum of primes of {at}"), 9, "reasoning"),
        };
        let row = serde_json::json!({
            "id": format!("t{at}"), "prompt": prompt, "grade": grade, "tags": [tag], "language": "en",
            "kind": "test", "expected_output_tokens": 10 + 30 * grade, "author": if at % 2 == 0 { "a" } else { "b" },
            "second": {"grade": grade, "tags": [tag], "expected_output_tokens": 10 + 30 * grade},
        });
        writeln!(rows, "{row}").unwrap();
    }
    fs::write(folder.join("x.jsonl"), rows).unwrap();
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
    assert!(fs::read_to_string(folder.join("card.md")).unwrap().contains("Provisional"));
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
fn step_that_blows_up_is_refused_and_writes_nothing() {
    let (_parent, inputs) = prepared();
    let mut wrong = config();
    wrong.learning_rate = 1e30;
    let error = trainer::train(&wrong, &inputs, 1, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Diverged(_)), "{error}");
    assert!(!inputs.out.join("test-1").exists());
}
