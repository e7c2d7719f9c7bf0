//! Reads the leaderboards of Aider: YAML, a list of runs.
//!
//! A board gives two scorecards: the share solved within two attempts, which the board ranks by and which carries its name,
//! and the share solved at the first. Intervals are Wilson's, from the counts. Of several runs of one model in different
//! edit formats the most complete counts, of those the latest; a run of more tests than the board has is of another
//! board. Both are flagged.

use std::collections::BTreeMap;
use std::fmt;

use domain::{CapabilityTag, Date, Interval, Normalisation, SourceKind};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Spanned};

use crate::aliases::Aliases;
use crate::assemble::{Entry, Facts};
use crate::declared::Declared;
use crate::evidence::wilson;
use crate::fault::{Faults, Place};
use crate::flag::{Flag, FlagKind};
use crate::names::{quoted, slug};
use crate::node::{Node, Table};
use crate::table::Number;

const MAX_DEPTH: usize = 8;
const MAX_NODES: usize = 1_000_000;
/// Numbers of the year 2025 say little in 2027.
const STALE_AFTER_DAYS: u64 = 365;
const EDIT_FORMATS: [&str; 6] = ["diff", "whole", "udiff", "diff-fenced", "architect", "editor-diff"];

/// The fields of a run that are read.
const FIELDS: [&str; 8] =
    ["model", "test_cases", "pass_rate_1", "pass_rate_2", "pass_num_1", "pass_num_2", "date", "total_cost"];

/// A run as a table of those fields. The others are not even looked at: among them are hashes that YAML takes for numbers
/// (`415e898`), and fields that stand twice.
struct Row(Node);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a run: a table with `model`, `test_cases`, `pass_rate_1`, `date`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Row, A::Error> {
        let mut fields: Vec<(String, Node)> = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !FIELDS.contains(&key.as_str()) {
                entries.next_value::<IgnoredAny>()?;
            } else if fields.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format_args!("`{key}` stands twice")));
            } else {
                fields.push((key, entries.next_value()?));
            }
        }
        Ok(Row(Node::Table(fields)))
    }
}

struct Run {
    at: Place,
    model: String,
    tests: u64,
    solved_first: Solved,
    solved: Option<Solved>,
    date: Date,
    cost: Option<f64>,
}

#[derive(Clone, Copy)]
struct Solved {
    percent: f64,
    count: u64,
}

/// Returns the scores of a board.
pub(crate) fn read(
    text: &str,
    file: &str,
    declared: &Declared,
    aliases: &Aliases,
    faults: &mut Faults,
    flags: &mut Vec<Flag>,
) -> Vec<Entry> {
    let runs = runs(text, faults);
    let (name, version) = board(file, declared);
    let mut left_out = |run: &Run, message: String| {
        let (scorecard, model) = (crate::spec::label(&name, &version), Some(run.model.clone()));
        flags.push(Flag { kind: FlagKind::LeftOut, scorecard, model, message });
    };
    let runs = choose(runs, aliases, &mut left_out);
    let facts = |benchmark: String, metric: &str| Facts {
        benchmark,
        version: Some(version.clone()),
        metric: Some(metric.to_owned()),
        unit: Some("percent".to_owned()),
        normalisation: Some(Normalisation::Bounds { min: 0.0, max: 100.0 }),
        capabilities: vec![CapabilityTag::Code.as_str().to_owned()],
        source: Some(SourceKind::Published),
        stale_after_days: Some(STALE_AFTER_DAYS),
        ..Facts::default()
    };
    let second = facts(name.clone(), "pass_rate_2");
    let first = facts(format!("{name}-first-attempt"), "pass_rate_1");
    let mut entries: Vec<Entry> =
        runs.iter().filter_map(|run| Some(entry(run, run.solved?, "pass_rate_2", &second))).collect();
    entries.extend(runs.iter().map(|run| entry(run, run.solved_first, "pass_rate_1", &first)));
    entries
}

/// The board's name and version, from the declaration, else from the file's name.
fn board(file: &str, declared: &Declared) -> (String, String) {
    let base = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.split('.').next().unwrap_or_default().trim_end_matches("_leaderboard");
    let name = declared.name.as_deref().map_or_else(|| format!("aider-{}", slug(stem)), slug);
    // The polyglot board has 225 exercises of six languages since December 2024, the edit board 133 of Python.
    let version = match stem {
        "polyglot" => "2024-12",
        "edit" => "exercism-133",
        _ => "",
    };
    (name, declared.version.clone().unwrap_or_else(|| version.to_owned()))
}

fn runs(text: &str, faults: &mut Faults) -> Vec<Run> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES, max_events: 2 * MAX_NODES },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    let rows = match serde_saphyr::from_str_with_options::<Vec<Spanned<Row>>>(text, options) {
        Ok(rows) => rows,
        Err(error) => {
            let line = error.location().map(|it| it.line());
            let message = format!("not a leaderboard in YAML, a list of runs: {}", quoted(&error.to_string()));
            faults.add(&Place { line, path: String::new() }, message);
            return Vec::new();
        }
    };
    let run = |(place, row): (usize, &Spanned<Row>)| {
        let line = Some(row.referenced.line());
        run(&Table::on_line(&row.value.0, format!("[{place}]"), line, faults)?, faults)
    };
    rows.iter().enumerate().filter_map(run).collect()
}

fn run(row: &Table<'_>, faults: &mut Faults) -> Option<Run> {
    let before = faults.count();
    let model = row.demand_text("model", faults);
    let tests = row.count("test_cases", faults);
    if tests.is_none_or(|it| it == 0) {
        faults.add(&row.at("test_cases"), "is missing or 0: write how many exercises there were");
    }
    let tests = tests?;
    let first = row.demand_number("pass_rate_1", faults);
    let second = row.number("pass_rate_2", faults);
    let counts = (row.count("pass_num_1", faults), row.count("pass_num_2", faults));
    let date = row.day("date", faults);
    if row.get("date").is_none() {
        faults.add(&row.at("date"), "is missing: write the day of the run");
    }
    // Runs of local models and those that were not metered stand as 0.
    let cost = row.number("total_cost", faults).filter(|it| *it > 0.0);
    let solved = |percent: f64, count: Option<u64>| {
        let counted = (percent / 100.0 * tests as f64).round().max(0.0) as u64;
        Solved { percent, count: count.unwrap_or(counted) }
    };
    let (model, first, date) = (model?, first?, date?);
    for (key, solved) in
        [("pass_rate_1", Some(solved(first, counts.0))), ("pass_rate_2", second.map(|it| solved(it, counts.1)))]
    {
        if solved.is_some_and(|it| it.count > tests) {
            faults
                .add(&row.at(key), format!("more exercises were solved than the {tests} that there were: correct it"));
        }
    }
    (faults.count() == before).then(|| Run {
        at: row.at("model"),
        model: model.to_owned(),
        tests,
        solved_first: solved(first, counts.0),
        solved: second.map(|it| solved(it, counts.1)),
        date,
        cost: cost.map(|it| it / tests as f64 * 1000.0),
    })
}

/// Keeps one run a model.
fn choose(runs: Vec<Run>, aliases: &Aliases, left_out: &mut impl FnMut(&Run, String)) -> Vec<Run> {
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    for run in &runs {
        *sizes.entry(run.tests).or_default() += 1;
    }
    let size = sizes.into_iter().max_by_key(|(_, count)| *count).map_or(0, |(size, _)| size);
    let mut chosen: BTreeMap<String, Run> = BTreeMap::new();
    for mut run in runs {
        if run.tests > size {
            left_out(&run, format!("{} tests where the board has {size}: a run of another board", run.tests));
            continue;
        }
        run.model.truncate(without_edit_format(&run.model).len());
        let key = aliases.resolve(&run.model).map_or_else(|| run.model.clone(), |it| it.id().to_string());
        let rank = |it: &Run| (it.tests, it.date.clone());
        let told = |it: &Run, other: &Run| {
            format!(
                "a run of {} ({} tests) gives way to that of {} ({} tests)",
                it.date, it.tests, other.date, other.tests
            )
        };
        match chosen.remove(&key) {
            Some(earlier) if rank(&earlier) > rank(&run) => {
                left_out(&run, told(&run, &earlier));
                chosen.insert(key, earlier);
            }
            Some(earlier) => {
                left_out(&earlier, told(&earlier, &run));
                chosen.insert(key, run);
            }
            None => {
                chosen.insert(key, run);
            }
        }
    }
    let mut runs: Vec<Run> = chosen.into_values().collect();
    runs.sort_by_key(|it| it.at.line);
    runs
}

/// `llama-3.1-405b-instruct` of `llama-3.1-405b-instruct (diff)`.
fn without_edit_format(model: &str) -> &str {
    let bracket = model.strip_suffix(')').and_then(|it| it.rsplit_once(" ("));
    match bracket {
        Some((base, format)) if EDIT_FORMATS.contains(&format) => base,
        _ => model,
    }
}

fn entry(run: &Run, solved: Solved, metric: &str, facts: &Facts) -> Entry {
    let at = Place { line: run.at.line, path: run.at.beside(metric).path };
    let mut entry = Entry::new(at, facts.clone(), &run.model, Number::plain(solved.percent));
    entry.n = Some(run.tests);
    entry.successes = Some(solved.count);
    entry.interval =
        wilson(solved.count, run.tests).map(|it| Interval { low: percent(it.low), high: percent(it.high) });
    entry.observed = Some(run.date.clone());
    entry.cost_per_thousand = run.cost.map(|it| (it * 1e4).round() / 1e4);
    entry
}

/// A share in percent, to four decimals: the same bytes wherever it was computed.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}
