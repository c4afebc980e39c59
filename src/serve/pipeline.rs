//! The parts between the sources and the console, built and ended in the order in which data flows.

use std::sync::Arc;

use detect_rules::rule_set::RuleSet;
use detect_runner::budget_reconciler::{BudgetReconciler, ReconcilerMetrics};
use export::Suppressor;
use ingest::collectors::{Collectors, StartError};
use ingest::metrics::Metrics;
use ingest::price::PriceTable;
use ledger::Store;
use ledger::consumer::Monitor;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::followers::{Changed, Followers};
use super::health::Health;
use super::intake;
use super::listener::{Admission, Listener};
use super::metrics;
use super::part::Part;
use crate::exit::{self, Failure};
use crate::settings::{self, Settings};
use operations::access::Tokens;

/// Everything that runs between `ready` and the stop.
pub struct Pipeline {
    tokens: Part,
    budgets: Part,
    budgets_metrics: ReconcilerMetrics,
    intake_metrics: Metrics,
    collectors: Collectors,
    intake_stop: CancellationToken,
    /// Who serves the address of intake, and those of collectors that have their own.
    intake: JoinSet<()>,
    followers: Followers,
    /// The rules that run.
    rules: RuleSet,
    health: Arc<Health>,
}

impl Pipeline {
    /// Builds and starts everything. The registry has everybody's metrics.
    pub async fn build(
        store: &Store,
        settings: &Settings,
        rules: RuleSet,
        tokens: &Tokens,
        suppressor: Arc<dyn Suppressor>,
        ingest: Listener,
        health: &Arc<Health>,
    ) -> Result<(Self, Registry), Failure> {
        let intake_metrics = Metrics::default();
        let reconciler = BudgetReconciler::new(store.events(), store.operations());
        let budgets_metrics = reconciler.metrics();
        health.watch_consumers("budgets", vec![budgets_metrics.monitor()]);
        // Prepared first, since it may refuse the configuration; nothing is read before it starts.
        let prepared = Followers::prepare(store, settings, &rules, &suppressor)?;
        let (following, monitor) = (tokens.clone(), Monitor::new("tokens"));
        health.watch_consumers("tokens", vec![monitor.clone()]);
        let following = Part::start("tokens", health, |stop| following.follow(monitor, stop));
        let mut collectors = start_collectors(store, settings, tokens, intake_metrics.clone()).await?;
        health.watch_collectors(collectors.watch());
        let intake_stop = CancellationToken::new();
        let admission = Admission::counting(intake_metrics.refusals().clone());
        admission.know(Arc::new(tokens.clone()));
        let intake = intake::open(&mut collectors, Some(ingest), &admission, health.tls(), &intake_stop).await?;
        let followers = prepared.start(health);
        let budgets = Part::start("budgets", health, |stop| reconciler.run(stop));
        let (tokens, health) = (following, Arc::clone(health));
        let pipeline = Self {
            tokens,
            budgets,
            budgets_metrics,
            intake_metrics,
            collectors,
            intake_stop,
            intake,
            followers,
            rules,
            health,
        };
        let registry = pipeline.registry(store);
        Ok((pipeline, registry))
    }

    /// The prices that are in force.
    pub fn prices(&self) -> Arc<PriceTable> {
        self.collectors.prices()
    }

    /// The handle that tells where the sinks stand, and by which something is ordered of them.
    pub fn followers(&self) -> &Followers {
        &self.followers
    }

    /// Takes from a new configuration what can change while it runs. An error leaves everything as it was; a registry
    /// comes back if somebody's metrics began anew.
    pub async fn reload(&mut self, store: &Store, old: &Settings, new: &Settings) -> Result<Option<Registry>, Failure> {
        // The files of rules may have changed although the configuration did not.
        let rules = settings::rules::rules(new)?;
        let prepared = self.followers.prepare_change(store, new, &rules)?;
        self.collectors.reload(&new.intake()).map_err(Failure::config)?;
        let changed = Changed { rules: self.rules != rules, heartbeat: old.heartbeat != new.heartbeat };
        // A change of rules is recorded with its position.
        self.followers.replace(prepared, changed, &self.health).await;
        self.rules = rules;
        Ok(changed.rules.then(|| self.registry(store)))
    }

    /// A registry with everybody's metrics as they are now.
    fn registry(&self, store: &Store) -> Registry {
        let mut registry = metrics::registry(store, &self.health);
        self.intake_metrics.register(&mut registry);
        self.budgets_metrics.register(&mut registry);
        self.followers.register(&mut registry);
        registry
    }

    /// Ends everything in the order in which data flows.
    pub async fn drain(&mut self) {
        self.intake_stop.cancel();
        self.collectors.stop().await;
        // A panic in one was logged by the runtime; there is nothing left to end.
        while self.intake.join_next().await.is_some() {}
        self.followers.end().await;
        self.budgets.end().await;
        self.tokens.end().await;
    }
}

async fn start_collectors(
    store: &Store,
    settings: &Settings,
    tokens: &Tokens,
    metrics: Metrics,
) -> Result<Collectors, Failure> {
    let (config, events, key) = (settings.intake(), store.events().clone(), store.fingerprint_key());
    let authorize = Arc::new(tokens.clone());
    // It reads the newest rows to know duplicates again, which blocks.
    let start = move || Collectors::start(&config, &events, key, authorize, metrics, CancellationToken::new());
    tokio::task::spawn_blocking(start).await?.map_err(|error| match error {
        StartError::Ledger(error) => Failure::from(error),
        error => Failure::new(exit::CONFIG, error),
    })
}
