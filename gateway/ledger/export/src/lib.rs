//! Request records as Parquet: typed columns, exact amounts, one row group a page, so that memory stays at one page.
//!
//! A crate of its own because the Parquet library is large and only the command line writes files. Where rows come from
//! and where the file goes is the caller's business.

mod column;

use std::io::Write;
use std::sync::Arc;

use domain::RequestRecord;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use column::COLUMNS;

/// Why records could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file could not be written.
    #[error("the Parquet file cannot be written: {0}")]
    Parquet(#[from] ParquetError),
    /// An amount has more digits than the column.
    #[error("record {sequence}: an amount has more than 38 digits")]
    Amount {
        /// The record.
        sequence: u64,
    },
}

/// A Parquet file that is being written.
pub struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    rows: u64,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file.
    pub fn begin(out: W) -> Result<Self, ExportError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("signalbox ", env!("CARGO_PKG_VERSION")).to_owned());
        let schema = Arc::new(parse_message_type(&column::schema())?);
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
        Ok(Self { writer, rows: 0 })
    }

    /// Adds a page of records as a row group; thousands are better than tens.
    pub fn write(&mut self, page: &[RequestRecord]) -> Result<(), ExportError> {
        if page.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in COLUMNS {
            // As many as there are columns in the schema, which is made of the same list.
            if let Some(mut writer) = group.next_column()? {
                column.write(page, &mut writer)?;
                writer.close()?;
            }
        }
        group.close()?;
        self.rows += page.len() as u64;
        Ok(())
    }

    /// Ends the file. Returns where it went and how many rows it has.
    pub fn finish(self) -> Result<(W, u64), ExportError> {
        let rows = self.rows;
        Ok((self.writer.into_inner()?, rows))
    }
}

#[cfg(test)]
mod tests;
