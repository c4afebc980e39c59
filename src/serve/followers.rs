//! What follows the ledgers with a cursor of its own: the detectors and the sinks. A new configuration replaces those that it
//! changes.

use std::convert::Infallible;
use std::sync::Arc;

use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use detect_runner::{Runner, RunnerOptions};
use export::{Controls, Exporter, Heartbeat, Suppressor};
use ledger::Store;
use prometheus_client::registry::Registry;

use super::health::Health;
use super::part::Part;
use crate::exit::Failure;
use crate::settings::Settings;

/// The followers while they run.
pub struct Followers {
    detection: Detection,
    export: Export,
    /// The sign of life to an address outside.
    heartbeat: Option<Part>,
}

struct Detection {
    part: Part,
    metrics: detect_runner::Metrics,
}

struct Export {
    part: Part,
    metrics: export::Metrics,
    /// Where the sinks stand, and the way to order something of them.
    controls: Controls,
}

/// Followers that have read and sent nothing yet. The sinks are an exporter at the start, and later those of another configuration.
pub struct Prepared<S> {
    runner: Runner,
    sinks: S,
    heartbeat: Option<Heartbeat>,
}

/// Which followers a new configuration replaces.
#[derive(Debug, Clone, Copy)]
pub struct Changed {
    /// The rules are others.
    pub rules: bool,
    /// The sign of life goes elsewhere, or at another pace.
    pub heartbeat: bool,
}

impl Followers {
    /// Prepares them from a configuration and its rules. The suppressor knows which alerts nobody is told of.
    pub fn prepare(
        store: &Store,
        settings: &Settings,
        rules: &RuleSet,
        suppressor: &Arc<dyn Suppressor>,
    ) -> Result<Prepared<Exporter>, Failure> {
        let (events, operations) = (store.events(), store.operations());
        let mut exporter =
            Exporter::new(&settings.sinks(), events, operations, store.fingerprint_key()).map_err(Failure::config)?;
        exporter.set_suppressor(suppressor);
        Prepared::new(store, settings, rules, exporter)
    }

    /// Prepares those of another configuration.
    pub fn prepare_change(
        &self,
        store: &Store,
        settings: &Settings,
        rules: &RuleSet,
    ) -> Result<Prepared<export::Prepared>, Failure> {
        let sinks = self.export.controls.prepare(&settings.sinks()).map_err(Failure::config)?;
        Prepared::new(store, settings, rules, sinks)
    }

    /// Where the sinks stand, and the way to order something of them.
    pub fn controls(&self) -> &Controls {
        &self.export.controls
    }

    /// Names the metrics of those that run.
    pub fn register(&self, registry: &mut Registry) {
        self.detection.metrics.register(registry);
        self.export.metrics.register(registry);
    }

    /// Puts prepared ones in the place of those that changed, which go on from the same cursors. The others run on, of the sinks each
    /// one: a sink that starts anew may send a batch twice.
    pub async fn replace(&mut self, prepared: Prepared<export::Prepared>, changed: Changed, health: &Arc<Health>) {
        let Prepared { runner, sinks, heartbeat } = prepared;
        if changed.heartbeat {
            if let Some(mut before) = self.heartbeat.take() {
                before.end().await;
            }
            self.heartbeat = heartbeat.map(|heartbeat| start_heartbeat(heartbeat, health));
        }
        if changed.rules {
            self.detection.part.end().await;
        }
        match self.export.controls.replace(sinks).await {
            Ok(()) => health.watch_consumers("export", self.export.controls.monitors()),
            // Health says why.
            Err(error) => tracing::error!(%error, "the sinks were not changed"),
        }
        if changed.rules {
            self.detection = Detection::start(runner, health);
        }
    }

    /// Ends them in the order in which data flows.
    pub async fn end(&mut self) {
        if let Some(mut heartbeat) = self.heartbeat.take() {
            heartbeat.end().await;
        }
        self.detection.part.end().await;
        self.export.part.end().await;
    }
}

impl<S> Prepared<S> {
    fn new(store: &Store, settings: &Settings, rules: &RuleSet, sinks: S) -> Result<Self, Failure> {
        let key = store.fingerprint_key();
        let options = RunnerOptions::new(rules.clone(), Key::new(&key), settings.store.data.join("detect"));
        let runner = Runner::new(store.events(), store.operations(), options);
        let heartbeat = settings.heartbeat.as_ref().map(Heartbeat::new).transpose().map_err(Failure::config)?;
        Ok(Self { runner, sinks, heartbeat })
    }
}

impl Prepared<Exporter> {
    /// Starts them.
    pub fn start(self, health: &Arc<Health>) -> Followers {
        let Self { runner, sinks, heartbeat } = self;
        let (detection, export) = (Detection::start(runner, health), Export::start(sinks, health));
        Followers { detection, export, heartbeat: heartbeat.map(|heartbeat| start_heartbeat(heartbeat, health)) }
    }
}

/// Gives signs of life for as long as nothing ails.
fn start_heartbeat(heartbeat: Heartbeat, health: &Arc<Health>) -> Part {
    let looks = Arc::clone(health);
    let ailment = move |now| looks.ailment(now);
    Part::start("heartbeat", health, |stop| async move {
        heartbeat.run(ailment, stop).await;
        Ok::<(), Infallible>(())
    })
}

impl Detection {
    fn start(runner: Runner, health: &Arc<Health>) -> Self {
        let metrics = runner.metrics();
        health.watch_consumers("detection", vec![runner.monitor()]);
        Self { part: Part::start("detection", health, |stop| runner.run(stop)), metrics }
    }
}

impl Export {
    fn start(exporter: Exporter, health: &Arc<Health>) -> Self {
        let (controls, metrics) = (exporter.controls(), exporter.metrics());
        health.watch_sinks(controls.status());
        health.watch_consumers("export", controls.monitors());
        // A sink that fails ends alone and says so in its status; the others go on.
        let part = Part::start("export", health, |stop| async move {
            exporter.run(stop).await;
            Ok::<(), Infallible>(())
        });
        Self { part, metrics, controls }
    }
}
