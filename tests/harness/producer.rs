//! What tests of Kafka send, and a member of a group that is none of ours. It names nothing of `ingest`, as the broker beside it.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};

use super::broker::{Broker, PATIENCE};

/// A producer with a thread of its own.
pub type Sender = ThreadedProducer<DefaultProducerContext>;

/// A producer that doubles nothing, with transactions of this id if there is one.
pub fn sender(broker: &Broker, transaction: Option<&str>) -> Sender {
    let mut config = broker.client();
    config.set("enable.idempotence", "true").set("message.max.bytes", "4194304").set("linger.ms", "5");
    config.set("compression.type", "zstd").set("queue.buffering.max.messages", "10000000");
    if let Some(id) = transaction {
        config.set("transactional.id", id);
    }
    config.create().unwrap()
}

/// A record that says which one it is, and has no id by which a double would be found.
pub fn record(name: &str) -> String {
    format!("{{\"kind\":\"check.result\",\"action\":\"{name}\"}}")
}

/// Sends one record; without a value it is a tombstone.
pub fn send(sender: &Sender, topic: &str, partition: i32, key: &str, value: Option<&[u8]>) {
    let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some("t-1") });
    let mut record = BaseRecord::<str, [u8]>::to(topic).partition(partition).key(key).headers(headers);
    record.payload = value;
    sender.send(record).map_err(|(error, _)| error).unwrap();
}

/// Sends records whose names are the partition and a number.
pub fn send_numbers(sender: &Sender, topic: &str, partition: i32, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let value = record(&format!("{partition}-{number}"));
        send(sender, topic, partition, "k", Some(value.as_bytes()));
    }
}

/// A member of the group `tachograph` that is not ours takes its share of the partitions of `work`, and leaves.
pub fn intrude(broker: &Broker) {
    let mut config = broker.client();
    config.set("group.id", "tachograph").set("partition.assignment.strategy", "cooperative-sticky");
    config.set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["work"]).unwrap();
    let until = Instant::now() + PATIENCE;
    while consumer.assignment().unwrap().count() == 0 {
        assert!(Instant::now() < until, "the group gives no partition away");
        let _ = consumer.poll(Duration::from_millis(100));
    }
}
