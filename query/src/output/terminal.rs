//! A table for people. Agents' text is attacker-written: nothing in it may move the cursor, hide, or reverse what stands
//! beside it.

use std::borrow::Cow;
use std::fmt::Write as _;

use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Schema;
use unicode_width::UnicodeWidthStr;

use super::{Writer, plain};
use crate::error::QueryError;
use crate::limits;
use crate::result_stream::Statistics;

/// Aligned columns; the first rows set the widths.
pub(super) struct Table {
    names: Vec<String>,
    right: Vec<bool>,
    /// Set when the header is written.
    widths: Option<Vec<usize>>,
    waiting: Vec<Vec<String>>,
    /// How wide it may be in all.
    width: Option<usize>,
}

/// Whether a table with these columns can be made to fit.
pub(super) fn fits(schema: &Schema, width: usize) -> bool {
    let least = schema.fields().iter().map(|field| field.name().width().min(limits::TABLE_COLUMN_WIDTH_MIN) + GAP);
    least.sum::<usize>() <= width + GAP
}

/// Blanks between two columns.
const GAP: usize = 2;

impl Table {
    pub(super) fn new(schema: &Schema, width: Option<usize>) -> Self {
        let names = plain::unique_names(schema).iter().map(|name| visible(name).into_owned()).collect();
        let right = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        Self { names, right, widths: None, waiting: Vec::new(), width }
    }

    fn write_waiting(&mut self, out: &mut Vec<u8>) {
        let widths = self.widths.get_or_insert_with(|| {
            let mut widths: Vec<usize> = self.names.iter().map(|name| name.width()).collect();
            for row in &self.waiting {
                for (width, cell) in widths.iter_mut().zip(row) {
                    *width = (*width).max(cell.width());
                }
            }
            if let Some(width) = self.width {
                narrow(&mut widths, width, |_| limits::TABLE_COLUMN_WIDTH_MIN);
                narrow(&mut widths, width, |column| self.names[column].width().min(limits::TABLE_COLUMN_WIDTH_MIN));
            }
            let left = vec![false; self.names.len()];
            write_line(&self.names, &widths, &left, out);
            let dashes: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            out.extend_from_slice(format!("{}\n", dashes.join("  ")).as_bytes());
            widths
        });
        for row in self.waiting.drain(..) {
            write_line(&row, widths, &self.right, out);
        }
    }
}

/// Takes from the widest columns until all fit, or are as narrow as they may get.
fn narrow(widths: &mut [usize], width: usize, least: impl Fn(usize) -> usize) {
    let room = width.saturating_sub(GAP * widths.len().saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let wide = widths.iter_mut().enumerate().filter(|(column, width)| **width > least(*column));
        match wide.max_by_key(|(_, width)| **width) {
            Some((_, widest)) => *widest -= 1,
            None => return,
        }
    }
}

/// The last line of a whole result.
pub(super) fn summary(statistics: &Statistics) -> String {
    let rows = if statistics.rows == 1 { "row" } else { "rows" };
    format!("({} {rows}, {} ms)\n", statistics.rows, statistics.elapsed_ms)
}

/// The last line of a result that is not whole.
pub(super) fn broken(error: &QueryError) -> String {
    format!("(not the whole result: {})\n", visible(&error.to_string()))
}

fn write_line(cells: &[String], widths: &[usize], right: &[bool], out: &mut Vec<u8>) {
    let mut line = String::new();
    for (number, ((cell, width), right)) in cells.iter().zip(widths).zip(right).enumerate() {
        let cell = cut(cell, *width);
        let padding = " ".repeat(width.saturating_sub(cell.width()));
        let gap = if number == 0 { "" } else { "  " };
        // Writing to a text cannot fail.
        let _ = if *right { write!(line, "{gap}{padding}{cell}") } else { write!(line, "{gap}{cell}{padding}") };
    }
    out.extend_from_slice(line.trim_end().as_bytes());
    out.push(b'\n');
}

impl Writer for Table {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let columns: Vec<StringArray> = batch.columns().iter().map(plain::texts).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cell = |column: &StringArray| {
                if column.is_null(row) {
                    String::new()
                } else {
                    cut(&visible(column.value(row)), limits::TABLE_COLUMN_WIDTH_MAX).into_owned()
                }
            };
            self.waiting.push(columns.iter().map(cell).collect());
        }
        if self.widths.is_some() || self.waiting.len() >= limits::TABLE_WIDTH_ROWS {
            self.write_waiting(out);
        }
        Ok(())
    }

    fn finish(&mut self, statistics: &Statistics, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.write_waiting(out);
        out.extend_from_slice(summary(statistics).as_bytes());
        Ok(())
    }

    fn fail(&mut self, error: &QueryError, out: &mut Vec<u8>) -> bool {
        self.write_waiting(out);
        out.extend_from_slice(broken(error).as_bytes());
        true
    }
}

/// The text as far as it fits, with an ellipsis if that is not all.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    while cut.width() > width.saturating_sub(1) {
        cut.pop();
    }
    cut.push('…');
    Cow::Owned(cut)
}

/// The text with every character spelled out that a terminal would obey or hide: `\n`, `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_invisible(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Whether a terminal would obey the character, hide it, or turn around what follows.
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}
