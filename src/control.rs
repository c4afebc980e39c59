//! How commands change the `operations` ledger: through the running server's socket, or with the lock if none runs.

pub mod client;
pub mod protocol;
pub mod server;

use std::path::{Path, PathBuf};

/// The socket's name in the data directory.
pub fn socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}
