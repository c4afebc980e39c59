//! What whole-program tests share: a world of its own for each test, the real binary, and as much HTTP as they need.

pub mod broker;
pub mod http;
pub mod opensearch;
pub mod port;
pub mod producer;
pub mod receiver;
pub mod rsyslog;
pub mod rsyslogd;
pub mod server;
pub mod tls;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;
use server::Server;

/// How long rows may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(2);

/// An address that nothing listens on at this moment.
pub fn free_address() -> String {
    format!("127.0.0.1:{}", port::free_port())
}

/// The program under test.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tachograph"))
}

/// A program of Prometheus, Alertmanager among them: where `make prometheus` puts it, or from the path.
pub fn prometheus(name: &str) -> Command {
    let fetched = binary().ancestors().nth(2).map(|target| target.join("tools/prometheus/usr/bin").join(name));
    Command::new(fetched.filter(|program| program.is_file()).unwrap_or_else(|| PathBuf::from(name)))
}

/// A directory with a ledger and a configuration, gone after the test.
pub struct World {
    directory: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ended {
    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Panics unless the command succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl World {
    /// An empty directory.
    pub fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// A directory with a new ledger and this configuration after the usual head.
    #[track_caller]
    pub fn new(configuration: &str) -> Self {
        Self::with_store("", configuration)
    }

    /// The same with these settings in the table of the store.
    #[track_caller]
    pub fn with_store(store: &str, configuration: &str) -> Self {
        let world = Self::empty();
        world.run(&["init", world.data().to_str().unwrap(), "--log-name", "test.example/agents"]).ok();
        world.write_configuration(store, "", configuration);
        world
    }

    /// Replaces the configuration.
    pub fn configure(&self, configuration: &str) {
        self.write_configuration("", "", configuration);
    }

    /// Replaces the configuration, with these settings in the table of the listeners.
    pub fn configure_listeners(&self, listen: &str, configuration: &str) {
        self.write_configuration("", listen, configuration);
    }

    fn write_configuration(&self, store: &str, listen: &str, configuration: &str) {
        let head = format!(
            "[store]\ndata = {:?}\n{store}\n[listen]\nconsole = \"127.0.0.1:0\"\ningest = \"127.0.0.1:0\"\n{listen}\n",
            self.data().display()
        );
        std::fs::write(self.config(), head + configuration).unwrap();
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("tachograph.toml")
    }

    /// Runs a command in this world.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// A command in this world, to be started by the test.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for name in
            ["CA_FILE", "CONFIG", "SERVER", "TOKEN", "LOG", "LOG_FORMAT"].map(|name| format!("TACHOGRAPH_{name}"))
        {
            command.env_remove(name);
        }
        command.args(arguments).env("TACHOGRAPH_DATA", self.data()).current_dir(self.directory.path());
        command
    }

    /// Starts the server and waits until it is ready.
    #[track_caller]
    pub fn serve(&self) -> Server {
        Server::start(binary(), &self.config()).unwrap()
    }

    /// Creates a token and returns its secret.
    #[track_caller]
    pub fn token(&self, name: &str, grants: &[&str]) -> String {
        let arguments = [&["token", "create", "--name", name], grants].concat();
        self.run(&arguments).ok().out.trim().to_owned()
    }

    /// The rows of a query on the directory.
    #[track_caller]
    pub fn sql(&self, query: &str) -> Vec<Value> {
        let ended = self.run(&["sql", query, "-o", "ndjson"]).ok();
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Follows the ledger until it has this many rows that the arguments of `tail` select.
    #[track_caller]
    pub fn wait_for(&self, rows: u64, selection: &[&str]) {
        let rows = rows.to_string();
        let arguments = [&["tail", "--from", "start", "-n", rows.as_str()], selection].concat();
        let mut tail = self.command(&arguments).stdout(Stdio::null()).spawn().unwrap();
        let process = tail.id().to_string();
        let (sender, ended) = channel();
        let waiting = std::thread::spawn(move || sender.send(tail.wait().unwrap()));
        let Ok(status) = ended.recv_timeout(PATIENCE) else {
            // It may have ended in this moment.
            let _ = Command::new("kill").arg(&process).status();
            panic!("there were not {rows} rows of {selection:?} in time");
        };
        waiting.join().unwrap().unwrap();
        assert!(status.success());
    }
}
