//! Delivery asks, triage answers: what silences, maintenance windows and other alerts hide is told to nobody.

use std::sync::Arc;

use export::{Gate, Verdict};
use ledger::alert::Alert;
use ledger::triage::{Desk, Notify};

/// The desk as delivery asks it.
pub struct DeskGate(Arc<Desk>);

impl DeskGate {
    /// A gate that answers what the desk knows.
    pub fn of(desk: &Arc<Desk>) -> Arc<dyn Gate> {
        Arc::new(Self(Arc::clone(desk)))
    }
}

impl Gate for DeskGate {
    fn verdict(&self, alert: &Alert, now: i64) -> Verdict {
        match self.0.read(|triage| triage.notify(alert, now)) {
            Ok(Notify::Notify) => Verdict::Notify,
            Ok(Notify::Hidden { by, .. }) => Verdict::Hidden(by.to_string()),
            Err(error) => {
                // A notice too many is better than one too few.
                tracing::error!(%error, alert = alert.id, "it is unknown whether a silence hides an alert; it is told");
                Verdict::Notify
            }
        }
    }
}
