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
    fn verdicts(&self, alerts: &[Alert], now: i64) -> Vec<Verdict> {
        let verdict = |notify| match notify {
            Notify::Notify => Verdict::Notify,
            Notify::Hidden { by, .. } => Verdict::Hidden(by.to_string()),
        };
        let asked =
            self.0.read(|triage| alerts.iter().map(|alert| verdict(triage.notify(alert, now))).collect::<Vec<_>>());
        asked.unwrap_or_else(|error| {
            // A notice too many is better than one too few.
            tracing::error!(%error, "it is unknown what hides alerts; they are told");
            vec![Verdict::Notify; alerts.len()]
        })
    }
}
