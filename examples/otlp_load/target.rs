//! The two programs that are sent to, each as a process with a directory of its own: how they are started, when all that they do is done, and how
//! many records came. What is sent, and what it costs, stand elsewhere.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cost::{Metrics, disk_bytes};
use crate::sender::Addresses;
use crate::server::Server;

/// How long a start may take, or what is done after the last answer.
const DEADLINE: Duration = Duration::from_mins(2);
/// Time between two looks at whether something is done.
const PAUSE: Duration = Duration::from_millis(20);

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The OpenTelemetry Collector with its `file` exporter.
    Collector,
    /// Ours.
    Tachograph,
}

impl Kind {
    /// What the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collector => "Collector, file",
            Self::Tachograph => "Tachograph",
        }
    }
}

/// A program that runs.
pub enum Target {
    Collector(Collector),
    Tachograph(Box<Tachograph>),
}

impl Target {
    /// Starts one with an empty directory.
    pub fn start(kind: Kind, binary: &Path, directory: &Path) -> Self {
        // The directory of the run before, if any.
        let _ = fs::remove_dir_all(directory);
        fs::create_dir_all(directory).unwrap();
        match kind {
            Kind::Collector => Self::Collector(Collector::start(binary, directory)),
            Kind::Tachograph => Self::Tachograph(Box::new(Tachograph::start(binary, directory))),
        }
    }

    /// Where it takes requests.
    pub fn addresses(&self) -> &Addresses {
        match self {
            Self::Collector(collector) => &collector.addresses,
            Self::Tachograph(tachograph) => &tachograph.addresses,
        }
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        match self {
            Self::Collector(collector) => collector.child.id(),
            Self::Tachograph(tachograph) => tachograph.server.id(),
        }
    }

    /// Waits until it has done everything with so many records, and says how many it has.
    pub fn finish(&mut self, records: u64) -> u64 {
        match self {
            Self::Collector(collector) => collector.finish(records),
            Self::Tachograph(tachograph) => tachograph.finish(),
        }
    }

    /// Bytes that it wrote.
    pub fn disk_bytes(&self) -> u64 {
        match self {
            Self::Collector(collector) => fs::metadata(&collector.file).unwrap().len(),
            Self::Tachograph(tachograph) => disk_bytes(&tachograph.data),
        }
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(self) {
        match self {
            Self::Collector(mut collector) => {
                let process = collector.child.id().to_string();
                assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
                collector.child.wait().unwrap();
            }
            Self::Tachograph(tachograph) => {
                tachograph.server.stop().unwrap();
            }
        }
    }
}

/// The Collector. Dropping it ends it.
pub struct Collector {
    child: Child,
    file: PathBuf,
    addresses: Addresses,
}

impl Collector {
    fn start(binary: &Path, directory: &Path) -> Self {
        let addresses = Addresses { http: free_address(), grpc: free_address(), token: String::new() };
        let file = directory.join("logs.jsonl");
        let config = directory.join("collector.yaml");
        let text = include_str!("../otlp_collector/collector.yaml")
            .replace("@HTTP@", &addresses.http)
            .replace("@GRPC@", &addresses.grpc)
            .replace("@FILE@", &file.display().to_string());
        fs::write(&config, text).unwrap();
        let child = Command::new(binary)
            .arg(format!("--config=file:{}", config.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(directory.join("collector.log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let collector = Self { child, file, addresses };
        let log = directory.join("collector.log");
        wait(&format!("the Collector to listen; see {}", log.display()), || {
            let listens = |address: &str| TcpStream::connect(address).is_ok();
            (listens(&collector.addresses.http) && listens(&collector.addresses.grpc)).then_some(())
        });
        collector
    }

    /// Each line of its file is an export request, each log record of which has one number in its session.
    fn finish(&self, records: u64) -> u64 {
        let mut lines = BufReader::with_capacity(1 << 20, File::open(&self.file).unwrap());
        let (mut found, mut line) = (0, Vec::new());
        wait("the Collector to write everything", || {
            // What is left of a line that was not whole stays in front of the rest.
            while lines.read_until(b'\n', &mut line).unwrap() > 0 && line.ends_with(b"\n") {
                found += memchr::memmem::find_iter(&line, br#"{"key":"event.sequence","#).count() as u64;
                line.clear();
            }
            (found >= records).then_some(found)
        })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ours.
pub struct Tachograph {
    binary: PathBuf,
    server: Server,
    data: PathBuf,
    addresses: Addresses,
}

impl Tachograph {
    fn start(binary: &Path, directory: &Path) -> Self {
        let data = directory.join("data");
        run(Command::new(binary).arg("init").arg(&data).args(["--log-name", "load.example/agents"]));
        let grants = [
            "token",
            "create",
            "--name",
            "load",
            "--role",
            "ingest",
            "--dialect",
            "otel",
            "--trust",
            "agent",
            "--data",
        ];
        let token = run(Command::new(binary).args(grants).arg(&data)).trim().to_owned();
        let addresses = Addresses { http: free_address(), grpc: free_address(), token };
        let config = directory.join("load.toml");
        let text = format!(
            "[store]\ndata = {:?}\n\n[listen]\nconsole = \"127.0.0.1:0\"\ningest = \"127.0.0.1:0\"\n\n[[collector]]\nname = \"agents\"\n\
             transport = \"otlp\"\ndialect = \"otel\"\nhttp = \"{}\"\ngrpc = \"{}\"\n",
            data.display(),
            addresses.http,
            addresses.grpc
        );
        fs::write(&config, text).unwrap();
        let server = Server::start(binary, &config).unwrap();
        Self { binary: binary.to_owned(), server, data, addresses }
    }

    /// Full files are sealed, detection has seen everything, and each record is a row that the dialect understood.
    fn finish(&self) -> u64 {
        wait("everything to be sealed and looked at", || {
            let metrics = Metrics::of(&self.server.console);
            let unsealed = metrics.value("tachograph_ledger_unsealed_files{ledger=\"events\"}");
            let lag = metrics.value("tachograph_consumer_lag_entries{consumer=\"detection\",ledger=\"events\"}");
            (unsealed == 0 && lag == 0).then_some(())
        });
        let understood = "kind IN ('model.tokens', 'approval', 'command', 'file.read', 'file.write', 'tool.result')";
        let query = format!("SELECT count(*) AS records FROM events WHERE {understood}");
        let told = run(Command::new(&self.binary).args(["sql", &query, "-o", "ndjson", "--data"]).arg(&self.data));
        let row: serde_json::Value = serde_json::from_str(&told).unwrap();
        row["records"].as_u64().unwrap()
    }
}

/// An address where nobody listens.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn wait<T>(what: &str, mut is_done: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(done) = is_done() {
            return done;
        }
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(PAUSE);
    }
}
