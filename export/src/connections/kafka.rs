//! Kafka: records in transactions, each with a checkpoint that says how far the stream is. The library that speaks it is named here and
//! below, and nowhere else.
//!
//! A transaction is in or it is not, and a process that takes over ends the transaction of the one before it (`transactional.id`, which
//! fences whoever had it). So whoever is in doubt reads the newest checkpoint, and knows. What is promised holds for consumers with
//! `isolation.level=read_committed`.

mod checkpoint;
mod session;
mod topic;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use rdkafka::ClientConfig;
use rdkafka::metadata::Metadata;
use tokio::runtime::Handle;

use super::{Answer, Connection, Payload, Protocol, Reach, SendError, excerpt, guard};
use operations::secret::Secret;
use session::Session;

/// Transactions, and what became of them.
pub struct Kafka;

impl Protocol for Kafka {
    type Payload = Ask;
    type Answer = Told;
}

/// What a cluster is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To take all of this or nothing.
    Transaction {
        /// The records, in order.
        records: Vec<Outgoing>,
        /// Which checkpoint goes with them,
        of: Progress,
        /// and what it says.
        checkpoint: Vec<u8>,
    },
    /// What the newest checkpoint says.
    Checkpoint(Progress),
}

/// Which of the two checkpoints of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// How far the stream is.
    Stream,
    /// The dead letter that was sent once more last.
    Letters,
}

/// One record on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What keeps records in order: those of one key have one partition.
    pub key: String,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The record.
    pub value: Vec<u8>,
}

impl Payload for Ask {
    fn shown(&self, message: &[u8]) -> String {
        let what = match self {
            Self::Transaction { records, .. } => {
                format!("KAFKA transaction of {} records and a checkpoint", records.len())
            }
            Self::Checkpoint(_) => "KAFKA read the checkpoint".to_owned(),
        };
        format!("{what}\n\n{}", String::from_utf8_lossy(message))
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The transaction is committed, with so many records.
    Committed(usize),
    /// Records were refused, and nothing is in.
    Refused {
        /// The number of the record, if it is known.
        index: Option<usize>,
        /// What was said.
        reason: String,
    },
    /// Nothing is in; it may be tried again.
    Aborted(String),
    /// The newest checkpoint, if there is one.
    Checkpoint(Option<Vec<u8>>),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Committed(records) => write!(f, "committed {records} records with their checkpoint"),
            Self::Refused { reason, .. } => write!(f, "refused: {}", excerpt(reason)),
            Self::Aborted(reason) => write!(f, "aborted: {}", excerpt(reason)),
            Self::Checkpoint(None) => f.write_str("no checkpoint"),
            Self::Checkpoint(Some(checkpoint)) => f.write_str(&excerpt(&String::from_utf8_lossy(checkpoint))),
        }
    }
}

impl Answer for Told {
    #[cfg(test)]
    fn of(_: u16, _: String) -> Option<Self> {
        None
    }
}

/// A cluster, and how brokers and the sink know each other.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Brokers to ask first, each as `host:port`.
    pub brokers: Vec<String>,
    /// The topic of the records.
    pub topic: String,
    /// The topic of the checkpoints.
    pub checkpoint_topic: String,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// The mechanism by which the sink says who it is, its name, and where its password lies.
    pub sasl: Option<(&'static str, String, Secret)>,
    /// The longest record.
    pub message_bytes_max: usize,
}

/// The network.
pub struct KafkaConnection(Arc<Shared>);

struct Shared {
    cluster: Cluster,
    reach: Reach,
    /// Only one transaction is open at a time. Everything here waits on the library, so it has a thread of its own while it does.
    session: Mutex<Option<Session>>,
}

impl Kafka {
    /// Prepares a connection. The error says what there is no way for.
    pub fn connect(reach: &Reach, cluster: Cluster) -> Result<Box<dyn Connection<Self>>, String> {
        Ok(Box::new(KafkaConnection(Arc::new(Shared::new(reach, cluster)?))))
    }
}

impl Shared {
    fn new(reach: &Reach, cluster: Cluster) -> Result<Self, String> {
        if reach.proxy.is_some() {
            return Err("proxy: the library that speaks Kafka goes through none; take the proxy out".to_owned());
        }
        if !cluster.tls && (reach.ca_file.is_some() || reach.identity.is_some()) {
            return Err("ca_file, certificate_file and key_file are for TLS; add tls = true".to_owned());
        }
        let files: [Option<&PathBuf>; 2] = [reach.ca_file.as_ref(), reach.identity.as_ref().map(|(file, _)| file)];
        for file in files.into_iter().flatten() {
            crate::tls::certificates(file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(Self { cluster, reach: reach.clone(), session: Mutex::default() })
    }
}

impl Connection<Kafka> for KafkaConnection {
    fn send(&self, ask: Ask) -> BoxFuture<'_, Result<Told, SendError>> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            // It goes on although nobody waits any more: its intent is on record, and whoever follows reads the checkpoint.
            let answered = tokio::task::spawn_blocking(move || shared.answer(&ask)).await;
            answered.unwrap_or_else(|error| Err(SendError::Uncertain(error.to_string())))
        })
    }
}

impl Drop for KafkaConnection {
    fn drop(&mut self) {
        // To end a session may take the library a while.
        if let Ok(handle) = Handle::try_current() {
            let shared = Arc::clone(&self.0);
            handle.spawn_blocking(move || drop(shared.session.lock().unwrap_or_else(PoisonError::into_inner).take()));
        }
    }
}

impl Shared {
    fn answer(&self, ask: &Ask) -> Result<Told, SendError> {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let session = match held.take() {
            Some(session) => session,
            // Whoever had the name before has no transaction open from here on.
            None => Session::open(self)?,
        };
        let told = match ask {
            Ask::Transaction { records, of, checkpoint } => session.transact(self, records, *of, checkpoint),
            Ask::Checkpoint(of) => checkpoint::newest(self, &self.key(*of)).map(Told::Checkpoint),
        };
        // After anything else the fate of a transaction is open, or the session has none any more.
        if told.is_ok() {
            *held = Some(session);
        }
        told
    }

    /// The name under which nobody else writes: that of the sink and of the log whose records it carries.
    fn name(&self) -> String {
        format!("tachograph-{}-{}", self.reach.sink, self.reach.origin)
    }

    /// The key of a checkpoint.
    fn key(&self, of: Progress) -> String {
        match of {
            Progress::Stream => self.name(),
            Progress::Letters => format!("{}/letters", self.name()),
        }
    }

    /// What every client is told. It reads the secrets.
    fn client(&self) -> Result<ClientConfig, SendError> {
        let refused = |error: operations::secret::SecretError| SendError::Refused(error.to_string());
        let Cluster { brokers, tls, sasl, .. } = &self.cluster;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers.join(",")).set("client.id", format!("tachograph-{}", self.reach.sink));
        config.set("allow.auto.create.topics", "false").set("log.connection.close", "false");
        let protocol = match (tls, sasl.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if *tls {
            // Without a file of its own it trusts what the system trusts, wherever that keeps it.
            let ca = self.reach.ca_file.as_ref().map_or_else(|| "probe".into(), |path| path.to_string_lossy());
            config.set("ssl.ca.location", ca);
            if let Some((certificate, key)) = &self.reach.identity {
                config.set("ssl.certificate.location", certificate.to_string_lossy());
                config.set("ssl.key.pem", key.read().map_err(refused)?.expose());
            }
        }
        if let Some((mechanism, username, password)) = sasl {
            config.set("sasl.mechanism", *mechanism).set("sasl.username", username);
            config.set("sasl.password", password.read().map_err(refused)?.expose());
        }
        Ok(config)
    }

    /// Whether the brokers of the settings may be connected to.
    fn check_named(&self) -> Result<(), SendError> {
        self.cluster.brokers.iter().try_for_each(|broker| {
            let (host, port) = broker.rsplit_once(':').unwrap_or((broker, ""));
            self.check(host, port.parse().unwrap_or_default())
        })
    }

    /// Whether the brokers that the cluster names may be.
    fn check_told(&self, metadata: &Metadata) -> Result<(), SendError> {
        let mut brokers = metadata.brokers().iter();
        brokers.try_for_each(|broker| self.check(broker.host(), u16::try_from(broker.port()).unwrap_or_default()))
    }

    /// Whether a broker may be connected to. The library resolves names itself, so this is a look beforehand.
    fn check(&self, host: &str, port: u16) -> Result<(), SendError> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Handle::current().block_on(guard::resolve(host, port, self.reach.allow_private)).map(|_| ())
    }
}
