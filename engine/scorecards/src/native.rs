//! Reads `evalkit.scorecard/1`, strictly: unknown keys are refused with their path.
//!
//! What a scorecard does not hold (slices, samples, overrides, blends, intervals of another level than 95 %) is flagged.

use std::collections::BTreeMap;

use domain::{Direction, Interval, Missing, ModelId, Normalisation, SourceKind};

use crate::assemble::{Entry, Facts};
use crate::fault::{Faults, Place};
use crate::flag::{Flag, FlagKind};
use crate::names::{did_you_mean, quoted, slug};
use crate::node::{Node, Table};
use crate::table::Number;

/// What the format calls itself.
pub(crate) const SCHEMA: &str = "evalkit.scorecard/1";
/// Stands where a scorecard has no version, since the format demands one.
pub(crate) const UNVERSIONED: &str = "unversioned";
/// The level of the intervals that are kept.
pub(crate) const LEVEL: f64 = 0.95;

const MISSING: [(&str, Missing); 6] = [
    ("lower_bound", Missing::LowerBound),
    ("median", Missing::Median),
    ("renormalise", Missing::Renormalise),
    ("min", Missing::Min),
    ("zero", Missing::Zero),
    ("exclude", Missing::Exclude),
];

/// Returns the scores of a document.
pub(crate) fn read(text: &str, faults: &mut Faults, flags: &mut Vec<Flag>) -> Vec<Entry> {
    let Some(root) = Node::json(text, faults) else { return Vec::new() };
    let Some(root) = Table::of(&root, "", faults) else { return Vec::new() };
    root.refuse_unknown(
        &[
            "schema",
            "id",
            "created_at",
            "producer",
            "benchmarks",
            "models",
            "scores",
            "overrides",
            "blends",
            "manifest",
        ],
        faults,
    );
    match root.demand_text("schema", faults) {
        Some(SCHEMA) | None => {}
        Some(other) => {
            let message = format!("`{}` is not a format that is read here: write `{SCHEMA}`", quoted(other));
            faults.add(&root.at("schema"), message);
        }
    }
    root.demand_text("id", faults);
    root.demand_text("created_at", faults);
    if let Some(producer) = root.demand_table("producer", faults) {
        producer.refuse_unknown(&["name", "version", "git_commit", "dirty"], faults);
    }
    let benchmarks = benchmarks(&root, faults);
    let models = models(&root, faults);
    let mut left_out = |message: String| {
        flags.push(Flag { kind: FlagKind::LeftOut, scorecard: String::new(), model: None, message });
    };
    for (key, cure) in [("overrides", "put them into a blend"), ("blends", "save them as blends")] {
        let count = root.list(key, faults).len();
        if count > 0 {
            left_out(format!("{count} {key} are no scores: {cure}"));
        }
    }
    let mut entries = Vec::new();
    for (place, node) in root.list("scores", faults).iter().enumerate() {
        let Some(score) = Table::of(node, format!("scores[{place}]"), faults) else { continue };
        entries.extend(entry(&score, &benchmarks, &models, faults, &mut left_out));
    }
    if root.get("scores").is_none() {
        faults.add(&root.at("scores"), "is missing: write a list");
    }
    entries
}

type Benchmarks = BTreeMap<(String, String), Facts>;

fn benchmarks(root: &Table<'_>, faults: &mut Faults) -> Benchmarks {
    let mut benchmarks = Benchmarks::new();
    for (place, node) in root.demand_list("benchmarks", faults).iter().enumerate() {
        let Some(table) = Table::of(node, format!("benchmarks[{place}]"), faults) else { continue };
        table.refuse_unknown(
            &[
                "id",
                "name",
                "version",
                "kind",
                "capabilities",
                "metric",
                "dataset",
                "scorer",
                "missing",
                "stale_after_days",
                "source",
            ],
            faults,
        );
        let (Some(id), Some(version)) = (table.demand_text("id", faults), table.demand_text("version", faults)) else {
            continue;
        };
        if slug(id) != id {
            let message = format!("`{}` is no id: write 1 to 64 of a-z, 0-9 and . _ -", quoted(id));
            faults.add(&table.at("id"), message);
        }
        let facts = benchmark(&table, id, version, faults);
        if benchmarks.insert((id.to_owned(), version.to_owned()), facts).is_some() {
            faults.add(&table.at("id"), format!("`{id}` version `{version}` stands twice: keep one of them"));
        }
    }
    benchmarks
}

fn benchmark(table: &Table<'_>, id: &str, version: &str, faults: &mut Faults) -> Facts {
    const KINDS: [(&str, SourceKind); 4] = [
        ("published", SourceKind::Published),
        ("eval", SourceKind::Eval),
        ("uploaded", SourceKind::Uploaded),
        ("derived", SourceKind::Eval),
    ];
    let mut facts = Facts {
        benchmark: id.to_owned(),
        version: (version != UNVERSIONED).then(|| version.to_owned()),
        source: table.demand_choice("kind", &KINDS, faults),
        stale_after_days: table.count("stale_after_days", faults),
        ..Facts::default()
    };
    for (place, node) in table.list("capabilities", faults).iter().enumerate() {
        match node {
            Node::Text(text) => facts.capabilities.push(text.clone()),
            _ => faults.add(&Place::path(format!("{}[{place}]", table.path("capabilities"))), "is no text: write one"),
        }
    }
    if let Some(metric) = table.demand_table("metric", faults) {
        read_metric(&metric, &mut facts, faults);
    }
    if let Some(missing) = table.table("missing", faults) {
        missing.refuse_unknown(&["mode", "penalty_se", "min_coverage"], faults);
        facts.missing = missing.demand_choice("mode", &MISSING, faults);
    }
    if let Some(source) = table.table("source", faults) {
        let source = provenance(&source, faults);
        (facts.licence, facts.url, facts.retrieved) = (source.licence, source.url, source.retrieved);
        facts.observed = source.observed;
    }
    facts
}

fn read_metric(metric: &Table<'_>, facts: &mut Facts, faults: &mut Faults) {
    const DIRECTIONS: [(&str, Direction); 2] = [("higher", Direction::Higher), ("lower", Direction::Lower)];
    metric.refuse_unknown(&["id", "unit", "direction", "scale", "min", "max", "chance", "elo_reference"], faults);
    facts.metric = metric.demand_text("id", faults).map(str::to_owned);
    facts.unit = metric.owned("unit", faults);
    facts.direction = metric.demand_choice("direction", &DIRECTIONS, faults);
    let scales = [
        ("linear", Scale::Linear),
        ("chance_adjusted", Scale::ChanceAdjusted),
        ("elo_expected", Scale::EloExpected),
        ("log", Scale::Log),
    ];
    let Some(scale) = metric.demand_choice("scale", &scales, faults) else { return };
    let mut number = |key| metric.demand_number(key, faults);
    facts.normalisation = match scale {
        Scale::Linear => number("min").zip(number("max")).map(|(min, max)| Normalisation::Bounds { min, max }),
        Scale::Log => number("min").zip(number("max")).map(|(min, max)| Normalisation::Log { min, max }),
        Scale::ChanceAdjusted => number("min")
            .zip(number("max"))
            .zip(number("chance"))
            .map(|((min, max), chance)| Normalisation::ChanceAdjusted { min, max, chance }),
        Scale::EloExpected => number("elo_reference").map(|anchor| Normalisation::EloExpected { anchor }),
    };
}

#[derive(Clone, Copy)]
enum Scale {
    Linear,
    ChanceAdjusted,
    EloExpected,
    Log,
}

struct Provenance {
    licence: Option<String>,
    url: Option<String>,
    observed: Option<domain::Date>,
    retrieved: Option<domain::Date>,
}

fn provenance(table: &Table<'_>, faults: &mut Faults) -> Provenance {
    table.refuse_unknown(
        &["origin", "run_id", "uri", "commit", "retrieved_at", "observed_at", "licence", "relationship", "uploaded_by"],
        faults,
    );
    let origins = [("published", ()), ("run", ()), ("upload", ()), ("override", ())];
    table.demand_choice("origin", &origins, faults);
    Provenance {
        licence: table.owned("licence", faults),
        url: table.owned("uri", faults),
        observed: table.day("observed_at", faults),
        retrieved: table.day("retrieved_at", faults),
    }
}

/// A model of the document: its id where that is one, and its name as published.
struct Model {
    id: Option<ModelId>,
    published: String,
}

fn models(root: &Table<'_>, faults: &mut Faults) -> BTreeMap<String, Model> {
    let mut models = BTreeMap::new();
    for (place, node) in root.demand_list("models", faults).iter().enumerate() {
        let Some(table) = Table::of(node, format!("models[{place}]"), faults) else { continue };
        table.refuse_unknown(&["id", "provider", "revision", "aliases", "variant"], faults);
        let Some(id) = table.demand_text("id", faults) else { continue };
        let alias = table.list("aliases", faults).iter().find_map(|it| match it {
            Node::Text(text) => Some(text.clone()),
            _ => None,
        });
        let effort = table.table("variant", faults).and_then(|it| it.owned("reasoning_effort", faults));
        // An effort that the id does not say makes another model of it.
        let full = match &effort {
            Some(effort) if !id.contains('@') => format!("{id}@{effort}"),
            _ => id.to_owned(),
        };
        let model = Model { id: ModelId::parse(&full).ok(), published: alias.unwrap_or_else(|| id.to_owned()) };
        if models.insert(id.to_owned(), model).is_some() {
            faults.add(&table.at("id"), format!("`{}` stands twice: keep one of them", quoted(id)));
        }
    }
    models
}

fn entry(
    score: &Table<'_>,
    benchmarks: &Benchmarks,
    models: &BTreeMap<String, Model>,
    faults: &mut Faults,
    left_out: &mut impl FnMut(String),
) -> Option<Entry> {
    score.refuse_unknown(
        &[
            "benchmark",
            "benchmark_version",
            "model",
            "raw",
            "n",
            "successes",
            "n_error",
            "n_unscored",
            "se",
            "clusters",
            "trials",
            "ci",
            "slices",
            "cost",
            "latency",
            "samples",
            "flags",
            "provenance",
        ],
        faults,
    );
    let raw = score.demand_number("raw", faults);
    let id = score.demand_text("benchmark", faults)?;
    let version = score.demand_text("benchmark_version", faults)?;
    let model = score.demand_text("model", faults)?;
    let Some(facts) = benchmarks.get(&(id.to_owned(), version.to_owned())) else {
        let has_other = benchmarks.keys().any(|(known, _)| known == id);
        let (key, message) = if has_other {
            (
                "benchmark_version",
                format!("there is no version `{}` of `{id}` in `benchmarks`: add it", quoted(version)),
            )
        } else {
            let meant = did_you_mean(id, benchmarks.keys().map(|(id, _)| id.as_str()));
            ("benchmark", format!("there is no `{}` in `benchmarks`{}", quoted(id), or_add(meant)))
        };
        faults.add(&score.at(key), message);
        return None;
    };
    let Some(model) = models.get(model) else {
        let meant = did_you_mean(model, models.keys().map(String::as_str));
        faults.add(&score.at("model"), format!("there is no `{}` in `models`{}", quoted(model), or_add(meant)));
        return None;
    };
    let mut entry = Entry::new(score.at("raw"), facts.clone(), &model.published, Number::plain(raw?));
    entry.id.clone_from(&model.id);
    entry.n = score.count("n", faults);
    entry.successes =
        score.number("successes", faults).filter(|it| *it >= 0.0 && it.fract() == 0.0).map(|it| it as u64);
    entry.standard_error = score.number("se", faults);
    entry.interval = interval(score, faults, left_out);
    entry.cost_per_thousand = score.table("cost", faults).and_then(|it| it.number("list_usd_per_1k", faults));
    entry.observed = score.demand_table("provenance", faults).and_then(|it| provenance(&it, faults).observed);
    for key in ["slices", "samples"] {
        if score.get(key).is_some() {
            left_out(format!("`{}` is kept in no scorecard", score.path(key)));
        }
    }
    Some(entry)
}

fn or_add(meant: String) -> String {
    if meant.is_empty() { ": add it".to_owned() } else { meant }
}

fn interval(score: &Table<'_>, faults: &mut Faults, left_out: &mut impl FnMut(String)) -> Option<Interval> {
    let ci = score.table("ci", faults)?;
    ci.refuse_unknown(&["lo", "hi", "level", "method"], faults);
    let ends = ci.demand_number("lo", faults).zip(ci.demand_number("hi", faults));
    let level = ci.demand_number("level", faults)?;
    if (level - LEVEL).abs() > 1e-9 {
        left_out(format!("`{}`: an interval of level {level}; only those of 0.95 are kept, or `se`", ci.path("level")));
        return None;
    }
    ends.map(|(low, high)| Interval { low, high })
}
