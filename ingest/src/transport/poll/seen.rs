//! Which rows were recorded while this process ran, and as what: a bounded memory that keeps pages which are read again from being
//! recorded again. What it forgets, or a start does not know, is told by the natural keys of the rows.

use std::hash::{BuildHasher, RandomState};

use serde_json::Value;

use super::endpoint::text_at;
use crate::enrich::Bounded;
use crate::limits;

/// What is known of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    New,
    /// It was another one.
    Changed,
    /// It is what it was.
    Same,
}

/// A row's id and what it says, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    id: u64,
    version: u64,
}

/// The memory of one list.
#[derive(Debug)]
pub struct Seen {
    hasher: RandomState,
    rows: Bounded<u64>,
    /// Rows that were read and are not durable yet.
    pending: Vec<Mark>,
}

impl Seen {
    /// Knows nothing.
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), rows: Bounded::new(limits::POLL_SEEN_MAX), pending: Vec::new() }
    }

    /// The mark of a row in a list of this name; `None` if the row has no id.
    pub fn mark(&self, list: &str, row: &Value, id: &[&str], version: &[&str]) -> Option<Mark> {
        Some(self.mark_of(list, &text_at(row, id)?, row, version))
    }

    /// The mark of something with this id, which says this.
    pub fn mark_of(&self, list: &str, id: &str, said: &Value, version: &[&str]) -> Mark {
        let said: Vec<Option<String>> = version.iter().map(|at| said.pointer(at).map(Value::to_string)).collect();
        Mark { id: self.hasher.hash_one((list, id)), version: self.hasher.hash_one(said) }
    }

    /// A text, hashed.
    pub fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    /// What is known of a row.
    pub fn known(&mut self, mark: Mark) -> Known {
        let pending = self.pending.iter().rev().find(|pending| pending.id == mark.id).map(|pending| pending.version);
        match pending.or_else(|| self.rows.get(mark.id).copied()) {
            None => Known::New,
            Some(version) if version == mark.version => Known::Same,
            Some(_) => Known::Changed,
        }
    }

    /// A row was read.
    pub fn note(&mut self, mark: Mark) {
        self.pending.push(mark);
    }

    /// What was read is durable.
    pub fn keep(&mut self) {
        for Mark { id, version } in self.pending.drain(..) {
            *self.rows.get_or_insert(id, || version) = version;
        }
    }

    /// What was read is not durable, and will be read again.
    pub fn forget(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_known_once_it_is_durable_and_until_it_changes() {
        let mut seen = Seen::new();
        let mark = |seen: &Seen, row: Value| seen.mark("rows", &row, &["/id"], &["/state", "/gone"]).unwrap();
        let row = mark(&seen, json!({"id": 1, "state": {"a": null}, "noise": 1}));
        assert_eq!(seen.known(row), Known::New);
        seen.note(row);
        assert_eq!(seen.known(row), Known::Same);
        seen.forget();
        assert_eq!(seen.known(row), Known::New);
        seen.note(row);
        seen.keep();
        for (next, expected) in [
            (json!({"id": 1, "state": {"a": null}, "noise": 2}), Known::Same),
            (json!({"id": 1, "state": {"a": 1}}), Known::Changed),
            (json!({"id": 1, "state": {"a": null}, "gone": null}), Known::Changed),
            (json!({"id": 2, "state": {"a": null}}), Known::New),
        ] {
            let mark = mark(&seen, next.clone());
            assert_eq!(seen.known(mark), expected, "{next}");
        }
        assert_eq!(seen.mark("rows", &json!({"id": ""}), &["/id"], &[]), None);
    }
}
