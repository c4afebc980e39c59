//! What the ledger knows of the configuration in effect: an entry at the start and at each change, and its budgets.
//!
//! On a full disk the server starts and changes all the same, because questions and forwarding need no space. What could not
//! be written then is written in the same order once there is some, and only by one task: an older configuration is never
//! put back over a newer one.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use ingest::price::PriceTable;
use ledger::operations::TABLE;
use ledger::{AppendError, Appender, Entry, Group, Store};
use operations::budget::{BudgetError, BudgetService};
use operations::kind::budget_request::Set;
use operations::kind::configuration::{CERTIFICATE, CONFIG, PRICES, Prices};
use operations::kind::{self, Envelope};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::certificate::Certificate;
use crate::exit::Failure;
use crate::limits;
use crate::settings::{Loaded, Settings};

/// The part of Tachograph that writes them.
const ACTOR: &str = "serve";

/// Writes what is in effect.
pub struct Writer {
    ledger: Ledger,
    waiting: Option<Waiting>,
}

/// Where it is written.
#[derive(Clone)]
struct Ledger {
    budgets: Arc<BudgetService>,
    appender: Appender,
}

/// What is not written yet.
#[derive(Default)]
struct Owed {
    /// All budgets that there are to be; older ones are void.
    budgets: Option<BTreeMap<String, Set>>,
    entries: VecDeque<Entry>,
}

/// The task that waits for space.
struct Waiting {
    stop: CancellationToken,
    task: JoinHandle<Owed>,
}

impl Writer {
    /// Nothing is written yet.
    pub fn new(store: &Store, budgets: &Arc<BudgetService>) -> Self {
        let ledger = Ledger { budgets: Arc::clone(budgets), appender: store.operations().appender() };
        Self { ledger, waiting: None }
    }

    /// Sets the budgets of a configuration and closes all others.
    pub async fn set_budgets(&mut self, settings: &Settings) -> Result<(), Failure> {
        let wanted = settings.budget_sets().map_err(Failure::config)?;
        let mut owed = self.take_back().await;
        owed.budgets = Some(wanted);
        self.write(owed).await
    }

    /// Records that `new` is in effect from now on, in place of `old`.
    pub async fn record(&mut self, old: Option<&Loaded>, new: &Loaded, needs_restart: &[&str]) -> Result<(), Failure> {
        let mut owed = self.take_back().await;
        owed.entries.push_back(entry(old, new, needs_restart)?);
        self.write(owed).await
    }

    /// Records which prices are in force from now on, in place of those of version `old`.
    pub async fn record_prices(
        &mut self,
        old: Option<&str>,
        new: &PriceTable,
        file: Option<&Path>,
    ) -> Result<(), Failure> {
        tracing::info!(version = new.version(), models = new.models(), "these prices are in force");
        let mut owed = self.take_back().await;
        let version = new.version();
        let envelope = Envelope { subject: version, from: old, to: Some(version), actor: ACTOR, ..Envelope::default() };
        let file = file.map(|file| file.display().to_string());
        let record = Prices { version: version.to_owned(), models: new.models(), file };
        owed.entries.push_back(PRICES.entry(&envelope, &record)?);
        self.write(owed).await
    }

    /// Records that the listeners show `new` from now on, in place of `old`, if that is another one.
    pub async fn record_certificate(
        &mut self,
        old: Option<&Certificate>,
        new: Option<&Certificate>,
    ) -> Result<(), Failure> {
        let hash = |certificate: Option<&Certificate>| certificate.map(|certificate| certificate.sha256.clone());
        let (from, to) = (hash(old), hash(new));
        if from == to {
            return Ok(());
        }
        let mut owed = self.take_back().await;
        let (from, to) = (from.as_deref(), to.as_deref());
        let envelope =
            Envelope { subject: to.or(from).unwrap_or_default(), from, to, actor: ACTOR, ..Envelope::default() };
        let record = kind::configuration::Certificate {
            sha256: hash(new),
            file: new.map(|certificate| certificate.file.display().to_string()),
            valid_until: new.map(Certificate::valid_until),
        };
        owed.entries.push_back(CERTIFICATE.entry(&envelope, &record)?);
        self.write(owed).await
    }

    /// Ends the waiting. What was not written by then never is: the next start writes its own.
    pub async fn end(&mut self) {
        self.take_back().await;
    }

    /// Ends the task that waits, and takes over what it did not write.
    async fn take_back(&mut self) -> Owed {
        let Some(Waiting { stop, task }) = self.waiting.take() else { return Owed::default() };
        stop.cancel();
        // A panic in it was logged by the runtime.
        task.await.unwrap_or_default()
    }

    async fn write(&mut self, mut owed: Owed) -> Result<(), Failure> {
        match owed.write(&self.ledger).await {
            Err(error) if is_no_space(&error) => {
                tracing::warn!("the disk is full: the configuration and its budgets are recorded once there is space");
                let (ledger, stop) = (self.ledger.clone(), CancellationToken::new());
                let task = tokio::spawn(owed.wait(ledger, stop.clone()));
                self.waiting = Some(Waiting { stop, task });
                Ok(())
            }
            Err(error) => {
                Err(anyhow::Error::from(error).context("the configuration in effect could not be recorded").into())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Owed {
    /// Writes all of it, or what there is space for.
    async fn write(&mut self, ledger: &Ledger) -> Result<(), BudgetError> {
        if let Some(wanted) = self.budgets.clone() {
            let budgets = Arc::clone(&ledger.budgets);
            // It reads the ledger and waits for an fsync, which blocks. A panic in it was logged by the runtime.
            let configured = tokio::task::spawn_blocking(move || budgets.configure(&wanted, ACTOR)).await;
            let changes = configured.unwrap_or(Err(BudgetError::Append(AppendError::Stopped)))?;
            if changes > 0 {
                tracing::info!(changes, "budgets were set");
            }
            self.budgets = None;
        }
        while let Some(entry) = self.entries.front() {
            let mut group = Group::new(&TABLE);
            group.push(entry)?;
            ledger.appender.append(group).await?;
            self.entries.pop_front();
        }
        Ok(())
    }

    /// Waits for space until everything is written or `stop` is cancelled, and returns what is not.
    async fn wait(mut self, ledger: Ledger, stop: CancellationToken) -> Self {
        loop {
            tokio::select! {
                () = stop.cancelled() => return self,
                () = tokio::time::sleep(limits::SPACE_RETRY) => {}
            }
            match self.write(&ledger).await {
                Err(error) if is_no_space(&error) => {}
                // It never had space, and the next start writes its own.
                Ok(()) | Err(BudgetError::Append(AppendError::Stopped)) => return self,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the configuration is not on record");
                    return self;
                }
            }
        }
    }
}

fn is_no_space(error: &BudgetError) -> bool {
    matches!(error, BudgetError::Append(error) if error.is_of_disk())
}

fn entry(old: Option<&Loaded>, new: &Loaded, needs_restart: &[&str]) -> Result<Entry, AppendError> {
    let path = new.path.display().to_string();
    let from = old.map(|old| old.hash.as_str());
    let envelope = Envelope { subject: &path, from, to: Some(&new.hash), actor: ACTOR, ..Envelope::default() };
    let record = kind::configuration::Config {
        sha256: new.hash.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        needs_restart: needs_restart.iter().map(ToString::to_string).collect(),
    };
    CONFIG.entry(&envelope, &record)
}

/// The tables that differ and are read at the start only.
pub fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let differs = [
        ("store", old.store != new.store),
        ("listen", old.listen.addresses() != new.listen.addresses()),
        ("query", old.query != new.query),
        ("collector", old.collectors != new.collectors),
    ];
    differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_waits_for_a_restart_is_named() {
        let mut new = Settings::default();
        assert_eq!(needs_restart(&Settings::default(), &new), [""; 0]);
        new.store.data = "elsewhere".into();
        new.ingest.names = Some("names.toml".into());
        new.ingest.prices = Some("prices.toml".into());
        new.listen.names = vec!["tachograph.acme.example".to_owned()];
        assert_eq!(needs_restart(&Settings::default(), &new), ["store"]);
    }
}
