//! The newest checkpoint of a stream, read from the compacted topic as a consumer of committed transactions sees it.
//!
//! The topic is shared, and a transaction of another stream that is open hides what was committed behind it. So the end of the topic is
//! taken first, and reading waits until everything before that end is decided.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};

use super::Shared;
use crate::connections::SendError;
use crate::limits::KAFKA_CHECKPOINT_TAIL;

/// How long one look waits.
pub const LOOK: Duration = Duration::from_millis(50);

/// The value of the newest checkpoint with this key; `None` if there is none.
pub fn newest(shared: &Shared, key: &str) -> Result<Option<Vec<u8>>, SendError> {
    let reader = Reader::of(shared, &shared.cluster.checkpoint_topic)?;
    reader.newest(key).map_err(|reason| SendError::NotSent(format!("the checkpoint cannot be read: {reason}")))
}

/// Reads a topic as a consumer of committed transactions.
pub struct Reader<'a> {
    topic: &'a str,
    config: ClientConfig,
    group: String,
    deadline: Instant,
}

/// Where each partition begins and ends.
pub type Ends = BTreeMap<i32, (i64, i64)>;

impl<'a> Reader<'a> {
    /// A reader of this topic, which has the time of one send.
    pub fn of(shared: &Shared, topic: &'a str) -> Result<Self, SendError> {
        let deadline = Instant::now() + shared.reach.timeout;
        Ok(Self { topic, config: shared.client()?, group: shared.name(), deadline })
    }
}

impl Reader<'_> {
    fn newest(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let (committed, ends) = self.decided()?;
        // Streams write often, so theirs is near the end. Where it is not, everything is read.
        let tail = ends.iter().map(|(partition, (begin, end))| (*partition, (*begin).max(end - KAFKA_CHECKPOINT_TAIL)));
        if let Some(found) = self.read(&committed, key, &tail.collect())? {
            return Ok(Some(found));
        }
        self.read(&committed, key, &ends.iter().map(|(partition, (begin, _))| (*partition, *begin)).collect())
    }

    /// A consumer of what is committed, and the ends that the topic has now, once everything before them is decided.
    pub fn decided(&self) -> Result<(BaseConsumer, Ends), String> {
        let any = self.consumer("read_uncommitted")?;
        let committed = self.consumer("read_committed")?;
        let ends = self.ends(&any)?;
        for (partition, (_, end)) in &ends {
            while self.watermarks(&committed, *partition)?.1 < *end {
                self.hurry()?;
                std::thread::sleep(LOOK);
            }
        }
        Ok((committed, ends))
    }

    /// A consumer of the topic.
    pub fn consumer(&self, isolation: &str) -> Result<BaseConsumer, String> {
        let mut config = self.config.clone();
        // The library wants a group, which is never joined.
        config.set("group.id", &self.group).set("enable.auto.commit", "false").set("isolation.level", isolation);
        config.set("enable.partition.eof", "true").set("auto.offset.reset", "error").set("fetch.wait.max.ms", "50");
        config.create().map_err(|error| error.to_string())
    }

    fn ends(&self, consumer: &BaseConsumer) -> Result<Ends, String> {
        let metadata = consumer.fetch_metadata(Some(self.topic), self.rest()?).map_err(|error| error.to_string())?;
        let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id);
        partitions.map(|partition| Ok((partition, self.watermarks(consumer, partition)?))).collect()
    }

    fn watermarks(&self, consumer: &BaseConsumer, partition: i32) -> Result<(i64, i64), String> {
        consumer.fetch_watermarks(self.topic, partition, self.rest()?).map_err(|error| error.to_string())
    }

    /// The newest value with this key from these offsets on.
    fn read(&self, consumer: &BaseConsumer, key: &str, from: &BTreeMap<i32, i64>) -> Result<Option<Vec<u8>>, String> {
        self.assign(consumer, from)?;
        let mut open: Vec<i32> = from.keys().copied().collect();
        let mut newest: Option<(i64, Vec<u8>)> = None;
        while !open.is_empty() {
            self.hurry()?;
            match consumer.poll(LOOK) {
                Some(Ok(message)) if message.key() == Some(key.as_bytes()) => {
                    // A key has one partition, unless somebody added partitions meanwhile.
                    let time = message.timestamp().to_millis().unwrap_or_default();
                    if newest.as_ref().is_none_or(|(before, _)| time >= *before) {
                        newest = message.payload().map(|value| (time, value.to_vec()));
                    }
                }
                None | Some(Ok(_)) => {}
                Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|other| *other != partition),
                Some(Err(error)) => return Err(error.to_string()),
            }
        }
        Ok(newest.map(|(_, value)| value))
    }

    /// Has the consumer read from these offsets on.
    pub fn assign(&self, consumer: &BaseConsumer, from: &BTreeMap<i32, i64>) -> Result<(), String> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in from {
            list.add_partition_offset(self.topic, *partition, Offset::Offset(*offset))
                .map_err(|error| error.to_string())?;
        }
        consumer.assign(&list).map_err(|error| error.to_string())
    }

    fn hurry(&self) -> Result<(), String> {
        self.rest().map(|_| ())
    }

    fn rest(&self) -> Result<Duration, String> {
        let rest = self.deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() { Err("not in time".to_owned()) } else { Ok(rest) }
    }
}
