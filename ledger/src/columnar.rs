//! The Arrow side of a column table: its schema, blocks to columns, and columns back to the bytes that are hashed.
//!
//! Nothing here knows Parquet or a file. The hot tail, the sealer and the reader share these columns, so that a query
//! sees the same types on both sides of the watermark.

mod encoder;
mod gather;
mod long;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use encoder::PartEncoder;
pub(crate) use gather::{Gathering, gather};

use crate::column::{Column, Kind, Part, Table};

/// Number of position columns that stand before the table's columns.
pub const POSITION_COLUMNS: usize = 5;

/// The time zone of every timestamp column, in the one spelling that all readers compare equal.
pub const TIME_ZONE: &str = "UTC";

/// Why a row's bytes, or a batch's columns, are not the canonical form that is hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCanonical {
    /// The columns of a part do not follow each other as they must.
    #[error(transparent)]
    Part(#[from] crate::part::PartError),
    /// The table has no column with this id: a newer version wrote it, or it is damaged.
    #[error("column id {0} is not in the table")]
    UnknownColumn(u8),
    /// The column stands in the part that it does not belong to.
    #[error("column {0} stands in the wrong part")]
    WrongPart(&'static str),
    /// A value is not of its column's kind.
    #[error("column {column} holds {what}")]
    Value {
        /// Name of the column.
        column: &'static str,
        /// What the value is instead.
        what: &'static str,
    },
    /// A part without any column is recorded as no part.
    #[error("the content part is empty")]
    EmptyContent,
    /// A column of a batch has another name or type than the table says.
    #[error("column {name} has type {found}, and the table has {expected}")]
    ColumnType {
        /// Name of the column in the batch.
        name: String,
        /// Its type.
        found: String,
        /// The type that the table gives it, or that there is none.
        expected: String,
    },
    /// Arrow refused the columns.
    #[error("{0}")]
    Arrow(String),
}

/// The Arrow schema of a table: `shard` Int32, `seq` Int64, `batch` Int64, `recorded` Timestamp(µs, UTC), `flags` Int32,
/// then every column of the table in order of id. The position columns are never null, all others nullable.
pub fn schema(table: &'static Table) -> SchemaRef {
    schema_of(table, |_| true)
}

/// The schema of the position columns and of those columns of the table that `keep` names.
pub fn schema_of(table: &'static Table, keep: impl Fn(&Column) -> bool) -> SchemaRef {
    let columns = table.columns.iter().filter(|column| keep(column)).map(field);
    Arc::new(Schema::new(position_fields().into_iter().chain(columns).collect::<Vec<_>>()))
}

/// The position columns: where a row stands, and what its leaf holds beside the parts.
pub fn position_fields() -> [Field; POSITION_COLUMNS] {
    [
        Field::new("shard", DataType::Int32, false),
        Field::new("seq", DataType::Int64, false),
        Field::new("batch", DataType::Int64, false),
        Field::new("recorded", data_type(Kind::Time), false),
        Field::new("flags", DataType::Int32, false),
    ]
}

/// The Arrow field of a column.
pub fn field(column: &Column) -> Field {
    Field::new(column.name, data_type(column.kind), true)
}

/// The Arrow type of a kind of values.
pub fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8View,
        Kind::Integer => DataType::Int64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(TIME_ZONE.into())),
        Kind::Fingerprint => DataType::UInt64,
        Kind::Bytes => DataType::BinaryView,
        Kind::TextList => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
    }
}

/// Says whether the parts of a row are canonical.
pub fn check(table: &'static Table, facts: &[u8], content: Option<&[u8]>) -> Result<(), NotCanonical> {
    check_part(table, Part::Facts, facts)?;
    match content {
        Some([]) => Err(NotCanonical::EmptyContent),
        Some(content) => check_part(table, Part::Content, content),
        None => Ok(()),
    }
}

fn check_part(table: &'static Table, part: Part, bytes: &[u8]) -> Result<(), NotCanonical> {
    for column in crate::part::columns(bytes) {
        let (id, value) = column?;
        let column = table.by_id(id).ok_or(NotCanonical::UnknownColumn(id))?;
        if column.part != part {
            return Err(NotCanonical::WrongPart(column.name));
        }
        check_value(column.kind, value).map_err(|what| NotCanonical::Value { column: column.name, what })?;
    }
    Ok(())
}

/// Says whether bytes are a value of this kind.
pub(crate) fn check_value(kind: Kind, value: &[u8]) -> Result<(), &'static str> {
    match kind {
        Kind::Text => std::str::from_utf8(value).map(|_| ()).map_err(|_| "bytes that are not UTF-8"),
        Kind::Integer | Kind::Time | Kind::Fingerprint if value.len() == 8 => Ok(()),
        Kind::Integer | Kind::Time | Kind::Fingerprint => Err("a number that is not 8 bytes long"),
        Kind::Bytes => Ok(()),
        Kind::TextList => crate::part::list_elements(value).try_for_each(|element| {
            let element = element.ok_or("a list that ends inside an element")?;
            std::str::from_utf8(element).map(|_| ()).map_err(|_| "a list element that is not UTF-8")
        }),
    }
}

#[cfg(test)]
mod tests;
