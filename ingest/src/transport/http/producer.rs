//! The sequences of producers: whose turn it is, and which record comes next.
//!
//! The next offset stands in the ledger, durable with the records before it; here it is only kept at hand. Requests of one
//! producer take turns, so an answer and the offset after it belong to one request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::problem::Problem;
use crate::event::Batch;
use crate::limits;
use crate::pipeline::{PositionWriter, Positions};

/// The next offset of each producer that was met lately.
pub(super) struct Producers {
    positions: Arc<dyn Positions>,
    known: Mutex<HashMap<Vec<u8>, Arc<Producer>>>,
    uses: AtomicU64,
}

#[derive(Default)]
struct Producer {
    /// The next offset; `None` if the ledger must be asked.
    next: Arc<tokio::sync::Mutex<Option<u64>>>,
    requests: AtomicUsize,
    used: AtomicU64,
}

/// One request's turn.
pub(super) struct Turn {
    key: Vec<u8>,
    next: u64,
    held: OwnedMutexGuard<Option<u64>>,
    _waiting: Waiting,
}

/// Counts a request of a producer until it is dropped.
struct Waiting(Arc<Producer>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Producers {
    pub fn new(positions: Arc<dyn Positions>) -> Self {
        Self { positions, known: Mutex::default(), uses: AtomicU64::new(0) }
    }

    /// Waits for the producer's turn. The producer of one token is not that of another one.
    pub async fn turn(&self, token: &str, producer: &str) -> Result<Turn, Problem> {
        let key = format!("producer/{token}/{producer}").into_bytes();
        let waiting = self.enter(&key)?;
        let mut held = Arc::clone(&waiting.0.next).lock_owned().await;
        // What is taken out is put back when the request ends in order; else the ledger is asked again.
        let next = held.take().unwrap_or_else(|| self.stored(&key));
        Ok(Turn { key, next, held, _waiting: waiting })
    }

    fn enter(&self, key: &[u8]) -> Result<Waiting, Problem> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(key) && known.len() >= limits::PRODUCERS_MAX {
            let idle = known.iter().filter(|(_, producer)| producer.requests.load(Ordering::Relaxed) == 0);
            let oldest =
                idle.min_by_key(|(_, producer)| producer.used.load(Ordering::Relaxed)).map(|(key, _)| key.clone());
            known.remove(&oldest.ok_or_else(Problem::too_many_requests)?);
        }
        let producer = Arc::clone(known.entry(key.to_vec()).or_default());
        producer.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if producer.requests.fetch_add(1, Ordering::Relaxed) >= limits::PRODUCER_REQUESTS_MAX {
            drop(Waiting(producer));
            return Err(Problem::too_many_requests());
        }
        Ok(Waiting(producer))
    }

    /// The offset in the ledger.
    fn stored(&self, key: &[u8]) -> u64 {
        let value = self.positions.input(key);
        value.and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok()).unwrap_or(0)
    }
}

impl Turn {
    /// The number of the record that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Ends the turn with the number of the record that comes next.
    pub fn end(mut self, next: u64) {
        *self.held = Some(next);
    }

    /// Writes the offset into the groups of this request.
    pub fn progress(&self) -> Offset {
        Offset { key: self.key.clone(), written: self.next }
    }
}

/// A producer's offset as the input of a group.
pub(super) struct Offset {
    key: Vec<u8>,
    written: u64,
}

impl PositionWriter for Option<Offset> {
    fn write(&mut self, position: u64, batch: &mut Batch) {
        if let Some(offset) = self
            && position > offset.written
        {
            offset.written = position;
            batch.input(offset.key.clone(), position.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::BatchAppender;
    use crate::fixtures::House;

    #[tokio::test]
    async fn requests_of_one_producer_take_turns_up_to_a_bound() {
        let house = House::new("");
        let producers = Producers::new(Arc::new(house.store.events().clone()));
        let first = producers.turn("t", "p").await.unwrap();
        let mut others: Vec<_> =
            (1..limits::PRODUCER_REQUESTS_MAX).map(|_| Box::pin(producers.turn("t", "p"))).collect();
        for other in &mut others {
            assert!(futures::poll!(other).is_pending());
        }
        assert_eq!(producers.turn("t", "p").await.err().map(|problem| problem.status.as_u16()), Some(429));
        assert!(producers.turn("t", "q").await.is_ok(), "another producer is not in the way");
        first.end(7);
        assert_eq!(others.remove(0).await.unwrap().next(), 7);
    }

    #[tokio::test]
    async fn a_producer_that_was_forgotten_is_read_from_the_ledger() {
        let house = House::new("");
        let producers = Producers::new(Arc::new(house.store.events().clone()));
        let turn = producers.turn("t", "p").await.unwrap();
        let mut batch = Batch::default();
        Some(turn.progress()).write(5, &mut batch);
        let appender = BatchAppender::new(house.store.events());
        appender.queue(batch, std::future::ready(())).await.unwrap().await.unwrap();
        turn.end(5);
        let busy = producers.turn("t", "busy").await.unwrap();
        for other in 0..limits::PRODUCERS_MAX {
            drop(producers.turn("t", &other.to_string()).await.unwrap());
        }
        assert_eq!(producers.known.lock().unwrap().len(), limits::PRODUCERS_MAX);
        assert!(!producers.known.lock().unwrap().contains_key(&b"producer/t/p"[..]));
        assert_eq!(producers.turn("t", "p").await.unwrap().next(), 5);
        busy.end(1);
        assert_eq!(producers.turn("t", "busy").await.unwrap().next(), 1, "one that is in use is kept");
        // A request that does not end in order leaves the ledger's word.
        drop(producers.turn("t", "p").await.unwrap());
        assert_eq!(producers.turn("t", "p").await.unwrap().next(), 5);
    }
}
