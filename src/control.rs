//! How commands change the `operations` ledger: through the running server's socket, or with the lock if none runs.

pub mod client;
pub mod protocol;
pub mod server;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use crate::limits;

/// The time now, for what the ledger asks the time of: microseconds since 1970 UTC.
pub fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// The socket's name in the data directory.
pub fn socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// The socket's path as the system takes it. A socket's address holds few bytes: a longer path leads over an open handle
/// of the data directory, which has to live until the address was used.
struct Address {
    path: PathBuf,
    _directory: Option<File>,
}

impl Address {
    fn of(data: &Path) -> io::Result<Self> {
        let path = socket_path(data);
        if path.as_os_str().len() <= limits::SOCKET_PATH_BYTES_MAX {
            return Ok(Self { path, _directory: None });
        }
        let directory = File::open(data)?;
        let path = socket_path(&Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()));
        Ok(Self { path, _directory: Some(directory) })
    }
}
