//! Scores of any format to scorecards: what benchmark they are of, in which unit, of which model, and whether they can be.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    CapabilityTag, Date, Direction, Interval, Missing, ModelId, Normalisation, ScoreCell, SourceKind, SourceNote,
    Timestamp,
};

use crate::aliases::{Aliases, Match};
use crate::declared::Declared;
use crate::fault::{Faults, Place};
use crate::flag::{Flag, FlagKind};
use crate::names::{quoted, slug, variant};
use crate::spec::{CellSpec, ScorecardSpec, label};
use crate::table::Number;
use crate::{MAX_CELLS, Reading};

mod checks;
mod flags;
mod scale;

/// The longest name of a benchmark.
const MAX_NAME: usize = 64;

/// What a file says of the benchmark of a score. Absent = it says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// Empty = the file's only benchmark.
    pub(crate) benchmark: String,
    pub(crate) version: Option<String>,
    pub(crate) metric: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) direction: Option<Direction>,
    pub(crate) normalisation: Option<Normalisation>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) missing: Option<Missing>,
    pub(crate) source: Option<SourceKind>,
    pub(crate) licence: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) observed: Option<Date>,
    pub(crate) retrieved: Option<Date>,
    pub(crate) stale_after_days: Option<u64>,
}

/// A score of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Where the score stands.
    pub(crate) at: Place,
    pub(crate) facts: Facts,
    /// The model as published.
    pub(crate) model: String,
    /// Its id, where the file gives one that needs no table.
    pub(crate) id: Option<ModelId>,
    /// Effort or harness, as published.
    pub(crate) variant: Option<String>,
    pub(crate) score: Number,
    pub(crate) n: Option<u64>,
    pub(crate) successes: Option<u64>,
    pub(crate) standard_error: Option<f64>,
    pub(crate) interval: Option<Interval>,
    pub(crate) observed: Option<Date>,
    pub(crate) cost_per_thousand: Option<f64>,
}

impl Entry {
    pub(crate) fn new(at: Place, facts: Facts, model: &str, score: Number) -> Self {
        Self {
            at,
            facts,
            model: model.to_owned(),
            id: None,
            variant: None,
            score,
            n: None,
            successes: None,
            standard_error: None,
            interval: None,
            observed: None,
            cost_per_thousand: None,
        }
    }

    /// The name with the effort, where that stands apart: `gpt-5.4 (medium)`. A harness is no part of a model.
    fn published(&self) -> String {
        match self.variant.as_deref().filter(|it| variant(it).is_some()) {
            Some(effort) => format!("{} ({effort})", self.model),
            None => self.model.clone(),
        }
    }
}

/// What tells scorecards of a file apart: name, version, metric.
type Key = (String, String, String);

/// Makes the scorecards of a file. What it returns counts only where there are no faults.
pub(crate) fn assemble(
    entries: Vec<Entry>,
    stem: &str,
    declared: &Declared,
    aliases: &Aliases,
    now: Timestamp,
    faults: &mut Faults,
    flags: Vec<Flag>,
) -> Reading {
    let mut reading = Reading { flags, ..Reading::default() };
    if entries.is_empty() && faults.is_empty() {
        faults.add(&Place::default(), "has no scores: give at least one model's");
    }
    if entries.len() > MAX_CELLS {
        if !faults.is_empty() {
            return reading;
        }
        let message = format!("{} scores are more than {MAX_CELLS}: split the file by benchmark", entries.len());
        faults.add(&Place::default(), message);
        return reading;
    }
    let groups = group(entries, stem, declared, faults);
    if groups.len() > 1 && declared.name.is_some() {
        let message =
            format!("the file has {} benchmarks, which one name cannot be for: leave `name` out", groups.len());
        faults.add(&Place::default(), message);
    }
    let names = names(&groups);
    let mut taken = BTreeSet::new();
    for ((key, entries), name) in groups.into_iter().zip(names) {
        if declared.name.is_none() && !taken.insert(label(&name, &key.1)) {
            let message = format!("two benchmarks of the file are both called `{name}`: rename one of them");
            faults.add(&entries.first().map(|it| it.at.clone()).unwrap_or_default(), message);
            continue;
        }
        let Some(card) = scorecard(name, key, &entries, declared, aliases, faults, &mut reading) else { continue };
        flags::raise(&card, now, &mut reading.flags);
        reading.scorecards.push(card);
    }
    reading.unmatched.sort_unstable();
    reading.unmatched.dedup();
    reading
}

/// Puts scores together by benchmark, version and metric, in the order of the file.
fn group(entries: Vec<Entry>, stem: &str, declared: &Declared, faults: &mut Faults) -> Vec<(Key, Vec<Entry>)> {
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut groups: Vec<(Key, Vec<Entry>)> = Vec::new();
    for entry in entries {
        let own = slug(&entry.facts.benchmark);
        if own.is_empty() && !entry.facts.benchmark.is_empty() {
            let message = format!(
                "no name can be made of the benchmark `{}`: write letters or digits",
                quoted(&entry.facts.benchmark)
            );
            faults.add(&entry.at, message);
            continue;
        }
        let declared_name = declared.name.as_deref().map(slug).filter(|it| !it.is_empty());
        let name = declared_name.filter(|_| own.is_empty()).unwrap_or(own);
        let name = if name.is_empty() { stem.to_owned() } else { name };
        let version = declared.version.clone().or_else(|| entry.facts.version.clone()).unwrap_or_default();
        let metric =
            declared.metric.clone().or_else(|| entry.facts.metric.clone()).unwrap_or_else(|| "score".to_owned());
        let key = (name, version, metric);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(entry);
    }
    groups
}

/// The scorecards' names. Two metrics of one benchmark are two scorecards, so both carry their metric in the name.
fn names(groups: &[(Key, Vec<Entry>)]) -> Vec<String> {
    let name = |((name, version, metric), _): &(Key, Vec<Entry>)| {
        let has_siblings = groups.iter().filter(|((other, it, _), _)| other == name && it == version).count() > 1;
        if has_siblings { slug(&format!("{name}-{metric}")) } else { name.clone() }
    };
    groups.iter().map(name).collect()
}

fn scorecard(
    name: String,
    (_, version, metric): Key,
    entries: &[Entry],
    declared: &Declared,
    aliases: &Aliases,
    faults: &mut Faults,
    reading: &mut Reading,
) -> Option<ScorecardSpec> {
    let name = declared.name.as_deref().map(slug).filter(|it| !it.is_empty()).unwrap_or(name);
    if name.is_empty() {
        faults.add(&Place::default(), "the benchmark has no name: declare `name`");
        return None;
    }
    if name.len() > MAX_NAME {
        let message = format!("the name `{}` is longer than {MAX_NAME}: shorten it", quoted(&name));
        faults.add(&entries.first().map(|it| it.at.clone()).unwrap_or_default(), message);
        return None;
    }
    let label = label(&name, &version);
    let facts = checks::common_facts(entries, faults);
    let scale = scale::tell(entries, &facts, declared, &label, faults, &mut reading.flags)?;
    let direction = declared.direction.or(facts.direction).unwrap_or_default();
    let observed = || facts.observed.clone().or_else(|| entries.iter().filter_map(|it| it.observed.clone()).max());
    let kind = declared.source.or(facts.source).unwrap_or(SourceKind::Uploaded);
    let capabilities = capabilities(&facts, declared, &label, &mut reading.flags);
    let cells = cells(entries, scale.normalisation, direction, &label, aliases, faults, reading);
    Some(ScorecardSpec {
        name,
        version,
        metric,
        unit: scale.unit,
        direction,
        normalisation: scale.normalisation,
        capabilities,
        missing: declared.missing.or(facts.missing),
        source: SourceNote {
            kind,
            date: declared.observed.clone().or_else(observed),
            licence: declared.licence.clone().or(facts.licence),
            url: declared.url.clone().or(facts.url),
        },
        retrieved: declared.retrieved.clone().or(facts.retrieved),
        stale_after_days: declared.stale_after_days.or(facts.stale_after_days),
        cells,
    })
}

fn capabilities(facts: &Facts, declared: &Declared, label: &str, flags: &mut Vec<Flag>) -> Vec<CapabilityTag> {
    if !declared.capabilities.is_empty() {
        return declared.capabilities.clone();
    }
    let mut tags = Vec::new();
    for text in &facts.capabilities {
        match CapabilityTag::ALL.into_iter().find(|it| it.as_str() == text) {
            Some(tag) if tags.contains(&tag) => {}
            Some(tag) => tags.push(tag),
            None => flags.push(Flag {
                kind: FlagKind::LeftOut,
                scorecard: label.to_owned(),
                model: None,
                message: format!("`{}` is no capability that prompts are tagged with", quoted(text)),
            }),
        }
    }
    tags
}

fn cells(
    entries: &[Entry],
    normalisation: Normalisation,
    direction: Direction,
    label: &str,
    aliases: &Aliases,
    faults: &mut Faults,
    reading: &mut Reading,
) -> Vec<CellSpec> {
    let mut seen: BTreeMap<ModelId, &Entry> = BTreeMap::new();
    let mut cells = Vec::with_capacity(entries.len());
    for entry in entries {
        let published = entry.published();
        let Some((id, is_known)) = identify(entry, &published, aliases) else {
            let message = format!("no id can be made of `{}`: give it an alias", quoted(&published));
            faults.add(&entry.at.beside("model"), message);
            continue;
        };
        if let Some(first) = seen.get(&id) {
            checks::refuse_second(entry, &published, &id, first, faults);
            continue;
        }
        seen.insert(id.clone(), entry);
        if !is_known {
            reading.unmatched.push(published.clone());
            reading.flags.push(Flag {
                kind: FlagKind::Unmatched,
                scorecard: label.to_owned(),
                model: Some(published.clone()),
                message: format!("is no known model: its score is kept under `{id}`; an alias would give it its id"),
            });
        }
        checks::check_score(entry, normalisation, direction, faults);
        let cell = ScoreCell {
            model: id,
            score: entry.score.value,
            n: entry.n,
            standard_error: entry.standard_error,
            interval: entry.interval,
        };
        cells.push(CellSpec {
            cell,
            published,
            successes: entry.successes,
            observed: entry.observed.clone(),
            cost_per_thousand: entry.cost_per_thousand,
        });
    }
    cells
}

/// The id, and whether anybody knows it.
fn identify(entry: &Entry, published: &str, aliases: &Aliases) -> Option<(ModelId, bool)> {
    if let Some(id) = &entry.id {
        // A variant is known if its model is.
        let base = id.as_str().split('@').next().and_then(|it| ModelId::parse(it).ok());
        return Some((id.clone(), aliases.knows(id) || base.is_some_and(|it| aliases.knows(&it))));
    }
    match aliases.resolve(published)? {
        Match::Known(id) => Some((id, true)),
        Match::Unknown(id) => Some((id, false)),
    }
}
