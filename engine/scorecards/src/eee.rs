//! Reads Every Eval Ever: one log (a model and its results), or a list of logs.
//!
//! Fields are those of the project's `eval.schema.json`; a log says its version in `schema_version`, and 0.2 and 0.3 are
//! read. The schema forbids unknown keys at the top, so they are refused there; further down it allows them.

use domain::{Date, Direction, Interval, Normalisation, SourceKind, Timestamp};

use crate::assemble::{Entry, Facts};
use crate::fault::Faults;
use crate::names::quoted;
use crate::node::{Node, Table};
use crate::table::Number;

const MICROS_A_SECOND: f64 = 1e6;

/// Returns the scores of the logs.
pub(crate) fn read(text: &str, faults: &mut Faults) -> Vec<Entry> {
    let Some(root) = Node::json(text, faults) else { return Vec::new() };
    let mut entries = Vec::new();
    match &root {
        Node::List(logs) => {
            for (place, log) in logs.iter().enumerate() {
                read_log(log, &format!("[{place}]"), &mut entries, faults);
            }
        }
        log => read_log(log, "", &mut entries, faults),
    }
    entries
}

fn read_log(node: &Node, path: &str, entries: &mut Vec<Entry>, faults: &mut Faults) {
    let Some(log) = Table::of(node, path, faults) else { return };
    log.refuse_unknown(
        &[
            "schema_version",
            "evaluation_id",
            "dedupe_identity",
            "evaluation_timestamp",
            "retrieved_timestamp",
            "source_metadata",
            "eval_library",
            "model_info",
            "evaluation_results",
            "detailed_evaluation_results",
        ],
        faults,
    );
    if let Some(version) = log.demand_text("schema_version", faults) {
        let is_read = ["0.2", "0.3"].iter().any(|it| version == *it || version.starts_with(&format!("{it}.")));
        if !is_read {
            let message = format!("`{}` is not read here: bring the log to schema 0.2 or 0.3", quoted(version));
            faults.add(&log.at("schema_version"), message);
        }
    }
    let Some(info) = log.demand_table("model_info", faults) else { return };
    let Some(model) = info.demand_text("id", faults) else { return };
    let retrieved = moment(&log, "retrieved_timestamp", faults);
    let source = source(&log, faults);
    for (place, node) in log.demand_list("evaluation_results", faults).iter().enumerate() {
        let path = log.path(&format!("evaluation_results[{place}]"));
        let Some(result) = Table::of(node, path, faults) else { continue };
        let Some(mut entry) = entry(&result, model, faults) else { continue };
        entry.observed =
            moment(&result, "evaluation_timestamp", faults).or_else(|| moment(&log, "evaluation_timestamp", faults));
        entry.facts.retrieved.clone_from(&retrieved);
        entry.facts.source = source.0;
        entry.facts.url = entry.facts.url.take().or_else(|| source.1.clone());
        entries.push(entry);
    }
}

fn source(log: &Table<'_>, faults: &mut Faults) -> (Option<SourceKind>, Option<String>) {
    let kinds = [("documentation", SourceKind::Published), ("evaluation_run", SourceKind::Eval)];
    let Some(source) = log.demand_table("source_metadata", faults) else { return (None, None) };
    (source.demand_choice("source_type", &kinds, faults), source.owned("source_organization_url", faults))
}

fn entry(result: &Table<'_>, model: &str, faults: &mut Faults) -> Option<Entry> {
    let before = faults.count();
    let name = result.demand_text("evaluation_name", faults);
    let metric = result.demand_table("metric_config", faults);
    let details = result.demand_table("score_details", faults);
    let (name, metric, details) = (name?, metric?, details?);
    let mut facts = facts(&metric, name, faults);
    facts.url = result.table("source_data", faults).and_then(|it| match it.list("url", faults).first() {
        Some(Node::Text(url)) => Some(url.clone()),
        _ => None,
    });
    let score = details.demand_number("score", faults)?;
    // The schema's mark of a level that nobody knows: a missing score.
    if score < 0.0 && score + 1.0 == 0.0 && metric.flag("has_unknown_level", faults) == Some(true) {
        return None;
    }
    let mut entry = Entry::new(details.at("score"), facts, model, Number::plain(score));
    if let Some(uncertainty) = details.table("uncertainty", faults) {
        read_uncertainty(&uncertainty, &mut entry, faults);
    }
    (faults.count() == before).then_some(entry)
}

fn facts(metric: &Table<'_>, name: &str, faults: &mut Faults) -> Facts {
    let lower = metric.flag("lower_is_better", faults);
    if metric.get("lower_is_better").is_none() {
        faults.add(&metric.at("lower_is_better"), "is missing: write true or false");
    }
    Facts {
        benchmark: name.to_owned(),
        metric: metric.owned("metric_id", faults).or_else(|| metric.owned("metric_name", faults)),
        unit: metric.owned("metric_unit", faults),
        direction: lower.map(|it| if it { Direction::Lower } else { Direction::Higher }),
        normalisation: bounds(metric, faults),
        ..Facts::default()
    }
}

fn bounds(metric: &Table<'_>, faults: &mut Faults) -> Option<Normalisation> {
    #[derive(Clone, Copy)]
    enum ScoreType {
        Binary,
        Continuous,
        Levels,
    }
    let types = [("binary", ScoreType::Binary), ("continuous", ScoreType::Continuous), ("levels", ScoreType::Levels)];
    let told = metric.number("min_score", faults).zip(metric.number("max_score", faults));
    let told = told.map(|(min, max)| Normalisation::Bounds { min, max });
    match metric.choice("score_type", &types, faults) {
        Some(ScoreType::Binary) => told.or(Some(Normalisation::Bounds { min: 0.0, max: 1.0 })),
        Some(ScoreType::Levels) => told.or_else(|| {
            // A score is the place of its level.
            let levels = metric.list("level_names", faults).len();
            (levels > 1).then(|| Normalisation::Bounds { min: 0.0, max: (levels - 1) as f64 })
        }),
        Some(ScoreType::Continuous) | None => told,
    }
}

fn read_uncertainty(uncertainty: &Table<'_>, entry: &mut Entry, faults: &mut Faults) {
    entry.n = uncertainty.count("num_samples", faults);
    entry.standard_error = match uncertainty.get("standard_error") {
        // Early logs of 0.2 wrote the bare number.
        Some(Node::Number(_)) => uncertainty.number("standard_error", faults),
        _ => uncertainty.table("standard_error", faults).and_then(|it| it.demand_number("value", faults)),
    };
    if let Some(interval) = uncertainty.table("confidence_interval", faults) {
        let ends = interval.demand_number("lower", faults).zip(interval.demand_number("upper", faults));
        let level = interval.number("confidence_level", faults).unwrap_or(crate::native::LEVEL);
        if (level - crate::native::LEVEL).abs() < 1e-9 {
            entry.interval = ends.map(|(low, high)| Interval { low, high });
        } else if entry.standard_error.is_none() {
            let message = format!("an interval of level {level}: give one of 0.95, or a standard error beside it");
            faults.add(&interval.at("confidence_level"), message);
        }
    }
}

/// The day of a moment: seconds since 1970 as text, RFC 3339, or a date.
fn moment(table: &Table<'_>, key: &str, faults: &mut Faults) -> Option<Date> {
    let text = table.text(key, faults)?;
    if let Ok(seconds) = text.parse::<f64>() {
        let moment = Timestamp((seconds * MICROS_A_SECOND) as i64).to_string();
        return Date::parse(moment.get(..10)?).ok();
    }
    table.day(key, faults)
}
