//! Dead letters that somebody wishes to be sent once more.
//!
//! They go apart from the range that the lane is at, each with its number of old. An alert that is over by now is told with
//! its end, so that nothing is opened that nobody ends.

use ledger::alert::State;
use ledger::{LedgerName, Position};

use super::book::{Note, RejectedNote};
use super::plan::{Batch, Plan};
use super::send::Settled;
use super::{Book, Feed, Lane, LaneError};
use crate::http::Transport;
use crate::limits::REPLAY_MAX;
use crate::record::{Body, Deed, Record};
use crate::sink::Rendered;

impl<F: Feed, B: Book, T: Transport> Lane<F, B, T> {
    /// Sends what is due, if there was a reason to look. A batch that an earlier process began comes first: what the receiver
    /// was told must not change under it.
    pub async fn replay(&mut self, plan: &Plan, notes: &mut Vec<Note>) -> Result<(), LaneError> {
        while !plan.is_resuming() && std::mem::take(&mut self.replay_due) {
            self.flush(notes).await?;
            let outbox = self.book.outbox()?;
            let due =
                outbox.dead().iter().filter(|(_, letter)| letter.retry).map(|(at, letter)| (*at, letter.export_seq));
            let due: Vec<(Position, u64)> = due.take(REPLAY_MAX).collect();
            self.replay_due = due.len() == REPLAY_MAX;
            for (position, export_seq) in due {
                self.replay_one(plan, position, export_seq, notes).await?;
                self.flush(notes).await?;
            }
            let dead = self.book.outbox()?.dead().len() as u64;
            self.note(plan, |status| status.dead = dead);
        }
        Ok(())
    }

    async fn replay_one(
        &mut self,
        plan: &Plan,
        position: Position,
        export_seq: u64,
        notes: &mut Vec<Note>,
    ) -> Result<(), LaneError> {
        let records = self.letter(position, export_seq)?;
        let rendered = match records.as_slice() {
            [] => Rendered { messages: Vec::new(), taken: 0, silent: Vec::new() },
            records => self.config.sink.render(records, self.book.outbox()?),
        };
        let batch = Batch::of_letter(position, records, rendered);
        let attempts = self.deliver_all(plan, &batch, notes).await?;
        let mut said = "there is nothing to tell any more".to_owned();
        for attempt in attempts {
            match attempt.settled {
                Settled::Acked { ack, .. } => said = ack,
                Settled::Refused { reason, .. } | Settled::TooLarge { reason } => {
                    notes.push(Note::Rejected(RejectedNote { position, export_seq, reason }));
                    return Ok(());
                }
            }
        }
        notes.push(Note::Replayed(RejectedNote { position, export_seq, reason: said }));
        Ok(())
    }

    /// The record of a dead letter as it would be rendered now, and the end of its alert if that is known.
    fn letter(&self, position: Position, export_seq: u64) -> Result<Vec<Record>, LaneError> {
        let filter = self.config.filter();
        let select = |at: u64| -> Result<Option<Record>, LaneError> {
            let rows = self.feed.block(at)?;
            let row = rows.get(0).filter(|row| row.position.seq == at);
            Ok(row.and_then(|row| filter.select(&row, export_seq, &self.renderer)))
        };
        let Some(record) = select(position.seq)? else { return Ok(Vec::new()) };
        let id = match &record.body {
            Body::Alert(alert) if alert.state != State::Resolved => alert.id.clone(),
            _ => return Ok(vec![record]),
        };
        let mut at = position.seq + 1;
        loop {
            let rows = self.feed.block(at)?;
            if rows.is_empty() || position.ledger != LedgerName::Operations {
                return Ok(vec![record]);
            }
            let found =
                rows.iter().find_map(|row| filter.select(&row, export_seq, &self.renderer).filter(|r| ends(r, &id)));
            if let Some(end) = found {
                return Ok(vec![record, end]);
            }
            at = rows.next_seq;
        }
    }
}

/// Whether a record says that the alert is over.
fn ends(record: &Record, id: &str) -> bool {
    match &record.body {
        Body::Alert(alert) => alert.id == id && alert.state == State::Resolved,
        Body::Step(step) => step.alert == id && step.deed == Deed::Close,
        Body::Event | Body::Operation => false,
    }
}
