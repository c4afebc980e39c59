//! What the reference says of a rule, and its examples, which are tests. Nothing here runs.

use operations::alert::{Severity, State};

/// What a reader of the reference wants to know about a detector.
#[derive(Debug)]
pub struct Spec {
    /// Its name, which is the rule of its alerts.
    pub name: &'static str,
    /// Raised when the same events would give other findings; a state of another version is not read.
    pub version: u32,
    /// What it looks for.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What else looks the same.
    pub false_positives: &'static str,
    /// Which parameter to change when.
    pub tuning: &'static str,
    /// ATLAS and ATT&CK techniques.
    pub tags: &'static [&'static str],
    /// Events with what they must and must not give; they are tests.
    pub examples: &'static [Example],
}

/// A few events and the alerts that they give.
#[derive(Debug)]
pub struct Example {
    /// What happens in it.
    pub name: &'static str,
    /// One JSON object for each event: columns by name, and `second`, the recorded time in seconds after the start.
    pub events: &'static [&'static str],
    /// The second up to which time passes after the last event.
    pub until: i64,
    /// The revisions in order; none for a quiet example.
    pub alerts: &'static [Expected],
}

/// What an example expects of one revision.
#[derive(Debug)]
pub struct Expected {
    /// Where the episode stands.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// Number of events.
    pub count: u64,
    /// Words that stand in the reason.
    pub reason: &'static str,
}
