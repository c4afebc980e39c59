//! What only the transport's own tests ask of a broker: to delete, who is in a group, and what another client reads.

use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::broker::{Broker, PATIENCE, block_on};

impl Broker {
    /// Deletes a topic.
    pub fn delete(&self, topic: &str) {
        block_on(self.admin().delete_topics(&[topic], &AdminOptions::new())).unwrap().remove(0).unwrap();
    }

    /// Has the broker delete the records of a partition before an offset, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(before)).unwrap();
        block_on(self.admin().delete_records(&list, &AdminOptions::new())).unwrap();
    }

    /// Members of a group.
    pub fn members(&self, group: &str) -> usize {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let list = consumer.fetch_group_list(Some(group), PATIENCE).unwrap();
        list.groups().iter().map(|group| group.members().len()).sum()
    }

    /// Offset and value of all records of a partition, tombstones included, as another client reads them.
    pub fn read(&self, topic: &str, partition: i32) -> Vec<(i64, Option<Vec<u8>>)> {
        let mut config = self.client();
        config.set("group.id", "reader").set("enable.partition.eof", "true").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        while let Some(Ok(message)) = consumer.poll(PATIENCE) {
            records.push((message.offset(), message.payload().map(<[u8]>::to_vec)));
        }
        records
    }
}
