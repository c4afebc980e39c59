//! How commands change the `operations` ledger: through the running server's socket, or with the lock if none runs.

pub mod client;
pub mod protocol;
pub mod server;

use std::path::{Path, PathBuf};

/// The time now, for what the ledger asks the time of: microseconds since 1970 UTC.
pub fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// The socket's name in the data directory.
pub fn socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}
