//! A process of ours that reads Kafka: this test's binary once more, with a store and collectors, so that it can be killed as
//! `kill -9` does. It tells on standard output what becomes durable and how it stands, has its ledger stand still when its standard
//! input says `hold`, until that says `go`, and ends in order with it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ingest::collectors::Collectors;
use ingest::config::Config;
use ingest::metrics::Metrics;
use ledger::{LedgerName, Options, ReadLimit, Rows, Seq, Store, SystemClock, TimeSource, Timestamp};
use operations::access::{Authorize, Principal};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::broker::PATIENCE;

/// The directory that a member is started on.
const DIRECTORY: &str = "TACHOGRAPH_TEST_KAFKA_DIRECTORY";
/// Begins what a member tells.
const TELLS: &str = "TELLS ";

/// A data directory with the configuration of its collectors.
pub struct Ground {
    directory: TempDir,
}

impl Ground {
    /// A new one; `{broker}` in the configuration is where the broker listens.
    pub fn new(configuration: &str, broker: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Store::init(&directory.path().join("data"), "acme.example/agents").unwrap();
        let configuration = configuration.replace("{broker}", broker);
        std::fs::write(directory.path().join("config.toml"), configuration).unwrap();
        Self { directory }
    }

    /// Starts a member on it. There must be one at a time.
    pub fn start(&self) -> Member {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["member::member", "--exact", "--ignored", "--nocapture"]).env(DIRECTORY, self.directory.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (output, input) = (child.stdout.take().unwrap(), child.stdin.take());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some((_, told)) = line.split_once(TELLS) {
                    let _ = sender.send(told.to_owned());
                }
            }
        });
        Member { child, input, lines, durable: 0 }
    }

    /// What the ledger holds while no member runs: all rows, and the newest position of each source.
    pub fn ledger(&self) -> (Rows, std::collections::BTreeMap<String, String>) {
        let store = Store::open(&self.directory.path().join("data"), Options::default()).unwrap();
        let reader = store.events().reader();
        let limit = ReadLimit { rows: 1 << 16, bytes: 256 << 20 };
        let mut all = Rows::new(LedgerName::Events, store.events().shard(), Seq::FIRST);
        while all.next_seq < reader.durable().unwrap().next_seq {
            all.append(reader.read(all.next_seq, true, limit).unwrap());
        }
        // Others keep bytes that are no text there.
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let inputs = store.events().inputs().into_iter().map(|(key, value)| (text(key), text(value))).collect();
        store.stop();
        (all, inputs)
    }
}

/// A member that runs.
pub struct Member {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    durable: u64,
}

impl Member {
    /// Waits until so many rows are durable.
    pub fn wait_for_rows(&mut self, rows: u64) {
        while self.durable < rows {
            self.next(&format!("{rows} rows, of which {} are durable", self.durable));
        }
    }

    /// Waits until it tells something.
    pub fn wait_for(&mut self, what: impl Fn(&str) -> bool, name: &str) {
        while !what(&self.next(name)) {}
    }

    fn next(&mut self, what: &str) -> String {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no {what}: {error}"));
        if let Some(rows) = line.strip_prefix("durable ") {
            self.durable = rows.parse().unwrap();
        }
        line
    }

    /// Has its ledger stand still (`hold`), or go on (`go`).
    pub fn order(&mut self, word: &str) {
        writeln!(self.input.as_mut().unwrap(), "{word}").unwrap();
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has it end in order.
    pub fn stop(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A clock that gives no time while somebody holds it: the writer asks for one with each commit.
#[derive(Debug, Default)]
struct Gate(Arc<Mutex<()>>);

impl TimeSource for Gate {
    fn now(&self) -> Timestamp {
        let _open = self.0.blocking_lock();
        SystemClock.now()
    }
}

struct Nobody;

impl Authorize for Nobody {
    fn authorize(&self, _secret: &str) -> Option<Arc<Principal>> {
        None
    }
}

/// What a member does. It is started by the tests, and does nothing by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the tests start it as a process of its own"]
async fn member() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let config: Config = toml::from_str(&std::fs::read_to_string(directory.join("config.toml")).unwrap()).unwrap();
    assert_eq!(config.check(), []);
    let gate = Arc::<Mutex<()>>::default();
    let options = Options { clock: Arc::new(Gate(Arc::clone(&gate))), ..Options::default() };
    let data = directory.join("data");
    let store = tokio::task::spawn_blocking(move || Store::open(&data, options).unwrap()).await.unwrap();
    let (metrics, stop, key) = (Metrics::default(), CancellationToken::new(), store.fingerprint_key());
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let collectors = Collectors::start(&config, store.events(), key, Arc::new(Nobody), metrics, stop.clone()).unwrap();
    let mut durable = store.events().reader().watch().unwrap();
    let (sender, mut orders) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut held = None;
    let (watch, mut told) = (collectors.watch(), String::new());
    let mut look = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            order = orders.recv() => match order.as_deref() {
                None => break,
                Some("hold") => held = Some(Arc::clone(&gate).lock_owned().await),
                Some(_) => drop(held.take()),
            },
            changed = durable.changed() => {
                changed.unwrap();
                println!("{TELLS}durable {}", durable.borrow_and_update().next_seq);
            }
            _ = look.tick() => {
                let now = state(&watch, &registry);
                if now != told {
                    println!("{TELLS}{now}");
                    told = now;
                }
            }
        }
    }
    let since = Instant::now();
    drop(held);
    collectors.stop().await;
    eprintln!("stopped after {} ms", since.elapsed().as_millis());
    drop(collectors);
    store.stop();
}

/// How the collectors stand, and how far behind they are, in one line.
fn state(watch: &ingest::collectors::Watch, registry: &Registry) -> String {
    let standing = |status: ingest::collectors::Status| {
        format!("{} is {} {}; ", status.name, status.standing.state, status.standing.reason.unwrap_or_default())
    };
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    let lags = text.lines().filter(|line| line.starts_with("tachograph_ingest_partition_lag{"));
    let lags: Vec<&str> = lags.collect();
    watch.status().into_iter().map(standing).collect::<String>() + &lags.join(" ")
}
