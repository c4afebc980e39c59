//! The picture of both ledgers by position: segments as the newest verification saw them, then the log that is open.

use serde_json::Value;

use crate::ask::{list, number, text};
use crate::figures;

/// Where the ruler begins and ends, in units of the picture.
const FROM: f64 = 96.0;
const TO: f64 = 1_190.0;
/// The classes of what was verified, tampered with, and not checked, in the order of [`Chain::states`].
const CLASSES: [&str; 3] = ["k-verified", "k-tampered", "k-unchecked"];

/// The picture.
pub struct Chain {
    /// One ruler for each ledger.
    pub rows: Vec<Ruler>,
    /// How many segments have each state: verified, tampered, not checked.
    pub states: [usize; 3],
    /// The same in a sentence.
    pub sentence: String,
}

/// One ledger.
pub struct Ruler {
    /// Its name, with the shard.
    pub name: String,
    /// The upper edge.
    pub y: i64,
    /// The segments.
    pub blocks: Vec<Block>,
    /// The log that is open: where it begins, and how wide it is.
    pub open: (f64, f64),
    /// How many entries stand there.
    pub open_entries: i64,
    /// Where the verified part ends.
    pub verified_to: Option<f64>,
    /// How many segments there are.
    pub segments: usize,
    /// The end of the ledger.
    pub entries: i64,
}

/// One segment.
pub struct Block {
    /// Where it begins,
    pub x: f64,
    /// and how wide it is.
    pub width: f64,
    /// The class of its state.
    pub class: &'static str,
    /// What a pointer over it tells.
    pub title: String,
}

impl Chain {
    /// Of the ledgers as the API tells them.
    pub fn of(ledgers: &[Value]) -> Self {
        let rows = ledgers.iter().enumerate().map(|(index, ledger)| ruler(ledger, 22 + 64 * index as i64));
        let rows: Vec<Ruler> = rows.collect();
        let blocks = || rows.iter().flat_map(|row| &row.blocks);
        let states = CLASSES.map(|class| blocks().filter(|block| block.class == class).count());
        let [verified, tampered, unchecked] = states;
        let names = rows.iter().map(|row| {
            let (segments, open) = (row.segments, figures::count(row.open_entries));
            format!("Ledger {}: {segments} segments, then {open} entries in the open log. ", row.name)
        });
        let sentence = names.collect::<String>()
            + &format!("{verified} segments verified, {tampered} tampered, {unchecked} not checked.");
        Self { rows, states, sentence }
    }

    /// Whether a segment was tampered with.
    pub fn is_tampered(&self) -> bool {
        let [_, tampered, _] = self.states;
        tampered > 0
    }
}

fn class(state: &str) -> &'static str {
    let [verified, tampered, unchecked] = CLASSES;
    match state {
        "verified" => verified,
        "tampered" => tampered,
        _ => unchecked,
    }
}

fn ruler(ledger: &Value, y: i64) -> Ruler {
    let entries = number(ledger, "entries");
    let x = |seq: i64| FROM + (TO - FROM) * seq as f64 / entries.max(1) as f64;
    let segments = list(ledger, "segments");
    let blocks = segments.iter().map(|segment| {
        let (first, end) = (number(segment, "first_seq"), number(segment, "end_seq"));
        let (state, wide) = (text(segment, "state"), x(end) - x(first));
        let (size, from, to) =
            (figures::bytes(number(segment, "bytes")), figures::count(first), figures::count(end - 1));
        Block {
            x: x(first),
            // A hairline between two, as long as there is room for it.
            width: if wide > 4.0 { wide - 1.5 } else { wide.max(0.5) },
            class: class(state),
            title: format!("{}: {from} to {to}, {size}, {state}", text(segment, "file")),
        }
    });
    let open = x(number(ledger, "sealed")).min(TO - 3.0);
    let verified = segments.iter().take_while(|segment| text(segment, "state") == "verified").last();
    Ruler {
        name: format!("{}/0", text(ledger, "ledger")),
        y,
        blocks: blocks.collect(),
        open: (open, TO - open),
        open_entries: entries - number(ledger, "sealed"),
        verified_to: verified.map(|segment| x(number(segment, "end_seq"))),
        segments: segments.len(),
        entries,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn segments_lie_by_position_and_the_open_log_after_them() {
        let segment = |first: u64, end: u64, state: &str| json!({ "file": "a", "first_seq": first, "end_seq": end, "bytes": 1, "state": state });
        let segments = [segment(0, 50, "verified"), segment(50, 80, "tampered")];
        let chain = Chain::of(&[json!({ "ledger": "events", "entries": 100, "sealed": 80, "segments": segments })]);
        let row = &chain.rows[0];
        assert_eq!((chain.states, row.open_entries, row.blocks[1].class), ([1, 1, 0], 20, "k-tampered"));
        assert!(row.blocks[0].x < row.blocks[1].x && row.blocks[1].x < row.open.0);
        assert!(row.verified_to.is_some_and(|end| end < row.open.0));
        let empty = Chain::of(&[json!({ "ledger": "events", "entries": 0, "sealed": 0, "segments": [] })]);
        assert_eq!(empty.rows[0].verified_to, None);
    }
}
