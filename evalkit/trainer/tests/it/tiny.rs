//! A handful of made-up rows and a tokenizer of eight words: enough for a whole training run of seconds. Shared with the
//! tests of the command line.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// All words that are known.
const WORDS: [&str; 8] = ["▁hi", "▁prove", "▁sum", "▁of", "▁primes", "▁thanks", "▁the", "▁graph"];

/// The configuration.
pub(crate) const CONFIG: &str = r#"
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

/// A tokenizer of a few words and a table for it.
pub(crate) fn write_initial(folder: &Path) {
    let vocabulary: Vec<_> = std::iter::once(("<unk>", 0.0)).chain(WORDS.map(|word| (word, -3.0))).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        "post_processor": null, "decoder": null,
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": vocabulary},
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let values: Vec<f32> = (0..(WORDS.len() + 1) * 4).map(|at| ((at * 37 % 19) as f32 - 9.0) / 9.0).collect();
    fs::write(folder.join("table.safetensors"), safetensors("table", [WORDS.len() + 1, 4], &values)).unwrap();
}

/// A file of one tensor: the length of the header, the header, the values.
fn safetensors(name: &str, shape: [usize; 2], values: &[f32]) -> Vec<u8> {
    let header = serde_json::json!({name: {"dtype": "F32", "shape": shape, "data_offsets": [0, values.len() * 4]}});
    let header = header.to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.into_bytes());
    bytes.extend(values.iter().flat_map(|it| it.to_le_bytes()));
    bytes
}

/// Graded prompts of two authors.
pub(crate) fn write_everyday(folder: &Path) {
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
