//! What people closed as benign, by shape: what comes again in that shape is told to nobody.
//!
//! A decision covers the alerts of one rule and one team that have the shape and are no worse than what was closed, the closed one
//! included when it goes on. It ends when a person opens that one again, or closes one of that shape as bad.

use std::collections::BTreeMap;

use super::life::{Action, Triaged};
use crate::alert::{Alert, Severity};
use crate::kind::alert_step::CloseReason;
use crate::limits;
use ledger::Seq;

/// The decisions that stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Benign(BTreeMap<Shape, Decision>);

/// Rule, organisation, team and shape.
type Shape = (String, Option<String>, Option<String>, String);

/// That alerts of a shape are benign.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Decision {
    /// The alert that was closed,
    alert: String,
    /// how bad it was,
    severity: Severity,
    /// and the entry that closed it.
    seq: Seq,
}

impl Benign {
    /// Takes what a person just did about an alert.
    pub(super) fn note(&mut self, triaged: &Triaged) {
        let (Some(shape), Some(step)) = (shape(&triaged.alert), triaged.steps.back()) else { return };
        match (&step.action, &triaged.closed) {
            // A decision about an older revision that does not stand is none.
            (Action::Close(CloseReason::Benign), Some(_)) => {
                let Alert { id, severity, .. } = &triaged.alert;
                self.0.insert(shape, Decision { alert: id.clone(), severity: *severity, seq: step.seq });
                self.forget();
            }
            (Action::Close(CloseReason::TruePositive), _) => {
                self.0.remove(&shape);
            }
            (Action::Reopen, _) if self.0.get(&shape).is_some_and(|decision| decision.alert == triaged.alert.id) => {
                self.0.remove(&shape);
            }
            _ => {}
        }
    }

    /// The alert whose close covers this one.
    pub(super) fn hiding(&self, alert: &Alert) -> Option<&str> {
        let decision = self.0.get(&shape(alert)?)?;
        (alert.severity <= decision.severity).then_some(decision.alert.as_str())
    }

    fn forget(&mut self) {
        while self.0.len() > limits::BENIGN_SHAPES_KEPT {
            let oldest = self.0.iter().min_by_key(|(_, decision)| decision.seq).map(|(shape, _)| shape.clone());
            let Some(oldest) = oldest else { return };
            self.0.remove(&oldest);
        }
    }
}

fn shape(alert: &Alert) -> Option<Shape> {
    let shape = alert.shape.as_ref().filter(|shape| shape.len() <= limits::TRIAGE_NAME_BYTES_MAX)?;
    Some((alert.rule.clone(), alert.who.org.clone(), alert.who.team.clone(), shape.clone()))
}
