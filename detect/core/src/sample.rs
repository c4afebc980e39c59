//! Events written as JSON objects, columns by name: how examples and tests of rules are written. They become rows as the
//! ledger gives them; nothing here is recorded.

use std::sync::LazyLock;

use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};
use serde_json::Value;

use crate::engine::Engine;
use crate::findings::Findings;
use crate::key::Key;
use crate::limits::{TEST_EVENTS_MAX, TEST_SECONDS_MAX};
use crate::text::nearest;

/// 2025-11-21T00:00:00Z, the start of every example.
pub const START: i64 = 1_763_683_200;

/// Keys of an event that are no columns: the recorded second after the start, how many events it stands for, its batch.
const KEYS: [&str; 3] = ["second", "repeat", "batch"];

/// An event that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// A key that is no column.
    #[error("event {event}: unknown column `{name}`{hint}")]
    Unknown {
        /// Number of the event, from 1.
        event: usize,
        /// What is written.
        name: String,
        /// What may be meant.
        hint: String,
    },
    /// A value of another kind.
    #[error("event {event}: `{name}` holds {expected}")]
    Mistyped {
        /// Number of the event, from 1.
        event: usize,
        /// The column.
        name: String,
        /// What it holds.
        expected: &'static str,
    },
    /// No second, or one before that of the event before.
    #[error(
        "event {event}: `second` is missing, negative, earlier than that of the event before or later than a month"
    )]
    Second {
        /// Number of the event, from 1.
        event: usize,
    },
    /// Too many of them.
    #[error("there are more than {TEST_EVENTS_MAX} events")]
    Many,
}

/// The key of hashes in examples.
pub fn key() -> Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| Key::new(&[7; 32]));
    *KEY
}

/// A block of events. One with `repeat` stands for so many; `{n}` in its texts is the number of each.
pub fn rows(events: &[Value]) -> Result<Rows, SampleError> {
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::FIRST);
    let (mut last, mut total) = (0, 0_u64);
    for (at, event) in events.iter().enumerate() {
        let second = event.get("second").and_then(Value::as_i64);
        let second = second.filter(|second| (last..=TEST_SECONDS_MAX).contains(second));
        last = second.ok_or(SampleError::Second { event: at + 1 })?;
        let repeat = event.get("repeat").and_then(Value::as_u64);
        total = total.saturating_add(repeat.unwrap_or(1));
        if total > TEST_EVENTS_MAX {
            return Err(SampleError::Many);
        }
        for number in 0..repeat.unwrap_or(1) {
            let event = if repeat.is_some() { &numbered(event, number) } else { event };
            push(&mut rows, event, last, at + 1)?;
        }
    }
    Ok(rows)
}

fn numbered(event: &Value, number: u64) -> Value {
    let mut event = event.clone();
    for value in event.as_object_mut().into_iter().flat_map(|event| event.values_mut()) {
        if let Value::String(text) = value {
            *text = text.replace("{n}", &number.to_string());
        }
    }
    event
}

/// Appends an event that was recorded `second` seconds after the start.
pub fn push(rows: &mut Rows, event: &Value, second: i64, number: usize) -> Result<(), SampleError> {
    let entry = entry(event, number)?;
    // A running ledger closes a batch at least every ten seconds.
    let batch = event.get("batch").and_then(Value::as_u64).unwrap_or(second as u64 / 10);
    rows.push_entry(batch, Timestamp::from_unix_seconds(START + second), &entry);
    Ok(())
}

/// The columns of an event.
fn entry(event: &Value, number: usize) -> Result<Entry, SampleError> {
    let table = &ledger::events::TABLE;
    let object = event.as_object().ok_or(SampleError::Second { event: number })?;
    let mut entry = Entry::new();
    for (name, value) in object.iter().filter(|(name, _)| !KEYS.contains(&name.as_str())) {
        let Some(column) = table.by_name(name) else {
            let hint = nearest(name, table.columns.iter().map(|column| column.name).chain(KEYS));
            let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(SampleError::Unknown { event: number, name: crate::text::bounded(name), hint });
        };
        entry.set_json(column, value).map_err(|expected| SampleError::Mistyped {
            event: number,
            name: column.name.to_owned(),
            expected,
        })?;
    }
    Ok(entry)
}

/// Feeds events one by one with every second in between, and lets time pass until `until`.
pub fn run(engine: &mut Engine, rows: &Rows, until: i64) -> Findings {
    let mut findings = Findings::new();
    for row in rows.iter() {
        pass(engine, row.recorded.unix_seconds(), &mut findings);
        engine.observe(&row, &mut findings);
    }
    pass(engine, START + until, &mut findings);
    findings
}

/// Lets time pass until `until`.
pub fn pass(engine: &mut Engine, until: i64, findings: &mut Findings) {
    let from = engine.progress().clock.second.unwrap_or(until);
    for second in from + 1..=until {
        engine.advance(second, false, findings);
    }
}
