//! What the data in this folder promises, and that the READMEs say what is there.
//!
//! A table of a README that no longer holds fails its test, which prints the table to put in its place.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use domain::CapabilityTag;

use crate::generate::masked;
use crate::{BlindPrompt, EverydayPrompt, Level, PERMITTED, PublicPrompt, agreement, rows};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn everyday() -> Vec<EverydayPrompt> {
    crate::everyday::load(&folder("everyday")).unwrap()
}

fn blind() -> Vec<BlindPrompt> {
    crate::blind(&folder("blind")).unwrap()
}

/// A README with sentences and tables in it, word for word.
#[track_caller]
fn told(readme: &str, expected: &[String]) {
    let text = fs::read_to_string(folder(readme)).unwrap();
    let missing: Vec<_> = expected.iter().map(|part| part.trim()).filter(|part| !text.contains(*part)).collect();
    assert!(missing.is_empty(), "{readme} does not hold this:\n\n{}\n", missing.join("\n\n"));
}

/// How often each name stands, the most frequent first.
fn counted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, usize)> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Rows by a name, with a column for each level.
fn by_level<'a>(title: &str, rows: &'a [EverydayPrompt], name: impl Fn(&'a EverydayPrompt) -> &'a str) -> String {
    let mut table = format!("| {title} | rows | simple | medium | complex |\n|---|---|---|---|---|\n");
    for (value, count) in counted(rows.iter().map(&name)) {
        let of = |level| rows.iter().filter(|row| name(row) == value && row.level == level).count();
        let [simple, medium, complex] = Level::ALL.map(of);
        writeln!(table, "| `{value}` | {count} | {simple} | {medium} | {complex} |").unwrap();
    }
    table
}

#[test]
fn every_author_has_a_file_and_no_other_writes_in_it() {
    let rows = everyday();
    let mut lines = BTreeMap::new();
    for entry in fs::read_dir(folder("everyday")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "jsonl") {
            let author = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let own = text.lines().filter(|line| line.contains(&format!("\"author\":\"{author}\""))).count();
            lines.insert(author, (own, text.lines().count()));
        }
    }
    for (author, (own, all)) in lines {
        assert_eq!((own, all), (all, rows.iter().filter(|row| row.author == author).count()), "{author}");
    }
}

#[test]
fn tables_of_the_everyday_prompts_are_those_of_the_data() {
    let rows = everyday();
    let pairs: BTreeSet<_> = rows.iter().filter_map(|row| row.pair.as_deref()).collect();
    let [simple, medium, complex] = Level::ALL.map(|level| rows.iter().filter(|row| row.level == level).count());
    let context = rows.iter().filter(|row| row.context.is_some()).count();
    let pairs = pairs.len();
    let total = rows.len();
    let sums = format!(
        "{total} rows: {simple} simple, {medium} medium, {complex} complex; {pairs} pairs; {context} rows with the turn before."
    );
    let tables = [
        sums,
        by_level("Language", &rows, |row| &row.language),
        by_level("Kind", &rows, |row| &row.kind),
        by_level("Author", &rows, |row| &row.author),
    ];
    told("everyday/README.md", &tables);
}

#[test]
fn agreement_of_the_gradings_is_the_one_told() {
    let rows = everyday();
    let found = agreement(&rows);
    let mut authors = "| Author | Pearson | Spearman | first − second | within 1 | kappa | opposed |\n|---|---|---|---|---|---|---|\n".to_owned();
    let names: BTreeSet<_> = rows.iter().map(|row| row.author.as_str()).collect();
    for name in names {
        let own: Vec<_> = rows.iter().filter(|row| row.author == name).cloned().collect();
        let it = agreement(&own);
        let (pearson, spearman, bias, kappa) = (it.pearson, it.spearman, it.bias, it.level_kappa);
        let (within, opposed) = (it.within_one * 100.0, it.opposed * 100.0);
        let row = format!("{pearson:.3} | {spearman:.3} | {bias:.2} | {within:.1} % | {kappa:.3} | {opposed:.2} %");
        writeln!(authors, "| `{name}` | {row} |").unwrap();
    }
    #[expect(clippy::print_stdout, reason = "read with --nocapture")]
    {
        println!("{found}\n{authors}");
    }
    assert_eq!(found.n, rows.len());
    told("everyday/README.md", &[found.to_string(), authors]);
}

#[test]
fn pairs_lie_at_least_two_and_a_half_grades_apart() {
    let rows = everyday();
    let mut pairs = BTreeMap::<&str, Vec<f64>>::new();
    for row in &rows {
        if let Some(pair) = &row.pair {
            pairs.entry(pair).or_default().push(row.grade);
        }
    }
    for (pair, grades) in pairs {
        assert!((grades[0] - grades[1]).abs() >= 2.5, "{pair}: {grades:?}");
    }
}

#[test]
fn length_alone_does_not_tell_the_grade() {
    let rows = everyday();
    // Of all (simple, complex) couples, the share in which the complex one is longer: 0.5 is chance.
    for language in ["en", "de", "es", "fr", "pt", "ru", "ar", "zh", "ja"] {
        let lengths = |level| {
            let of = rows.iter().filter(move |row| row.language == language && row.level == level);
            of.map(|row| row.prompt.chars().count()).collect::<Vec<_>>()
        };
        let (simple, complex) = (lengths(Level::Simple), lengths(Level::Complex));
        let longer = complex.iter().map(|long| simple.iter().filter(|short| long > short).count()).sum::<usize>();
        let share = longer as f64 / (simple.len() * complex.len()) as f64;
        assert!((0.4..0.75).contains(&share), "{language}: {share}");
    }
}

#[test]
fn blind_prompts_stand_nowhere_else() {
    let (blind, mut others) = (blind(), everyday());
    others.extend(crate::generate(1, 4_000));
    let texts: BTreeMap<_, _> = others.iter().map(|row| (masked(&row.prompt), &row.id)).collect();
    let twice: Vec<_> = blind.iter().filter_map(|row| Some((&row.id, texts.get(&masked(&row.prompt))?))).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn numbers_of_the_blind_prompts_are_those_told() {
    let rows = blind();
    let [simple, medium, complex] = Level::ALL.map(|level| rows.iter().filter(|row| row.level == level).count());
    let languages = counted(rows.iter().map(|row| row.language.as_str()));
    let languages: Vec<_> = languages.iter().map(|(name, count)| format!("`{name}` {count}")).collect();
    let total = rows.len();
    let told_so =
        format!("{total} rows: {simple} simple, {medium} medium, {complex} complex. {}.", languages.join(", "));
    told("README.md", &[told_so]);
}

#[test]
fn numbers_of_the_public_gradings_are_those_told() {
    let grades = crate::public_grades(&folder("grades/public.jsonl")).unwrap();
    let sources = counted(grades.keys().map(|id| id.split('/').next().unwrap()));
    let sources: Vec<_> = sources.iter().map(|(name, count)| format!("`{name}` {count}")).collect();
    told("README.md", &[format!("{} gradings: {}.", grades.len(), sources.join(", "))]);
}

/// Public prompts by id, where they are at hand.
fn public() -> Option<BTreeMap<String, String>> {
    let folder = folder("../../shared/data/train");
    if !folder.exists() {
        #[expect(clippy::print_stdout, reason = "a test that was left out says so")]
        {
            println!("left out: the public prompts are not at {}", folder.display());
        }
        return None;
    }
    let mut prompts = BTreeMap::new();
    for source in PERMITTED {
        let path = folder.join(format!("{source}-prompts.jsonl.zst"));
        for row in rows::read::<PublicPrompt>(rows::open(&path).unwrap()) {
            let (_, row) = row.unwrap().unwrap();
            prompts.insert(row.id, row.prompt);
        }
    }
    Some(prompts)
}

#[test]
fn graded_public_prompts_exist() {
    let Some(prompts) = public() else { return };
    let grades = crate::public_grades(&folder("grades/public.jsonl")).unwrap();
    let unknown: Vec<_> = grades.keys().filter(|id| !prompts.contains_key(*id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn own_prompts_are_no_public_ones() {
    let Some(prompts) = public() else { return };
    let public: BTreeMap<_, _> = prompts.iter().map(|(id, text)| (masked(text), id)).collect();
    let everyday = everyday();
    let own = everyday.iter().map(|row| (&row.id, &row.prompt));
    let blind = blind();
    let own = own.chain(blind.iter().map(|row| (&row.id, &row.prompt)));
    let copied: Vec<_> = own.filter_map(|(id, text)| Some((id, public.get(&masked(text))?))).collect();
    assert!(copied.is_empty(), "{copied:?}");
}

#[test]
fn every_tag_is_given_often_enough_to_be_learned() {
    let rows = everyday();
    for tag in CapabilityTag::ALL {
        let sure = rows.iter().filter(|row| row.tag_shares[tag as usize] > 0.75).count();
        assert!(sure >= 80, "{tag:?}: {sure}");
    }
}
