//! Reading files that somebody else may have put there: a regular file and nothing else, up to a bound.
//!
//! A link to a device, a pipe that nobody writes or a file without end must neither stop the process nor fill its memory.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::limits::READ_BYTES_MAX;

/// What the name of a file that is not finished starts with; such files count for nothing.
pub(crate) const UNFINISHED: &str = ".";

/// The sealed files of one shard, by names such as `segment/…`. It is a trait so that tests can refuse any single step.
pub trait Files: Sync {
    /// Size of a file in bytes.
    fn size(&self, name: &str) -> io::Result<u64>;
    /// The bytes of a range; an error of kind `UnexpectedEof` if the file ends before.
    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes>;
    /// The names of the finished files in a folder, with the folder before them and in order; none if there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Where a file lies, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// A folder of the local file system.
#[derive(Debug, Clone)]
pub struct LocalFiles(PathBuf);

impl LocalFiles {
    /// The files below a shard's folder.
    pub fn new(shard: impl Into<PathBuf>) -> Self {
        Self(shard.into())
    }
}

impl Files for LocalFiles {
    fn size(&self, name: &str) -> io::Result<u64> {
        let metadata = self.path(name).symlink_metadata()?;
        if metadata.is_file() { Ok(metadata.len()) } else { Err(not_regular()) }
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let (file, metadata) = open(&self.path(name))?;
        // The file's own length bounds what is allocated, and a file with holes is no bound.
        if range.end > metadata.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let len = range.end.saturating_sub(range.start);
        if len > READ_BYTES_MAX {
            let what = format!("{len} bytes are more than any part of such a file has");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // What is no regular file is listed by nobody: it is told as a stranger.
            let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with(UNFINISHED));
            if let Some(name) = name.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) {
                names.push(format!("{folder}/{name}"));
            }
        }
        names.sort();
        Ok(names)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Opens a regular file for reading. What is a link, a pipe, a socket, a device or a folder is refused with `InvalidData`.
pub(crate) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // The open of a pipe must not wait for its other end, and a link is not followed to anywhere.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC).bits();
    let refused = |error: io::Error| match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP | Errno::NXIO) => not_regular(),
        _ => error,
    };
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path).map_err(refused)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_regular()) }
}

/// Reads a text file of at most `bytes_max` bytes.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut bytes = Vec::new();
    open(path)?.0.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(invalid(format!("it is longer than the {bytes_max} bytes that such a file has at most")));
    }
    String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8".to_owned()))
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_regular_files_within_the_bound_are_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "hello").expect("written");
        symlink(path("file"), path("link")).expect("linked");
        symlink("/dev/zero", path("zeros")).expect("linked");
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("bound");
        fs::create_dir(path("folder")).expect("made");
        File::create(path("sparse")).and_then(|file| file.set_len(1 << 40)).expect("made");
        let files = LocalFiles::new(dir.path());
        assert_eq!(read_text(&path("file"), 5).expect("read"), "hello");
        assert_eq!((files.size("file").expect("there"), &files.read("file", 1..3).expect("read")[..]), (5, &b"el"[..]));
        for name in ["link", "zeros", "pipe", "socket", "folder"] {
            for error in [
                read_text(&path(name), 100).expect_err(name),
                files.size(name).expect_err(name),
                files.read(name, 0..1).expect_err(name),
            ] {
                assert_eq!(error.to_string(), "it is not a regular file", "{name}");
            }
        }
        for name in ["file", "sparse"] {
            assert!(read_text(&path(name), 4).expect_err(name).to_string().contains("longer than the 4 bytes"));
        }
        assert_eq!(files.read("file", 0..6).expect_err("short").kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(files.read("sparse", 0..1 << 39).expect_err("long").kind(), io::ErrorKind::InvalidData);
        assert_eq!(read_text(&path("none"), 4).expect_err("none").kind(), io::ErrorKind::NotFound);
        assert_eq!(files.list("folder").expect("listed"), [] as [String; 0]);
    }
}
