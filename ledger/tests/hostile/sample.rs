//! A small real ledger in which one file is replaced by bytes of anybody, and what reads it: the verifier, readers, and a start. The property test
//! beside it and the fuzz target `ledger` try it. How bytes are chosen stands there.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::events::column;
use ledger::{
    AppendError, Entry, Group, LedgerName, Options, ReadLimit, Reader, Rejected, Seq, Store, Table, Timestamp, identity,
};
use proof::Digest;

/// Length of a WAL file's header, and of what its checksum covers.
const WAL_HEADER: usize = 89;
const WAL_CHECKED: usize = 85;
/// The last line of a manifest: `sha256`, 64 digits, and the end of the line.
const MANIFEST_LAST_LINE: usize = 72;
/// Length of the hash at the end of a small file of a segment.
const HASH: usize = 32;
/// Rows that are read of a ledger; no sample has so many.
const ROWS: usize = 10_000;

/// A file of the sample.
pub struct File {
    /// Where it lies, below the data directory.
    pub name: PathBuf,
    /// Its bytes as they were written.
    pub bytes: Vec<u8>,
}

/// A data directory of its own.
pub struct Sample {
    directory: PathBuf,
    /// In order of name.
    pub files: Vec<File>,
}

impl Sample {
    /// Makes a data directory in which no file is longer than a fuzzer likes: a segment, and a log that goes on behind it.
    pub fn make(directory: &Path) {
        Store::init(directory, "acme.example/agents").expect("made");
        for round in 0..2 {
            let store = Store::open(directory, options()).expect("opened");
            for number in 0..7 {
                append(&store, group(round * 7 + number));
            }
            store.stop();
        }
    }

    /// Reads one that was made, and works on it from then on.
    pub fn of(directory: &Path) -> Self {
        let mut names = Vec::new();
        list(directory, &mut names);
        names.sort();
        let read = |path: PathBuf| File {
            bytes: fs::read(&path).expect("readable"),
            name: path.strip_prefix(directory).expect("below it").to_owned(),
        };
        Self { directory: directory.to_owned(), files: names.into_iter().map(read).collect() }
    }

    /// The same in an empty folder.
    pub fn copy(self, directory: &Path) -> Self {
        for file in &self.files {
            let path = directory.join(&file.name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, &file.bytes).expect("written");
        }
        Self { directory: directory.to_owned(), ..self }
    }

    /// Puts bytes in the place of a file and reads everything; then all is as it was. With `mend`, checksums, hashes and signatures around them
    /// are made right, as somebody does who knows the format, so that what lies behind these is reached.
    pub fn take(&self, number: usize, bytes: &[u8], mend: bool) {
        let file = &self.files[number % self.files.len()];
        let bytes = if mend { self.mend(file, bytes.to_vec()) } else { bytes.to_vec() };
        fs::write(self.directory.join(&file.name), &bytes).expect("written");
        // Each answers, whatever it is: what keeps it from that is what is looked for.
        let _ = ledger_verify::verify(&self.directory, None, &mut |_| {});
        for ledger in LedgerName::ALL {
            let _ = Reader::open(&self.directory, ledger).and_then(|reader| read(&reader));
        }
        if let Ok(store) = Store::open(&self.directory, options()) {
            store.stop();
        }
        self.restore();
    }

    fn restore(&self) {
        let mut names = Vec::new();
        list(&self.directory, &mut names);
        for path in names {
            let is_own = self.files.iter().any(|file| self.directory.join(&file.name) == path);
            if !is_own {
                fs::remove_file(path).expect("removed");
            }
        }
        for file in &self.files {
            let path = self.directory.join(&file.name);
            if fs::read(&path).ok().as_ref() != Some(&file.bytes) {
                fs::write(path, &file.bytes).expect("written");
            }
        }
    }

    /// Bytes in the place of a file, with what vouches for them made right; what the manifest says of the file is written to it.
    pub fn mend(&self, file: &File, mut bytes: Vec<u8>) -> Vec<u8> {
        let folder = file.name.parent().and_then(Path::file_name).unwrap_or_default();
        let extension = file.name.extension().unwrap_or_default();
        if folder == "wal" {
            mend_wal(&mut bytes);
        } else if folder == "manifest" {
            mend_manifest(&mut bytes);
        } else if folder == "segment" {
            if extension != "parquet" {
                mend_hash(&mut bytes);
            }
            self.tell_manifest(file, &bytes);
        } else if file.name.ends_with("checkpoint") {
            self.sign(&mut bytes);
        }
        bytes
    }

    /// Whether everything is as it was written.
    pub fn is_whole(&self) -> bool {
        let report = ledger_verify::verify(&self.directory, None, &mut |_| {}).expect("a ledger");
        report.verdict() == ledger_verify::Verdict::Verified
    }

    /// Signs the text of a note anew with the ledger's own key.
    fn sign(&self, bytes: &mut Vec<u8>) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let text = text.split_once("\n\n").map_or(text, |(text, _)| text);
        let text = format!("{}\n", text.trim_end_matches('\n'));
        let own = identity::Identity::read(&self.directory).expect("an identity");
        *bytes = identity::signer(&self.directory, &own).expect("a key").sign(&text).into_bytes();
    }

    /// Has the newest manifest say the size and the hash that a file of a segment has now.
    fn tell_manifest(&self, file: &File, bytes: &[u8]) {
        let shard = file.name.parent().and_then(Path::parent).expect("a shard");
        let named = format!("segment/{}", file.name.file_name().expect("a name").display());
        let is_of_it = |other: &&File| {
            other.name.starts_with(shard.join("manifest")) && String::from_utf8_lossy(&other.bytes).contains(&named)
        };
        for manifest in self.files.iter().filter(is_of_it) {
            let was = |bytes: &[u8]| (format!("\"size\":{},", bytes.len()), Digest::of(&[], &[bytes]).to_string());
            let ((old_size, old_hash), (size, hash)) = (was(&file.bytes), was(bytes));
            let text = String::from_utf8_lossy(&manifest.bytes).replace(&old_hash, &hash);
            // The size stands behind the name of its file.
            let at = text.find(&named).expect("named");
            let mut text = format!("{}{}", &text[..at], text[at..].replacen(&old_size, &size, 1)).into_bytes();
            mend_manifest(&mut text);
            fs::write(self.directory.join(&manifest.name), text).expect("written");
        }
    }
}

/// Appends a group, again for as long as files that are full are being sealed.
fn append(store: &Store, group: Group) {
    let appender = store.events().appender();
    let mut queued = appender.try_append(group);
    while let Err(Rejected { group, error: AppendError::Full { .. } }) = queued {
        std::thread::yield_now();
        queued = appender.try_append(group);
    }
    queued.expect("room").wait().expect("durable");
}

fn options() -> Options {
    Options { reserve_bytes: 0, segment_entries_max: 40, ..Options::default() }
}

/// Ten rows, some with content.
fn group(number: i64) -> Group {
    let mut group = Group::new(Table::of(LedgerName::Events));
    let mut entry = Entry::new();
    for row in 0..10 {
        entry.clear();
        entry.set_time(column::TIME, Timestamp::from_unix_micros(1_789_000_000_000_000 + number * 10 + row));
        entry.set_text(column::KIND, "egress.http");
        entry.set_text(column::SESSION, &format!("session-{}", row % 3));
        entry.set_text(column::RECORD, &format!("{{\"n\":{number},\"row\":{row}}}"));
        if row % 4 == 0 {
            entry.set_text(column::CONTENT, &format!("{{\"prompt\":\"{number}\"}}"));
        }
        group.push(&entry).expect("small");
    }
    group.input("tail:test", number.to_be_bytes());
    group
}

/// Every row of a ledger with its parts.
fn read(reader: &Reader) -> Result<(), ledger::LedgerError> {
    reader.checkpoint()?;
    let (mut from, end) = (Seq::FIRST, reader.durable()?.next_seq);
    while from < end {
        let rows = reader.read(from, true, ReadLimit { rows: ROWS, bytes: 1 << 20 })?;
        let Some(last) = rows.iter().last().map(|row| row.position.seq) else { break };
        from = last.next();
    }
    Ok(())
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        // What is linked lies elsewhere, and a socket has no bytes.
        match fs::symlink_metadata(&path).expect("there").file_type() {
            kind if kind.is_dir() => list(&path, found),
            kind if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

/// Makes the checksums of a header and of all frames right (FORMAT.md section 7).
fn mend_wal(bytes: &mut [u8]) {
    if bytes.len() < WAL_HEADER {
        return;
    }
    let sum = crc32c::crc32c(&bytes[..WAL_CHECKED]).to_be_bytes();
    bytes[WAL_CHECKED..WAL_HEADER].copy_from_slice(&sum);
    let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let (file, nonce, mut commit, mut at) = (number(17), number(25), number(33), WAL_HEADER);
    while let Some(length) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) {
        let end = at + 8 + u32::from_be_bytes(*length) as usize;
        let Some(body) = bytes.get(at + 8..end).filter(|body| !body.is_empty()) else { return };
        let place = [file, nonce, commit].map(u64::to_be_bytes);
        let sum = crc32c::crc32c_append(crc32c::crc32c(place.as_flattened()), body).to_be_bytes();
        // The next frame belongs to the next commit.
        commit = commit.wrapping_add(u64::from(body[0] == 4));
        bytes[at + 4..at + 8].copy_from_slice(&sum);
        at = end;
    }
}

fn mend_manifest(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len().saturating_sub(MANIFEST_LAST_LINE));
    let hash = Digest::of(&[], &[bytes.as_slice()]);
    bytes.extend(format!("sha256 {hash}\n").into_bytes());
}

fn mend_hash(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len().saturating_sub(HASH));
    let hash = Digest::of(&[], &[bytes.as_slice()]);
    bytes.extend(hash.0);
}
