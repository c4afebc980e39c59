//! What a consumer shows of itself while it runs: for its metric of lag, and for health.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Source;
use crate::position::LedgerName;
use crate::reader::Reader;
use crate::seq::Seq;

/// How a consumer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub condition: Condition,
    /// What it follows, once it does.
    pub ledger: Option<LedgerName>,
    /// The next row that it reads.
    pub cursor: Seq,
    /// Durable rows that it is not done with: what it has not read, what it was given last and has not asked for more since, and
    /// what it says that it [holds](Monitor::holds).
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

impl Condition {
    /// Why it waits, if it does.
    pub fn waits_for(self) -> Option<String> {
        match self {
            Self::WaitsForSpace(reason) => Some(reason),
            Self::Idle | Self::Running => None,
        }
    }
}

/// Tells where a ledger ends now.
#[derive(Clone)]
pub struct End(Arc<dyn Fn() -> Seq + Send + Sync>);

impl End {
    /// Asks `tell`, which must not wait.
    pub fn new(tell: impl Fn() -> Seq + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// That of a ledger, unless another process may be writing it.
    pub(super) fn of(reader: &Reader) -> Option<Self> {
        let durable = reader.watch()?;
        Some(Self::new(move || durable.borrow().next_seq))
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("End").field(&(self.0)()).finish()
    }
}

/// Shows how a consumer stands. Clones show the same one.
#[derive(Debug, Clone)]
pub struct Monitor {
    name: Arc<str>,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    condition: Condition,
    ledger: Option<LedgerName>,
    cursor: Seq,
    /// Rows before the cursor that were given last: whoever is busy with them, or stuck, has not asked for more.
    given: u64,
    /// Rows that were given before, and that it says are not done.
    held: u64,
    end: Option<End>,
}

impl Monitor {
    /// Shows a consumer of this name, once it runs.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), shown: Arc::default() }
    }

    /// How it stands. The lag is that of now, however long the consumer has been busy, also after it ended; of a ledger that
    /// another process writes it is not known and zero.
    pub fn status(&self) -> ConsumerStatus {
        let Shown { condition, ledger, cursor, given, held, end } = &*self.lock();
        let unread = end.as_ref().map_or(0, |end| (end.0)().distance_from(*cursor));
        ConsumerStatus {
            name: Arc::clone(&self.name),
            condition: condition.clone(),
            ledger: *ledger,
            cursor: *cursor,
            lag: unread + given + held,
        }
    }

    /// Shows that of all rows that it was given it still has so many to do.
    pub fn holds(&self, rows: u64) {
        let mut shown = self.lock();
        (shown.given, shown.held) = (0, rows);
    }

    /// Shows a consumer that does not run and would read on from `cursor`.
    pub fn stands(&self, reader: &Reader, cursor: Seq) {
        let (ledger, end) = (Some(reader.table().ledger), End::of(reader));
        *self.lock() = Shown { condition: Condition::Idle, ledger, cursor, given: 0, held: 0, end };
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn starts(&self, source: &impl Source) {
        let (condition, ledger, cursor) = (Condition::Running, Some(source.ledger()), source.cursor());
        *self.lock() = Shown { condition, ledger, cursor, given: 0, held: 0, end: source.end() };
    }

    pub(super) fn ends(&self) {
        self.lock().condition = Condition::Idle;
    }

    /// It is given so many rows, which end at `cursor`.
    pub(super) fn gives(&self, rows: u64, cursor: Seq) {
        let mut shown = self.lock();
        (shown.given, shown.cursor) = (rows, cursor);
    }

    /// It asks for more, so it is done with what it was given, or says itself what it holds.
    pub(super) fn asks(&self) {
        self.lock().given = 0;
    }

    /// What it had to record is recorded.
    pub(super) fn recorded(&self) {
        self.lock().condition = Condition::Running;
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
