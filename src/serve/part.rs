//! One part that follows the ledger on a task of its own: detection, an export.

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::health::Health;

/// A part while it runs. It goes on from its durable cursor when it is started again.
pub struct Part {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Part {
    /// Starts it. When it fails, recording goes on without it, and health says so.
    pub fn start<E, F>(name: &'static str, health: &Arc<Health>, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        E: std::error::Error + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let (health, running) = (Arc::clone(health), run(stop.clone()));
        health.part_started(name);
        let task = tokio::spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(part = name, error = &error as &dyn std::error::Error, "a part stopped");
                health.part_stopped(name, error.to_string());
            }
        });
        Self { stop, task }
    }

    /// Ends it and waits until it has.
    pub async fn end(&mut self) {
        self.stop.cancel();
        // A panic in it was logged by the runtime; there is nothing left to end.
        let _ = (&mut self.task).await;
    }
}
