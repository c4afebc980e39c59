//! How long a gateway waits for a decision: reserves and commits over loopback HTTP against a real server, one after the
//! other and many at once. Each decision waits for an fdatasync of its own or a shared one, so the disk's is printed too.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A benchmark that cannot run has nothing better to do than to stop.

#[path = "../load/connection.rs"]
mod connection;
#[path = "../../tests/harness/server.rs"]
mod server;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;

use connection::Connection;
use server::Server;

/// Asks a server for money and reports how long it takes.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server's binary.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// Where the data directory is made; its disk is what is measured.
    #[arg(long, value_name = "DIR", default_value = "bench-out")]
    directory: PathBuf,
    /// Gateways that ask at once, in phases.
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    gateways: Vec<usize>,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

const BUDGETS: &str = "[[budget]]\nname = \"all\"\ncap_usd = 1000000\nperiod = \"month\"\n\n\
                       [[budget]]\nname = \"team\"\ncap_usd = 1000000\nperiod = \"day\"\nteam = \"team\"\n";

fn main() {
    let arguments = Arguments::parse();
    let data = arguments.directory.join("data");
    // The directory of the run before, if any.
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&arguments.directory).unwrap();
    let token = prepare(&arguments.server, &data);
    let config = arguments.directory.join("reserve.toml");
    let listen = "console = \"127.0.0.1:0\"\ningest = \"127.0.0.1:0\"";
    std::fs::write(&config, format!("[store]\ndata = {:?}\n\n[listen]\n{listen}\n\n{BUDGETS}", data.display()))
        .unwrap();
    let server = Server::start(&arguments.server, &config).unwrap();
    for gateways in &arguments.gateways {
        let (reserve, commit) = run(&server.console, &token, *gateways, Duration::from_secs(arguments.seconds));
        let sync = syncs(&data.with_file_name("probe"));
        println!("{gateways} gateways, {} decisions/s", (reserve.len() + commit.len()) / arguments.seconds);
        for (name, times) in [("reserve", &reserve), ("commit", &commit), ("fdatasync", &sync)] {
            let at = |quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
            println!("  {name:<10} p50 {:>8.2} ms  p99 {:>8.2} ms  max {:>8.2} ms", at(0.5), at(0.99), at(1.0));
        }
    }
    server.stop().unwrap();
}

fn prepare(server: &Path, data: &Path) -> String {
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    run(Command::new(server).arg("init").arg(data).args(["--log-name", "load.example/agents"]));
    run(Command::new(server).args(["token", "create", "--name", "gateway", "--role", "budget", "--data"]).arg(data))
}

/// One phase: every gateway reserves and commits, one call after the other.
fn run(console: &str, token: &str, gateways: usize, duration: Duration) -> (Histogram<u64>, Histogram<u64>) {
    let started = Instant::now();
    let (mut reserve, mut commit) = (histogram(), histogram());
    std::thread::scope(|scope| {
        let gateways: Vec<_> = (0..gateways)
            .map(|number| {
                scope.spawn(move || {
                    let mut connection = Connection::open(console, token);
                    let (mut reserve, mut commit) = (histogram(), histogram());
                    let mut call = 0;
                    while started.elapsed() < duration {
                        let id = format!("{gateways}-{number}-{call}");
                        let asked = format!(r#"{{"id":"{id}","budgets":["all","team"],"micros":100}}"#);
                        ask(&mut connection, "reserve", &asked, &mut reserve);
                        ask(&mut connection, "commit", &format!(r#"{{"id":"{id}","micros":90}}"#), &mut commit);
                        call += 1;
                    }
                    (reserve, commit)
                })
            })
            .collect();
        for gateway in gateways {
            let (one, other) = gateway.join().unwrap();
            reserve.add(one).unwrap();
            commit.add(other).unwrap();
        }
    });
    (reserve, commit)
}

/// How long the disk takes for an fdatasync of one block when nothing else is asked of it.
fn syncs(path: &Path) -> Histogram<u64> {
    let (mut file, mut times) = (File::create(path).unwrap(), histogram());
    for _ in 0..200 {
        file.write_all(&[0x55; 4096]).unwrap();
        let started = Instant::now();
        file.sync_data().unwrap();
        times.record(started.elapsed().as_micros() as u64).unwrap();
    }
    std::fs::remove_file(path).unwrap();
    times
}

fn ask(connection: &mut Connection, action: &str, body: &str, times: &mut Histogram<u64>) {
    let asked = Instant::now();
    connection.post(&format!("/api/v1/budgets/{action}"), "Content-Type: application/json\r\n", body.as_bytes());
    times.record(asked.elapsed().as_micros() as u64).unwrap();
}

/// Microseconds up to a minute, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()
}
