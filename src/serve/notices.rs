//! Records which alerts receivers are to be told of although there is no new revision: when a step of escalation is due, when
//! a silence ends, when an alert is open again. What is due is decided by `operations::triage`; who is told, by delivery.

use std::sync::Arc;
use std::time::Duration;

use ledger::consumer::{Batch, Halt, Journal, Monitor, Process, Recorder};
use ledger::{AppendError, Consumer, LedgerError, Store, SystemClock, TimeSource};
use operations::triage::{Refused, TriageService};

use super::health::Health;
use super::part::Part;
use crate::limits;

const NOTICES: &str = "notices";

/// Starts it.
pub fn start(store: &Store, triage: &Arc<TriageService>, health: &Arc<Health>) -> Part {
    let (operations, due, monitor) = (store.operations().reader(), Due(Arc::clone(triage)), Monitor::new(NOTICES));
    health.watch_consumers(NOTICES, vec![monitor.clone()]);
    Part::start(NOTICES, health, |stop| async move {
        let mut consumer = Consumer::of_news(operations, monitor, stop).lingering(limits::NOTICES_PAUSE);
        let recorder = consumer.recorder(due);
        consumer.run(&mut Notices { recorder, wait: limits::NOTICES_PAUSE }).await
    })
}

/// Looks at what is due whenever something was recorded, and when something is due by then.
struct Notices {
    recorder: Recorder<Due>,
    wait: Duration,
}

impl Process for Notices {
    type Error = LedgerError;

    fn due(&self) -> Option<Duration> {
        Some(self.wait)
    }

    /// Any entry may change what is due; many at once are one reason to ask, and the service knows which of them are none.
    async fn process(&mut self, _: &Batch) -> Result<(), Halt<LedgerError>> {
        // Clocks are set, and machines sleep.
        self.wait = self.recorder.record(&()).await?.clamp(limits::NOTICES_PAUSE, limits::NOTICES_WAIT_MAX);
        Ok(())
    }
}

/// Records what is due when it is asked.
struct Due(Arc<TriageService>);

impl Journal for Due {
    type Record = ();
    /// How long nothing more is due, unless something is recorded.
    type Recorded = Duration;

    async fn record(&self, (): &()) -> Result<Duration, AppendError> {
        let triage = Arc::clone(&self.0);
        let now = SystemClock.now();
        match tokio::task::spawn_blocking(move || triage.record_notices(now)).await {
            Ok(Ok(next)) => Ok(next.map_or(limits::NOTICES_WAIT_MAX, |next| next.since(now))),
            // What is due stays due.
            Ok(Err(Refused::Append(error))) => Err(error),
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "what is due about alerts cannot be read");
                Ok(limits::NOTICES_WAIT_MAX)
            }
            Err(error) => {
                tracing::error!(%error, "what is due about alerts is unknown");
                Ok(limits::NOTICES_WAIT_MAX)
            }
        }
    }
}
