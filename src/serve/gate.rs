//! Delivery asks, triage answers: what silences, maintenance windows and other alerts hide is told to nobody.

use std::sync::Arc;

use export::{Asked, Gate, Verdict};
use ledger::triage::{Desk, Notify, Triage};

/// The desk as delivery asks it.
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
