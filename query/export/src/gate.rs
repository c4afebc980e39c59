//! The question that delivery asks before it tells anybody of an alert. Who answers it, silences, maintenance windows and
//! inhibition, is not known here.

use ledger::alert::Alert;
use ledger::triage::Because;

/// What delivery asks about.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The revision.
    pub alert: Alert,
    /// Why it is told although it is not new: then it may no longer be wanted, because somebody looks after the alert by now.
    pub notice: Option<Because>,
}

/// Knows what hides alerts now.
pub trait Gate: Send + Sync {
    /// For each of these revisions, in their order, whether anybody is told of it at `now`, in microseconds since 1970 UTC. It
    /// may block. It is not asked about ends: whoever was told that an alert opened is told that it is over.
    fn verdicts(&self, asked: &[Asked], now: i64) -> Vec<Verdict>;
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Tell them.
    Notify,
    /// Tell nobody; the text says what hides it, and goes on record.
    Hidden(String),
}

/// Nothing is hidden.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

impl Gate for Open {
    fn verdicts(&self, asked: &[Asked], _now: i64) -> Vec<Verdict> {
        vec![Verdict::Notify; asked.len()]
    }
}
