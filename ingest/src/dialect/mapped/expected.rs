//! The tests beside a mapping: a record, and the columns that must come of it. They go through the same steps as what arrives, apart
//! from joins with other records.

use std::sync::LazyLock;

use ledger::column::{Column, Kind};
use ledger::events::{TABLE, column};

use super::Mapping;
use super::written::{Mistakes, TableAt, Value, near, scalar, text};
use crate::bounds;
use crate::dialect::{self, Decoded, Dialect, quoted};
use crate::event::finish::Finisher;
use crate::event::{Drafts, Record, Redacted};
use crate::limits::{LINE_BYTES_MAX, MAPPING_PARTS_MAX, MAPPING_TABLES_MAX};
use crate::price::PriceTable;
use crate::timestamp::{self, Stated};

/// When the records of tests arrive: so late that no time in one lies ahead.
const RECEIVED: i64 = 4_102_444_800_000_000;

/// One test.
#[derive(Debug)]
pub struct Test {
    name: String,
    record: String,
    becomes: Becomes,
    /// Texts that must lie in the content part and in no fact.
    content: Vec<String>,
}

#[derive(Debug)]
enum Becomes {
    Skipped,
    Unparsed,
    Events(Vec<Expected>),
}

/// What one event must say, and which columns it must not have.
#[derive(Debug)]
struct Expected {
    columns: Vec<(&'static Column, String)>,
    absent: Vec<&'static Column>,
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("test {name:?}: {what}")]
pub struct TestFailure {
    /// The test.
    pub name: String,
    /// What was expected, and what came.
    pub what: String,
}

/// The keys of a test.
const KEYS: [&str; 6] = ["name", "record", "event", "content", "skip", "unparsed"];
/// The key of columns that must not be there.
const ABSENT: &str = "absent";

impl Test {
    /// Reads a test.
    pub fn read(value: &Value<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let table = TableAt::of(value, "[[test]]", &KEYS, mistakes)?;
        let name = table.required("name", mistakes);
        let record = table.required("record", mistakes);
        if record.is_some_and(|record| record.len() > LINE_BYTES_MAX) {
            mistakes.tell(&table.at, format!("a record has at most {LINE_BYTES_MAX} bytes"));
        }
        let events = table.list("event", MAPPING_TABLES_MAX, mistakes);
        let is = ["skip", "unparsed"].map(|key| table.flag(key, mistakes));
        let becomes = match (is, events.is_empty()) {
            ([true, false], true) => Becomes::Skipped,
            ([false, true], true) => Becomes::Unparsed,
            ([false, false], false) => {
                Becomes::Events(events.into_iter().filter_map(|event| Expected::read(event, mistakes)).collect())
            }
            _ => {
                mistakes.tell(
                    &table.at,
                    "a test says [[test.event]] for each event of the record, or `skip = true`, or `unparsed = true`",
                );
                return None;
            }
        };
        let content = table.list("content", MAPPING_PARTS_MAX, mistakes);
        let content = content.into_iter().filter_map(|value| text(value, "content", mistakes)).map(str::to_owned);
        Some(Self { name: name?.to_owned(), record: record?.to_owned(), becomes, content: content.collect() })
    }

    /// The record.
    pub fn record(&self) -> &str {
        &self.record
    }

    /// Whether events come of the record.
    pub fn has_events(&self) -> bool {
        matches!(self.becomes, Becomes::Events(_))
    }

    fn run(&self, mapping: &Mapping, finisher: &Finisher) -> Result<(), String> {
        let mut drafts = Drafts::new();
        let record = Record::new(self.record.as_bytes(), mapping.encoding());
        let (decoded, mended) = dialect::decode(mapping, record, RECEIVED, &mut drafts);
        let expected = match (&self.becomes, decoded) {
            (Becomes::Events(expected), Decoded::Events) => expected,
            (Becomes::Skipped, Decoded::Skip(_)) | (Becomes::Unparsed, Decoded::Unparsed(_)) => return Ok(()),
            (_, Decoded::Events) => return Err(format!("events came of it: {}", drafts.len())),
            (_, Decoded::Skip(_)) => return Err("it was skipped".to_owned()),
            (_, Decoded::Unparsed(reason)) => return Err(format!("it was not understood: {reason}")),
        };
        if drafts.len() != expected.len() {
            return Err(format!("{} events are expected, and {} came", expected.len(), drafts.len()));
        }
        let record = mended.as_ref().map_or(record, |mended| record.mended(&mended.text));
        let mut events = Vec::new();
        for (at, draft) in drafts.iter_mut().enumerate() {
            bounds::enforce(draft, RECEIVED);
            draft.limit_trust(mapping.trust());
            let (marks, mut event) = (draft.marks.join(", "), Redacted::default());
            finisher.finish(record, draft, at == 0, &mut event);
            expected[at].compare(&event, &marks).map_err(|what| format!("event {}: {what}", at + 1))?;
            events.push(event);
        }
        self.content.iter().try_for_each(|content| is_content(&events, content))
    }
}

/// Whether a text lies in the content part and nowhere else.
fn is_content(events: &[Redacted], text: &str) -> Result<(), String> {
    for event in events {
        let facts = TABLE.part(ledger::column::Part::Facts).filter(|column| column.kind == Kind::Text);
        for column in facts {
            if shown(event, column).is_some_and(|value| value.contains(text)) {
                return Err(format!("{text:?} is to be content and stands in `{}`", column.name));
            }
        }
    }
    let content = events.first().and_then(|event| event.text(column::CONTENT)).unwrap_or_default();
    if content.contains(text) { Ok(()) } else { Err(format!("{text:?} is to be content and is not there")) }
}

impl Expected {
    fn read(value: &Value<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            mistakes.tell(&value.span(), "[[test.event]] is a table of columns");
            return None;
        };
        let (mut columns, mut absent) = (Vec::new(), Vec::new());
        for (key, at, value) in TableAt::whole(table).entries() {
            if key == ABSENT {
                for value in super::written::list(value, ABSENT, MAPPING_TABLES_MAX, mistakes) {
                    let name = text(value, ABSENT, mistakes).unwrap_or_default();
                    absent.extend(known(name, &value.span(), mistakes));
                }
                continue;
            }
            let Some(column) = known(key, &at, mistakes) else { continue };
            match scalar(value.get_ref()) {
                Some(expected) => columns.push((column, expected)),
                None => mistakes.tell(&value.span(), "a column is compared with a text, a number or a time"),
            }
        }
        Some(Self { columns, absent })
    }

    fn compare(&self, event: &Redacted, marks: &str) -> Result<(), String> {
        for (column, expected) in &self.columns {
            let found = shown(event, column);
            let is_same = match column.kind {
                Kind::Time => Stated::of(expected).micros() == column.as_time().and_then(|column| event.time(column)),
                _ => found.as_deref() == Some(expected),
            };
            if !is_same {
                let found = found.map_or_else(|| "is not set".to_owned(), |found| format!("is {found:?}"));
                let marks = if marks.is_empty() { String::new() } else { format!("; its marks are {marks}") };
                return Err(format!("`{}` is to be {expected:?} and {found}{marks}", column.name));
            }
        }
        match self.absent.iter().find_map(|column| Some((column.name, shown(event, column)?))) {
            Some((name, found)) => Err(format!("`{name}` is not to be set and is {found:?}")),
            None => Ok(()),
        }
    }
}

/// A column that can be compared, by its name.
fn known(name: &str, at: &std::ops::Range<usize>, mistakes: &mut Mistakes) -> Option<&'static Column> {
    let is_compared = |column: &&Column| matches!(column.kind, Kind::Text | Kind::Integer | Kind::Time);
    let found = TABLE.by_name(name).filter(|column| is_compared(column));
    if found.is_none() {
        let names = TABLE.columns.iter().filter(is_compared).map(|column| column.name);
        let hint = near(name, names).unwrap_or_default();
        mistakes.tell(at, format!("{} is no column that can be compared{hint}", quoted(name)));
    }
    found
}

/// A column's value as text.
fn shown(event: &Redacted, column: &Column) -> Option<String> {
    match column.kind {
        Kind::Text => column.as_text().and_then(|column| event.text(column)).map(str::to_owned),
        Kind::Integer => column.as_integer().and_then(|column| event.integer(column)).map(|number| number.to_string()),
        Kind::Time => column.as_time().and_then(|column| event.time(column)).map(timestamp::format),
        _ => None,
    }
}

impl Mapping {
    /// Runs the tests; gives back those that fail.
    pub fn run_tests(&self) -> Vec<TestFailure> {
        static FINISHER: LazyLock<Finisher> = LazyLock::new(|| Finisher::new([0; 32], PriceTable::embedded()));
        let failure = |test: &Test| {
            let what = test.run(self, &FINISHER).err()?;
            Some(TestFailure { name: test.name.clone(), what })
        };
        self.tests.iter().filter_map(failure).collect()
    }
}
