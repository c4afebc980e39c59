//! `kafka`: events, alerts and administration to a topic, a record each, in transactions.
//!
//! With the records of a batch a checkpoint is committed, which says how far the stream is. Whoever does not know whether a batch is in
//! (a commit without an answer, a process that was killed) asks for the checkpoint. So a consumer of committed records gets each once.

use std::time::Duration;

use async_trait::async_trait;
use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::{Capabilities, ReadBack, Reconcile, Reconciled};
use crate::connections::kafka::{Ask, Cluster, Kafka as Protocol, Outgoing, Progress, Told};
use crate::connections::{Connection, Reach};
use crate::hash::sha256;
use crate::judgement::{Ack, Judgement};
use crate::message::{BatchLimits, Message, MessageKind, Rendered};
use crate::receipts::ReceiptsError;
use crate::receipts::copy::Copy;
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec};
use crate::streams::{Stream, body};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "kafka",
    what: "Events, alerts and administration to a topic of Kafka, a record each, with headers `id`, `seq`, `export_seq`, `stream`, `schema` and `content-type`; \
           docs/destinations/kafka.md says how to prepare the topics. TLS takes `ca_file`, `certificate_file` and `key_file`. There is no way through a proxy, and the addresses that \
           brokers tell are looked at before they are used, not when they are connected to.",
    guarantee: "Effectively once for consumers with isolation.level=read_committed: each batch is a transaction with a checkpoint in it, and whoever is in doubt after a \
                crash or a cut connection reads the checkpoint. The order is kept for each key. Others see what was aborted, too. A record that is too large for the topic is a \
                dead letter.",
    class: Class::Stream(crate::sink::stream::<Kafka>),
    example: "brokers = [\"kafka-1.acme.example:9092\"]\ntopic = \"tachograph\"",
    fields: crate::sink::fields::<Kafka>,
    schema: crate::sink::schema::<Kafka>,
};

/// Bytes of one batch.
const BODY_BYTES_MAX: usize = 4_000_000;
/// Records of one batch. A transaction costs the brokers some milliseconds, whatever is in it.
const BATCH_RECORDS_MAX: usize = 2_000;
/// The longest name of a topic that brokers allow.
const TOPIC_BYTES_MAX: usize = 249;
/// Brokers that may be named.
const BROKERS_MAX: usize = 100;
/// The least that a record may be allowed,
const MESSAGE_BYTES_MIN: usize = 1_000;
/// and the most.
const MESSAGE_BYTES_MAX: usize = 100_000_000;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Kafka {
    /// Brokers to ask first, each as `host:port`.
    brokers: Vec<String>,
    /// The topic of the records. It must be there.
    topic: String,
    /// The topic of the checkpoints, which must be there and should be compacted. Sinks may share it.
    #[serde(default = "checkpoint_topic")]
    checkpoint_topic: String,
    /// What is the key of a record. Records of one key keep their order; a record that has no such value has that of its stream.
    #[serde(default)]
    key: Key,
    /// Whether connections are encrypted.
    #[serde(default)]
    tls: bool,
    /// How the sink says who it is, if brokers ask.
    #[serde(default)]
    sasl_mechanism: Option<Mechanism>,
    /// Its name, as brokers know it.
    #[serde(default)]
    username: Option<String>,
    /// Where its password lies.
    #[serde(default)]
    password: Option<Secret>,
    /// The longest record, in bytes. The topic (`max.message.bytes`) must allow it, too.
    #[schemars(range(min = MESSAGE_BYTES_MIN, max = MESSAGE_BYTES_MAX))]
    #[serde(default = "message_bytes_max")]
    message_bytes_max: usize,
}

/// What is the key of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Key {
    /// The agent's session.
    #[default]
    Session,
    /// The agent.
    Agent,
    /// The stream: the whole topic is in order, in one partition.
    Stream,
}

/// How a password is shown to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
enum Mechanism {
    /// As it is; only over TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// By a proof (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// By a proof.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Mechanism {
    fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

fn checkpoint_topic() -> String {
    "tachograph-checkpoints".to_owned()
}

fn message_bytes_max() -> usize {
    1_000_000
}

/// How far a stream is, as it stands in the topic of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
struct Checkpoint {
    /// The stream, for people.
    stream: String,
    /// The number of the batch's first record,
    export_seq: u64,
    /// and the number after its last.
    export_seq_next: u64,
    /// SHA-256 of the batch, by which a dead letter is known again.
    sha256: String,
}

/// A record in the body of a message: a line of JSON each.
#[derive(Debug, Deserialize, Serialize)]
struct Line {
    key: String,
    time_ms: i64,
    headers: Vec<(String, String)>,
    value: String,
}

impl Kafka {
    fn line(&self, record: &Record) -> Line {
        let key = match self.key {
            Key::Session => record.text("session"),
            Key::Agent => record.text("agent"),
            Key::Stream => None,
        };
        let content_type = if record.said.is_json { "application/json" } else { "text/plain; charset=utf-8" };
        let headers = [
            ("id", record.position.to_string()),
            ("seq", record.position.seq.to_string()),
            ("export_seq", record.export_seq.to_string()),
            ("stream", record.stream()),
            ("schema", record.said.schema.to_owned()),
            ("content-type", content_type.to_owned()),
        ];
        Line {
            key: key.map_or_else(|| record.stream(), str::to_owned),
            // Brokers refuse what claims to come from the future, and a record's own time is what an agent says.
            time_ms: record.recorded.unix_micros().div_euclid(1_000),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            value: record.said.text.clone(),
        }
    }

    fn cluster(&self) -> Cluster {
        let login = self.sasl_mechanism.zip(self.username.clone()).zip(self.password.clone());
        Cluster {
            brokers: self.brokers.clone(),
            topic: self.topic.clone(),
            checkpoint_topic: self.checkpoint_topic.clone(),
            tls: self.tls,
            sasl: login.map(|((mechanism, username), password)| (mechanism.as_str(), username, password)),
            message_bytes_max: self.message_bytes_max,
        }
    }

    /// The checkpoint of a message, and which of the two it is.
    fn checkpoint(message: &Message) -> Option<(Progress, Checkpoint)> {
        let first = message.body.split(|byte| *byte == b'\n').next()?;
        let of = if message.kind == MessageKind::Letter { Progress::Letters } else { Progress::Stream };
        Some((of, serde_json::from_slice(first).ok()?))
    }
}

fn is_topic(topic: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=TOPIC_BYTES_MAX).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != ".."
}

fn is_broker(broker: &str) -> bool {
    let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let is_clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    broker.chars().all(is_clean) && port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}

impl Settings for Kafka {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        if self.brokers.is_empty()
            || self.brokers.len() > BROKERS_MAX
            || !self.brokers.iter().all(|broker| is_broker(broker))
        {
            return Err(format!("brokers: name 1 to {BROKERS_MAX}, each as \"host:port\""));
        }
        if let Some(topic) = [&self.topic, &self.checkpoint_topic].into_iter().find(|topic| !is_topic(topic)) {
            return Err(format!(
                "{topic:?} is no name of a topic: use 1 to {TOPIC_BYTES_MAX} letters, digits, `.`, `_` and `-`"
            ));
        }
        if self.topic == self.checkpoint_topic {
            return Err("topic and checkpoint_topic must be two".to_owned());
        }
        let sasl = [self.sasl_mechanism.is_some(), self.username.is_some(), self.password.is_some()];
        if sasl != [sasl[0]; 3] {
            return Err("sasl_mechanism, username and password go together".to_owned());
        }
        if self.sasl_mechanism == Some(Mechanism::Plain) && !self.tls {
            return Err(
                "PLAIN shows the password to everybody on the way; add tls = true, or use SCRAM-SHA-512".to_owned()
            );
        }
        if !(MESSAGE_BYTES_MIN..=MESSAGE_BYTES_MAX).contains(&self.message_bytes_max) {
            return Err(format!("message_bytes_max must be {MESSAGE_BYTES_MIN} to {MESSAGE_BYTES_MAX}"));
        }
        Ok(self)
    }
}

impl Sink for Kafka {
    type Protocol = Protocol;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Protocol>>, String> {
        Protocol::connect(reach, self.cluster())
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Ask, SecretError> {
        let mut lines = message.body.split(|byte| *byte == b'\n');
        let checkpoint = lines.next().unwrap_or_default().to_vec();
        // They were written by this sink.
        let records = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok()).map(|line| {
            let Line { key, time_ms, headers, value } = line;
            Outgoing { key, time_ms, headers, value: value.into_bytes() }
        });
        let of = Self::checkpoint(message).map_or(Progress::Stream, |(of, _)| of);
        Ok(Ask::Transaction { records: records.collect(), of, checkpoint })
    }

    fn judge(&self, answer: &Told) -> Judgement {
        let reason = answer.to_string();
        match answer {
            Told::Committed(_) => Judgement::Acked(Ack::new(reason)),
            Told::Refused { index: Some(index), .. } => Judgement::Reject { index: *index, reason },
            Told::Refused { index: None, .. } => Judgement::Split { reason },
            Told::Aborted(_) => Judgement::Retry { after: None, reason },
            Told::Checkpoint(_) => Judgement::Uncertain { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Protocol> {
        Capabilities { reconcile: Some(self), read_back: Some(self), ..Capabilities::default() }
    }
}

impl Reconcile<Protocol> for Kafka {
    fn question(&self, message: &Message, _now: Timestamp) -> Option<Result<Ask, SecretError>> {
        Self::checkpoint(message).map(|(of, _)| Ok(Ask::Checkpoint(of)))
    }

    fn reconciled(&self, message: &Message, answer: &Told) -> Reconciled {
        let (Some((of, ours)), Told::Checkpoint(newest)) = (Self::checkpoint(message), answer) else {
            return Reconciled::Unknown(self.judge(answer));
        };
        let Some(newest) = newest else { return Reconciled::HasNot };
        let Ok(newest) = serde_json::from_slice::<Checkpoint>(newest) else {
            let reason =
                "the newest checkpoint is none of this sink's: somebody else writes to checkpoint_topic".to_owned();
            return Reconciled::Unknown(Judgement::Park { reason });
        };
        match of {
            Progress::Letters if newest == ours => Reconciled::Has(None),
            Progress::Letters => Reconciled::HasNot,
            Progress::Stream if newest.export_seq_next >= ours.export_seq_next => Reconciled::Has(None),
            Progress::Stream if newest.export_seq_next <= ours.export_seq => Reconciled::HasNot,
            // It was batched otherwise before; smaller batches meet the checkpoint.
            Progress::Stream => {
                let reason = format!("a part of it is in, up to export_seq {}", newest.export_seq_next);
                Reconciled::Unknown(Judgement::Split { reason })
            }
        }
    }
}

#[async_trait]
impl ReadBack for Kafka {
    async fn read_back(&self, reach: &Reach, copy: &mut Copy) -> Result<(), ReceiptsError> {
        let mut topic = Protocol::topic(reach, self.cluster())?;
        while let Some(found) = topic.recv().await {
            let found = found?;
            let at = || format!("{}/{} offset {}", self.topic, found.partition, found.offset);
            match std::str::from_utf8(&found.value) {
                Ok(text) if !text.trim().is_empty() => copy.text(text, at)?,
                _ => copy.foreign(at),
            }
        }
        Ok(())
    }
}

impl Stream for Kafka {
    fn render(&self, records: &[Record]) -> Rendered {
        let (lines, taken) = body(records, BODY_BYTES_MAX, |record, bytes| {
            // Texts and numbers always have a form in JSON, in which no line ends.
            bytes.push(b'\n');
            bytes.extend(serde_json::to_vec(&self.line(record)).unwrap_or_default());
        });
        let first = records.first();
        let checkpoint = Checkpoint {
            stream: first.map(Record::stream).unwrap_or_default(),
            export_seq: first.map_or(0, |record| record.export_seq),
            export_seq_next: records.get(..taken).and_then(<[Record]>::last).map_or(0, |record| record.export_seq + 1),
            sha256: sha256(&lines),
        };
        let mut body = serde_json::to_vec(&checkpoint).unwrap_or_default();
        body.extend(lines);
        Rendered::whole(body, taken)
    }
}

#[cfg(test)]
mod tests;
