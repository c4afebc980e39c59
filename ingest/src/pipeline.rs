//! The pipeline: one way from a record's bytes into the ledger, for all transports and dialects.
//!
//! ```text
//! decode ─► identity of the token ─► enrichment ─► finish ─► duplicate? ─► group ─► append ─► receipt
//! ```
//!
//! A [`Pipeline`] is shared by all collectors; an [`Intake`] is one source that is being read: a request, a file, a pipe.

mod claims;
mod handed;
mod identity;
mod intake;
mod key;
mod key_files;
mod rebuild;
mod spool;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ledger::{AppendError, Durable, Ledger, LedgerError};
use operations::standing::Standing;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::dedup::{Bounds, Dedup, Keyring};
use crate::dialect::{ChosenDialect, mapped::Mapping};
use crate::enrich::{Enrichment, Names};
use crate::event::BatchAppender;
use crate::event::finish::Finisher;
use crate::health::{Health, Trouble, Waiting};
use crate::limits;
use crate::metrics::{CollectorMetrics, Metrics};
use crate::price::PriceTable;
use crate::samples::{Reason, Samples};
pub use claims::Claim;
use claims::Claims;
use handed::Handed;
pub use intake::{Intake, Lineage, Patience, PositionWriter, Tally};
use rebuild::Keeper;
pub use spool::{Parcel, Positions, Spool, Stored};

/// What all collectors share.
pub struct Pipeline {
    end: End,
    finisher: Finisher,
    keyring: Keyring,
    dedup: Mutex<Dedup>,
    enrichment: Mutex<Enrichment>,
    metrics: Metrics,
    claims: Claims,
}

/// Where what is read goes.
enum End {
    /// It is recorded here.
    Ledger(Box<Recording>),
    /// Another machine records it: it is kept as it is until then.
    Spool(Arc<dyn Spool>),
}

/// What only a pipeline has that records.
struct Recording {
    ledger: Ledger,
    appender: BatchAppender,
    keeper: Mutex<Keeper>,
    /// What the keeper's next files are made of.
    handed: Handed,
}

/// Why a source cannot go on. What was recorded before stands in the [`Tally`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The ledger refused.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The ledger's queue stayed full for longer than the source may wait.
    #[error("the ledger's queue is full; try again in {} ms", retry_after.as_millis())]
    Busy {
        /// How long to wait before the next try.
        retry_after: Duration,
    },
    /// Intake is being stopped.
    #[error("intake is stopping")]
    Stopping,
}

impl Pipeline {
    /// Joins the parts and rebuilds what is remembered from the ledger's last rows.
    pub fn open(
        ledger: &Ledger,
        key: &[u8; 32],
        finisher: Finisher,
        names: Names,
        metrics: Metrics,
    ) -> Result<Self, LedgerError> {
        let keyring = Keyring::new(key);
        let mut dedup = Dedup::new(Bounds::DEFAULT);
        let mut enrichment = Enrichment::new(names);
        let mut keeper = Keeper::open(ledger.reader(), keyring.clone(), *key, limits::KEY_FILE_ROWS)?;
        keeper.rebuild(&mut dedup, &mut enrichment)?;
        let handed = Handed::new(limits::KEYS_HANDED_ROWS_MAX);
        let (due, end) = (keeper.due(), ledger.reader().durable()?.next_seq);
        // The rows of the next file that were recorded before this start.
        handed.hand(due.start, end.distance_from(due.start), None);
        let (ledger, appender) = (ledger.clone(), BatchAppender::new(ledger));
        let recording = Recording { ledger, appender, keeper: Mutex::new(keeper), handed };
        let pipeline = Self {
            end: End::Ledger(Box::new(recording)),
            finisher,
            keyring,
            dedup: Mutex::new(dedup),
            enrichment: Mutex::new(enrichment),
            metrics,
            claims: Claims::default(),
        };
        pipeline.show_memory();
        Ok(pipeline)
    }

    /// Hands what is read to a spool, as it is: whoever gets it from there decodes, redacts and records it. `key` is the spool's own,
    /// for hashes of files.
    pub fn relay(spool: Arc<dyn Spool>, key: &[u8; 32], metrics: Metrics) -> Self {
        Self {
            end: End::Spool(spool),
            finisher: Finisher::new(*key, PriceTable::embedded()),
            keyring: Keyring::new(key),
            // Nothing is remembered: duplicates are found where records are understood.
            dedup: Mutex::new(Dedup::new(Bounds::DEFAULT)),
            enrichment: Mutex::new(Enrichment::new(Names::default())),
            metrics,
            claims: Claims::default(),
        }
    }

    /// The durable positions of sources.
    pub fn positions(&self) -> Arc<dyn Positions> {
        match &self.end {
            End::Ledger(recording) => Arc::new(recording.ledger.clone()),
            End::Spool(spool) => Arc::clone(spool) as Arc<dyn Positions>,
        }
    }

    /// The ledger, unless another machine records.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.recording().map(|recording| &recording.ledger)
    }

    fn recording(&self) -> Option<&Recording> {
        match &self.end {
            End::Ledger(recording) => Some(recording),
            End::Spool(_) => None,
        }
    }

    /// Learns what is left to learn after a start, and from then on keeps what the next start needs, until `stop`.
    pub async fn keep(self: Arc<Self>, mut durable: watch::Receiver<Durable>, stop: CancellationToken) {
        let mut is_new = true;
        // What is only passed on needs nothing.
        while let Some(recording) = self.recording() {
            let due = if is_new { Range::default() } else { recording.keeper().due() };
            let waited = stop.run_until_cancelled(durable.wait_for(|durable| durable.next_seq >= due.end)).await;
            // Stopped, or the ledger is gone.
            let Some(Ok(())) = waited.map(|waited| waited.map(drop)) else { return };
            // A source takes its receipt, and hands on what it knows, soon after its rows are durable. What is late is read.
            let settled = timeout(limits::KEYS_HANDED_PATIENCE, recording.handed.settled(due));
            if stop.run_until_cancelled(settled).await.is_none() {
                return;
            }
            let (pipeline, stopped) = (Arc::clone(&self), stop.clone());
            let work = move || {
                let Some(recording) = pipeline.recording() else { return Ok(()) };
                let mut keeper = recording.keeper();
                if is_new {
                    return keeper.learn(&pipeline, &stopped);
                }
                keeper.advance(&recording.handed)?;
                keeper.keep_facts(&pipeline);
                Ok(())
            };
            match tokio::task::spawn_blocking(work).await {
                Ok(Ok(())) => is_new = false,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "what the next start needs is not kept now");
                    is_new = false;
                    stop.run_until_cancelled(sleep(limits::ERROR_PAUSE)).await;
                }
                // A panic was logged by the runtime; the next start reads more rows.
                Err(_) => return,
            }
        }
    }

    /// Takes new names for enrichment; what was joined before stays.
    pub fn rename(&self, names: Names) {
        self.enrichment().rename(names);
    }

    /// Keys that records named and nobody has explained, with their owners; each is given out once.
    pub(crate) fn take_wanted_keys(&self, max: usize) -> Vec<(String, String)> {
        self.enrichment().take_wanted_keys(max)
    }

    /// Gives back keys that could not be asked for.
    pub(crate) fn want_keys(&self, keys: Vec<(String, String)>) {
        self.enrichment().want_keys(keys);
    }

    /// The prices that are in force.
    pub fn prices(&self) -> Arc<PriceTable> {
        self.finisher.prices()
    }

    /// Prices what comes from now on by another table. Says whether it is another one.
    pub fn reprice(&self, prices: PriceTable) -> bool {
        self.finisher.reprice(prices)
    }

    /// A keyed hash of a file's first bytes.
    pub(crate) fn file_hash(&self, head: &[u8]) -> u64 {
        self.keyring.file(head)
    }

    /// Claims sources, each named by its key in the ledger's inputs, or none if another reader has one of them.
    pub(crate) fn claim(&self, keys: &[String]) -> Option<Vec<Claim>> {
        self.claims.take(keys)
    }

    /// The numbers of intake.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Shows the sizes of the shared memories in the metrics.
    fn show_memory(&self) {
        let dedup = self.dedup();
        self.metrics.dedup_keys.set(dedup.keys() as i64);
        self.metrics.dedup_streams.set(dedup.streams() as i64);
        self.metrics.dedup_size.set(dedup.size() as i64);
    }

    // A panic under one of these locks loses at most a memory of duplicates or joins, so the lock is taken over.
    fn dedup(&self) -> MutexGuard<'_, Dedup> {
        self.dedup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enrichment(&self) -> MutexGuard<'_, Enrichment> {
        self.enrichment.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The dialect of a collector. Only a mapping is replaced while it runs.
enum InUse {
    Kept(ChosenDialect),
    Replaced(RwLock<Arc<Mapping>>),
}

/// A collector as the pipeline sees it: a name, a dialect, and what is counted under that name.
pub struct Channel {
    name: String,
    dialect: InUse,
    metrics: CollectorMetrics,
    samples: Samples,
    health: Health,
    /// When the newest of its rows happened, where they are asked for, in microseconds since 1970 UTC; 0 if it is not known.
    newest: AtomicI64,
    /// Whether its records are declared to be old.
    backfill: bool,
}

impl Channel {
    /// A collector with this name and dialect.
    pub fn new(name: &str, dialect: impl Into<ChosenDialect>, metrics: &Metrics) -> Arc<Self> {
        Self::build(name, dialect.into(), metrics, false)
    }

    /// A collector whose records are declared to be old: nobody is woken for them.
    pub fn backfill(name: &str, dialect: impl Into<ChosenDialect>, metrics: &Metrics) -> Arc<Self> {
        Self::build(name, dialect.into(), metrics, true)
    }

    fn build(name: &str, dialect: ChosenDialect, metrics: &Metrics, backfill: bool) -> Arc<Self> {
        let (metrics, samples) = (metrics.collector(name), Samples::default());
        let health = Health::new(name, clock::now());
        let dialect = match dialect {
            ChosenDialect::Mapped(mapping) => InUse::Replaced(RwLock::new(mapping)),
            kept @ ChosenDialect::Listed(_) => InUse::Kept(kept),
        };
        Arc::new(Self { name: name.to_owned(), dialect, metrics, samples, health, newest: AtomicI64::new(0), backfill })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its records mean.
    pub fn dialect(&self) -> ChosenDialect {
        match &self.dialect {
            InUse::Kept(dialect) => dialect.clone(),
            InUse::Replaced(mapping) => {
                ChosenDialect::Mapped(Arc::clone(&mapping.read().unwrap_or_else(PoisonError::into_inner)))
            }
        }
    }

    /// Reads what comes from now on by another mapping; a collector whose dialect takes none stays as it is.
    pub(crate) fn remap(&self, mapping: Arc<Mapping>) {
        if let InUse::Replaced(held) = &self.dialect {
            *held.write().unwrap_or_else(PoisonError::into_inner) = mapping;
        }
    }

    /// Its numbers.
    pub fn metrics(&self) -> &CollectorMetrics {
        &self.metrics
    }

    /// The last lines that were skipped or not understood, per reason.
    pub fn samples(&self) -> BTreeMap<String, Reason> {
        self.samples.list()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.health.standing(clock::now())
    }

    /// When its last record arrived, in microseconds since 1970 UTC.
    pub fn last_record(&self) -> Option<i64> {
        self.health.last_record()
    }

    /// Shows when the newest row happened that an interface gave, in microseconds since 1970 UTC.
    pub(crate) fn show_newest(&self, newest: i64) {
        self.newest.store(newest, Ordering::Relaxed);
        self.metrics.newest().set(newest / 1_000_000);
    }

    /// How long ago the newest row happened, where rows are asked for.
    pub fn lag(&self) -> Option<Duration> {
        let newest = Some(self.newest.load(Ordering::Relaxed)).filter(|newest| *newest > 0)?;
        Some(Duration::from_micros(clock::now().saturating_sub(newest).max(0) as u64))
    }

    /// Shows how many bytes it has not yet read, and whether it waits for the ledger for too long.
    pub(crate) fn show_behind(&self, bytes: u64) {
        self.metrics.lag.set(bytes as i64);
        self.health.standing(clock::now());
    }

    /// Its source waits for the ledger, until what is given back is dropped.
    fn wait(&self) -> Waiting<'_> {
        self.health.wait(clock::now())
    }

    /// Sets what keeps it from working, or that nothing does; logs the change.
    pub(crate) fn set_trouble(&self, trouble: Option<Trouble>) {
        self.health.set(clock::now(), trouble);
    }

    /// Counts a record that arrived, with the reason if it was not understood.
    fn note(&self, now: i64, unparsed: Option<&str>) {
        self.health.note(now, unparsed);
    }
}

#[cfg(test)]
mod tests;
