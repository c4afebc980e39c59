//! Verification of what is sealed: the manifests, every file that the newest one lists, and every root from the columns.
//!
//! Headers, inputs and states are small and are checked first, in order. The columns follow on several threads, one row
//! group in memory per thread.

mod columns;
pub(crate) mod encoding;
mod rows;
mod sidecars;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use proof::Digest;
use proof::tree::Frontier;
use sha2::{Digest as _, Sha256};

use crate::chain::{Chain, Statement, TreeHead};
use crate::error::VerifyError;
use crate::files::Files;
use crate::limits::{FAULTS_MAX, HASH_READ_BYTES};
use crate::manifest::{self, File, FileKind, Manifest, Segment};
use crate::name::LedgerName;
use crate::recorded::Recorded;
use crate::report::{Fault, Report};
use crate::table::Table;
use rows::check_rows;
use sidecars::{
    Positions, Sidecars, Tip, check_sidecars, load, mismatch, read_headers, read_inputs, read_secrets, read_state,
};

/// What is verified, and how.
#[derive(Clone)]
pub struct Scope<'a> {
    /// The files of the shard.
    pub files: &'a dyn Files,
    /// The ledger.
    pub ledger: LedgerName,
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
    pub(crate) manifest: Option<Manifest>,
    /// The chain of headers behind the last segment.
    pub chain: Chain,
    /// The position of every source behind the last segment.
    pub positions: Positions,
    /// What entries say about manifests.
    pub(crate) manifests: Recorded,
    /// Whether chain and positions were found whole. If not, what follows cannot be compared with them.
    pub sound: bool,
}

/// Verifies the sealed part of one shard and adds what it finds to `report`.
pub fn verify_segments(scope: &Scope<'_>, progress: &mut dyn FnMut(Progress), report: &mut Report) -> Sealed {
    let mut tip = Tip::of(scope.origin);
    let manifest = match verify_manifests(scope, report) {
        Ok(Some(manifest)) => manifest,
        unknown => {
            let sound = unknown.is_ok();
            let Tip { chain, positions, .. } = tip;
            let positions = positions.unwrap_or_default();
            return Sealed { manifest: None, chain, positions, manifests: Recorded::default(), sound };
        }
    };
    let mut work = Work {
        scope,
        report,
        progress,
        at: Progress { done: 0, total: total(&manifest) },
        found: Vec::new(),
        manifests: Recorded::default(),
    };
    let mut jobs = Vec::new();
    for (number, segment) in manifest.segments.iter().enumerate() {
        let sidecars = check_sidecars(scope.files, scope.shard, segment, &mut tip, &mut work.listener(number));
        jobs.extend(sidecars.is_some().then_some(Job::Rows(number)));
        for kind in [FileKind::Facts, FileKind::Content] {
            jobs.extend(segment.file(kind).map(|_| Job::Hash(number, kind)));
        }
    }
    work.columns(&manifest, &jobs);
    let manifests = work.finish(&manifest);
    let sound = tip.linked && tip.rooted && tip.positions.is_some();
    let positions = tip.positions.unwrap_or_default();
    Sealed { manifest: Some(manifest), chain: tip.chain, positions, manifests, sound }
}

/// The bytes that are read: sidecars once, columns once to hash the file and once to decode it.
fn total(manifest: &Manifest) -> u64 {
    let files = manifest.segments.iter().flat_map(|segment| &segment.files);
    files
        .map(|file| if file.kind.has_columns() { 2 } else { 1 } * u128::from(file.size))
        .sum::<u128>()
        .try_into()
        .unwrap_or(u64::MAX)
}

/// The newest manifest, and whether those that are kept name each other. `Err` if it cannot be read.
fn verify_manifests(scope: &Scope<'_>, report: &mut Report) -> Result<Option<Manifest>, ()> {
    let (ledger, shard) = (scope.ledger, scope.shard);
    let newest = match manifest::newest(scope.files) {
        Ok(Some(newest)) => newest,
        Ok(None) => return Ok(None),
        Err(error) => {
            let number = manifest::newest_number(scope.files).ok().flatten();
            report.error(ledger, shard, number.map_or(manifest::FOLDER.to_owned(), manifest::file_name), &error);
            return Err(());
        }
    };
    let mut fault = |number: u64, field: &str, what: String| {
        report.fault(Fault { ledger, shard, place: format!("{}, {field}", manifest::file_name(number)), what });
    };
    for (field, found, want) in [
        ("ledger", newest.ledger.clone(), ledger.to_string()),
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
                FileKind::Facts => segment.events(),
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
    let (ledger, shard) = (scope.ledger, scope.shard);
    let (mut number, mut named) = (newest.number, newest.previous);
    while let Some(previous) = number.checked_sub(1) {
        match manifest::load(scope.files, previous) {
            Ok(manifest) => {
                if named != Some(manifest.hash) {
                    let place = format!("{}, previous", manifest::file_name(number));
                    let what = format!("it does not name {} as it is", manifest::file_name(previous));
                    report.fault(Fault { ledger, shard, place, what });
                }
                (number, named) = (previous, manifest.previous);
            }
            Err(error) if error.is_missing() => return,
            Err(error) => return report.error(ledger, shard, manifest::file_name(previous), &error),
        }
    }
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
    Unreadable { place: String, error: VerifyError },
    Progress { stored: u64, parts: u64 },
    Entries(Recorded),
}

/// The work, and what was found so far.
struct Work<'a> {
    scope: &'a Scope<'a>,
    report: &'a mut Report,
    progress: &'a mut dyn FnMut(Progress),
    at: Progress,
    /// By number of the segment, so that the report is in order whatever the threads do.
    found: Vec<(usize, Told)>,
    manifests: Recorded,
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
            Told::Entries(found) => self.manifests.merge(found),
            found => self.found.push((segment, found)),
        }
    }

    /// Puts what was found into the report, in order of the segments.
    fn finish(mut self, manifest: &Manifest) -> Recorded {
        let (ledger, shard) = (self.scope.ledger, self.scope.shard);
        self.found.sort_by_key(|(segment, _)| *segment);
        for (_, told) in self.found {
            match told {
                Told::Fault { place, what } => self.report.fault(Fault { ledger, shard, place, what }),
                Told::Unreadable { place, error } => self.report.error(ledger, shard, place, &error),
                Told::Progress { .. } | Told::Entries(_) => {}
            }
        }
        // What a manifest says is no more than what its files hold, but nobody has found out yet whether it is true.
        let sum = |each: &dyn Fn(&Segment) -> u64| manifest.segments.iter().map(each).fold(0, u64::saturating_add);
        let bytes = |segment: &Segment| segment.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
        self.report.segments += manifest.segments.len() as u64;
        self.report.events = self.report.events.saturating_add(sum(&Segment::events));
        self.report.batches = self.report.batches.saturating_add(sum(&Segment::batches));
        self.report.bytes = self.report.bytes.saturating_add(sum(&bytes));
        self.at.done = self.at.total;
        (self.progress)(self.at);
        self.manifests
    }
}

fn run(scope: &Scope<'_>, manifest: &Manifest, job: Job, sender: &Sender<(usize, Told)>) {
    let (Job::Rows(number) | Job::Hash(number, _)) = job;
    let Some(segment) = manifest.segments.get(number) else { return };
    let mut listener = There { sender, segment: number, told: 0, entries: Recorded::default() };
    match job {
        Job::Hash(_, kind) => {
            if let Some(file) = segment.file(kind) {
                check_hash(scope.files, file, &mut listener);
            }
        }
        Job::Rows(_) => {
            // They were checked before; only their memory was given back. What changed since then shows as a root.
            let sidecars = load(scope.files, segment, FileKind::Headers, read_headers).and_then(|headers| {
                Ok(Sidecars { headers, secrets: load(scope.files, segment, FileKind::Secrets, read_secrets)? })
            });
            match sidecars {
                Ok(sidecars) => {
                    let table = Table::of(scope.ledger);
                    check_rows(scope.files, (table, scope.shard), segment, &sidecars, &mut listener);
                    let entries = std::mem::take(&mut listener.entries);
                    let _ = sender.send((number, Told::Entries(entries)));
                }
                Err(error) => {
                    let name = segment.file(FileKind::Headers).map_or("", |file| file.name.as_str());
                    listener.unreadable(name, String::new(), error);
                }
            }
        }
    }
}

/// Compares a file with the size and the hash in the manifest, without looking into it.
fn check_hash(files: &dyn Files, file: &File, listener: &mut dyn Listener) {
    let mut hash = || {
        let size = files.size(&file.name)?;
        let mut hasher = Sha256::new();
        // A file of another size, which may have no end, is not read.
        let mut at = if size == file.size { 0 } else { size };
        while at < size {
            let end = size.min(at + HASH_READ_BYTES);
            hasher.update(&files.read(&file.name, at..end)?);
            listener.progress(end - at, 0);
            at = end;
        }
        Ok((size, Digest(hasher.finalize().into())))
    };
    match hash().map_err(VerifyError::io("read", files.path(&file.name))) {
        Ok((size, hash)) => {
            if let Some((place, what)) = mismatch(file, size, || hash) {
                listener.fault(&file.name, place.to_owned(), what);
            }
        }
        Err(error) => listener.unreadable(&file.name, "file".to_owned(), error),
    }
}

/// The log at one of the sizes that the segments of a manifest hold; `None` if they hold no such size. It reads the headers of one
/// segment and the state of the one before.
pub(crate) fn head_at(files: &dyn Files, manifest: &Manifest, size: u64) -> Result<Option<TreeHead>, VerifyError> {
    let (mut log, mut next_seq) = (Frontier::default(), 0);
    let at = manifest.segments.partition_point(|segment| segment.end_batch < size);
    let Some(segment) = manifest.segments.get(at) else { return Ok(None) };
    if let Some(before) = at.checked_sub(1).and_then(|at| manifest.segments.get(at)) {
        (log, next_seq) = (load(files, before, FileKind::State, read_state)?.log, before.end_seq);
    }
    for header in load(files, segment, FileKind::Headers, read_headers)? {
        if log.size() >= size {
            break;
        }
        log.push(header.leaf_hash());
        next_seq = header.first_seq.saturating_add(u64::from(header.count));
    }
    Ok((log.size() == size).then(|| TreeHead { root: log.root(), next_seq }))
}

/// What the newest sealed batch that says anything of the other ledger says of it, as far as the last segment knows.
pub(crate) fn last_statement(
    (ledger, shard): (LedgerName, u32),
    files: &dyn Files,
    manifest: &Manifest,
    positions: &Positions,
) -> Result<Option<Statement>, VerifyError> {
    let key = Statement::key(ledger.other(), shard);
    let Some((value, segment)) = positions.get(&key).zip(manifest.segments.last()) else { return Ok(None) };
    let lists = load(files, segment, FileKind::Inputs, read_inputs)?;
    let batch = lists.iter().rposition(|list| list.iter().any(|input| input.key == key)).unwrap_or(0);
    Ok(Statement::read(segment.first_batch + batch as u64, value))
}

/// What a check says while it goes.
trait Listener {
    /// Something is not as it was recorded: the file, the place in it, and what is wrong.
    fn fault(&mut self, file: &str, place: String, what: String);
    /// A file or row group cannot be decoded.
    fn unreadable(&mut self, file: &str, place: String, error: VerifyError);
    /// So many stored bytes were checked, which hold so many bytes of parts.
    fn progress(&mut self, stored: u64, parts: u64);
    /// The facts of an entry of `operations`.
    fn entry(&mut self, _seq: u64, _facts: &[u8]) {}
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

    fn unreadable(&mut self, file: &str, at: String, error: VerifyError) {
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
    entries: Recorded,
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

    fn unreadable(&mut self, file: &str, at: String, error: VerifyError) {
        self.tell(Told::Unreadable { place: place(file, at), error });
    }

    fn progress(&mut self, stored: u64, parts: u64) {
        let _ = self.sender.send((self.segment, Told::Progress { stored, parts }));
    }

    fn entry(&mut self, seq: u64, facts: &[u8]) {
        self.entries.note(seq, facts);
    }
}
