//! Opening files that somebody else may have put there: a regular file and nothing else, read up to a bound.
//!
//! A link to a device, a pipe that nobody writes or a file without end must neither stop the process nor fill its memory.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens an existing regular file; `write` says whether for writing too. What is a link, a pipe, a socket, a device or a
/// directory is refused with an error of kind `InvalidData`.
pub(crate) fn open(path: &Path, write: bool) -> io::Result<(File, Metadata)> {
    // The open of a pipe must not wait for its other end, and a link is not followed to anywhere.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC).bits();
    let opened = OpenOptions::new().read(true).write(write).custom_flags(flags.cast_signed()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        // A link; a socket, or a pipe or device that cannot be opened so; a directory that is to be written.
        Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO | rustix::io::Errno::ISDIR) => not_regular(),
        _ => error,
    })?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_regular()) }
}

/// Reads a regular file that has at most `bytes_max` bytes; a longer one is refused with an error of kind `InvalidData`.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let (file, _) = open(path, false)?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let what = format!("it is longer than the {bytes_max} bytes that such a file has at most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(bytes)
}

/// Reads a regular file of text; see [`read`].
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path, bytes_max)?).map_err(no_text)
}

/// The size of a regular file, without opening it.
pub(crate) fn size(path: &Path) -> io::Result<u64> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_file() { Ok(metadata.len()) } else { Err(not_regular()) }
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
        std::fs::write(path("file"), "hello").expect("written");
        symlink(path("file"), path("link")).expect("linked");
        symlink("/dev/zero", path("zeros")).expect("linked");
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("bound");
        std::fs::create_dir(path("folder")).expect("made");
        File::create(path("sparse")).and_then(|file| file.set_len(1 << 40)).expect("made");
        std::fs::write(path("bytes"), b"\xff").expect("written");

        assert_eq!(read(&path("file"), 5).expect("read"), b"hello");
        assert_eq!(size(&path("file")).expect("there"), 5);
        for name in ["link", "zeros", "pipe", "socket", "folder"] {
            for error in [read(&path(name), 100).expect_err(name), size(&path(name)).expect_err(name)] {
                assert_eq!(error.to_string(), "it is not a regular file", "{name}");
            }
            assert_eq!(open(&path(name), true).expect_err(name).kind(), io::ErrorKind::InvalidData, "{name}");
        }
        for name in ["file", "sparse"] {
            assert!(read(&path(name), 4).expect_err(name).to_string().contains("longer than the 4 bytes"), "{name}");
        }
        assert_eq!(read_text(&path("bytes"), 4).expect_err("no text").to_string(), "it is not UTF-8");
        assert_eq!(read(&path("none"), 4).expect_err("none").kind(), io::ErrorKind::NotFound);
    }
}
