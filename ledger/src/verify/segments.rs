//! Verification of what is sealed: the manifests, every file that the newest one lists, and every root from the columns.
//!
//! Headers, inputs and states are small and are checked first, in order. The columns follow on several threads, one row
//! group in memory per thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use crate::batch::Chain;
use crate::blobs::Blobs;
use crate::column::Table;
use crate::error::LedgerError;
use crate::limits::FAULTS_MAX;
use crate::manifest::{self, FileKind, Manifest, SegmentEntry};
use crate::segment;
use crate::segment::chain::{Tip, check_hash, check_sidecars};
use crate::segment::check::{Expected, Listener, check_rows};
use crate::verify::{Fault, Report};

/// What is verified, and how.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// The files of the shard.
    pub blobs: &'a dyn Blobs,
    /// The columns of the ledger.
    pub table: &'static Table,
    /// The shard.
    pub shard: u32,
    /// Origin of the shard's log, as the data directory's identity says.
    pub origin: &'a str,
    /// Threads that decode and hash.
    pub threads: usize,
}

/// How far the work is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are done.
    pub done: u64,
    /// All bytes.
    pub total: u64,
}

/// Where the sealed part ends: the WAL goes on from here.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The newest manifest; `None` if nothing is sealed, or if it cannot be read, which is then in the report.
    pub manifest: Option<Manifest>,
    /// The chain of headers behind the last segment.
    pub chain: Chain,
    /// The position of every source behind the last segment.
    pub positions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether chain and positions were found whole. If not, what follows cannot be compared with them.
    pub sound: bool,
}

/// Verifies the sealed part of one shard and adds what it finds to `report`.
pub fn verify_segments(scope: &Scope<'_>, progress: &mut dyn FnMut(Progress), report: &mut Report) -> Sealed {
    let mut tip = Tip::new(scope.origin);
    let manifest = match verify_manifests(scope, report) {
        Ok(Some(manifest)) => manifest,
        unknown => {
            let sound = unknown.is_ok();
            let Tip { chain, positions, .. } = tip;
            return Sealed { manifest: None, chain, positions, sound };
        }
    };
    let mut work =
        Work { scope, report, progress, at: Progress { done: 0, total: total(&manifest) }, found: Vec::new() };
    let mut jobs = Vec::new();
    for (number, segment) in manifest.segments.iter().enumerate() {
        let sidecars = check_sidecars(scope.blobs, scope.shard, segment, &mut tip, &mut work.listener(number));
        jobs.extend(sidecars.is_some().then_some(Job::Rows(number)));
        for kind in [FileKind::Facts, FileKind::Content] {
            jobs.extend(segment.file(kind).map(|_| Job::Hash(number, kind)));
        }
    }
    work.columns(&manifest, &jobs);
    work.finish(&manifest);
    let sound = tip.linked && tip.rooted && tip.placed;
    Sealed { manifest: Some(manifest), chain: tip.chain, positions: tip.positions, sound }
}

/// The bytes that are read: sidecars once, columns once to hash the file and once to decode it.
fn total(manifest: &Manifest) -> u64 {
    let files = manifest.segments.iter().flat_map(|segment| &segment.files);
    files
        .map(
            |file| if matches!(file.kind, FileKind::Facts | FileKind::Content) { 2 } else { 1 } * u128::from(file.size),
        )
        .sum::<u128>()
        .try_into()
        .unwrap_or(u64::MAX)
}

/// The newest manifest, and whether those that are kept name each other. `Err` if it cannot be read.
fn verify_manifests(scope: &Scope<'_>, report: &mut Report) -> Result<Option<Manifest>, ()> {
    let (ledger, shard) = (scope.table.ledger, scope.shard);
    let newest = match manifest::newest(scope.blobs) {
        Ok(Some(newest)) => newest,
        Ok(None) => return Ok(None),
        Err(error) => {
            let number = newest_number(scope.blobs);
            report.error(ledger, shard, number.map_or(manifest::FOLDER.to_owned(), manifest::file_name), &error);
            return Err(());
        }
    };
    let mut fault = |number: u64, field: &str, what: String| {
        report.fault(Fault { ledger, shard, place: format!("{}, {field}", manifest::file_name(number)), what });
    };
    for (field, found, want) in [
        ("ledger", newest.ledger.to_string(), ledger.to_string()),
        ("shard", newest.shard.to_string(), shard.to_string()),
        ("origin", newest.origin.clone(), scope.origin.to_owned()),
    ] {
        if found != want {
            fault(newest.number, field, format!("it says {found:?}, and {want:?} belongs there"));
        }
    }
    for segment in &newest.segments {
        for file in &segment.files {
            let want = match file.kind {
                FileKind::Facts => segment.rows(),
                FileKind::Headers | FileKind::Inputs | FileKind::Secrets => segment.batches(),
                FileKind::Content | FileKind::State => continue,
            };
            if file.rows != want {
                fault(newest.number, "rows", format!("{} has {want} rows, and it says {}", file.name, file.rows));
            }
        }
    }
    verify_older(scope, &newest, report);
    Ok(Some(newest))
}

/// Walks back over the manifests that are kept. One that is missing ends the walk: older ones are deleted.
fn verify_older(scope: &Scope<'_>, newest: &Manifest, report: &mut Report) {
    let (ledger, shard) = (scope.table.ledger, scope.shard);
    let (mut number, mut named) = (newest.number, newest.previous);
    while let Some(previous) = number.checked_sub(1) {
        match manifest::load(scope.blobs, previous) {
            Ok(manifest) => {
                if named != Some(manifest.hash()) {
                    let place = format!("{}, previous", manifest::file_name(number));
                    let what = format!("it does not name {} as it is", manifest::file_name(previous));
                    report.fault(Fault { ledger, shard, place, what });
                }
                (number, named) = (previous, manifest.previous);
            }
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return report.error(ledger, shard, manifest::file_name(previous), &error),
        }
    }
}

fn newest_number(blobs: &dyn Blobs) -> Option<u64> {
    blobs.list(manifest::FOLDER).ok()?.iter().filter_map(|name| manifest::number_of(name)).max()
}

/// One piece of work on a segment's columns.
#[derive(Debug, Clone, Copy)]
enum Job {
    /// Recompute every root.
    Rows(usize),
    /// Hash a file.
    Hash(usize, FileKind),
}

/// What a thread tells about a segment.
enum Told {
    Fault { place: String, what: String },
    Unreadable { place: String, error: LedgerError },
    Progress { stored: u64, parts: u64 },
}

/// The work, and what was found so far.
struct Work<'a> {
    scope: &'a Scope<'a>,
    report: &'a mut Report,
    progress: &'a mut dyn FnMut(Progress),
    at: Progress,
    /// By number of the segment, so that the report is in order whatever the threads do.
    found: Vec<(usize, Told)>,
}

impl<'a> Work<'a> {
    /// A listener on this thread.
    fn listener(&mut self, segment: usize) -> Here<'_, 'a> {
        Here { work: self, segment }
    }

    /// Does the jobs on several threads and collects here what they tell.
    fn columns(&mut self, manifest: &Manifest, jobs: &[Job]) {
        let (next, scope) = (AtomicUsize::new(0), self.scope);
        let (sender, receiver) = channel();
        std::thread::scope(|threads| {
            for _ in 0..scope.threads.clamp(1, jobs.len().max(1)) {
                let (sender, next) = (sender.clone(), &next);
                threads.spawn(move || {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        run(scope, manifest, *job, &sender);
                    }
                });
            }
            drop(sender);
            for (segment, told) in receiver {
                self.take(segment, told);
            }
        });
    }

    fn take(&mut self, segment: usize, told: Told) {
        match told {
            Told::Progress { stored, parts } => {
                self.report.part_bytes += parts;
                self.at.done = (self.at.done + stored).min(self.at.total);
                (self.progress)(self.at);
            }
            found => self.found.push((segment, found)),
        }
    }

    /// Puts what was found into the report, in order of the segments.
    fn finish(mut self, manifest: &Manifest) {
        let (ledger, shard) = (self.scope.table.ledger, self.scope.shard);
        self.found.sort_by_key(|(segment, _)| *segment);
        for (_, told) in self.found {
            match told {
                Told::Fault { place, what } => self.report.fault(Fault { ledger, shard, place, what }),
                Told::Unreadable { place, error } => self.report.error(ledger, shard, place, &error),
                Told::Progress { .. } => {}
            }
        }
        // What a manifest says is no more than what its files hold, but nobody has found out yet whether it is true.
        let sum = |each: &dyn Fn(&SegmentEntry) -> u64| manifest.segments.iter().map(each).fold(0, u64::saturating_add);
        let bytes = |segment: &SegmentEntry| segment.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
        self.report.segments += manifest.segments.len() as u64;
        self.report.events = self.report.events.saturating_add(sum(&SegmentEntry::rows));
        self.report.batches = self.report.batches.saturating_add(sum(&SegmentEntry::batches));
        self.report.bytes = self.report.bytes.saturating_add(sum(&bytes));
        self.at.done = self.at.total;
        (self.progress)(self.at);
    }
}

fn run(scope: &Scope<'_>, manifest: &Manifest, job: Job, sender: &Sender<(usize, Told)>) {
    let (Job::Rows(number) | Job::Hash(number, _)) = job;
    let Some(segment) = manifest.segments.get(number) else { return };
    let mut listener = There { sender, segment: number, told: 0 };
    match job {
        Job::Hash(_, kind) => {
            if let Some(file) = segment.file(kind) {
                check_hash(scope.blobs, file, &mut listener);
            }
        }
        Job::Rows(_) => {
            // They were checked before; only their memory was given back. What changed since then shows as a root.
            let sidecars = segment::headers(scope.blobs, segment)
                .and_then(|headers| Ok((headers, segment::secrets(scope.blobs, segment)?)));
            match sidecars {
                Ok((headers, secrets)) => {
                    let expected = Expected {
                        table: scope.table,
                        shard: scope.shard,
                        headers: &headers,
                        secrets: &secrets,
                        blocks: None,
                    };
                    check_rows(scope.blobs, segment, expected, &mut listener);
                }
                Err(error) => {
                    let name = segment.file(FileKind::Headers).map_or("", |file| file.name.as_str());
                    listener.unreadable(name, String::new(), error);
                }
            }
        }
    }
}

/// The place in words: the file, and where in it.
fn place(file: &str, place: String) -> String {
    match (file, place.as_str()) {
        (file, "" | "file") => file.to_owned(),
        ("", _) => place,
        _ => format!("{file}, {place}"),
    }
}

/// Listens on the thread that collects.
struct Here<'a, 'b> {
    work: &'a mut Work<'b>,
    segment: usize,
}

impl Listener for Here<'_, '_> {
    fn fault(&mut self, file: &str, at: String, what: String) {
        self.work.take(self.segment, Told::Fault { place: place(file, at), what });
    }

    fn unreadable(&mut self, file: &str, at: String, error: LedgerError) {
        self.work.take(self.segment, Told::Unreadable { place: place(file, at), error });
    }

    fn progress(&mut self, stored: u64, parts: u64) {
        self.work.take(self.segment, Told::Progress { stored, parts });
    }
}

/// Listens on another thread; it tells a bounded number of faults.
struct There<'a> {
    sender: &'a Sender<(usize, Told)>,
    segment: usize,
    told: usize,
}

impl There<'_> {
    fn tell(&mut self, told: Told) {
        self.told += 1;
        if self.told <= FAULTS_MAX {
            // The receiver lives as long as the threads.
            let _ = self.sender.send((self.segment, told));
        }
    }
}

impl Listener for There<'_> {
    fn fault(&mut self, file: &str, at: String, what: String) {
        self.tell(Told::Fault { place: place(file, at), what });
    }

    fn unreadable(&mut self, file: &str, at: String, error: LedgerError) {
        self.tell(Told::Unreadable { place: place(file, at), error });
    }

    fn progress(&mut self, stored: u64, parts: u64) {
        let _ = self.sender.send((self.segment, Told::Progress { stored, parts }));
    }
}
