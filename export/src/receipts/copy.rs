//! A copy of what a sink was sent, as a SIEM gives it back: one record per line, or JSON objects, each bare or inside what SIEMs put around it
//! (`result`, `_raw`, `_source`, `event`, `body`, `Record`, a syslog header). The copy is text of a stranger: nothing in it is believed.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Evidence, ReceiptsError};
use crate::limits::{COPY_RECORDS_MAX, COPY_VALUE_BYTES_MAX, COPY_WRAPPERS_MAX};
use crate::schemas::{Place, SchemaSpec};

/// A hash of what a record says, whatever the order of its members.
pub type Print = [u8; 16];

/// What the copy has under one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How often.
    pub times: u32,
    /// What the first of them says.
    pub print: Print,
    /// Whether another says something else.
    pub differs: bool,
}

/// The records of a copy by stream and number.
#[derive(Debug, Default)]
#[must_use]
pub struct Copy {
    /// By the name of the stream and the sink's number.
    pub streams: BTreeMap<String, BTreeMap<u64, Found>>,
    /// Records that were recognised,
    pub records: u64,
    /// how many of them have numbers of their own,
    pub distinct: usize,
    /// and what was not, such as the records of others.
    pub strangers: u64,
    /// The first line that was not recognised, from 1.
    pub first_stranger: Option<u64>,
}

/// Reads a copy of what the sink was sent: gzip, Zstandard or plain, by its first bytes.
pub fn read(evidence: &Evidence<'_>, reader: impl Read + 'static) -> Result<Copy, ReceiptsError> {
    let schema = evidence.schema()?;
    let mut lines = decompressed(reader)?;
    let mut copy = Copy::default();
    let (mut line, mut number) = (Vec::new(), 0_u64);
    loop {
        line.clear();
        number += 1;
        let read = Read::take(&mut lines, COPY_VALUE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(copy);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() {
            copy.take(schema, text, number)?;
        }
    }
}

fn decompressed(reader: impl Read + 'static) -> std::io::Result<Box<dyn BufRead>> {
    let mut reader = std::io::BufReader::new(reader);
    Ok(match reader.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(std::io::BufReader::new(flate2::bufread::MultiGzDecoder::new(reader))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(std::io::BufReader::new(zstd::Decoder::with_buffer(reader)?)),
        _ => Box::new(reader),
    })
}

impl Copy {
    /// Takes one line: a record, or a list of them, or the answer to a search.
    fn take(&mut self, schema: &SchemaSpec, text: &str, number: u64) -> Result<(), ReceiptsError> {
        let text = text.trim_end_matches(',');
        match serde_json::from_str(text) {
            Ok(Value::Array(records)) => records.iter().try_for_each(|record| self.take_value(schema, record, number)),
            Ok(value) => match value.pointer("/hits/hits").or_else(|| value.get("results")).and_then(Value::as_array) {
                Some(hits) => hits.iter().try_for_each(|hit| self.take_value(schema, hit, number)),
                None => self.take_value(schema, &value, number),
            },
            Err(_) => {
                let found = bare(text).find_map(|text| place(schema, text));
                self.put(found, number)
            }
        }
    }

    fn take_value(&mut self, schema: &SchemaSpec, value: &Value, number: u64) -> Result<(), ReceiptsError> {
        self.put(unwrapped(schema, value, COPY_WRAPPERS_MAX), number)
    }

    fn put(&mut self, found: Option<(Place, Print)>, number: u64) -> Result<(), ReceiptsError> {
        let Some((Place { stream, export_seq }, print)) = found else {
            self.strangers += 1;
            self.first_stranger.get_or_insert(number);
            return Ok(());
        };
        self.records += 1;
        let stream = self.streams.entry(stream).or_default();
        let found = stream.entry(export_seq).or_insert_with(|| {
            self.distinct += 1;
            Found { times: 0, print, differs: false }
        });
        found.times = found.times.saturating_add(1);
        found.differs |= found.print != print;
        if self.distinct > COPY_RECORDS_MAX {
            return Err(ReceiptsError::TooLarge(COPY_RECORDS_MAX));
        }
        Ok(())
    }
}

/// What stands inside, where something is put around records.
const WRAPPERS: [&str; 10] =
    ["_raw", "_source", "event", "result", "body", "message", "value", "udm", "record", "Record"];

/// The record in a value, however many layers lie around it.
fn unwrapped(schema: &SchemaSpec, value: &Value, layers: usize) -> Option<(Place, Print)> {
    if let Value::String(text) = value {
        return bare(text).find_map(|text| place(schema, text));
    }
    // A value as text is what a print is taken of, so it need not be read again for that.
    let text = value.to_string();
    if schema.is_json
        && let Some(place) = (schema.place)(&text)
    {
        return Some((place, hash(text.as_bytes())));
    }
    let inside = WRAPPERS.iter().filter_map(|name| value.get(name)).filter(|_| layers > 0);
    inside.into_iter().find_map(|inside| unwrapped(schema, inside, layers - 1))
}

/// A text, and what remains of it behind a header of syslog.
fn bare(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    let behind =
        ["CEF:", "LEEF:", "{"].into_iter().filter_map(move |start| text.find(start).and_then(|at| text.get(at..)));
    std::iter::once(text).chain(behind)
}

fn place(schema: &SchemaSpec, text: &str) -> Option<(Place, Print)> {
    Some(((schema.place)(text)?, print(schema, text)))
}

/// The print of a record. Members of objects have no order, so that a SIEM may change it.
pub fn print(schema: &SchemaSpec, text: &str) -> Print {
    match schema.is_json.then(|| serde_json::from_str::<Value>(text).ok()).flatten() {
        Some(value) => hash(value.to_string().as_bytes()),
        None => hash(text.trim().as_bytes()),
    }
}

fn hash(bytes: &[u8]) -> Print {
    let mut print = Print::default();
    print.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
    print
}
