//! Every bound of a verification: what is believed of files that nobody vouches for. FORMAT.md section 9.2 has the reasons.

/// Faults that one verification lists; the rest is only counted.
pub const FAULTS_MAX: usize = 1_000;
/// The most closed batches that a process leaves unsigned when it dies: it signs each before it closes the next.
pub const UNSIGNED_BATCHES_MAX: u64 = 1;

/// The largest `identity`, key or checkpoint that is read, in bytes.
pub(crate) const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;
/// The most bytes of a sealed file that are read at once: a sidecar, a footer or a row group as it is stored.
pub(crate) const READ_BYTES_MAX: u64 = 512 << 20;
/// The largest file of a segment in bytes.
pub(crate) const SEALED_FILE_BYTES_MAX: u64 = 16 << 30;
/// The most rows of a row group.
pub(crate) const ROW_GROUP_ROWS_MAX: usize = 65_536;
/// The most rows of a block.
pub(crate) const BLOCK_ROWS_MAX: usize = 65_535;
/// The most bytes of a block's values, repeated ones counted each time, and of its sections before compression.
pub(crate) const BLOCK_BYTES_MAX: usize = 22_020_096;
/// The most bytes of one commit in the WAL, and of what follows the last whole one.
pub const COMMIT_BYTES_MAX: usize = 48 << 20;
/// Bytes of the WAL that are read at once.
pub(crate) const WAL_READ_BYTES: usize = 4 << 20;
/// Bytes of a sealed file that are hashed at once.
pub(crate) const HASH_READ_BYTES: u64 = 1 << 20;
/// Rows that are decoded at once: their columns fit the processor's cache.
pub(crate) const DECODED_ROWS: usize = 512;

/// Tries to read the newest manifest while a server replaces it.
pub(crate) const MANIFEST_TRIES_MAX: usize = 5;
/// How often a folder of WAL files is listed while files are made in it.
pub(crate) const LISTINGS_MAX: usize = 3;
/// WAL files that are held open at once; a ledger in order has fewer.
pub(crate) const WAL_FILES_MAX: usize = 64;
/// How often a ledger is read again because it was sealed meanwhile,
pub(crate) const TRIES_MAX: usize = 5;
/// and its checkpoint, because the log grew.
pub(crate) const ROUNDS_MAX: usize = 20;
/// Entries about manifests that are kept of each ledger, those with the highest numbers.
pub(crate) const RECORDED_MAX: usize = 65_536;
