//! What figures are measured on, as far as it is there: public prompts with difficulties, routing sets, blind and graded prompts.
//!
//! A folder or file that is not there is remembered with its path, and the rows that need it say so. One that is there
//! and wrong is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datasets::{BlindPrompt, Corpus, DatasetError, EverydayPrompt, Split};
use serde::Deserialize;

use super::ReportError;
use crate::router_eval::read::{AllOutcomes, PromptOptions, Prompts, Wanted, join};
use crate::router_eval::report::FileUsed;
use crate::router_eval::{Costs, Outcomes};

/// The models of the routing sets.
const STRONG: &str = "gpt-4-1106-preview";
const WEAK: &str = "mistralai/Mixtral-8x7B-Instruct-v0.1";

/// The routing sets.
pub const BENCHES: [&str; 3] = ["mmlu", "gsm8k", "mt_bench"];

/// Where data lies.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Folder with `train/` and `routellm-bench/`.
    pub data: PathBuf,
    /// Folder of blind prompts.
    pub blind: PathBuf,
    /// Folder of graded prompts.
    pub everyday: PathBuf,
}

/// Data, or why there is none.
pub type Found<T> = Result<T, String>;

/// Everything that was found.
pub struct Material {
    /// Public prompts with outcomes.
    pub public: Found<Public>,
    /// Routing sets, in the order of [`BENCHES`].
    pub benches: Vec<(&'static str, Found<Bench>)>,
    /// Blind prompts.
    pub blind: Found<Vec<BlindPrompt>>,
    /// Graded prompts.
    pub graded: Found<Vec<EverydayPrompt>>,
    /// What was read.
    pub files: Vec<FileUsed>,
}

/// Public prompts.
#[derive(Clone, Debug, Default)]
pub struct Public {
    /// Prompts of the train split with a difficulty.
    pub train: Vec<Difficult>,
    /// Prompts of the dev split with a difficulty.
    pub dev: Vec<Difficult>,
    /// Prompts that people sent, dev split.
    pub natural: Vec<(String, String)>,
    /// Everything, for what else is known of the prompts.
    pub corpus: Corpus,
}

/// A prompt with its item-response difficulty.
#[derive(Clone, Debug)]
pub struct Difficult {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// The text.
    pub prompt: String,
    /// Difficulty, comparable within the source only.
    pub difficulty: f64,
}

/// A routing set.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Id of each prompt.
    pub ids: Vec<String>,
    /// Text of each prompt.
    pub texts: Vec<String>,
    /// Outcomes of both models.
    pub outcomes: Outcomes,
}

impl Default for Material {
    fn default() -> Self {
        let unread = || "no data: it was not read".to_owned();
        Self {
            public: Err(unread()),
            benches: Vec::new(),
            blind: Err(unread()),
            graded: Err(unread()),
            files: Vec::new(),
        }
    }
}

impl Material {
    /// Reads what is there. With `sample`, of the large sets only the first so many prompts in an order of their ids.
    ///
    /// # Errors
    /// When something that is there is wrong.
    pub fn read(sources: &Sources, sample: Option<usize>) -> Result<Self, ReportError> {
        let mut found = Self::default();
        found.read_public(&sources.data.join("train"), sample)?;
        let folder = sources.data.join("routellm-bench");
        for name in BENCHES {
            let bench = bench(&folder, name, sample, &mut found.files)?;
            found.benches.push((name, bench));
        }
        found.read_blind(&sources.blind)?;
        found.graded = if sources.everyday.is_dir() {
            Ok(datasets::everyday::load(&sources.everyday)?)
        } else {
            Err(absent(&sources.everyday))
        };
        Ok(found)
    }

    /// Reads public prompts, if they are there.
    ///
    /// # Errors
    /// When they are wrong.
    pub fn read_public(&mut self, folder: &Path, sample: Option<usize>) -> Result<(), ReportError> {
        self.public = public(folder, sample, &mut self.files)?;
        Ok(())
    }

    /// Reads blind prompts, if they are there.
    ///
    /// # Errors
    /// When they are wrong.
    pub fn read_blind(&mut self, folder: &Path) -> Result<(), ReportError> {
        self.blind = blind(folder, &mut self.files)?;
        Ok(())
    }
}

fn absent(path: &Path) -> String {
    format!("no data at {}", path.display())
}

fn public(folder: &Path, sample: Option<usize>, files: &mut Vec<FileUsed>) -> Result<Found<Public>, ReportError> {
    let labels = folder.join("labels.jsonl.zst");
    if !labels.exists() {
        return Ok(Err(absent(&labels)));
    }
    let difficulties = difficulties(&labels)?;
    files.push(used("labels", &labels)?);
    let corpus = Corpus::load(folder)?;
    let hashes = corpus.hashes.iter();
    files.extend(hashes.map(|(name, hash)| FileUsed { role: "public", name: name.clone(), blake3: hash.clone() }));
    let mut found = Public::default();
    for prompt in corpus.prompts.values() {
        if prompt.source == "arena-hard" && prompt.split == Split::Dev {
            found.natural.push((prompt.id.clone(), prompt.prompt.clone()));
        }
        let Some(difficulty) = difficulties.get(&prompt.id) else { continue };
        let row = Difficult {
            id: prompt.id.clone(),
            source: prompt.source.clone(),
            prompt: prompt.prompt.clone(),
            difficulty: *difficulty,
        };
        if prompt.split == Split::Train { found.train.push(row) } else { found.dev.push(row) }
    }
    thin(&mut found.train, sample.map(|it| 4 * it), |row| &row.id);
    thin(&mut found.dev, sample, |row| &row.id);
    found.corpus = corpus;
    Ok(Ok(found))
}

/// Difficulties of the labels' file by prompt.
fn difficulties(path: &Path) -> Result<BTreeMap<String, f64>, ReportError> {
    #[derive(Deserialize)]
    struct Label {
        prompt_id: String,
        irt_b: f64,
    }
    let rows: Vec<Label> = rows(path, |row: &Label| {
        row.irt_b.is_finite().then_some(()).ok_or_else(|| format!("`irt_b` is {}, expected a number", row.irt_b))
    })?;
    Ok(rows.into_iter().map(|row| (row.prompt_id, row.irt_b)).collect())
}

fn bench(
    folder: &Path,
    name: &str,
    sample: Option<usize>,
    files: &mut Vec<FileUsed>,
) -> Result<Found<Bench>, ReportError> {
    let path = |kind: &str| folder.join(format!("{name}-{kind}.jsonl.zst"));
    let (prompt_file, outcome_file) = (path("prompts"), path("outcomes"));
    if let Some(path) = [&prompt_file, &outcome_file].into_iter().find(|path| !path.exists()) {
        return Ok(Err(absent(path)));
    }
    let options = PromptOptions { exclude_contaminated: true, first_turn: true, cluster_field: None };
    let (mut prompts, mut all) = (Prompts::default(), AllOutcomes::default());
    prompts.read(datasets::rows::open(&prompt_file)?, &file_name(&prompt_file), &options)?;
    all.read(datasets::rows::open(&outcome_file)?, &file_name(&outcome_file), &prompts)?;
    files.extend([used("prompts", &prompt_file)?, used("outcomes", &outcome_file)?]);
    let joined = join(&prompts, &all, &Wanted { strong: STRONG, weak: WEAK, costs: Costs::OfOutcomes, strict: true })?;
    let keep = sample.unwrap_or(usize::MAX).min(joined.places.len());
    let first = |values: &[f64]| values[..keep].to_vec();
    let outcomes = &joined.outcomes;
    Ok(Ok(Bench {
        ids: joined.places[..keep].iter().map(|place| prompts.rows[*place].id.clone()).collect(),
        texts: joined.places[..keep].iter().map(|place| prompts.rows[*place].text.clone()).collect(),
        outcomes: Outcomes::with_flat_costs(first(&outcomes.weak), first(&outcomes.strong), 0.0, 1.0),
    }))
}

fn blind(folder: &Path, files: &mut Vec<FileUsed>) -> Result<Found<Vec<BlindPrompt>>, ReportError> {
    let path = folder.join("blind.jsonl");
    if !path.exists() {
        return Ok(Err(absent(&path)));
    }
    files.push(used("blind", &path)?);
    Ok(Ok(datasets::blind(folder)?))
}

/// Reads and checks a whole file; its faults are reported together.
fn rows<T: serde::de::DeserializeOwned>(
    path: &Path,
    check: impl Fn(&T) -> Result<(), String>,
) -> Result<Vec<T>, DatasetError> {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for item in datasets::rows::read::<T>(datasets::rows::open(path)?) {
        match item.map_err(|source| DatasetError::Read { path: path.to_owned(), source })? {
            Ok((line, row)) => match check(&row) {
                Ok(()) => found.push(row),
                Err(reason) => faults.push(datasets::RowFault { line, reason }),
            },
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(DatasetError::Rows { path: path.to_owned(), faults }) }
}

/// Keeps so many, chosen by the hash of their ids, in an order that hangs on nothing else.
fn thin<T>(rows: &mut Vec<T>, keep: Option<usize>, id: impl Fn(&T) -> &str) {
    if let Some(keep) = keep {
        rows.sort_by_key(|row| crate::statistics::sampling::key(id(row)));
        rows.truncate(keep);
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file with its hash; its folder does not travel.
fn used(role: &'static str, path: &Path) -> Result<FileUsed, DatasetError> {
    let bytes = std::fs::read(path).map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    Ok(FileUsed { role, name: file_name(path), blake3: blake3::hash(&bytes).to_hex().to_string() })
}
