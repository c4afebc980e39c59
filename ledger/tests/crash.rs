//! Power loss, simulated: after any crash the acknowledged rows are there, once, in order, and nothing is called corrupt.
//!
//! A disk in memory keeps what was synced apart from what was only written; a crash lets each written page of 4 KiB
//! survive, vanish or turn to zeros, and each file keep its old or its new length. `CRASH_SEED=n` repeats one state.

// A test that meets what it does not expect should stop there and say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ledger::disk::{Disk, DiskFile, LocalDisk};
use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options, ReadLimit, Seq, Store, Table};

const PAGE: usize = 4_096;
/// Crash states that one run of the test looks at.
const STATES: u64 = 120;

/// A small generator, so that a seed repeats a state on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[derive(Debug, Default)]
struct Bytes {
    durable: Vec<u8>,
    current: Vec<u8>,
}

#[derive(Debug, Default, Clone)]
struct SimFile(Arc<Mutex<Bytes>>);

#[derive(Debug, Default)]
struct SimDisk {
    files: Mutex<BTreeMap<PathBuf, SimFile>>,
    /// Syncs that still succeed; then the machine is gone.
    syncs_left: Arc<Mutex<u64>>,
}

impl DiskFile for SimFileOn {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut file = self.file.0.lock().expect("whole");
        let end = offset as usize + bytes.len();
        if file.current.len() < end {
            file.current.resize(end, 0);
        }
        file.current[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let file = self.file.0.lock().expect("whole");
        let from = file.current.get(offset as usize..offset as usize + bytes.len());
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut left = self.syncs_left.lock().expect("whole");
        *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power is gone"))?;
        let mut file = self.file.0.lock().expect("whole");
        let current = file.current.clone();
        file.durable = current;
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.0.lock().expect("whole").current.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.0.lock().expect("whole").current.resize(len as usize, 0);
        Ok(())
    }

    fn allocate(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Ok(())
    }
}

/// A file with the disk's budget of syncs.
#[derive(Debug)]
struct SimFileOn {
    file: SimFile,
    syncs_left: Arc<Mutex<u64>>,
}

impl SimDisk {
    fn on(&self, file: &SimFile) -> Arc<dyn DiskFile> {
        Arc::new(SimFileOn { file: file.clone(), syncs_left: Arc::clone(&self.syncs_left) })
    }

    /// The disk after a loss of power.
    fn crash(&self, random: &mut Random) -> Self {
        let files = self.files.lock().expect("whole");
        let survive = |file: &SimFile, random: &mut Random| {
            let file = file.0.lock().expect("whole");
            let grown = file.current.len() > file.durable.len() && random.below(2) == 0;
            let mut bytes = file.durable.clone();
            if grown || file.current.len() < file.durable.len() && random.below(2) == 0 {
                bytes.resize(file.current.len(), 0);
            }
            for (at, page) in bytes.chunks_mut(PAGE).enumerate() {
                let new = &file.current[(at * PAGE).min(file.current.len())..];
                let new = &new[..new.len().min(page.len())];
                match random.below(3) {
                    0 => page[..new.len()].copy_from_slice(new),
                    // Only what was never durable can turn to zeros.
                    1 => page[file.durable.len().saturating_sub(at * PAGE).min(new.len())..].fill(0),
                    _ => {}
                }
            }
            SimFile(Arc::new(Mutex::new(Bytes { durable: bytes.clone(), current: bytes })))
        };
        let files = files.iter().map(|(path, file)| (path.clone(), survive(file, random))).collect();
        Self { files: Mutex::new(files), syncs_left: Arc::new(Mutex::new(u64::MAX)) }
    }
}

/// Whether the file belongs to the WAL. All else lies on the real disk.
fn is_wal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wal")
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if !is_wal(path) {
            return LocalDisk.create(path);
        }
        let file = SimFile::default();
        self.files.lock().expect("whole").insert(path.to_owned(), file.clone());
        Ok(self.on(&file))
    }

    fn open(&self, path: &Path, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let files = self.files.lock().expect("whole");
        Ok(self.on(files.get(path).ok_or(io::ErrorKind::NotFound)?))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let files = self.files.lock().expect("whole");
        Ok(files.keys().filter(|path| path.parent() == Some(directory)).cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if !is_wal(from) {
            return LocalDisk.rename(from, to);
        }
        let mut files = self.files.lock().expect("whole");
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if !is_wal(path) {
            return LocalDisk.remove(path);
        }
        self.files.lock().expect("whole").remove(path).map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, _directory: &Path) -> io::Result<()> {
        Ok(())
    }

    fn available(&self, _directory: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

fn group(number: i64, random: &mut Random) -> Group {
    let mut group = Group::new(Table::of(LedgerName::Events));
    let mut entry = Entry::new();
    entry.set_integer(column::STATUS, number);
    entry.set_text(column::RECORD, &"x".repeat(random.below(9_000) as usize));
    group.push(&entry).expect("small");
    group.input("source", number.to_be_bytes());
    group
}

/// All numbers in the ledger; it panics if a position is missing.
fn numbers(store: &Store) -> Vec<i64> {
    let (reader, mut all) = (store.events().reader(), Vec::new());
    loop {
        let rows =
            reader.read(Seq::new(all.len() as u64), false, ReadLimit { rows: 100, bytes: 1 << 20 }).expect("readable");
        if rows.is_empty() {
            return all;
        }
        all.extend(rows.iter().filter_map(|row| row.integer(column::STATUS)));
    }
}

fn check(seed: u64) {
    let mut random = Random(seed);
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    Store::init(&data, "acme.example/agents").expect("made");
    let mut disk = Arc::new(SimDisk::default());
    let mut acknowledged = -1;
    let mut next = 0;
    for life in 0..4 {
        *disk.syncs_left.lock().expect("whole") = 8 + random.below(12);
        let options = Options { reserve_bytes: 0, disk: Arc::clone(&disk) as Arc<dyn Disk>, ..Options::default() };
        // Few syncs may not even be enough to open: that is a crash during recovery.
        if let Ok(store) = Store::open(&data, options) {
            let seen = numbers(&store);
            assert_eq!(seen, (0..seen.len() as i64).collect::<Vec<_>>(), "seed {seed}, life {life}: order and once");
            assert!(seen.len() as i64 > acknowledged, "seed {seed}, life {life}: {acknowledged} was acknowledged");
            let position = store.events().inputs().get(b"source".as_slice()).cloned();
            assert_eq!(
                position,
                seen.last().map(|number| number.to_be_bytes().to_vec()),
                "seed {seed}: data and position"
            );
            next = seen.len() as i64;
            loop {
                match store.events().appender().try_append(group(next, &mut random)).map(ledger::Pending::wait) {
                    Ok(Ok(_)) => acknowledged = next,
                    _ => break,
                }
                next += 1;
            }
        }
        disk = Arc::new(disk.crash(&mut random));
    }
    *disk.syncs_left.lock().expect("whole") = u64::MAX;
    let options = Options { reserve_bytes: 0, disk: disk as Arc<dyn Disk>, ..Options::default() };
    let store =
        Store::open(&data, options).unwrap_or_else(|error| panic!("seed {seed}: a crash is no corruption: {error}"));
    let seen = numbers(&store);
    assert!(seen.len() as i64 > acknowledged && seen.len() as i64 <= next + 1, "seed {seed}");
}

#[test]
fn no_crash_loses_or_doubles_what_was_acknowledged() {
    match std::env::var("CRASH_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => check(seed),
        None => (0..STATES).for_each(check),
    }
}
