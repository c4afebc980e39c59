//! Records which alerts receivers are to be told of although there is no new revision: when a step of escalation is due, when
//! a silence ends, when an alert is open again. What is due is decided by `operations::triage`; who is told, by delivery.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ledger::Store;
use operations::triage::TriageService;

use super::health::Health;
use super::part::Part;
use crate::limits;

/// Starts it.
pub fn start(store: &Store, triage: &Arc<TriageService>, health: &Arc<Health>) -> Part {
    let (operations, triage) = (store.operations().reader(), Arc::clone(triage));
    Part::start("notices", health, |stop| async move {
        // A store of our own always shows what became durable.
        let mut watch = operations.watch();
        while !stop.is_cancelled() {
            let wait = record(&triage).await;
            // Any entry may change what is due; many at once are one reason to ask, and the service knows which of them are none.
            let changed = async {
                let changed = match &mut watch {
                    Some(watch) => watch.changed().await.is_ok(),
                    None => false,
                };
                if !changed {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
            }
            let _ = tokio::time::timeout(limits::NOTICES_PAUSE, stop.cancelled()).await;
        }
        Ok::<(), Infallible>(())
    })
}

/// Records what is due now, and says how long nothing more is, unless something is recorded.
async fn record(triage: &Arc<TriageService>) -> Duration {
    let triage = Arc::clone(triage);
    let now = chrono::Utc::now().timestamp_micros();
    let next = match tokio::task::spawn_blocking(move || triage.record_notices(now)).await {
        Ok(Ok(next)) => next,
        Ok(Err(error)) => {
            // What is due stays due: a full disk or a queue that is full delays it.
            tracing::warn!(error = &error as &dyn std::error::Error, "notices about alerts wait");
            return limits::SPACE_RETRY;
        }
        Err(error) => {
            tracing::error!(%error, "what is due about alerts is unknown");
            return limits::SPACE_RETRY;
        }
    };
    let wait = next.map_or(limits::NOTICES_WAIT_MAX, |next| {
        Duration::from_micros(u64::try_from(next.saturating_sub(now)).unwrap_or_default())
    });
    // Clocks are set, and machines sleep.
    wait.min(limits::NOTICES_WAIT_MAX)
}
