//! `evalkit score` over real files and pipes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evalkit"));
    command.arg("score").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs over a file `in.jsonl` of the folder to `out` of the folder.
fn score(folder: &Path, input: &[u8], out: &str, more: &[&str]) -> Output {
    let path = folder.join("in.jsonl");
    fs::write(&path, input).unwrap();
    let out = folder.join(out);
    let mut arguments = vec!["--input", path.to_str().unwrap(), "--output", out.to_str().unwrap()];
    arguments.extend(more);
    command(&arguments).output().unwrap()
}

fn rows(count: usize) -> String {
    (0..count)
        .map(|id| format!("{{\"id\":\"r{id}\",\"prompt\":\"What is {id} plus {id}?\"}}\n"))
        .collect::<Vec<_>>()
        .concat()
}

fn read(path: &Path) -> Vec<serde_json::Value> {
    let mut text = String::new();
    datasets::rows::open(path).unwrap().read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn input_is_not_overwritten_by_its_scores() {
    let folder = tempfile::tempdir().unwrap();
    let prompts = rows(3);
    for out in ["in.jsonl", "./in.jsonl"] {
        let output = score(folder.path(), prompts.as_bytes(), out, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("is the input; name another file"), "{}", stderr(&output));
        assert_eq!(fs::read_to_string(folder.path().join("in.jsonl")).unwrap(), prompts);
    }
}

#[test]
fn output_has_exactly_the_fields_that_are_promised() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), b"{\"id\":7,\"prompt\":\"hi\",\"more\":1}\n", "out.jsonl", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    let names = [
        "\"id\":7,",
        "\"complexity\":",
        "\"difficulty\":",
        "\"capabilities\":{",
        "\"expected_output_tokens\":{\"p50\":",
        "\"p90\":",
        "\"uncertainty\":",
        "\"truncated\":",
        "\"micros\":",
        "\"version\":\"",
    ];
    let places: Vec<_> = names.iter().map(|name| text.find(name).expect(name)).collect();
    assert!(places.is_sorted(), "{text}");
    let row = &read(&folder.path().join("out.jsonl"))[0];
    assert_eq!(row.as_object().unwrap().len(), 9);
    assert!(stderr(&output).contains("1 rows, 1 scored in "), "{}", stderr(&output));
}

#[test]
fn scores_and_order_do_not_depend_on_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for threads in ["1", "3"] {
        let output = score(folder.path(), rows(300).as_bytes(), "out.jsonl", &["--threads", threads]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let mut rows = read(&folder.path().join("out.jsonl"));
        for row in &mut rows {
            row.as_object_mut().unwrap().remove("micros");
        }
        assert!(rows.iter().enumerate().all(|(at, row)| row["id"] == format!("r{at}")));
        found.push(rows);
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn packed_files_go_in_and_out_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let packed = zstd::encode_all(rows(20).as_bytes(), 1).unwrap();
    for (name, magic) in [("out.jsonl.zst", &[0x28, 0xB5][..]), ("out.jsonl.gz", &[0x1F, 0x8B])] {
        let output = score(folder.path(), &packed, name, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let path = folder.path().join(name);
        assert!(fs::read(&path).unwrap().starts_with(magic));
        assert_eq!(read(&path).len(), 20);
    }
}

#[test]
fn cut_off_input_is_an_error_and_leaves_no_whole_looking_file() {
    let folder = tempfile::tempdir().unwrap();
    let packed = zstd::encode_all(rows(2_000).as_bytes(), 1).unwrap();
    let output = score(folder.path(), &packed[..packed.len() - 9], "out.jsonl", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("reading the input after"), "{}", stderr(&output));
    assert!(stderr(&output).contains("is it whole?") && !stderr(&output).contains("--resume"), "{}", stderr(&output));
    assert!(!folder.path().join("out.jsonl").exists());
}

#[test]
fn json_summary_goes_where_the_scores_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), format!("{}oops\n", rows(3)).as_bytes(), "out.jsonl", &["--json"]);
    assert_eq!(output.status.code(), Some(2));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (summary["rows"].as_u64(), summary["scored"].as_u64(), summary["bad"].as_u64()),
        (Some(4), Some(3), Some(1))
    );
    assert_eq!(summary["bad_rows"][0]["line"], 4);
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn only_the_first_bad_rows_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), "{\"id\":1}\n".repeat(50).as_bytes(), "out.jsonl", &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert_eq!(told.lines().filter(|line| line.starts_with("line ")).count(), 20, "{told}");
    assert!(told.contains("line 20: it has no `prompt`") && told.contains("and 30 more bad rows"), "{told}");
}

#[test]
fn row_whose_id_stood_before_is_bad_and_told_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!("{}{{\"id\":\"r\\u0031\",\"prompt\":\"again\"}}\n", rows(3));
    let output = score(folder.path(), input.as_bytes(), "out.jsonl", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("line 4: its `id` stood on an earlier line"), "{}", stderr(&output));
    assert!(stderr(&output).contains("3 scored, 1 bad and left out"), "{}", stderr(&output));
    assert_eq!(read(&folder.path().join("out.jsonl")).len(), 3);
}

#[test]
fn place_of_a_fault_is_its_line_of_the_input_and_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!("{}{{\"id\": 1, oops}}\n", rows(1));
    let told = stderr(&score(folder.path(), input.as_bytes(), "out.jsonl", &[]));
    assert!(told.contains("line 2: key must be a string at column 11; expected {"), "{told}");
}

#[test]
fn nobody_has_to_listen_to_what_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in.jsonl"), folder.path().join("out.jsonl"));
    fs::write(&input, format!("oops\n{}", rows(3))).unwrap();
    let mut child = command(&["--input", input.to_str().unwrap(), "--output", out.to_str().unwrap()]).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(2), "bad rows, and no panic");
    assert_eq!(read(&out).len(), 3);
}

#[test]
fn interrupted_run_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = score(folder.path(), rows(10).as_bytes(), "out.jsonl", &[]);
    assert_eq!(whole.status.code(), Some(0));
    let (out, part) = (folder.path().join("out.jsonl"), folder.path().join("out.jsonl.part"));
    let text = fs::read(&out).unwrap();
    fs::write(&part, &text[..text.len() / 2]).unwrap();
    fs::remove_file(&out).unwrap();
    let refused = score(folder.path(), rows(10).as_bytes(), "out.jsonl", &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("continue it with --resume"), "{}", stderr(&refused));
    let resumed = score(folder.path(), rows(10).as_bytes(), "out.jsonl", &["--resume"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", stderr(&resumed));
    assert!(stderr(&resumed).contains("taken over from an earlier run"), "{}", stderr(&resumed));
    assert_eq!(read(&out).len(), 10);
    assert!(!part.exists());
}

#[test]
fn closed_pipe_is_a_clear_error() {
    let mut child = command(&["--input", "-", "--output", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdin.write_all(rows(1).as_bytes()).unwrap();
    // A row comes out before the input has ended.
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    // Written to a closed pipe in the end, whatever is buffered on the way.
    let _ = stdin.write_all(rows(2_000).as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("writing standard output after"), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.jsonl");
    fs::write(&input, rows(5)).unwrap();
    let output = command(&["--input", input.to_str().unwrap(), "--output", "/dev/full"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("writing /dev/full after"), "{}", stderr(&output));
    assert!(stderr(&output).contains("No space left on device"), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn line_of_a_gigabyte_is_a_bad_row_and_is_not_held_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in.jsonl"), folder.path().join("out.jsonl"));
    let mut file = File::create(&input).unwrap();
    // Sparse: a gigabyte of zeros without a line's end, then a row.
    file.set_len(1 << 30).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
    write!(file, "\n{}", rows(1)).unwrap();
    let binary = env!("CARGO_BIN_EXE_evalkit");
    // Less address space than the line is long.
    let script = format!(
        "ulimit -v 1000000; exec '{binary}' score --threads 1 --input '{}' --output '{}'",
        input.display(),
        out.display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let expected = "line 1: the line has 1073741824 bytes, at most 67108864 are read";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    assert_eq!(read(&out).len(), 1);
}

#[test]
fn folder_and_missing_input_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), b"", ".", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("it is a folder; name a file in it"), "{}", stderr(&output));
    let output = command(&["--input", "/nonexistent.jsonl", "--output", "-"]).output().unwrap();
    assert!(stderr(&output).contains("--input /nonexistent.jsonl: No such file"), "{}", stderr(&output));
}

#[test]
fn strange_prompts_are_scored() {
    let folder = tempfile::tempdir().unwrap();
    let prompts = [
        String::new(),
        " \n\t ".to_owned(),
        "\u{0}\u{1}\u{7f}".to_owned(),
        "🦀".repeat(20_000),
        "مرحبا \u{202e}abc".to_owned(),
        "QUJD".repeat(30_000),
    ];
    let input: String = prompts
        .iter()
        .zip(0..)
        .map(|(it, id)| serde_json::json!({"id": id, "prompt": it}).to_string() + "\n")
        .collect();
    let output = score(folder.path(), input.as_bytes(), "out.jsonl", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = read(&folder.path().join("out.jsonl"));
    assert_eq!(rows.len(), prompts.len());
    assert!(rows.iter().all(|row| (0.0..=1.0).contains(&row["complexity"].as_f64().unwrap())));
    assert_eq!(rows[3]["truncated"], true);
}
