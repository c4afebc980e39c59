//! One source that is being read: takes its records one by one, fills groups, appends them in order and counts.
//!
//! At most one group is on its way while the next one is filled. So the group after one that was refused is never
//! recorded, and the source's position in the ledger never runs past a hole.

mod carry;
mod pass;
mod send;
mod take;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use operations::access::{Principal, Trust};
use prometheus_client::metrics::counter::Counter;
use tokio_util::sync::CancellationToken;

use super::{Channel, End, Pipeline, PipelineError};
use crate::dedup::{Body, Key, Locator, Memory, Ticket};
use crate::event::{Batch, Draft, Drafts, Redacted};
use crate::frame::Framing;
use crate::gather::{Gathered, Gatherer};
use crate::lenient;
use crate::limits;
use crate::relay::Piece;
use crate::unwrap::{Joined, Joiner};
use carry::Carry;
pub use carry::Lineage;
use pass::Passing;
use send::Sent;
pub(super) use take::CONFLICT;
use take::{Prepared, Taken, Verdict};

/// Writes a source's position into the batch that holds its records, so that both become durable together.
pub trait PositionWriter: Send + 'static {
    /// The source was read up to `position`. Sets the batch's inputs, or leaves it as it is if the position need not be
    /// durable now.
    fn write(&mut self, position: u64, batch: &mut Batch);
}

/// A source that cannot be read again.
impl PositionWriter for () {
    fn write(&mut self, _position: u64, _batch: &mut Batch) {}
}

/// How long a source waits for room in the ledger's queue.
#[derive(Debug, Clone)]
pub enum Patience {
    /// So long, then [`PipelineError::Busy`].
    For(Duration),
    /// Until intake is stopped.
    Until(CancellationToken),
}

impl Patience {
    /// Whether nobody else learns that it waits.
    fn is_long(&self) -> bool {
        matches!(self, Self::Until(_))
    }
}

/// What became of records. Each record is counted in exactly one of `accepted`, `duplicates`, `skipped` and `unparsed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records of which at least one event was recorded.
    pub accepted: u64,
    /// Records whose events are all in the ledger already.
    pub duplicates: u64,
    /// Records that are no events.
    pub skipped: u64,
    /// Records that were kept without being understood.
    pub unparsed: u64,
    /// Events that were recorded as conflicts.
    pub conflicts: u64,
    /// Events that were recorded, those of kind `unparsed` included.
    pub events: u64,
}

impl Tally {
    /// Number of records.
    pub fn records(&self) -> u64 {
        self.accepted + self.duplicates + self.skipped + self.unparsed
    }

    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.skipped += other.skipped;
        self.unparsed += other.unparsed;
        self.conflicts += other.conflicts;
        self.events += other.events;
    }
}

/// A batch that is being filled.
#[derive(Debug)]
struct Filling {
    batch: Batch,
    ticket: Ticket,
    /// What is remembered of its entries, with the number of each.
    places: Vec<(Locator, u32)>,
    /// The same for the files of keys, with the number of each for a row; `None` where the ledger must be asked.
    memories: Option<Vec<Memory>>,
    tally: Tally,
}

impl Filling {
    fn new(ticket: Ticket) -> Self {
        Self {
            batch: Batch::default(),
            ticket,
            places: Vec::new(),
            memories: Some(Vec::new()),
            tally: Tally::default(),
        }
    }
}

/// One source that is being read.
///
/// Drop it only after [`Intake::finish`]: what was not appended is not recorded, and what is on its way is recorded
/// without anybody being told.
pub struct Intake<P> {
    pipeline: Arc<Pipeline>,
    channel: Arc<Channel>,
    principal: Arc<Principal>,
    patience: Patience,
    progress: P,
    filling: Filling,
    sent: Option<Sent>,
    position: u64,
    /// The source's position after the last record that it gave, taken or held.
    read: u64,
    joiner: Joiner,
    /// The source's position before the first part that the joiner holds.
    parts_since: Option<u64>,
    gatherer: Gatherer,
    carry: Carry,
    /// Set where another machine records.
    passing: Option<Passing>,
    /// Why the record that is being taken was not understood.
    reason: Option<String>,
    durable: Tally,
    durable_position: u64,
    // Memory that is reused from record to record.
    drafts: Drafts,
    prepared: Prepared,
    spare: Draft,
    spare_event: Redacted,
    verdicts: Vec<Verdict>,
    keys: Vec<Option<(Key, Body)>>,
    skipped: HashMap<&'static str, Counter>,
}

impl<P: PositionWriter> Intake<P> {
    /// Begins to read a source whose records up to `position` are durable.
    pub fn new(
        pipeline: Arc<Pipeline>,
        channel: Arc<Channel>,
        principal: Arc<Principal>,
        patience: Patience,
        progress: P,
        position: u64,
    ) -> Self {
        let ticket = pipeline.dedup().open();
        let passing = matches!(pipeline.end, End::Spool(_)).then(Passing::default);
        Self {
            pipeline,
            channel,
            principal,
            patience,
            progress,
            filling: Filling::new(ticket),
            sent: None,
            position,
            read: position,
            joiner: Joiner::default(),
            parts_since: None,
            gatherer: Gatherer::default(),
            carry: Carry::default(),
            passing,
            reason: None,
            durable: Tally::default(),
            durable_position: position,
            drafts: Drafts::new(),
            prepared: Prepared::default(),
            spare: Draft::default(),
            spare_event: Redacted::default(),
            verdicts: Vec::new(),
            keys: Vec::new(),
            skipped: HashMap::new(),
        }
    }

    /// Goes on with the session that was told last in one of these lineages, the first first, if the dialect's lines name it only
    /// where it starts.
    #[must_use]
    pub fn carrying(mut self, lineages: &[Lineage<'_>]) -> Self {
        self.carry_on(lineages);
        self
    }

    /// As [`Intake::carrying`], from the next record on; what was taken is durable.
    pub fn carry_on(&mut self, lineages: &[Lineage<'_>]) {
        if self.channel.dialect().names_sessions_once() {
            self.carry = Carry::of(&self.pipeline, &self.channel, &self.principal.token, lineages);
            self.passing.iter_mut().for_each(|passing| passing.carry(lineages));
        }
    }

    /// The collector.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// What became of the records that are durable.
    pub fn tally(&self) -> Tally {
        self.durable
    }

    /// The source's position after the last record that is durable.
    pub fn durable_position(&self) -> u64 {
        self.durable_position
    }

    /// The source's position after the last record that was taken.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How the position is written.
    pub fn progress(&mut self) -> &mut P {
        &mut self.progress
    }

    /// Takes one record; `position` is the source's position after it, `received` when its bytes arrived.
    ///
    /// A part of a line that a container's runtime split, and a line of a record of several lines, is held until the end comes: until
    /// then the position stays before it, so that it is read again after a crash. Records that come between are then read again too.
    pub async fn record(&mut self, raw: &[u8], received: i64, position: u64) -> Result<(), PipelineError> {
        self.record_seen(raw, None, received, position).await
    }

    /// As [`Intake::record`], of a record for which whoever carried it says when it was seen.
    pub async fn record_seen(
        &mut self,
        raw: &[u8],
        seen: Option<i64>,
        received: i64,
        position: u64,
    ) -> Result<(), PipelineError> {
        let before = std::mem::replace(&mut self.read, position);
        // What is no line has neither a mark of its encoding nor a line around it.
        if self.channel.dialect().encoding().framing() == Framing::Whole {
            let seen = self.believed(seen, received);
            return self.line(raw, seen, received, position).await;
        }
        let raw = raw.strip_prefix(lenient::BYTE_ORDER_MARK).unwrap_or(raw);
        let joined = self.joiner.take(raw);
        self.joined(joined, seen, received, before).await
    }

    /// Skips a record that no dialect can mean anything by.
    pub async fn skip(
        &mut self,
        reason: &'static str,
        raw: &[u8],
        received: i64,
        position: u64,
    ) -> Result<(), PipelineError> {
        self.read = position;
        let position = self.held();
        self.skipped(reason, raw, received);
        self.counted(raw, received, position).await
    }

    /// The source goes on at a later position, and there is nothing before it.
    pub fn pass(&mut self, position: u64) {
        self.read = self.read.max(position);
        // What is held is read again from where it stands.
        self.position = self.position.max(self.held());
    }

    /// Takes what is held, whose end will not come. The source was read up to `position`.
    pub async fn give_up(&mut self, received: i64, position: u64) -> Result<(), PipelineError> {
        let before = std::mem::replace(&mut self.read, position);
        while let Some(joined) = self.joiner.give_up() {
            self.joined(joined, None, received, before).await?;
        }
        self.end_begun().await
    }

    /// Takes the records of several lines that have begun: the source is silent, so they have ended.
    pub async fn end_begun(&mut self) -> Result<(), PipelineError> {
        self.gatherer.end_all();
        self.take_gathered().await
    }

    /// Whether a record of several lines has begun.
    pub fn is_gathering(&self) -> bool {
        self.gatherer.is_holding()
    }

    /// When a record was seen, as far as others are believed. Who may say when others did something may say it around a record
    /// too; nobody may say that it was later.
    fn believed(&self, seen: Option<i64>, received: i64) -> i64 {
        seen.filter(|seen| self.principal.trust >= Trust::Host && *seen <= received).unwrap_or(received)
    }

    /// Takes what the joiner made of a record before which the source's position was `before`.
    async fn joined(
        &mut self,
        joined: Joined<'_>,
        seen: Option<i64>,
        received: i64,
        before: u64,
    ) -> Result<(), PipelineError> {
        let start = self.parts_since.unwrap_or(before);
        self.parts_since = self.joiner.is_holding().then_some(start);
        match joined {
            Joined::Held => Ok(()),
            Joined::Line(line, time) => {
                let seen = self.believed(time.or(seen), received);
                let Some(reader) = self.channel.dialect().line_reader() else {
                    let position = self.held();
                    return self.line(&line, seen, received, position).await;
                };
                let of = reader(&line);
                let gathered = Gathered { text: line.to_vec(), seen, received };
                self.gatherer.take(of, gathered, start, self.read);
                self.take_gathered().await
            }
            Joined::TooLong(kept, bytes) => {
                let reason = format!("the line has {bytes} bytes, and {} were kept", kept.len());
                self.keep(&kept, &reason, received, self.read).await
            }
        }
    }

    /// Takes the records of several lines that have ended.
    async fn take_gathered(&mut self) -> Result<(), PipelineError> {
        while let Some(Gathered { text, seen, received }) = self.gatherer.pop() {
            let position = self.held();
            self.line(&text, seen, received, position).await?;
        }
        Ok(())
    }

    /// The source's position before everything that is held.
    fn held(&mut self) -> u64 {
        let position = self.gatherer.position(self.read);
        self.parts_since.map_or(position, |since| since.min(position))
    }

    /// Takes one line that was seen at that time and arrived at another.
    async fn line(&mut self, raw: &[u8], seen: i64, received: i64, position: u64) -> Result<(), PipelineError> {
        if self.pass_on(&Piece::Record(seen, raw)) {
            return self.counted(raw, received, position).await;
        }
        // A record that has to wait is not decoded again.
        let mut is_left = self.prepare(raw, seen)?;
        while is_left {
            match self.take(raw, seen)? {
                Taken::Yes => is_left = false,
                // What was taken so far must not wait for a group that may itself wait for this one.
                Taken::Full => self.finish().await?,
                Taken::Wait(mut wait) => {
                    self.finish().await?;
                    // The sender goes when the other group is settled: that is the change.
                    let _ = wait.changed().await;
                }
            }
        }
        self.counted(raw, received, position).await
    }

    /// Keeps a record as it is, as kind `unparsed`, with the reason for people.
    pub async fn keep(&mut self, raw: &[u8], reason: &str, received: i64, position: u64) -> Result<(), PipelineError> {
        self.read = position;
        let position = self.held();
        if !self.pass_on(&Piece::Kept(received, reason, raw)) {
            self.unparsed(raw, reason, received)?;
        }
        self.counted(raw, received, position).await
    }

    /// Goes on at another position, when everything that was taken is durable.
    pub fn jump(&mut self, position: u64) {
        (self.joiner, self.parts_since, self.gatherer) = (Joiner::default(), None, Gatherer::default());
        self.read = position;
        self.position = position;
        self.durable_position = position;
    }

    /// Counts records that the source's position says are durable, and moves over them.
    pub fn known(&mut self, records: u64) {
        self.filling.tally.duplicates += records;
        self.channel.metrics.records.inc_by(records);
    }

    async fn counted(&mut self, raw: &[u8], received: i64, position: u64) -> Result<(), PipelineError> {
        self.channel.note(received, self.reason.take().as_deref());
        self.channel.metrics.records.inc();
        self.channel.metrics.bytes.inc_by(raw.len() as u64);
        self.position = position;
        let passing = self.passing.as_ref().map_or(0, Passing::size);
        let (size, entries) = (self.filling.batch.size() + passing, self.filling.batch.events());
        let full = size >= limits::GROUP_BYTES_MAX || entries * 2 >= ledger::limits::GROUP_ENTRIES_MAX;
        if full || (size >= limits::GROUP_BYTES_MIN && self.is_idle()?) {
            return self.append().await;
        }
        Ok(())
    }
}
