//! Values of a projection on their way into columns. It knows neither alerts nor the engine.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListBuilder, StringBuilder, TimestampMicrosecondArray, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use ledger::Timestamp;

/// Of what form a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Texts.
    Text,
    /// Whole numbers.
    Integer,
    /// Whole numbers that are never negative.
    Unsigned,
    /// Times.
    Time,
    /// Whether something holds.
    Flag,
    /// Lists of texts.
    Texts,
}

/// One value; absent ones are null. It has the form of its column.
#[derive(Debug, Clone)]
pub(crate) enum Cell<'a> {
    /// A text.
    Text(Option<Cow<'a, str>>),
    /// A whole number, or a moment as columns hold it.
    Integer(Option<i64>),
    /// A number that is never negative.
    Unsigned(Option<u64>),
    /// Whether something holds.
    Flag(Option<bool>),
    /// A list of texts.
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Cell<'a> {
    /// A text that is there.
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(Some(text.into()))
    }

    /// A text that may be absent.
    pub(crate) fn text_if(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }

    fn into_integer(self) -> Option<i64> {
        if let Self::Integer(number) = self { number } else { None }
    }

    fn into_unsigned(self) -> Option<u64> {
        if let Self::Unsigned(number) = self { number } else { None }
    }

    fn into_flag(self) -> Option<bool> {
        if let Self::Flag(flag) = self { flag } else { None }
    }

    /// A moment that may be absent.
    pub(super) fn time(moment: Option<Timestamp>) -> Self {
        Self::Integer(moment.map(Timestamp::unix_micros))
    }

    /// A number that may be too large for a column.
    pub(super) fn integer(number: impl TryInto<i64>) -> Self {
        Self::Integer(number.try_into().ok())
    }
}

impl Form {
    /// The type of such a column.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Unsigned => DataType::UInt64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Flag => DataType::Boolean,
            Self::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        }
    }

    /// A column of such values; a value of another form is null.
    pub(crate) fn column<'a>(self, cells: impl Iterator<Item = Cell<'a>>) -> ArrayRef {
        match self {
            Self::Text => {
                let mut builder = StringBuilder::new();
                for cell in cells {
                    builder.append_option(if let Cell::Text(text) = cell { text } else { None });
                }
                Arc::new(builder.finish())
            }
            Self::Integer => Arc::new(cells.map(Cell::into_integer).collect::<Int64Array>()),
            Self::Unsigned => Arc::new(cells.map(Cell::into_unsigned).collect::<UInt64Array>()),
            Self::Time => {
                let times = cells.map(Cell::into_integer).collect::<TimestampMicrosecondArray>();
                Arc::new(times.with_timezone("UTC"))
            }
            Self::Flag => Arc::new(cells.map(Cell::into_flag).collect::<BooleanArray>()),
            Self::Texts => {
                let mut builder = ListBuilder::new(StringBuilder::new());
                for cell in cells {
                    let Cell::Texts(texts) = cell else {
                        builder.append_null();
                        continue;
                    };
                    for text in &texts {
                        builder.values().append_value(text);
                    }
                    builder.append(true);
                }
                Arc::new(builder.finish())
            }
        }
    }
}
