//! Schemas: how one record is said to a receiver of everything, apart from what carries it and from what the answer means. One file and
//! one line here make a schema; configuration, reference, `export render` and the tests over the list derive from it.
//!
//! Saying MUST be a pure function of the record, the settings of the sink and the [`Link`] of the record before: no clock, no counter, no
//! place of this machine. A record that is sent again is then byte for byte what was sent before.

pub mod cef;
mod document;
pub mod ecs;
mod kinds;
pub mod leef;
mod lines;
pub mod ocsf;
mod parts;
pub mod plain;
#[cfg(test)]
mod readers;
pub mod severity;
pub mod udm;

use std::borrow::Cow;

use ledger::Row;
use operations::kind::export::Link;
use operations::kind::sink_order::backfill_of;
use serde_json::Value;

use crate::record::{Record, stream_name};
use crate::streams::renderer::Renderer;

/// Every schema.
pub static SCHEMAS: &[&SchemaSpec] =
    &[&plain::SPEC, &ocsf::SPEC, &ocsf::SPEC_1_8, &ocsf::SPEC_1_1, &ecs::SPEC, &udm::SPEC, &cef::SPEC, &leef::SPEC];

/// A schema that a sink may say its records in.
pub struct SchemaSpec {
    /// The word in `schema`.
    pub name: &'static str,
    /// What it is, with its version.
    pub what: &'static str,
    /// The version of our mapping to it: it changes when the same record is said otherwise.
    pub mapping: u32,
    /// Whether a record is a JSON object; else it is one line of text.
    pub is_json: bool,
    /// Whether a record tells its leaf in the ledger's tree, so that rows must be read for it.
    pub(crate) says_leaf: bool,
    /// Finds where a text that was said belongs, in a copy that a receiver gives back; `None` if it is none of ours.
    pub(crate) place: fn(&str) -> Option<Place>,
    /// Says a record.
    pub(crate) say: fn(&Record, &Context<'_>) -> Said,
    /// Says the same of a row whose columns the record does not hold, if the schema can do without them: holding them costs as much as saying.
    pub(crate) say_row: Option<fn(&Row<'_>, &Renderer, &Record) -> Said>,
}

impl std::fmt::Debug for SchemaSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaSpec").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where a record stands in what a sink was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the stream, such as `events/0`.
    pub stream: String,
    /// The sink's gapless number in it.
    pub export_seq: u64,
}

impl Place {
    /// The place of the record at this position of its ledger, which has this number in a stream or chain of this name.
    fn of(position: &str, export_seq: u64, counted_in: &str) -> Option<Self> {
        let backfill = backfill_of(counted_in).map(|(_, number)| number);
        Some(Self { stream: stream_name(position.parse().ok()?, backfill), export_seq })
    }

    /// The place that three members of a JSON object tell, by their JSON pointers: the position, the number as a number or a text, and the name of
    /// what it counts in.
    fn in_object(text: &str, position: &str, export_seq: &str, counted_in: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let number = value.pointer(export_seq)?;
        let number = number.as_u64().or_else(|| number.as_str()?.parse().ok())?;
        Self::of(value.pointer(position)?.as_str()?, number, value.pointer(counted_in)?.as_str()?)
    }
}

/// What a schema knows beside the record.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The name of the stream that the record belongs to: the origin of the shard's log (log, ledger, shard, generation) and the sink. A chain of records has it as its id.
    pub chain: &'a str,
    /// The record before it in that stream, if the schema links records.
    pub previous: Option<&'a Link>,
}

/// A record as it is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The schema's name.
    pub schema: &'static str,
    /// One JSON object, or one line of text; without a line break.
    pub text: String,
    /// Whether it is JSON.
    pub is_json: bool,
    /// What the next record of the stream refers to, if the schema links records.
    pub link: Option<Link>,
}

impl Said {
    /// A JSON object.
    pub fn object(object: &impl serde::Serialize) -> Self {
        // A value whose keys are texts always has a form in JSON.
        let text = serde_json::to_string(object).unwrap_or_else(|_| "{}".to_owned());
        Self { text, is_json: true, ..Self::default() }
    }

    /// A line.
    pub fn line(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// As a JSON value: the object itself, or the line as a text.
    pub fn json(&self) -> Cow<'_, str> {
        if self.is_json {
            return Cow::Borrowed(&self.text);
        }
        Cow::Owned(Value::String(self.text.clone()).to_string())
    }
}

/// The names of these schemas, for people.
pub fn names(schemas: &[&SchemaSpec]) -> String {
    schemas.iter().map(|schema| schema.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
