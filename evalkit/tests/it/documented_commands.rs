//! The commands of `docs/training.md`: their options exist, and the rows that its snippets make can be learned from.

use std::fs;
use std::path::Path;
use std::process::Command;

use datasets::{OwnOutcomes, Purpose};

/// Lines of the page's shell snippets.
fn snippets() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/training.md");
    let page = fs::read_to_string(page).unwrap();
    page.split("```sh\n").skip(1).filter_map(|it| it.split("```").next()).map(str::to_owned).collect()
}

#[test]
fn options_exist() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = snippets().iter().flat_map(|it| it.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let lines: Vec<_> = lines.iter().filter_map(|it| it.strip_prefix("evalkit ")).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        // Nothing they name is there, so they fail; but not over their words, which would be 64.
        let mut command = Command::new(env!("CARGO_BIN_EXE_evalkit"));
        let output = command.args(line.split_whitespace()).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn rows_of_the_snippets_can_be_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    for (name, purpose) in [("own.csv", Purpose::Train), ("new-model.csv", Purpose::PlaceModel)] {
        let start = format!("python3 - > {name} <<'END'\n");
        let script =
            snippets().into_iter().find_map(|it| Some(it.split_once(&start)?.1.split("END\n").next()?.to_owned()));
        let Ok(output) = Command::new("python3").args(["-c", &script.unwrap()]).output() else {
            return eprintln!("python3 is not here: the snippets were not run");
        };
        let path = folder.path().join(name);
        fs::write(&path, output.stdout).unwrap();
        let rows = OwnOutcomes::load(&path, purpose).unwrap();
        assert!(rows.prompts.len() >= 60, "{name}: {}", rows.prompts.len());
    }
}
