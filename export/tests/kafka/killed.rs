//! A forwarder in a process of its own that is killed as `kill -9` does, wherever it is: between the sending of records and their commit
//! most of the time. And a broker that is killed once.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use export::{Config, Exporter};
use ledger::{Options, Store};
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, PATIENCE};
use crate::ground::{self, Ground, events, quick};
use crate::topic::{CHECKPOINTS, assert_each_once, create, read};

/// The variable with the folder of a run; without it the process has nothing to do.
const FOLDER: &str = "TACHOGRAPH_HARNESS_FOLDER";
const TOPIC: &str = "killed";

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Dice that a seed repeats (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[test]
#[ignore = "a process of the harness"]
fn forwarder_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let config: Config = serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
    let store = Store::open(&folder.join("data"), Options::default()).unwrap();
    let mut exporter = Exporter::new(&config, store.events(), store.operations(), [3; 32]).unwrap();
    exporter.set_timing(quick());
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(async {
        let stop = CancellationToken::new();
        let running = tokio::spawn(exporter.run(stop.clone()));
        ground::done(&store, &config).await;
        stop.cancel();
        running.await.unwrap();
    });
    store.stop();
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["killed::forwarder_process", "--exact", "--ignored", "--quiet"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// How many records stand in the topic, committed or not. A broker that was just started has no leaders yet.
fn end(consumer: &BaseConsumer) -> u64 {
    let until = Instant::now() + PATIENCE;
    loop {
        let ends =
            (0..3).map(|partition| consumer.fetch_watermarks(TOPIC, partition, PATIENCE).map(|(_, end)| end as u64));
        match ends.sum::<Result<u64, _>>() {
            Ok(end) => return end,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_when_forwarders_are_killed() {
    let long = variable("TACHOGRAPH_TORTURE") == Some(1);
    let seed = variable("TACHOGRAPH_SEED").unwrap_or_else(|| getrandom::u64().unwrap() >> 32).max(1);
    println!("seed {seed}: repeat with TACHOGRAPH_SEED={seed}");
    let (records, kills) = if long { (400_000, 100) } else { (40_000, 12) };
    let mut dice = Dice(seed);
    let mut broker = Broker::start();
    broker.create(CHECKPOINTS, 2, &[("cleanup.policy", "compact"), ("segment.ms", "1000")]);
    create(&broker, TOPIC);
    let ground = Ground::new();
    crate::run(ground.record(&events(0..records).collect::<Vec<_>>()));
    let config = json!({"sinks": [crate::sink(&broker, TOPIC, &json!({"timeout_seconds": 60}))]});
    std::fs::write(ground.directory.path().join("config.json"), config.to_string()).unwrap();
    let Ground { directory, store } = ground;
    store.stop();
    let consumer: BaseConsumer = broker.client().set("isolation.level", "read_uncommitted").create().unwrap();
    let (mut killed, mut began) = (0, end(&consumer));
    for kill in 0..kills {
        let mut child = start(directory.path());
        // Somewhere in the first transactions of this life; some are killed before they have sent anything.
        let wanted = began + dice.below(5_000);
        let until = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() && end(&consumer) < wanted {
            assert!(Instant::now() < until, "seed {seed}: nothing arrives");
        }
        let over = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        if over {
            break;
        }
        (killed, began) = (killed + 1, end(&consumer));
        if kill == kills / 2 {
            broker.restart();
        }
    }
    let status = start(directory.path()).wait().unwrap();
    assert!(status.success(), "seed {seed}");
    let (committed, all) = (read(&broker, TOPIC, "read_committed"), read(&broker, TOPIC, "read_uncommitted"));
    println!(
        "seed {seed}: Kafka, forwarder killed {killed} times, broker once: {records} records, {} sent in transactions that were aborted, {} committed",
        all.len() - committed.len(),
        committed.len()
    );
    assert_each_once(&committed, records);
}
