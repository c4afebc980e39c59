//! Everything that is committed in the topic of the records, from its beginning to the end that it has when reading begins.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::Message as _;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use tokio::sync::mpsc;

use super::checkpoint::{LOOK, Reader};
use super::{Cluster, Kafka, Reach, SendError, Shared};
use crate::limits::{CONNECT_TIMEOUT, READ_BACK_RECORDS};

/// A record of the topic.
#[derive(Debug)]
pub struct Found {
    /// The partition,
    pub partition: i32,
    /// and the offset there.
    pub offset: i64,
    /// The record, which may be none.
    pub value: Vec<u8>,
}

impl Kafka {
    /// Reads the topic. An error is the last that comes.
    pub fn topic(reach: &Reach, cluster: Cluster) -> Result<mpsc::Receiver<Result<Found, SendError>>, SendError> {
        let shared = Arc::new(Shared::new(reach, cluster).map_err(SendError::Refused)?);
        let (to, from) = mpsc::channel(READ_BACK_RECORDS);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(&shared, &to) {
                // Whoever does not listen any more needs no reason.
                let _ = to.blocking_send(Err(error));
            }
        });
        Ok(from)
    }
}

fn read(shared: &Shared, to: &mpsc::Sender<Result<Found, SendError>>) -> Result<(), SendError> {
    let topic = &shared.cluster.topic;
    let failed = |reason: String| SendError::NotSent(format!("the topic {topic} cannot be read: {reason}"));
    shared.check_named()?;
    let reader = Reader::of(shared, topic)?;
    let metadata = reader.consumer("read_committed").map_err(failed)?;
    let metadata = metadata.fetch_metadata(Some(topic), shared.reach.timeout.min(CONNECT_TIMEOUT));
    let metadata = metadata.map_err(|error| failed(error.to_string()))?;
    shared.check_told(&metadata)?;
    if let Some(error) = metadata.topics().iter().find_map(MetadataTopic::error) {
        return Err(failed(rdkafka::error::RDKafkaErrorCode::from(error).to_string()));
    }
    let (consumer, ends) = reader.decided().map_err(failed)?;
    let mut open: Vec<i32> = ends.iter().filter(|(_, (begin, end))| begin < end).map(|(number, _)| *number).collect();
    let begins = ends.iter().filter(|(number, _)| open.contains(number)).map(|(number, (begin, _))| (*number, *begin));
    reader.assign(&consumer, &begins.collect()).map_err(failed)?;
    let mut heard = Instant::now();
    while !open.is_empty() {
        match consumer.poll(LOOK) {
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                let end = ends.get(&partition).map_or(0, |(_, end)| *end);
                if offset + 1 >= end {
                    open.retain(|other| *other != partition);
                }
                // What comes after the end was sent since.
                let value = message.payload().unwrap_or_default().to_vec();
                if offset < end && to.blocking_send(Ok(Found { partition, offset, value })).is_err() {
                    return Ok(());
                }
            }
            // Behind the last record there may be marks of transactions only.
            Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|other| *other != partition),
            Some(Err(error)) => return Err(failed(error.to_string())),
            None if heard.elapsed() > shared.reach.timeout => {
                return Err(failed(format!("nothing came for {} seconds", shared.reach.timeout.as_secs())));
            }
            None => continue,
        }
        heard = Instant::now();
    }
    Ok(())
}
