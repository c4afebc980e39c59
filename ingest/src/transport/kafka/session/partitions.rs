//! What a rebalance means: partitions are taken up where the ledger says that they were read to, and given up when that is durable.

use std::sync::Arc;
use std::time::Instant;

use operations::standing::State;
use rdkafka::consumer::Consumer;
use rdkafka::{Offset as At, TopicPartitionList};

use super::{Ended, Session, blocked};
use crate::limits;
use crate::pipeline::{Claim, Intake, Patience};
use crate::transport::kafka::Reader;
use crate::transport::kafka::context::{Partition, Rebalance, assign, list, unassign};
use crate::transport::kafka::place::{Notice, Origin, Place, Resumed, resume};
use crate::transport::kafka::source::{Held, Offset, Source, told};

/// What stands for the cluster in keys if its brokers do not tell its id: those before 0.10.1.
const UNKNOWN_CLUSTER: &str = "-";

/// Partitions that are ours and wait for another reader's end, or for an answer of their broker.
pub(super) struct Pending {
    partitions: Vec<Partition>,
    since: Instant,
    /// When to try again.
    at: Instant,
}

impl Session<'_> {
    /// Answers what the group wants, in order. The library goes on with the group once a change is answered.
    pub(super) async fn answer(&mut self) -> Result<(), Ended> {
        loop {
            if let Some(pending) = self.pending.take_if(|pending| Instant::now() >= pending.at) {
                self.take_up(pending).await?;
            }
            if self.pending.is_some() {
                return Ok(());
            }
            let Some(change) = self.line.consumer.client().context().next() else { return Ok(()) };
            let now = Instant::now();
            match change {
                Rebalance::Assign(partitions) => self.take_up(Pending { partitions, since: now, at: now }).await?,
                Rebalance::Revoke(partitions) => self.give_up(&partitions).await?,
            }
        }
    }

    /// Takes partitions up, all or none; what cannot be taken up yet is tried again.
    async fn take_up(&mut self, pending: Pending) -> Result<(), Ended> {
        if self.sources.len() + pending.partitions.len() > limits::KAFKA_PARTITIONS_MAX {
            let max = limits::KAFKA_PARTITIONS_MAX;
            let message =
                format!("more than {max} partitions are assigned; configure another collector with the same group");
            return Err(Ended::Trouble((State::Parked, message)));
        }
        let keys: Vec<String> = pending.partitions.iter().map(|partition| self.key(partition)).collect();
        let Some(claims) = self.reader.pipeline.claim(&keys) else { return self.wait_for_others(pending) };
        let mut list = TopicPartitionList::new();
        let mut opened = Vec::new();
        for ((partition, key), claim) in pending.partitions.iter().zip(keys).zip(claims) {
            match self.open(partition, key, claim) {
                Ok((source, resumed)) => {
                    let from = i64::try_from(resumed.from).unwrap_or(i64::MAX);
                    list.add_partition_offset(&partition.0, partition.1, At::Offset(from))
                        .map_err(|error| blocked(&error))?;
                    opened.push((source, resumed.notice));
                }
                Err(error) => {
                    self.trouble.get_or_insert((State::Blocked, format!("{}/{}: {error}", partition.0, partition.1)));
                    self.pending = Some(Pending { at: Instant::now() + limits::ERROR_PAUSE, ..pending });
                    return Ok(());
                }
            }
        }
        for (mut source, notice) in opened {
            if let Some(notice) = notice {
                self.reader.note(told(source.partition(), notice));
            }
            if let Some(Notice::Lost { from, to }) = notice {
                self.line.wait(source.lose(from, to)).await?;
            }
            self.reader.anew.remove(source.key());
            self.sources.push(source);
        }
        assign(&self.line.consumer, &list).map_err(|error| blocked(&error))?;
        self.trouble = None;
        if !list.elements().is_empty() {
            self.due.topics = self.due.topics.or((!self.missing.is_empty()).then(Instant::now));
        }
        Ok(())
    }

    /// Another collector of this process still has one of the partitions. It gives them up when what it read is durable.
    fn wait_for_others(&mut self, pending: Pending) -> Result<(), Ended> {
        if pending.since.elapsed() >= limits::KAFKA_CLAIM_PATIENCE {
            let message =
                "another collector of this server does not give a partition up; is its `group` meant to be the same?";
            return Err(Ended::Trouble((State::Blocked, message.to_owned())));
        }
        self.pending = Some(pending);
        Ok(())
    }

    /// Looks where a partition was read to and what of it is there, and gets ready to read it.
    fn open(
        &self,
        partition: &Partition,
        key: String,
        claim: Claim,
    ) -> Result<(Source, Resumed), rdkafka::error::KafkaError> {
        let (topic, number) = (partition.0.as_str(), partition.1);
        let (low, high) = self.line.consumer.fetch_watermarks(topic, number, limits::KAFKA_ANSWER)?;
        let (low, high) = (u64::try_from(low).unwrap_or_default(), u64::try_from(high).unwrap_or_default());
        let Reader { positions, anew, channel, pipeline, principal, stop, .. } = &*self.reader;
        let stored = positions.input(key.as_bytes()).and_then(|value| serde_json::from_slice::<Place>(&value).ok());
        let known = stored.filter(|_| !anew.contains(&key));
        let (origin, met) = self.origin(partition, stored.is_some())?;
        let resumed = resume(known, low, high, origin);
        let is_other = known.is_none() || matches!(resumed.notice, Some(Notice::Anew { .. }));
        let last = known.filter(|_| !is_other).and_then(|place| place.last);
        let next = resumed.track.next();
        let progress = Offset::new(key.clone(), last, next).meeting(met, is_other);
        let patience = Patience::Until(stop.clone());
        let intake =
            Intake::new(Arc::clone(pipeline), Arc::clone(channel), Arc::clone(principal), patience, progress, next);
        let lag = channel.metrics().partition_lag(&Arc::from(topic), number);
        let held = Held { partition: partition.clone(), key, _claim: claim };
        let mut source = Source::new(held, Arc::clone(pipeline), resumed.track, high, intake, lag);
        source.show(None);
        Ok((source, resumed))
    }

    /// Where a partition begins of which the ledger knows nothing: where the configuration says, if the topic had it when it was met
    /// for the first time. One that was added later is read from its beginning.
    fn origin(
        &self,
        (topic, number): &Partition,
        is_known: bool,
    ) -> Result<(Origin, Option<(String, String)>), rdkafka::error::KafkaError> {
        if is_known || self.reader.settings.start == Origin::Earliest {
            return Ok((Origin::Earliest, None));
        }
        let key = self.topic_key(topic);
        let met = self
            .reader
            .positions
            .input(key.as_bytes())
            .and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok());
        let count: i32 = if let Some(count) = met {
            count
        } else {
            let metadata = self.line.consumer.fetch_metadata(Some(topic), limits::KAFKA_ANSWER)?;
            let of_topic = metadata.topics().iter().find(|of| of.name() == topic);
            of_topic.map_or(0, |of| of.partitions().len() as i32).max(number + 1)
        };
        let origin = if *number < count { Origin::Latest } else { Origin::Earliest };
        Ok((origin, met.is_none().then(|| (key, count.to_string()))))
    }

    /// Gives partitions up, when what was read of them is durable.
    async fn give_up(&mut self, partitions: &[Partition]) -> Result<(), Ended> {
        for source in self.sources.iter_mut().filter(|source| partitions.contains(source.partition())) {
            self.line.wait(source.give_up()).await?;
        }
        self.commit();
        // The library stops fetching before others are told that they may begin.
        let answered = unassign(&self.line.consumer, &list(partitions));
        self.sources.retain(|source| !partitions.contains(source.partition()));
        answered.map_err(|error| blocked(&error))
    }

    /// A topic of the group in the ledger's inputs.
    fn topic_key(&self, topic: &str) -> String {
        let cluster = self.cluster.as_deref().unwrap_or(UNKNOWN_CLUSTER);
        format!("kafka/{cluster}/{}/{topic}", self.reader.settings.group)
    }

    /// A partition in the ledger's inputs. Whoever assigned it told the id of the cluster before.
    fn key(&mut self, (topic, number): &Partition) -> String {
        if self.cluster.is_none() {
            self.cluster = self.line.consumer.client().fetch_cluster_id(limits::KAFKA_ANSWER);
        }
        format!("{}/{number}", self.topic_key(topic))
    }
}
