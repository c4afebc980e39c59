//! Events for tests: JSON objects with columns by name, as examples are written, and blocks of rows made from them.

use ledger::Rows;
use serde_json::Value;

use crate::detector::{Detector, Findings};
use crate::engine::Key;
use crate::sample;
use crate::shared::Shared;

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

/// What a detector finds in events that all are shown to it, time standing still.
pub fn observe(detector: &mut dyn Detector, rows: &Rows, backfill: bool) -> Findings {
    let (mut shared, mut findings) = (Shared::new(key()), Findings::new());
    for row in rows.iter() {
        let event = shared.event(&row, backfill, &mut findings);
        detector.observe(&event, &mut findings);
    }
    findings
}
