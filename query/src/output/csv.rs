//! CSV that a spreadsheet does not run: see [`super::Format::doc`].

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Writer, plain};
use crate::error::QueryError;
use crate::result_stream::Statistics;

/// CSV with a header. Null and the empty text look the same.
pub(super) struct Csv {
    schema: SchemaRef,
    /// Whether each column holds text that somebody else wrote.
    foreign: Vec<bool>,
    header: bool,
}

impl Csv {
    pub(super) fn new(schema: &Schema) -> Self {
        let names =
            plain::unique_names(schema).into_iter().map(|name| Field::new(harmless(&name), DataType::Utf8, true));
        let foreign = schema
            .fields()
            .iter()
            .map(|field| matches!(plain::type_word(field.data_type()), "text" | "other" | "list"));
        Self { schema: Arc::new(Schema::new(names.collect::<Vec<_>>())), foreign: foreign.collect(), header: true }
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let mut writer = WriterBuilder::new().with_header(std::mem::take(&mut self.header)).build(out);
        writer.write(batch).map_err(QueryError::internal)
    }
}

impl Writer for Csv {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let columns = batch.columns().iter().zip(&self.foreign).map(|(column, foreign)| {
            let texts = plain::texts(column)?;
            let safe: StringArray =
                if *foreign { texts.iter().map(|text| text.map(harmless)).collect() } else { texts };
            Ok(Arc::new(safe) as ArrayRef)
        });
        let batch = plain::build(&self.schema, columns.collect::<Result<_, QueryError>>()?, batch.num_rows())?;
        self.write(&batch, out)
    }

    fn finish(&mut self, _: &Statistics, out: &mut Vec<u8>) -> Result<(), QueryError> {
        if self.header { self.write(&RecordBatch::new_empty(Arc::clone(&self.schema)), out) } else { Ok(()) }
    }
}

/// Puts an apostrophe before what would be run. One that stands there already gets a second, so that taking one away
/// always gives the text back.
fn harmless(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']);
    if runs { format!("'{text}") } else { text.to_owned() }
}
