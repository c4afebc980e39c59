//! Events for tests: JSON objects with columns by name, as examples are written, and blocks of rows made from them.

use ledger::Rows;
use serde_json::Value;

use crate::engine::Key;
use crate::sample;

pub use crate::sample::START;

pub fn key() -> Key {
    sample::key()
}

/// Canonical facts and content of an event; `second` and `repeat` are not columns.
pub fn parts(event: &Value) -> (Vec<u8>, Vec<u8>) {
    sample::parts(event, 1).unwrap()
}

/// Appends an event that was recorded `second` seconds after the start.
pub fn push(rows: &mut Rows, event: &Value) {
    let second = event["second"].as_i64().unwrap();
    let (facts, content) = parts(event);
    let batch = event.get("batch").and_then(Value::as_u64).unwrap_or(second as u64 / 10);
    rows.push(rows.next_seq, batch, (START + second) * 1_000_000, 0, &facts, Some(&content));
}

/// A block of events. One with `repeat` stands for so many; `{n}` in its texts is the number of each.
pub fn rows(events: &[Value]) -> Rows {
    sample::rows(events).unwrap()
}
