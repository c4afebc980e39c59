//! Results as bytes: one writer per format, and the one list of formats that HTTP, the command line and the docs read.

mod columnar;
mod csv;
mod encoded;
mod expanded;
mod json;
mod plain;
mod terminal;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use crate::error::QueryError;
use crate::result_stream::Statistics;

pub use encoded::Encoded;
pub use terminal::{is_invisible, visible};

/// A format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object: columns, rows, statistics.
    Json,
    /// One JSON object per line.
    NdJson,
    /// Comma-separated values.
    Csv,
    /// Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
    /// A table for terminals.
    Table,
    /// One line per column, for terminals.
    Expanded,
}

impl Format {
    /// All of them; the first is the default over HTTP.
    pub const ALL: [Self; 7] =
        [Self::Json, Self::NdJson, Self::Csv, Self::Arrow, Self::Parquet, Self::Table, Self::Expanded];

    /// The word on the command line and in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::NdJson => "ndjson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::Table => "table",
            Self::Expanded => "expanded",
        }
    }

    /// The media type in `Accept` and `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Table | Self::Expanded => "text/plain",
        }
    }

    /// One sentence for the reference.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Json => {
                "One object: `query`, `columns` (name and type), `rows` (one object each, nulls included), `statistics`; \
                 if the query fails midway, `error` in place of `statistics`."
            }
            Self::NdJson => "One object per line, nulls included.",
            Self::Csv => {
                "A header and one line per row, quoted as RFC 4180 says. A text that a spreadsheet would run as a formula \
                 (it begins with = + - @, a tab or a carriage return), or that begins with an apostrophe, gets an apostrophe in front."
            }
            Self::Arrow => "Arrow IPC stream, for pandas, Polars, DuckDB.",
            Self::Parquet => "One Parquet file, zstd.",
            Self::Table => {
                "Aligned columns for people; control characters and other invisible ones are spelled out, long values are cut. \
                 With a `width`, columns are made to fit it, or rows are written as in `expanded`."
            }
            Self::Expanded => "A line for each column of each row, for people; nothing is cut.",
        }
    }

    /// The format of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// A writer for a result with these columns; `width` is how many columns of characters a table may take.
    pub(crate) fn writer(
        self,
        query: &str,
        schema: &SchemaRef,
        width: Option<usize>,
    ) -> Result<Box<dyn Writer>, QueryError> {
        Ok(match self {
            Self::Json => Box::new(json::Object::new(query, schema)),
            Self::NdJson => Box::new(json::Lines::new(schema)),
            Self::Csv => Box::new(csv::Csv::new(schema)),
            Self::Arrow => Box::new(columnar::Arrow::new(schema)?),
            Self::Parquet => Box::new(columnar::Parquet::new(schema)?),
            Self::Table if width.is_some_and(|width| !terminal::fits(schema, width)) => {
                Box::new(expanded::Expanded::new(schema))
            }
            Self::Table => Box::new(terminal::Table::new(schema, width)),
            Self::Expanded => Box::new(expanded::Expanded::new(schema)),
        })
    }
}

/// Turns a result into bytes while it comes. Each call appends to `out` what is ready.
pub(crate) trait Writer: Send {
    /// Rows.
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError>;

    /// The end of a whole result.
    fn finish(&mut self, statistics: &Statistics, out: &mut Vec<u8>) -> Result<(), QueryError>;

    /// The end of a result that is not whole. Returns whether the format can say so; where it cannot, the receiver must
    /// be made to notice in another way, such as a broken connection.
    fn fail(&mut self, _error: &QueryError, _out: &mut Vec<u8>) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
