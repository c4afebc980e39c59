//! From a record's bytes to events in the batch: decode, stamp, enrich and finish once; then decide, as often as must be.

use std::sync::Arc;

use ledger::events::column;
use ledger::{AppendError, Ledger, LedgerName, Position, Seq};
use operations::access::Trust;
use tokio::sync::watch;

use super::{Intake, PositionWriter};
use crate::bounds;
use crate::dedup::{Body, Decision, Key, Keyring, Locator, Memory};
use crate::dialect::{self, Decoded};
use crate::encoding::Json;
use crate::event::{Record, Redacted};
use crate::lenient::Mended;
use crate::limits;
use crate::namespace::Sender;
use crate::pipeline::identity::{stamp, told};
use crate::pipeline::{Channel, Pipeline, PipelineError, key};
use crate::relay::Loss;
use crate::timestamp::Stated;

/// The mark of an event that came with the key of another one and says something else.
pub(in crate::pipeline) const CONFLICT: &str = "conflict";
/// Events whose memory is kept for the next record.
const EVENTS_KEPT: usize = 16;

/// The complete events of one record, with memory that is reused from record to record.
#[derive(Default)]
pub(super) struct Prepared {
    events: Vec<Redacted>,
    len: usize,
}

impl Prepared {
    /// Takes all events out; keeps the memory of a usual record.
    fn clear(&mut self) {
        self.len = 0;
        self.events.truncate(EVENTS_KEPT);
    }

    /// The next event, to be filled.
    fn add(&mut self) -> &mut Redacted {
        if self.len == self.events.len() {
            self.events.push(Redacted::default());
        }
        self.len += 1;
        &mut self.events[self.len - 1]
    }

    /// Whether the events of one record are more than a group has room for. One alone never is.
    fn is_too_large(&self) -> bool {
        self.len > 1 && self.events().iter().map(Redacted::bytes).sum::<usize>() > limits::RECORD_EVENTS_BYTES_MAX
    }

    fn events(&self) -> &[Redacted] {
        &self.events[..self.len]
    }

    fn events_mut(&mut self) -> &mut [Redacted] {
        &mut self.events[..self.len]
    }
}

/// What came of the attempt to take a record's events.
pub(super) enum Taken {
    Yes,
    /// Its events do not fit the group any more.
    Full,
    /// Another source's group holds one of its keys: wait until that group is settled and try again.
    Wait(watch::Receiver<()>),
}

/// What is to be done with an event.
pub(super) enum Verdict {
    /// Append it; it has no key.
    Unknown,
    /// Append it.
    New(Locator),
    /// Append it as a conflict with this row.
    Conflict(Locator, Option<Seq>),
    /// Append it as an addition to this row, which has the same natural id and says less.
    Addition(Locator, Option<Seq>),
    /// Leave it.
    Duplicate,
}

impl<P: PositionWriter> Intake<P> {
    /// Makes complete events of a record. Says whether there are any to be taken: else the record is counted already.
    pub(super) fn prepare(&mut self, raw: &[u8], received: i64) -> Result<bool, PipelineError> {
        let record = Record::new(raw, self.channel.dialect().encoding());
        let (decoded, mended) = dialect::decode(&*self.channel.dialect(), record, received, &mut self.drafts);
        match decoded {
            Decoded::Events if self.drafts.len() > limits::RECORD_EVENTS_MAX => {
                let reason = format!("the record holds more than {} events", limits::RECORD_EVENTS_MAX);
                self.unparsed(raw, &reason, received)?;
            }
            Decoded::Events => {
                self.complete(record, mended.as_ref(), received);
                if !self.prepared.is_too_large() {
                    return Ok(true);
                }
                self.prepared.clear();
                self.unparsed(raw, "the events of the record are together larger than the ledger takes", received)?;
            }
            Decoded::Skip(reason) => self.skipped(reason, raw, received),
            Decoded::Unparsed(reason) => self.unparsed(raw, &reason, received)?,
        }
        Ok(false)
    }

    /// Counts a record that is no event.
    pub(super) fn skipped(&mut self, reason: &'static str, raw: &[u8], received: i64) {
        self.filling.tally.skipped += 1;
        let metrics = &self.channel.metrics;
        self.skipped.entry(reason).or_insert_with(|| metrics.skipped(reason)).inc();
        self.channel.sample(&self.pipeline, reason, received, raw);
    }

    /// Takes a loss that the transport reports.
    pub(super) fn told(&mut self, loss: Loss<'_>, seen: i64) -> Result<(), PipelineError> {
        self.spare.clear();
        let columns = &mut self.spare.columns;
        columns.set_text(column::SOURCE, loss.source);
        columns.set_text(column::KIND, "loss");
        columns.set_text(column::ACTION, loss.action);
        columns.set_text(column::TARGET, loss.target);
        self.spare.set_times(Stated::Nothing, Stated::Nothing, seen);
        stamp(&mut self.spare, &self.channel, &self.principal, seen);
        let record = Record::new(loss.record.as_bytes(), &Json);
        self.pipeline.finisher.finish(record, &mut self.spare, true, &mut self.spare_event);
        self.filling.batch.push(&mut self.spare_event)?;
        self.filling.tally.events += 1;
        Ok(())
    }

    /// Keeps a record as it is.
    pub(super) fn unparsed(&mut self, raw: &[u8], reason: &str, received: i64) -> Result<(), PipelineError> {
        self.spare.clear();
        stamp(&mut self.spare, &self.channel, &self.principal, received);
        let event = &mut self.spare_event;
        let record = Record::new(raw, self.channel.dialect().encoding());
        self.pipeline.finisher.unparsed(record, &mut self.spare, reason, event);
        // A reason quotes names from the record; in the event it is redacted.
        let reason = event.text(column::ACTION).unwrap_or_default().to_owned();
        self.filling.batch.push(event)?;
        self.filling.tally.unparsed += 1;
        self.filling.tally.events += 1;
        self.channel.metrics.unparsed.inc();
        self.channel.sample(&self.pipeline, &reason, received, raw);
        self.reason = Some(reason);
        Ok(())
    }

    /// Completes the drafts: who sent them, who acted, and all that the finisher does.
    fn complete(&mut self, record: Record<'_>, mended: Option<&Mended>, received: i64) {
        // What was mended in place leaves every span where it was: then the record keeps its own bytes.
        let moved = mended.filter(|mended| !mended.in_place);
        let text = moved.map_or(record, |mended| record.mended(&mended.text));
        self.carry.recall(&self.pipeline);
        self.prepared.clear();
        for (at, draft) in self.drafts.iter_mut().enumerate() {
            bounds::enforce(draft, received);
            self.carry.complete(draft, |session| self.pipeline.finisher.redact(session) == session);
            let mut enrichment = self.pipeline.enrichment();
            if told(&self.channel, &self.principal) >= Trust::Gateway {
                enrichment.meet(draft);
            }
            stamp(draft, &self.channel, &self.principal, received);
            enrichment.complete(Sender::of(&self.principal), draft);
            drop(enrichment);
            draft
                .marks
                .extend(mended.iter().flat_map(|mended| &mended.replaced).map(|name| format!("replaced:{name}")));
            let event = self.prepared.add();
            self.pipeline.finisher.finish(text, draft, at == 0, event);
            // The bytes as they came are kept beside what was made of them, unless they hold what was redacted.
            if at == 0 && moved.is_some() {
                event.keep_bytes(record.bytes());
            }
        }
    }

    /// Takes the events that were prepared, or leaves everything as it was.
    pub(super) fn take(&mut self, raw: &[u8], received: i64) -> Result<Taken, PipelineError> {
        if self.filling.batch.events() + self.prepared.len > ledger::limits::GROUP_ENTRIES_MAX {
            return Ok(Taken::Full);
        }
        if let Some(wait) = self.decide() {
            return Ok(Taken::Wait(wait));
        }
        self.move_record();
        self.carry.write(&mut self.filling.batch);
        if self.push(received)? {
            self.unparsed(raw, "an event of the record is larger than the ledger takes", received)?;
        }
        Ok(Taken::Yes)
    }

    /// Decides about each event. On a wait nothing of the record stays remembered.
    fn decide(&mut self) -> Option<watch::Receiver<()>> {
        self.verdicts.clear();
        self.keys.clear();
        let (ticket, own) = (self.filling.ticket, self.sent.as_ref().map(|sent| sent.ticket));
        let many = self.prepared.len > 1;
        let (keyring, sender) = (&self.pipeline.keyring, Sender::of(&self.principal));
        let mut dedup = self.pipeline.dedup();
        for event in self.prepared.events() {
            let Some(key) = key::key(keyring, sender, event) else {
                self.verdicts.push(Verdict::Unknown);
                self.keys.push(None);
                continue;
            };
            let body = if many { Body::UNKNOWN } else { key::body(keyring, event) };
            self.keys.push(Some((key, body)));
            let own = own.as_slice();
            let mut decision = dedup.decide(key, body, ticket, own);
            let mut adds_to = None;
            if event.adds() && matches!(decision, Decision::Duplicate) {
                adds_to = Some(dedup.row(key));
                let key = key::addition(keyring, sender, event, &event.addition_id());
                decision = dedup.decide(key, Body::UNKNOWN, ticket, own);
            }
            self.verdicts.push(match (decision, adds_to) {
                (Decision::New(place), Some(row)) => Verdict::Addition(place, row),
                (Decision::New(place), None) => Verdict::New(place),
                (Decision::Conflict(place, row), _) => Verdict::Conflict(place, row),
                (Decision::Duplicate, _) => Verdict::Duplicate,
                (Decision::Wait(wait), _) => {
                    for verdict in self.verdicts.drain(..) {
                        if let Verdict::New(place) | Verdict::Conflict(place, _) | Verdict::Addition(place, _) = verdict
                        {
                            dedup.forget(ticket, place);
                        }
                    }
                    return Some(wait);
                }
            });
        }
        None
    }

    /// The record stands in the first event. Where that one is a duplicate and another one is not, the record moves to
    /// the first event that is recorded.
    fn move_record(&mut self) {
        let Some(to) = self.verdicts.iter().position(|verdict| !matches!(verdict, Verdict::Duplicate)) else { return };
        if let Some((first, others)) = self.prepared.events_mut().split_first_mut()
            && let Some(other) = to.checked_sub(1).and_then(|at| others.get_mut(at))
        {
            other.take_record(first);
        }
    }

    /// Puts the events that are to be recorded into the batch; says whether one was too large for that.
    fn push(&mut self, received: i64) -> Result<bool, PipelineError> {
        let (metrics, filling) = (&self.channel.metrics, &mut self.filling);
        let (before, mut too_large) = (filling.batch.events(), false);
        let recorded = self.verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Duplicate)).count();
        // The rest of its record was recorded before.
        let is_left = recorded == 1 && self.prepared.len > 1;
        let (keyring, sender) = (&self.pipeline.keyring, Sender::of(&self.principal));
        let shard = self.pipeline.ledger().map_or(0, Ledger::shard);
        let latest = received.saturating_add(limits::CLOCK_SKEW_MAX.as_micros() as i64);
        for ((event, verdict), known) in self.prepared.events_mut().iter_mut().zip(&self.verdicts).zip(&self.keys) {
            let refers_to = match verdict {
                Verdict::Conflict(_, row) => {
                    event.mark(CONFLICT);
                    *row
                }
                Verdict::Addition(_, row) => {
                    event.become_addition();
                    *row
                }
                Verdict::Unknown | Verdict::New(_) | Verdict::Duplicate => None,
            };
            if let Some(seq) = refers_to {
                event.refer_to(&Position { ledger: LedgerName::Events, shard, seq });
            }
            let place = match verdict {
                Verdict::Duplicate => continue,
                Verdict::Unknown => None,
                Verdict::New(place) | Verdict::Conflict(place, _) | Verdict::Addition(place, _) => Some(*place),
            };
            let row = Seq::new(filling.batch.events() as u64);
            let memory = known.and_then(|known| memory(keyring, sender, event, verdict, known, is_left, row));
            match filling.batch.push(event) {
                Ok(()) => {
                    if let Some(memories) = &mut filling.memories {
                        memories.extend(memory);
                    }
                }
                Err(AppendError::EntryTooLarge { .. }) => {
                    too_large = true;
                    filling.memories = None;
                    place.inspect(|place| self.pipeline.dedup().forget(filling.ticket, *place));
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            filling.places.extend(place.map(|place| (place, filling.batch.events() as u32 - 1)));
            filling.tally.events += 1;
            filling.tally.conflicts += u64::from(matches!(verdict, Verdict::Conflict(..)));
            if event.time(column::TIME).is_some_and(|time| time > latest) {
                metrics.future.inc();
            }
            if event.unknown_keys() > 0 {
                metrics.unknown_keys.inc_by(u64::from(event.unknown_keys()));
            }
            if event.redactions() > 0 {
                metrics.redactions.inc_by(event.redactions());
            }
        }
        match (filling.batch.events() > before, too_large) {
            (true, false) => filling.tally.accepted += 1,
            (false, false) => filling.tally.duplicates += 1,
            // The record is kept and counted as one that was not understood.
            (_, true) => {}
        }
        Ok(too_large)
    }
}

/// What the row of an event will say, as [`key`] reads it: an addition has an id of its own, and an event that is left alone of its
/// record has a body.
fn memory(
    keyring: &Keyring,
    sender: Sender<'_>,
    event: &Redacted,
    verdict: &Verdict,
    (mut key, mut body): (Key, Body),
    is_left: bool,
    row: Seq,
) -> Option<Memory> {
    if matches!(verdict, Verdict::Addition(..)) {
        key = key::key(keyring, sender, event)?;
    }
    if is_left {
        body = key::body(keyring, event);
    }
    Some(Memory { key, body, row, conflict: matches!(verdict, Verdict::Conflict(..)) })
}

impl Channel {
    fn sample(&self, pipeline: &Arc<Pipeline>, reason: &str, received: i64, raw: &[u8]) {
        self.samples.note(reason, received, raw, |line| pipeline.finisher.redact(line));
    }
}
