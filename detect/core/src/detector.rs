//! The contract of a detector: what it is called with, what it says, and how its state is kept.

use crate::aspects::Aspects;
use crate::event::EventRow;
use crate::findings::Findings;
use crate::pack::RestoreError;

/// A pure state machine over recorded events.
///
/// It MUST give the same findings for the same calls, whatever happened before a `snapshot` and `restore` in between; MUST
/// NOT look at a clock, do I/O, use randomness or depend on the order of a hash map; and MUST bound its state whatever the
/// events say. On a fresh state `advance` finds nothing.
pub trait Detector {
    /// What an event must have for it to be shown, at least one of them. Parameters may decide it; it never changes.
    fn looks_at(&self) -> Aspects {
        Aspects::ALL
    }

    /// Takes the next event that has something of what it looks at.
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings);

    /// Learns that recorded time reached `second` (since 1970 UTC): called once for each second, between the events
    /// recorded before it and those recorded in it. `down` says that the ledger did not run for a while before, so silence
    /// meant nothing: the seconds in between are not called, and timers of silence start again.
    ///
    /// All detectors together find at most [`crate::limits::RESOLVED_PER_ADVANCE_MAX`] in one second: each asks [`Findings::is_full`], and
    /// what has to wait comes up in the next second.
    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings);

    /// Appends the state.
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError>;

    /// Takes a state that `snapshot` of the same version wrote; parameters may have changed since.
    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError>;
}
