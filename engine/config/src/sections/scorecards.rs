//! `[[scorecards]]`: one benchmark's scores per model, and how they are to be read. The scores stand here, or in a file.

mod file;

use domain::desired::ScorecardSpec;
use domain::{CapabilityTag, Date, Direction, Interval, Missing, Normalisation, ScoreCell, SourceKind, SourceNote};

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::node::Value;
use crate::readers::{choice, count, date, figure, items, list, model_id, name, not_one_of, object, text};

pub(crate) const MISSING: [(&str, Missing); 6] = [
    ("lower_bound", Missing::LowerBound),
    ("median", Missing::Median),
    ("renormalise", Missing::Renormalise),
    ("min", Missing::Min),
    ("zero", Missing::Zero),
    ("exclude", Missing::Exclude),
];
const DIRECTIONS: [(&str, Direction); 2] = [("higher", Direction::Higher), ("lower", Direction::Lower)];
const KINDS: [(&str, SourceKind); 3] =
    [("published", SourceKind::Published), ("eval", SourceKind::Eval), ("uploaded", SourceKind::Uploaded)];
const SCALES: [(&str, Scale); 4] = [
    ("linear", Scale::Linear),
    ("log", Scale::Log),
    ("elo_expected", Scale::EloExpected),
    ("chance_adjusted", Scale::ChanceAdjusted),
];

/// How scores become comparable, before its figures are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Log,
    EloExpected,
    ChanceAdjusted,
}

pub(crate) fn scorecard(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<ScorecardSpec> {
    if fields.peek("file").is_some() {
        return file::scorecard(fields, context);
    }
    let title = fields.require("name", ("\"…\"", ", the benchmark's name"), context, name);
    let metric = fields.require("metric", ("\"accuracy\"", ", what was measured"), context, name);
    let normalisation = normalisation(fields, context);
    let scores = scores(fields, context);
    let source = fields.read("source", context, |item, context| object(item, context, &[], source));
    let uploaded = SourceNote { kind: SourceKind::Uploaded, date: None, licence: None, url: None };
    let spec = ScorecardSpec {
        version: fields.read("version", context, name).unwrap_or_default(),
        unit: fields.read("unit", context, name),
        direction: fields
            .read("direction", context, |item, context| choice(item, context, &DIRECTIONS))
            .unwrap_or_default(),
        capabilities: fields
            .read("capabilities", context, |item, context| list(item, context, tag))
            .unwrap_or_default(),
        missing: fields.read("missing", context, |item, context| choice(item, context, &MISSING)),
        source: source.unwrap_or(uploaded),
        retrieved: fields.read("retrieved", context, day),
        stale_after_days: fields.read("stale_after_days", context, count),
        name: title?,
        metric: metric?,
        normalisation: normalisation?,
        scores: scores?,
    };
    Some(spec)
}

/// The scale and exactly the figures that it needs: the bounds are the metric's own, so they are never guessed.
fn normalisation(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Normalisation> {
    let scale = match fields.take("scale") {
        Some(item) => choice(&item, context, &SCALES)?,
        None => Scale::Linear,
    };
    if scale == Scale::EloExpected {
        for key in ["min", "max", "chance"] {
            refuse_figure(
                fields,
                context,
                key,
                "is not for elo_expected, which needs `elo_reference` only: take it out",
            );
        }
        let why = ", the rating of the opponent against whom the share of wins is told";
        let anchor = fields.require("elo_reference", ("1200.0", why), context, figure)?;
        return Some(Normalisation::EloExpected { anchor });
    }
    refuse_figure(fields, context, "elo_reference", "is for `scale = \"elo_expected\"`: take it out");
    let min = fields.require("min", ("0.0", ", the least possible score"), context, figure);
    let max = fields.require("max", ("1.0", ", the greatest possible score"), context, figure);
    if scale == Scale::ChanceAdjusted {
        let chance = fields.require("chance", ("0.25", ", what guessing scores"), context, figure);
        return Some(Normalisation::ChanceAdjusted { min: min?, max: max?, chance: chance? });
    }
    refuse_figure(fields, context, "chance", "is for `scale = \"chance_adjusted\"`: take it out");
    let (min, max) = (min?, max?);
    Some(if scale == Scale::Log { Normalisation::Log { min, max } } else { Normalisation::Bounds { min, max } })
}

fn refuse_figure(fields: &mut Fields<'_>, context: &mut Context<'_>, key: &'static str, message: &str) {
    if let Some(item) = fields.take(key) {
        item.fault::<()>(context, message);
    }
}

fn scores(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Vec<ScoreCell>> {
    fields.take("file");
    let Some(item) = fields.take("scores") else {
        let pair = context.pair("scores", "[{ model = \"provider/name\", score = 0.5 }]");
        return fields.miss("scores", format!("`scores` is missing: write {pair}, or name a `file`"));
    };
    let cells = items(&item, context)?;
    if cells.is_empty() {
        return item.fault(context, "is empty: give at least one model's score");
    }
    Some(cells.iter().filter_map(|cell| object(cell, context, &[], score)).collect())
}

pub(crate) fn score(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<ScoreCell> {
    let model = fields.require("model", ("\"provider/name\"", ""), context, model_id);
    let score = fields.require("score", ("0.5", ", in the unit of the benchmark"), context, figure);
    let cell = ScoreCell {
        n: fields.read("n", context, count),
        standard_error: fields.read("standard_error", context, figure),
        interval: fields.read("interval", context, interval),
        model: model?,
        score: score?,
    };
    Some(cell)
}

/// `[0.65, 0.77]`, a 95 % interval.
fn interval(item: &Item<'_>, context: &mut Context<'_>) -> Option<Interval> {
    let Value::List(_) = &item.node.value else {
        return item.wrong_kind(context, "the two ends of a 95 % interval, such as [0.65, 0.77]");
    };
    let ends = list(item, context, figure)?;
    match ends.as_slice() {
        [low, high] => Some(Interval { low: *low, high: *high }),
        _ => item.fault(context, "expected the two ends of a 95 % interval, such as [0.65, 0.77]"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "readers of tables have one signature")]
pub(crate) fn source(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<SourceNote> {
    let kind = fields.read("kind", context, |item, context| choice(item, context, &KINDS));
    let note = SourceNote {
        kind: kind.unwrap_or(SourceKind::Uploaded),
        date: fields.read("date", context, day),
        licence: fields.read("licence", context, name),
        url: fields.read("url", context, name),
    };
    Some(note)
}

fn day(item: &Item<'_>, context: &mut Context<'_>) -> Option<Date> {
    let text = date(item, context)?;
    Date::parse(&text).map_or_else(|error| item.fault(context, error.to_string()), Some)
}

fn tag(item: &Item<'_>, context: &mut Context<'_>) -> Option<CapabilityTag> {
    let word = text(item, context)?;
    let known = CapabilityTag::ALL.into_iter().find(|tag| tag.as_str() == word);
    known.or_else(|| item.fault(context, not_one_of(&word, &CapabilityTag::ALL.map(CapabilityTag::as_str))))
}
