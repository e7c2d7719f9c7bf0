//! `file = "scores.csv"`: scores that stand in a file of their own, in any format that the crate `scorecards` reads. What
//! the section says goes before what the file says.

use domain::desired::ScorecardSpec;
use domain::{SourceKind, Timestamp};
use scorecards::{Aliases, Declared, File, MAX_FILE, Reading};

use super::{DIRECTIONS, MISSING, day, normalisation, source, tag};
use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::read_bounded;
use crate::readers::{choice, count, list, name, object, text};

/// Reservations about one file that are told.
const TOLD: usize = 5;

/// Reads the section and its file.
pub(super) fn scorecard(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<ScorecardSpec> {
    if let Some(item) = fields.take("scores") {
        return item.fault(context, "stands beside `file`: keep one of them");
    }
    let title = fields.require("name", ("\"…\"", ", the benchmark's name"), context, name);
    let says_how = ["scale", "min", "max", "chance", "elo_reference"].iter().any(|key| fields.peek(key).is_some());
    let normalisation = if says_how { Some(normalisation(fields, context)?) } else { None };
    let source = fields.read("source", context, |item, context| object(item, context, &[], source));
    let declared = Declared {
        name: None,
        version: fields.read("version", context, name),
        metric: fields.read("metric", context, name),
        unit: fields.read("unit", context, name),
        direction: fields.read("direction", context, |item, context| choice(item, context, &DIRECTIONS)),
        normalisation,
        capabilities: fields
            .read("capabilities", context, |item, context| list(item, context, tag))
            .unwrap_or_default(),
        missing: fields.read("missing", context, |item, context| choice(item, context, &MISSING)),
        source: source.as_ref().map(|it| it.kind).filter(|kind| *kind != SourceKind::Uploaded),
        observed: source.as_ref().and_then(|it| it.date.clone()),
        retrieved: fields.read("retrieved", context, day),
        licence: source.as_ref().and_then(|it| it.licence.clone()),
        url: source.and_then(|it| it.url),
        stale_after_days: fields.read("stale_after_days", context, count),
    };
    for key in ["scale", "min", "max", "chance", "elo_reference"] {
        fields.take(key);
    }
    let item = fields.take("file")?;
    let reading = read(&item, context, &declared)?;
    tell(&item, context, &reading);
    let title = title?;
    let spec = match chosen(reading, &title) {
        Ok(spec) => spec,
        Err(message) => return item.fault(context, message),
    };
    Some(ScorecardSpec {
        name: title,
        version: spec.version,
        metric: spec.metric,
        unit: spec.unit,
        direction: spec.direction,
        normalisation: spec.normalisation,
        capabilities: spec.capabilities,
        missing: spec.missing,
        source: spec.source,
        retrieved: spec.retrieved,
        stale_after_days: spec.stale_after_days,
        scores: spec.cells.into_iter().map(|it| it.cell).collect(),
    })
}

/// Reads the file, relative to the configuration; each of its faults is one at this key.
fn read(item: &Item<'_>, context: &mut Context<'_>, declared: &Declared) -> Option<Reading> {
    let name = text(item, context)?;
    let path = context.folder.join(&name);
    // Pipes and devices would keep the reader waiting.
    if path.metadata().is_ok_and(|it| !it.is_file()) {
        return item.fault(context, format!("{} is no plain file", path.display()));
    }
    let bytes = match read_bounded(&path, MAX_FILE as u64 + 1) {
        Ok(bytes) => bytes,
        Err(error) => return item.fault(context, format!("{} cannot be read: {error}", path.display())),
    };
    let file = File { name: &name, bytes: &bytes, format: None };
    // Whether scores are stale is told where they are used, at that moment.
    let read = scorecards::read(&file, declared, &Aliases::shipped(), Timestamp::default());
    match read {
        Ok(reading) => Some(reading),
        Err(faults) => {
            for fault in faults {
                item.fault::<()>(context, format!("{name}: {fault}"));
            }
            None
        }
    }
}

/// The benchmark that the section is about: the one of its name, or the only one.
fn chosen(reading: Reading, title: &str) -> Result<scorecards::ScorecardSpec, String> {
    let mut found = reading.scorecards;
    if found.len() > 1 {
        let names: Vec<_> = found.iter().map(|it| format!("{} ({})", it.label(), it.metric)).collect();
        found.retain(|it| it.name == title);
        if found.len() != 1 {
            return Err(format!(
                "holds several benchmarks: give the section the name of one of them, and `metric` where one has several: {}",
                names.join(", ")
            ));
        }
    }
    found.pop().ok_or_else(|| "holds no score: give at least one model's".to_owned())
}

/// Warns of what should be known about the scores.
fn tell(item: &Item<'_>, context: &mut Context<'_>, reading: &Reading) {
    for flag in reading.flags.iter().take(TOLD) {
        context.warn(&item.path, item.node.spot, flag.to_string());
    }
    if reading.flags.len() > TOLD {
        let message = format!("and {} more reservations about its scores", reading.flags.len() - TOLD);
        context.warn(&item.path, item.node.spot, message);
    }
}
