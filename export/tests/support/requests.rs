//! How a process of a harness tells of requests: a line for each, by which whoever kills others counts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How often somebody who waits for a request looks whether the forwarder still runs. Nothing depends on it.
const LOOK: Duration = Duration::from_millis(200);

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
