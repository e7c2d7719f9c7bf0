//! What is read from a team's own rows, and what is refused with which cure.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

/// A file of so many sound prompts with two models, as JSON Lines.
fn sound(prompts: usize) -> Vec<String> {
    let row = |at: usize, model: &str| {
        let score = if model == "small" { (at % 2) as f64 } else { f64::from(u8::from(!at.is_multiple_of(5))) };
        format!(r#"{{"prompt":"what is {at}?","model":"{model}","score":{score}}}"#)
    };
    (0..prompts).flat_map(|at| [row(at, "small"), row(at, "large")]).collect()
}

fn load_as(name: &str, bytes: &[u8]) -> Result<OwnOutcomes, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    OwnOutcomes::load(&path, Purpose::Train).map_err(|error| error.to_string())
}

fn load(rows: &[String]) -> Result<OwnOutcomes, String> {
    load_as("x.jsonl", rows.join("\n").as_bytes())
}

#[track_caller]
fn refused(name: &str, bytes: &[u8], expected: &[&str]) {
    let error = load_as(name, bytes).unwrap_err();
    for part in expected {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

/// Sound rows and one more.
#[track_caller]
fn row_is_refused(row: &str, expected: &str) {
    let mut rows = sound(60);
    rows.push(row.to_owned());
    refused("x.jsonl", rows.join("\n").as_bytes(), &["line 121: ", expected]);
}

fn as_csv() -> String {
    let mut text = String::from("\u{feff}model,prompt,score,unused\r\n");
    for at in 0..60 {
        write!(text, "small,\"what, \"\"exactly\"\",\nis {at}?\",{},x\r\n", at % 2).unwrap();
        write!(text, "large,\"what, \"\"exactly\"\",\nis {at}?\",0.{}5,x\r\n", at % 9).unwrap();
    }
    text
}

fn as_parquet(scores: &[f64]) -> Vec<u8> {
    let schema = "message rows { REQUIRED BYTE_ARRAY prompt (UTF8); REQUIRED BYTE_ARRAY model (UTF8); \
                  OPTIONAL DOUBLE score; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let text = |of: &dyn Fn(usize) -> String| (0..scores.len()).map(|at| ByteArray::from(of(at).as_str())).collect();
    let prompts: Vec<ByteArray> = text(&|at| format!("was ist {}?", at / 2));
    let models: Vec<ByteArray> = text(&|at| if at % 2 == 0 { "small".to_owned() } else { "large".to_owned() });
    for values in [prompts, models] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    let present: Vec<f64> = scores.iter().copied().filter(|score| *score >= 0.0 || score.is_nan()).collect();
    let levels: Vec<i16> = scores.iter().map(|score| i16::from(*score >= 0.0 || score.is_nan())).collect();
    column.typed::<DoubleType>().write_batch(&present, Some(&levels), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn parquet_scores() -> Vec<f64> {
    (0..120).map(|at| f64::from(at % 3) / 2.0).collect()
}

#[test]
fn json_lines_are_read_and_split_by_the_text() {
    let own = load(&sound(200)).unwrap();
    assert_eq!((own.prompts.len(), own.outcomes.len(), own.repeats), (200, 400, 0));
    assert_eq!(own.models(), ["large", "small"]);
    let dev = own.prompts.values().filter(|prompt| prompt.split == Split::Dev).count();
    assert!((8..40).contains(&dev), "{dev}");
    let id = blake3::hash(b"what is 7?").to_hex().to_string();
    assert_eq!(own.prompts[&id].prompt, "what is 7?");
    let more = load(&sound(300)).unwrap();
    assert!(own.prompts.iter().all(|(id, prompt)| more.prompts[id].split == prompt.split), "a prompt changed sides");
}

#[test]
fn csv_is_read_with_quotes_lines_within_cells_and_columns_in_any_order() {
    let own = load_as("x.csv", as_csv().as_bytes()).unwrap();
    assert_eq!((own.prompts.len(), own.outcomes.len()), (60, 120));
    assert!(own.prompts.values().any(|prompt| prompt.prompt == "what, \"exactly\",\nis 3?"));
    let tabs = as_csv().replace(",x", "\tx").replace("model,prompt,score,", "model\tprompt\tscore\t");
    assert!(load_as("x.tsv", tabs.as_bytes()).is_err(), "commas do not separate in a .tsv");
}

#[test]
fn parquet_is_read() {
    let own = load_as("x.parquet", &as_parquet(&parquet_scores())).unwrap();
    assert_eq!((own.prompts.len(), own.outcomes.len()), (60, 120));
    assert!((own.outcomes[2].score - 1.0).abs() < 1e-12);
}

#[test]
fn packed_files_are_read() {
    let text = sound(60).join("\n");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let plain = load_as("x.jsonl", text.as_bytes()).unwrap();
    for (name, bytes) in
        [("x.jsonl.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()), ("x.jsonl.gz", encoder.finish().unwrap())]
    {
        let packed = load_as(name, &bytes).unwrap();
        assert_eq!((&packed.prompts, &packed.outcomes), (&plain.prompts, &plain.outcomes));
    }
    let cut = zstd::encode_all(text.as_bytes(), 1).unwrap();
    refused("x.jsonl.zst", &cut[..cut.len() / 2], &["cannot read"]);
}

#[test]
fn ids_splits_and_lengths_are_taken_where_they_are_given() {
    let rows: Vec<_> = sound(60)
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let split = if at / 2 % 4 == 0 { "dev" } else { "train" };
            row.replace(
                '}',
                &format!(r#","id":{},"split":"{split}","output_tokens":12}}"#, 9_007_199_254_740_993 + at / 2),
            )
        })
        .collect();
    let own = load(&rows).unwrap();
    assert_eq!(own.prompts["9007199254740993"].split, Split::Dev);
    assert_eq!(own.prompts["9007199254740994"].split, Split::Train);
    assert_eq!(own.outcomes[0].output_tokens, Some(12.0));
}

#[test]
fn same_row_twice_is_counted_once() {
    let mut rows = sound(60);
    rows.push(rows[0].clone());
    let own = load(&rows).unwrap();
    assert_eq!((own.outcomes.len(), own.repeats), (120, 1));
}

#[test]
fn missing_column_is_named_with_the_nearest_one() {
    let csv = as_csv();
    let renamed = csv.replacen("prompt,score", "question,scores", 1);
    let parts = ["no column `prompt`, `score`", "rename `question` to `prompt`", "rename `scores` to `score`"];
    refused("x.csv", renamed.as_bytes(), &parts);
    refused("x.csv", b"a;b;c\n1;2;3\n", &["separated by `;`; save it with commas"]);
    refused("x.csv", b"", &["no column `prompt`, `model`, `score`"]);
    row_is_refused(r#"{"prompt":"a","model":"b","correct":1}"#, "it has no `score`; rename `correct`");
}

#[test]
fn score_that_is_none_is_refused_with_its_cure() {
    let row = |score: &str| format!(r#"{{"prompt":"a","model":"b","score":{score}}}"#);
    row_is_refused(&row("85"), "`score` is 85, expected 0 to 1; if it is per cent, divide by 100");
    row_is_refused(&row("-1"), "`score` is -1, expected 0 to 1; map your scale onto it");
    row_is_refused(&row("\"85%\""), "divide per cent by 100");
    row_is_refused(&row("\"NaN\""), "`score` is NaN, expected 0 to 1; leave out rows without a score");
    row_is_refused(&row("\"inf\""), "`score` is inf");
    row_is_refused(&row("NaN"), "JSON has no NaN");
    row_is_refused(&row("null"), "`score` is empty");
    row_is_refused(&row("true"), "`score` is true or false (write 1 or 0)");
    row_is_refused(&row("\"good\""), "`score` is `good`, expected a number from 0 to 1");
}

#[test]
fn other_bad_cells_are_refused() {
    row_is_refused(r#"{"prompt":" ","model":"b","score":1}"#, "`prompt` is empty, expected the text that was sent");
    row_is_refused(r#"{"prompt":"a","model":"","score":1}"#, "`model` is empty");
    row_is_refused(r#"{"prompt":["a"],"model":"b","score":1}"#, "`prompt` is a list");
    row_is_refused(
        r#"{"prompt":"a","model":"b","score":1,"split":"test"}"#,
        "`split` is `test`, expected `train` or `dev`",
    );
    row_is_refused(
        r#"{"prompt":"a","model":"b","score":1,"output_tokens":-3}"#,
        "`output_tokens` is not a number from 0 up",
    );
    row_is_refused("[1]", "expected a JSON object");
    let cut = as_csv() + "small,only two\r\n";
    refused("x.csv", cut.as_bytes(), &["line 242: it has 2 cells, the header 4"]);
    let without_returns = cut.replace('\r', "");
    refused("x.csv", without_returns.as_bytes(), &["line 242: it has 2 cells, the header 4"]);
}

#[test]
fn contradictions_are_refused() {
    row_is_refused(
        r#"{"prompt":"what is 0?","model":"small","score":0.5}"#,
        "small is scored 0.5 here and 0 in line 1 on",
    );
    let mut rows = sound(60);
    rows.push(r#"{"id":"i","prompt":"a","model":"small","score":0,"split":"dev"}"#.to_owned());
    rows.push(r#"{"id":"i","prompt":"b","model":"small","score":0}"#.to_owned());
    rows.push(r#"{"id":"j","prompt":"a","model":"small","score":0,"split":"train"}"#.to_owned());
    let expected =
        ["2 bad rows", "line 122: `id` i stands for another prompt", "line 123: the prompt is on the other side"];
    refused("x.jsonl", rows.join("\n").as_bytes(), &expected);
}

#[test]
fn file_that_teaches_nothing_is_refused() {
    refused("x.jsonl", sound(49).join("\n").as_bytes(), &["it has 49 prompts, expected at least 50"]);
    refused("x.jsonl", b"", &["it has 0 prompts", "its models are none"]);
    let one: Vec<_> = sound(60).into_iter().filter(|row| row.contains("small")).collect();
    refused("x.jsonl", one.join("\n").as_bytes(), &["its models are `small`, expected at least 2"]);
    let equal: Vec<_> = sound(60).iter().map(|row| row.replace("\"score\":0", "\"score\":1")).collect();
    refused("x.jsonl", equal.join("\n").as_bytes(), &["every model has one and the same score throughout (1)"]);
    let half: Vec<_> = sound(60).iter().map(|row| row.replace("small\",\"score\":0", "small\",\"score\":1")).collect();
    refused("x.jsonl", half.join("\n").as_bytes(), &["every score of `small` is 1: leave its rows out"]);
    for (split, cure) in [("dev", "mark most prompts `train`"), ("train", "mark about one prompt in ten `dev`")] {
        let rows: Vec<_> = sound(60).iter().map(|row| row.replace('}', &format!(",\"split\":\"{split}\"}}"))).collect();
        refused("x.jsonl", rows.join("\n").as_bytes(), &[cure]);
    }
}

#[test]
fn one_model_is_enough_to_place_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let one: Vec<_> = sound(60).into_iter().filter(|row| row.contains("small")).collect();
    std::fs::write(&path, one.join("\n")).unwrap();
    assert_eq!(OwnOutcomes::load(&path, Purpose::PlaceModel).unwrap().models(), ["small"]);
}

#[test]
fn parquet_rows_are_refused_by_row_and_broken_files_by_reason() {
    let mut scores = parquet_scores();
    scores[4] = f64::NAN;
    scores[7] = -1.0;
    refused("x.parquet", &as_parquet(&scores), &["2 bad rows", "row 5: `score` is NaN", "row 8: `score` is empty"]);
    refused("x.parquet", b"prompt,model,score\n", &["cannot be read as Parquet"]);
    let whole = as_parquet(&parquet_scores());
    refused("x.parquet", &whole[..whole.len() - 20], &["cannot be read as Parquet"]);
}

#[test]
fn unknown_kind_of_file_and_missing_file_are_named() {
    refused("x.xlsx", b"", &["ends in none of .csv, .tsv, .jsonl, .parquet"]);
    let error = OwnOutcomes::load(Path::new("/nonexistent/x.csv"), Purpose::Train).unwrap_err().to_string();
    assert!(error.contains("cannot read /nonexistent/x.csv"), "{error}");
}

#[test]
fn many_faults_are_counted_and_the_first_told() {
    let rows: Vec<_> = sound(60).iter().map(|row| row.replace("\"score\":1", "\"score\":100")).collect();
    let error = load(&rows).unwrap_err();
    assert!(error.contains("78 bad rows: line 3: ") && error.contains("and 73 more"), "{error}");
}
