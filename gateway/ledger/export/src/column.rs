//! The columns of an export: one list for the schema and for the values.

use domain::{Finished, Money, RequestRecord, Usage};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::file::writer::SerializedColumnWriter;

use crate::ExportError;

/// A decimal of 38 digits is smaller than this.
const DECIMAL_BOUND: u128 = 10_u128.pow(38);

/// A column: its name and how its values are read from a record.
pub(crate) struct Column {
    name: &'static str,
    values: Values,
}

/// Where values come from. Optional ones are null where there is none.
enum Values {
    Count(fn(&RequestRecord) -> u64),
    MaybeCount(fn(&RequestRecord) -> Option<u64>),
    /// Microseconds since 1970, UTC.
    Moment(fn(&RequestRecord) -> i64),
    Small(fn(&RequestRecord) -> i32),
    Flag(fn(&RequestRecord) -> bool),
    MaybeFlag(fn(&RequestRecord) -> Option<bool>),
    Text(fn(&RequestRecord) -> String),
    MaybeText(fn(&RequestRecord) -> Option<String>),
    MaybeMoney(fn(&RequestRecord) -> Option<Money>),
}

const fn column(name: &'static str, values: Values) -> Column {
    Column { name, values }
}

/// Every column, in the order of the file.
pub(crate) const COLUMNS: &[Column] = &[
    column("sequence", Values::Count(|row| row.sequence)),
    column("request", Values::Text(|row| row.finished.started.id.to_string())),
    column("at", Values::Moment(|row| row.finished.started.at.unix_micros())),
    column("organisation", Values::Text(|row| row.finished.started.organisation.to_string())),
    column("key", Values::Text(|row| row.finished.started.key.to_string())),
    column("project", Values::MaybeText(|row| text(row.finished.started.project.as_ref()))),
    column("user", Values::MaybeText(|row| row.finished.started.user.clone())),
    column("endpoint", Values::Text(|row| row.finished.started.endpoint.as_str().to_owned())),
    column("stream", Values::Flag(|row| row.finished.started.stream)),
    column("requested_model", Values::MaybeText(|row| row.finished.started.requested_model.clone())),
    column("model", Values::MaybeText(|row| text(row.finished.model.as_ref()))),
    column("provider", Values::MaybeText(|row| row.finished.model.as_ref().map(|it| it.provider().to_owned()))),
    column("served_model", Values::MaybeText(|row| row.finished.served_model.clone())),
    column("served_mismatch", Values::Flag(|row| row.finished.served_mismatch)),
    column("policy", Values::MaybeText(|row| text(row.finished.policy.as_ref()))),
    column("outcome", Values::Text(|row| row.finished.outcome.as_str().to_owned())),
    column("status", Values::Small(|row| row.finished.status.into())),
    column("error", Values::MaybeText(|row| row.finished.error.clone())),
    column("prompt_tokens", Values::MaybeCount(|row| usage(row, |it| it.prompt_tokens))),
    column("cached_tokens", Values::MaybeCount(|row| usage(row, |it| it.cached_tokens))),
    column("cache_write_tokens", Values::MaybeCount(|row| usage(row, |it| it.cache_write_tokens))),
    column("completion_tokens", Values::MaybeCount(|row| usage(row, |it| it.completion_tokens))),
    column("reasoning_tokens", Values::MaybeCount(|row| usage(row, |it| it.reasoning_tokens))),
    column("usage_estimated", Values::MaybeFlag(|row| row.finished.usage.map(|it| it.estimated))),
    column("cost_usd", Values::MaybeMoney(|row| row.finished.cost)),
    column("saved_usd", Values::MaybeMoney(|row| row.finished.saved)),
    column("total_micros", Values::Count(|row| row.finished.total_micros)),
    column("first_token_micros", Values::MaybeCount(|row| row.finished.first_token_micros)),
    column("decision_micros", Values::MaybeCount(|row| row.finished.decision_micros)),
    column("upstream_micros", Values::MaybeCount(|row| row.finished.upstream_micros)),
    column("queue_micros", Values::MaybeCount(|row| row.finished.queue_micros)),
    column("overhead_micros", Values::MaybeCount(|row| row.finished.overhead_micros)),
    column("strategy", Values::MaybeText(|row| row.finished.decision.as_ref().map(|it| it.strategy.clone()))),
    column(
        "rule",
        Values::MaybeText(|row| {
            row.finished.decision.as_ref().and_then(|it| it.rule.as_ref().map(ToString::to_string))
        }),
    ),
    column("attempt_count", Values::Small(|row| i32::try_from(row.finished.attempts.len()).unwrap_or(i32::MAX))),
    column("attempts_json", Values::MaybeText(|row| json(&row.finished, |it| &it.attempts))),
    column("tags_json", Values::MaybeText(|row| json(&row.finished, |it| &it.tags))),
    column("loss_json", Values::MaybeText(|row| json(&row.finished, |it| &it.loss))),
    column("decision_json", Values::MaybeText(|row| serde_json::to_string(row.finished.decision.as_ref()?).ok())),
];

/// The schema in Parquet's own words.
pub(crate) fn schema() -> String {
    let fields: String = COLUMNS.iter().map(Column::field).collect();
    format!("message record {{ {fields}}}")
}

impl Column {
    fn field(&self) -> String {
        let name = self.name;
        match self.values {
            Values::Count(_) => format!("required int64 {name} (INTEGER(64,false)); "),
            Values::MaybeCount(_) => format!("optional int64 {name} (INTEGER(64,false)); "),
            Values::Moment(_) => format!("required int64 {name} (TIMESTAMP(MICROS,true)); "),
            Values::Small(_) => format!("required int32 {name}; "),
            Values::Flag(_) => format!("required boolean {name}; "),
            Values::MaybeFlag(_) => format!("optional boolean {name}; "),
            Values::Text(_) => format!("required binary {name} (STRING); "),
            Values::MaybeText(_) => format!("optional binary {name} (STRING); "),
            Values::MaybeMoney(_) => format!("optional fixed_len_byte_array(16) {name} (DECIMAL(38,12)); "),
        }
    }

    /// Writes the column's values of a page.
    pub(crate) fn write(
        &self,
        page: &[RequestRecord],
        writer: &mut SerializedColumnWriter<'_>,
    ) -> Result<(), ExportError> {
        match self.values {
            Values::Count(of) => all::<Int64Type>(page, writer, |row| of(row).cast_signed()),
            Values::MaybeCount(of) => some::<Int64Type>(page, writer, |row| Ok(of(row).map(u64::cast_signed))),
            Values::Moment(of) => all::<Int64Type>(page, writer, of),
            Values::Small(of) => all::<Int32Type>(page, writer, of),
            Values::Flag(of) => all::<BoolType>(page, writer, of),
            Values::MaybeFlag(of) => some::<BoolType>(page, writer, |row| Ok(of(row))),
            Values::Text(of) => all::<ByteArrayType>(page, writer, |row| bytes(of(row))),
            Values::MaybeText(of) => some::<ByteArrayType>(page, writer, |row| Ok(of(row).map(bytes))),
            Values::MaybeMoney(of) => some::<FixedLenByteArrayType>(page, writer, |row| decimal(row.sequence, of(row))),
        }
    }
}

fn all<T: DataType>(
    page: &[RequestRecord],
    writer: &mut SerializedColumnWriter<'_>,
    of: impl Fn(&RequestRecord) -> T::T,
) -> Result<(), ExportError> {
    let values: Vec<T::T> = page.iter().map(of).collect();
    writer.typed::<T>().write_batch(&values, None, None)?;
    Ok(())
}

fn some<T: DataType>(
    page: &[RequestRecord],
    writer: &mut SerializedColumnWriter<'_>,
    of: impl Fn(&RequestRecord) -> Result<Option<T::T>, ExportError>,
) -> Result<(), ExportError> {
    let all: Vec<Option<T::T>> = page.iter().map(of).collect::<Result<_, _>>()?;
    let levels: Vec<i16> = all.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = all.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}

fn bytes(text: String) -> ByteArray {
    ByteArray::from(text.into_bytes())
}

/// Big-endian two's complement of 10^-12 USD.
fn decimal(sequence: u64, amount: Option<Money>) -> Result<Option<FixedLenByteArray>, ExportError> {
    let Some(pico) = amount.map(Money::pico) else { return Ok(None) };
    if pico.unsigned_abs() >= DECIMAL_BOUND {
        return Err(ExportError::Amount { sequence });
    }
    Ok(Some(FixedLenByteArray::from(pico.to_be_bytes().to_vec())))
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

fn usage(row: &RequestRecord, of: fn(&Usage) -> u64) -> Option<u64> {
    row.finished.usage.as_ref().map(of)
}

/// A list as JSON; null where it is empty.
fn json<T: serde::Serialize>(finished: &Finished, of: fn(&Finished) -> &Vec<T>) -> Option<String> {
    let list = of(finished);
    if list.is_empty() { None } else { serde_json::to_string(list).ok() }
}
