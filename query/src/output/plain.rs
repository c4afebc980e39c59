//! Results in types that every reader knows, and in texts.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::StructMode;
use datafusion::arrow::json::writer::{LineDelimited, WriterBuilder};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::QueryError;

/// The type of a column in one word.
pub(crate) fn type_word(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytes",
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => "time",
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) => "list",
        DataType::Dictionary(_, value) => type_word(value),
        DataType::UInt64 => "unsigned",
        other if other.is_integer() => "integer",
        other if other.is_numeric() => "number",
        DataType::Null => "null",
        _ => "other",
    }
}

/// Names of columns, each once: a second `seq` becomes `seq_2`.
pub(crate) fn unique_names(schema: &Schema) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let names = schema.fields().iter().map(|field| {
        let numbered = (2_usize..).map(|number| format!("{}_{number}", field.name()));
        let name = std::iter::once(field.name().clone())
            .chain(numbered)
            .find(|name| !taken.contains(name))
            .unwrap_or_default();
        taken.insert(name.clone());
        name
    });
    names.collect()
}

/// The schema that [`batch`] gives: no views, no dictionaries, no unions.
pub(crate) fn schema(from: &Schema) -> SchemaRef {
    let fields = unique_names(from).into_iter().zip(from.fields());
    Arc::new(Schema::new(
        fields.map(|(name, field)| Field::new(name, plain_type(field.data_type()), true)).collect::<Vec<_>>(),
    ))
}

/// The batch in the types of `schema`.
pub(crate) fn batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        match (column.data_type(), field.data_type()) {
            (from, to) if from == to => Ok(Arc::clone(column)),
            (DataType::Union(_, _), _) => Ok(Arc::new(texts(column)?) as ArrayRef),
            (_, to) => cast(column, to).map_err(QueryError::internal),
        }
    });
    build(schema, columns.collect::<Result<_, _>>()?, batch.num_rows())
}

/// Puts columns together, none included.
pub(crate) fn build(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, QueryError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(QueryError::internal)
}

fn plain_type(data_type: &DataType) -> DataType {
    let plain_field = |field: &Field| Arc::new(Field::new(field.name(), plain_type(field.data_type()), true));
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Union(_, _) => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            DataType::List(plain_field(field))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| plain_field(field)).collect()),
        other => other.clone(),
    }
}

/// Every value as text: times as RFC 3339, bytes in hexadecimal, lists and structures as JSON; null stays null.
pub(crate) fn texts(column: &ArrayRef) -> Result<StringArray, QueryError> {
    match column.data_type() {
        DataType::Utf8 => Ok(column.as_string::<i32>().clone()),
        DataType::Utf8View | DataType::LargeUtf8 => {
            Ok(cast(column, &DataType::Utf8).map_err(QueryError::internal)?.as_string::<i32>().clone())
        }
        other if other.is_nested() && !matches!(other, DataType::Union(_, _)) => {
            json_texts(column).map_err(QueryError::internal)
        }
        _ => {
            let options = FormatOptions::new().with_display_error(true);
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options).map_err(QueryError::internal)?;
            let nulls = column.logical_nulls();
            let mut texts = StringBuilder::with_capacity(column.len(), column.len() * 8);
            for row in 0..column.len() {
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    texts.append_null();
                } else {
                    texts.append_value(formatter.value(row).try_to_string().map_err(QueryError::internal)?);
                }
            }
            Ok(texts.finish())
        }
    }
}

/// Nested values as JSON.
fn json_texts(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let wanted = plain_type(column.data_type());
    let schema = Arc::new(Schema::new(vec![Field::new("v", wanted.clone(), true)]));
    let batch = RecordBatch::try_new(schema, vec![cast(column, &wanted)?])?;
    let builder = WriterBuilder::new().with_explicit_nulls(true).with_struct_mode(StructMode::ListOnly);
    let mut writer = builder.build::<_, LineDelimited>(Vec::new());
    writer.write(&batch)?;
    let lines = String::from_utf8(writer.into_inner()).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    // Each line is a list of one value, `[…]`, and JSON has no line breaks inside.
    let values = lines.lines().enumerate().map(|(row, line)| (!column.is_null(row)).then(|| &line[1..line.len() - 1]));
    Ok(values.collect())
}
