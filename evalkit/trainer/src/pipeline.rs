//! A whole run: data in, artefact out.
//!
//! First one network for each author held out: together they judge every graded prompt unseen, which gives calibration and
//! report. Then the network that ships, fitted to all authors.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use datasets::{Corpus, EverydayPrompt, Split};
use scorer::artifact::MANIFEST;
use scorer::calibration::Calibration;
use scorer::inputs::INPUTS;
use scorer::models::Models;
use scorer::network::Shape;
use scorer::tokens::TokenReader;
use scorer::wide::Wide;

use crate::TrainError;
use crate::ability::{self, outcomes::RightReport};
use crate::calibrate::{self, Judged};
use crate::config::Config;
use crate::examples::{self, Encoded, Example, scale_grade};
use crate::export::{self, Parts};
use crate::fit::{self, Data, Epoch, Pace};
use crate::folds::{self, Folds};
use crate::initial::{Beginning, Initial};
use crate::model::{Model, Start};
use crate::report::{self, GENERATED, Graded, PUBLIC_TRAIN, Report, WRITTEN};
use crate::resume::{self, Kept};
use crate::sources;

/// Where a run's inputs lie.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Folder of public prompts and outcomes.
    pub data: Option<PathBuf>,
    /// Files of own outcomes.
    pub rows: Vec<PathBuf>,
    /// Folder of graded prompts.
    pub everyday: PathBuf,
    /// Where training starts.
    pub initial: Initial,
    /// Folder under which the artefact's folder is made.
    pub out: PathBuf,
    /// Fit every network, even those that an interrupted run has kept.
    pub fresh: bool,
    /// Take the place of a scorer of the same version.
    pub overwrite: bool,
}

/// Where a run stands.
#[derive(Clone, Debug)]
pub enum Progress {
    /// What it turns to, in words, where that takes a while.
    Turned(&'static str),
    /// Data is read: how many rows of which kind.
    Read(BTreeMap<String, usize>),
    /// A network is being fitted: which of how many, without which authors.
    Fitting(usize, usize, Vec<String>),
    /// A network has made a step: which network, which step, of how many if it does not stop early.
    Stepped(usize, usize, usize),
    /// A pass of a network has ended.
    Passed(usize, Epoch),
    /// A network is ready: which of how many, and whether an earlier run had fitted it.
    Fitted(usize, usize, bool),
}

/// Everything read.
struct Material {
    tokenizer: Vec<u8>,
    reader: TokenReader,
    start: Start,
    shape: Shape,
    prompts: Vec<EverydayPrompt>,
    everyday: Vec<Example>,
    public: Vec<Example>,
    public_dev: Vec<Example>,
    folds: Folds,
    wide: Wide,
    corpus: Corpus,
    /// BLAKE3 of the file that holds the table.
    beginning: String,
    /// The table is a trained scorer's.
    from_scorer: bool,
}

/// Trains, calibrates, measures and writes an artefact; returns its folder and what was measured.
///
/// # Errors
/// When data is bad, the configuration is impossible, or a file cannot be written.
pub fn train(
    config: &Config,
    inputs: &Inputs,
    seed: u64,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(PathBuf, Report), TrainError> {
    config.validate()?;
    if !inputs.overwrite && inputs.out.join(&config.version).join(MANIFEST).is_file() {
        return Err(TrainError::AlreadyThere(inputs.out.join(&config.version)));
    }
    on_progress(Progress::Turned("reading the data"));
    let material = Material::read(config, inputs, seed)?;
    on_progress(Progress::Read(material.rows()));
    let kept = Kept::open(&inputs.out, &config.version, material.key(config, seed), inputs.fresh)?;
    let (networks, model) = fit_all(config, &material, seed, &kept, on_progress)?;
    on_progress(Progress::Turned("judging what was held out"));
    let judged = judge(&material, &networks)?;
    let (models, right) = abilities(&material, &networks, &model)?;
    let calibration = calibrate::fit(&judged, &config.reference);
    on_progress(Progress::Turned("measuring, and writing the scorer"));
    let mut report = measure(config, &material, &model, &judged, &calibration)?;
    report.right = right;
    let parts = Parts {
        version: &config.version,
        shape: material.shape,
        weights: model.weights(&material.wide)?,
        tokenizer: &material.tokenizer,
        calibration: &calibration,
        models: models.as_ref(),
        report: &report,
        provenance: provenance(config, &material, seed),
    };
    let folder = export::write(&inputs.out, parts)?;
    kept.clear()?;
    Ok((folder, report))
}

impl Material {
    fn read(config: &Config, inputs: &Inputs, seed: u64) -> Result<Self, TrainError> {
        // Rows come first: a fault in them is the caller's to mend, and takes the longest.
        let corpus = sources::corpus(inputs.data.as_deref(), &inputs.rows)?;
        let Beginning { tokenizer, start, hash, from_scorer } = inputs.initial.read()?;
        let (vocabulary, width) = start.table.dims2()?;
        let shape = Shape {
            vocabulary,
            width,
            queries: config.queries,
            ask_queries: config.ask_queries,
            last_queries: config.last_queries,
            inputs: INPUTS,
            hidden: config.hidden,
            max_tokens: config.max_tokens,
        };
        let reader = TokenReader::parse(&tokenizer, &shape)?;
        let prompts = datasets::everyday::load(&inputs.everyday)?;
        let mut everyday = examples::everyday(&prompts, config, &reader, seed)?;
        let grades = inputs.everyday.with_file_name("grades").join("public.jsonl");
        let grades = if grades.is_file() { datasets::public_grades(&grades)? } else { BTreeMap::new() };
        let (mut public, mut public_dev) = examples::public(&corpus, &grades, config, &reader, seed)?;
        public.extend(examples::generated(config, &reader, seed)?);
        let folds = Folds::of(prompts.iter().map(|it| it.author.as_str()), config.folds);
        let wide = folds::describe(&mut [&mut everyday, &mut public], &mut public_dev, &folds, config.wide_penalty);
        Ok(Self {
            tokenizer,
            reader,
            start,
            shape,
            prompts,
            everyday,
            public,
            public_dev,
            folds,
            wide,
            corpus,
            beginning: hash,
            from_scorer,
        })
    }

    fn rows(&self) -> BTreeMap<String, usize> {
        let mut rows = BTreeMap::from([
            (WRITTEN.to_owned(), self.everyday.len()),
            (PUBLIC_TRAIN.to_owned(), self.public.iter().filter(|it| it.author.is_empty()).count()),
            (GENERATED.to_owned(), self.public.iter().filter(|it| !it.author.is_empty()).count()),
            ("public prompts, dev".to_owned(), self.public_dev.len()),
        ]);
        rows.insert("outcomes".to_owned(), self.corpus.outcomes.values().map(Vec::len).sum());
        rows
    }

    /// Data of a fit without a fold's authors and public prompts.
    fn without(&self, config: &Config, fold: Option<usize>) -> Data<'_> {
        let chosen = |it: &&Example| Some(self.folds.fold(it)) != fold;
        let (everyday, public) = (self.everyday.iter().filter(chosen), self.public.iter().filter(chosen));
        Data::split(everyday.collect(), public.collect(), &self.public_dev, config.dev_one_in)
    }

    /// What the networks of this run are made from.
    fn key(&self, config: &Config, seed: u64) -> String {
        let settled = format!("{config:?} {seed} {:?} {}", self.shape, self.beginning);
        resume::key(&settled, [&self.everyday, &self.public, &self.public_dev].into_iter().flatten())
    }
}

/// Fits one network for each fold, without it, and one to everything; as many at a time as there are cores. The first
/// judge each graded prompt without having seen its author; the last is the one that ships.
fn fit_all(
    config: &Config,
    material: &Material,
    seed: u64,
    kept: &Kept,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(BTreeMap<usize, Model>, Model), TrainError> {
    let count = material.folds.count();
    let next = AtomicUsize::new(0);
    let progress = Mutex::new(on_progress);
    let say = |it| {
        if let Ok(mut on_progress) = progress.lock() {
            on_progress(it);
        }
    };
    let work = || -> Result<Vec<(usize, Model)>, TrainError> {
        let mut fitted = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at > count {
                return Ok(fitted);
            }
            let fold = (at < count).then_some(at);
            let unseen = fold.map(|fold| material.folds.authors(fold)).unwrap_or_default();
            say(Progress::Fitting(at + 1, count + 1, unseen.into_iter().map(str::to_owned).collect()));
            let data = material.without(config, fold);
            let on_pace = &mut |pace| {
                say(match pace {
                    Pace::Stepped(step, of) => Progress::Stepped(at + 1, step, of),
                    Pace::Passed(epoch) => Progress::Passed(at + 1, epoch),
                });
            };
            let earlier = Model::new(material.shape, config.rank, &material.start, seed)?;
            let had = kept.restore(at, &earlier)?;
            let model = if had {
                earlier
            } else {
                let model = fit::fit(config, material.shape, &material.start, &data, seed, on_pace)?;
                kept.keep(at, &model)?;
                model
            };
            say(Progress::Fitted(at + 1, count + 1, had));
            fitted.push((at, model));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(count + 1);
    let parts: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|it| it.join().unwrap_or(Err(TrainError::Panicked))).collect()
    });
    let mut models = BTreeMap::new();
    for part in parts {
        models.extend(part?);
    }
    let shipped = models.remove(&count).ok_or(TrainError::Panicked)?;
    Ok((models, shipped))
}

/// Judges each graded prompt by the network that has not seen its fold.
fn judge(material: &Material, models: &BTreeMap<usize, Model>) -> Result<Vec<Judged>, TrainError> {
    let mut judged = vec![None; material.prompts.len()];
    for (fold, model) in models {
        let held: Vec<usize> =
            (0..judged.len()).filter(|it| material.folds.fold(&material.everyday[*it]) == *fold).collect();
        let said = fit::predict(model, &held.iter().map(|it| &material.everyday[*it]).collect::<Vec<_>>())?;
        for (row, said) in held.into_iter().zip(said) {
            let prompt = &material.prompts[row];
            judged[row] = Some(Judged {
                said,
                grade: scale_grade(prompt.grade),
                level: prompt.level,
                tags: prompt.tag_shares.map(agreed),
                log_output: prompt.expected_output_tokens.ln(),
            });
        }
    }
    Ok(judged.into_iter().flatten().collect())
}

/// Whether a tag is there, where all gradings say the same.
fn agreed(share: f64) -> Option<bool> {
    (share.fract() == 0.0).then_some(share > 0.5)
}

/// Places the models of the outcomes: by what the networks say of train prompts that they have not seen. How good that is,
/// is told by dev prompts and the network that ships.
fn abilities(
    material: &Material,
    networks: &BTreeMap<usize, Model>,
    shipped: &Model,
) -> Result<(Option<Models>, Option<RightReport>), TrainError> {
    let mut train = BTreeMap::new();
    for (fold, model) in networks {
        let held: Vec<_> = material.public.iter().filter(|it| material.folds.fold(it) == *fold).collect();
        let said = fit::predict(model, &held)?;
        train.extend(held.into_iter().zip(said).map(|(it, said)| (it.id.as_str(), said.difficulty)));
    }
    let said = fit::predict(shipped, &material.public_dev.iter().collect::<Vec<_>>())?;
    let dev = material.public_dev.iter().zip(said).map(|(it, said)| (it.id.as_str(), said.difficulty)).collect();
    Ok(match ability::outcomes::fitted(&material.corpus, &train, &dev) {
        Some((models, report)) => (Some(models), report),
        None => (None, None),
    })
}

fn measure(
    config: &Config,
    material: &Material,
    model: &Model,
    judged: &[Judged],
    calibration: &Calibration,
) -> Result<Report, TrainError> {
    let graded = Graded { prompts: &material.prompts, judged, calibration };
    let said = fit::predict(model, &material.public_dev.iter().collect::<Vec<_>>())?;
    Ok(Report {
        version: config.version.clone(),
        difficulty: report::difficulty(&material.public_dev, &said),
        clear_cases: graded.clear_cases(|_| true),
        by_author: graded.by(|it| &it.author),
        by_language: graded.by(|it| &it.language),
        by_kind: graded.by(|it| &it.kind),
        pairs: graded.pairs(),
        grade_correlation: graded.correlation(|it| it.grade),
        length_correlation: graded.correlation(|it| it.prompt.len() as f64),
        tags_macro_f1: graded.tags(),
        output_log_ratio: graded.output(),
        arena_hard_bands: arena_hard(material, model, calibration)?,
        rows: material.rows(),
        right: None,
        from_scorer: material.from_scorer,
    })
}

/// Where unlabelled prompts of hard traffic fall: shares below 0.4, between, above 0.6.
fn arena_hard(material: &Material, model: &Model, calibration: &Calibration) -> Result<[f64; 3], TrainError> {
    let prompts = material.corpus.prompts.values();
    let texts = prompts.filter(|it| it.source == "arena-hard" && it.split == Split::Dev).map(|it| it.prompt.as_str());
    let mut bands = [0.0; 3];
    for text in texts {
        let mut prompt = Encoded::of(&examples::plain(text), &material.reader)?;
        prompt.describe(&material.wide);
        let heads = model.forward(&[&prompt], None)?;
        let raw = heads.complexity.to_vec1::<f32>()?.first().copied().map_or(f64::NAN, f64::from);
        let complexity = calibration.map(raw).0;
        bands[usize::from(complexity >= 0.4) + usize::from(complexity > 0.6)] += 1.0;
    }
    let total: f64 = bands.iter().sum::<f64>().max(1.0);
    Ok(bands.map(|band| band / total))
}

fn provenance(config: &Config, material: &Material, seed: u64) -> BTreeMap<String, String> {
    let mut found = BTreeMap::from([
        ("seed".to_owned(), seed.to_string()),
        ("initial table".to_owned(), material.beginning.clone()),
    ]);
    let configuration = format!("{config:?}");
    found.insert("configuration".to_owned(), blake3::hash(configuration.as_bytes()).to_hex().to_string());
    let mut graded = blake3::Hasher::new();
    for prompt in &material.prompts {
        graded.update(format!("{prompt:?}\n").as_bytes());
    }
    found.insert("graded prompts".to_owned(), graded.finalize().to_hex().to_string());
    found.extend(material.corpus.hashes.iter().map(|(file, hash)| (file.clone(), hash.clone())));
    found
}
