//! How records are written: where a field stands in one, and how bytes that are no text are kept as text.
//!
//! A dialect names content by the path of its field; that it is cut out of the record's text and put back byte by byte by the
//! cuts ([`crate::cut`]) is the same for all. What differs from encoding to encoding stands here, a file each. What a record
//! means is for dialects, and which part of it is a secret for [`crate::redact`].

pub mod audit;
mod json;
mod logfmt;
mod otlp;
mod path;
pub(crate) mod wire;
mod words;

use std::fmt;

pub use audit::Audit;
pub use json::Json;
pub use logfmt::{Logfmt, Pair, pairs};
pub(crate) use otlp::Signal;
pub use path::FieldPath;
pub use words::Words;

use crate::frame::Framing;

/// How the records of a dialect are written.
pub trait RecordEncoding: fmt::Debug + Sync {
    /// Finds the fields at these paths in the text of a record. A path that is not there is left out; one that is there twice, as
    /// a member of JSON may be, is found twice.
    fn locate(&self, text: &str, paths: &[&FieldPath]) -> Result<Vec<Located>, Unreadable>;

    /// How its records are told apart in a stream of bytes. Of lines the sender may say that they are JSON values instead.
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    /// The media types of a pushed body that is one record, beside `application/octet-stream`. Nobody asks where records are lines.
    fn media_types(&self) -> &'static [&'static str] {
        &[]
    }

    /// What makes text of the bytes. `None` where records are text as they are.
    fn transcoder(&self) -> Option<&dyn Transcoder> {
        None
    }

    /// Puts the content of a record back where it was cut out: the redacted record byte for byte. `None` if the columns `record`,
    /// `content` and `cuts` do not fit together. No part of the program needs a record whole; tests hold that it can be had.
    #[cfg(any(test, feature = "fuzzing"))]
    fn restore(&self, record: &str, content: &str, cuts: &[u8]) -> Option<Vec<u8>> {
        let text = crate::cut::restore(record, content, cuts)?;
        match self.transcoder() {
            Some(transcoder) => transcoder.bytes(&text),
            None => Some(text.into_bytes()),
        }
    }
}

/// Writes bytes that are no text as JSON, which is searched for secrets and cut as any other, and reads them again.
pub trait Transcoder {
    /// The JSON. `None` for bytes that it cannot write: such a record lies in the content part as it is, and so does one whose
    /// bytes do not come back from the text.
    fn text(&self, bytes: &[u8]) -> Option<String>;

    /// The bytes of such a text, also of one that was redacted. `None` if it is none of this encoding.
    fn bytes(&self, text: &str) -> Option<Vec<u8>>;
}

/// A field that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The number of its path among those that were looked for.
    pub path: usize,
    /// The value with its quotes.
    pub span: Span,
    /// Whether the value is JSON: nothing else fits the `content` column, so nothing else can be cut out.
    pub is_json: bool,
}

/// The record is not what its encoding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record cannot be read in its encoding")]
pub struct Unreadable;

/// A byte range of a record's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// Where `part`, a slice of `raw`, lies in it; `None` if it is not one.
    pub fn of(raw: &[u8], part: &[u8]) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(raw.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= raw.len()).then_some(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_found_only_inside_its_record() {
        let raw = b"{\"a\":\"b\"}";
        assert_eq!(Span::of(raw, &raw[5..8]), Some(Span { start: 5, end: 8 }));
        assert_eq!(Span::of(&raw[..6], &raw[5..8]), None);
        assert_eq!(Span::of(&raw[6..], &raw[5..8]), None);
    }
}
