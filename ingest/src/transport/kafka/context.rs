//! What librdkafka calls while it is polled: rebalances, errors, numbers and its log. Each is only kept here, for the loop that
//! polls; nothing is decided.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;

/// A partition.
pub(super) type Partition = (String, i32);

/// A change of what is ours, to be answered by [`assign`] or [`unassign`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rebalance {
    /// These partitions are ours.
    Assign(Vec<Partition>),
    /// These are ours no more, once we say so.
    Revoke(Vec<Partition>),
}

/// What the library's numbers say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The end of each partition, as far as it may be read.
    pub ends: HashMap<Partition, u64>,
    /// Whether a broker is connected.
    pub is_connected: bool,
}

/// What was called.
#[derive(Debug, Default)]
struct Called {
    rebalances: VecDeque<Rebalance>,
    reason: String,
    numbers: Option<Numbers>,
    /// Nobody answers rebalances any more.
    is_closing: bool,
}

/// What the library calls.
pub(super) struct Context {
    collector: String,
    called: Mutex<Called>,
}

impl Context {
    /// For a collector of this name.
    pub fn new(collector: &str) -> Self {
        Self { collector: collector.to_owned(), called: Mutex::default() }
    }

    fn called(&self) -> MutexGuard<'_, Called> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next change that is to be answered.
    pub fn next(&self) -> Option<Rebalance> {
        self.called().rebalances.pop_front()
    }

    /// Takes the newest numbers, if there are new ones.
    pub fn take_numbers(&self) -> Option<Numbers> {
        self.called().numbers.take()
    }

    /// What the library said about its latest error.
    pub fn reason(&self) -> String {
        self.called().reason.clone()
    }

    /// From now on changes are answered at once: everything that was read is durable or given up.
    pub fn close(&self) {
        self.called().is_closing = true;
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let collector = self.collector.as_str();
        // What matters comes as an error beside the log.
        if matches!(level, RDKafkaLogLevel::Debug) {
            tracing::trace!(collector, facility, message, "librdkafka");
        } else {
            tracing::debug!(collector, facility, message, "librdkafka");
        }
    }

    fn stats(&self, statistics: Statistics) {
        let is_connected = statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP");
        let mut ends = HashMap::new();
        for (topic, of_topic) in statistics.topics {
            for (number, partition) in of_topic.partitions {
                // The end of what is committed, where the broker tells it.
                let end = if partition.ls_offset >= 0 { partition.ls_offset } else { partition.hi_offset };
                if let Ok(end) = u64::try_from(end) {
                    ends.insert((topic.clone(), number), end);
                }
            }
        }
        self.called().numbers = Some(Numbers { ends, is_connected });
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(collector = self.collector, %error, reason, "librdkafka");
        reason.clone_into(&mut self.called().reason);
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = partitions(list);
        let is_assign = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let mut called = self.called();
        if called.is_closing {
            drop(called);
            let answered =
                if is_assign { assign(consumer, &TopicPartitionList::new()) } else { unassign(consumer, list) };
            answered.unwrap_or_else(|error| self.error(error, "the group is left"));
            return;
        }
        // The library goes on with the group once it is answered, which may be later and is, when what was read is durable.
        let rebalance = if is_assign { Rebalance::Assign(partitions) } else { Rebalance::Revoke(partitions) };
        called.rebalances.push_back(rebalance);
    }
}

/// Answers that these partitions are read, from the offsets of the list.
pub(super) fn assign(consumer: &BaseConsumer<Context>, list: &TopicPartitionList) -> Result<(), KafkaError> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Eager => consumer.assign(list),
        _ => consumer.incremental_assign(list),
    }
}

/// Answers that these partitions are read no more.
pub(super) fn unassign(consumer: &BaseConsumer<Context>, list: &TopicPartitionList) -> Result<(), KafkaError> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Eager => consumer.unassign(),
        _ => consumer.incremental_unassign(list),
    }
}

/// The partitions of a list.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}

/// The list of partitions.
pub(super) fn list<'a>(partitions: impl IntoIterator<Item = &'a Partition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}
