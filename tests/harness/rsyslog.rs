//! A real rsyslog, as a process of its own, that forwards what is said on a socket, or that writes down what it receives. `make rsyslog`
//! fetches it. It names nothing of other packages, so that tests of all of them can use it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

    /// Starts it in a directory with a configuration, and waits until it listens on a port of TCP.
    pub fn receive(directory: &Path, configuration: &str, port: u16) -> Self {
        let rsyslog = Self { child: spawn(directory, configuration), log: directory.join("log") };
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
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

/// Starts it in a directory.
fn spawn(directory: &Path, configuration: &str) -> Child {
    let path = |name: &str| directory.join(name).display().to_string();
    std::fs::write(path("conf"), configuration).unwrap();
    let mut command = match tools() {
        Some(tools) => {
            let libraries = std::fs::read_dir(tools.join("usr/lib")).unwrap();
            let libraries =
                libraries.map(|entry| entry.unwrap().path()).find(|path| path.join("rsyslog").is_dir()).unwrap();
            // Modules that were not fetched may be those of the system.
            let installed = Path::new("/usr/lib").join(libraries.file_name().unwrap()).join("rsyslog");
            let modules = format!("{}:{}", libraries.join("rsyslog").display(), installed.display());
            let mut command = Command::new(tools.join("usr/sbin/rsyslogd"));
            command.arg("-M").arg(modules).env("LD_LIBRARY_PATH", libraries);
            command
        }
        None => Command::new("rsyslogd"),
    };
    command.args(["-n", "-f", &path("conf"), "-i", &path("pid")]).stdin(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("rsyslogd is missing ({error}): `make rsyslog` fetches it"))
}

/// Where `make rsyslog` puts it, if it did.
fn tools() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join("tools/rsyslog");
    tools.join("usr/sbin/rsyslogd").is_file().then_some(tools)
}
