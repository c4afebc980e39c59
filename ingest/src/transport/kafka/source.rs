//! One partition that is read: takes its records, and writes its position into the groups that hold them.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::Message;

use super::context::Partition;
use super::place::{Latest, Notice, Place, Seen, Step, Track};
use crate::clock;
use crate::dialect::SKIP_TOMBSTONE;
use crate::event::Batch;
use crate::limits;
use crate::metrics::PartitionLag;
use crate::pipeline::{Claim, Intake, Pipeline, PipelineError, PositionWriter};
use crate::relay::Loss;

/// The feed that the transport itself reports for.
const SOURCE: &str = "kafka";
/// What a loss says that the broker deleted before it was read.
const DELETED: &str = "deleted_unread";

/// A partition's offset as the input of a group.
pub(super) struct Offset {
    key: String,
    latest: Latest,
    /// The position that was written last, and when.
    written: u64,
    since: Instant,
    /// The position must be durable even if nothing was recorded since the last one.
    pub force: bool,
    /// An input that says how many partitions the topic had when it was met; written with the first position.
    met: Option<(String, String)>,
}

impl Offset {
    /// An offset that is durable, as far as `written`.
    pub fn new(key: String, latest: Option<Seen>, written: u64) -> Self {
        let latest = Latest::of(latest);
        Self { key, latest, written, since: Instant::now(), force: false, met: None }
    }

    /// The topic was met for the first time: that becomes durable with the first position, at once.
    #[must_use]
    pub fn meeting(mut self, met: Option<(String, String)>, force: bool) -> Self {
        self.force = force;
        self.met = met;
        self
    }
}

impl PositionWriter for Offset {
    fn write(&mut self, position: u64, batch: &mut Batch) {
        let moved = position.abs_diff(self.written);
        let is_due = moved >= limits::KAFKA_PROGRESS_OFFSETS || self.since.elapsed() >= limits::KAFKA_PROGRESS_EVERY;
        // Records that were skipped may be read again after a crash, so they alone need no commit.
        if !self.force && (moved == 0 || (batch.events() == 0 && !is_due)) {
            return;
        }
        let place: Place = self.latest.place(position);
        if let Ok(value) = serde_json::to_vec(&place) {
            self.written = position;
            self.since = Instant::now();
            self.force = false;
            batch.input(self.key.clone(), value);
            if let Some((key, value)) = self.met.take() {
                batch.input(key, value);
            }
        }
    }
}

/// What came of a record.
pub(super) enum Took {
    /// It was taken, skipped, or known.
    Yes,
    /// It shows that the topic was deleted and made anew.
    Anew,
}

/// A partition that is ours, and nobody else's in this process.
pub(super) struct Held {
    pub partition: Partition,
    /// Its key in the ledger's inputs.
    pub key: String,
    /// Others may have it once nothing of it is on its way.
    pub _claim: Claim,
}

/// A partition that is read.
pub(super) struct Source {
    held: Held,
    pipeline: Arc<Pipeline>,
    intake: Intake<Offset>,
    track: Track,
    lag: PartitionLag,
    /// The end of what may be read of the partition, where it is known.
    end: u64,
    /// What was taken is not all appended.
    pub is_dirty: bool,
    /// The offset that was committed back last.
    committed: u64,
}

impl Source {
    /// Takes a partition up.
    pub fn new(
        held: Held,
        pipeline: Arc<Pipeline>,
        track: Track,
        end: u64,
        intake: Intake<Offset>,
        lag: PartitionLag,
    ) -> Self {
        Self { held, pipeline, intake, track, lag, end, is_dirty: true, committed: u64::MAX }
    }

    /// Which one it is.
    pub fn partition(&self) -> &Partition {
        &self.held.partition
    }

    /// Its key in the ledger's inputs.
    pub fn key(&self) -> &str {
        &self.held.key
    }

    /// Takes one record, and waits where the ledger must be waited for.
    pub async fn take<M: Message + ?Sized>(&mut self, message: &M) -> Result<Took, PipelineError> {
        let Ok(offset) = u64::try_from(message.offset()) else { return Ok(Took::Yes) };
        let record = Seen { offset, hash: self.hash(message) };
        match self.track.step(record) {
            Step::Known => return Ok(Took::Yes),
            Step::Anew => return Ok(Took::Anew),
            Step::Take => {}
        }
        let (position, received) = (self.track.next(), clock::now());
        self.intake.progress().latest.note(record);
        self.is_dirty = true;
        let Some(value) = message.payload() else {
            let key = message.key().unwrap_or_default();
            return self.intake.skip(SKIP_TOMBSTONE, key, received, position).await.map(|()| Took::Yes);
        };
        if value.len() > limits::LINE_BYTES_MAX {
            let kept = &value[..limits::LINE_BYTES_MAX];
            let reason = format!("the record has {} bytes, and {} were kept", value.len(), kept.len());
            return self.intake.keep(kept, &reason, received, position).await.map(|()| Took::Yes);
        }
        let seen = message.timestamp().to_millis().map(|millis| millis.saturating_mul(1_000));
        self.intake.record_seen(value, seen, received, position).await.map(|()| Took::Yes)
    }

    /// A keyed hash of what makes a record this one.
    fn hash<M: Message + ?Sized>(&self, message: &M) -> u64 {
        let of = |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| self.pipeline.file_hash(bytes)).to_be_bytes();
        let time = message.timestamp().to_millis().unwrap_or_default().to_be_bytes();
        self.pipeline.file_hash([time, of(message.key()), of(message.payload())].as_flattened())
    }

    /// Records that the broker deleted these offsets before they were read.
    pub async fn lose(&mut self, from: u64, to: u64) -> Result<(), PipelineError> {
        let (topic, number) = self.partition();
        let missing = to.saturating_sub(from);
        let record =
            serde_json::json!({"topic": topic, "partition": number, "from": from, "to": to, "missing": missing});
        let (received, record, target) = (clock::now(), record.to_string(), format!("{topic}/{number}"));
        let loss = Loss { source: SOURCE, action: DELETED, target: &target, record: &record };
        self.intake.progress().force = true;
        self.intake.pass(to);
        self.intake.lose(loss, None, received).await?;
        self.finish().await
    }

    /// The library was given everything before this offset.
    pub fn pass(&mut self, offset: u64) {
        if self.track.pass(offset) {
            self.intake.pass(offset);
            self.is_dirty = true;
        }
    }

    /// Sends what was taken, without waiting for its receipt.
    pub async fn append(&mut self) -> Result<(), PipelineError> {
        self.intake.append().await
    }

    /// Waits until what was taken is durable.
    pub async fn finish(&mut self) -> Result<(), PipelineError> {
        self.intake.finish().await?;
        self.is_dirty = false;
        Ok(())
    }

    /// Makes everything durable, the position itself included: the partition is given up.
    pub async fn give_up(&mut self) -> Result<(), PipelineError> {
        let position = self.intake.position();
        let progress = self.intake.progress();
        progress.force |= position != progress.written;
        self.finish().await
    }

    /// The offset that is to be committed back: what is durable, if that is news.
    pub fn uncommitted(&mut self) -> Option<u64> {
        let durable = self.intake.durable_position();
        (std::mem::replace(&mut self.committed, durable) != durable).then_some(durable)
    }

    /// What it reads next, for people, if there is more to read.
    pub fn behind(&self) -> Option<String> {
        let ((topic, number), next) = (self.partition(), self.track.next());
        (self.end > next).then(|| format!("{topic}/{number} from offset {next}"))
    }

    /// Shows how far it is behind.
    pub fn show(&mut self, end: Option<u64>) {
        self.end = end.unwrap_or(self.end);
        self.lag.set(self.end.saturating_sub(self.track.next()));
    }
}

/// What is told of a partition, for people.
pub(super) fn told((topic, number): &Partition, notice: Notice) -> String {
    match notice {
        Notice::Lost { from, to } => {
            let missing = to.saturating_sub(from);
            format!(
                "{topic}/{number}: the broker deleted {missing} offsets ({from} to {}) before they were read; \
                 keep records there for longer than this server may stand still",
                to.saturating_sub(1)
            )
        }
        Notice::Anew { next } => format!(
            "{topic}/{number}: the topic was deleted and made anew, or its log was cut: what stood before offset {next} is not \
             there any more; it is read from its beginning"
        ),
    }
}
