//! Connections over memory into a real ledger: turns, ends, refusals, and places.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger::disk::{Disk, DiskFile, LocalDisk};
use ledger::events::column;
use ledger::{Options, SystemClock, TimeSource, Timestamp};
use operations::access::Trust;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::*;
use crate::fixtures::House;
use crate::timestamp;
use crate::transport::Serve;

/// A collector of syslog, whose streams the test reads.
fn house(trust: &str) -> (House, Streams) {
    let mut house = House::new(&format!(
        "[[collectors]]\nname = \"syslog\"\ntransport = \"syslog\"\ndialect = \"native\"\ntcp = \"127.0.0.1:0\"\n{trust}"
    ));
    let streams = streams(&mut house);
    (house, streams)
}

fn streams(house: &mut House) -> Streams {
    let (name, listening) = house.collectors.take_listening().remove(0);
    assert_eq!((name.as_str(), listening.setting, listening.tls), ("syslog", "tcp", Some(false)));
    match listening.serve {
        Serve::Streams(streams) => streams,
        Serve::Http1(_) | Serve::Http2(_) => panic!("it reads streams"),
    }
}

/// A connection that is read, its other end, and what tells it to end.
fn connect(streams: &Streams) -> (DuplexStream, CancellationToken, JoinHandle<()>) {
    let (ours, theirs) = duplex(64 << 10);
    let end = CancellationToken::new();
    let connection = Connected { wire: Box::new(theirs), peer: "a test".to_owned(), end: end.clone() };
    let streams = streams.clone();
    let read = tokio::spawn(async move { streams.read(connection).await });
    (ours, end, read)
}

fn record(number: usize) -> String {
    format!(r#"{{"time":"2026-10-03T08:15:04Z","kind":"command","source":"acme","source_id":"{number}"}}"#)
}

#[tokio::test]
async fn what_is_said_is_durable_when_the_connection_ends() {
    let (house, streams) = house("");
    let (mut peer, _end, read) = connect(&streams);
    for number in 0..1_000 {
        let message = format!("<13>1 - - - - - - {}", record(number));
        let framed = if number % 2 == 0 { format!("{} {message}", message.len()) } else { format!("{message}\n") };
        peer.write_all(framed.as_bytes()).await.unwrap();
    }
    peer.write_all(b"<13>1 - - - - - - cut o").await.unwrap();
    peer.shutdown().await.unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    read.await.unwrap();
    assert!(answer.is_empty());
    let ids: Vec<String> = (0..1_000).map(|number| number.to_string()).chain([String::new()]).collect();
    assert_eq!(house.column(column::SOURCE_ID), ids);
    assert_eq!(house.records().last().map(String::as_str), Some("cut o"), "a line that its sender ended");
}

#[tokio::test]
async fn a_message_is_seen_when_its_header_says_if_the_sender_is_believed() {
    let told = timestamp::parse("2026-10-03T08:15:05.5Z");
    for (trust, want) in [("trust = \"host\"", told), ("trust = \"workspace\"", None)] {
        let (house, streams) = house(trust);
        let (mut peer, _end, read) = connect(&streams);
        // Nobody may say that it was later than now.
        for time in ["2026-10-03T10:15:05.5+02:00", "2126-10-03T08:15:05Z"] {
            let message = format!("<13>1 {time} node-1 app - - - @cee: {}\n", record(time.len()));
            peer.write_all(message.as_bytes()).await.unwrap();
        }
        drop(peer);
        read.await.unwrap();
        let rows = house.rows();
        let seen: Vec<_> = rows.iter().map(|row| Some(row.time(column::OBSERVED)?.unix_micros())).collect();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0] == told, want.is_some(), "{trust}: {seen:?}");
        assert!(seen[1] > told && seen[1] < timestamp::parse("2126-01-01T00:00:00Z"), "{trust}: {seen:?}");
        let trusts = house.column(column::TRUST);
        assert!(trusts.iter().all(|word| word.parse::<Trust>().is_ok_and(|found| trust.contains(found.as_str()))));
    }
}

#[tokio::test]
async fn a_connection_that_is_told_to_end_says_so_and_keeps_what_came() {
    let (house, streams) = house("");
    let (mut peer, end, read) = connect(&streams);
    peer.write_all(format!("<13>1 - - - - - - {}\n<13>1 - - - - - - half", record(1)).as_bytes()).await.unwrap();
    end.cancel();
    // It ends its side first, and the peer's side ends with it although the peer never closed it.
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
    read.await.unwrap();
    assert_eq!(house.records(), [record(1), "<13>1 - - - - - - half".to_owned()]);
    assert_eq!(house.column(column::ACTION)[1], "the connection ended within a message");
    assert!(peer.write_all(b"more").await.is_err());
}

#[tokio::test]
async fn a_length_that_no_message_has_ends_its_connection_and_no_other() {
    let (house, streams) = house("");
    let (mut hostile, _, hostile_read) = connect(&streams);
    let (mut honest, _, honest_read) = connect(&streams);
    hostile.write_all(b"9999999999 <13>x").await.unwrap();
    hostile_read.await.unwrap();
    assert_eq!(hostile.read(&mut [0]).await.unwrap(), 0);
    honest.write_all(format!("<13>{}\n", record(1)).as_bytes()).await.unwrap();
    drop(honest);
    honest_read.await.unwrap();
    assert_eq!(house.records(), ["9999999999 ".to_owned(), record(1)]);
    assert_eq!(streams.told.keys(), ["a message states a length that no message has"]);
}

#[tokio::test]
async fn more_connections_than_turns_are_all_read() {
    let (house, streams) = house("");
    let mut open = Vec::new();
    // Most say half a message and stay: they hold no turn.
    for number in 0..limits::STREAM_TURNS_MAX * 2 {
        let (mut peer, end, read) = connect(&streams);
        let message = format!("<13>{}", record(number));
        peer.write_all(&message.as_bytes()[..message.len() / 2]).await.unwrap();
        open.push((peer, end, read, message));
    }
    for (mut peer, _end, read, message) in open {
        peer.write_all(&message.as_bytes()[message.len() / 2..]).await.unwrap();
        drop(peer);
        read.await.unwrap();
    }
    assert_eq!(house.rows().len(), limits::STREAM_TURNS_MAX * 2);
}

/// A clock that gives no time while somebody holds it: the writer asks for one with each commit.
#[derive(Debug, Default)]
struct Gate(Mutex<()>);

impl TimeSource for Gate {
    fn now(&self) -> Timestamp {
        let _open = self.0.blocking_lock();
        SystemClock.now()
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_read_no_further_than_the_ledger_takes() {
    let gate = Arc::new(Gate::default());
    let (house, _) = house("");
    let mut house = house.reopen_with(Options { clock: gate.clone(), ..Options::default() }).await;
    let streams = streams(&mut house);
    let (mut peer, _end, read) = connect(&streams);
    let held = gate.0.lock().await;
    // Nothing in these lines hides one that is recorded twice.
    let line = format!("a line {}\n", "x".repeat(4_000));
    let mut written = 0;
    while timeout(Duration::from_mins(1), peer.write_all(line.as_bytes())).await.is_ok() {
        written += 1;
        assert!(written < 1_000, "it is read without end");
    }
    drop(held);
    // The last line was cut by the test itself.
    drop(peer);
    read.await.unwrap();
    let found = house.rows().len();
    assert!(found == written || found == written + 1, "{found} of {written}");
}

/// A local disk that is full while it is told to be.
#[derive(Debug, Default)]
struct Full(AtomicBool);

impl Disk for Full {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        LocalDisk.create(path)
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        LocalDisk.open(path, write)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        LocalDisk.list(directory)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        LocalDisk.sync_directory(directory)
    }

    fn available(&self, directory: &Path) -> io::Result<u64> {
        if self.0.load(Ordering::SeqCst) { Ok(0) } else { LocalDisk.available(directory) }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_full_disk_refuses_is_held_and_recorded_once() {
    let disk = Arc::new(Full::default());
    let (house, _) = house("");
    let options = Options { disk: disk.clone(), retry_interval: Duration::from_millis(1), ..Options::default() };
    let mut house = house.reopen_with(options).await;
    let streams = streams(&mut house);
    let (mut peer, _end, read) = connect(&streams);
    disk.0.store(true, Ordering::SeqCst);
    // Nothing in these lines hides one that is recorded twice.
    let lines: Vec<String> = (0..50).map(|number| format!("line {number}")).collect();
    peer.write_all((lines.join("\n") + "\n").as_bytes()).await.unwrap();
    drop(peer);
    let watch = house.collectors.watch();
    while watch.status()[0].standing.state != State::Refused {
        sleep(Duration::from_millis(1)).await;
    }
    disk.0.store(false, Ordering::SeqCst);
    read.await.unwrap();
    assert_eq!(house.records(), lines);
    assert_ne!(watch.status()[0].standing.state, State::Refused);
}
