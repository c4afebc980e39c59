//! A copy of what a sink was sent, as a SIEM gives it back: one record per line, or JSON objects, each bare or inside what SIEMs put around it
//! (`result`, `_raw`, `_source`, `event`, `body`, `Record`, a syslog header). The copy is text of a stranger: nothing in it is believed.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Evidence, Listed, ReceiptsError};
use crate::limits::{COPY_RECORDS_MAX, COPY_VALUE_BYTES_MAX, COPY_WRAPPERS_MAX};
use crate::schemas::{Place, SchemaSpec};
use crate::test_send::is_test;

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

/// The records of a copy by stream and number. What is kept of each is a print of what it says.
#[derive(Debug)]
#[must_use]
pub struct Copy {
    schema: &'static SchemaSpec,
    /// By the name of the stream and the sink's number.
    pub streams: BTreeMap<String, BTreeMap<u64, Found>>,
    /// How many of its records have numbers of their own.
    distinct: usize,
    /// What was not recognised, such as the records of others.
    pub foreign: Listed,
    /// Records that somebody sent as a test.
    pub tests: u64,
}

/// Reads a copy of what the sink was sent, one record per line: gzip, Zstandard or plain, by its first bytes.
pub fn read(evidence: &Evidence<'_>, reader: impl Read + 'static) -> Result<Copy, ReceiptsError> {
    let mut copy = Copy::new(evidence.schema()?);
    copy.lines(&mut decompressed(reader)?, |number| format!("line {number}"))?;
    Ok(copy)
}

/// What is in a file: gzip, Zstandard or plain, by its first bytes.
pub fn decompressed(reader: impl Read + 'static) -> std::io::Result<Box<dyn BufRead>> {
    let mut reader = std::io::BufReader::new(reader);
    Ok(match reader.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(std::io::BufReader::new(flate2::bufread::MultiGzDecoder::new(reader))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(std::io::BufReader::new(zstd::Decoder::with_buffer(reader)?)),
        _ => Box::new(reader),
    })
}

impl Copy {
    /// A copy of which nothing was read yet.
    pub fn new(schema: &'static SchemaSpec) -> Self {
        Self { schema, streams: BTreeMap::new(), distinct: 0, foreign: Listed::default(), tests: 0 }
    }

    /// Takes every line. `at` says where one stands by its number, from 1.
    pub fn lines(&mut self, lines: &mut dyn BufRead, at: impl Fn(u64) -> String) -> Result<(), ReceiptsError> {
        let (mut line, mut number) = (Vec::new(), 0_u64);
        loop {
            line.clear();
            number += 1;
            let read = Read::take(&mut *lines, COPY_VALUE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            if read > COPY_VALUE_BYTES_MAX {
                let why = format!("{} has more than {COPY_VALUE_BYTES_MAX} bytes", at(number));
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why).into());
            }
            self.text(&String::from_utf8_lossy(&line), || at(number))?;
        }
    }

    /// Takes a text: a record, or a list of them, or the answer to a search.
    pub fn text(&mut self, text: &str, at: impl Fn() -> String) -> Result<(), ReceiptsError> {
        let text = text.trim().trim_end_matches(',');
        if text.is_empty() {
            return Ok(());
        }
        match serde_json::from_str(text) {
            Ok(Value::Array(records)) => records.iter().try_for_each(|record| self.value(record, &at)),
            Ok(value) => match value.pointer("/hits/hits").or_else(|| value.get("results")).and_then(Value::as_array) {
                Some(hits) => hits.iter().try_for_each(|hit| self.value(hit, &at)),
                None => self.value(&value, at),
            },
            Err(_) => {
                let found = bare(text).find_map(|text| place(self.schema, text));
                self.put(found, at)
            }
        }
    }

    /// Takes a record as JSON, however many layers lie around it.
    pub fn value(&mut self, value: &Value, at: impl FnOnce() -> String) -> Result<(), ReceiptsError> {
        self.put(unwrapped(self.schema, value, COPY_WRAPPERS_MAX), at)
    }

    /// Counts what is no record of the sink.
    pub fn foreign(&mut self, at: impl FnOnce() -> String) {
        self.foreign.add(at);
    }

    fn put(&mut self, found: Option<Belongs>, at: impl FnOnce() -> String) -> Result<(), ReceiptsError> {
        let Some(Belongs { place: Place { stream, export_seq }, print, is_test }) = found else {
            self.foreign(at);
            return Ok(());
        };
        if is_test {
            self.tests += 1;
            return Ok(());
        }
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

/// A record that was recognised.
struct Belongs {
    place: Place,
    print: Print,
    /// Whether it says that it is a test.
    is_test: bool,
}

impl Belongs {
    fn new(place: Place, text: &str) -> Self {
        Self { print: hash(text.as_bytes()), is_test: is_test(&place, text), place }
    }
}

/// What stands inside, where something is put around records.
const WRAPPERS: [&str; 11] =
    ["_raw", "_source", "event", "result", "body", "message", "value", "udm", "record", "Record", "unmapped"];

/// The record in a value, however many layers lie around it.
fn unwrapped(schema: &SchemaSpec, value: &Value, layers: usize) -> Option<Belongs> {
    if let Value::String(text) = value {
        let written = || serde_json::from_str::<Value>(text).ok().filter(|inside| !inside.is_number() && layers > 0);
        return match written() {
            Some(inside) => unwrapped(schema, &inside, layers - 1),
            None => bare(text).find_map(|text| place(schema, text)),
        };
    }
    // A value as text is what a print is taken of, so it need not be read again for that.
    let text = value.to_string();
    if schema.is_json
        && let Some(place) = (schema.place)(&text)
    {
        return Some(Belongs::new(place, &text));
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

fn place(schema: &SchemaSpec, text: &str) -> Option<Belongs> {
    let place = (schema.place)(text)?;
    let value = schema.is_json.then(|| serde_json::from_str::<Value>(text).ok()).flatten();
    Some(Belongs::new(place, value.map(|value| value.to_string()).as_deref().unwrap_or(text.trim())))
}

/// The print of a record as it stands at the receiver. Members of objects have no order, so that a SIEM may change it.
pub fn print(schema: &SchemaSpec, text: &str) -> Print {
    let value = serde_json::from_str::<Value>(text).ok();
    let belongs = value.as_ref().and_then(|value| unwrapped(schema, value, COPY_WRAPPERS_MAX));
    belongs.or_else(|| place(schema, text)).map_or_else(|| hash(text.trim().as_bytes()), |belongs| belongs.print)
}

fn hash(bytes: &[u8]) -> Print {
    let mut print = Print::default();
    print.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
    print
}
