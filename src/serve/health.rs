//! Whether the server lives and whether it is ready: `/healthz` and `/readyz`.
//!
//! Not ready means that events sent now would not be taken: it recovers, it stops, its disk is full, or a write failed. A part that
//! stopped, such as detection, and a collector or a sink that has a problem are told beside; recording goes on without them, and a
//! load balancer must not take intake away for their sake. docs/health.md says so to operators.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use ingest::collectors::Watch;
use ledger::consumer::{ConsumerStatus, Monitor};
use ledger::{Ledger, Store, Timestamp};
use serde::Serialize;

use super::tls::Tls;
use crate::endpoints::Endpoint;
use crate::output;

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Recovering,
    Running,
    Draining,
}

/// The health of the server.
pub struct Health {
    phase: RwLock<Phase>,
    ledgers: OnceLock<[Ledger; 2]>,
    failed: Mutex<BTreeMap<&'static str, String>>,
    /// By the part that they belong to.
    consumers: Mutex<BTreeMap<&'static str, Vec<Monitor>>>,
    collectors: OnceLock<Watch>,
    tls: Tls,
    sinks: RwLock<export::Status>,
}

/// The body of `/healthz`, and of `/readyz` for who accepts JSON.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Why it takes no events, if it does not.
    pub not_ready: Option<String>,
    /// Parts that stopped, with the reason.
    pub stopped: BTreeMap<&'static str, String>,
    /// Consumers of a ledger that wait until what they have to record is taken, with the reason.
    pub waiting: BTreeMap<String, String>,
    /// What is wrong with the certificate of the listeners.
    pub certificate: Vec<String>,
    /// Every collector and every sink.
    pub endpoints: Vec<Endpoint>,
}

impl Report {
    /// The same for people: whether events are taken, then a line for each part.
    pub fn text(&self) -> String {
        let first = match &self.not_ready {
            None => "ready".to_owned(),
            Some(reason) => format!("not ready: {reason}"),
        };
        let stopped = self.stopped.iter().map(|(part, reason)| format!("part {part}: stopped: {reason}"));
        let waiting = self.waiting.iter().map(|(part, reason)| format!("part {part}: waits: {reason}"));
        let endpoints = self.endpoints.iter().map(|endpoint| format!("{}: {}", endpoint.title(), endpoint.finding()));
        // Names of files and answers of receivers may hold anything.
        let certificate = self.certificate.iter().map(|trouble| format!("certificate: {trouble}"));
        let lines = std::iter::once(first).chain(stopped).chain(waiting).chain(certificate).chain(endpoints);
        lines.map(|line| output::visible(&line) + "\n").collect()
    }
}

impl Health {
    /// A server that recovers, and whose listeners show this.
    pub fn new(tls: Tls) -> Self {
        Self {
            phase: RwLock::new(Phase::Recovering),
            ledgers: OnceLock::new(),
            failed: Mutex::default(),
            consumers: Mutex::default(),
            collectors: OnceLock::new(),
            tls,
            sinks: RwLock::default(),
        }
    }

    /// What the listeners show.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Looks at the ledgers of this store from now on.
    pub fn watch(&self, store: &Store) {
        // A second store in one process does not happen; the first one would go on being watched.
        let _ = self.ledgers.set([store.events().clone(), store.operations().clone()]);
    }

    /// Tells of these collectors from now on.
    pub fn watch_collectors(&self, collectors: Watch) {
        // They are started once.
        let _ = self.collectors.set(collectors);
    }

    /// Tells of these sinks from now on.
    pub fn watch_sinks(&self, sinks: export::Status) {
        *self.sinks.write().unwrap_or_else(PoisonError::into_inner) = sinks;
    }

    /// Tells of these consumers of a ledger from now on, in place of those that the part had before.
    pub fn watch_consumers(&self, part: &'static str, monitors: Vec<Monitor>) {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).insert(part, monitors);
    }

    /// How every consumer of a ledger stands.
    pub fn consumers(&self) -> Vec<ConsumerStatus> {
        let consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        consumers.values().flatten().map(Monitor::status).collect()
    }

    fn waiting(&self) -> BTreeMap<String, String> {
        let reason = |status: ConsumerStatus| Some((status.name.to_string(), status.condition.waits_for()?));
        self.consumers().into_iter().filter_map(reason).collect()
    }

    /// How every collector and every sink stands.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let collectors = self.collectors.get().map(Watch::status).unwrap_or_default();
        let statuses = self.sinks.read().unwrap_or_else(PoisonError::into_inner).get();
        let collectors = collectors.into_iter().map(Endpoint::of_collector);
        collectors.chain(statuses.into_iter().map(Endpoint::of_sink)).collect()
    }

    /// Recovery is over and everything is built.
    pub fn ready(&self) {
        self.set(Phase::Running);
    }

    /// The stop has begun.
    pub fn draining(&self) {
        self.set(Phase::Draining);
    }

    fn set(&self, phase: Phase) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Notes that a part stopped.
    pub fn part_stopped(&self, part: &'static str, reason: String) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(part, reason);
    }

    /// Notes that a part runs (again).
    pub fn part_started(&self, part: &'static str) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(part);
    }

    /// Why events would not be taken now; `None` if they would.
    pub fn not_ready(&self) -> Option<String> {
        match *self.phase.read().unwrap_or_else(PoisonError::into_inner) {
            Phase::Recovering => return Some("the ledger is being recovered".to_owned()),
            Phase::Draining => return Some("the server is stopping".to_owned()),
            Phase::Running => {}
        }
        self.ledgers.get().into_iter().flatten().find_map(|ledger| {
            let status = ledger.status();
            if status.poisoned.is_some() {
                Some(format!("a write to the {} ledger failed; start the process again", ledger.name()))
            } else if status.no_space {
                Some(format!("the disk is too full for the {} ledger; make space", ledger.name()))
            } else {
                None
            }
        })
    }

    /// Why somebody outside should look after this server now: events are not taken, a part stopped, or people are not told of alerts.
    pub fn ailment(&self, now: Timestamp) -> Option<String> {
        let stopped = || {
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.iter().next().map(|(part, reason)| format!("part {part} stopped: {reason}"))
        };
        let sinks = || {
            let statuses = self.sinks.read().unwrap_or_else(PoisonError::into_inner).get();
            export::ailment_of_sinks(&statuses, now)
        };
        self.not_ready().or_else(stopped).or_else(sinks)
    }

    /// Everything there is to say.
    pub fn report(&self) -> Report {
        let stopped = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let certificate = self.tls.troubles();
        let (waiting, endpoints) = (self.waiting(), self.endpoints());
        Report { not_ready: self.not_ready(), stopped, waiting, certificate, endpoints }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_a_reason_does_not_write_to_the_terminal() {
        let report = Report {
            not_ready: None,
            stopped: BTreeMap::from([("detection", "a\u{1b}[2J".to_owned())]),
            waiting: BTreeMap::from([("budgets".to_owned(), "full".to_owned())]),
            certificate: vec!["expired".to_owned()],
            endpoints: Vec::new(),
        };
        assert_eq!(
            report.text(),
            "ready\npart detection: stopped: a\\u{1b}[2J\npart budgets: waits: full\ncertificate: expired\n"
        );
        let health = Health::new(Tls::new(None));
        assert_eq!(health.report().text(), "not ready: the ledger is being recovered\n");
        health.ready();
        assert_eq!(health.report().text(), "ready\n");
    }
}
