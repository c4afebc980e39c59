//! The processes of a harness: the same test binary, started again in a role, which tells of each request in a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The variable with the folder of a run; without it the processes have nothing to do.
const FOLDER: &str = "TACHOGRAPH_HARNESS_FOLDER";
const RECORDS: &str = "TACHOGRAPH_HARNESS_RECORDS";
/// The variable with the seed.
pub const SEED: &str = "TACHOGRAPH_SEED";

/// How often somebody who waits for a request looks whether the forwarder still runs. Nothing depends on it.
const LOOK: Duration = Duration::from_millis(200);

/// What a process was started with.
pub struct Role {
    pub folder: PathBuf,
    pub seed: u64,
    pub records: u64,
}

/// The role of this process, if it is one of a harness.
pub fn role() -> Option<Role> {
    let folder = std::env::var(FOLDER).ok()?.into();
    Some(Role { folder, seed: variable(SEED)?, records: variable(RECORDS)? })
}

/// A number in the environment.
pub fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Starts this binary again in a role: the name of an ignored test.
pub fn start(role: &str, folder: &Path, seed: u64, records: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([role, "--exact", "--ignored", "--nocapture", "--quiet"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .env(RECORDS, records.to_string())
        .env("NO_PROXY", "*")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// One line for the harness. Nobody may be left to read it.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n{line}").and_then(|()| out.flush());
}

/// The lines of a process, until it ends.
pub fn listen(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.map(|line| sender.send(line)).take_while(Result::is_ok).count()
    });
    lines
}

/// Waits for the next request; `false` if the forwarder ended, because there is nothing more to send.
pub fn wait_for_request(lines: &Receiver<String>, forwarder: &mut Child) -> bool {
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) if line == "request" => return true,
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) if forwarder.try_wait().unwrap().is_none() => {}
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => {
                // Else it would ask nobody for ever.
                forwarder.kill().unwrap();
                panic!("the receiver ended");
            }
        }
    }
}
