//! The whole table, row by row.

use std::path::{Path, PathBuf};

use datasets::Level;
use serde_json::Value;

use super::chance::{at_quantile, exactly};
use super::data::{Difficult, Material};
use super::decisions::{self, Decisions};
use super::rivals::Rivals;
use super::row::{Goal, Row, State, Unit};
use super::{Chance, ReportError, Subject, blind, dev, process, right, robustness, routing, speed};
use crate::router_eval::report::Figure;

/// How it is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Fewer rounds and no intervals.
    pub fast: bool,
    /// Replicates and seed.
    pub chance: Chance,
    /// This program, to be started anew for load time and memory; without it these rows are left out.
    pub executable: Option<PathBuf>,
    /// Times of decisions, which another program has measured.
    pub decisions: Option<Decisions>,
}

/// The group of all times.
pub(super) const SPEED: &str = "speed, wall clock";

/// Measures everything of a scorer. `progress` is told what is being done.
///
/// # Errors
/// When a prompt cannot be scored or a document of the artefact is broken.
pub fn measure(
    subject: &Subject,
    material: &Material,
    rivals: &Rivals,
    plan: &Plan,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, ReportError> {
    let mut rows = Vec::new();
    progress("timing");
    rows.extend(speeds(subject, plan)?);
    rows.extend(footprint(subject, plan)?);
    rows.extend(routes(subject, material, rivals, plan, progress)?);
    progress("public prompts, dev split");
    rows.extend(public(subject, material, rivals, plan)?);
    progress("blind prompts");
    rows.extend(blind_rows(subject, material, rivals, plan)?);
    rows.extend(held_out(subject)?);
    Ok(rows)
}

fn speeds(subject: &Subject, plan: &Plan) -> Result<Vec<Row>, ReportError> {
    let (rounds, long_rounds, batches) = if plan.fast { (200, 50, 5) } else { (3_000, 500, 40) };
    let prompts = speed::full_prompts(subject, 64, plan.chance.seed)?;
    let times = speed::times(subject, &prompts, rounds)?;
    let full = |name: &str, q: f64| Row::new(SPEED, name, Unit::Milliseconds, at_quantile(&times, q)).of(times.len());
    let long = [super::subject::plain(&speed::words(plan.chance.seed, 200_000)[..1_000_000])];
    let long = speed::times(subject, &long, long_rounds)?;
    let long_row = |name: &str, q: f64| Row::new(SPEED, name, Unit::Milliseconds, at_quantile(&long, q)).of(long.len());
    let short: Vec<_> =
        (0..64).map(|at| super::subject::plain(&speed::words(plan.chance.seed ^ (at << 8), 45))).collect();
    let rate = |batch: &[domain::ScorerInput]| -> Result<Figure, ReportError> {
        Ok(at_quantile(&speed::rates(subject, batch, batches)?, 0.5))
    };
    let bytes = prompts.iter().map(|it| it.text.len()).sum::<usize>() / prompts.len().max(1);
    let mut rows = vec![
        full("256-token prompt, p50", 0.5)
            .must(Goal::AtMost(0.4))
            .aim(Goal::AtMost(0.2))
            .note(format!("cut, tokenise and score in process, one thread; prompts of {bytes} bytes on average")),
        full("256-token prompt, p99", 0.99).must(Goal::AtMost(1.5)),
        long_row("1 MB prompt, p50", 0.5),
        long_row("1 MB prompt, p99", 0.99).must(Goal::AtMost(2.0)),
        Row::new(SPEED, "batch of 64 prompts of 256 tokens", Unit::PerSecond, rate(&prompts)?)
            .must(Goal::AtLeast(5_000.0))
            .aim(Goal::AtLeast(20_000.0)),
        Row::new(SPEED, "batch of 64 prompts of about 64 tokens", Unit::PerSecond, rate(&short)?)
            .must(Goal::AtLeast(5_000.0))
            .aim(Goal::AtLeast(20_000.0)),
    ];
    if cfg!(debug_assertions) {
        for row in &mut rows {
            row.note = Some("unoptimised build: times say nothing of a release".to_owned());
        }
    }
    rows.extend(decisions::rows(plan.decisions.as_ref(), &subject.version()));
    Ok(rows)
}

fn footprint(subject: &Subject, plan: &Plan) -> Result<Vec<Row>, ReportError> {
    const GROUP: &str = "size and start";
    let mut rows = Vec::new();
    if let Some(folder) = &subject.folder {
        let bytes = folder_bytes(folder);
        rows.push(
            Row::new(GROUP, "artefact", Unit::Megabytes, exactly(bytes as f64 / 1e6))
                .must(Goal::AtMost(40.0))
                .aim(Goal::AtMost(16.0)),
        );
    }
    let Some(executable) = &plan.executable else {
        return Ok(rows);
    };
    let starts = (0..if plan.fast { 2 } else { 9 }).map(|_| process::start(executable, subject.folder.as_deref()));
    let starts = starts.collect::<Result<Vec<_>, _>>()?;
    let mut times: Vec<f64> = starts.iter().map(|it| it.milliseconds).collect();
    times.sort_unstable_by(f64::total_cmp);
    let mut load =
        Row::new(GROUP, "process start to first score, median", Unit::Milliseconds, at_quantile(&times, 0.5))
            .of(times.len())
            .must(Goal::AtMost(300.0))
            .aim(Goal::AtMost(100.0));
    if cfg!(debug_assertions) {
        load = load.note("unoptimised build: times say nothing of a release");
    }
    let memory = starts.iter().filter_map(|it| it.megabytes).max_by(f64::total_cmp);
    rows.push(if let Some(memory) = memory {
        Row::new(GROUP, "resident memory", Unit::Megabytes, exactly(memory)).must(Goal::AtMost(120.0))
    } else {
        let state = State::Elsewhere("this system has no /proc".to_owned());
        Row::without(GROUP, "resident memory", Unit::Megabytes, state)
    });
    rows.push(load);
    Ok(rows)
}

/// Bytes of the manifest and the files that it names.
fn folder_bytes(folder: &Path) -> u64 {
    let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |it| it.len());
    let named = document(&folder.join("manifest.json")).ok().flatten();
    let names = named.as_ref().and_then(|it| it["files"].as_object()).into_iter().flat_map(|it| it.keys());
    names.map(|name| size(name)).sum::<u64>() + size("manifest.json")
}

fn routes(
    subject: &Subject,
    material: &Material,
    rivals: &Rivals,
    plan: &Plan,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, ReportError> {
    let mut rows = Vec::new();
    for (set, found) in &material.benches {
        let bench = match found {
            Ok(bench) => bench,
            Err(reason) => {
                let state = State::NoData(reason.clone());
                rows.push(Row::without("routing between two models", format!("APGR {set}"), Unit::Plain, state));
                continue;
            }
        };
        progress(&format!("routing between two models: {set}"));
        let texts: Vec<&str> = bench.texts.iter().map(String::as_str).collect();
        let said = subject.say(texts.iter().copied())?;
        let difficulty: Vec<f64> = said.iter().map(|it| it.difficulty).collect();
        let complexity: Vec<f64> = said.iter().map(|it| it.complexity).collect();
        let beside = rivals.say(&texts, |said| said.difficulty)?;
        rows.extend(routing::rows(set, bench, "difficulty", &difficulty, &beside, &plan.chance));
        let beside = rivals.say(&texts, |said| said.complexity)?;
        rows.extend(routing::rows(set, bench, "complexity", &complexity, &beside, &plan.chance));
    }
    Ok(rows)
}

fn public(subject: &Subject, material: &Material, rivals: &Rivals, plan: &Plan) -> Result<Vec<Row>, ReportError> {
    let public = match &material.public {
        Ok(public) => public,
        Err(reason) => {
            let without = |group, name: &str| Row::without(group, name, Unit::Plain, State::NoData(reason.clone()));
            return Ok(vec![
                without("difficulty, dev split", dev::WITHIN),
                without(right::GROUP, right::ERROR),
                without(right::GROUP, right::SKILL),
                without("complexity and length in bytes", "Spearman, prompts that people sent"),
            ]);
        }
    };
    let texts: Vec<&str> = public.dev.iter().map(|it| it.prompt.as_str()).collect();
    let said = subject.say(texts.iter().copied())?;
    let difficulty: Vec<f64> = said.iter().map(|it| it.difficulty).collect();
    let mut beside = rivals.say(&texts, |said| said.difficulty)?;
    beside.insert(0, ("length", texts.iter().map(|text| text.len() as f64).collect()));
    beside.insert(0, ("random", coin(&public.dev, plan.chance.seed)));
    let mut rows = dev::rows(&public.dev, &difficulty, &beside, &plan.chance);
    rows.extend(right::rows(subject, public, &difficulty));
    let said = subject.say(public.natural.iter().map(|it| it.1.as_str()))?;
    let complexity: Vec<f64> = said.iter().map(|it| it.complexity).collect();
    rows.push(dev::length_row("prompts that people sent", &public.natural, &complexity, &plan.chance));
    Ok(rows)
}

fn coin(rows: &[Difficult], seed: u64) -> Vec<f64> {
    use crate::statistics::sampling::{key, mix, uniform};
    rows.iter().map(|row| uniform(mix(key(&row.id) ^ seed))).collect()
}

fn blind_rows(subject: &Subject, material: &Material, rivals: &Rivals, plan: &Plan) -> Result<Vec<Row>, ReportError> {
    let prompts = match &material.blind {
        Ok(prompts) => prompts,
        Err(reason) => {
            let groups = [
                ("clear cases, blind set", "simple below 0.4"),
                ("clear cases, blind set", "complex above 0.6"),
                ("capability tags, blind set", "macro F1 at 0.5"),
                ("answer length", "median |log ratio|, blind set"),
                ("robustness", "mean |Δ complexity|"),
                ("complexity and length in bytes", "Spearman, blind set"),
            ];
            let without = |(group, name)| Row::without(group, name, Unit::Plain, State::NoData(reason.clone()));
            return Ok(groups.into_iter().map(without).collect());
        }
    };
    let texts: Vec<&str> = prompts.iter().map(|it| it.prompt.as_str()).collect();
    let said = subject.say(texts.iter().copied())?;
    let complexity: Vec<f64> = said.iter().map(|it| it.complexity).collect();
    let chance = &plan.chance;
    let mut rows = blind::clear_rows(prompts, &said);
    let clear = prompts.iter().filter(|it| it.level != Level::Medium).count();
    let area = blind::area(prompts, &complexity, chance);
    let mut area = Row::new("clear cases, blind set", "AUROC, complex over simple", Unit::Plain, area).of(clear);
    let lengths: Vec<f64> = texts.iter().map(|text| text.len() as f64).collect();
    area = area.beside("length", blind::area(prompts, &lengths, chance)).beside("random", exactly(0.5));
    for (name, values) in rivals.say(&texts, |said| said.complexity)? {
        area = area.beside(name, blind::area(prompts, &values, chance));
    }
    rows.insert(2, area);
    rows.extend(blind::tag_rows(prompts, &said, chance));
    rows.push(blind::length_row(prompts, &said, chance));
    let few = if plan.fast { 60 } else { usize::MAX };
    let clear: Vec<usize> = (0..prompts.len()).filter(|at| prompts[*at].level != Level::Medium).collect();
    let step = (clear.len() / few.min(clear.len()).max(1)).max(1);
    let sample: Vec<usize> = clear.into_iter().step_by(step).collect();
    let (asked, heard): (Vec<_>, Vec<_>) = sample.iter().map(|at| (prompts[*at].clone(), said[*at].clone())).unzip();
    rows.extend(robustness::rows(&robustness::moves(subject, &asked, &heard, chance.seed)?, chance));
    let named: Vec<(String, String)> = prompts.iter().map(|it| (it.id.clone(), it.prompt.clone())).collect();
    rows.push(dev::length_row("blind set", &named, &complexity, chance));
    Ok(rows)
}

/// What the model folder says of prompts whose authors its judges had not seen.
fn held_out(subject: &Subject) -> Result<Vec<Row>, ReportError> {
    const GROUP: &str = "held out by author, from quality.json";
    let Some(folder) = &subject.folder else {
        return Ok(Vec::new());
    };
    let Some(quality) = document(&folder.join("quality.json"))? else {
        let state = State::Elsewhere("the folder has no quality.json".to_owned());
        return Ok(vec![Row::without(GROUP, "clear cases", Unit::Share, state)]);
    };
    let share = |name: String, found: &Value, goal: bool| {
        let hits = found["hits"].as_u64()?;
        let of = found["of"].as_u64().filter(|of| *of > 0)?;
        let row = Row::new(GROUP, name, Unit::Share, super::chance::share(hits as usize, of as usize)).of(of as usize);
        Some(if goal { row.must(Goal::AtLeast(0.95)).aim(Goal::AtLeast(0.98)) } else { row })
    };
    let clear = |name: &str, found: &Value, goal: bool| {
        let simple = share(format!("simple below 0.4{name}"), &found["simple"], goal);
        simple.into_iter().chain(share(format!("complex above 0.6{name}"), &found["complex"], goal))
    };
    let mut rows: Vec<Row> = clear("", &quality["clear_cases"], true).collect();
    for (author, found) in quality["by_author"].as_object().into_iter().flatten() {
        rows.extend(clear(&format!(", author {author}"), found, false));
    }
    rows.extend(share("minimal pairs in the right order".to_owned(), &quality["pairs"], false));
    let plain = |name: &str, field: &str| {
        quality[field].as_f64().map(|value| Row::new(GROUP, name, Unit::Plain, exactly(value)))
    };
    let tags = plain("capability tags, macro F1", "tags_macro_f1");
    rows.extend(tags.map(|row| row.must(Goal::AtLeast(0.85)).aim(Goal::AtLeast(0.92))));
    let length = plain("answer length, median |log ratio|", "output_log_ratio");
    rows.extend(length.map(|row| row.must(Goal::AtMost(std::f64::consts::LN_2))));
    Ok(rows)
}

/// A JSON document, or nothing where there is none.
pub(super) fn document(path: &Path) -> Result<Option<Value>, ReportError> {
    let Ok(bytes) = std::fs::read(path) else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ReportError::Document { path: path.to_owned(), reason: error.to_string() })
}
