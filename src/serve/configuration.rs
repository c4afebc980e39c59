//! What the ledger knows of the configuration in effect: an entry at the start and at each change, and its budgets.
//!
//! On a full disk the server starts and changes all the same, because questions and forwarding need no space. What could not
//! be written then is written in the same order once there is some, and only by one task: an older configuration is never
//! put back over a newer one.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use ingest::price::PriceTable;
use ledger::consumer::{Journal, Monitor, Recorder};
use ledger::operations::TABLE;
use ledger::{AppendError, Appender, Entry, Group, Store};
use operations::budget::{BudgetError, BudgetService};
use operations::kind::budget_request::Set;
use operations::kind::configuration::{CERTIFICATE, CONFIG, PRICES, Prices, RATES};
use operations::kind::{self, Envelope};
use query::compute::RateTable;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::health::Health;
use crate::certificate::Certificate;
use crate::exit::Failure;
use crate::settings::{Loaded, Settings};

/// The part of Tachograph that writes them.
const ACTOR: &str = "serve";

/// Writes what is in effect.
pub struct Writer {
    ledger: Ledger,
    monitor: Monitor,
    waiting: Option<Waiting>,
}

/// Where it is written.
#[derive(Clone)]
struct Ledger {
    budgets: Arc<BudgetService>,
    appender: Appender,
}

/// What is written at once.
enum Statement {
    /// All budgets that there are to be; older ones are void.
    Budgets(BTreeMap<String, Set>),
    Entry(Entry),
}

/// What is not written yet, in order.
type Owed = VecDeque<Statement>;

/// The task that waits for space.
struct Waiting {
    stop: CancellationToken,
    task: JoinHandle<Owed>,
}

impl Writer {
    /// Nothing is written yet.
    pub fn new(store: &Store, budgets: &Arc<BudgetService>, health: &Health) -> Self {
        let ledger = Ledger { budgets: Arc::clone(budgets), appender: store.operations().appender() };
        let monitor = Monitor::new("configuration");
        health.watch_consumers("configuration", vec![monitor.clone()]);
        Self { ledger, monitor, waiting: None }
    }

    /// Sets the budgets of a configuration and closes all others.
    pub async fn set_budgets(&mut self, settings: &Settings) -> Result<(), Failure> {
        let wanted = settings.budget_sets().map_err(Failure::config)?;
        let mut owed = self.take_back().await;
        owed.retain(|statement| !matches!(statement, Statement::Budgets(_)));
        owed.push_front(Statement::Budgets(wanted));
        self.write(owed).await
    }

    /// Records that `new` is in effect from now on, in place of `old`.
    pub async fn record(&mut self, old: Option<&Loaded>, new: &Loaded, needs_restart: &[&str]) -> Result<(), Failure> {
        let mut owed = self.take_back().await;
        owed.push_back(Statement::Entry(entry(old, new, needs_restart)?));
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
        owed.push_back(Statement::Entry(PRICES.entry(&envelope, &record)?));
        self.write(owed).await
    }

    /// Records which rates of workspaces are in force from now on, in place of `old`, if those are others.
    pub async fn record_rates(&mut self, old: &RateTable, new: &RateTable, file: Option<&Path>) -> Result<(), Failure> {
        if old == new {
            return Ok(());
        }
        tracing::info!(version = new.version(), rates = new.rates(), "these rates of workspaces are in force");
        let version = |table: &RateTable| (!table.is_absent()).then(|| table.version().to_owned());
        let (from, to) = (version(old), version(new));
        let (from, to) = (from.as_deref(), to.as_deref());
        let mut owed = self.take_back().await;
        let envelope =
            Envelope { subject: to.or(from).unwrap_or_default(), from, to, actor: ACTOR, ..Envelope::default() };
        let record = kind::configuration::Rates {
            version: new.version().to_owned(),
            rates: new.rates(),
            file: file.map(|file| file.display().to_string()),
        };
        owed.push_back(Statement::Entry(RATES.entry(&envelope, &record)?));
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
        owed.push_back(Statement::Entry(CERTIFICATE.entry(&envelope, &record)?));
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
        let stop = CancellationToken::new();
        let recorder = Recorder::new(self.ledger.clone(), self.monitor.clone(), stop.clone());
        while let Some(statement) = owed.front() {
            let said = match recorder.try_record(statement).await {
                Ok(Some(said)) => said,
                Ok(None) => {
                    tracing::warn!("the configuration and its budgets are recorded once there is space");
                    self.waiting = Some(Waiting { stop, task: tokio::spawn(wait(owed, recorder)) });
                    return Ok(());
                }
                Err(error) => Err(error.into()),
            };
            said.map_err(anyhow::Error::from).context("the configuration in effect could not be recorded")?;
            owed.pop_front();
        }
        Ok(())
    }
}

/// Waits for space until everything is written or it is told to stop, and returns what is not.
async fn wait(mut owed: Owed, recorder: Recorder<Ledger>) -> Owed {
    while let Some(statement) = owed.front() {
        let said = match recorder.record(statement).await {
            Ok(said) => said,
            // It never had space, and the next start writes its own.
            Err(AppendError::Stopped) => return owed,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = said {
            tracing::error!(error = &error as &dyn std::error::Error, "the configuration is not on record");
            return owed;
        }
        owed.pop_front();
    }
    owed
}

impl Journal for Ledger {
    type Record = Statement;
    /// Whether it was possible at all.
    type Recorded = Result<(), BudgetError>;

    async fn record(&self, statement: &Statement) -> Result<Result<(), BudgetError>, AppendError> {
        match statement {
            Statement::Budgets(wanted) => {
                let (budgets, wanted) = (Arc::clone(&self.budgets), wanted.clone());
                // It reads the ledger and waits for an fsync, which blocks. A panic in it was logged by the runtime.
                let configured = tokio::task::spawn_blocking(move || budgets.configure(&wanted, ACTOR)).await;
                match configured.unwrap_or(Err(BudgetError::Append(AppendError::Stopped))) {
                    Ok(0) => Ok(Ok(())),
                    Ok(changes) => {
                        tracing::info!(changes, "budgets were set");
                        Ok(Ok(()))
                    }
                    Err(BudgetError::Append(error)) => Err(error),
                    Err(error) => Ok(Err(error)),
                }
            }
            Statement::Entry(entry) => {
                let mut group = Group::new(&TABLE);
                group.push(entry)?;
                self.appender.record(&group).await.map(|_| Ok(()))
            }
        }
    }
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
