//! The question that delivery asks before it tells anybody of an alert, and the desk of triage, which answers it: what
//! silences, maintenance windows and other alerts hide is told to nobody.

use std::sync::Arc;

use operations::alert::Alert;
use operations::triage::{Because, Desk, Notify, Triage};

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

/// What the desk knows.
pub struct DeskGate(Arc<Desk>);

impl DeskGate {
    /// A gate that answers what the desk knows.
    pub fn of(desk: &Arc<Desk>) -> Arc<dyn Gate> {
        Arc::new(Self(Arc::clone(desk)))
    }
}

impl Gate for DeskGate {
    fn verdicts(&self, asked: &[Asked], now: i64) -> Vec<Verdict> {
        let verdicts = self.0.read(|triage| asked.iter().map(|asked| verdict(triage, asked, now)).collect::<Vec<_>>());
        verdicts.unwrap_or_else(|error| {
            // A notice too many is better than one too few.
            tracing::error!(%error, "it is unknown what hides alerts; they are told");
            vec![Verdict::Notify; asked.len()]
        })
    }
}

fn verdict(triage: &Triage, asked: &Asked, now: i64) -> Verdict {
    let taken_back = asked.notice.as_ref().and_then(|because| triage.takes_back(&asked.alert.id, because));
    if let Some(status) = taken_back {
        return Verdict::Hidden(status.as_str().to_owned());
    }
    match triage.notify(&asked.alert, now) {
        Notify::Notify => Verdict::Notify,
        Notify::Hidden { by, .. } => Verdict::Hidden(by.to_string()),
    }
}
