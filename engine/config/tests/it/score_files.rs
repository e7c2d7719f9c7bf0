//! Scores in a file beside the configuration.

use std::fs;

use config::{Loaded, Secrets};
use tempfile::TempDir;

/// Loads one `[[scorecards]]` section beside files.
fn load(files: &[(&str, &str)], section: &str) -> Result<Loaded, String> {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let path = folder.path().join("a.toml");
    fs::write(&path, format!("[[scorecards]]\n{section}\n")).unwrap();
    let shown = folder.path().display().to_string();
    config::load(&path, Secrets::Placeholder).map_err(|faults| faults.to_string().replace(&shown, ""))
}

const SECTION: &str = "name = \"support\"\nmetric = \"accuracy\"\nmin = 0.0\nmax = 1.0\n";

#[test]
fn file_gives_the_scores_and_the_section_says_how_they_are_read() {
    let files = [("s.csv", "model_id,score,notes\nacme/small,0.71,\nacme/large,0.86,best\n")];
    let loaded = load(&files, &format!("{SECTION}file = \"s.csv\"")).unwrap();
    let scorecard = &loaded.desired.scorecards[0];
    assert_eq!((scorecard.name.as_str(), scorecard.metric.as_str()), ("support", "accuracy"));
    let scores: Vec<_> = scorecard.scores.iter().map(|it| (it.model.as_str(), it.score)).collect();
    assert_eq!(scores, [("acme/small", 0.71), ("acme/large", 0.86)]);
}

#[test]
fn file_of_several_benchmarks_gives_the_one_of_the_name() {
    let files = [("s.csv", "model,benchmark,score\nacme/small,other,0.2\nacme/small,support,0.71\n")];
    let loaded = load(&files, &format!("{SECTION}file = \"s.csv\"")).unwrap();
    assert_eq!(loaded.desired.scorecards[0].scores.len(), 1);
    let refused = load(&files, "name = \"third\"\nfile = \"s.csv\"").unwrap_err();
    assert!(refused.contains("scorecards[0].file: holds several benchmarks"), "{refused}");
}

#[track_caller]
fn check(files: &[(&str, &str)], section: &str, expected: &str) {
    let refused = load(files, section).unwrap_err();
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn faults_of_the_file_are_told_at_the_key_with_their_line() {
    let section = format!("{SECTION}file = \"s.csv\"");
    check(&[], &section, "a.toml:6:8: scorecards[0].file: /s.csv cannot be read: ");
    check(&[("s.csv", "model,score\nacme/small,1.5\n")], &section, "a.toml:6:8: scorecards[0].file: s.csv: line 2");
    check(&[], &format!("{SECTION}file = \".\""), "is no plain file");
    check(&[], &format!("{section}\nscores = []"), "scorecards[0].scores: stands beside `file`: keep one of them");
}
