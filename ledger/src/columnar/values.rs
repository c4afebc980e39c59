//! The growing values of one column, filled with nulls only when somebody looks: most columns of a row are absent.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
    UInt64Builder, new_null_array,
};
use arrow::compute::concat;
use arrow::datatypes::{BinaryViewType, StringViewType};
use arrow::error::ArrowError;
use proof::part;

use crate::column::Kind;
use crate::columnar::views::Views;
use crate::columnar::{TIME_ZONE, data_type};

/// The values of one column so far. It may hold fewer rows than its block: the missing ones are nulls.
#[derive(Debug)]
pub(super) struct Values {
    kind: Kind,
    builder: Builder,
}

#[derive(Debug)]
enum Builder {
    Text(Views),
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Fingerprint(UInt64Builder),
    Bytes(Views),
    TextList(ListBuilder<StringBuilder>),
}

impl Values {
    pub(super) fn new(kind: Kind) -> Self {
        let builder = match kind {
            Kind::Text => Builder::Text(Views::new()),
            Kind::Integer => Builder::Integer(Int64Builder::with_capacity(0)),
            Kind::Time => Builder::Time(TimestampMicrosecondBuilder::with_capacity(0).with_timezone(TIME_ZONE)),
            Kind::Fingerprint => Builder::Fingerprint(UInt64Builder::with_capacity(0)),
            Kind::Bytes => Builder::Bytes(Views::new()),
            Kind::TextList => Builder::TextList(ListBuilder::new(StringBuilder::with_capacity(0, 0))),
        };
        Self { kind, builder }
    }

    /// Number of rows that are filled.
    fn len(&self) -> usize {
        match &self.builder {
            Builder::Integer(builder) => builder.len(),
            Builder::Time(builder) => builder.len(),
            Builder::Fingerprint(builder) => builder.len(),
            Builder::Text(builder) | Builder::Bytes(builder) => builder.len(),
            Builder::TextList(builder) => builder.len(),
        }
    }

    /// Whether no row had a value yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.len() == 0
    }

    /// Sets the value of row number `row`, which is at or after the rows that are filled. On an error no value was set.
    pub(super) fn set(&mut self, row: usize, value: &[u8]) -> Result<(), &'static str> {
        let gap = row.saturating_sub(self.len());
        match &mut self.builder {
            Builder::Text(builder) => {
                builder.append_nulls(gap);
                builder.append(value, check_text)
            }
            Builder::Integer(builder) => {
                let value = eight(value)?;
                builder.append_nulls(gap);
                builder.append_value(i64::from_be_bytes(value));
                Ok(())
            }
            Builder::Time(builder) => {
                let value = eight(value)?;
                builder.append_nulls(gap);
                builder.append_value(i64::from_be_bytes(value));
                Ok(())
            }
            Builder::Fingerprint(builder) => {
                let value = eight(value)?;
                builder.append_nulls(gap);
                builder.append_value(u64::from_be_bytes(value));
                Ok(())
            }
            Builder::Bytes(builder) => {
                builder.append_nulls(gap);
                builder.append(value, |_| Ok(()))
            }
            Builder::TextList(builder) => {
                check_list(value)?;
                builder.append_nulls(gap);
                for element in part::list_elements(value).flatten() {
                    builder.values().append_value(std::str::from_utf8(element).unwrap_or_default());
                }
                builder.append(true);
                Ok(())
            }
        }
    }

    /// The column over `rows` rows; the values start anew.
    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.is_untouched() {
            return Ok(new_null_array(&data_type(self.kind), rows));
        }
        let gap = rows.saturating_sub(self.len());
        let mut full = std::mem::replace(self, Self::new(self.kind));
        Ok(match &mut full.builder {
            Builder::Text(builder) => {
                builder.append_nulls(gap);
                builder.finish::<StringViewType>()?
            }
            Builder::Integer(builder) => {
                builder.append_nulls(gap);
                Arc::new(builder.finish())
            }
            Builder::Time(builder) => {
                builder.append_nulls(gap);
                Arc::new(builder.finish())
            }
            Builder::Fingerprint(builder) => {
                builder.append_nulls(gap);
                Arc::new(builder.finish())
            }
            Builder::Bytes(builder) => {
                builder.append_nulls(gap);
                builder.finish::<BinaryViewType>()?
            }
            Builder::TextList(builder) => {
                builder.append_nulls(gap);
                Arc::new(builder.finish())
            }
        })
    }

    /// A copy of the column over `rows` rows.
    pub(super) fn snapshot(&self, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.is_untouched() {
            return Ok(new_null_array(&data_type(self.kind), rows));
        }
        let filled: ArrayRef = match &self.builder {
            Builder::Text(builder) => builder.snapshot::<StringViewType>()?,
            Builder::Integer(builder) => Arc::new(builder.finish_cloned()),
            Builder::Time(builder) => Arc::new(builder.finish_cloned()),
            Builder::Fingerprint(builder) => Arc::new(builder.finish_cloned()),
            Builder::Bytes(builder) => builder.snapshot::<BinaryViewType>()?,
            Builder::TextList(builder) => Arc::new(builder.finish_cloned()),
        };
        let gap = rows.saturating_sub(filled.len());
        if gap == 0 {
            return Ok(filled);
        }
        let nulls = new_null_array(filled.data_type(), gap);
        concat(&[&filled, &nulls])
    }
}

/// Says whether bytes are a value of this kind.
pub(super) fn check(kind: Kind, value: &[u8]) -> Result<(), &'static str> {
    match kind {
        Kind::Text => check_text(value),
        Kind::Integer | Kind::Time | Kind::Fingerprint => eight(value).map(|_| ()),
        Kind::Bytes => Ok(()),
        Kind::TextList => check_list(value),
    }
}

fn check_text(value: &[u8]) -> Result<(), &'static str> {
    std::str::from_utf8(value).map(|_| ()).map_err(|_| "bytes that are not UTF-8")
}

/// The bytes of a number.
fn eight(value: &[u8]) -> Result<[u8; 8], &'static str> {
    value.try_into().map_err(|_| "a number that is not 8 bytes long")
}

/// Looks at a whole list before its first element is appended.
fn check_list(value: &[u8]) -> Result<(), &'static str> {
    for element in part::list_elements(value) {
        let element = element.ok_or("a list that ends inside an element")?;
        std::str::from_utf8(element).map_err(|_| "a list element that is not UTF-8")?;
    }
    Ok(())
}
