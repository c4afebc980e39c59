//! A real rsyslog, as a process of its own, that forwards what is said on a socket. `make rsyslog` fetches it. It names nothing of
//! `ingest`, so that its tests can use it, too.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::rsyslogd::spawn;

/// How long it may take to begin or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running rsyslog, until it is dropped: that is `kill -9`.
pub struct Rsyslog {
    child: Child,
    log: PathBuf,
}

/// What has it forward all that it gets to an address, in this way, and try for ever.
pub fn forward(address: &str, how: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap();
    format!(
        "action(type=\"omfwd\" target=\"{host}\" port=\"{port}\" protocol=\"tcp\" {how} \
         action.resumeInterval=\"1\" action.resumeRetryCount=\"-1\")\n"
    )
}

impl Rsyslog {
    /// Starts it in a directory with these actions, and waits until it listens.
    pub fn start(directory: &Path, actions: &str) -> Self {
        let path = |name: &str| directory.join(name).display().to_string();
        let configuration = format!(
            "global(workDirectory={:?} maxMessageSize=\"128k\" parser.escapeControlCharactersOnReceive=\"off\")\n\
             module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imuxsock\" Socket={:?} IgnoreTimestamp=\"off\" UseSysTimeStamp=\"off\" RateLimit.Interval=\"0\")\n\
             {actions}",
            directory.display().to_string(),
            path("log"),
        );
        let rsyslog = Self { child: spawn(directory, &configuration), log: directory.join("log") };
        let until = Instant::now() + PATIENCE;
        while UnixDatagram::unbound().unwrap().connect(&rsyslog.log).is_err() {
            assert!(Instant::now() < until, "rsyslog does not listen");
            std::thread::yield_now();
        }
        rsyslog
    }

    /// Says messages to it.
    pub fn say(&self, messages: impl IntoIterator<Item = String>) {
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(&self.log).unwrap();
        for message in messages {
            socket.send(message.as_bytes()).unwrap();
        }
    }

    /// Has it end in order.
    pub fn stop(mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success() && self.child.wait().unwrap().success());
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
