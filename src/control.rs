//! Where the control socket is: a file in the data directory, over which commands on this machine reach the running server
//! as the principal `local`. The server's end is `serve/control.rs`, a command's is `client/remote.rs`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use crate::limits;

/// The socket's name in the data directory.
pub fn socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// The socket's path as the system takes it. A socket's address holds few bytes: a longer path leads over an open handle
/// of the data directory, which has to live until the address was used.
pub struct Address {
    /// What to bind or to connect to.
    pub path: PathBuf,
    _directory: Option<File>,
}

impl Address {
    /// The address of the socket of this data directory.
    pub fn of(data: &Path) -> io::Result<Self> {
        let path = socket_path(data);
        if path.as_os_str().len() <= limits::SOCKET_PATH_BYTES_MAX {
            return Ok(Self { path, _directory: None });
        }
        let directory = File::open(data)?;
        let path = socket_path(&Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()));
        Ok(Self { path, _directory: Some(directory) })
    }
}
