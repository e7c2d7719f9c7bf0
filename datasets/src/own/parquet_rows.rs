//! Rows from Parquet, row group by row group, only the columns that are looked at.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;

use super::Collected;
use super::row::{self, Cell, NEEDED, OPTIONAL, Raw};
use crate::DatasetError;

pub(super) fn read(path: &Path, found: &mut Collected) -> Result<(), DatasetError> {
    let failed = |error: ParquetError| {
        let format = "Parquet";
        DatasetError::Format { path: path.to_owned(), format, reason: error.to_string() }
    };
    let file = File::open(path).map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<_> = schema.get_fields().iter().map(|field| field.name()).collect();
    row::check_columns(path, &names)?;
    let wanted = schema.get_fields().iter().filter(|field| {
        let name = field.name();
        NEEDED.contains(&name) || OPTIONAL.contains(&name)
    });
    let projection = Type::group_type_builder(schema.name()).with_fields(wanted.map(Arc::clone).collect());
    let projection = projection.build().map_err(failed)?;
    for (at, item) in reader.get_row_iter(Some(projection)).map_err(failed)?.enumerate() {
        let mut raw = Raw::default();
        for (name, field) in item.map_err(failed)?.into_columns() {
            if let Some(cell) = raw.cell(&name) {
                *cell = to_cell(name == "id", field);
            }
        }
        found.add(at + 1, raw);
    }
    Ok(())
}

fn to_cell(is_id: bool, field: Field) -> Cell {
    match field {
        Field::Null => Cell::Missing,
        Field::Str(text) => Cell::Text(text),
        Field::Bytes(bytes) => match bytes.as_utf8() {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => Cell::Other("bytes that are not UTF-8"),
        },
        // Ids may be larger than a float tells apart.
        Field::Long(value) if is_id => Cell::Text(value.to_string()),
        Field::ULong(value) if is_id => Cell::Text(value.to_string()),
        Field::Byte(value) => Cell::Number(value.into()),
        Field::Short(value) => Cell::Number(value.into()),
        Field::Int(value) => Cell::Number(value.into()),
        Field::Long(value) => Cell::Number(value as f64),
        Field::UByte(value) => Cell::Number(value.into()),
        Field::UShort(value) => Cell::Number(value.into()),
        Field::UInt(value) => Cell::Number(value.into()),
        Field::ULong(value) => Cell::Number(value as f64),
        Field::Float16(value) => Cell::Number(value.into()),
        // By way of its shortest text, so that 0.1 stays 0.1.
        Field::Float(value) => Cell::Number(value.to_string().parse().unwrap_or_else(|_| value.into())),
        Field::Double(value) => Cell::Number(value),
        Field::Bool(_) => Cell::Other("true or false (write 1 or 0)"),
        Field::Decimal(_) => Cell::Other("a decimal (write a double)"),
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => Cell::Other("a time"),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => Cell::Other("a nested value"),
    }
}
