//! What readers of a ledger share with its writer: the segments, the hot tail, and how far everything is durable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::column::Table;
use crate::reader::Snapshot;
use crate::segments::Segments;
use crate::seq::Seq;
use crate::store::Durable;
use crate::tail::{Tail, TailBlock};
use proof::inputs::Input;

/// The rows of a ledger: those in segments and those in the tail. One lock keeps each row in exactly one of them.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) segments: Arc<Segments>,
    pub(crate) tail: Tail,
    pub(crate) positions: BTreeMap<Vec<u8>, Vec<u8>>,
    poisoned: Option<String>,
    seal_failure: Option<String>,
}

/// Where a row lies.
#[derive(Debug)]
pub(crate) enum StorageTier {
    /// In a segment.
    Sealed(Arc<Segments>),
    /// In the first of these blocks, with rows that follow it.
    Hot(Vec<Arc<TailBlock>>),
}

/// The shared view. The mutex is a blocking one: it is held for copies of pointers only.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) table: &'static Table,
    pub(crate) shard: u32,
    state: Mutex<State>,
    durable: watch::Sender<Durable>,
    no_space: AtomicBool,
}

impl View {
    pub(crate) fn new(
        table: &'static Table,
        shard: u32,
        segments: Arc<Segments>,
        tail: Tail,
        positions: BTreeMap<Vec<u8>, Vec<u8>>,
        durable: Durable,
    ) -> Self {
        Self {
            table,
            shard,
            state: Mutex::new(State { segments, tail, positions, poisoned: None, seal_failure: None }),
            durable: watch::Sender::new(durable),
            no_space: AtomicBool::new(false),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Only the writer changes the state, and a writer that panicked has poisoned nothing that readers use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that more is durable.
    pub(crate) fn publish(&self, durable: Durable) {
        self.durable.send_replace(durable);
    }

    pub(crate) fn durable(&self) -> Durable {
        *self.durable.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Durable> {
        self.durable.subscribe()
    }

    /// Takes a sealed WAL file's rows from the tail to the segments.
    pub(crate) fn seal(&self, segments: Arc<Segments>, file: u64) {
        let mut state = self.lock();
        state.tail.drop_through(file);
        state.segments = segments;
    }

    /// Sets source positions.
    pub(crate) fn set_positions(&self, inputs: &[Input]) {
        if inputs.is_empty() {
            return;
        }
        let mut state = self.lock();
        for input in inputs {
            state.positions.insert(input.key.clone(), input.value.clone());
        }
    }

    /// Adds rows to the hot tail, and puts small blocks together that became many, which nobody waits for.
    pub(crate) fn add(&self, blocks: Vec<TailBlock>) {
        for block in blocks {
            let small = {
                let tail = &mut self.lock().tail;
                tail.push(block);
                tail.small()
            };
            if let Some(small) = small
                && let Some(joined) = TailBlock::joined(&small)
            {
                self.lock().tail.replace(&small, joined);
            }
        }
    }

    /// A consistent view for a query.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let end = self.durable().next_seq;
        Snapshot { segments: state.segments.list().to_vec(), tail: state.tail.view(end.get()), next_seq: end }
    }

    /// Where the row at `from` lies, with at most `limit` rows of the same place; `None` if it is not durable.
    pub(crate) fn locate(&self, from: Seq, limit: usize) -> Option<StorageTier> {
        let (state, from) = (self.lock(), from.get());
        if from < state.segments.end_seq() {
            return Some(StorageTier::Sealed(Arc::clone(&state.segments)));
        }
        let blocks = state.tail.from(from, self.durable().next_seq.get(), limit);
        (!blocks.is_empty()).then_some(StorageTier::Hot(blocks))
    }

    /// Remembers why the writer stopped.
    pub(crate) fn poison(&self, reason: &str) {
        self.lock().poisoned = Some(reason.to_owned());
        // Followers look at the view again, so that they can report it.
        self.durable.send_modify(|_| {});
    }

    pub(crate) fn poisoned(&self) -> Option<String> {
        self.lock().poisoned.clone()
    }

    /// Remembers why full WAL files are no longer sealed.
    pub(crate) fn set_seal_failure(&self, reason: &str) {
        self.lock().seal_failure = Some(reason.to_owned());
    }

    pub(crate) fn seal_failure(&self) -> Option<String> {
        self.lock().seal_failure.clone()
    }

    pub(crate) fn no_space(&self) -> bool {
        self.no_space.load(Ordering::Relaxed)
    }

    pub(crate) fn set_no_space(&self, no_space: bool) {
        self.no_space.store(no_space, Ordering::Relaxed);
    }
}
