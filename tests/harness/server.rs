//! Starts and stops the real server as a process of its own: for the whole-program tests and for the load generator.
//!
//! Nothing here sleeps: the server says in its log when it is ready and where it listens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a start or a stop may take before it is a failure.
const DEADLINE: Duration = Duration::from_mins(1);

/// A running server. Dropping it is `kill -9`: it gets no chance to finish anything.
pub struct Server {
    child: Child,
    log: Receiver<Value>,
    /// Address of the console, `host:port`.
    pub console: String,
    /// Address of intake.
    pub ingest: String,
}

impl Server {
    /// Starts `serve` with a configuration file and waits until it is ready. The error is what it said instead.
    pub fn start(binary: &Path, config: &Path) -> Result<Self, String> {
        Self::start_by(&mut Command::new(binary), config)
    }

    /// The same by a command that says where and with what else the program runs.
    pub fn start_by(command: &mut Command, config: &Path) -> Result<Self, String> {
        Self::start_as(command, "serve", config)
    }

    /// The same of another subcommand that says when it is ready and where it listens.
    pub fn start_as(command: &mut Command, subcommand: &str, config: &Path) -> Result<Self, String> {
        let mut child = command
            .args(["--log-format", "json", "--log", "info", subcommand, "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let stderr = child.stderr.take().ok_or("no standard error")?;
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                // Nobody listens any more once the test is over; the pipe is drained all the same.
                let _ = sender.send(value);
            }
        });
        let mut server = Self { child, log, console: String::new(), ingest: String::new() };
        let ready = server.wait_for_log("ready")?;
        let address = |name: &str| ready[name].as_str().map(str::to_owned).ok_or(format!("no {name} in {ready}"));
        server.console = address("console")?;
        server.ingest = address("ingest")?;
        Ok(server)
    }

    /// Waits for a log line with this message.
    pub fn wait_for_log(&self, message: &str) -> Result<Value, String> {
        self.wait_for_line(message, |line| line["message"] == message)
    }

    /// Waits for a line of its log of which something holds; `what` says which one, for people. It is asked of every line.
    pub fn wait_for_line(&self, what: &str, mut holds: impl FnMut(&Value) -> bool) -> Result<Value, String> {
        let deadline = Instant::now() + DEADLINE;
        let mut said = Vec::new();
        loop {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if holds(&line) => return Ok(line),
                Ok(line) => said.push(line.to_string()),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("no {what:?} in time; it said:\n{}", said.join("\n")));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(format!("it ended; it said:\n{}", said.join("\n"))),
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<ExitStatus, String> {
        self.signal("TERM")?;
        let deadline = Instant::now() + DEADLINE;
        // The pipe of its log closes when it ends.
        while Instant::now() < deadline {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().map_err(|error| error.to_string()),
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        Err("it did not stop in time".to_owned())
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) -> Result<(), String> {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        if status.map_err(|error| error.to_string())?.success() { Ok(()) } else { Err(format!("kill -{name} failed")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
