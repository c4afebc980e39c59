//! One line per column, for rows that are wider than a terminal.

use std::fmt::Write as _;

use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Schema;
use unicode_width::UnicodeWidthStr;

use super::terminal::visible;
use super::{Writer, plain};
use crate::error::QueryError;
use crate::result_stream::Statistics;

/// Rows under each other. Nothing is cut; the terminal breaks what is longer than it is wide.
pub(super) struct Expanded {
    names: Vec<String>,
    width: usize,
    rows: u64,
}

impl Expanded {
    pub(super) fn new(schema: &Schema) -> Self {
        let names: Vec<String> = plain::unique_names(schema).iter().map(|name| visible(name).into_owned()).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        Self { names, width, rows: 0 }
    }
}

impl Writer for Expanded {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let columns: Vec<StringArray> = batch.columns().iter().map(plain::texts).collect::<Result<_, _>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            self.rows += 1;
            // Writing to a text cannot fail.
            let _ = writeln!(text, "─[ {} ]{}", self.rows, "─".repeat(self.width));
            for (name, column) in self.names.iter().zip(&columns) {
                let padding = " ".repeat(self.width - name.width());
                let value = if column.is_null(row) { "".into() } else { visible(column.value(row)) };
                let _ = writeln!(text, "{}", format!("{name}{padding}  {value}").trim_end());
            }
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn finish(&mut self, statistics: &Statistics, out: &mut Vec<u8>) -> Result<(), QueryError> {
        out.extend_from_slice(super::terminal::summary(statistics).as_bytes());
        Ok(())
    }

    fn fail(&mut self, error: &QueryError, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(super::terminal::broken(error).as_bytes());
        true
    }
}
