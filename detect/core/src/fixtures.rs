//! Events for tests: JSON objects with columns by name, as examples are written, and blocks of rows made from them.

use ledger::Rows;
use serde_json::Value;

use crate::key::Key;
use crate::sample;
pub use crate::sample::START;

pub fn key() -> Key {
    sample::key()
}

/// A block of events. One with `repeat` stands for so many; `{n}` in its texts is the number of each.
pub fn rows(events: &[Value]) -> Rows {
    sample::rows(events).unwrap()
}
