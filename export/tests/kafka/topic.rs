//! Topics, and what consumers read there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::metadata::MetadataPartition;
use rdkafka::{Offset, TopicPartitionList};

use crate::broker::{Broker, PATIENCE};

/// The topic of the checkpoints.
pub const CHECKPOINTS: &str = "tachograph-checkpoints";
/// Partitions of the other topics.
const PARTITIONS: i32 = 3;

/// A record that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub partition: i32,
    pub offset: i64,
    /// Its number in the stream; of one that is none of ours it is far away.
    pub number: usize,
    pub key: String,
    pub headers: BTreeMap<String, String>,
    pub value: String,
}

/// Creates a topic of records.
pub fn create(broker: &Broker, topic: &str) {
    broker.create(topic, PARTITIONS, &[]);
}

/// Everything that a consumer of this isolation reads, by partition and offset. A commit is told to the producer before consumers see it, so
/// everything that is in the topic now is waited for.
pub fn read(broker: &Broker, topic: &str, isolation: &str) -> Vec<Arrived> {
    let mut config = broker.client();
    config.set("group.id", "reader").set("isolation.level", isolation).set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "50");
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut open: BTreeSet<i32> = metadata.topics()[0].partitions().iter().map(MetadataPartition::id).collect();
    let until = Instant::now() + PATIENCE;
    for partition in &open {
        let end = broker.end(topic, *partition) as i64;
        while consumer.fetch_watermarks(topic, *partition, PATIENCE).unwrap().1 < end {
            assert!(Instant::now() < until, "a transaction of {topic} stays open");
        }
    }
    let mut list = TopicPartitionList::new();
    for partition in &open {
        list.add_partition_offset(topic, *partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut arrived = Vec::new();
    while !open.is_empty() {
        assert!(Instant::now() < until, "{topic} is not read to its end");
        match consumer.poll(std::time::Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
                let headers: BTreeMap<String, String> = message.headers().map_or_else(BTreeMap::new, |headers| {
                    headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
                });
                let number = headers.get("export_seq").map_or(usize::MAX, |number| number.parse().unwrap());
                let (partition, offset) = (message.partition(), message.offset());
                arrived.push(Arrived {
                    partition,
                    offset,
                    number,
                    key: text(message.key()),
                    headers,
                    value: text(message.payload()),
                });
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) => panic!("{error}"),
        }
    }
    arrived.sort_by_key(|record| (record.partition, record.offset));
    arrived
}

/// Each of so many records is there once, each key has one partition, and each key's records are in order.
pub fn assert_each_once(arrived: &[Arrived], count: usize) {
    let mut numbers: Vec<usize> = arrived.iter().map(|record| record.number).collect();
    numbers.sort_unstable();
    let lost: Vec<usize> = (0..count).filter(|number| numbers.binary_search(number).is_err()).collect();
    let doubled: Vec<usize> = numbers.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(
        lost.is_empty() && doubled.is_empty(),
        "{} lost {lost:?}, {} doubled {doubled:?}",
        lost.len(),
        doubled.len()
    );
    assert_eq!(numbers.len(), count, "and nothing else");
    let mut of_key: BTreeMap<&str, (i32, usize)> = BTreeMap::new();
    for record in arrived {
        let before = of_key.insert(&record.key, (record.partition, record.number));
        let in_order = before.is_none_or(|(partition, number)| partition == record.partition && number < record.number);
        assert!(in_order, "{}: {before:?} before {} in {}", record.key, record.number, record.partition);
    }
}
