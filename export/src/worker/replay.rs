//! Dead letters that somebody asked to be sent once more.
//!
//! They go apart from the range that the worker is at, each with its number of old. A receiver of alerts is told of them as it
//! would have been told of the whole: many are a digest again. An alert that is over by now is told with its end, so that
//! nothing is opened that nobody ends.

use std::collections::{BTreeMap, BTreeSet};

use ledger::consumer::{Halt, Source};
use ledger::operations::column;
use ledger::{Position, Row, Seq};
use operations::alert::State;
use operations::fold::DeadLetter;
use operations::kind::delivery::{SENT, SENT_KIND, SentAlert};
use operations::kind::export::{Link, REJECTED_KIND};

use super::plan::{Batch, Plan};
use super::send::Settled;
use super::state_store::{RejectedEntry, StateEntry};
use super::{Result, SinkWorker, StateStore};
use crate::limits::ALERTS_MAX;
use crate::message::Rendered;
use crate::record::{Body, Record, TriageActionKind};
use crate::sink::AnySink;

/// A dead letter: where its record stands, the sink's number of it, and the record before it, if the sink's schema links records.
type DeadLetterAt = (Position, u64, Option<Link>);

/// The dead letters that somebody asked for, apart by the retry request. What goes together is what one request was about:
/// whoever repeats a message after a kill tells the same with it, whatever was refused or asked for since.
fn by_request(dead: &BTreeMap<Position, DeadLetter>) -> Vec<Vec<DeadLetterAt>> {
    let mut requests = BTreeMap::<Seq, Vec<DeadLetterAt>>::new();
    for (at, letter) in dead {
        if let Some(request) = letter.retry {
            requests.entry(request).or_default().push((*at, letter.export_seq, letter.previous.clone()));
        }
    }
    requests.into_values().collect()
}

impl<F: Source, S: StateStore> SinkWorker<F, S> {
    /// Sends what is due, if there was a reason to look. A batch that an earlier process began comes first: what the receiver
    /// was told must not change under it.
    pub async fn replay(&mut self, plan: &mut Plan, entries: &mut Vec<StateEntry>) -> Result<()> {
        while !plan.is_resuming() && std::mem::take(&mut self.replay_due) {
            self.record(plan, entries).await?;
            let requests = by_request(self.recorder.journal_mut().outbox()?.dead());
            // A receiver that takes or refuses parts of a message gets each part alone.
            let at_once = if self.is_delivery() { ALERTS_MAX } else { 1 };
            for letters in requests {
                let mut rest = letters.as_slice();
                while !rest.is_empty() {
                    let done = self.replay_some(plan, &rest[..rest.len().min(at_once)], entries).await?;
                    self.flush(plan, entries).await?;
                    rest = &rest[done.max(1)..];
                }
            }
            let dead = self.recorder.journal_mut().outbox()?.dead().len() as u64;
            self.update_status(plan, |status| status.dead = dead);
        }
        Ok(())
    }

    /// Sends some letters together, and returns how many of them, from the first on, are settled.
    async fn replay_some(
        &mut self,
        plan: &mut Plan,
        letters: &[DeadLetterAt],
        entries: &mut Vec<StateEntry>,
    ) -> Result<usize> {
        let (records, missing) = self.letters(letters).await?;
        let rendered = match (records.as_slice(), &self.config.sink) {
            ([], _) => Rendered { messages: Vec::new(), taken: 0, silent: Vec::new() },
            (records, AnySink::Delivery(sink)) => sink.render(records, self.recorder.journal_mut().outbox()?),
            (records, AnySink::Stream(sink)) => sink.render(records),
        };
        let taken: BTreeSet<Position> = records[..rendered.taken].iter().map(|record| record.position).collect();
        let done: Vec<DeadLetterAt> =
            letters.iter().take_while(|(at, ..)| taken.contains(at) || missing.contains(at)).cloned().collect();
        let Some((last, ..)) = done.last() else { return Ok(0) };
        let batch = Batch::of_letters(*last, records, rendered);
        let attempts = self.deliver_all(plan, &batch, entries).await?;
        let mut said: BTreeMap<Position, Result<String, String>> = BTreeMap::new();
        for (message, attempt) in batch.messages.iter().zip(attempts) {
            let outcome = match attempt.settled {
                Settled::Acked(ack) => Ok(ack.said),
                Settled::Refused { reason, .. } | Settled::TooLarge { reason } => Err(reason),
                // It went alone.
                Settled::Parts(parts) => Err(parts.reason().to_owned()),
            };
            for record in message.records.iter().filter_map(|number| batch.letters().get(*number)) {
                // A record that stands in two messages is refused if one of them is.
                let before = said.entry(record.position).or_insert_with(|| outcome.clone());
                if outcome.is_err() {
                    before.clone_from(&outcome);
                }
            }
        }
        entries.extend(plan.silent_entry(&batch));
        for (position, export_seq, previous) in done.iter().cloned() {
            let told = said.remove(&position).unwrap_or_else(|| Ok("there is nothing to tell any more".to_owned()));
            entries.push(match told {
                Ok(reason) => StateEntry::Replayed(RejectedEntry { position, export_seq, reason, previous }),
                Err(reason) => StateEntry::Rejected(RejectedEntry { position, export_seq, reason, previous }),
            });
        }
        Ok(done.len())
    }

    /// The records of letters as they would be rendered now, in order, with the ends of their alerts as far as they are known;
    /// and the letters whose record is gone or is filtered out by now, or of which the receiver knows by now.
    pub(super) async fn letters(&self, letters: &[DeadLetterAt]) -> Result<(Vec<Record>, BTreeSet<Position>)> {
        let known: BTreeMap<Position, u64> = letters.iter().map(|(at, number, _)| (*at, *number)).collect();
        let mut records =
            if self.is_delivery() { self.letters_with_ends(&known).await? } else { self.letters_alone(letters)? };
        records.sort_by_key(|record| record.position);
        let found: BTreeSet<Position> = records.iter().map(|record| record.position).collect();
        Ok((records, known.into_keys().filter(|position| !found.contains(position)).collect()))
    }

    fn letters_alone(&self, letters: &[DeadLetterAt]) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for (position, export_seq, previous) in letters {
            let rows = self.recorder.journal().block(position.seq)?;
            let row = rows.get(0).filter(|row| row.position == *position);
            records.extend(row.and_then(|row| self.selection.record(&row, *export_seq, previous.as_ref())));
        }
        Ok(records)
    }

    /// One pass over the ledger from the first letter on. It may be long, so it gives way to others, and hears the stop.
    async fn letters_with_ends(&self, letters: &BTreeMap<Position, u64>) -> Result<Vec<Record>> {
        let end = self.consumer.durable()?.next_seq;
        let mut since = Since::default();
        let mut at = letters.keys().next().map_or(end, |first| first.seq);
        while at < end {
            if self.consumer.is_stopping() {
                return Err(Halt::Stopped);
            }
            let rows = self.recorder.journal().block(at)?;
            if rows.is_empty() {
                break;
            }
            for row in rows.iter() {
                let letter = letters.get(&row.position);
                let record = self.selection.record(&row, letter.copied().unwrap_or_default(), None);
                match (letter, record) {
                    (Some(_), Some(record)) => since.letter(record),
                    (None, Some(record)) => since.end(record),
                    (_, None) => since.hear(&row, &self.config.common.name),
                }
            }
            at = rows.next_seq;
            tokio::task::yield_now().await;
        }
        Ok(since.records())
    }
}

/// Letters to a receiver of alerts, and what became of their alerts since.
#[derive(Default)]
struct Since {
    /// In their order in the ledger.
    letters: Vec<Record>,
    /// Where the newest letter about each alert stands.
    newest: BTreeMap<String, Position>,
    /// The number of the newest letter about each alert that is open by it.
    open: BTreeMap<String, u64>,
    /// How these alerts ended.
    ends: BTreeMap<String, Record>,
    /// The newest revision of each alert of which the receiver was told since the newest letter about it.
    told: BTreeMap<String, u32>,
    /// The alerts whose ends the receiver was told of since that letter was refused. It is told of the ends of alerts that it
    /// knows, so it had heard of them before the letter.
    told_over: BTreeSet<String>,
}

impl Since {
    /// What ended or was told before a letter belongs to an earlier life of the alert.
    fn letter(&mut self, record: Record) {
        if let Some(id) = about(&record) {
            self.ends.remove(id);
            self.told.remove(id);
            self.told_over.remove(id);
            self.newest.insert(id.to_owned(), record.position);
            if ended(&record).is_some() {
                self.open.remove(id);
            } else if matches!(record.body, Body::Alert(_)) {
                self.open.insert(id.to_owned(), record.export_seq);
            }
        }
        self.letters.push(record);
    }

    fn end(&mut self, record: Record) {
        let open = ended(&record).and_then(|id| self.open.remove_entry(id));
        if let Some((id, export_seq)) = open {
            self.ends.insert(id, Record { export_seq, ..record });
        }
    }

    /// Takes from a row what the receiver was told, and that it refused a letter.
    fn hear(&mut self, row: &Row<'_>, sink: &str) {
        if row.text(column::SUBJECT) != Some(sink) {
            return;
        }
        let from = || row.text(column::FROM)?.parse::<Position>().ok();
        match (row.text(column::KIND), from()) {
            (Some(SENT_KIND), Some(from)) => {
                SENT.read(row).into_iter().flat_map(|sent| sent.alerts).for_each(|alert| self.tell(alert, from));
            }
            // An end beside a beginning that was refused is all that the receiver heard of the alert.
            (Some(REJECTED_KIND), Some(refused)) => {
                let number = self.letters.binary_search_by_key(&refused, |letter| letter.position).ok();
                if let Some(id) = number.and_then(|number| about(self.letters.get(number)?)) {
                    self.told_over.remove(id);
                }
            }
            _ => {}
        }
    }

    /// The receiver was told of an alert in a batch that begins there.
    fn tell(&mut self, alert: SentAlert, batch_from: Position) {
        if !alert.over {
            let revision = self.told.entry(alert.id).or_default();
            *revision = alert.revision.max(*revision);
        } else if self.newest.get(&alert.id).is_some_and(|letter| *letter < batch_from) {
            self.told_over.insert(alert.id);
        }
    }

    /// What is left to be told. Who was told of a later revision hears nothing new, and its end was told with that one; nor does
    /// who was told of the end.
    fn records(self) -> Vec<Record> {
        let Self { letters, ends, told, told_over, .. } = self;
        let superseded = |record: &Record| match &record.body {
            Body::Alert(alert) => {
                let is_later = |revision: &u32| *revision >= alert.revision;
                told_over.contains(&alert.id) || told.get(&alert.id).is_some_and(is_later)
            }
            _ => false,
        };
        let is_told = |id: &String| told.contains_key(id) || told_over.contains(id);
        let ends = ends.into_iter().filter(|(id, _)| !is_told(id)).map(|(_, record)| record);
        letters.into_iter().chain(ends).filter(|record| !superseded(record)).collect()
    }
}

/// The alert that a record is about.
fn about(record: &Record) -> Option<&str> {
    match &record.body {
        Body::Alert(alert) => Some(&alert.id),
        Body::Action(action) => Some(&action.alert),
        Body::Event | Body::Operation => None,
    }
}

/// The alert that a record says is over.
fn ended(record: &Record) -> Option<&str> {
    match &record.body {
        Body::Alert(alert) if alert.state == State::Resolved => Some(&alert.id),
        Body::Action(action) if action.kind == TriageActionKind::Close => Some(&action.alert),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ledger::LedgerName;

    use super::*;

    #[test]
    fn what_was_asked_for_later_does_not_go_with_what_may_have_been_sent() {
        let at = |seq| Position { ledger: LedgerName::Operations, shard: 0, seq: Seq::new(seq) };
        let letter = |(seq, retry): (u64, Option<u64>)| {
            (at(seq), DeadLetter { export_seq: seq, retry: retry.map(Seq::new), ..DeadLetter::default() })
        };
        let dead = [(1, Some(20)), (2, Some(10)), (3, None), (4, Some(10)), (5, Some(20))];
        let sent = by_request(&dead.into_iter().map(letter).collect());
        let sent: Vec<Vec<u64>> =
            sent.iter().map(|request| request.iter().map(|(_, number, _)| *number).collect()).collect();
        assert_eq!(sent, [vec![2, 4], vec![1, 5]]);
    }
}
