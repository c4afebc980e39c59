//! The file of a socket: it is made with its mode, takes the place of one that is left of a process that died, and goes with the
//! collector. Who connects is for whoever runs the collectors.

use std::ffi::OsString;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::limits;

/// A socket that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    mode: u32,
}

/// The socket cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another process answers on it.
    #[error("{}: another process answers on this socket; stop it, or choose another path", .0.display())]
    InUse(PathBuf),
    /// Something else lies there.
    #[error("{}: there is a file that is no socket; move it away, or choose another path", .0.display())]
    NoSocket(PathBuf),
    /// The system refused.
    #[error("{}: {source}; the directory must be there, and the server's user must be allowed to write to it", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl SocketFile {
    /// A socket at this path with this mode, or what is wrong with the path.
    pub(super) fn new(path: PathBuf, mode: u32) -> Result<Self, String> {
        if path.file_name().is_none() {
            let shown = path.display();
            return Err(format!(
                "`path` is \"{shown}\", no name of a socket; write such as \"/run/tachograph/agents.sock\""
            ));
        }
        if path.as_os_str().len() > limits::SOCKET_PATH_BYTES_MAX {
            let max = limits::SOCKET_PATH_BYTES_MAX;
            return Err(format!(
                "`path` has {} bytes, and the system takes at most {max} bytes",
                path.as_os_str().len()
            ));
        }
        if path.as_os_str().as_bytes().contains(&0) {
            return Err("`path` has a NUL byte, which no path has".to_owned());
        }
        Ok(Self { path, mode })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its mode.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// What keeps it from being made, as far as can be seen.
    pub(super) fn missing(&self) -> Option<String> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => None,
            Ok(_) => Some(format!("{} is no directory", directory.display())),
            Err(error) => Some(format!("the directory {}: {error}", directory.display())),
        }
    }

    /// Makes the socket, on which nobody waits before it has its mode. The file that is left of a process that died is replaced.
    pub fn bind(&self) -> Result<BoundSocket, SocketError> {
        self.make_room()?;
        let refused = |source| SocketError::Refused { path: self.path.clone(), source };
        // Under another name nobody connects to it while it has the mode that the system gave it.
        let mut name = OsString::from(&self.path);
        name.push(".new");
        let new = PathBuf::from(name);
        if fs::symlink_metadata(&new).is_ok_and(|metadata| metadata.file_type().is_socket()) {
            fs::remove_file(&new).map_err(refused)?;
        }
        let listener = UnixListener::bind(&new).map_err(refused)?;
        let placed = fs::set_permissions(&new, Permissions::from_mode(self.mode))
            .and_then(|()| listener.set_nonblocking(true))
            .and_then(|()| fs::symlink_metadata(&new))
            .and_then(|metadata| fs::rename(&new, &self.path).map(|()| identity(&metadata)));
        match placed {
            Ok(identity) => Ok(BoundSocket { listener, file: Placed { path: self.path.clone(), identity } }),
            Err(error) => {
                // The error says what went wrong; the next start removes what is left.
                let _ = fs::remove_file(&new);
                Err(refused(error))
            }
        }
    }

    /// Whether the place is free, or holds a socket on which nobody answers.
    fn make_room(&self) -> Result<(), SocketError> {
        let path = || self.path.clone();
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(SocketError::Refused { path: path(), source }),
            Ok(metadata) if !metadata.file_type().is_socket() => Err(SocketError::NoSocket(path())),
            Ok(_) => match UnixStream::connect(&self.path) {
                Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => {
                    Ok(())
                }
                // Whoever does not let us ask may well answer others.
                Ok(_) | Err(_) => Err(SocketError::InUse(path())),
            },
        }
    }
}

/// A socket on which connections wait.
#[derive(Debug)]
pub struct BoundSocket {
    /// Gives the connections; it does not block.
    pub listener: UnixListener,
    /// Removes the file when it is dropped.
    pub file: Placed,
}

/// The file of a socket, until it is dropped.
#[derive(Debug)]
pub struct Placed {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for Placed {
    fn drop(&mut self) {
        // It may be gone, or another process may have put its own there.
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| identity(&metadata) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and inode.
fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn socket(directory: &Path) -> SocketFile {
        SocketFile::new(directory.join("a.sock"), 0o640).unwrap()
    }

    #[test]
    fn it_has_its_mode_takes_connections_and_goes_when_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let file = socket(directory.path());
        let bound = file.bind().unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, 0o640);
        let mut peer = UnixStream::connect(file.path()).unwrap();
        drop(bound.listener.accept().unwrap());
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        drop(bound);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_process_left_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = socket(directory.path());
        // A listener that is dropped leaves its file, as a process does that is killed.
        for name in ["a.sock", "a.sock.new"] {
            drop(UnixListener::bind(directory.path().join(name)).unwrap());
        }
        let bound = file.bind().unwrap();
        assert!(matches!(file.bind(), Err(SocketError::InUse(_))));
        // Another process has put its own there: it stays.
        fs::remove_file(file.path()).unwrap();
        let other = UnixListener::bind(file.path()).unwrap();
        drop(bound);
        assert!(file.path().exists());
        drop(other);
        fs::remove_file(file.path()).unwrap();
        fs::write(file.path(), "notes").unwrap();
        assert!(matches!(file.bind(), Err(SocketError::NoSocket(_))));
        fs::remove_file(file.path()).unwrap();
        std::os::unix::fs::symlink("nowhere", file.path()).unwrap();
        assert!(matches!(file.bind(), Err(SocketError::NoSocket(_))));
    }

    #[test]
    fn a_directory_that_is_not_there_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = socket(&directory.path().join("gone"));
        assert!(file.missing().unwrap().contains("gone"));
        assert!(matches!(file.bind(), Err(SocketError::Refused { .. })));
        assert_eq!(socket(directory.path()).missing(), None);
    }
}
