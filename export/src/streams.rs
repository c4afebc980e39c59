//! Streams: every record to a SIEM, in order. What is told to people is in `delivery`.

pub mod fields;
pub mod objects;

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

    /// How its batches are filled, if each of them becomes one large object; else records go out as they come.
    fn filling(&self) -> Option<Filling> {
        None
    }

    /// Renders as many of the records, from the first on, as one message takes; at least one.
    fn render(&self, records: &[Record]) -> Rendered;
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
