//! What is refused in a file of graded prompts, and what two gradings become.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const GOOD: &str = r#"{"id":"1","prompt":"hi","grade":0,"tags":["chat"],"expected_output_tokens":10,"second":{"grade":1,"tags":["chat","knowledge"],"expected_output_tokens":40},"language":"en","kind":"smalltalk","author":"a"}"#;

/// The good row under another id and with another text.
fn other(id: &str) -> String {
    GOOD.replace("\"1\"", &format!("\"{id}\"")).replace("\"hi\"", &format!("\"hi {id}\""))
}

fn read(files: &[&[String]]) -> Result<Vec<EverydayPrompt>, DatasetError> {
    let folder = tempfile::tempdir().unwrap();
    for (at, rows) in files.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{at}.jsonl")), rows.join("\n")).unwrap();
    }
    load(folder.path())
}

#[track_caller]
fn refused(files: &[&[String]], reason: &str) {
    let error = read(files).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn two_gradings_are_kept_and_taken_together() {
    let row = read(&[&[GOOD.to_owned()]]).unwrap().remove(0);
    assert!((row.grade - 0.5).abs() < 1e-12 && (row.expected_output_tokens - 20.0).abs() < 1e-9, "{row:?}");
    assert_eq!((row.level, row.tags), (Level::Simple, vec![CapabilityTag::Knowledge, CapabilityTag::Chat]));
    assert!((row.tag_shares.iter().sum::<f64>() - 1.5).abs() < 1e-12, "{:?}", row.tag_shares);
    assert_eq!((row.first.grade, row.second.unwrap().grade), (0.0, 1.0));
}

#[test]
fn row_with_a_wrong_value_is_refused_by_line() {
    let changed = |from: &str, to: &str, reason: &str| {
        let row = other("2").replace(from, to);
        assert_ne!(row, other("2"), "{from} is not there");
        refused(&[&[GOOD.to_owned(), row]], reason);
    };
    changed("\"grade\":0", "\"grade\":11", "line 2: `grade` is 11, expected 0 to 10 in steps of a half");
    changed("\"grade\":0", "\"grade\":3.3", "line 2: `grade` is 3.3");
    changed("\"grade\":0", "\"grade\":NaN", "line 2");
    changed("\"grade\":1", "\"grade\":-1", "line 2: `second.grade` is -1");
    changed("[\"chat\"]", "[]", "line 2: `tags` is empty");
    changed("[\"chat\"]", "[\"chatting\"]", "line 2: unknown variant `chatting`");
    changed("\"knowledge\"", "\"chat\"", "line 2: `second.tags` has `chat` twice");
    changed("\"expected_output_tokens\":40", "\"expected_output_tokens\":0", "`second.expected_output_tokens` is 0");
    changed("\"en\"", "\"English\"", "line 2: `language` is `English`");
    changed("\"hi 2\"", "\" \"", "line 2: `prompt` is empty");
    changed("\"author\"", "\"level\":\"simple\",\"author\"", "line 2: unknown field `level`");
    changed("\"second\"", "\"third\"", "line 2");
}

#[test]
fn row_without_a_second_grading_is_refused() {
    let at = GOOD.find("\"second\"").unwrap();
    let row = format!("{}{}", &GOOD[..at], &GOOD[GOOD.find("\"language\"").unwrap()..]);
    refused(&[&[row]], "line 1: missing field `second`");
}

#[test]
fn text_or_id_used_twice_is_refused_even_across_files() {
    let same_text = GOOD.replace("\"1\"", "\"2\"");
    refused(&[&[GOOD.to_owned()], std::slice::from_ref(&same_text)], "line 1: `2` has the text of `1`");
    refused(&[&[GOOD.to_owned(), GOOD.replace("\"hi\"", "\"ho\"")]], "line 2: id `1` is used twice");
    let after_a_turn = same_text.replace("\"grade\":0", "\"context\":\"a turn before\",\"grade\":0");
    assert_eq!(read(&[&[GOOD.to_owned(), after_a_turn]]).unwrap().len(), 2);
}

#[test]
fn pair_is_two_rows_of_one_file() {
    let paired = |id: &str| other(id).replace("\"kind\"", "\"pair\":\"p\",\"kind\"");
    assert_eq!(read(&[&[paired("2"), paired("3")]]).unwrap().len(), 2);
    refused(&[&[GOOD.to_owned(), paired("2")]], "line 2: pair `p` has 1 row(s)");
    refused(&[&[paired("2"), paired("3"), paired("4")]], "line 3: pair `p` has 3 row(s)");
    refused(&[&[paired("2"), paired("3")], &[paired("4"), paired("5")]], "pair `p` stands in another file");
}

#[test]
fn folder_without_prompts_is_refused() {
    refused(&[], "holds no graded prompts");
}
