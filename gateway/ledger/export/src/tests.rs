//! What is written is read back, exactly.

#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use domain::record::Tag;
use domain::{
    Finished, KeyId, ModelId, Money, OrganisationId, Outcome, RequestId, RequestRecord, Started, Timestamp, Usage,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use crate::{ExportError, ParquetFile};

fn record(sequence: u64) -> RequestRecord {
    let (organisation, key) = (OrganisationId::from_random([1; 20]), KeyId::from_random([2; 20]));
    let started =
        Started::new(RequestId::from_value(sequence.into()), Timestamp(1_700_000_000_123_456), organisation, key);
    RequestRecord { sequence, finished: Finished::new(started, Outcome::Completed, 200) }
}

fn full(sequence: u64, cost: i128) -> RequestRecord {
    let mut row = record(sequence);
    row.finished.model = Some(ModelId::parse("openai/gpt-4o").unwrap());
    row.finished.usage =
        Some(Usage { prompt_tokens: u64::MAX, reasoning_tokens: 3, estimated: true, ..Usage::default() });
    row.finished.cost = Some(Money::from_pico(cost));
    row.finished.tags = vec![Tag { key: "team".to_owned(), value: "blue".to_owned() }];
    row
}

fn write(pages: &[&[RequestRecord]]) -> Result<Bytes, ExportError> {
    let mut file = ParquetFile::begin(Vec::new())?;
    pages.iter().try_for_each(|page| file.write(page))?;
    let (out, rows) = file.finish()?;
    assert_eq!(rows, pages.iter().map(|page| page.len() as u64).sum::<u64>());
    Ok(Bytes::from(out))
}

fn read(file: Bytes) -> Vec<Row> {
    SerializedFileReader::new(file).unwrap().get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn field(row: &Row, name: &str) -> Field {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field.clone()).unwrap()
}

#[test]
fn values_come_back_with_their_types() {
    let rows = read(write(&[&[full(7, 1_234_567_890_123), record(8)]]).unwrap());
    let first = |name| field(&rows[0], name);
    assert_eq!(first("sequence"), Field::ULong(7));
    assert_eq!(first("at"), Field::TimestampMicros(1_700_000_000_123_456));
    assert_eq!(first("provider"), Field::Str("openai".to_owned()));
    assert_eq!(first("prompt_tokens"), Field::ULong(u64::MAX));
    assert_eq!(first("usage_estimated"), Field::Bool(true));
    assert_eq!(first("tags_json"), Field::Str(r#"[{"key":"team","value":"blue"}]"#.to_owned()));
    assert_eq!(first("status"), Field::Int(200));
    for name in ["model", "provider", "cost_usd", "prompt_tokens", "tags_json", "decision_json", "usage_estimated"] {
        assert_eq!(field(&rows[1], name), Field::Null, "{name}");
    }
}

#[test]
fn amounts_are_exact_however_small_large_or_negative() {
    let largest = 10_i128.pow(38) - 1;
    for pico in [0, 1, -1, 1_234_567_890_123, i128::from(i64::MAX) * 1_000, largest, -largest] {
        let rows = read(write(&[&[full(1, pico)]]).unwrap());
        let Field::Decimal(found) = field(&rows[0], "cost_usd") else { panic!("{pico} is no decimal") };
        assert_eq!((found.precision(), found.scale()), (38, 12));
        assert_eq!(i128::from_be_bytes(found.data().try_into().unwrap()), pico);
    }
}

#[test]
fn an_amount_beyond_the_column_is_refused_not_cut() {
    let refused = write(&[&[full(9, 10_i128.pow(38))]]);
    assert!(matches!(refused, Err(ExportError::Amount { sequence: 9 })), "{refused:?}");
}

#[test]
fn every_page_is_a_row_group() {
    let file = write(&[&[record(1), record(2)], &[], &[record(3)]]).unwrap();
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    assert_eq!(reader.num_row_groups(), 2);
    let found: Vec<Field> = read(file).iter().map(|row| field(row, "sequence")).collect();
    assert_eq!(found, [Field::ULong(1), Field::ULong(2), Field::ULong(3)]);
}

#[test]
fn no_records_make_a_file_without_rows() {
    assert_eq!(read(write(&[]).unwrap()).len(), 0);
}
