//! Every bound of the pages. Bounds of what they ask stand in `api::limits` and `query::limits`.

use std::time::Duration;

/// The longest answer of the API that a page reads.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;
/// The longest body of a form.
pub const FORM_BYTES_MAX: usize = 64 << 10;
/// How much of one recorded text a list shows; the whole is a click away.
pub const PREVIEW_CHARACTERS_MAX: usize = 240;
/// How much of one recorded text a page shows at all; the rest comes as a file.
pub const TEXT_CHARACTERS_MAX: usize = 16_384;
/// Exports that run at the same time,
pub const EXPORTS_RUNNING_MAX: usize = 2;
/// those that are kept,
pub const EXPORTS_KEPT_MAX: usize = 16;
/// how long they are,
pub const EXPORT_AGE_MAX: Duration = Duration::from_hours(1);
/// the largest file,
pub const EXPORT_BYTES_MAX: u64 = 8 << 30;
/// how long it may take to make,
pub const EXPORT_TIME_MAX: Duration = Duration::from_mins(10);
/// and how much of it is written at once.
pub const EXPORT_CHUNK_BYTES: usize = 256 << 10;
/// Rows of a result that a page shows; all come with an export.
pub const GRID_ROWS_MAX: usize = 1_000;
/// The longest statement that a page takes.
pub const SQL_BYTES_MAX: usize = 32 << 10;
/// Logins that went to a provider and did not come back yet,
pub const ATTEMPTS_MAX: usize = 4_096;
/// how long one of them may take,
pub const ATTEMPT_AGE_MAX: Duration = Duration::from_mins(10);
/// the longest address to go to then,
pub const NEXT_BYTES_MAX: usize = 1_024;
/// and the longest code that a provider sends back.
pub const CODE_BYTES_MAX: usize = 4_096;
