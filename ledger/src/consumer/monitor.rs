//! What a consumer shows of itself while it runs: for its metric of lag, and for health.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::follower::Follower;
use crate::store::Durable;

/// How a consumer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub condition: Condition,
    /// The next row that it reads.
    pub cursor: u64,
    /// The recorded cursor, as far as this run recorded one: where the next start would go on.
    pub recorded: Option<u64>,
    /// Durable rows that it has not read.
    pub lag: u64,
}

/// What a consumer does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// It does not run: not yet, or no longer.
    #[default]
    Idle,
    /// It reads, or waits for rows.
    Running,
    /// What it has to record is refused for the reason: there is no space. Nothing is lost, and it tries again.
    WaitsForSpace(String),
}

/// Shows how a consumer stands. Clones show the same one.
#[derive(Debug, Clone)]
pub struct Monitor {
    name: &'static str,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    condition: Condition,
    cursor: u64,
    recorded: Option<u64>,
    durable: Option<watch::Receiver<Durable>>,
}

impl Monitor {
    /// Shows a consumer of this name, once it runs.
    pub fn new(name: &'static str) -> Self {
        Self { name, shown: Arc::default() }
    }

    /// How it stands. The lag is that of now, however long the consumer has been busy; of a ledger that another process writes it is not
    /// known and zero.
    pub fn status(&self) -> ConsumerStatus {
        let Shown { condition, cursor, recorded, durable } = &*self.lock();
        let end = durable.as_ref().map_or(0, |durable| durable.borrow().next_seq);
        ConsumerStatus {
            name: self.name,
            condition: condition.clone(),
            cursor: *cursor,
            recorded: *recorded,
            lag: end.saturating_sub(*cursor),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn starts(&self, follower: &Follower) {
        let (condition, cursor) = (Condition::Running, follower.cursor());
        *self.lock() = Shown { condition, cursor, recorded: None, durable: follower.watch() };
    }

    pub(super) fn ends(&self) {
        self.lock().condition = Condition::Idle;
    }

    pub(super) fn reached(&self, cursor: u64) {
        self.lock().cursor = cursor;
    }

    pub(super) fn recorded(&self, cursor: u64) {
        let mut shown = self.lock();
        (shown.recorded, shown.condition) = (Some(cursor), Condition::Running);
    }

    /// Says whether it did not wait for this before.
    pub(super) fn waits(&self, reason: String) -> bool {
        let waits = Condition::WaitsForSpace(reason);
        let mut shown = self.lock();
        let is_new = shown.condition != waits;
        shown.condition = waits;
        is_new
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // A panic while the lock was held cannot leave it half changed: every change is a few plain stores.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
