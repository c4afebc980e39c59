//! A producer that has the name of its stream: it opens, commits a batch with its checkpoint, or says why not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::{Outgoing, Progress, Shared, Told};
use crate::connections::SendError;
use crate::limits::{CONNECT_TIMEOUT, KAFKA_TRANSACTION_MIN};

/// What the library says while it is polled.
#[derive(Default)]
struct Heard {
    /// The records that were not taken, by their numbers.
    failed: Vec<(usize, KafkaError)>,
    /// Its latest error, and what it said about it.
    latest: Option<(RDKafkaErrorCode, String)>,
}

/// What the library calls.
pub struct Context {
    sink: String,
    heard: Mutex<Heard>,
}

impl Context {
    fn failed(&self) -> Vec<(usize, KafkaError)> {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner).failed)
    }

    fn latest(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).latest.take()
    }
}

impl ClientContext for Context {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters comes as an error beside the log.
        tracing::debug!(sink = self.sink, facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(sink = self.sink, %error, reason, "librdkafka");
        let Some(code) = error.rdkafka_error_code() else { return };
        // That nobody answers follows from what was said before, which says why.
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if code != RDKafkaErrorCode::AllBrokersDown || heard.latest.is_none() {
            heard.latest = Some((code, reason.to_owned()));
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        if let Err((error, _)) = result {
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).failed.push((number, error.clone()));
        }
    }
}

/// A producer under the name of its stream.
pub struct Session {
    producer: BaseProducer<Context>,
}

impl Session {
    /// Opens one, which ends the transaction of whoever had the name before. Nothing is sent.
    pub fn open(shared: &Shared) -> Result<Self, SendError> {
        shared.check_named()?;
        let limit = shared.reach.timeout.max(KAFKA_TRANSACTION_MIN).as_millis().to_string();
        let mut config = shared.client()?;
        config
            .set("transactional.id", shared.name())
            .set("transaction.timeout.ms", &limit)
            .set("message.timeout.ms", &limit)
            .set("message.max.bytes", shared.cluster.message_bytes_max.to_string())
            // What the producers of Java have, so that everybody puts a key into the same partition.
            .set("partitioner", "murmur2_random")
            .set("compression.type", "zstd")
            .set("linger.ms", "2");
        let context = Context { sink: shared.reach.sink.clone(), heard: Mutex::default() };
        let producer: BaseProducer<Context> = config
            .create_with_context(context)
            .map_err(|error| SendError::Refused(format!("the library takes no such settings: {error}")))?;
        let session = Self { producer };
        session.look(shared)?;
        session.producer.init_transactions(shared.reach.timeout).map_err(|error| session.not_opened(&error))?;
        Ok(session)
    }

    /// Whether the topics are there, and whether the brokers that the cluster names may be connected to.
    fn look(&self, shared: &Shared) -> Result<(), SendError> {
        let limit = shared.reach.timeout.min(CONNECT_TIMEOUT);
        for topic in [&shared.cluster.topic, &shared.cluster.checkpoint_topic] {
            let metadata = self.producer.client().fetch_metadata(Some(topic), limit);
            let metadata = metadata.map_err(|error| self.not_opened(&error))?;
            shared.check_told(&metadata)?;
            if let Some(error) = metadata.topics().iter().find_map(MetadataTopic::error) {
                let error = RDKafkaErrorCode::from(error);
                let what = format!("the topic {topic}: {error}; create it, and let the sink write to it");
                return Err(SendError::Refused(what));
            }
        }
        Ok(())
    }

    /// Why there is no session: what the library said while it tried says more than that it gave up.
    fn not_opened(&self, error: &KafkaError) -> SendError {
        self.producer.poll(Duration::ZERO);
        let (code, reason) = match (error.rdkafka_error_code(), self.producer.context().latest()) {
            (
                None | Some(RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::BrokerTransportFailure),
                Some(said),
            ) => said,
            (code, _) => (code.unwrap_or(RDKafkaErrorCode::Fail), error.to_string()),
        };
        if is_refusal(code, &reason) { SendError::Refused(reason) } else { SendError::NotSent(reason) }
    }

    /// Has the cluster take all of it or nothing.
    pub fn transact(
        &self,
        shared: &Shared,
        records: &[Outgoing],
        of: Progress,
        checkpoint: &[u8],
    ) -> Result<Told, SendError> {
        let deadline = Instant::now() + shared.reach.timeout;
        self.producer.begin_transaction().map_err(|error| SendError::Uncertain(error.to_string()))?;
        self.producer.context().failed();
        let key = shared.key(of);
        let mut refused = None;
        for (number, record) in records.iter().enumerate() {
            if let Err(error) = self.put(&shared.cluster.topic, number, record, deadline) {
                refused = Some((number, error));
                break;
            }
        }
        if refused.is_none() {
            let record = Outgoing { key, time_ms: 0, headers: Vec::new(), value: checkpoint.to_vec() };
            let put = self.put(&shared.cluster.checkpoint_topic, records.len(), &record, deadline);
            refused = put.err().map(|error| (records.len(), error));
        }
        while refused.is_none() && self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.producer.poll(Duration::from_millis(1));
        }
        let mut failed = self.producer.context().failed();
        failed.extend(refused);
        if !failed.is_empty() || self.producer.in_flight_count() > 0 {
            return self.abort(&failed, records.len(), deadline);
        }
        self.commit(records.len(), deadline)
    }

    /// Hands one record to the library. It waits while the library's queue is full.
    fn put(&self, topic: &str, number: usize, record: &Outgoing, deadline: Instant) -> Result<(), KafkaError> {
        loop {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (name, value) in &record.headers {
                headers = headers.insert(Header { key: name, value: Some(value) });
            }
            let mut out =
                BaseRecord::with_opaque_to(topic, number).key(&record.key).payload(&record.value).headers(headers);
            if record.time_ms > 0 {
                out = out.timestamp(record.time_ms);
            }
            match self.producer.send(out) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if Instant::now() < deadline => {
                    self.producer.poll(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Gives the transaction up. Only if that is certain too, it is certain that nothing is in.
    fn abort(&self, failed: &[(usize, KafkaError)], records: usize, deadline: Instant) -> Result<Told, SendError> {
        self.producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.producer.poll(Duration::from_millis(1));
        }
        let aborted = self.producer.abort_transaction(rest(deadline));
        let reason = failed
            .first()
            .map_or_else(|| "the brokers did not take it in time".to_owned(), |(_, error)| error.to_string());
        aborted.map_err(|error| SendError::Uncertain(format!("{reason}; {error}")))?;
        let code = |error: &KafkaError| error.rdkafka_error_code();
        let too_large: Vec<usize> = failed
            .iter()
            .filter(|(_, error)| code(error).is_some_and(is_about_the_record))
            .map(|(number, _)| *number)
            .filter(|number| *number < records)
            .collect();
        match (too_large.as_slice(), failed.first()) {
            ([index], _) => Ok(Told::Refused { index: Some(*index), reason }),
            // Brokers refuse what came together; which record it is about shows when they come alone.
            ([_, ..], _) => Ok(Told::Refused { index: None, reason }),
            ([], Some((_, error))) if code(error).is_some_and(|code| is_refusal(code, &reason)) => {
                Err(SendError::Refused(reason))
            }
            ([], _) => Ok(Told::Aborted(reason)),
        }
    }

    fn commit(&self, records: usize, deadline: Instant) -> Result<Told, SendError> {
        loop {
            let error = match self.producer.commit_transaction(rest(deadline)) {
                Ok(()) => return Ok(Told::Committed(records)),
                Err(error) => error,
            };
            match &error {
                KafkaError::Transaction(why) if why.is_retriable() && Instant::now() < deadline => {}
                KafkaError::Transaction(why) if why.txn_requires_abort() => {
                    return self.abort(&[(records, error.clone())], records, deadline);
                }
                _ => return Err(SendError::Uncertain(error.to_string())),
            }
        }
    }
}

/// The time that is left; there is always some for what must be said at the end.
fn rest(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(KAFKA_TRANSACTION_MIN)
}

/// Whether an error is about the record, which will not be taken however often it comes.
fn is_about_the_record(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidRecord | RDKafkaErrorCode::InvalidTimestamp
    )
}

/// Whether nothing will be taken until somebody changes something.
fn is_refusal(code: RDKafkaErrorCode, reason: &str) -> bool {
    // With TLS 1.3 a broker refuses a certificate after the handshake, which OpenSSL calls an alert.
    let alert = code == RDKafkaErrorCode::BrokerTransportFailure
        && reason.contains(":SSL routines:")
        && reason.contains("alert");
    alert
        || matches!(
            code,
            RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::UnsupportedSASLMechanism
                | RDKafkaErrorCode::SSL
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::InvalidTransactionTimeout
        )
}
