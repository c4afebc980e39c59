//! A real OpenTelemetry Collector that writes a file, over HTTP and over gRPC.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fleet::{Fleet, administration, events};
use crate::port::free_port;
use crate::{LOOK, PATIENCE, client, fetched};

/// A Collector that runs until this is dropped.
struct Collector {
    child: Child,
    folder: TempDir,
    grpc: String,
    http: String,
}

impl Collector {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [grpc, http] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let config = include_str!("../../../examples/otlp_collector/collector.yaml")
            .replace("@GRPC@", &grpc)
            .replace("@HTTP@", &http)
            .replace("@FILE@", &folder.path().join("logs").display().to_string());
        std::fs::write(folder.path().join("collector.yaml"), config).unwrap();
        let child = Command::new(fetched("otlp_collector", "otlp-collector"))
            .arg(format!("--config=file:{}", folder.path().join("collector.yaml").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut collector = Self { child, folder, grpc: format!("http://{grpc}"), http: format!("http://{http}") };
        client::wait(&collector.http, &mut collector.child, String::new);
        collector
    }

    /// How often it wrote each record, by its uid.
    fn uids(&self) -> BTreeMap<String, usize> {
        let text = std::fs::read_to_string(self.folder.path().join("logs")).unwrap_or_default();
        let mut uids = BTreeMap::new();
        for request in text.lines().map_while(|line| serde_json::from_str::<Value>(line).ok()) {
            let logs = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap().clone();
            for log in logs {
                let attributes = log["attributes"].as_array().unwrap();
                let uid = attributes.iter().find(|attribute| attribute["key"] == "log.record.uid").unwrap();
                *uids.entry(uid["value"]["stringValue"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        uids
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn check(transport: &str) {
    let collector = Collector::start();
    let fleet = Fleet::of(&events(700), &administration(20));
    let url = if transport == "grpc" { &collector.grpc } else { &collector.http };
    let shipment = fleet.ship("siem", &json!({"type": "otlp", "url": url, "transport": transport}));
    assert_eq!((shipment.count, shipment.rejected), (720, 0), "{shipment:?}");
    let until = Instant::now() + PATIENCE;
    // It writes what it has within a second.
    while collector.uids().len() < 720 {
        assert!(Instant::now() < until, "the Collector wrote {} records", collector.uids().len());
        std::thread::park_timeout(LOOK);
    }
    let uids = collector.uids();
    for uid in (0..700).map(|number| format!("events/0/{number}")) {
        assert_eq!(uids.get(&uid), Some(&1), "{uid}");
    }
    println!("{transport}: {} records in {} requests", shipment.count, shipment.attempts);
}

#[test]
fn the_collector_has_every_record_once_over_http() {
    check("http");
}

#[test]
fn the_collector_has_every_record_once_over_grpc() {
    check("grpc");
}
