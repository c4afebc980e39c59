//! A real VictoriaLogs, which takes what Elasticsearch, Loki, Datadog, OpenTelemetry and Splunk (`splunk_hec`) take.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fleet::{Fleet, administration, events};
use crate::port::free_port;
use crate::{client, fetched};

/// A server that runs until this is dropped.
pub struct Server {
    child: Child,
    pub url: String,
    _data: TempDir,
}

impl Server {
    pub fn start() -> Self {
        let (data, port) = (tempfile::tempdir().unwrap(), free_port());
        let child = Command::new(fetched("victoria-logs/victoria-logs", "victoria-logs"))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .arg(format!("-storageDataPath={}", data.path().join("data").display()))
            .args([
                "-retentionPeriod=100y",
                "-insert.maxLineSizeBytes=2MB",
                "-loggerLevel=ERROR",
                "-memory.allowedBytes=256MB",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { child, url: format!("http://127.0.0.1:{port}"), _data: data };
        client::wait(&format!("{}/health", server.url), &mut server.child, String::new);
        server
    }

    /// What it has, as lines of JSON.
    pub fn all(&self) -> Vec<Value> {
        client::json("GET", &format!("{}/internal/force_flush", self.url), &Value::Null);
        let url = format!("{}/select/logsql/query", self.url);
        let (status, lines) =
            client::ask("POST", &url, "application/x-www-form-urlencoded", "query=*&limit=100000").unwrap();
        assert_eq!(status, 200, "{lines}");
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ships to a server and counts there, by the fields that hold stream and number, how often it has each record.
fn check(settings: &Value, path: &str, [stream, number]: [&str; 2]) {
    let server = Server::start();
    // It refuses or cuts what is above 2 MB, and has its own idea of the longest field.
    let (events, administration) = (events(600), administration(20));
    let fleet = Fleet::of(&events, &administration);
    let mut settings = settings.clone();
    settings["url"] = format!("{}{path}", server.url).into();
    for (name, secret) in [("api_key", "k")] {
        if settings.get(name).is_some() {
            settings[name] = fleet.secret(name, secret).into();
        }
    }
    let shipment = fleet.ship("siem", &settings);
    assert_eq!((shipment.count, shipment.rejected), (620, 0), "{shipment:?}");
    let mut seen: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for line in server.all() {
        let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name}: {line}")).to_owned();
        *seen.entry((text(stream), text(number).parse().unwrap())).or_default() += 1;
    }
    for (ledger, count) in [("events/0", 600), ("operations/0", 20)] {
        for number in 0..count {
            assert_eq!(seen.remove(&(ledger.to_owned(), number)), Some(1), "{path}: {ledger} {number}");
        }
    }
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn victoria_logs_has_every_record_that_was_sent_as_to_elasticsearch() {
    check(&json!({"type": "elasticsearch"}), "/insert/elasticsearch", ["tachograph.stream", "tachograph.export_seq"]);
}

#[test]
fn victoria_logs_has_every_record_that_was_sent_as_to_loki() {
    check(&json!({"type": "loki"}), "/insert", ["stream", "export_seq"]);
}

#[test]
fn victoria_logs_has_every_record_that_was_sent_as_to_datadog() {
    check(&json!({"type": "datadog", "api_key": ""}), "/insert/datadog", ["stream", "export_seq"]);
}

#[test]
fn victoria_logs_has_every_record_that_was_sent_as_otlp() {
    check(&json!({"type": "otlp"}), "/insert/opentelemetry", ["tachograph.stream", "tachograph.export_seq"]);
}
