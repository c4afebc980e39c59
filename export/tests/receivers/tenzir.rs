//! Tenzir as a receiver of `_bulk` and of OTLP, and the decoder of OpenTelemetry's own Python package.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fake::{Fake, OTLP};
use crate::fleet::{Fleet, administration, events};
use crate::port::free_port;
use crate::{LOOK, PATIENCE, fetched};

/// A pipeline that writes what it receives as lines of JSON, until this is dropped.
pub struct Pipeline {
    child: Child,
    folder: TempDir,
    pub port: u16,
}

impl Pipeline {
    /// Starts one with an operator that accepts, and the options that follow its address.
    pub fn start(operator: &str, options: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let child = Command::new(fetched("validators/bin/tenzir", "validators"))
            .arg(format!("{operator} \"127.0.0.1:{port}\"{options}\nwrite_ndjson"))
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("lines")).unwrap())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let pipeline = Self { child, folder, port };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(pipeline.folder.path().join("log")).unwrap();
            assert!(Instant::now() < until, "Tenzir does not listen: {}", log());
            std::thread::park_timeout(LOOK);
        }
        pipeline
    }

    /// Waits until it wrote what `read` finds enough.
    pub fn lines(&self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(self.folder.path().join("lines")).unwrap();
            let lines: Vec<Value> = text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
            if enough(&lines) {
                return lines;
            }
            assert!(Instant::now() < until, "{} lines of Tenzir's", lines.len());
            std::thread::park_timeout(LOOK);
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often each number was seen.
fn counts(numbers: impl Iterator<Item = u64>) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_default() += 1);
    counts
}

/// Tenzir answers for one record, however many there were, and knows no ids: it gets everything, and some of it twice.
#[test]
fn tenzir_takes_bulk_requests_and_loses_nothing_although_it_answers_for_one_record() {
    let pipeline = Pipeline::start("accept_opensearch", "");
    let fleet = Fleet::of(&events(40), &[]);
    let shipment =
        fleet.ship("siem", &json!({"type": "elasticsearch", "url": format!("http://127.0.0.1:{}", pipeline.port)}));
    assert_eq!((shipment.count, shipment.rejected), (40, 0));
    let numbers = |lines: &[Value]| counts(lines.iter().filter_map(|line| line["tachograph"]["export_seq"].as_u64()));
    let lines = pipeline.lines(|lines| numbers(lines).len() == 40);
    assert_eq!(numbers(&lines).into_keys().collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
}

#[test]
fn tenzir_takes_otlp_as_it_is_meant() {
    let pipeline = Pipeline::start("accept_otlp", "");
    let fleet = Fleet::of(&events(300), &administration(10));
    let shipment = fleet.ship("siem", &json!({"type": "otlp", "url": format!("http://127.0.0.1:{}", pipeline.port)}));
    assert_eq!((shipment.count, shipment.rejected), (310, 0));
    let lines = pipeline.lines(|lines| lines.len() >= 310);
    let text = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    for position in (0..300).map(|number| format!("events/0/{number}\"")) {
        assert!(text.contains(&position), "{position}: {}", lines[0]);
    }
}

#[test]
fn the_python_package_of_opentelemetry_reads_what_is_sent() {
    let fake = Fake::start();
    let fleet = Fleet::of(&events(300), &administration(10));
    fleet.ship("siem", &json!({"type": "otlp", "url": format!("{}{OTLP}", fake.address)}));
    let bodies = fake.ask(|state| std::mem::take(&mut state.bodies));
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/validators/otlp_logs.py");
    let mut python = Command::new(fetched("validators/bin/python", "validators"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for body in bodies {
            input.write_all(&u32::try_from(body.len()).unwrap().to_be_bytes()).unwrap();
            input.write_all(&body).unwrap();
        }
    });
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let logs: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(logs.len(), 310);
    for log in logs {
        let body: Value = serde_json::from_str(log["body"].as_str().unwrap()).unwrap();
        assert_eq!(log["attributes"]["log.record.uid"], body["position"]);
        assert_eq!(log["attributes"]["tachograph.export_seq"], body["tachograph"]["export_seq"]);
        assert_eq!(log["event_name"], format!("tachograph.{}", body["kind"].as_str().unwrap()));
    }
}
