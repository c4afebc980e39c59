//! Cuts a stream of bytes into records: lines, JSON values, frames of a length, or all of it as one. The records do not depend on how
//! the bytes arrive.
//!
//! What a record means is for the dialect; here it only has a beginning and an end.

use crate::limits::{HOLE_BYTES_MIN, LINE_BYTES_MAX, TAGGED_BYTES_MAX};

/// How records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One record per line. Lines of white space are no records, and neither are the NUL bytes of a hole: a file has one
    /// where its writer went on at its old offset after the file was cut, or where the machine lost its power.
    Lines,
    /// JSON values one after the other, or the elements of an array; a value may span lines.
    Json,
    /// The whole stream is one record, whatever its bytes are; without bytes there is none.
    Whole,
    /// Frames with a header of four bytes, big-endian: a tag of 8 bits, and in 24 bits the length of what follows, which is at most
    /// [`TAGGED_BYTES_MAX`]. The header is part of the record.
    Tagged,
}

/// Bytes of the header of a tagged frame.
pub const TAGGED_HEADER_BYTES: usize = 4;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole record.
    Record(&'a [u8]),
    /// A record above [`LINE_BYTES_MAX`]: its beginning, and how long it is.
    TooLong(&'a [u8], u64),
}

/// The bytes are not a stream of such records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Between two elements of an array stands something else than a comma.
    #[error("after an element of the JSON array there is neither a comma nor its end")]
    Array,
    /// The stream ends inside a value, an array or a frame.
    #[error("the body ends inside a JSON value; it was cut off")]
    Truncated,
    /// A frame states a length above [`TAGGED_BYTES_MAX`].
    #[error("a frame states a length that no frame has")]
    Length,
}

/// Where the scan of a JSON stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// Before a value.
    Before,
    /// After an element of an array.
    After,
    /// Inside an object or array that is a record: how deep, and whether in a string, and after a backslash.
    Nested { depth: u32, string: bool, escape: bool },
    /// Inside anything else: a number, a word, a string, or what is no JSON at all.
    Plain { string: bool, escape: bool },
}

/// Cuts bytes into records, keeping what is not yet complete.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    /// The beginning of a record whose end has not come.
    carry: Vec<u8>,
    /// Length of that record so far, kept or not.
    length: u64,
    /// NUL bytes at the end of that record.
    zeros: usize,
    /// The record in `carry` was handed out.
    done: bool,
    consumed: u64,
    position: u64,
    scan: Scan,
    array: bool,
}

impl Framer {
    /// Starts before the first byte of a stream.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            carry: Vec::new(),
            length: 0,
            zeros: 0,
            done: false,
            consumed: 0,
            position: 0,
            scan: Scan::Before,
            array: false,
        }
    }

    /// Bytes up to the end of the last record that was handed out, its separator included.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether bytes of an unfinished record are held.
    pub fn is_partial(&self) -> bool {
        !self.done && self.length > 0
    }

    /// The next record whose end lies in `chunk`; moves `chunk` past it. `None` when all of `chunk` is taken.
    pub fn next<'a, 'c: 'a>(&'a mut self, chunk: &mut &'c [u8]) -> Option<Result<Frame<'a>, FrameError>> {
        match self.framing {
            Framing::Lines => self.next_line(chunk).map(Ok),
            Framing::Json => self.next_value(chunk),
            Framing::Whole => {
                self.forget();
                self.keep(chunk);
                self.consumed += chunk.len() as u64;
                *chunk = &[];
                None
            }
            Framing::Tagged => self.next_tagged(chunk),
        }
    }

    /// What is held of a record that is not finished.
    pub fn partial(&self) -> &[u8] {
        if self.done { &[] } else { &self.carry }
    }

    /// The last record, if the stream ends without a separator after it.
    pub fn finish(&mut self) -> Option<Result<Frame<'_>, FrameError>> {
        self.forget();
        let ends_record = match self.framing {
            Framing::Lines | Framing::Whole => true,
            Framing::Tagged if self.length > 0 => return Some(Err(FrameError::Truncated)),
            Framing::Tagged => return None,
            Framing::Json => !self.array && matches!(self.scan, Scan::Plain { .. }),
        };
        if ends_record {
            self.scan = Scan::Before;
            self.position = self.consumed;
            self.done = true;
            let is_none = if self.framing == Framing::Whole { self.length == 0 } else { is_blank(&self.carry) };
            return (!is_none).then(|| Ok(self.carried()));
        }
        (self.array || self.scan != Scan::Before).then_some(Err(FrameError::Truncated))
    }

    fn next_tagged<'a, 'c: 'a>(&'a mut self, chunk: &mut &'c [u8]) -> Option<Result<Frame<'a>, FrameError>> {
        self.forget();
        loop {
            // The header first, then as much as it says.
            let known = self.carry.first_chunk::<TAGGED_HEADER_BYTES>();
            let length =
                known.map_or(0, |[_, length @ ..]| length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)));
            if length > TAGGED_BYTES_MAX {
                return Some(Err(FrameError::Length));
            }
            if known.is_some() && self.carry.len() == TAGGED_HEADER_BYTES + length {
                self.position = self.consumed;
                self.done = true;
                return Some(Ok(self.carried()));
            }
            if chunk.is_empty() {
                return None;
            }
            let missing = TAGGED_HEADER_BYTES + length - self.carry.len();
            let (part, rest) = chunk.split_at(missing.min(chunk.len()));
            self.keep(part);
            self.consumed += part.len() as u64;
            *chunk = rest;
        }
    }

    fn next_line<'a, 'c: 'a>(&'a mut self, chunk: &mut &'c [u8]) -> Option<Frame<'a>> {
        self.forget();
        loop {
            let mut rest: &'c [u8] = chunk;
            if self.length == 0 {
                // A hole of any size is passed over without being kept.
                let data = rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len());
                self.consumed += data as u64;
                rest = &rest[data..];
            }
            let end = memchr::memchr(b'\n', rest);
            let line = &rest[..end.unwrap_or(rest.len())];
            if let Some(at) = self.hole_in(line) {
                *chunk = &rest[at..];
                self.consumed += at as u64;
                self.position = self.consumed;
                self.keep(&rest[..at]);
                self.length -= HOLE_BYTES_MIN as u64;
                self.carry.truncate(self.carry.len().min(self.length as usize));
                self.done = true;
                if is_blank(&self.carry) {
                    self.forget();
                    continue;
                }
                return Some(self.carried());
            }
            let Some(at) = end else {
                self.keep(rest);
                self.consumed += rest.len() as u64;
                *chunk = &[];
                return None;
            };
            *chunk = &rest[at + 1..];
            self.consumed += at as u64 + 1;
            self.position = self.consumed;
            if self.length == 0 {
                if !is_blank(line) {
                    return Some(frame(trim(line), line.len() as u64));
                }
                continue;
            }
            self.keep(line);
            if is_blank(&self.carry) {
                self.done = true;
                self.forget();
                continue;
            }
            self.done = true;
            return Some(self.carried());
        }
    }

    /// Where in the line a run of NUL bytes becomes a hole, which ends a line that was never finished. Shorter runs are
    /// part of it.
    fn hole_in(&mut self, line: &[u8]) -> Option<usize> {
        if self.zeros == 0 && memchr::memchr(0, line).is_none() {
            return None;
        }
        for (at, byte) in line.iter().enumerate() {
            self.zeros = if *byte == 0 { self.zeros + 1 } else { 0 };
            if self.zeros == HOLE_BYTES_MIN {
                self.zeros = 0;
                return Some(at + 1);
            }
        }
        None
    }

    fn next_value<'a, 'c: 'a>(&'a mut self, chunk: &mut &'c [u8]) -> Option<Result<Frame<'a>, FrameError>> {
        self.forget();
        let rest: &'c [u8] = chunk;
        let (mut start, mut at) = (0, 0);
        while at < rest.len() {
            if matches!(self.scan, Scan::Nested { string: true, escape: false, .. }) {
                // Most bytes are inside of strings, where only two have a meaning.
                at += memchr::memchr2(b'"', b'\\', &rest[at..]).unwrap_or(rest.len() - at);
            }
            let Some(&byte) = rest.get(at) else { break };
            match self.step(byte) {
                Step::Between => start = at + 1,
                Step::Inside => {}
                Step::Broken => return Some(Err(FrameError::Array)),
                // The byte is the record's last one, or already belongs to what comes after.
                end @ (Step::Last | Step::Beyond) => {
                    let end = if matches!(end, Step::Last) { at + 1 } else { at };
                    let value = &rest[start..end];
                    *chunk = &rest[end..];
                    self.consumed += end as u64;
                    self.position = self.consumed;
                    if self.length == 0 {
                        return Some(Ok(frame(value.trim_ascii_end(), value.len() as u64)));
                    }
                    self.keep(value);
                    self.done = true;
                    return Some(Ok(self.carried()));
                }
            }
            at += 1;
        }
        self.keep(&rest[start..]);
        self.consumed += rest.len() as u64;
        *chunk = &[];
        None
    }

    /// Moves the scan over one byte; a byte that is `Beyond` is looked at again.
    fn step(&mut self, byte: u8) -> Step {
        match &mut self.scan {
            Scan::Before | Scan::After => self.step_between(byte),
            Scan::Nested { depth, string, escape } => {
                if *string {
                    step_string(byte, string, escape);
                    return Step::Inside;
                }
                match byte {
                    b'"' => *string = true,
                    b'{' | b'[' => *depth = depth.saturating_add(1),
                    b'}' | b']' => *depth -= 1,
                    _ => {}
                }
                if *depth > 0 {
                    return Step::Inside;
                }
                self.scan = if self.array { Scan::After } else { Scan::Before };
                Step::Last
            }
            Scan::Plain { string, escape } => {
                let ends = if *string {
                    step_string(byte, string, escape);
                    // Outside of an array a line that is no JSON must not swallow the lines after it.
                    byte == b'\n' && !self.array
                } else {
                    *string = byte == b'"';
                    byte == b'\n' || (self.array && matches!(byte, b',' | b']'))
                };
                if !ends {
                    return Step::Inside;
                }
                self.scan = if self.array { Scan::After } else { Scan::Before };
                Step::Beyond
            }
        }
    }

    fn step_between(&mut self, byte: u8) -> Step {
        match (byte, self.scan, self.array) {
            // White space, NUL bytes of a hole, and the bytes of a byte order mark: no JSON value begins with one.
            (b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xEF | 0xBB | 0xBF, ..) => return Step::Between,
            (b',', Scan::After, true) => self.scan = Scan::Before,
            (b']', _, true) => (self.array, self.scan) = (false, Scan::Before),
            (_, Scan::After, true) => return Step::Broken,
            (b'[', _, false) => self.array = true,
            (b'{' | b'[', ..) => {
                self.scan = Scan::Nested { depth: 1, string: false, escape: false };
                return Step::Inside;
            }
            _ => {
                self.scan = Scan::Plain { string: byte == b'"', escape: false };
                return Step::Inside;
            }
        }
        Step::Between
    }

    /// Adds to the unfinished record, up to the bound.
    fn keep(&mut self, part: &[u8]) {
        self.length += part.len() as u64;
        let room = (LINE_BYTES_MAX + 1).saturating_sub(self.carry.len());
        self.carry.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// The record in `carry`, which is complete.
    fn carried(&self) -> Frame<'_> {
        let whole = self.carry.len() as u64 == self.length;
        let record = match self.framing {
            _ if !whole => &self.carry,
            Framing::Lines => trim(&self.carry),
            Framing::Json => self.carry.trim_ascii_end(),
            Framing::Whole | Framing::Tagged => &self.carry,
        };
        frame(record, self.length)
    }

    fn forget(&mut self) {
        if self.done {
            self.carry.clear();
            self.length = 0;
            self.zeros = 0;
            self.done = false;
        }
    }
}

/// What a byte of a JSON stream is.
enum Step {
    /// Between two records.
    Between,
    /// Inside a record.
    Inside,
    /// The record's last byte.
    Last,
    /// The first byte after the record.
    Beyond,
    /// Not allowed here.
    Broken,
}

fn step_string(byte: u8, string: &mut bool, escape: &mut bool) {
    match byte {
        _ if *escape => *escape = false,
        b'\\' => *escape = true,
        b'"' => *string = false,
        _ => {}
    }
}

fn frame(record: &[u8], length: u64) -> Frame<'_> {
    match record.get(..LINE_BYTES_MAX) {
        Some(kept) if record.len() > LINE_BYTES_MAX => Frame::TooLong(kept, length),
        _ => Frame::Record(record),
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0)
}

#[cfg(test)]
mod tests;
