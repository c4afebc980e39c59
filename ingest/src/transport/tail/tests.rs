//! Scripts over real files and a real ledger: rotation, cuts, restarts. The tailer's step is driven with made-up time.
//!
//! The lines are none that the dialect understands, so no id hides a line that is read twice.

mod blocked;
mod chances;
mod gathered;
mod rotation;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use ledger::Options;
use ledger::events::column;
use operations::access::Principal;
use operations::standing::State;

use super::*;
use crate::dialect;
use crate::fixtures::House;
use crate::metrics::Metrics;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Act {
    /// Text is appended to a file, which is made if it is not there.
    Write(&'static str, String),
    /// A file was last written to an hour ago.
    Old(&'static str),
    /// A file was last written to just now.
    Touch(&'static str),
    /// A file is renamed.
    Rename(&'static str, &'static str),
    Remove(&'static str),
    /// A file is cut to nothing; its inode stays.
    Cut(&'static str),
    /// A file is copied, over another one if that is there.
    Copy(&'static str, &'static str),
    /// A file is compressed under another name, and removed.
    Pack(&'static str, &'static str),
    /// A name leads to another file from now on.
    Link(&'static str, &'static str),
    /// All this happens before the clock of the file system ticks again: the directory keeps the time of its last change.
    InOneTick(Vec<Act>),
    /// The tailer steps until there is nothing to read.
    Step,
    /// Time passes.
    Wait(u64),
    /// The process dies and starts again.
    Restart,
}

use Act::{Copy, Cut, InOneTick, Link, Old, Pack, Remove, Rename, Restart, Step, Touch, Wait};

fn write(file: &'static str, text: &str) -> Act {
    Act::Write(file, text.to_owned())
}

struct Fixture {
    house: House,
    tailer: Tailer,
    metrics: Metrics,
    now: Instant,
    pattern: String,
    origin: Origin,
}

impl Fixture {
    fn new(pattern: &str, origin: Origin) -> Self {
        let house = House::new("");
        fs::create_dir(house.directory.path().join("logs")).unwrap();
        let (metrics, pattern) = (Metrics::default(), pattern.to_owned());
        let tailer = tailer(&house, &metrics, &pattern, origin);
        Self { house, tailer, metrics, now: Instant::now(), pattern, origin }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.house.directory.path().join("logs").join(file)
    }

    async fn restart(self, options: Options) -> Self {
        let Self { house, tailer: dead, metrics, now, pattern, origin } = self;
        drop(dead);
        let house = house.reopen_with(options).await;
        let tailer = tailer(&house, &metrics, &pattern, origin);
        Self { house, tailer, metrics, now, pattern, origin }
    }

    async fn act(mut self, act: Act) -> Self {
        match act {
            Act::Write(file, text) => {
                fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
                let mut file = OpenOptions::new().create(true).append(true).open(self.path(file)).unwrap();
                file.write_all(text.as_bytes()).unwrap();
            }
            Old(file) => {
                let hour_ago = std::time::SystemTime::now() - Duration::from_hours(1);
                OpenOptions::new().append(true).open(self.path(file)).unwrap().set_modified(hour_ago).unwrap();
            }
            Touch(file) => {
                let file = OpenOptions::new().append(true).open(self.path(file)).unwrap();
                file.set_modified(std::time::SystemTime::now()).unwrap();
            }
            Rename(from, to) => fs::rename(self.path(from), self.path(to)).unwrap(),
            Remove(file) => fs::remove_file(self.path(file)).unwrap(),
            Copy(from, to) => drop(fs::copy(self.path(from), self.path(to)).unwrap()),
            Pack(from, to) => {
                let (bytes, modified) = (fs::read(self.path(from)).unwrap(), fs::metadata(self.path(from)).unwrap());
                fs::write(self.path(to), packed(&bytes, to.ends_with("zst")).await).unwrap();
                // As gzip does.
                OpenOptions::new()
                    .append(true)
                    .open(self.path(to))
                    .unwrap()
                    .set_modified(modified.modified().unwrap())
                    .unwrap();
                fs::remove_file(self.path(from)).unwrap();
            }
            Link(file, link) => {
                fs::create_dir_all(self.path(link).parent().unwrap()).unwrap();
                let _ = fs::remove_file(self.path(link));
                std::os::unix::fs::symlink(self.path(file), self.path(link)).unwrap();
            }
            InOneTick(acts) => {
                let directory = fs::File::open(self.path("")).unwrap();
                let changed = directory.metadata().unwrap().modified().unwrap();
                for act in acts {
                    self = Box::pin(self.act(act)).await;
                }
                directory.set_modified(changed).unwrap();
            }
            Cut(file) => OpenOptions::new().write(true).open(self.path(file)).unwrap().set_len(0).unwrap(),
            Step => {
                // The first step looks for files; the others need hardly any time.
                self.now += limits::TAIL_SCAN_EVERY;
                for _ in 0..20 {
                    self.tailer.step(self.now).await.unwrap();
                    self.now += limits::TAIL_POLL_MIN;
                }
            }
            Wait(seconds) => self.now += Duration::from_secs(seconds),
            Restart => return self.restart(Options::default()).await,
        }
        self
    }
}

async fn packed(bytes: &[u8], zstd: bool) -> Vec<u8> {
    use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
    use tokio::io::AsyncWriteExt;
    if zstd {
        let mut encoder = ZstdEncoder::new(Vec::new());
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        return encoder.into_inner();
    }
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(bytes).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

fn tailer(house: &House, metrics: &Metrics, pattern: &str, origin: Origin) -> Tailer {
    let dialects = ["boundary", "auditd"];
    let name = dialects.into_iter().find(|name| pattern.starts_with(name)).unwrap_or("native");
    let channel = Channel::new("files", dialect::by_name(name).unwrap(), metrics);
    let logs = house.directory.path().join("logs");
    // A second pattern says where rotated files are.
    let (pattern, rotated) = pattern.split_once(" and ").map_or((pattern, None), |(one, other)| (one, Some(other)));
    let whole = |pattern: &str| logs.join(pattern).to_str().unwrap().to_owned();
    let paths = Paths::new(&whole(pattern), rotated.map(whole).as_deref()).unwrap();
    let inputs = house.store.events().inputs();
    let pipeline = Arc::clone(house.collectors.pipeline());
    Tailer::new(pipeline, channel, Arc::new(Principal::local()), &inputs, paths, origin, CancellationToken::new())
}

async fn check_from(origin: Origin, pattern: &str, name: &str, script: Vec<Act>, want: &[&str]) {
    let mut fixture = Fixture::new(pattern, origin);
    for act in script {
        fixture = fixture.act(act).await;
    }
    assert_eq!(fixture.house.records(), want, "{name}");
}

async fn check(pattern: &str, name: &str, script: Vec<Act>, want: &[&str]) {
    check_from(Origin::Beginning, pattern, name, script, want).await;
}

#[tokio::test]
async fn one_file_is_read_line_by_line() {
    check(
        "a",
        "lines",
        vec![Step, write("a", "1\n2\r\n\n3"), Step, write("a", "3\n4\n"), Step],
        &["1", "2", "33", "4"],
    )
    .await;
    check(
        "a",
        "restart",
        vec![write("a", "1\n2\n3"), Step, Restart, Step, write("a", "x\n4\n"), Step, Restart, Step],
        &["1", "2", "3x", "4"],
    )
    .await;
    check("a", "removed", vec![write("a", "1\n"), Step, Remove("a"), Step, write("a", "2\n"), Step], &["1", "2"]).await;
    check(
        "a",
        "not there at restart",
        vec![write("a", "1\n"), Step, Remove("a"), Restart, Step, write("a", "2\n"), Step],
        &["1", "2"],
    )
    .await;
}

#[tokio::test]
async fn a_rotated_file_is_read_to_its_end_before_the_new_one() {
    let rotate = |late: &str| {
        vec![write("a", "1\n"), Step, write("a", "2\n"), Rename("a", "a.1"), write("a.1", late), write("a", "9\n")]
    };
    let then = |mut script: Vec<Act>, more: Vec<Act>| {
        script.extend(more);
        script
    };
    check("a", "rename", then(rotate(""), vec![Step]), &["1", "2", "9"]).await;
    check("a", "late lines", then(rotate("3\n"), vec![Step]), &["1", "2", "3", "9"]).await;
    check("a", "later lines", then(rotate(""), vec![Step, write("a.1", "4\n"), Step]), &["1", "2", "9", "4"]).await;
    check("a", "rename and restart", then(rotate(""), vec![Restart, Step]), &["1", "2", "9"]).await;
    check(
        "a",
        "twice",
        then(rotate(""), vec![Rename("a.1", "a.2"), Rename("a", "a.1"), write("a", "10\n"), Step]),
        &["1", "2", "9", "10"],
    )
    .await;
    check(
        "a",
        "twice and restart",
        then(rotate(""), vec![Rename("a.1", "a.2"), Rename("a", "a.1"), write("a", "10\n"), Restart, Step]),
        &["1", "2", "9", "10"],
    )
    .await;
    check(
        "a",
        "unfinished",
        then(rotate("3"), vec![Step, Wait(1), Step, write("a.1", "x\n"), Step]),
        &["1", "2", "9", "3x"],
    )
    .await;
    check(
        "a",
        "given up",
        then(rotate("3"), vec![Step, Wait(9), Step, write("a", "10\n"), Step, Restart, Step]),
        &["1", "2", "9", "3", "10"],
    )
    .await;
    check(
        "a*",
        "pattern",
        then(rotate("3\n"), vec![Step, Wait(9), Step, write("a.1", "4\n"), Step, Restart, Step]),
        &["1", "2", "3", "9", "4"],
    )
    .await;
}

#[tokio::test]
async fn the_session_of_a_log_goes_on_over_rotation_and_restarts() {
    let start = |session: &str| {
        format!("time=2026-10-03T10:15:00Z level=INFO msg=\"boundary session started\" session_id={session}\n")
    };
    let request = "time=2026-10-03T10:16:00Z level=WARN msg=DENY method=GET url=https://x.example/ host=x.example\n";
    // Each process has a file of its own.
    let mut fixture = Fixture::new("boundary*.log", Origin::Beginning);
    for act in [
        Act::Write("boundary-1.log", start("s-1")),
        Act::Write("boundary-2.log", start("s-2")),
        Step,
        write("boundary-1.log", request),
        write("boundary-2.log", request),
        Step,
        Restart,
        write("boundary-1.log", request),
        Rename("boundary-1.log", "boundary-1.log.1"),
        write("boundary-1.log", request),
        Step,
        Wait(10),
        Step,
    ] {
        fixture = fixture.act(act).await;
    }
    let mut sessions = fixture.house.column(column::SESSION);
    sessions.sort();
    assert_eq!(sessions, ["s-1", "s-1", "s-1", "s-1", "s-2", "s-2"]);
    let joined = |kind: &String| kind == "joined:session-start";
    assert_eq!(fixture.house.column(column::ATTRIBUTION).iter().filter(|kind| joined(kind)).count(), 4);
}

#[tokio::test]
async fn files_that_were_there_before_the_first_start_are_read_as_configured() {
    let before = vec![write("a.1", "0\n"), Old("a.1"), write("a", "1\n"), Step];
    check("a", "beginning", before.clone(), &["1"]).await;
    check("a*", "pattern", before.clone(), &["0", "1"]).await;
    let end = |more: Vec<Act>| [before.clone(), more].concat();
    check_from(Origin::End, "a", "end", end(vec![write("a", "2\n"), Step]), &["2"]).await;
    check_from(Origin::End, "a", "end and restart", end(vec![Restart, write("a", "2\n"), Step]), &["2"]).await;
    check_from(Origin::End, "a", "written while down", end(vec![write("a", "2\n"), Restart, Step]), &["2"]).await;
    check_from(Origin::End, "a", "new file", end(vec![Rename("a", "a.2"), write("a", "2\n"), Step]), &["2"]).await;
}

#[tokio::test]
async fn a_file_that_was_cut_is_read_from_its_beginning() {
    check("a", "shorter", vec![write("a", "1\n2\n"), Step, Cut("a"), write("a", "3\n"), Step], &["1", "2", "3"]).await;
    check("a", "longer", vec![write("a", "1\n"), Step, Cut("a"), write("a", "3\n4\n5\n"), Step], &["1", "3", "4", "5"])
        .await;
    check("a", "unfinished", vec![write("a", "1\n2"), Step, Cut("a"), Step, write("a", "3\n"), Step], &["1", "2", "3"])
        .await;
    check(
        "a",
        "while down",
        vec![write("a", "1\n2\n"), Step, Cut("a"), write("a", "3\n"), Restart, Step],
        &["1", "2", "3"],
    )
    .await;
    // The same inode with another beginning is another file, as when an inode is used again.
    check(
        "a",
        "inode",
        vec![write("a", "1\n"), Step, Cut("a"), write("a", "3\n4\n"), Restart, Step, Restart, Step],
        &["1", "3", "4"],
    )
    .await;
    check(
        "a",
        "grown head",
        vec![write("a", "1\n"), Step, write("a", "2\n"), Step, Restart, Step, write("a", "3\n"), Restart, Step],
        &["1", "2", "3"],
    )
    .await;
}

#[tokio::test]
async fn a_line_that_is_too_long_is_kept_with_its_beginning() {
    let long = "x".repeat(limits::LINE_BYTES_MAX + 7);
    let kept = "x".repeat(limits::LINE_BYTES_MAX);
    let script = vec![write("a", &format!("1\n{long}\n")), Step, Restart, write("a", "2\n"), Step];
    check("a", "long", script, &["1", &kept, "2"]).await;
}

#[tokio::test]
async fn what_the_ledger_refused_is_read_again() {
    let fixture = Fixture::new("a", Origin::Beginning).act(write("a", "1\n2\n")).await;
    let mut fixture = fixture.restart(Options { reserve_bytes: u64::MAX, ..Options::default() }).await;
    let lag = |fixture: &Fixture| fixture.metrics.collector("files").lag.get();
    for _ in 0..3 {
        assert!(matches!(fixture.tailer.step(fixture.now).await, Err(PipelineError::Append(_))));
        assert_eq!(lag(&fixture), 4, "what is refused is still to be read");
    }
    fixture = fixture.act(write("a", "3\n")).await;
    assert!(matches!(fixture.tailer.step(fixture.now).await, Err(PipelineError::Append(_))));
    assert_eq!(lag(&fixture), 6, "and grows");
    let fixture = fixture.restart(Options::default()).await.act(Step).await;
    assert_eq!((fixture.house.records(), lag(&fixture)), (vec!["1".to_owned(), "2".to_owned(), "3".to_owned()], 0));
}

#[tokio::test]
async fn it_says_from_where_it_reads() {
    assert_eq!(Fixture::new("a", Origin::End).tailer.position(), "the ends of the files that are there");
    let mut fixture = Fixture::new("a*", Origin::Beginning);
    assert_eq!(fixture.tailer.position(), "the beginning");
    for act in [write("a", "1\n2\n3"), Step, Restart] {
        fixture = fixture.act(act).await;
    }
    assert_eq!(fixture.tailer.position(), "byte 4 of the file that was read");
    for act in [Step, write("ab", "x\n"), Step, Restart] {
        fixture = fixture.act(act).await;
    }
    assert_eq!(fixture.tailer.position(), "where it stopped in 2 files, of which 6 bytes were read");
}

#[tokio::test]
async fn its_numbers_say_what_happened() {
    let mut fixture = Fixture::new("a", Origin::Beginning);
    let acts =
        vec![write("a", "1\n2"), Step, Cut("a"), write("a", "3"), Step, Remove("a"), Restart, write("a", "4\n"), Step];
    for act in acts {
        fixture = fixture.act(act).await;
    }
    let metrics = fixture.metrics.collector("files");
    assert_eq!(
        (metrics.truncations.get(), metrics.missing.get(), metrics.files.get(), metrics.lag.get()),
        (1, 1, 1, 0)
    );
    assert_eq!(metrics.records.get(), fixture.house.rows().len() as u64);
    let reasons: Vec<String> = fixture.house.column(column::ACTION);
    assert!(reasons[1].contains("cut before the line ended"), "{reasons:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_until_it_can() {
    let fault = |fixture: &Fixture| {
        let standing = fixture.tailer.standing();
        standing.reason.map(|reason| (standing.state, reason))
    };
    let mut fixture = Fixture::new("a", Origin::Beginning).act(Step).await;
    let (kind, message) = fault(&fixture).unwrap();
    assert!(kind == State::Missing && message.contains("/logs/a: there is no such file"), "{message}");
    fs::create_dir(fixture.path("a")).unwrap();
    fixture = fixture.act(Step).await;
    assert!(matches!(fault(&fixture), Some((State::Unreadable, message)) if message.contains("irectory")));
    fs::remove_dir(fixture.path("a")).unwrap();
    // What cannot be opened is behind with all it has.
    fixture = fixture.act(write("a", "BZh91AY")).await.act(Step).await;
    let lag = |fixture: &Fixture| fixture.metrics.collector("files").lag.get();
    assert!(
        matches!(fault(&fixture), Some((State::Unreadable, message)) if message.contains("bzip2"))
            && lag(&fixture) == 7
    );
    fixture = fixture.act(write("a", "!")).await.act(Step).await;
    assert_eq!(lag(&fixture), 8);
    fixture = fixture.act(Remove("a")).await.act(Step).await;
    assert_eq!(lag(&fixture), 0);
    fixture = fixture.act(write("a", "1\n")).await.act(Step).await;
    assert_eq!((fault(&fixture), fixture.house.records()), (None, vec!["1".to_owned()]));
    // A file that goes is missed once its end was read and nothing took its place.
    fixture = fixture.act(Remove("a")).await.act(Step).await;
    assert_eq!(fault(&fixture), None);
    fixture = fixture.act(Wait(9)).await.act(Step).await.act(Step).await;
    assert!(matches!(fault(&fixture), Some((State::Missing, _))));
    let fixture = Fixture::new("*.log", Origin::Beginning).act(Step).await;
    assert!(matches!(fault(&fixture), Some((State::Missing, message)) if message.contains("no file matches")));
}
