//! The repository's own rules: which crate may import which, where the heavy libraries live, how files open.
//!
//! The arrows are those of `ARCHITECTURE.md`. When a real need for another appears, change the table here and say why in
//! a decision record.

#![allow(clippy::print_stdout, reason = "notices of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Crate, where it lives, and which of ours it may import outside of tests.
const ARROWS: [(&str, &str, &[&str]); 20] = [
    ("domain", "engine/domain", &[]),
    ("policy", "engine/policy", &["domain"]),
    ("scorer", "engine/scorer", &["domain"]),
    ("seal", "engine/seal", &["domain"]),
    ("config", "engine/config", &["domain", "scorecards"]),
    ("registry", "engine/registry", &["domain", "policy", "seal"]),
    ("scorecards", "engine/scorecards", &["domain"]),
    ("proto", "proto", &["domain"]),
    ("engine", "engine", &["domain", "policy", "scorer", "registry", "scorecards", "proto"]),
    ("dialect", "gateway/dialect", &["domain"]),
    ("providers", "gateway/providers", &["domain", "dialect", "seal"]),
    ("ledger", "gateway/ledger", &["domain"]),
    ("export", "gateway/ledger/export", &["domain"]),
    ("limits", "gateway/limits", &["domain"]),
    ("gateway", "gateway", &["domain", "policy", "dialect", "providers", "ledger", "limits", "proto", "seal"]),
    ("datasets", "datasets", &["domain"]),
    ("trainer", "evalkit/trainer", &["domain", "scorer", "datasets"]),
    ("evalkit", "evalkit", &["domain", "policy", "scorer", "scorecards", "datasets", "trainer", "ledger", "proto"]),
    (
        "signalbox",
        ".",
        &[
            "domain",
            "proto",
            "policy",
            "config",
            "scorer",
            "registry",
            "ledger",
            "export",
            "providers",
            "engine",
            "gateway",
            "seal",
            "dialect",
        ],
    ),
    ("benches", "benches", ANYTHING),
];

const ANYTHING: &[&str] = &[
    "domain",
    "policy",
    "scorer",
    "seal",
    "config",
    "registry",
    "scorecards",
    "proto",
    "engine",
    "dialect",
    "providers",
    "ledger",
    "limits",
    "gateway",
    "datasets",
    "trainer",
    "evalkit",
];

/// A library, and the only crates that may name it.
const HOMES: [(&str, &[&str]); 9] = [
    ("tonic", &["proto", "engine", "gateway", "evalkit", "signalbox", "benches"]),
    ("hyper", &["gateway", "providers", "benches", "evalkit", "signalbox"]),
    ("candle-core", &["scorer", "trainer"]),
    ("candle-nn", &["scorer", "trainer"]),
    ("tokenizers", &["scorer", "trainer"]),
    ("sqlx", &["registry", "ledger"]),
    ("redis", &["limits"]),
    ("rustls", &["providers", "limits", "gateway", "signalbox"]),
    ("anyhow", &["signalbox", "evalkit", "benches"]),
];

/// Crates without socket, clock, environment or randomness.
const PURE: [&str; 4] = ["domain", "policy", "dialect", "scorecards"];
const IMPURE: [&str; 8] = ["tokio", "hyper", "tonic", "rand", "getrandom", "sqlx", "socket2", "notify"];

/// A file this long usually has two subjects: a notice, not a failure.
const LONG_FILE: usize = 500;
const LARGEST_FILE: u64 = 40 << 20;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    text.parse().unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn dependencies(manifest: &toml::Table, section: &str) -> BTreeSet<String> {
    manifest
        .get(section)
        .and_then(toml::Value::as_table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}

/// Every tracked or new file that is not ignored.
fn files() -> Vec<PathBuf> {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files of its own checkout");
    assert!(listed.status.success(), "git ls-files failed: run the tests in a git checkout");
    let text = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    text.lines().map(PathBuf::from).filter(|file| root().join(file).is_file()).collect()
}

fn rust_files() -> impl Iterator<Item = (PathBuf, String)> {
    files().into_iter().filter(|file| file.extension().is_some_and(|it| it == "rs")).map(|file| {
        let text = fs::read_to_string(root().join(&file)).expect("sources are UTF-8");
        (file, text)
    })
}

#[test]
fn crates_import_only_what_the_architecture_allows() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, ..)| *name).collect();
    let mut wrong = Vec::new();
    for (name, folder, allowed) in ARROWS {
        let manifest = manifest(folder);
        for dependency in dependencies(&manifest, "dependencies").union(&dependencies(&manifest, "build-dependencies"))
        {
            if ours.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that are not in the list: {wrong:?}");
}

#[test]
fn every_crate_of_the_workspace_is_in_the_list() {
    let members: BTreeSet<String> = manifest(".")["workspace"]["members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|member| member.as_str().expect("a path").to_owned())
        .collect();
    let listed: BTreeSet<String> = ARROWS.iter().map(|(_, folder, _)| (*folder).to_owned()).collect();
    assert_eq!(members, listed);
}

#[test]
fn heavy_libraries_stay_at_home() {
    let mut wrong = Vec::new();
    for (name, folder, _) in ARROWS {
        let named = dependencies(&manifest(folder), "dependencies");
        for (library, homes) in HOMES {
            if named.contains(library) && !homes.contains(&name) {
                wrong.push(format!("{name} names {library}"));
            }
        }
        if PURE.contains(&name) {
            wrong.extend(
                IMPURE.iter().filter(|it| named.contains(**it)).map(|it| format!("{name} is pure but names {it}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn versions_stand_once_in_the_root() {
    let mut wrong = Vec::new();
    for (name, folder, _) in ARROWS {
        let manifest = manifest(folder);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            let is_shared = |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            wrong.extend(table.iter().filter(|(_, value)| !is_shared(value)).map(|(key, _)| format!("{name}: {key}")));
        }
    }
    assert!(wrong.is_empty(), "versions outside the root manifest: {wrong:?}");
}

#[test]
fn pure_crates_ask_nobody_for_time_or_environment() {
    let questions = ["SystemTime::now", "Instant::now", "std::env::", "std::net::", "std::thread::"];
    let mut wrong = Vec::new();
    for (file, text) in rust_files() {
        let Some((name, ..)) = ARROWS
            .iter()
            .find(|(name, folder, _)| PURE.contains(name) && file.starts_with(Path::new(folder).join("src")))
        else {
            continue;
        };
        wrong.extend(
            questions.iter().filter(|it| text.contains(**it)).map(|it| format!("{name}: {} in {}", it, file.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    let headless: Vec<_> =
        rust_files().filter(|(_, text)| !text.starts_with("//!")).map(|(file, _)| file.display().to_string()).collect();
    assert!(headless.is_empty(), "files without a `//!` header: {headless:?}");
}

#[test]
fn no_module_is_named_mod() {
    let named: Vec<_> =
        files().into_iter().filter(|file| file.file_name().is_some_and(|name| name == "mod.rs")).collect();
    assert!(named.is_empty(), "{named:?}: write `foo.rs` beside `foo/` instead");
}

#[test]
fn no_file_is_too_large_for_the_repository() {
    let size = |file: &PathBuf| fs::metadata(root().join(file)).map_or(0, |it| it.len());
    let large: Vec<_> = files().into_iter().filter(|file| size(file) > LARGEST_FILE).collect();
    assert!(large.is_empty(), "over 40 MB: {large:?}");
}

#[test]
fn long_files_are_noticed() {
    let lengths: BTreeMap<PathBuf, usize> = rust_files().map(|(file, text)| (file, text.lines().count())).collect();
    for (file, lines) in lengths.iter().filter(|(_, lines)| **lines > LONG_FILE) {
        println!("notice: {} has {lines} lines; does it have two subjects?", file.display());
    }
    assert!(!lengths.is_empty());
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let folder = root().join("docs/decisions");
    let mut numbers: Vec<u32> = fs::read_dir(folder)
        .expect("the folder of decision records")
        .filter_map(|entry| entry.expect("readable").file_name().to_str()?.split('-').next()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let expected: Vec<u32> = (1..=u32::try_from(numbers.len()).expect("few")).collect();
    assert_eq!(numbers, expected, "decision records are named NNNN-title.md, from 0001");
}
