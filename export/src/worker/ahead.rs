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
use crate::message::Message;
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

    /// Sends a batch whose first record has this number.
    pub fn send(&mut self, sender: &Arc<dyn Sender>, export_seq: u64, message: Message) {
        let (sender, message) = (sender.clone(), Arc::new(message));
        let sent = message.clone();
        // Only receivers of alerts take another form of what they refused, which is made of the records; they get one message at a time.
        let task = tokio::spawn(async move { sender.send(&sent, &[], now()).await });
        self.flights.push_back(Flight { export_seq, message, task: AbortOnDropHandle::new(task) });
    }

    /// The flight of a batch whose turn it is, if it was sent with the same bytes. Those before it that were never asked for are given up: what
    /// they were has been cut otherwise since.
    pub fn take(&mut self, export_seq: u64, batch: &Batch) -> Option<Flight> {
        let [message] = batch.messages.as_slice() else { return None };
        while let Some(flight) = self.flights.pop_front_if(|flight| flight.export_seq <= export_seq) {
            if flight.export_seq == export_seq && *flight.message == *message {
                return Some(flight);
            }
        }
        None
    }
}
