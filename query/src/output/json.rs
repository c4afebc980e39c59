//! JSON and NDJSON. Integers are numbers, except unsigned 64-bit ones (fingerprints use all 64 bits, JavaScript has 53):
//! those are texts. Times are RFC 3339, bytes hexadecimal.

use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonFormat, LineDelimited, Writer as ArrowWriter, WriterBuilder};
use serde_json::json;

use super::{Writer, plain};
use crate::error::QueryError;
use crate::result_stream::Statistics;

/// The columns as JSON writes them.
struct Columns {
    plain: SchemaRef,
    json: SchemaRef,
}

impl Columns {
    fn new(schema: &Schema) -> Self {
        let plain = plain::schema(schema);
        let fields = plain.fields().iter().map(|field| Field::new(field.name(), json_type(field.data_type()), true));
        let json = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { plain, json }
    }

    fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
        let batch = plain::batch(batch, &self.plain)?;
        let columns = batch.columns().iter().zip(self.json.fields()).map(|(column, field)| match field.data_type() {
            to if to == column.data_type() => Ok(Arc::clone(column)),
            DataType::Utf8 => Ok(Arc::new(plain::texts(column)?) as ArrayRef),
            to => cast(column, to).map_err(QueryError::internal),
        });
        plain::build(&self.json, columns.collect::<Result<_, _>>()?, batch.num_rows())
    }
}

/// What Arrow's encoder writes as it should be; everything else becomes text.
fn json_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(field) => DataType::List(Arc::new(Field::new(field.name(), json_type(field.data_type()), true))),
        DataType::UInt64 => DataType::Utf8,
        other if other.is_numeric() || other.is_nested() => other.clone(),
        DataType::Boolean | DataType::Binary | DataType::FixedSizeBinary(_) | DataType::Null => data_type.clone(),
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => {
            data_type.clone()
        }
        _ => DataType::Utf8,
    }
}

/// Objects with commas between them.
#[derive(Debug, Default)]
struct Elements;

impl JsonFormat for Elements {
    fn start_row<W: Write>(&self, writer: &mut W, is_first_row: bool) -> Result<(), ArrowError> {
        writer.write_all(if is_first_row { b"\n" } else { b",\n" })?;
        Ok(())
    }
}

fn arrow_writer<F: JsonFormat>() -> ArrowWriter<Vec<u8>, F> {
    WriterBuilder::new().with_explicit_nulls(true).build(Vec::new())
}

/// One object around the whole result.
pub(super) struct Object {
    columns: Columns,
    rows: ArrowWriter<Vec<u8>, Elements>,
    /// What stands before the first row, until it is written.
    head: Vec<u8>,
}

impl Object {
    pub(super) fn new(query: &str, schema: &Schema) -> Self {
        let names = plain::unique_names(schema).into_iter().zip(schema.fields());
        let list: Vec<_> =
            names.map(|(name, field)| json!({ "name": name, "type": plain::type_word(field.data_type()) })).collect();
        let head = format!("{{\"query\":{},\"columns\":{},\"rows\":[", json!(query), json!(list)).into_bytes();
        Self { columns: Columns::new(schema), rows: arrow_writer(), head }
    }

    fn end(&mut self, member: &str, value: &serde_json::Value, out: &mut Vec<u8>) {
        out.append(&mut self.head);
        out.extend_from_slice(format!("\n],\"{member}\":{value}}}\n").as_bytes());
    }
}

impl Writer for Object {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        out.append(&mut self.head);
        self.rows.write(&self.columns.batch(batch)?).map_err(QueryError::internal)?;
        out.append(self.rows.get_mut());
        Ok(())
    }

    fn finish(&mut self, statistics: &Statistics, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let statistics = serde_json::to_value(statistics).map_err(QueryError::internal)?;
        self.end("statistics", &statistics, out);
        Ok(())
    }

    fn fail(&mut self, error: &QueryError, out: &mut Vec<u8>) -> bool {
        self.end("error", &json!({ "code": error.code(), "detail": error.public_detail() }), out);
        true
    }
}

/// One object per line.
pub(super) struct Lines {
    columns: Columns,
    rows: ArrowWriter<Vec<u8>, LineDelimited>,
}

impl Lines {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { columns: Columns::new(schema), rows: arrow_writer() }
    }
}

impl Writer for Lines {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.rows.write(&self.columns.batch(batch)?).map_err(QueryError::internal)?;
        out.append(self.rows.get_mut());
        Ok(())
    }

    fn finish(&mut self, _: &Statistics, _: &mut Vec<u8>) -> Result<(), QueryError> {
        Ok(())
    }
}
