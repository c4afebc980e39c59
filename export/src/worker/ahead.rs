//! Batches that are on their way before it is their turn: while one batch waits for its answer, those that follow it in the same window are
//! sent once. What became of each is looked at when its turn comes, so everything else goes on as if they went one by one: receipts tile,
//! and the cursor passes only what was taken without a hole.
//!
//! A process that is killed sends the window again, with whatever of it had arrived.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use super::plan::Batch;
use crate::connections::SendError;
use crate::message::{Message, Rendered};
use crate::record::Record;
use crate::sender::{Reaction, Sender};
use crate::status::now;

/// What is on its way, in the order of the ledger.
#[derive(Default)]
pub struct Ahead {
    flights: VecDeque<Flight>,
}

/// One batch that was sent before its turn. It is given up when this is dropped.
pub struct Flight {
    export_seq: u64,
    /// How many records it was rendered of: as many of them as it holds, from the first on.
    offered: usize,
    message: Arc<Message>,
    task: AbortOnDropHandle<Result<Reaction, SendError>>,
}

impl Flight {
    /// What the receiver made of it.
    pub async fn landed(self) -> Result<Reaction, SendError> {
        self.task.await.unwrap_or_else(|_| Err(SendError::Uncertain("the sending of it was given up".to_owned())))
    }
}

impl Ahead {
    /// How many are on their way.
    pub fn len(&self) -> usize {
        self.flights.len()
    }

    /// The number after the last record that is on its way.
    pub fn export_seq_next(&self) -> Option<u64> {
        self.flights.back().map(|flight| flight.export_seq + flight.message.records.len() as u64)
    }

    /// How these records were rendered, if a batch of as many from the same one on is on its way. Rendering is a function of the records, and what
    /// a record with a number says does not change, so it need not be done again.
    pub fn rendered(&self, records: &[Record]) -> Option<Rendered> {
        let first = records.first()?;
        let same = |flight: &&Flight| flight.export_seq == first.export_seq && flight.offered == records.len();
        let message = self.flights.iter().find(same)?.message.as_ref().clone();
        Some(Rendered { taken: message.records.len(), messages: vec![message], silent: Vec::new() })
    }

    /// Sends a batch whose first record has this number, and which was rendered of so many records.
    pub fn send(&mut self, sender: &Arc<dyn Sender>, export_seq: u64, offered: usize, message: Message) {
        let (sender, message) = (sender.clone(), Arc::new(message));
        let sent = message.clone();
        // Only receivers of alerts take another form of what they refused, which is made of the records; they get one message at a time.
        let task = tokio::spawn(async move { sender.send(&sent, &[], now()).await });
        self.flights.push_back(Flight { export_seq, offered, message, task: AbortOnDropHandle::new(task) });
    }

    /// The flight of a batch whose turn it is, if it was sent with the same bytes. Those before it that were never asked for are given up: what
    /// they were has been cut otherwise since.
    /// Dead letters go apart from the range: what is on its way there stays so.
    pub fn take(&mut self, export_seq: u64, batch: &Batch) -> Option<Flight> {
        let [message] = batch.messages.as_slice() else { return None };
        if !batch.letters().is_empty() {
            return None;
        }
        while let Some(flight) = self.flights.pop_front_if(|flight| flight.export_seq <= export_seq) {
            if flight.export_seq == export_seq && *flight.message == *message {
                return Some(flight);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use ledger::{LedgerName, Position, Seq, Timestamp};
    use operations::secret::SecretError;
    use serde_json::json;

    use super::*;
    use crate::capabilities::{Confirmation, Confirmed, Reconciled};
    use crate::fixtures;
    use crate::worker::plan::{Batch, Pace, Plan};

    /// A receiver that never answers.
    struct Silent;

    impl Sender for Silent {
        fn shown(&self, _: &Message, _: Timestamp) -> Result<String, SecretError> {
            Ok(String::new())
        }

        fn send<'a>(
            &'a self,
            _: &'a Message,
            _: &'a [Record],
            _: Timestamp,
        ) -> BoxFuture<'a, Result<Reaction, SendError>> {
            std::future::pending().boxed()
        }

        fn reconcile<'a>(&'a self, _: &'a Message, _: Timestamp) -> BoxFuture<'a, Result<Reconciled, SendError>> {
            std::future::pending().boxed()
        }

        fn confirm<'a>(&'a self, _: &'a Confirmation) -> BoxFuture<'a, Result<Option<Confirmed>, SendError>> {
            std::future::pending().boxed()
        }
    }

    #[tokio::test]
    async fn a_batch_takes_its_own_flight_and_dead_letters_none() {
        let selection = fixtures::sink("siem").selection([3; 32], "acme.example/agents/events/0/0");
        let (rows, pace) = (fixtures::events(&vec![json!({"kind": "note"}); 4]), Pace::Windows { in_flight: 4 });
        let mut plan = Plan::new(operations::fold::Exported::default(), 2, Seq::new(4), pace, Some("plain".to_owned()));
        plan.absorb(&rows, &selection);
        let whole = |records: &[Record]| Rendered::whole(vec![records.len() as u8], records.len());
        let batch = plan.propose(whole).unwrap();
        let sender: Arc<dyn Sender> = Arc::new(Silent);
        let mut ahead = Ahead::default();
        let other = Message { body: b"cut otherwise".to_vec(), ..batch.messages[0].clone() };
        ahead.send(&sender, 0, 2, other);
        ahead.send(&sender, 2, 2, batch.messages[0].clone());
        let at = Position { ledger: LedgerName::Events, shard: 0, seq: Seq::new(2) };
        let letters = Batch::of_letters(at, fixtures::records(&rows), whole(&fixtures::records(&rows)));
        assert!(ahead.take(2, &letters).is_none() && ahead.len() == 2, "what is on its way stays there");
        let pending: Vec<Record> = plan.pending().iter().cloned().collect();
        let rendered =
            |from: usize, count: usize| ahead.rendered(&pending[from..from + count]).map(|rendered| rendered.taken);
        assert_eq!([rendered(2, 2), rendered(2, 1), rendered(1, 2)], [Some(2), None, None]);
        assert!(ahead.take(0, &batch).is_none() && ahead.len() == 1, "other bytes are no answer for these");
        assert!(ahead.take(2, &batch).is_some() && ahead.len() == 0);
    }
}
