//! Receivers that others wrote, as processes of their own: rsyslog, syslog-ng and Tenzir. `make rsyslog`, `make syslog-ng` and `make validators`
//! fetch them. And a plain one, with which they are compared.

use std::fs::File;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use crate::ground::PATIENCE;
use crate::rsyslogd;

/// A receiver that runs until this is dropped.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn target(path: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join(path)
}

/// Waits until somebody listens on a port.
fn wait(port: u16, who: &str, log: &Path) {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < until, "{who} does not listen: {}", said());
        std::thread::yield_now();
    }
}

/// Starts rsyslog with a configuration in a directory, and waits until it listens on a port of TCP.
pub fn rsyslog(directory: &Path, configuration: &str, port: u16) -> Running {
    let running = Running(rsyslogd::spawn(directory, configuration));
    wait(port, "rsyslog", directory.join("log").as_path());
    running
}

/// Starts syslog-ng with a configuration in a directory, and waits until it listens on a port of TCP.
pub fn syslog_ng(directory: &Path, configuration: &str, port: u16) -> Running {
    let path = |name: &str| directory.join(name).display().to_string();
    std::fs::write(path("conf"), configuration).unwrap();
    let tools = target("tools/syslog-ng");
    let mut command = if tools.join("usr/sbin/syslog-ng").is_file() {
        let own = tools.join("usr/lib/syslog-ng");
        let folders = ["usr/lib", "lib"].map(|folder| tools.join(folder));
        let libraries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let libraries = libraries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        let libraries: Vec<String> = libraries.map(|path| path.display().to_string()).collect();
        let modules =
            std::fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        let mut command = Command::new(tools.join("usr/sbin/syslog-ng"));
        command.arg("--module-path").arg(modules).env("LD_LIBRARY_PATH", libraries.join(":"));
        command
    } else {
        Command::new("syslog-ng")
    };
    command.args([
        "--foreground",
        "--no-caps",
        "-f",
        &path("conf"),
        "-R",
        &path("persist"),
        "-c",
        &path("ctl"),
        "-p",
        &path("pid"),
    ]);
    let log = File::create(path("log")).unwrap();
    let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
    let child = child.unwrap_or_else(|error| panic!("syslog-ng is missing ({error}): `make syslog-ng` fetches it"));
    let running = Running(child);
    wait(port, "syslog-ng", directory.join("log").as_path());
    running
}

/// Starts a pipeline of Tenzir in a directory, and waits until it listens on a port of TCP. What comes is a line of JSON each in the file
/// `out` there.
pub fn tenzir(directory: &Path, source: &str, port: u16) -> Running {
    let program = target("validators/bin/tenzir");
    assert!(program.is_file(), "there is no {}: `make validators` fetches it", program.display());
    let [out, log] = ["out", "log"].map(|name| File::create(directory.join(name)).unwrap());
    let child = Command::new(program)
        .arg(format!("{source}\nwrite_ndjson\nsave_stdout"))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(log)
        .spawn()
        .unwrap();
    let running = Running(child);
    wait(port, "Tenzir", directory.join("log").as_path());
    running
}

/// A plain receiver of syslog over TCP, which keeps what it reads: its port, and each connection's bytes.
pub fn reference() -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut bytes = Vec::new();
            stream.unwrap().read_to_end(&mut bytes).unwrap();
            if sender.send(bytes).is_err() {
                return;
            }
        }
    });
    (port, bodies)
}
