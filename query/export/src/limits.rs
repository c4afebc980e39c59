//! Every bound of export in one place, with what follows from each.

use std::time::Duration;

/// Rows that a sink reads from the ledger at once,
pub const READ_ROWS: usize = 1_024;
/// and the most bytes of them.
pub const READ_BYTES: usize = 4 << 20;
/// Bytes of rendered records that wait for a batch; reading pauses above it.
pub const PENDING_BYTES_MAX: usize = 8 << 20;
/// Entries that the filter left out before a receipt is written although nothing was sent.
pub const EXCLUDED_MAX: u64 = 10_000;

/// The longest text value in an exported record, in bytes; longer ones end in a note of what was cut.
pub const VALUE_BYTES_MAX: usize = 32 << 10;

/// The first wait after a failure lies between zero and this,
pub const RETRY_MIN: Duration = Duration::from_millis(250);
/// and the bound doubles up to this. There is no limit on the age of a record: the ledger keeps it.
pub const RETRY_MAX: Duration = Duration::from_mins(1);
/// A `Retry-After` above this is cut to it, so that a confused receiver cannot stop a sink for ever.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// A parked sink tries again this often.
pub const PARK: Duration = Duration::from_mins(1);
/// How long the loop waits when its receipts cannot be recorded for want of space.
pub const NO_SPACE_RETRY: Duration = Duration::from_secs(1);

/// The longest answer that is read from a receiver.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How much of an answer, or of an error, is kept in receipts and in the status, in characters.
pub const ANSWER_CHARS_KEPT: usize = 256;
/// How long a connection may take,
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// and a whole request by default.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: u64 = 16 << 10;
/// The most sinks.
pub const SINKS_MAX: usize = 64;
/// The longest name of a sink.
pub const SINK_NAME_MAX: usize = 64;
