//! The contract of a detector: what it sees, what it says, and how its state is kept.

use ledger::alert::Alert;
use ledger::column::handle;
use ledger::events::column;
use ledger::{Position, Row};

/// A pure state machine over recorded events.
///
/// It MUST give the same findings for the same calls, whatever happened before a `snapshot` and `restore` in between; MUST
/// NOT look at a clock, do I/O, use randomness or depend on the order of a hash map; and MUST bound its state whatever the
/// events say. On a fresh state `advance` finds nothing.
pub trait Detector {
    /// Takes the next event.
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings);

    /// Learns that recorded time reached `second` (since 1970 UTC): called once for each second, between the events
    /// recorded before it and those recorded in it. `down` says that the ledger did not run for a while before, so silence
    /// meant nothing: the seconds in between are not called, and timers of silence start again.
    ///
    /// One call gives at most [`crate::limits::RESOLVED_PER_ADVANCE_MAX`] findings.
    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings);

    /// Writes the state.
    fn snapshot(&self) -> Result<Vec<u8>, RestoreError>;

    /// Takes a state that `snapshot` of the same version wrote; parameters may have changed since.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError>;
}

/// The state of a detector could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the state of a detector is not readable: {0}")]
pub struct RestoreError(#[from] serde_json::Error);

/// An event as detectors see it: every column but the content itself.
///
/// Columns made from content (`command`, `file`) are absent once they were erased.
#[derive(Clone, Copy)]
pub struct EventRow<'a> {
    row: &'a Row<'a>,
    backfill: bool,
}

impl<'a> EventRow<'a> {
    /// Shows a row to detectors. `backfill` says that it was old when it was recorded, or before the first start.
    pub fn new(row: &'a Row<'a>, backfill: bool) -> Self {
        Self { row, backfill }
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.row.position
    }

    /// When it was recorded: microseconds since 1970 UTC.
    pub fn recorded(&self) -> i64 {
        self.row.recorded
    }

    /// The second in which it was recorded.
    pub fn second(&self) -> i64 {
        self.row.recorded.div_euclid(1_000_000)
    }

    /// When it happened by the source's clock, or else when it was recorded: microseconds since 1970 UTC.
    pub fn time(&self) -> i64 {
        self.row.time(column::TIME).unwrap_or(self.row.recorded)
    }

    /// Whether it was old when it was recorded, or before the first start.
    pub fn backfill(&self) -> bool {
        self.backfill
    }

    /// A text column; `content` reads as null.
    pub fn text(&self, column: handle::Text) -> Option<&'a str> {
        if column == column::CONTENT { None } else { self.row.text(column) }
    }

    /// An integer column.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.row.integer(column)
    }

    /// A fingerprint column.
    pub fn fingerprint(&self, column: handle::Fingerprint) -> Option<u64> {
        self.row.fingerprint(column)
    }

    /// The texts of a list column; empty if it is null.
    pub fn list(&self, column: handle::TextList) -> impl Iterator<Item = &'a str> + use<'a> {
        self.row.list(column)
    }
}

/// What detectors found, in order.
#[derive(Debug, Default)]
pub struct Findings {
    alerts: Vec<Alert>,
}

impl Findings {
    /// Nothing found.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a revision of an alert.
    pub fn push(&mut self, alert: Alert) {
        self.alerts.push(alert);
    }

    /// What was found so far.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.alerts.clear();
    }
}
