//! Streams: every record to a SIEM, in order. What is told to people is in `delivery`.

pub mod cut;
pub mod fields;
pub mod objects;
pub mod pack;
pub mod renderer;
pub mod rfc5424;

use std::borrow::Cow;
use std::time::Duration;

use crate::message::Rendered;
use crate::record::Record;
use crate::schemas::{SCHEMAS, SchemaSpec};
use crate::sink::ErasedSink;

/// A sink that gives a SIEM every record: how records become its messages.
///
/// Rendering MUST be a pure function of the records, as that of a [`Delivery`](crate::delivery::Delivery) is one of the records
/// and of what was told.
pub trait Stream: ErasedSink {
    /// The schemas that it takes its records in; the first one unless the configuration says otherwise.
    fn schemas(&self) -> &'static [&'static SchemaSpec] {
        SCHEMAS
    }

    /// How many batches may be on their way at once: more than one only where it does not matter in which order they arrive, and where records
    /// are told apart by themselves and not by their batch.
    fn in_flight_max(&self) -> u8 {
        1
    }

    /// How a record stands at the receiver, for whoever compares a copy: as it was said, unless the sink adds members to it or cuts it.
    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        Kept::whole(&record.said.text)
    }

    /// Whether it makes its messages of the records' columns, too, and not only of what is said, their times, their kind and their places.
    fn reads_columns(&self) -> bool {
        true
    }

    /// How its batches are filled, if each of them becomes one large object; else records go out as they come.
    fn filling(&self) -> Option<Filling> {
        None
    }

    /// Renders as many of the records, from the first on, as one message takes; at least one.
    fn render(&self, records: &[Record]) -> Rendered;
}

/// A record as it stands at the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<'a> {
    /// What stands there.
    pub text: Cow<'a, str>,
    /// Whether the sink cut it, since the receiver takes no longer ones.
    pub is_cut: bool,
}

impl<'a> Kept<'a> {
    /// All of it.
    pub fn whole(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), is_cut: false }
    }

    /// What [`cut`] made of it: it is the record itself where that fits.
    pub fn fitted(text: Cow<'a, str>) -> Self {
        Self { is_cut: matches!(text, Cow::Owned(_)), text }
    }
}

/// Puts as many records as fit in so many bytes, at least one, behind each other. Returns the bytes, and how many records they hold.
pub fn body(records: &[Record], bytes_max: usize, put: impl Fn(&Record, &mut Vec<u8>)) -> (Vec<u8>, usize) {
    let (mut bytes, mut taken) = (Vec::new(), 0);
    for record in records {
        let before = bytes.len();
        put(record, &mut bytes);
        if taken > 0 && bytes.len() > bytes_max {
            bytes.truncate(before);
            break;
        }
        taken += 1;
    }
    (bytes, taken)
}

/// How a batch is filled that becomes one large object. Such a batch has an intent and a receipt of its own, and its records are kept
/// only as they are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// Bytes of the records that wait, at which the batch is full.
    pub bytes: usize,
    /// How long after it was recorded the first of them waits for more.
    pub wait: Duration,
}
