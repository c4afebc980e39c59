//! Which files there are, which file is which, and how an offset is written into the ledger.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::name::{self, Kinship};
use crate::limits;

/// A file of this moment; inodes are reused, so its first bytes belong to its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId {
    pub device: u64,
    pub inode: u64,
}

impl FileId {
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// The key of the file's offset among the ledger's inputs.
    pub fn key(self, collector: &str) -> String {
        format!("{}{}/{}", prefix(collector), self.device, self.inode)
    }
}

fn prefix(collector: &str) -> String {
    format!("tail/{collector}/")
}

/// How far a file was read: the value of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    /// Position after the last line that is durable.
    pub offset: u64,
    /// Length of the head that is hashed: as much as there was, up to a KiB.
    pub head_len: u64,
    /// Keyed hash of the head.
    pub head: u64,
    /// When the file was last modified, in microseconds since 1970 UTC, as far as it was seen.
    pub modified: i64,
    /// Length of what is hashed of the bytes before the offset; 0 if that is not known.
    #[serde(default)]
    pub tail_len: u64,
    /// Keyed hash of these bytes: many files may have the same head.
    #[serde(default)]
    pub tail: u64,
    /// The file is compressed, and the offset is one after decompression.
    #[serde(default)]
    pub packed: bool,
}

impl Stored {
    /// Whether both are the same place in the same content, whatever the file.
    pub fn is_same_content(&self, other: &Self) -> bool {
        (self.offset, self.head_len, self.head, self.tail) == (other.offset, other.head_len, other.head, other.tail)
    }
}

/// The offsets that the ledger holds for a collector.
pub(super) fn stored(collector: &str, inputs: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<FileId, Stored> {
    let prefix = prefix(collector);
    let own = inputs.range(prefix.clone().into_bytes()..).take_while(|(key, _)| key.starts_with(prefix.as_bytes()));
    own.filter_map(|(key, value)| {
        let (device, inode) = std::str::from_utf8(&key[prefix.len()..]).ok()?.split_once('/')?;
        let id = FileId { device: device.parse().ok()?, inode: inode.parse().ok()? };
        Some((id, serde_json::from_slice(value).ok()?))
    })
    .collect()
}

/// When a file was last modified, in microseconds since 1970 UTC.
pub(super) fn modified(metadata: &Metadata) -> i64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Up to `len` bytes at an offset; fewer at the end of the file.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The first bytes of a file, up to `len` of them.
pub(super) fn read_head(file: &File, len: u64) -> io::Result<Vec<u8>> {
    let mut head = vec![0; len.min(limits::TAIL_HEAD_BYTES as u64) as usize];
    let mut filled = 0;
    while filled < head.len() {
        match read_at(file, &mut head[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// The files that a collector is to read.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pattern: String,
    compiled: glob::Pattern,
    /// A file by its path, which need not exist; a pattern otherwise.
    single: Option<PathBuf>,
    /// Where rotated files are, if the configuration says it.
    rotated: Option<String>,
}

/// Endings of files that are no longer lines.
const COMPRESSED: [&str; 4] = ["gz", "zst", "bz2", "xz"];

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) struct FoundFile {
    pub path: PathBuf,
    pub id: FileId,
    pub size: u64,
    pub modified: i64,
}

impl FoundFile {
    fn of(path: PathBuf, metadata: &Metadata) -> Self {
        Self { path, id: FileId::of(metadata), size: metadata.len(), modified: modified(metadata) }
    }

    /// The file that was written to first comes first. Clocks of files are coarse: in doubt `a.2` comes before `a.1`, and
    /// that before `a`.
    fn order(&self, other: &Self) -> Ordering {
        let name = |file: &Self| (Reverse(file.path.as_os_str().len()), Reverse(file.path.clone()));
        self.modified.cmp(&other.modified).then_with(|| name(self).cmp(&name(other)))
    }
}

impl Paths {
    pub fn new(pattern: &str, rotated: Option<&str>) -> Result<Self, String> {
        let compile = |name: &str, pattern: &str| {
            if !Path::new(pattern).is_absolute() {
                return Err(format!("{name} {pattern:?} does not begin with `/`; write the whole path"));
            }
            glob::Pattern::new(pattern).map_err(|error| format!("{name} {pattern:?} is not a pattern: {error}"))
        };
        let compiled = compile("path", pattern)?;
        rotated.map(|rotated| compile("rotated", rotated)).transpose()?;
        let single = !pattern.contains(['*', '?', '[']);
        let rotated = rotated.map(str::to_owned);
        Ok(Self { pattern: pattern.to_owned(), compiled, single: single.then(|| PathBuf::from(pattern)), rotated })
    }

    /// The path of the one file, if it is one.
    pub fn single(&self) -> Option<&Path> {
        self.single.as_deref()
    }

    /// The directory of the file, or the last one that the pattern names without a wildcard.
    pub fn directory(&self) -> PathBuf {
        let plain = self.pattern.split(['*', '?', '[']).next().unwrap_or_default();
        let end = plain.rfind('/').map_or(0, |slash| slash + 1);
        PathBuf::from(&plain[..end])
    }

    /// The files that match now, those that were modified first before the others.
    /// An error says which path it is about.
    pub fn list(&self) -> Result<Vec<FoundFile>, (PathBuf, io::Error)> {
        let mut found = Vec::new();
        if let Some(path) = &self.single {
            let failed = |error| (path.clone(), error);
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => found.push(FoundFile::of(path.clone(), &metadata)),
                Ok(metadata) if metadata.is_dir() => return Err(failed(io::Error::from(io::ErrorKind::IsADirectory))),
                Ok(_) => return Err(failed(io::Error::other("it is not a regular file"))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
            return Ok(found);
        }
        let all = || PathBuf::from(&self.pattern);
        let paths = glob::glob(&self.pattern).map_err(|error| (all(), io::Error::other(error)))?;
        let mut failed = None;
        for path in paths {
            let path = match path {
                Ok(path) if is_compressed(&path) => continue,
                Ok(path) => path,
                // One directory that cannot be listed hides only its own files.
                Err(error) => {
                    failed = Some((error.path().to_owned(), error.into()));
                    continue;
                }
            };
            // A file that goes between the two calls is one that is not there.
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            if metadata.is_file() {
                found.push(FoundFile::of(path, &metadata));
            }
        }
        found.sort_by(FoundFile::order);
        match failed.filter(|_| found.is_empty()) {
            Some(failed) => Err(failed),
            None => Ok(found),
        }
    }

    /// Says what is missing where no file is there.
    pub fn missing(&self) -> String {
        match &self.single {
            Some(path) => format!("{}: there is no such file; it is read as soon as there is one", path.display()),
            None => format!("{}: no file matches; those that come are read", self.pattern),
        }
    }

    /// The files that those which are read may have become or come from: beside them, in directories below, behind a
    /// symbolic link, and where the configuration says. The file that was written to first comes first.
    pub fn siblings(&self, listed: &[FoundFile]) -> Vec<(FoundFile, Kinship)> {
        let mut found: Vec<(FoundFile, Kinship)> = Vec::new();
        let mut met: BTreeSet<PathBuf> = listed.iter().map(|file| file.path.clone()).collect();
        let mut add = |path: PathBuf, kinship: Kinship| {
            if found.len() < limits::TAIL_SIBLINGS_MAX
                && met.insert(path.clone())
                && let Ok(metadata) = std::fs::metadata(&path)
                && metadata.is_file()
            {
                found.push((FoundFile::of(path, &metadata), kinship));
            }
        };
        if let Some(rotated) = self.rotated.as_deref().and_then(|rotated| glob::glob(rotated).ok()) {
            rotated.flatten().for_each(|path| add(path, Kinship::Rotation));
        }
        let targets = self.targets(listed);
        let literal = Path::new(&self.pattern).parent().map(Path::to_owned);
        let parents = listed.iter().filter_map(|file| file.path.parent()).map(Path::to_owned).collect::<BTreeSet<_>>();
        let behind = targets.iter().filter_map(|target| target.parent()).map(Path::to_owned);
        for directory in literal.into_iter().chain(parents).chain(behind).collect::<BTreeSet<_>>() {
            let below: Vec<PathBuf> = entries(&directory).filter(|path| path.is_dir()).collect();
            for path in entries(&directory).chain(below.iter().flat_map(|below| entries(below))) {
                let kinship = self.kinship(&path, &targets);
                let is_below = path.parent() != Some(&directory);
                if !is_below || kinship == Kinship::Rotation {
                    add(path, kinship);
                }
            }
        }
        found.sort_by(|(one, _), (other, _)| one.order(other));
        found
    }

    /// Where the symbolic links lead that are read: a log's own, or those that a kubelet makes beside each other.
    fn targets(&self, listed: &[FoundFile]) -> Vec<PathBuf> {
        let read = listed.iter().map(|file| file.path.as_path());
        let links = self.single.as_deref().into_iter().chain(read.filter(|_| self.single.is_none()));
        links.filter(|path| path.is_symlink()).filter_map(|path| std::fs::canonicalize(path).ok()).collect()
    }

    /// When the directories changed that rotated files stand in.
    pub fn changed(&self, listed: &[FoundFile]) -> Vec<Option<SystemTime>> {
        let own = [Some(PathBuf::from(&self.pattern)), self.rotated.as_deref().map(PathBuf::from)];
        let paths = own.into_iter().flatten().chain(self.targets(listed));
        let directories: BTreeSet<PathBuf> = paths.filter_map(|path| Some(path.parent()?.to_owned())).collect();
        directories.iter().map(|directory| std::fs::metadata(directory).ok()?.modified().ok()).collect()
    }

    /// How a path is related to what is read.
    fn kinship(&self, path: &Path, targets: &[PathBuf]) -> Kinship {
        let name_of = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let Some(name) = name_of(path) else { return Kinship::Other };
        let kinship = if let Some(single) = &self.single {
            let is_family =
                |target: &PathBuf| name_of(target).is_some_and(|target| name::family(&target) == name::family(&name));
            let own = name_of(single).map_or(Kinship::Other, |single| name::kinship(&single, &name));
            if targets.iter().any(is_family) { Kinship::Rotation } else { own }
        } else {
            let matches = |name: &str| self.compiled.matches_path(&path.with_file_name(name));
            let is_rotated = std::iter::once(&*name).chain(name::former(&name)).any(matches);
            // Behind links others may write, too: only what has the whole name of the file that a link leads to.
            let is_behind = |target: &PathBuf| {
                target.parent() == path.parent()
                    && name_of(target).is_some_and(|target| name::kinship(&target, &name) == Kinship::Rotation)
            };
            if is_rotated || targets.iter().any(is_behind) { Kinship::Rotation } else { Kinship::Other }
        };
        // Where the configuration says which files are rotated ones, nothing is guessed.
        if self.rotated.is_some() { Kinship::Other } else { kinship }
    }
}

/// The paths in a directory, up to a bound; none if it cannot be listed.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.take(limits::TAIL_SIBLINGS_MAX).map(|entry| entry.path())
}

fn is_compressed(path: &Path) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| COMPRESSED.contains(&ending))
}
