//! Topics of Kafka, read as a member of a consumer group, each record exactly once.
//!
//! Where each partition was read to stands in the ledger alone, in the same commit as its records. Kafka's own offsets are written
//! for tools that show lag, and never read. So it does not matter who had a partition before, what the group believes, or when
//! somebody was killed: the ledger is asked at every assignment. `place` decides, `source` is one partition, `session` one
//! membership in the group, `context` what the library calls.

mod context;
mod place;
mod session;
mod settings;
mod source;
mod trouble;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use operations::access::Principal;
use operations::standing::State;
use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Setting, Settings, Start, Transport, Work, read};
use crate::frame::Framing;
use crate::health::Trouble;
use crate::limits;
use crate::pipeline::{Channel, Pipeline, Positions};
use session::{Ended, Session};
use settings::KafkaSettings;

/// The transport.
pub struct Kafka;

impl Transport for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn doc(&self) -> &'static str {
        "Reads topics as a member of a consumer group; one message is one record. Each partition's offset is durable together with \
         its records and is read from the ledger alone, so each record is recorded exactly once, over rebalances, crashes, \
         restarts of brokers and partitions that move between collectors. Offsets are committed back for tools that show lag, and \
         never read from Kafka. Messages of transactions that were aborted are not read, tombstones are skipped, and headers and \
         keys are not looked at. What the broker deleted before it was read is recorded as an event of kind `loss`; a topic that \
         was deleted and made anew is told as a problem and read from its beginning. A message above 1 MiB is kept as unparsed \
         with its first MiB. Several collectors may share a group."
    }

    fn settings(&self) -> &'static [Setting] {
        &[
            Setting {
                name: "brokers",
                required: true,
                doc: "Brokers to ask first, each as `host:port`.",
                example: "[\"kafka-1.acme.example:9093\", \"kafka-2.acme.example:9093\"]",
            },
            Setting {
                name: "topics",
                required: true,
                doc: "The topics, all in the collector's dialect. Topics of another dialect are another collector.",
                example: "[\"coder-logs\"]",
            },
            Setting {
                name: "group",
                required: true,
                doc: "The consumer group. One of another name reads everything again.",
                example: "\"tachograph\"",
            },
            Setting {
                name: "start",
                required: false,
                doc: "Where to begin in partitions that are read for the first time: `earliest` (the default) or `latest`. One that is added to a topic later is read from its beginning.",
                example: "\"earliest\"",
            },
            Setting {
                name: "security",
                required: false,
                doc: "A table of `tls` (true or false), `ca_file` (by default what the system trusts), `certificate` and `key` (files in PEM, for mutual TLS), and `sasl_mechanism` (`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`) with `username` and `password`, which is `env:NAME` or `file:PATH`.",
                example: "{ tls = true, sasl_mechanism = \"SCRAM-SHA-512\", username = \"tachograph\", password = \"file:/run/secrets/kafka\" }",
            },
        ]
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        read::<KafkaSettings>(settings)?.check()
    }

    fn place(&self, _name: &str, settings: &Settings) -> String {
        read::<KafkaSettings>(settings).map(|settings| settings.place()).unwrap_or_default()
    }

    fn takes(&self, _framing: Framing) -> bool {
        // Kafka tells records apart, whatever they are.
        true
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        let settings: KafkaSettings = read(start.settings)?;
        settings.check()?;
        start.tell("where the ledger says, for each partition that is assigned");
        let reader = Reader {
            pipeline: Arc::clone(start.pipeline),
            channel: start.channel,
            principal: start.principal,
            positions: start.pipeline.positions(),
            settings,
            stop: start.stop.clone(),
            anew: HashSet::new(),
            noted: None,
        };
        Ok(Work::Blocking(Box::new(move || Handle::current().block_on(reader.run()))))
    }
}

/// A collector that reads, over all its memberships in the group.
struct Reader {
    pipeline: Arc<Pipeline>,
    channel: Arc<Channel>,
    principal: Arc<Principal>,
    positions: Arc<dyn Positions>,
    settings: KafkaSettings,
    stop: CancellationToken,
    /// Keys of partitions that were found to be others than those which were read.
    anew: HashSet<String>,
    /// What was found of a partition that people should know, and when.
    noted: Option<(Instant, String)>,
}

impl Reader {
    async fn run(mut self) {
        let (mut pause, mut trouble) = (limits::ERROR_PAUSE, None);
        while !self.stop.is_cancelled() {
            let (ended, had_partitions) = match Session::join(&mut self, trouble.take()) {
                Ok(session) => session.run().await,
                Err(ended) => (ended, false),
            };
            let Ended::Trouble(found) = ended else { return };
            if had_partitions {
                pause = limits::ERROR_PAUSE;
            }
            self.channel.set_trouble(Some(found.clone()));
            trouble = Some(found);
            let stop = self.stop.clone();
            stop.run_until_cancelled(sleep(pause)).await;
            pause = (pause * 2).min(limits::KAFKA_PAUSE_MAX);
        }
    }

    /// Notes what people should know of a partition; it is told for a while.
    fn note(&mut self, message: String) {
        tracing::warn!(collector = self.channel.name(), message, "a partition is not what was read before");
        self.noted = Some((Instant::now(), message));
    }

    /// What is to be told of partitions.
    fn notice(&self) -> Option<Trouble> {
        let recent = |since: &Instant| since.elapsed() < limits::KAFKA_TOLD_FOR;
        self.noted.as_ref().filter(|(since, _)| recent(since)).map(|(_, message)| (State::PassedOver, message.clone()))
    }
}
