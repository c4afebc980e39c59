//! Copies as CSV, which Splunk and Kibana export: one column holds the record. What a record is, and what is compared, is the business of `copy`.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};

use super::copy::{Copy, decompressed};
use super::{Evidence, ReceiptsError};
use crate::connections::excerpt;
use crate::limits::COPY_VALUE_BYTES_MAX;

/// The columns in which SIEMs have the record, the likeliest first.
const COLUMNS: [&str; 4] = ["_raw", "_source", "event", "message"];

/// Reads a copy whose rows have the record in a column: the named one, or else the first of those that SIEMs have.
pub fn read(evidence: &Evidence<'_>, reader: impl Read + 'static, column: Option<&str>) -> Result<Copy, ReceiptsError> {
    let left = Rc::new(Cell::new(COPY_VALUE_BYTES_MAX));
    let bounded = Bounded { reader: decompressed(reader)?, left: Rc::clone(&left) };
    // The first line is read as a row, since what a program puts before its first name is no part of the name.
    let mut rows = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bounded);
    let (mut copy, mut row) = (Copy::new(evidence.schema()?), ByteRecord::new());
    if !next(&mut rows, &mut row)? {
        return Ok(copy);
    }
    let at = column_of(&row, column)?;
    left.set(COPY_VALUE_BYTES_MAX);
    while next(&mut rows, &mut row)? {
        left.set(COPY_VALUE_BYTES_MAX);
        let line = row.position().map_or(0, csv::Position::line);
        let text = String::from_utf8_lossy(row.get(at).unwrap_or_default());
        if text.trim().is_empty() {
            copy.foreign(|| format!("line {line}"));
        }
        copy.text(&text, || format!("line {line}"))?;
    }
    Ok(copy)
}

fn next<R: Read>(rows: &mut csv::Reader<R>, row: &mut ByteRecord) -> Result<bool, ReceiptsError> {
    rows.read_byte_record(row).map_err(|error| ReceiptsError::Copy(Error::from(error)))
}

/// The number of the column with the record.
fn column_of(names: &ByteRecord, column: Option<&str>) -> Result<usize, ReceiptsError> {
    let names: Vec<String> = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let is = |name: &str, wanted: &str| name.trim_start_matches('\u{feff}').trim() == wanted;
    let find = |wanted: &str| names.iter().position(|name| is(name, wanted));
    let found = match column {
        Some(column) => find(column),
        None => COLUMNS.iter().find_map(|column| find(column)),
    };
    found.ok_or_else(|| ReceiptsError::NoColumn(excerpt(&names.join(", "))))
}

/// A reader of so many bytes, until it is given more: a row has no other end than the one that its writer gives it.
struct Bounded<R> {
    reader: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(into)?;
        let left = self.left.get().checked_sub(read);
        let too_long =
            || Error::new(ErrorKind::InvalidData, format!("a row has more than {COPY_VALUE_BYTES_MAX} bytes"));
        self.left.set(left.ok_or_else(too_long)?);
        Ok(read)
    }
}
