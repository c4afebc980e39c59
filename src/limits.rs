//! Every bound of the root package in one place. The bounds of other packages stand in their own `limits.rs`.

use std::time::Duration;

/// The largest configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// The largest secret in a file that the configuration refers to.
pub const SECRET_FILE_BYTES_MAX: u64 = 64 << 10;

/// The longest line on the control socket, in either direction.
pub const CONTROL_LINE_BYTES_MAX: usize = 256 << 10;
/// Connections to the control socket that are served at once; more wait in the system's queue.
pub const CONTROL_CONNECTIONS_MAX: usize = 16;
/// A peer of the control socket that says nothing for this long is hung up on.
pub const CONTROL_IDLE_MAX: Duration = Duration::from_secs(30);

/// The longest name of a token or of one of its fixed identities.
pub const TOKEN_NAME_BYTES_MAX: usize = 256;
/// Dialects that one token may name.
pub const TOKEN_DIALECTS_MAX: usize = 64;
/// Active tokens that are held in memory; an entry above that is refused by `token create`.
pub const TOKENS_MAX: usize = 100_000;

/// Rows that one read of a ledger returns to a command.
pub const READ_ROWS_MAX: usize = 8_192;
/// Bytes that one read of a ledger returns to a command.
pub const READ_BYTES_MAX: usize = 4 << 20;

/// How long a stop waits for requests, detectors and sinks before it gives up on them.
pub const DRAIN_MAX: Duration = Duration::from_secs(20);

const _: () = assert!(TOKEN_NAME_BYTES_MAX * 16 < CONTROL_LINE_BYTES_MAX);
