//! The spool of `tachograph hook`: what hooks said and the server does not have yet, as lines in files of one directory.
//!
//! ```text
//! open                        lines as they come
//! segment-PRODUCER-FIRST      full or sealed: to be delivered, from the producer's record FIRST on
//! state                       PRODUCER NEXT: who we are to the server, and the number of the next record
//! lost                        how many records found no room
//! failure                     why the last delivery failed
//! append.lock, deliver.lock   held while lines are written or files renamed, and while somebody delivers
//! ```
//!
//! A line survives the end of any process, not the end of the machine: a hook does not wait for the disk.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::limits;

/// The files of one user's hooks.
pub struct Spool {
    directory: PathBuf,
}

/// Lines that are delivered together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where they are.
    pub path: PathBuf,
    /// Who we are to the server.
    pub producer: String,
    /// The number of the first line.
    pub first: u64,
}

/// What waits.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Files with lines.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Records that found no room.
    pub lost: u64,
    /// Why the last delivery failed, if it did.
    pub failure: Option<String>,
}

/// A lock, until it is dropped.
pub struct Lock {
    _file: File,
}

impl Spool {
    /// Opens the directory, which is made with mode 0700. One that belongs to somebody else is refused.
    pub fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let owner = std::fs::metadata(directory)?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
        }
        Ok(Self { directory: directory.to_owned() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Adds a line. One that finds no room is counted.
    pub fn append(&self, line: &[u8]) -> io::Result<()> {
        let _lock = self.lock("append.lock", limits::HOOK_LOCK_WAIT_MAX)?;
        if self.status()?.bytes + line.len() as u64 > limits::HOOK_SPOOL_BYTES_MAX {
            let lost = self.number("lost") + 1;
            self.replace("lost", lost.to_string().as_bytes())?;
            return Err(io::Error::other("the spool is full; see `tachograph hook status`"));
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(self.path("open"))?;
        let mut block = Vec::with_capacity(line.len() + 2);
        if !ends_with_line_break(&mut file)? {
            // Whoever wrote it was killed in the middle.
            block.push(b'\n');
        }
        block.extend_from_slice(line);
        block.push(b'\n');
        file.write_all(&block)
    }

    /// The right to deliver; `None` while somebody else does.
    pub fn deliverer(&self) -> io::Result<Option<Lock>> {
        match self.lock("deliver.lock", Duration::ZERO) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is to be delivered, in order. Only the deliverer may ask.
    pub fn segments(&self) -> io::Result<Vec<Segment>> {
        let _lock = self.lock("append.lock", limits::HOOK_LOCK_WAIT_MAX)?;
        let mut segments = self.listed()?;
        let open = self.path("open");
        if open.metadata().is_ok_and(|file| file.len() > 0) {
            let (producer, next) = self.state(&segments)?;
            let path = self.path(&format!("segment-{producer}-{next:020}"));
            std::fs::rename(open, &path)?;
            segments.push(Segment { path, producer, first: next });
        }
        segments.sort_by_key(|segment| segment.first);
        Ok(segments)
    }

    /// Gives a segment to a new producer, from record 0 on: the server does not know what came before.
    pub fn renumber(&self, segment: &Segment) -> io::Result<Segment> {
        let _lock = self.lock("append.lock", limits::HOOK_LOCK_WAIT_MAX)?;
        let producer = new_producer()?;
        let path = self.path(&format!("segment-{producer}-{:020}", 0));
        std::fs::rename(&segment.path, &path)?;
        self.replace("state", format!("{producer} 0").as_bytes())?;
        Ok(Segment { path, producer, first: 0 })
    }

    /// The server has everything of a segment, which had this many lines.
    pub fn delivered(&self, segment: &Segment, lines: u64) -> io::Result<()> {
        let _lock = self.lock("append.lock", limits::HOOK_LOCK_WAIT_MAX)?;
        // First the number, so that no later segment gets it again.
        self.replace("state", format!("{} {}", segment.producer, segment.first + lines).as_bytes())?;
        std::fs::remove_file(&segment.path)
    }

    /// The server will never take a segment: it is kept aside, the newest such one only.
    pub fn refused(&self, segment: &Segment, lines: u64) -> io::Result<()> {
        let _lock = self.lock("append.lock", limits::HOOK_LOCK_WAIT_MAX)?;
        let lost = self.number("lost") + lines;
        self.replace("lost", lost.to_string().as_bytes())?;
        std::fs::rename(&segment.path, self.path("refused"))?;
        // What comes next begins anew: of a refused one the server may have taken a part.
        self.replace("state", format!("{} 0", new_producer()?).as_bytes())
    }

    /// Notes why a delivery failed, or that none did.
    pub fn note(&self, failure: Option<&str>) -> io::Result<()> {
        self.replace("failure", failure.unwrap_or_default().as_bytes())
    }

    /// What waits, and why.
    pub fn status(&self) -> io::Result<Status> {
        let open = self.path("open");
        let files = self.listed()?.into_iter().map(|segment| segment.path).chain([open]);
        let sizes: Vec<u64> = files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).collect();
        let sizes: Vec<u64> = sizes.into_iter().filter(|bytes| *bytes > 0).collect();
        let failure = self.text("failure");
        Ok(Status {
            files: sizes.len(),
            bytes: sizes.iter().sum(),
            lost: self.number("lost"),
            failure: Some(failure).filter(|failure| !failure.is_empty()),
        })
    }

    /// Who we are to the server, and the number of the next record after these segments.
    fn state(&self, segments: &[Segment]) -> io::Result<(String, u64)> {
        let text = self.text("state");
        let known =
            text.split_once(' ').and_then(|(producer, next)| Some((producer.to_owned(), next.parse::<u64>().ok()?)));
        let known = known.filter(|(producer, _)| is_producer(producer));
        let Some((producer, mut next)) = known else {
            let producer = new_producer()?;
            self.replace("state", format!("{producer} 0").as_bytes())?;
            return Ok((producer, 0));
        };
        for segment in segments.iter().filter(|segment| segment.producer == producer) {
            next = next.max(segment.first + lines(&std::fs::read(&segment.path)?));
        }
        Ok((producer, next))
    }

    fn listed(&self) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("segment-"));
            let parts = name.and_then(|name| name.rsplit_once('-'));
            if let Some((producer, first)) = parts.filter(|(producer, _)| is_producer(producer))
                && let Ok(first) = first.parse()
            {
                segments.push(Segment { producer: producer.to_owned(), first, path: path.clone() });
            }
        }
        Ok(segments)
    }

    fn text(&self, name: &str) -> String {
        let mut text = String::new();
        // What cannot be read says nothing; it is made anew.
        let file = File::open(self.path(name)).map(|file| file.take(limits::HOOK_STATE_BYTES_MAX));
        let _ = file.and_then(|mut file| file.read_to_string(&mut text));
        text
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).trim().parse().unwrap_or_default()
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.path(&format!("{name}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        std::fs::rename(temporary, self.path(name))
    }

    fn lock(&self, name: &str, wait: Duration) -> io::Result<Lock> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.path(name))?;
        let deadline = Instant::now() + wait;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "others write for too long"));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The number of records that the server counts: every line, and the last one without a line break.
pub fn lines(bytes: &[u8]) -> u64 {
    bytes.split_inclusive(|byte| *byte == b'\n').count() as u64
}

fn ends_with_line_break(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A random UUID: version 4 of RFC 9562.
fn new_producer() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

fn is_producer(text: &str) -> bool {
    text.len() == Hyphenated::LENGTH && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool() -> (tempfile::TempDir, Spool) {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(&directory.path().join("spool")).unwrap();
        (directory, spool)
    }

    #[test]
    fn numbers_go_on_from_segment_to_segment() {
        let (_directory, spool) = spool();
        assert_eq!(spool.segments().unwrap(), []);
        spool.append(b"{}").unwrap();
        spool.append(b"{}").unwrap();
        let first = spool.segments().unwrap();
        assert_eq!((first.len(), first[0].first), (1, 0));
        spool.append(b"{}").unwrap();
        let both = spool.segments().unwrap();
        assert_eq!((both.len(), both[0].first, both[1].first), (2, 0, 2));
        assert_eq!(both[0].producer, both[1].producer);
        spool.delivered(&both[0], 2).unwrap();
        spool.delivered(&both[1], 1).unwrap();
        spool.append(b"{}").unwrap();
        assert_eq!(spool.segments().unwrap()[0].first, 3);
        let again = spool.renumber(&spool.segments().unwrap()[0]).unwrap();
        assert_eq!((again.first, again.producer == both[0].producer), (0, false));
        spool.append(b"{}").unwrap();
        assert_eq!(spool.segments().unwrap().iter().map(|segment| segment.first).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_no_other() {
        let (_directory, spool) = spool();
        std::fs::write(spool.path("open"), "{\"half").unwrap();
        spool.append(b"{}").unwrap();
        assert_eq!(std::fs::read_to_string(spool.path("open")).unwrap(), "{\"half\n{}\n");
        assert_eq!((lines(b"{\"half\n{}\n"), lines(b"a"), lines(b"")), (2, 1, 0));
    }

    #[test]
    fn a_full_spool_counts_what_it_loses() {
        let (_directory, spool) = spool();
        let file = File::create(spool.path("open")).unwrap();
        file.set_len(limits::HOOK_SPOOL_BYTES_MAX).unwrap();
        assert!(spool.append(b"{}").is_err() && spool.append(b"{}").is_err());
        assert_eq!(spool.status().unwrap().lost, 2);
    }

    #[test]
    fn one_delivers_at_a_time() {
        let (_directory, spool) = spool();
        let lock = spool.deliverer().unwrap();
        assert!(lock.is_some() && spool.deliverer().unwrap().is_none());
        drop(lock);
        assert!(spool.deliverer().unwrap().is_some());
    }

    #[test]
    fn files_are_for_their_owner_only() {
        let (_directory, spool) = spool();
        spool.append(b"{}").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!((mode(&spool.directory), mode(&spool.path("open"))), (0o700, 0o600));
        assert!(is_producer(&new_producer().unwrap()));
    }
}
