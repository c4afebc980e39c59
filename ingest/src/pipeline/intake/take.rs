//! From a record's bytes to entries in the group: decode, stamp, enrich, finish, decide.

use std::sync::Arc;

use ledger::column::handle::TextList;
use ledger::events::column;
use ledger::{AppendError, Entry, LedgerName, Position};
use operations::access::Trust;
use tokio::sync::watch;

use super::{Intake, PositionWriter};
use crate::bounds;
use crate::dedup::{Body, Decision, Locator};
use crate::dialect::{self, Outcome};
use crate::lenient::Mended;
use crate::limits;
use crate::pipeline::identity::{stamp, told};
use crate::pipeline::{Channel, Pipeline, PipelineError, key};

/// The mark of an event that came with the key of another one and says something else.
pub(in crate::pipeline) const CONFLICT: &str = "conflict";
/// The kind of an event that adds to an earlier record of the same model call.
const ADDITION: &str = "model.call.more";

/// What came of the attempt to take a record.
pub(super) enum Taken {
    Yes,
    /// Its events do not fit the group any more.
    Full,
    /// Another source's group holds one of its keys: wait until that group is settled and try again.
    Wait(watch::Receiver<()>),
}

/// What is to be done with a draft.
pub(super) enum Verdict {
    /// Append it; it has no key.
    Unknown,
    /// Append it.
    New(Locator),
    /// Append it as a conflict with this row.
    Conflict(Locator, Option<u64>),
    /// Append it as an addition to this row, which has the same natural id and says less.
    Addition(Locator, Option<u64>),
    /// Leave it.
    Duplicate,
}

impl<P: PositionWriter> Intake<P> {
    /// Takes a record, or leaves everything as it was.
    pub(super) fn take(&mut self, raw: &[u8], received: i64) -> Result<Taken, PipelineError> {
        let (outcome, mended) = dialect::decode(self.channel.dialect, raw, received, &mut self.drafts);
        match outcome {
            Outcome::Events if self.drafts.len() > limits::RECORD_EVENTS_MAX => {
                let reason = format!("the record holds more than {} events", limits::RECORD_EVENTS_MAX);
                self.unparsed(raw, &reason, received)?;
            }
            Outcome::Events => return self.take_events(raw, mended.as_ref(), received),
            Outcome::Skip(reason) => {
                self.filling.tally.skipped += 1;
                let metrics = &self.channel.metrics;
                self.skipped.entry(reason).or_insert_with(|| metrics.skipped(reason)).inc();
                self.channel.sample(&self.pipeline, reason, received, raw);
            }
            Outcome::Unparsed(reason) => self.unparsed(raw, &reason, received)?,
        }
        Ok(Taken::Yes)
    }

    /// Keeps a record as it is.
    pub(super) fn unparsed(&mut self, raw: &[u8], reason: &str, received: i64) -> Result<(), PipelineError> {
        self.spare.clear();
        stamp(&mut self.spare, &self.channel, &self.principal, received);
        let marks = self.spare.marks.iter().map(String::as_str);
        self.spare.entry.set_list(column::MARKS, marks);
        self.pipeline.finisher.unparsed(raw, &mut self.spare.entry, reason);
        // A reason quotes names from the record; in the entry it is redacted.
        let reason = self.spare.entry.text(column::ACTION).unwrap_or_default().to_owned();
        self.filling.group.push(&mut self.spare.entry)?;
        self.filling.tally.unparsed += 1;
        self.filling.tally.events += 1;
        self.channel.metrics.unparsed.inc();
        self.channel.sample(&self.pipeline, &reason, received, raw);
        self.reason = Some(reason);
        Ok(())
    }

    fn take_events(&mut self, raw: &[u8], mended: Option<&Mended>, received: i64) -> Result<Taken, PipelineError> {
        if self.filling.group.entries() + self.drafts.len() > ledger::limits::GROUP_ENTRIES_MAX {
            return Ok(Taken::Full);
        }
        // What was mended in place leaves every span where it was: then the record keeps its own bytes.
        let text = mended.filter(|mended| !mended.in_place).map_or(raw, |mended| mended.text.as_bytes());
        self.carry.recall(&self.pipeline);
        for (at, draft) in self.drafts.iter_mut().enumerate() {
            bounds::enforce(draft, received);
            self.carry.complete(draft, |session| self.pipeline.finisher.redact(session) == session);
            let mut enrichment = self.pipeline.enrichment();
            if told(&self.channel, &self.principal) >= Trust::Gateway {
                enrichment.meet(draft);
            }
            stamp(draft, &self.channel, &self.principal, received);
            enrichment.complete(&self.principal.token, draft);
            drop(enrichment);
            draft
                .marks
                .extend(mended.iter().flat_map(|mended| &mended.replaced).map(|name| format!("replaced:{name}")));
            self.pipeline.finisher.finish(text, draft, at == 0);
            // The bytes as they came are kept beside what was made of them, unless they hold what was redacted.
            if at == 0 && text.as_ptr() != raw.as_ptr() && draft.entry.value(column::REDACTIONS.id()).is_none() {
                draft.entry.set_bytes(column::CONTENT_RAW, raw);
            }
        }
        if let Some(wait) = self.decide() {
            return Ok(Taken::Wait(wait));
        }
        self.move_record();
        self.carry.write(&mut self.filling.group);
        if self.push(received)? {
            self.unparsed(raw, "an event of the record is larger than the ledger takes", received)?;
        }
        Ok(Taken::Yes)
    }

    /// Decides about each draft. On a wait nothing of the record stays remembered.
    fn decide(&mut self) -> Option<watch::Receiver<()>> {
        self.verdicts.clear();
        let (ticket, own) = (self.filling.ticket, self.sent.as_ref().map(|sent| sent.ticket));
        let many = self.drafts.len() > 1;
        let keyring = &self.pipeline.keyring;
        let mut dedup = self.pipeline.dedup();
        for draft in self.drafts.iter() {
            let Some(key) = key::key(keyring, &self.principal.token, &draft.entry) else {
                self.verdicts.push(Verdict::Unknown);
                continue;
            };
            let body = if many { Body::UNKNOWN } else { key::body(keyring, &draft.entry) };
            let own = own.as_slice();
            let mut decision = dedup.decide(key, body, ticket, own);
            let mut adds_to = None;
            if draft.adds && matches!(decision, Decision::Duplicate) {
                let id = addition_id(&draft.entry);
                adds_to = Some(dedup.row(key));
                let key = key::addition(keyring, &self.principal.token, &draft.entry, &id);
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

    /// The record stands in the first draft. Where that one is a duplicate and another one is not, the record moves to
    /// the first event that is recorded.
    fn move_record(&mut self) {
        let Some(to) = self.verdicts.iter().position(|verdict| !matches!(verdict, Verdict::Duplicate)) else { return };
        if to == 0 {
            return;
        }
        let mut drafts = self.drafts.iter_mut();
        if let (Some(first), Some(other)) = (drafts.next(), drafts.nth(to - 1)) {
            move_columns(&first.entry, &mut other.entry);
        }
    }

    /// Puts the drafts that are to be recorded into the group; says whether one was too large for that.
    fn push(&mut self, received: i64) -> Result<bool, PipelineError> {
        let (metrics, filling) = (&self.channel.metrics, &mut self.filling);
        let (before, mut too_large) = (filling.group.entries(), false);
        let latest = received.saturating_add(limits::CLOCK_SKEW_MAX.as_micros() as i64);
        for (draft, verdict) in self.drafts.iter_mut().zip(&self.verdicts) {
            let entry = &mut draft.entry;
            let refers_to = match verdict {
                Verdict::Conflict(_, row) => {
                    mark(entry, CONFLICT);
                    *row
                }
                Verdict::Addition(_, row) => {
                    entry.set_text(column::SOURCE_ID, &addition_id(entry));
                    entry.set_text(column::KIND, ADDITION);
                    *row
                }
                Verdict::Unknown | Verdict::New(_) | Verdict::Duplicate => None,
            };
            if let Some(seq) = refers_to {
                let position = Position { ledger: LedgerName::Events, shard: self.pipeline.ledger.shard(), seq };
                entry.set_text(column::REFERS_TO, &position.to_string());
            }
            let place = match verdict {
                Verdict::Duplicate => continue,
                Verdict::Unknown => None,
                Verdict::New(place) | Verdict::Conflict(place, _) | Verdict::Addition(place, _) => Some(*place),
            };
            match filling.group.push(entry) {
                Ok(()) => {}
                Err(AppendError::EntryTooLarge { .. }) => {
                    too_large = true;
                    place.inspect(|place| self.pipeline.dedup().forget(filling.ticket, *place));
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            filling.places.extend(place.map(|place| (place, filling.group.entries() as u32 - 1)));
            filling.tally.events += 1;
            filling.tally.conflicts += u64::from(matches!(verdict, Verdict::Conflict(..)));
            if entry.time(column::TIME).is_some_and(|time| time > latest) {
                metrics.future.inc();
            }
            if draft.unknown_keys > 0 {
                metrics.unknown_keys.inc_by(u64::from(draft.unknown_keys));
            }
            let redactions = list(&draft.entry, column::REDACTIONS).count() as u64;
            if redactions > 0 {
                metrics.redactions.inc_by(redactions);
            }
        }
        match (filling.group.entries() > before, too_large) {
            (true, false) => filling.tally.accepted += 1,
            (false, false) => filling.tally.duplicates += 1,
            // The record is kept and counted as one that was not understood.
            (_, true) => {}
        }
        Ok(too_large)
    }
}

impl Channel {
    fn sample(&self, pipeline: &Arc<Pipeline>, reason: &str, received: i64, raw: &[u8]) {
        self.samples.note(reason, received, raw, |line| pipeline.finisher.redact(line));
    }
}

/// The natural id of what a record adds to the earlier one.
fn addition_id(entry: &Entry) -> String {
    [entry.text(column::SOURCE_ID).unwrap_or_default(), "more"].join("/")
}

/// Moves the columns that hold a record and what was cut out of it.
fn move_columns(from: &Entry, to: &mut Entry) {
    to.set_text_if(column::RECORD, from.text(column::RECORD));
    to.set_text_if(column::CONTENT, from.text(column::CONTENT));
    for column in [column::CUTS, column::CONTENT_HASH, column::CONTENT_RAW] {
        if let Some(value) = from.value(column.id()) {
            to.set_bytes(column, value);
        }
    }
    if let Some(len) = from.integer(column::CONTENT_LEN) {
        to.set_integer(column::CONTENT_LEN, len);
    }
    to.set_list(column::REDACTIONS, list(from, column::REDACTIONS).filter_map(|text| std::str::from_utf8(text).ok()));
}

/// Adds a mark to those that an entry has.
fn mark(entry: &mut Entry, word: &str) {
    let marks: Vec<String> =
        list(entry, column::MARKS).filter_map(|text| std::str::from_utf8(text).ok()).map(str::to_owned).collect();
    entry.set_list(column::MARKS, marks.iter().map(String::as_str).chain([word]));
}

/// The texts of a list column of an entry.
fn list(entry: &Entry, column: TextList) -> impl Iterator<Item = &[u8]> {
    let mut rest = entry.value(column.id()).unwrap_or_default();
    std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (text, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        rest = after;
        Some(text)
    })
}
