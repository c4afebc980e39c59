//! The settings of a `kafka` collector, and what librdkafka is told because of them.

use std::path::PathBuf;

use operations::secret::Secret;
use rdkafka::ClientConfig;
use serde::Deserialize;

use super::place::Origin;
use crate::limits;

/// The settings of a collector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KafkaSettings {
    pub brokers: Vec<String>,
    pub topics: Vec<String>,
    pub group: String,
    #[serde(default)]
    pub start: Origin,
    #[serde(default)]
    pub security: Security,
}

/// How brokers and the collector know each other.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Security {
    #[serde(default)]
    tls: bool,
    ca_file: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    sasl_mechanism: Option<Mechanism>,
    username: Option<String>,
    password: Option<Secret>,
}

/// How a password is shown to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Mechanism {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
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

/// The longest name of a topic that brokers allow.
const TOPIC_BYTES_MAX: usize = 249;
/// The longest name of a group.
const GROUP_BYTES_MAX: usize = 255;

impl KafkaSettings {
    /// Whether they fit together; the message says what does not and what to write instead.
    pub fn check(&self) -> Result<(), String> {
        let max = limits::KAFKA_NAMES_MAX;
        if self.brokers.is_empty() || self.brokers.len() > max {
            return Err(format!("brokers: name 1 to {max}, each as \"host:port\""));
        }
        if let Some(broker) = self.brokers.iter().find(|broker| !is_address(broker)) {
            return Err(format!("brokers: {broker:?} is not of the form \"host:port\""));
        }
        if self.topics.is_empty() || self.topics.len() > max {
            return Err(format!("topics: name 1 to {max}"));
        }
        if let Some(topic) = self.topics.iter().find(|topic| !is_topic(topic)) {
            let allowed = "letters, digits, `.`, `_` and `-`";
            return Err(format!("topics: {topic:?} is no name of a topic: use 1 to {TOPIC_BYTES_MAX} {allowed}"));
        }
        if (1..self.topics.len()).any(|at| self.topics[..at].contains(&self.topics[at])) {
            return Err("topics: one is named twice".to_owned());
        }
        if self.group.is_empty() || self.group.len() > GROUP_BYTES_MAX || self.group.chars().any(char::is_control) {
            return Err(format!("group: use 1 to {GROUP_BYTES_MAX} characters that can be printed"));
        }
        self.security.check().map_err(|message| format!("security: {message}"))
    }

    /// Where it reads, for people.
    pub fn place(&self) -> String {
        format!("{} at {} as group {}", self.topics.join(", "), self.brokers.join(", "), self.group)
    }

    /// What librdkafka is told. It reads the secret; the message of an error names its place only.
    pub fn client(&self, collector: &str) -> Result<ClientConfig, String> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.brokers.join(","))
            .set("group.id", &self.group)
            .set("client.id", format!("tachograph-{collector}"))
            // The ledger knows the offsets. What it does not know is looked up and never guessed by the library.
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // Partitions that stay with their member go on being read while others move.
            .set("partition.assignment.strategy", "cooperative-sticky")
            // A member that was killed holds its partitions so long, its successor after a restart included.
            .set("session.timeout.ms", limits::KAFKA_SESSION.as_millis().to_string())
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.refresh.interval.ms", limits::KAFKA_TOPICS_EVERY.as_millis().to_string())
            .set("statistics.interval.ms", limits::KAFKA_LOOK_EVERY.as_millis().to_string())
            .set("queued.max.messages.kbytes", limits::KAFKA_AHEAD_KIB.to_string())
            .set("fetch.max.bytes", limits::KAFKA_FETCH_BYTES_MAX.to_string())
            .set("receive.message.max.bytes", limits::KAFKA_RECEIVE_BYTES_MAX.to_string())
            .set("log.connection.close", "false");
        self.security.apply(&mut config)?;
        Ok(config)
    }
}

impl Security {
    fn check(&self) -> Result<(), String> {
        if !self.tls && (self.ca_file.is_some() || self.certificate.is_some() || self.key.is_some()) {
            return Err("ca_file, certificate and key are for TLS; add tls = true".to_owned());
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err("certificate and key go together".to_owned());
        }
        if self.sasl_mechanism.is_some() != self.username.is_some()
            || self.username.is_some() != self.password.is_some()
        {
            return Err("sasl_mechanism, username and password go together".to_owned());
        }
        if self.sasl_mechanism == Some(Mechanism::Plain) && !self.tls {
            return Err(
                "PLAIN shows the password to everybody on the way; add tls = true, or use SCRAM-SHA-512".to_owned()
            );
        }
        Ok(())
    }

    fn apply(&self, config: &mut ClientConfig) -> Result<(), String> {
        let protocol = match (self.tls, self.sasl_mechanism.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if self.tls {
            // Without a file of its own it trusts what the system trusts, wherever that keeps it.
            let ca = self.ca_file.as_ref().map_or_else(|| "probe".into(), |path| path.to_string_lossy());
            config.set("ssl.ca.location", ca);
        }
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            config.set("ssl.certificate.location", certificate.to_string_lossy());
            config.set("ssl.key.location", key.to_string_lossy());
        }
        if let (Some(mechanism), Some(username), Some(password)) = (self.sasl_mechanism, &self.username, &self.password)
        {
            let password = password.read().map_err(|error| error.to_string())?;
            config.set("sasl.mechanism", mechanism.as_str());
            config.set("sasl.username", username);
            config.set("sasl.password", password.expose());
        }
        Ok(())
    }
}

fn is_address(broker: &str) -> bool {
    let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let is_clean = |char: char| !char.is_whitespace() && !char.is_control() && char != ',' && char != '/';
    broker.chars().all(is_clean) && port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_topic(topic: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=TOPIC_BYTES_MAX).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> Result<KafkaSettings, String> {
        let text = format!(
            "brokers = [\"k1.acme.example:9092\", \"[::1]:9092\"]\ntopics = [\"agents\"]\ngroup = \"g\"\n{more}"
        );
        let settings: KafkaSettings = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        settings("").unwrap();
        settings(
            "start = \"latest\"\nsecurity = { tls = true, ca_file = \"/ca\", certificate = \"/c\", key = \"/k\" }",
        )
        .unwrap();
        for (more, want) in [
            ("start = \"newest\"", "unknown variant `newest`"),
            ("security = { ca_file = \"/ca\" }", "add tls = true"),
            ("security = { tls = true, key = \"/k\" }", "certificate and key go together"),
            ("security = { tls = true, username = \"u\" }", "username and password go together"),
            (
                "security = { sasl_mechanism = \"PLAIN\", username = \"u\", password = \"env:P\" }",
                "PLAIN shows the password",
            ),
            ("security = { sasl_mechanism = \"GSSAPI\" }", "unknown variant `GSSAPI`"),
            ("security = { password = \"hunter2\" }", "never as the secret itself"),
        ] {
            let message = settings(more).unwrap_err();
            assert!(message.contains(want) && !message.contains("hunter2"), "{more}: {message}");
        }
        let base = settings("").unwrap();
        let check = |change: &dyn Fn(&mut KafkaSettings), want: &str| {
            let mut changed = base.clone();
            change(&mut changed);
            let message = changed.check().unwrap_err();
            assert!(message.contains(want), "{message}");
        };
        check(&|settings| settings.brokers.clear(), "brokers: name 1 to");
        for broker in ["k1", "k1:", ":9092", "k1:0", "k 1:9092", "a:1,b:2"] {
            check(&|settings| settings.brokers = vec![broker.to_owned()], "\"host:port\"");
        }
        check(&|settings| settings.topics = vec!["^agents.*".to_owned()], "no name of a topic");
        check(&|settings| settings.topics = vec!["a".to_owned(), "a".to_owned()], "named twice");
        check(&|settings| settings.group = String::new(), "group: use 1 to");
    }

    #[test]
    fn the_library_is_told_how_to_show_who_we_are() {
        let check = |more: &str, expected: &[(&str, &str)]| {
            let config = settings(more).unwrap().client("coderd").unwrap();
            for (key, value) in expected {
                assert_eq!(config.get(key), Some(*value), "{more} {key}");
            }
        };
        check(
            "",
            &[("security.protocol", "plaintext"), ("enable.auto.commit", "false"), ("auto.offset.reset", "error")],
        );
        check("security = { tls = true }", &[("security.protocol", "ssl"), ("ssl.ca.location", "probe")]);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "hunter2\n").unwrap();
        let scram = format!(
            "security = {{ tls = true, sasl_mechanism = \"SCRAM-SHA-512\", username = \"u\", password = \"file:{}\" }}",
            path.display()
        );
        check(
            &scram,
            &[("security.protocol", "sasl_ssl"), ("sasl.mechanism", "SCRAM-SHA-512"), ("sasl.password", "hunter2")],
        );
        let gone = settings(&scram).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(gone.client("coderd").unwrap_err().contains("password"));
    }

    #[test]
    fn the_library_was_built_with_tls_and_sasl() {
        for (more, mechanism) in [
            (
                "security = { tls = true, sasl_mechanism = \"PLAIN\", username = \"u\", password = \"file:Cargo.toml\" }",
                "PLAIN",
            ),
            (
                "security = { tls = true, sasl_mechanism = \"SCRAM-SHA-256\", username = \"u\", password = \"file:Cargo.toml\" }",
                "SCRAM-SHA-256",
            ),
        ] {
            let mut config = settings(more).unwrap().client("c").unwrap();
            config.set("bootstrap.servers", "127.0.0.1:1");
            let consumer = config.create::<rdkafka::consumer::BaseConsumer>();
            assert!(consumer.is_ok(), "{mechanism}: {:?}", consumer.err());
        }
        let mut config = settings("").unwrap().client("c").unwrap();
        config.set("ssl.ca.location", "x").set("builtin.features", "ssl,sasl_scram,sasl_plain,gzip,zstd,snappy,lz4");
        assert!(config.create_native_config().is_ok());
    }
}
