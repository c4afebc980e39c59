//! The contract of a detector: what it is called with, what it says, and when.

use crate::aspects::Aspects;
use crate::detector_state::DetectorState;
use crate::event::EventRow;
use crate::findings::Findings;

/// A pure state machine over recorded events.
///
/// It MUST give the same findings for the same calls, whatever happened before a `snapshot` and `restore` in between; MUST
/// NOT look at a clock, do I/O, use randomness or depend on the order of a hash map; and MUST bound its state whatever the
/// events say. On a fresh state time finds nothing.
pub trait Detector: DetectorState {
    /// What an event must have for it to be shown, at least one of them. Parameters may decide it; it never changes.
    fn looks_at(&self) -> Aspects {
        Aspects::ALL
    }

    /// Takes the next event that has something of what it looks at.
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings);

    /// Lets timers of its own fire, before its episodes are told, at `second` (since 1970 UTC): called once for each second,
    /// between the events recorded before it and those recorded in it. `down` says that the ledger did not run for a while
    /// before, so silence meant nothing: the seconds in between are not called, and timers of silence start again.
    ///
    /// All detectors together find at most [`crate::limits::RESOLVED_PER_ADVANCE_MAX`] in one second: each asks
    /// [`Findings::is_full`], and what has to wait comes up in the next second.
    fn elapse(&mut self, second: i64, down: bool, findings: &mut Findings) {
        let _ = (second, down, findings);
    }
}

/// Tells a detector that recorded time reached a second: the one place from which time passes for detectors.
pub fn advance<D: Detector + ?Sized>(detector: &mut D, second: i64, down: bool, findings: &mut Findings) {
    detector.elapse(second, down, findings);
    DetectorState::advance(detector, second, down, findings);
}
