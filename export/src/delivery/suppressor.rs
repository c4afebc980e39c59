//! What suppresses the notice of an alert: delivery asks before it tells anybody, and triage answers. What silences, maintenance
//! windows and other alerts hide is told to nobody.

use std::sync::Arc;

use ledger::Timestamp;
use operations::alert::Alert;
use operations::kind::alert_notice::Because;
use operations::triage::{Notify, Triage, TriageService};

/// A revision of an alert that somebody may be told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The revision.
    pub alert: Alert,
    /// Why it is told although it is not new: then it may no longer be wanted, because somebody looks after the alert by now.
    pub notice: Option<Because>,
}

/// Knows what hides alerts now.
pub trait Suppressor: Send + Sync {
    /// For each of these revisions, in their order, whether anybody is told of it at `now`. It
    /// may block. It is not asked about ends: whoever was told that an alert opened is told that it is over.
    fn decide(&self, candidates: &[Candidate], now: Timestamp) -> Vec<Decision>;
}

/// Whether somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Tell them.
    Notify,
    /// Tell nobody; the text says what hides it, and goes on record.
    Suppress(String),
}

/// Suppresses nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct SuppressNothing;

impl Suppressor for SuppressNothing {
    fn decide(&self, candidates: &[Candidate], _now: Timestamp) -> Vec<Decision> {
        vec![Decision::Notify; candidates.len()]
    }
}

/// Suppresses what triage hides.
pub struct TriageSuppressor(Arc<TriageService>);

impl TriageSuppressor {
    /// Asks this service of triage.
    pub fn of(triage: &Arc<TriageService>) -> Arc<dyn Suppressor> {
        Arc::new(Self(Arc::clone(triage)))
    }
}

impl Suppressor for TriageSuppressor {
    fn decide(&self, candidates: &[Candidate], now: Timestamp) -> Vec<Decision> {
        let decide =
            |triage: &Triage| candidates.iter().map(|candidate| decide(triage, candidate, now)).collect::<Vec<_>>();
        let decisions = self.0.read(decide);
        decisions.unwrap_or_else(|error| {
            // A notice too many is better than one too few.
            tracing::error!(%error, "it is unknown what hides alerts; they are told");
            vec![Decision::Notify; candidates.len()]
        })
    }
}

fn decide(triage: &Triage, candidate: &Candidate, now: Timestamp) -> Decision {
    let taken_back = candidate.notice.as_ref().and_then(|because| triage.takes_back(&candidate.alert.id, because));
    if let Some(status) = taken_back {
        return Decision::Suppress(status.as_str().to_owned());
    }
    match triage.notify(&candidate.alert, now) {
        Notify::Notify => Decision::Notify,
        Notify::Hidden { by, .. } => Decision::Suppress(by.to_string()),
    }
}
