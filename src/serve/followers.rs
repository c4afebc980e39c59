//! What follows the ledgers with a cursor of its own: the detectors and the sinks. A new configuration replaces them.

use std::convert::Infallible;
use std::sync::Arc;

use detect::{Key, RuleSet, Runner, RunnerOptions};
use export::{Exporter, Gate};
use ledger::Store;
use prometheus_client::registry::Registry;

use super::health::Health;
use super::part::Part;
use crate::exit::Failure;
use crate::settings::Settings;

/// The followers while they run.
pub struct Followers {
    detection: Part,
    export: Part,
    sinks: Sinks,
}

/// The handles to the sinks that run.
#[derive(Clone)]
pub struct Sinks {
    /// Where they stand.
    pub status: export::Status,
    /// The way to send dead letters once more.
    pub retries: export::Retries,
}

/// Followers that have read and sent nothing yet.
pub struct Prepared {
    runner: Runner,
    exporter: Exporter,
}

impl Followers {
    /// Prepares them from a configuration and its rules, and names their metrics. The gate knows which alerts are hidden.
    pub fn prepare(
        store: &Store,
        settings: &Settings,
        rules: &RuleSet,
        gate: &Arc<dyn Gate>,
        registry: &mut Registry,
    ) -> Result<Prepared, Failure> {
        let key = store.fingerprint_key();
        let options = RunnerOptions::new(rules.clone(), Key::new(&key), settings.store.data.join("detect"));
        let runner = Runner::new(store.events(), store.operations(), options);
        runner.register(registry);
        let mut exporter =
            Exporter::new(&settings.sinks(), store.events(), store.operations(), key).map_err(Failure::config)?;
        exporter.set_gate(gate);
        exporter.register(registry);
        Ok(Prepared { runner, exporter })
    }

    /// The handles to the sinks.
    pub fn sinks(&self) -> &Sinks {
        &self.sinks
    }

    /// Ends them in the order in which data flows.
    pub async fn end(&mut self) {
        self.detection.end().await;
        self.export.end().await;
    }
}

impl Prepared {
    /// Starts them.
    pub fn start(self, health: &Arc<Health>) -> Followers {
        let Self { runner, exporter } = self;
        let sinks = Sinks { status: exporter.status(), retries: exporter.retries() };
        let detection = Part::start("detection", health, |stop| runner.run(stop));
        // A sink that fails ends alone and says so in its status; the others go on.
        let export = Part::start("export", health, |stop| async move {
            exporter.run(stop).await;
            Ok::<(), Infallible>(())
        });
        Followers { detection, export, sinks }
    }
}
