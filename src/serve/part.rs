//! One part that follows the ledger: detection, an export.
//!
//! Each has a thread of its own. On the threads of intake it would have one turn among those of all requests, and fall behind while
//! these keep the machine busy, until what it has to read is sealed already and costs several times as much.

use std::error::Error;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::health::Health;

/// A part while it runs. It goes on from its durable cursor when it is started again.
pub struct Part {
    stop: CancellationToken,
    /// Resolves when its thread ends, whatever the reason.
    ended: oneshot::Receiver<()>,
}

impl Part {
    /// Starts it. When it fails, recording goes on without it, and health says so.
    pub fn start<E, F>(name: &'static str, health: &Arc<Health>, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        E: Error + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let (ends, ended) = oneshot::channel();
        health.part_started(name);
        let failing = Arc::clone(health);
        let fails = move |error: &(dyn Error + 'static)| {
            tracing::error!(part = name, error, "a part stopped");
            failing.part_stopped(name, error.to_string());
        };
        if let Err(error) = spawn(name, run(stop.clone()), fails.clone(), ends) {
            fails(&error);
        }
        Self { stop, ended }
    }

    /// Ends it and waits until it has.
    pub async fn end(&mut self) {
        self.stop.cancel();
        // Its thread drops the sender.
        let _ = (&mut self.ended).await;
    }
}

/// Runs a part on a thread with its name, which holds `ends` until it is over.
fn spawn<E, F>(
    name: &'static str,
    running: F,
    fails: impl Fn(&(dyn Error + 'static)) + Send + 'static,
    ends: oneshot::Sender<()>,
) -> io::Result<()>
where
    E: Error + Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
{
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _ends = ends;
        // In a task, so that a panic is told as well.
        match runtime.block_on(runtime.spawn(running)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => fails(&error),
            Err(error) => fails(&error),
        }
        // What did not end in time must not keep the thread.
        runtime.shutdown_background();
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;

    use super::super::tls::Tls;
    use super::*;

    #[tokio::test]
    async fn a_part_has_a_thread_of_its_own_until_it_is_told_to_end() {
        let health = Arc::new(Health::new(Tls::new(None)));
        let (sender, name) = oneshot::channel();
        let mut part = Part::start("export", &health, |stop| async move {
            sender.send(thread::current().name().map(str::to_owned)).unwrap();
            stop.cancelled().await;
            Ok::<(), Infallible>(())
        });
        assert_eq!(name.await.unwrap().as_deref(), Some("export"));
        part.end().await;
        assert!(!health.report().text().contains("part export"));
    }

    #[tokio::test]
    async fn health_says_which_part_failed_and_of_which_panicked() {
        let health = Arc::new(Health::new(Tls::new(None)));
        let full = || io::Error::other("the disk is full");
        Part::start("export", &health, |_| ready(Err::<(), _>(full()))).end().await;
        let panics = async || -> Result<(), Infallible> { panic!("on purpose") };
        Part::start("detection", &health, |_| panics()).end().await;
        let said = health.report().text();
        assert!(said.contains("part export: stopped: the disk is full"), "{said}");
        assert!(said.contains("part detection: stopped: "), "{said}");
        Part::start("detection", &health, |_| ready(Ok::<(), Infallible>(()))).end().await;
        assert!(!health.report().text().contains("part detection"), "it runs again");
    }
}
