//! The real files, where they lie beside the repository, and the published set that is made of them.

use std::fs;
use std::path::{Path, PathBuf};

use domain::{Date, Timestamp};
use scorecards::{Aliases, Declared, FlagKind, Heading, Reading, published, render};

use crate::support::{count, read, read_as};

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/scorecards");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: there is no {}", folder.display());
    None
}

#[track_caller]
fn read_real(path: &Path, declared: &Declared) -> Reading {
    let bytes = fs::read(path).unwrap();
    match read_as(&path.to_string_lossy(), &bytes, declared) {
        Ok(reading) => reading,
        Err(faults) => panic!("{}: {:#?}", path.display(), faults.iter().map(ToString::to_string).collect::<Vec<_>>()),
    }
}

fn without(text: &str, lines: &[u64]) -> String {
    let rows: Vec<&str> =
        (1..).zip(text.lines()).filter(|(line, _)| !lines.contains(line)).map(|(_, row)| row).collect();
    rows.join("\n")
}

#[test]
fn published_boards_are_made_again_byte_for_byte() {
    let Some(folder) = folder() else { return };
    for board in ["polyglot", "edit"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("published/aider-{board}.json"));
        let shipped = fs::read_to_string(shipped).unwrap();
        let says: serde_json::Value = serde_json::from_str(&shipped).unwrap();
        let text = |pointer: &str| says.pointer(pointer).and_then(|it| it.as_str()).unwrap().to_owned();
        let heading = Heading {
            id: text("/id"),
            created_at: Timestamp::parse_rfc3339(&text("/created_at")).unwrap(),
            producer: (text("/producer/name"), text("/producer/version")),
        };
        let declared = Declared {
            url: Some(text("/benchmarks/0/source/uri")),
            licence: Some(text("/benchmarks/0/source/licence")),
            retrieved: Some(Date::parse(&text("/benchmarks/0/source/retrieved_at")).unwrap()),
            ..Declared::default()
        };
        let reading = read_real(&folder.join(format!("aider/{board}_leaderboard.yml")), &declared);
        assert!(render(&heading, &reading.scorecards) == shipped, "{board}: import it again");
    }
}

#[test]
fn published_set_has_source_licence_and_interval_for_every_score() {
    let labels: Vec<_> = published().iter().map(scorecards::ScorecardSpec::label).collect();
    assert_eq!(
        labels,
        [
            "aider-polyglot@2024-12",
            "aider-polyglot-first-attempt@2024-12",
            "aider-edit@exercism-133",
            "aider-edit-first-attempt@exercism-133",
        ]
    );
    for card in published() {
        assert_eq!(card.source.licence.as_deref(), Some("Apache-2.0"));
        assert!(card.source.url.as_ref().is_some_and(|it| it.contains("5dc9490b")));
        assert!(
            card.cells.len() > 60 && card.cells.iter().all(|it| it.cell.interval.is_some() && it.observed.is_some())
        );
    }
    let best = published()[0].cells.iter().max_by(|a, b| a.cell.score.total_cmp(&b.cell.score)).unwrap();
    assert_eq!((best.cell.model.as_str(), best.published.as_str()), ("openai/gpt-5@high", "gpt-5 (high)"));
}

#[test]
fn every_board_of_aider_is_read() {
    let Some(folder) = folder() else { return };
    for board in fs::read_dir(folder.join("aider")).unwrap() {
        let reading = read_real(&board.unwrap().path(), &Declared::default());
        assert!(reading.scorecards.iter().all(|it| it.cells.len() > 3));
    }
}

#[test]
fn every_livebench_table_is_read_unchanged() {
    let Some(folder) = folder() else { return };
    for file in fs::read_dir(folder.join("livebench")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // One row of the newest lacks three fields in its middle, and nobody can tell which.
        if name.starts_with("table_") && name != "table_2026_01_08.csv" {
            assert!(read_real(&path, &Declared::default()).scorecards.len() >= 15, "{name}");
        }
    }
    let newest = fs::read_to_string(folder.join("livebench/table_2026_01_08.csv")).unwrap();
    let faults = read("table.csv", &newest).unwrap_err();
    assert_eq!((faults.len(), faults[0].line), (1, Some(110)));
    let sound = without(&newest, &[110]);
    assert_eq!(read("table.csv", &sound).unwrap().scorecards.len(), 23);
    let long = read_real(&folder.join("livebench/livebench_categories_long.csv"), &Declared::default());
    assert_eq!(long.scorecards.iter().map(|it| it.cells.len()).sum::<usize>(), 889);
}

#[test]
fn published_scores_are_read_but_for_rows_that_say_two_things_of_one_model() {
    let Some(folder) = folder() else { return };
    let path = folder.join("published_scores.csv");
    let text = fs::read_to_string(&path).unwrap();
    let faults = read_as("published_scores.csv", text.as_bytes(), &Declared::default()).unwrap_err();
    let strange: Vec<_> =
        faults.iter().filter(|it| !it.message.contains(" are both ") && !it.message.contains("already")).collect();
    assert!(strange.is_empty(), "{strange:#?}");
    // Without the second ones the rest is sound.
    let second: Vec<u64> = faults.iter().filter_map(|it| it.line).collect();
    let rest = without(&text, &second);
    let reading = read("published_scores.csv", &rest).unwrap_or_else(|again| panic!("{again:#?} after {faults:#?}"));
    let cells: usize = reading.scorecards.iter().map(|it| it.cells.len()).sum();
    assert_eq!(cells, 469 - second.len());
    assert!(second.len() < 100, "{}", second.len());
}

#[test]
fn the_example_of_our_own_format_is_read() {
    let Some(folder) = folder() else { return };
    let reading = read_real(&folder.join("evalkit.scorecard.1.example.json"), &Declared::default());
    assert_eq!(crate::support::shown(&reading), ["aider-polyglot@2024-12 pass_rate_2: openai/gpt-5@high=88"]);
    // Its overrides and blends.
    assert_eq!(count(&reading, FlagKind::LeftOut), 2);
}

#[test]
fn ratings_of_the_arena_are_refused_with_what_is_strange_about_them() {
    let Some(folder) = folder() else { return };
    let bytes = fs::read(folder.join("lmarena_study_only/arena_ratings_style_control_long.csv")).unwrap();
    let faults = read_as("arena.csv", &bytes, &Declared::default()).unwrap_err();
    assert_eq!(faults[0].line, Some(1), "{faults:?}");
}

#[test]
fn names_of_models_that_vendors_publish_are_matched() {
    let unmatched = |card: usize| {
        let cells = &published()[card].cells;
        let aliases = Aliases::shipped();
        let unknown = |it: &&scorecards::CellSpec| it.cell.model.provider() == "unlisted";
        (cells.iter().filter(unknown).count(), cells.iter().filter(|it| aliases.knows(&it.cell.model)).count())
    };
    // Pairs of an architect and an editor are no models, and stay unlisted.
    let (unlisted, known) = unmatched(0);
    assert!(unlisted <= 4 && known >= 50, "{unlisted} {known}");
}
