//! Writes `evalkit.scorecard/1`. The same scorecards give the same bytes.

use std::collections::BTreeMap;

use domain::{Date, Direction, Missing, Normalisation, SourceKind, Timestamp};
use serde::Serialize;

use crate::native::{LEVEL, SCHEMA, UNVERSIONED};
use crate::spec::{CellSpec, ScorecardSpec};

/// What a document says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// By which program, and its version.
    pub producer: (String, String),
}

#[derive(Serialize)]
struct Producer<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Benchmark<'a> {
    id: &'a str,
    version: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<&'static str>,
    metric: Metric<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_after_days: Option<u64>,
    source: Provenance<'a>,
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

#[derive(Serialize)]
struct Metric<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    direction: &'static str,
    scale: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elo_reference: Option<f64>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<&'a str>,
}

#[derive(Serialize)]
struct Score<'a> {
    benchmark: &'a str,
    benchmark_version: &'a str,
    model: &'a str,
    raw: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    se: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci: Option<Ci>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    provenance: Provenance<'a>,
}

#[derive(Serialize)]
struct Ci {
    lo: f64,
    hi: f64,
    level: f64,
    method: &'static str,
}

#[derive(Serialize)]
struct Cost {
    list_usd_per_1k: f64,
}

#[derive(Serialize)]
struct Provenance<'a> {
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retrieved_at: Option<&'a Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_at: Option<&'a Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<&'a str>,
}

/// Returns the scorecards as one document, a line a score.
///
/// # Panics
/// Never: scores that were read are numbers, and keys are texts.
pub fn render(heading: &Heading, scorecards: &[ScorecardSpec]) -> String {
    let (name, version) = &heading.producer;
    let scores = scorecards.iter().flat_map(|card| card.cells.iter().map(|cell| score(card, cell)));
    format!(
        "{{\n \"schema\":{},\n \"id\":{},\n \"created_at\":{},\n \"producer\":{},\n \"benchmarks\":{},\n \"models\":{},\n \
         \"scores\":{}\n}}\n",
        json(&SCHEMA),
        json(&heading.id),
        json(&heading.created_at.to_string()),
        json(&Producer { name, version }),
        lines(scorecards.iter().map(benchmark)),
        lines(models(scorecards).into_iter()),
        lines(scores),
    )
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and finite numbers become JSON")
}

/// A list with an item a line, so that a change of one score is a change of one line.
fn lines<T: Serialize>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|it| json(&it)).collect();
    if items.is_empty() { "[]".to_owned() } else { format!("[\n  {}\n ]", items.join(",\n  ")) }
}

fn version(card: &ScorecardSpec) -> &str {
    if card.version.is_empty() { UNVERSIONED } else { &card.version }
}

fn benchmark(card: &ScorecardSpec) -> Benchmark<'_> {
    Benchmark {
        id: &card.name,
        version: version(card),
        kind: kind(card.source.kind),
        capabilities: card.capabilities.iter().map(|it| it.as_str()).collect(),
        metric: metric(card),
        missing: card.missing.map(Missing::as_str).map(|mode| Mode { mode }),
        stale_after_days: card.stale_after_days,
        source: Provenance {
            origin: origin(card.source.kind),
            uri: card.source.url.as_deref(),
            retrieved_at: card.retrieved.as_ref(),
            observed_at: card.source.date.as_ref(),
            licence: card.source.licence.as_deref(),
        },
    }
}

fn metric(card: &ScorecardSpec) -> Metric<'_> {
    let direction = match card.direction {
        Direction::Higher => "higher",
        Direction::Lower => "lower",
    };
    let bare = Metric {
        id: &card.metric,
        unit: card.unit.as_deref(),
        direction,
        scale: "linear",
        min: None,
        max: None,
        chance: None,
        elo_reference: None,
    };
    match card.normalisation {
        Normalisation::Bounds { min, max } => Metric { min: Some(min), max: Some(max), ..bare },
        Normalisation::ChanceAdjusted { min, max, chance } => {
            Metric { scale: "chance_adjusted", min: Some(min), max: Some(max), chance: Some(chance), ..bare }
        }
        Normalisation::EloExpected { anchor } => Metric { scale: "elo_expected", elo_reference: Some(anchor), ..bare },
        Normalisation::Log { min, max } => Metric { scale: "log", min: Some(min), max: Some(max), ..bare },
    }
}

const fn kind(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Published => "published",
        SourceKind::Eval => "eval",
        SourceKind::Uploaded => "uploaded",
    }
}

const fn origin(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Published => "published",
        SourceKind::Eval => "run",
        SourceKind::Uploaded => "upload",
    }
}

/// Every model once, by id, with the names that it was published under.
fn models(scorecards: &[ScorecardSpec]) -> Vec<Model<'_>> {
    let mut models: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cell in scorecards.iter().flat_map(|it| &it.cells) {
        let aliases = models.entry(cell.cell.model.as_str()).or_default();
        if cell.published != cell.cell.model.as_str() && !aliases.contains(&cell.published.as_str()) {
            aliases.push(&cell.published);
        }
    }
    models.into_iter().map(|(id, aliases)| Model { id, aliases }).collect()
}

fn score<'a>(card: &'a ScorecardSpec, cell: &'a CellSpec) -> Score<'a> {
    let ci = cell.cell.interval.map(|it| Ci {
        lo: it.low,
        hi: it.high,
        level: LEVEL,
        // Only boards with counts have intervals of our own making.
        method: if cell.successes.is_some() { "wilson" } else { "reported" },
    });
    Score {
        benchmark: &card.name,
        benchmark_version: version(card),
        model: cell.cell.model.as_str(),
        raw: cell.cell.score,
        n: cell.cell.n,
        successes: cell.successes,
        se: cell.cell.standard_error,
        ci,
        cost: cell.cost_per_thousand.map(|list_usd_per_1k| Cost { list_usd_per_1k }),
        provenance: Provenance {
            origin: origin(card.source.kind),
            uri: None,
            retrieved_at: None,
            observed_at: cell.observed.as_ref(),
            licence: None,
        },
    }
}
