//! Streams: every record to a SIEM, in order. What is told to people is in `delivery`.

pub mod cut;
pub mod fields;
pub mod pack;

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

    /// Renders as many of the records, from the first on, as one message takes; at least one.
    fn render(&self, records: &[Record]) -> Rendered;
}
