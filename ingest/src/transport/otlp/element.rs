//! Cuts the body of an export request into its elements (log records, spans, metrics), each with the resource and the scope that it
//! stands under, and writes an element as the record that is kept of it. Nothing is decoded but what is looked at.

use serde_json::value::RawValue;

use super::canonical::{Unwritable, write_json, write_protobuf};
use super::schema::{self, Message};
use super::wire::{Fields, Malformed, Value};
use crate::lenient;
use crate::limits;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Logs,
    Traces,
    Metrics,
}

impl Signal {
    pub const ALL: [Self; 3] = [Self::Logs, Self::Traces, Self::Metrics];

    /// The member of a record that holds an element.
    pub fn member(self) -> &'static str {
        match self {
            Self::Logs => "log",
            Self::Traces => "span",
            Self::Metrics => "metric",
        }
    }

    /// The path of OTLP/HTTP.
    pub fn path(self) -> &'static str {
        match self {
            Self::Logs => "/v1/logs",
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// The path of its method in gRPC.
    pub fn method(self) -> &'static str {
        match self {
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    /// The count of what was not taken, in an answer.
    pub fn rejected(self) -> &'static str {
        match self {
            Self::Logs => "rejectedLogRecords",
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
        }
    }

    fn schema(self) -> &'static Message {
        match self {
            Self::Logs => &schema::LOG,
            Self::Traces => &schema::SPAN,
            Self::Metrics => &schema::METRIC,
        }
    }

    /// The lists of a request in JSON: of resources, of scopes, of elements.
    fn lists(self) -> [&'static str; 3] {
        match self {
            Self::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
            Self::Traces => ["resourceSpans", "scopeSpans", "spans"],
            Self::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
        }
    }
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

/// An element of a request, with what it stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub resource: &'a [u8],
    pub scope: &'a [u8],
    /// Itself.
    pub message: &'a [u8],
}

/// The body is no export request that can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SplitError {
    /// It is no protobuf.
    #[error("the body is no export request in protobuf, or was cut off")]
    Protobuf,
    /// It is no JSON, or not this.
    #[error("the body is no export request in JSON, or was cut off")]
    Json,
    /// It has too much.
    #[error(
        "the request has more than {} elements, or more than {} bytes with the resource and scope of each; send smaller batches",
        limits::OTLP_ELEMENTS_MAX,
        limits::BODY_BYTES_MAX
    )]
    TooLarge,
}

impl From<Malformed> for SplitError {
    fn from(_: Malformed) -> Self {
        Self::Protobuf
    }
}

impl From<serde_json::Error> for SplitError {
    fn from(_: serde_json::Error) -> Self {
        Self::Json
    }
}

/// The elements of a request in order. The text of JSON was mended where it had to be.
pub(super) fn split(body: &[u8], format: Format, signal: Signal) -> Result<Vec<Element<'_>>, SplitError> {
    let mut elements = Elements::default();
    match format {
        Format::Protobuf => elements.of_protobuf(body)?,
        Format::Json => elements.of_json(body, signal)?,
    }
    Ok(elements.found)
}

#[derive(Default)]
struct Elements<'a> {
    found: Vec<Element<'a>>,
    bytes: u64,
}

impl<'a> Elements<'a> {
    /// Field 1 of a request are the resources; of each, 1 is the resource and 2 are the scopes; of each, 1 is the scope and 2 are the
    /// elements. That is so for all three signals.
    fn of_protobuf(&mut self, body: &'a [u8]) -> Result<(), SplitError> {
        for under_resource in parts(body, 1) {
            let under_resource = under_resource?;
            let resource = last(under_resource, 1)?;
            for under_scope in parts(under_resource, 2) {
                let under_scope = under_scope?;
                let scope = last(under_scope, 1)?;
                for element in parts(under_scope, 2) {
                    self.add(Element { resource, scope, message: element? })?;
                }
            }
        }
        Ok(())
    }

    fn of_json(&mut self, body: &'a [u8], signal: Signal) -> Result<(), SplitError> {
        let [resources, scopes, elements] = signal.lists();
        let request: &RawValue = serde_json::from_slice(body)?;
        for under_resource in list(request, resources)? {
            let resource = text(member(under_resource, "resource")?);
            for under_scope in list(under_resource, scopes)? {
                let scope = text(member(under_scope, "scope")?);
                for element in list(under_scope, elements)? {
                    self.add(Element { resource, scope, message: element.get().as_bytes() })?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, element: Element<'a>) -> Result<(), SplitError> {
        self.bytes += element.bytes() as u64;
        if self.found.len() == limits::OTLP_ELEMENTS_MAX || self.bytes > limits::BODY_BYTES_MAX {
            return Err(SplitError::TooLarge);
        }
        self.found.push(element);
        Ok(())
    }
}

/// The messages in a field.
fn parts(message: &[u8], number: u32) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields::of(message).filter_map(move |field| match field {
        Ok((found, Value::Bytes(part))) if found == number => Some(Ok(part)),
        Ok((found, _)) if found == number => Some(Err(Malformed)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// The message in a field, empty if it is not there.
fn last(message: &[u8], number: u32) -> Result<&[u8], Malformed> {
    parts(message, number).try_fold(&[][..], |_, part| part)
}

/// A member of an object; the last one counts. Names may be written as in the files of protobuf.
fn member<'a>(object: &'a RawValue, name: &str) -> Result<Option<&'a RawValue>, serde_json::Error> {
    let members: std::collections::BTreeMap<String, &'a RawValue> = serde_json::from_str(object.get())?;
    let found = members.get(name).or_else(|| {
        let same = |(other, _): &(&String, &&RawValue)| super::canonical::is_same_name(name, other);
        members.iter().find(same).map(|(_, value)| value)
    });
    Ok(found.copied().filter(|value| value.get() != "null"))
}

fn list<'a>(object: &'a RawValue, name: &str) -> Result<Vec<&'a RawValue>, serde_json::Error> {
    member(object, name)?.map_or_else(|| Ok(Vec::new()), |items| serde_json::from_str(items.get()))
}

fn text(value: Option<&RawValue>) -> &[u8] {
    value.map_or(&b"{}"[..], |value| value.get().as_bytes())
}

impl Element<'_> {
    /// How long it is with what it stands under.
    pub fn bytes(&self) -> usize {
        self.resource.len() + self.scope.len() + self.message.len()
    }

    /// As a request of its own: what is kept of an element that cannot be written.
    pub fn alone(&self, format: Format, signal: Signal) -> Vec<u8> {
        let delimited = |number: u32, bytes: &[u8]| {
            let mut field = Vec::with_capacity(bytes.len() + 11);
            prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut field);
            prost::encoding::encode_varint(bytes.len() as u64, &mut field);
            field.extend_from_slice(bytes);
            field
        };
        match format {
            Format::Protobuf => {
                let under_scope = [delimited(1, self.scope), delimited(2, self.message)].concat();
                delimited(1, &[delimited(1, self.resource), delimited(2, &under_scope)].concat())
            }
            Format::Json => {
                let member = format!(",\"{}\":", signal.member());
                [b"{\"resource\":", self.resource, b",\"scope\":", self.scope, member.as_bytes(), self.message, b"}"]
                    .concat()
            }
        }
    }
}

/// Writes the records of a request, and what elements have in common once.
pub(super) struct RecordWriter<'a> {
    format: Format,
    signal: Signal,
    /// The resource and the scope that `head` says.
    under: Option<(&'a [u8], &'a [u8])>,
    head: Vec<u8>,
    record: Vec<u8>,
}

impl<'a> RecordWriter<'a> {
    pub fn new(format: Format, signal: Signal) -> Self {
        Self { format, signal, under: None, head: Vec::new(), record: Vec::new() }
    }

    /// The record of an element.
    pub fn write(&mut self, element: &Element<'a>) -> Result<&[u8], Unwritable> {
        let is_known = self.under.is_some_and(|(resource, scope)| {
            std::ptr::eq(resource, element.resource) && std::ptr::eq(scope, element.scope)
        });
        if !is_known {
            self.under = None;
            self.head.clear();
            self.head.extend_from_slice(b"{\"resource\":");
            write(element.resource, self.format, &schema::RESOURCE, &mut self.head)?;
            self.head.extend_from_slice(b",\"scope\":");
            write(element.scope, self.format, &schema::SCOPE, &mut self.head)?;
            self.head.extend_from_slice(format!(",\"{}\":", self.signal.member()).as_bytes());
            self.under = Some((element.resource, element.scope));
        }
        self.record.clear();
        self.record.extend_from_slice(&self.head);
        write(element.message, self.format, self.signal.schema(), &mut self.record)?;
        self.record.push(b'}');
        Ok(&self.record)
    }
}

fn write(message: &[u8], format: Format, schema: &Message, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    if format == Format::Protobuf {
        return write_protobuf(message, schema, out);
    }
    let text = std::str::from_utf8(message).map_err(|_| Malformed)?;
    let value = serde_json::from_str(&lenient::strict(text)).map_err(|_| Unwritable::NoJson)?;
    write_json(&value, schema, out)
}

#[cfg(test)]
mod tests;
