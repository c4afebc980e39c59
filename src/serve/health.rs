//! Whether the server lives and whether it is ready: `/healthz` and `/readyz`.
//!
//! Not ready means that events sent now would not be taken: it recovers, it stops, its disk is full, or a write failed. A
//! part that stopped, such as detection, is told in `/healthz` and by a metric; recording goes on without it.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use ingest::collectors::Watch;
use ingest::health::Trouble;
use ledger::{Ledger, Store};
use serde::Serialize;

use super::tls::Tls;

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
    collectors: OnceLock<Watch>,
    tls: Tls,
}

/// The body of `/healthz`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Why it takes no events, if it does not.
    pub not_ready: Option<String>,
    /// Parts that stopped, with the reason.
    pub stopped: BTreeMap<&'static str, String>,
    /// What is wrong with collectors, by name.
    pub collectors: BTreeMap<String, Vec<Trouble>>,
    /// What is wrong with the certificate of the listeners.
    pub certificate: Vec<String>,
}

impl Health {
    /// A server that recovers, and whose listeners show this.
    pub fn new(tls: Tls) -> Self {
        Self {
            phase: RwLock::new(Phase::Recovering),
            ledgers: OnceLock::new(),
            failed: Mutex::default(),
            collectors: OnceLock::new(),
            tls,
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

    /// What is wrong with collectors, by name; those with which nothing is are left out.
    pub fn troubles(&self) -> BTreeMap<String, Vec<Trouble>> {
        let status = self.collectors.get().map(Watch::status).unwrap_or_default();
        let troubled = status.into_iter().filter(|status| !status.troubles.is_empty());
        troubled.map(|status| (status.name, status.troubles)).collect()
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

    /// Everything there is to say.
    pub fn report(&self) -> Report {
        let stopped = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Report { not_ready: self.not_ready(), stopped, collectors: self.troubles(), certificate: self.tls.troubles() }
    }
}
