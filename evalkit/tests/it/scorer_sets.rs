//! Small sets in the shape of the real ones, and copies of the shipped scorer: what `report` and `gate` are tried on.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with everything that a report reads, and a copy of the shipped scorer.
pub(crate) struct Sets {
    pub(crate) folder: TempDir,
    pub(crate) version: String,
}

const SIMPLE: [&str; 6] = [
    "hi there, how are you?",
    "What is the capital of France?",
    "Thanks, that's all!",
    "What is 2 + 2?",
    "Who wrote Hamlet?",
    "Translate 'good morning' into Spanish.",
];
const COMPLEX: [&str; 6] = [
    "Prove that every continuous function on a compact metric space is uniformly continuous, and give a counterexample without compactness.",
    "Design a sharded, replicated key-value store with linearizable reads; derive its failure modes and write the core of it in Rust.",
    "Derive the Euler-Lagrange equations of a double pendulum with damping and analyse the stability of each equilibrium.",
    "Write a lock-free concurrent hash map in C++ with safe memory reclamation and prove that its operations are linearizable.",
    "Draft a merger agreement clause that allocates antitrust risk between parties in three jurisdictions, and justify each choice.",
    "Prove that there are infinitely many primes congruent to 3 modulo 4 and generalise the argument as far as it goes.",
];

impl Sets {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let version = copy_shipped(&folder.path().join("models"));
        let sets = Self { folder, version };
        sets.write_public();
        sets.write_benches();
        sets.write_own();
        sets
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.folder.path().join("models").join(&self.version)
    }

    fn packed(&self, name: &str, rows: impl IntoIterator<Item = Value>) {
        let path = self.folder.path().join("data").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, zstd::encode_all(lines(rows).as_bytes(), 1).unwrap()).unwrap();
    }

    fn write_public(&self) {
        for source in datasets::PERMITTED.iter().filter(|it| !["mmlu-pro", "arena-hard"].contains(it)) {
            self.packed(&format!("train/{source}-prompts.jsonl.zst"), []);
        }
        let split = |at: usize| if at.is_multiple_of(2) { "dev" } else { "train" };
        let prompt = |source: &'static str| {
            move |at: usize| {
                let text = if at < 12 { SIMPLE[at / 2] } else { COMPLEX[(at - 12) / 2] };
                json!({
                    "id": format!("{source}/{at}"), "source": source, "task": "t", "prompt": format!("{text} ({at})"),
                    "meta": {}, "split": split(at),
                })
            }
        };
        self.packed("train/mmlu-pro-prompts.jsonl.zst", (0..24).map(prompt("mmlu-pro")));
        self.packed("train/arena-hard-prompts.jsonl.zst", (0..24).map(prompt("arena-hard")));
        let outcome = |at: usize, model: usize| json!({"prompt_id": format!("mmlu-pro/{at}"), "model": format!("m{model}"), "score": usize::from(at < 6 * model)});
        let outcomes = (0..24).flat_map(|at| (1..4).map(move |model| (at, model)));
        self.packed("train/mmlu-pro-outcomes.jsonl.zst", outcomes.map(|(at, model)| outcome(at, model)));
        let label =
            |at: usize| json!({"prompt_id": format!("mmlu-pro/{at}"), "irt_b": at as f64 / 6.0 - 2.0, "fail": 0.5});
        self.packed("train/labels.jsonl.zst", (0..24).map(label));
    }

    fn write_benches(&self) {
        for set in ["mmlu", "gsm8k", "mt_bench"] {
            let id = |at: usize| format!("{set}/{at}");
            let text = |at: usize| if at < 12 { SIMPLE[at / 2] } else { COMPLEX[(at - 12) / 2] };
            let prompt = |at: usize| json!({"id": id(at), "prompt": format!("{} [{at}]", text(at)), "meta": {}});
            self.packed(&format!("routellm-bench/{set}-prompts.jsonl.zst"), (0..24).map(prompt));
            let models = [("gpt-4-1106-preview", 24), ("mistralai/Mixtral-8x7B-Instruct-v0.1", 13)];
            let outcomes = (0..24).flat_map(|at| models.map(|(model, right)| (at, model, at < right)));
            let row = |(at, model, right)| json!({"prompt_id": id(at), "model": model, "score": u8::from(right)});
            self.packed(&format!("routellm-bench/{set}-outcomes.jsonl.zst"), outcomes.map(row));
        }
    }

    fn write_own(&self) {
        let level = |at: usize| if at < 12 { "simple" } else { "complex" };
        let text = |at: usize| {
            format!("{}{}", ["", "ok: "][at % 2], if at < 12 { SIMPLE[at / 2] } else { COMPLEX[(at - 12) / 2] })
        };
        let blind = (0..24).map(|at| {
            json!({
                "id": format!("blind-{at}"), "prompt": text(at), "level": level(at), "language": "en",
                "tags": [if at < 12 { "knowledge" } else { "reasoning" }], "expected_output_tokens": 20 + 40 * at,
            })
        });
        fs::create_dir(self.folder.path().join("blind")).unwrap();
        fs::write(self.folder.path().join("blind/blind.jsonl"), lines(blind)).unwrap();
    }
}

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().fold(String::new(), |mut text, row| {
        writeln!(text, "{row}").unwrap();
        text
    })
}

/// Copies the shipped scorer's folder and returns its version.
fn copy_shipped(to: &Path) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scorer-models");
    let version = fs::read_to_string(models.join("default")).unwrap().trim().to_owned();
    copy(&models.join(&version), &to.join(&version));
    version
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() && entry.file_name() != "gate.json" {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Turns the sign of every weight of the last layers and vouches for the result: a sound artefact of a bad scorer.
pub(crate) fn damage(folder: &Path) {
    let path = folder.join("weights.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut turned = 0;
    for (name, tensor) in header.as_object().unwrap() {
        if !name.starts_with("heads.") && !name.starts_with("direct.") {
            continue;
        }
        assert_eq!(tensor["dtype"], "F32", "{name}");
        let at = |end: usize| 8 + length + tensor["data_offsets"][end].as_u64().unwrap() as usize;
        // The sign is the highest bit of the last of four bytes.
        bytes[at(0)..at(1)].iter_mut().skip(3).step_by(4).for_each(|byte| *byte ^= 0x80);
        turned += 1;
    }
    assert!(turned >= 4, "{turned} tensors");
    fs::write(&path, &bytes).unwrap();
    let manifest = folder.join("manifest.json");
    let mut stated: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    stated["files"]["weights.safetensors"]["blake3"] = json!(blake3::hash(&bytes).to_hex().to_string());
    fs::write(manifest, stated.to_string()).unwrap();
}
