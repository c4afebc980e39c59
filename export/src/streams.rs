//! Streams: every record to a SIEM, in order. What is told to people is in `delivery`.

pub mod cut;
pub mod fields;
pub mod pack;

use std::borrow::Cow;

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

    /// How a record stands at the receiver, for whoever compares a copy: as it was said, unless the sink adds members to it.
    fn kept<'a>(&self, record: &'a Record) -> Cow<'a, str> {
        Cow::Borrowed(&record.said.text)
    }

    /// Renders as many of the records, from the first on, as one message takes; at least one.
    fn render(&self, records: &[Record]) -> Rendered;
}
