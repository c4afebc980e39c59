//! Events for tests: JSON objects with columns by name, as examples are written, and blocks of rows made from them.

use detect_core::detector::Detector;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::sample;
pub use detect_core::sample::START;
use detect_core::shared::Shared;
use ledger::Rows;
use serde_json::Value;

pub fn key() -> Key {
    sample::key()
}

/// Numbers below one that is given, which look random and are the same each time.
pub struct Noise {
    seed: u64,
    drawn: u64,
}

impl Noise {
    /// Numbers from a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next number.
    pub fn below(&mut self, end: u64) -> u64 {
        self.drawn += 1;
        key().hash(&["noise", &self.seed.to_string(), &self.drawn.to_string()]) % end
    }
}

/// Events with the second of each, given with the seconds that passed before it; and the second of the last.
pub fn timed(steps: Vec<(Value, i64)>) -> (Vec<Value>, i64) {
    let mut second = 0;
    let events = steps.into_iter().map(|(mut event, gap)| {
        second += gap;
        event["second"] = second.into();
        event
    });
    (events.collect(), second)
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
