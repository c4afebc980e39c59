//! Events for tests: JSON objects with columns by name, as examples are written, and blocks of rows made from them.

use ledger::{Kind, LedgerName, Rows, Table};
use serde_json::Value;

use crate::detector::{Detector, Findings};
use crate::engine::Key;
use crate::shared::Shared;

/// 2025-11-21T00:00:00Z, the start of every example.
pub const START: i64 = 1_763_683_200;

pub fn key() -> Key {
    Key::new(&[7; 32])
}

/// Canonical facts and content of an event; `second` and `repeat` are not columns.
pub fn parts(event: &Value) -> (Vec<u8>, Vec<u8>) {
    let table = Table::of(LedgerName::Events);
    let (mut facts, mut content) = (Vec::new(), Vec::new());
    for column in table.columns {
        let Some(value) = event.get(column.name) else { continue };
        let bytes = match column.kind {
            Kind::Text => value.as_str().unwrap().as_bytes().to_vec(),
            Kind::TextList => {
                let mut list = Vec::new();
                value
                    .as_array()
                    .unwrap()
                    .iter()
                    .for_each(|text| write_element(&mut list, text.as_str().unwrap().as_bytes()));
                list
            }
            _ => value.as_i64().unwrap().to_be_bytes().to_vec(),
        };
        write_column(if column.part == ledger::Part::Facts { &mut facts } else { &mut content }, column.id, &bytes);
    }
    (facts, content)
}

/// Appends an event that was recorded `second` seconds after the start.
pub fn push(rows: &mut Rows, event: &Value) {
    let recorded = (START + event["second"].as_i64().unwrap()) * 1_000_000;
    let (facts, content) = parts(event);
    // A running ledger closes a batch at least every ten seconds.
    let batch = event.get("batch").and_then(Value::as_u64).unwrap_or(event["second"].as_i64().unwrap() as u64 / 10);
    rows.push(rows.next_seq, batch, recorded, 0, &facts, Some(&content));
}

/// A block of events. One with `repeat` stands for so many; `{n}` in its session is the number of each.
pub fn rows(events: &[Value]) -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, 0);
    for event in events {
        let Some(repeat) = event.get("repeat").and_then(Value::as_u64) else {
            push(&mut rows, event);
            continue;
        };
        let name = event["session"].as_str().unwrap();
        for number in 0..repeat {
            let mut event = event.clone();
            event["session"] = Value::from(name.replace("{n}", &number.to_string()));
            push(&mut rows, &event);
        }
    }
    rows
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

/// One column of a part, as FORMAT.md lays it out: id, length, value.
fn write_column(part: &mut Vec<u8>, id: u16, value: &[u8]) {
    part.extend_from_slice(&id.to_be_bytes());
    write_element(part, value);
}

/// A length and the bytes: the value of a column, or an element of a list.
fn write_element(part: &mut Vec<u8>, value: &[u8]) {
    part.extend_from_slice(&(value.len() as u32).to_be_bytes());
    part.extend_from_slice(value);
}
