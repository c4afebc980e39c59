//! The bounds of the ledger that follow from each other, or that others must know: queues, batches, frames, files and strings.
//!
//! Bounds of other packages stand in their own `limits.rs`, and what a single file needs at its top.

use std::time::Duration;

use crate::part::COLUMN_HEADER_LEN_MAX;

/// Column ids are below this, so that a row can be an array.
pub const COLUMN_ID_LIMIT: u8 = 128;

/// The largest value of one column in bytes. Intake refuses lines above 1 MiB, and escaping can grow them sixfold.
pub const VALUE_BYTES_MAX: usize = 8 << 20;
/// The largest encoded entry: both parts together.
pub(crate) const ENTRY_BYTES_MAX: usize = 16 << 20;
/// The most entries in one group; a group is never split over commits.
pub const GROUP_ENTRIES_MAX: usize = 4_096;
/// The largest group in bytes. A group that is larger by its last entry is still taken,
pub const GROUP_BYTES_MAX: usize = 4 << 20;
/// and none whose parts have more bytes than that: its block could be written, and nobody would read it.
pub const GROUP_PART_BYTES_MAX: usize =
    GROUP_BYTES_MAX + ENTRY_BYTES_MAX + COLUMN_ID_LIMIT as usize * COLUMN_HEADER_LEN_MAX;
/// The most bytes of a block's values, repeated ones counted each time, and of its sections before compression: a group that is
/// larger by its last entry, with the numbers of its values.
pub const BLOCK_BYTES_MAX: usize = GROUP_BYTES_MAX + ENTRY_BYTES_MAX + 2 * GROUP_ENTRIES_MAX * COLUMN_ID_LIMIT as usize;
/// Rows in a page of a block at most: who wants one value decompresses its page.
pub(crate) const BLOCK_PAGE_ROWS_MAX: usize = 1_024;
/// Bytes in a page of a block at most, unless one value is larger.
pub(crate) const BLOCK_PAGE_BYTES_MAX: usize = 1 << 20;
/// Bytes of groups that wait for the writer. What comes on top is answered `Full`.
pub(crate) const QUEUE_BYTES_MAX: usize = 32 << 20;

/// A commit takes groups until it has this many bytes.
pub(crate) const COMMIT_BYTES_MAX: usize = 4 << 20;
/// The WAL reserves space on the disk in steps of this size, so that a full disk shows before anything is written.
pub(crate) const WAL_ALLOCATE_BYTES: u64 = 8 << 20;
/// A batch is closed when it holds this many events.
pub(crate) const BATCH_ENTRIES_MAX: usize = 16_384;
/// A batch is closed when its first commit is this old.
pub(crate) const BATCH_AGE_MAX: Duration = Duration::from_millis(500);
/// A batch is closed before a commit would bring more keys of inputs than this.
pub(crate) const BATCH_INPUTS_MAX: usize = 1_024;
/// An idle ledger closes an empty batch this often, so that truncation shows as staleness.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// The first one comes this long after the last batch with entries, so that whoever counts recorded time, and waits for some seconds
/// of it after the last entry, does not wait for the next.
pub(crate) const HEARTBEAT_FIRST: Duration = Duration::from_secs(6);
/// The most inputs in one group, so that two groups always fit a batch.
pub(crate) const GROUP_INPUTS_MAX: usize = BATCH_INPUTS_MAX / 2;
/// The longest key or value of an input.
pub(crate) const INPUT_BYTES_MAX: usize = 4_096;

/// The largest WAL frame that a reader believes.
pub(crate) const FRAME_BYTES_MAX: usize = BLOCK_BYTES_MAX + (64 << 10);

/// A WAL file is sealed when it holds this many events: with the largest commit on top two full row groups, since a third of a few hundred
/// rows would bring dictionaries and filters of its own,
pub(crate) const SEGMENT_ENTRIES_MAX: u64 = (2 * ROW_GROUP_ENTRIES_MAX - GROUP_ENTRIES_MAX) as u64;
/// or this many bytes,
pub(crate) const SEGMENT_WAL_BYTES_MAX: u64 = 64 << 20;
/// or when its first event is this old.
pub(crate) const SEGMENT_AGE_MAX: Duration = Duration::from_mins(15);
/// Rows in one row group of a segment.
pub(crate) const ROW_GROUP_ENTRIES_MAX: usize = 65_536;
/// Rows in a page of a segment at most: a look-up of one session decodes whole pages, so they are an eighth of a row group.
pub(crate) const PAGE_ROWS_MAX: usize = ROW_GROUP_ENTRIES_MAX / 8;
/// Bytes in a page of a segment, roughly: what zstd may make of them, a 256th more at worst, still fits what an allocator hands out for
/// them, so that the library's reserving room for it copies nothing.
pub(crate) const PAGE_BYTES_MAX: usize = (1 << 20) - (8 << 10);
/// Bytes of long values in one row group, roughly. What repeats takes little beside them.
pub(crate) const ROW_GROUP_BYTES_MAX: usize = 64 << 20;
/// Bytes of long values that a sealer holds at once, roughly: where a row group has more of them, it decompresses their pages twice or
/// more often, since rows are sorted.
pub(crate) const LONG_ARRAY_BYTES_MAX: usize = 16 << 20;
/// Bytes of decoded row groups that the readers of one ledger share.
pub(crate) const ROW_GROUP_CACHE_BYTES_MAX: usize = 128 << 20;
/// Decoded parts of row groups in that cache.
pub(crate) const ROW_GROUP_CACHE_ENTRIES_MAX: usize = 4;
/// The largest `identity`, key or checkpoint that is read, in bytes: each has some hundreds.
pub(crate) const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;
/// The most bytes of a sealed file that are read at once: a sidecar, a footer or a row group as it is stored.
pub(crate) const BLOB_READ_BYTES_MAX: u64 = 512 << 20;
/// Bytes of a file that a sealer writes before it syncs them.
pub(crate) const BLOB_UNSYNCED_BYTES_MAX: usize = 1 << 20;
/// The most bytes of one commit in the WAL that a reader believes (FORMAT.md section 9.2): far above what a writer makes, which is told
/// at the end of this file. What follows the last whole commit of a file is never more.
pub(crate) const COMMIT_READ_BYTES_MAX: usize = 48 << 20;
/// The largest file of a segment in bytes: far above what the largest WAL file can become.
pub(crate) const SEALED_FILE_BYTES_MAX: u64 = 16 << 30;
/// Bytes that a backup copies at once.
pub(crate) const COPY_BYTES: usize = 4 << 20;
/// How often a backup looks at the state again because it changed meanwhile.
pub(crate) const BACKUP_TRIES_MAX: usize = 50;
/// How often another process' look at the disk starts over because files vanished under it, before it gives up.
pub(crate) const REFRESH_TRIES_MAX: usize = 10;
/// How long a start waits until the loss of a torn copy is signed,
pub(crate) const SIGNED_WAIT_MAX: Duration = BATCH_AGE_MAX.saturating_mul(20);
/// and how often it looks.
pub(crate) const SIGNED_WAIT_STEP: Duration = Duration::from_millis(10);
/// Newest manifests that are kept.
pub(crate) const MANIFESTS_KEPT: u64 = 8;
/// Rows that a replay gives to a thread at once: fewer are hashed sooner than a thread starts.
pub(crate) const REPLAY_ROWS_AT_ONCE: usize = 256;
/// Blocks of the hot tail below this many rows are small, so that their columns take more room than their values:
pub(crate) const SMALL_BLOCK_ROWS: usize = 32;
/// so many of them that follow each other are put together.
pub(crate) const SMALL_BLOCKS_MAX: usize = 64;
/// How much later than others the sealer's threads have their turn, as `nice` counts it: with as many turns, the slowest of a hundred
/// acknowledgements took half as long again at half load.
pub(crate) const SEALER_NICENESS: i32 = 5;
/// Full WAL files that wait for the sealer; when there are as many, intake answers `Full`. Their rows are in memory.
pub(crate) const UNSEALED_FILES_MAX: usize = 2;

/// Rows of `operations` that are read at once to find what is recorded of manifests,
pub(crate) const MANIFEST_READ_ROWS: usize = 4_096;
/// and the most bytes of them.
pub(crate) const MANIFEST_READ_BYTES: usize = 8 << 20;

/// How long writer, sealer and consumers wait before they try again what the system refused.
pub(crate) const DISK_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Space that intake leaves free on the disk, so that sealing, retention and the `operations` ledger go on.
pub(crate) const RESERVE_BYTES: u64 = 2 * SEGMENT_WAL_BYTES_MAX;

const _: () = {
    // A group fits a commit, a commit fits the queue, and a full commit fits a batch.
    assert!(GROUP_BYTES_MAX <= COMMIT_BYTES_MAX);
    assert!(COMMIT_BYTES_MAX <= QUEUE_BYTES_MAX);
    assert!(GROUP_ENTRIES_MAX <= BATCH_ENTRIES_MAX);
    assert!(VALUE_BYTES_MAX <= ENTRY_BYTES_MAX);
    assert!(ENTRY_BYTES_MAX < u32::MAX as usize);
    assert!(GROUP_ENTRIES_MAX <= u16::MAX as usize && SMALL_BLOCK_ROWS * SMALL_BLOCKS_MAX <= u16::MAX as usize + 1);
    // The block of the largest group is one: beside the bytes of its parts a column has two for each row, its number or the rest of a
    // longer length, and four at most for how many values it has and in which form their numbers stand.
    let columns = COLUMN_ID_LIMIT as usize - 1;
    assert!(GROUP_PART_BYTES_MAX + columns * (2 * GROUP_ENTRIES_MAX + 4) <= BLOCK_BYTES_MAX);
    // A commit has one group of any size,
    let around = 64 << 10;
    let inputs = GROUP_INPUTS_MAX * (2 * INPUT_BYTES_MAX + 64);
    assert!(FRAME_BYTES_MAX + inputs + around < COMMIT_READ_BYTES_MAX);
    // or more that have so many bytes and entries together, each in a block of its own at worst.
    let heads = BATCH_ENTRIES_MAX * (columns * (2 + 4) + 64);
    assert!(COMMIT_BYTES_MAX + heads + around < COMMIT_READ_BYTES_MAX);
};

/// Rows that are read at once to prove an entry of their batch,
pub const PROOF_READ_ROWS: usize = 4_096;
/// and the most bytes of them.
pub const PROOF_READ_BYTES: usize = 8 << 20;

/// Batches of which one digest is kept for proofs that a log only grew,
pub(crate) const LOG_TREE_TILE: u64 = 256;
/// and those whose headers are read at once for it: 19 MiB.
pub(crate) const LOG_TREE_READ_BATCHES: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_the_same_bound_here_in_the_page_and_for_the_verifier() {
        let page = include_str!("../FORMAT.md");
        let said = page.split_once("A commit is below ").and_then(|(_, rest)| rest.split_once(" MiB"));
        let bytes = said.and_then(|(number, _)| number.parse::<usize>().ok()).expect("a bound in section 9.2") << 20;
        assert_eq!([COMMIT_READ_BYTES_MAX, ledger_verify::COMMIT_BYTES_MAX], [bytes; 2]);
    }
}
