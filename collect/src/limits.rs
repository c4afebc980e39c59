//! Bounds that several files of this package know.

use std::time::Duration;

/// The smallest spool: the largest parcel fits several times.
pub const SPOOL_BYTES_MIN: u64 = 16 << 20;
/// The default of its bound.
pub const SPOOL_BYTES: u64 = 1 << 30;
/// A segment has an eighth of the spool's bound, and at most so many bytes: what is delivered is freed a segment at a time.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// Parcels that wait for the writer.
pub const PARCELS_MAX: usize = 64;
/// The largest frame of a segment that is read.
pub const FRAME_BYTES_MAX: usize = 16 << 20;
/// Positions of sources that a spool keeps,
pub const POSITIONS_MAX: usize = 65_536;
/// and the bytes of all of them: with what is written around each they fit into one frame.
pub const POSITIONS_BYTES_MAX: usize = 8 << 20;
/// Collectors that a spool has ever had.
pub const LANES_MAX: usize = 1_024;
/// Bytes of one request, before compression; it has at least one record.
pub const REQUEST_BYTES: usize = 1 << 20;
/// How hard requests are compressed: the level of zstd.
pub const ZSTD_LEVEL: i32 = 3;
/// The longest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Bytes of records that were set aside, of one collector.
pub const ASIDE_BYTES_MAX: u64 = 64 << 20;
/// The largest small file: the state of a spool.
pub const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;
/// How long a connection may take to open,
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// and a request with its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// The first pause after a failure; each that follows is twice as long,
pub const PAUSE_MIN: Duration = Duration::from_millis(200);
/// up to this one.
pub const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest pause that a server can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// How often the server's checkpoint is asked for.
pub const CHECK_EVERY: Duration = Duration::from_mins(1);
/// After how long a silence it is asked for before anything is sent: within it a server can hardly be exchanged unseen.
pub const CHECK_AFTER: Duration = Duration::from_secs(2);
/// What a sender is told to wait when the spool is full.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);
