//! What of an element is content: every attribute and member that is not known to be a fact. Each is cut out where it stands, a
//! text without its wrapper. What an element means is not known here.

use serde_json::value::RawValue;

use super::element::Element;
use super::facts::is_common_fact;
use super::value::Attributes;
use crate::dialect::json::{Raw, read, text_of};
use crate::dialect::members::{MORE, Members, shown};
use crate::encoding::FieldPath;
use crate::event::{ContentField, Draft};

/// More fields than this are cut out of the record without a name of their own.
const NAMED_MAX: usize = 64;

/// Members of a resource that are facts, beside its attributes.
pub const OF_RESOURCE: &[&str] = &["attributes", "droppedAttributesCount", "entityRefs"];
/// The same of a scope.
pub const OF_SCOPE: &[&str] = &["name", "version", "attributes", "droppedAttributesCount"];
/// The same of a log record.
const OF_LOG: &[&str] = &[
    "timeUnixNano",
    "observedTimeUnixNano",
    "severityNumber",
    "severityText",
    "body",
    "attributes",
    "droppedAttributesCount",
    "flags",
    "traceId",
    "spanId",
    "eventName",
];
/// The same of a span.
const OF_SPAN: &[&str] = &[
    "traceId",
    "spanId",
    "parentSpanId",
    "flags",
    "name",
    "kind",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "attributes",
    "droppedAttributesCount",
    "events",
    "droppedEventsCount",
    "links",
    "droppedLinksCount",
    "status",
];
/// The same of a span's event and link.
const OF_SPAN_PART: &[&str] =
    &["timeUnixNano", "name", "attributes", "droppedAttributesCount", "traceId", "spanId", "flags"];
/// The same of a metric.
const OF_METRIC: &[&str] =
    &["name", "description", "unit", "sum", "gauge", "histogram", "exponentialHistogram", "summary", "metadata"];
/// The same of a metric's data.
const OF_DATA: &[&str] = &["dataPoints", "aggregationTemporality", "isMonotonic"];
/// The same of a data point. Exemplars repeat attributes.
const OF_POINT: &[&str] = &[
    "attributes",
    "startTimeUnixNano",
    "timeUnixNano",
    "asInt",
    "asDouble",
    "flags",
    "count",
    "sum",
    "bucketCounts",
    "explicitBounds",
    "min",
    "max",
    "scale",
    "zeroCount",
    "zeroThreshold",
    "positive",
    "negative",
    "quantileValues",
];
/// The forms of a metric's data.
pub const DATA: &[&str] = &["sum", "gauge", "histogram", "exponentialHistogram", "summary"];

/// Collects the content of one record.
pub struct Content<'a> {
    text: &'a str,
    /// The fields wait here for the record's first event.
    draft: Draft,
}

impl<'a> Content<'a> {
    /// The content of a record, of which nothing is found yet.
    pub fn new(text: &'a str) -> Self {
        Self { text, draft: Draft::default() }
    }

    /// The fields that were found.
    pub fn into_fields(self) -> Vec<ContentField> {
        self.draft.content
    }

    /// Adds a value.
    pub fn add(&mut self, name: &str, path: FieldPath, value: &'a RawValue) {
        let name = if self.draft.content.len() >= NAMED_MAX { MORE } else { shown(name) };
        self.draft.add_content(self.text, name.to_owned(), path, Some(value));
    }

    /// Adds the members that are not known.
    pub fn add_members(&mut self, members: &Members<'a>, known: &[&str], path: &FieldPath) {
        for (key, value) in members.0.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            self.add(key.as_str(), path.then(key.as_str()), value);
        }
    }

    /// Adds the attributes that are no facts: neither common ones nor those of the agent. `facts` are in order. They stand at `attributes` of the
    /// object at this path.
    pub fn add_attributes(&mut self, attributes: &Attributes<'a>, facts: &[&str], path: &FieldPath) {
        self.add_list(attributes, facts, &path.then("attributes"));
    }

    fn add_list(&mut self, attributes: &Attributes<'a>, facts: &[&str], path: &FieldPath) {
        if let Some(odd) = attributes.odd {
            self.add("attributes", path.clone(), odd);
        }
        let is_fact = |key: &str| facts.binary_search(&key).is_ok() || is_common_fact(key);
        for (number, attribute) in attributes.list.iter().enumerate() {
            let key = attribute.key.as_str();
            if is_fact(key) && !attribute.is_odd() {
                continue;
            }
            let Some((names, value)) = attribute.content() else { continue };
            let path = names.iter().fold(path.item(number), |path, name| path.then(name));
            self.add(key, path, value);
        }
    }

    /// Adds the content of a log record. Its body is a fact if it only says again what event it is.
    pub fn add_log(&mut self, element: &Element<'_, 'a>, facts: &[&str], path: &FieldPath) {
        let (log, event) = (&element.members, element.name.as_ref());
        self.add_members(log, OF_LOG, path);
        self.add_attributes(&element.attributes, facts, path);
        let Some(body) = log.get("body") else { return };
        let said: Members = read(body.get()).unwrap_or_default();
        match said.0.as_slice() {
            [(key, text)] if key.as_str() == "stringValue" && text.get().starts_with('"') => {
                let repeats = |text: &str| !event.is_empty() && text.ends_with(event) && !text.contains(' ');
                if !repeats(&text_of(text)) {
                    self.add("body", path.then("body").then("stringValue"), text);
                }
            }
            _ => self.add("body", path.then("body"), body),
        }
    }

    /// Adds the content of a span with its events, links and status.
    pub fn add_span(&mut self, element: &Element<'_, 'a>, facts: &[&str], path: &FieldPath) {
        let span = &element.members;
        self.add_members(span, OF_SPAN, path);
        self.add_attributes(&element.attributes, facts, path);
        for name in ["events", "links"] {
            self.add_each(span.get(name), &path.then(name), name, |content, part, path| {
                content.add_members(part, OF_SPAN_PART, path);
                content.add_attributes(&Attributes::of(part.get("attributes")), facts, path);
            });
        }
        if let Some(status) = span.get("status") {
            let path = path.then("status");
            match read(status.get()) {
                Ok(status) => self.add_members(&status, &["code"], &path),
                Err(_) => self.add("status", path, status),
            }
        }
    }

    /// Adds the content of a metric and its data points.
    pub fn add_metric(&mut self, metric: &Members<'a>, facts: &[&str], path: &FieldPath) {
        self.add_members(metric, OF_METRIC, path);
        self.add_list(&Attributes::of(metric.get("metadata")), facts, &path.then("metadata"));
        for name in DATA {
            let Some(raw) = metric.get(name) else { continue };
            let path = path.then(name);
            let Ok(data) = read::<Members>(raw.get()) else {
                self.add(name, path, raw);
                continue;
            };
            self.add_members(&data, OF_DATA, &path);
            self.add_each(data.get("dataPoints"), &path.then("dataPoints"), name, |content, point, path| {
                content.add_members(point, OF_POINT, path);
                content.add_attributes(&Attributes::of(point.get("attributes")), facts, path);
            });
        }
    }

    /// Does something with each object of a list; what is no list of objects is content as a whole.
    fn add_each(
        &mut self,
        raw: Raw<'a>,
        path: &FieldPath,
        name: &str,
        mut add: impl FnMut(&mut Self, &Members<'a>, &FieldPath),
    ) {
        let Some(raw) = raw else { return };
        let Ok(list) = read::<Vec<Members>>(raw.get()) else { return self.add(name, path.clone(), raw) };
        for (number, members) in list.iter().enumerate() {
            add(self, members, &path.item(number));
        }
    }
}
