//! Columns back to rows: the canonical bytes of a part, exactly as they were hashed.

use arrow::array::{
    Array, BinaryViewArray, Int64Array, ListArray, StringArray, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::record_batch::RecordBatch;

use crate::column::{Column, Kind, Part, Table};
use crate::columnar::{NotCanonical, data_type};
use crate::part::{self, write_column};

/// Encodes one part of the rows of a batch. Columns that are null in every row cost nothing.
#[derive(Debug)]
pub struct PartEncoder<'a> {
    columns: Vec<(u8, Values<'a>)>,
}

#[derive(Debug)]
enum Values<'a> {
    Text(&'a StringViewArray),
    Integer(&'a Int64Array),
    Time(&'a TimestampMicrosecondArray),
    Fingerprint(&'a UInt64Array),
    Bytes(&'a BinaryViewArray),
    TextList(&'a ListArray, &'a StringArray),
}

impl<'a> PartEncoder<'a> {
    /// An encoder of the columns of `part` that `batch` has, found by name; a column that the batch lacks is null.
    pub fn new(table: &'static Table, batch: &'a RecordBatch, part: Part) -> Result<Self, NotCanonical> {
        let mut columns = Vec::new();
        for column in table.part(part) {
            let Some(array) = batch.column_by_name(column.name) else { continue };
            let values = Values::of(column, array.as_ref())?;
            if array.null_count() < array.len() {
                columns.push((column.id, values));
            }
        }
        Ok(Self { columns })
    }

    /// Appends the canonical bytes of the part of row number `row`; a part without columns appends nothing.
    pub fn encode(&self, row: usize, out: &mut Vec<u8>) {
        for (id, values) in &self.columns {
            values.encode(*id, row, out);
        }
    }
}

impl<'a> Values<'a> {
    fn of(column: &'static Column, array: &'a dyn Array) -> Result<Self, NotCanonical> {
        let any = array.as_any();
        let expected = data_type(column.kind);
        let values = if *array.data_type() == expected {
            match column.kind {
                Kind::Text => any.downcast_ref().map(Self::Text),
                Kind::Integer => any.downcast_ref().map(Self::Integer),
                Kind::Time => any.downcast_ref().map(Self::Time),
                Kind::Fingerprint => any.downcast_ref().map(Self::Fingerprint),
                Kind::Bytes => any.downcast_ref().map(Self::Bytes),
                Kind::TextList => any.downcast_ref().and_then(|lists: &ListArray| {
                    lists.values().as_any().downcast_ref().map(|texts| Self::TextList(lists, texts))
                }),
            }
        } else {
            None
        };
        if let Some(Self::TextList(_, texts)) = &values
            && texts.null_count() > 0
        {
            return Err(NotCanonical::Value { column: column.name, what: "a list element that is null" });
        }
        values.ok_or_else(|| NotCanonical::ColumnType {
            name: column.name.to_owned(),
            found: array.data_type().to_string(),
            expected: expected.to_string(),
        })
    }

    #[inline]
    fn encode(&self, id: u8, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Text(array) if array.is_valid(row) => write_column(out, id, array.value(row).as_bytes()),
            Self::Integer(array) if array.is_valid(row) => write_column(out, id, &array.value(row).to_be_bytes()),
            Self::Time(array) if array.is_valid(row) => write_column(out, id, &array.value(row).to_be_bytes()),
            Self::Fingerprint(array) if array.is_valid(row) => {
                write_column(out, id, &array.value(row).to_be_bytes());
            }
            Self::Bytes(array) if array.is_valid(row) => write_column(out, id, array.value(row)),
            Self::TextList(lists, texts) if lists.is_valid(row) => {
                let offsets = lists.value_offsets();
                let elements = offsets[row] as usize..offsets[row + 1] as usize;
                let len: usize = elements.clone().map(|at| 4 + texts.value(at).len()).sum();
                let (header, header_len) = part::column_header(id, len as u32);
                out.extend_from_slice(&header[..header_len]);
                for at in elements {
                    part::write_list_element(out, texts.value(at).as_bytes());
                }
            }
            _ => {}
        }
    }
}
