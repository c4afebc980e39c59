//! Decoded row groups that the readers of a ledger share. Followers that run close together decode each one once.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::batch::Secrets;
use crate::block::Block;
use crate::limits::{ROW_GROUP_CACHE_BYTES_MAX, ROW_GROUP_CACHE_ENTRIES_MAX};
use crate::rows::RowPlace;
use crate::segment::file::RowGroupRange;

/// The rows of a row group, in order of position.
#[derive(Debug)]
pub(super) struct DecodedRows {
    pub(super) range: RowGroupRange,
    pub(super) blocks: Vec<Arc<Block>>,
    pub(super) rows: Vec<DecodedRow>,
    /// What their leaves are salted with, once somebody asked for leaves.
    pub(super) secrets: OnceLock<BatchSecrets>,
}

/// The secrets of batches that follow each other.
#[derive(Debug)]
pub(super) struct BatchSecrets {
    /// The first batch.
    pub(super) first: u64,
    /// One for each batch.
    pub(super) list: Vec<Secrets>,
}

impl BatchSecrets {
    /// Those of a batch.
    pub(super) fn of(&self, batch: u64) -> Option<&Secrets> {
        self.list.get(usize::try_from(batch.checked_sub(self.first)?).ok()?)
    }
}

/// Where a row stands, and which row of which block it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct DecodedRow {
    pub(super) place: RowPlace,
    pub(super) block: usize,
    pub(super) row: usize,
}

impl DecodedRows {
    /// The rows from a position on, as far as the file has them.
    pub(super) fn from(&self, seq: u64) -> &[DecodedRow] {
        &self.rows[self.rows.partition_point(|row| row.place.seq < seq)..]
    }

    fn size(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.value_bytes()).sum();
        blocks + self.rows.len() * size_of::<DecodedRow>()
    }
}

/// What is cached: the file's name tells the segment.
#[derive(Debug)]
struct CachedRows {
    file: String,
    /// Whether the rows have their content.
    content: bool,
    decoded: Arc<DecodedRows>,
}

/// The cache; it is bounded in entries and in bytes.
#[derive(Debug, Default)]
pub struct RowGroupCache {
    /// Newest use last.
    entries: Mutex<Vec<CachedRows>>,
}

impl RowGroupCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The decoded rows that cover a position.
    pub(super) fn get(&self, file: &str, content: bool, seq: u64) -> Option<Arc<DecodedRows>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted =
            |entry: &CachedRows| entry.content == content && entry.decoded.range.contains(seq) && entry.file == file;
        let at = entries.iter().position(wanted)?;
        let entry = entries.remove(at);
        let decoded = Arc::clone(&entry.decoded);
        entries.push(entry);
        Some(decoded)
    }

    /// Adds decoded rows and forgets those that were not used for the longest time.
    pub(super) fn put(&self, file: &str, content: bool, decoded: Arc<DecodedRows>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.content != content || entry.file != file || entry.decoded.range != decoded.range);
        entries.push(CachedRows { file: file.to_owned(), content, decoded });
        let too_many = |entries: &Vec<CachedRows>| {
            let bytes: usize = entries.iter().map(|entry| entry.decoded.size()).sum();
            entries.len() > ROW_GROUP_CACHE_ENTRIES_MAX || bytes > ROW_GROUP_CACHE_BYTES_MAX
        };
        // The newest stays whatever its size: its reader holds it anyway.
        while entries.len() > 1 && too_many(&entries) {
            entries.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(first_seq: u64, bytes: usize) -> Arc<DecodedRows> {
        let range = RowGroupRange { first_seq, end_seq: first_seq + 10 };
        let mut entry = crate::Entry::new();
        entry.set_text(crate::events::column::PATH, &"x".repeat(bytes));
        let block = crate::fixtures::encoded(&crate::events::TABLE, &[entry]).block.expect("an entry");
        Arc::new(DecodedRows { range, blocks: vec![block], rows: Vec::new(), secrets: OnceLock::new() })
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = RowGroupCache::new();
        let has = |file: &str, seq| cache.get(file, false, seq).is_some();
        for number in 0..ROW_GROUP_CACHE_ENTRIES_MAX as u64 {
            cache.put("a", false, rows(number * 10, 1));
        }
        assert!(has("a", 9) && !has("b", 9));
        cache.put("a", true, rows(0, 1));
        assert!(has("a", 0), "used lately");
        assert!(!has("a", 10), "the oldest use");
        let block = &rows(0, 8 << 20).blocks[0];
        let large = DecodedRows {
            range: RowGroupRange { first_seq: 0, end_seq: 10 },
            blocks: vec![Arc::clone(block); ROW_GROUP_CACHE_BYTES_MAX / (8 << 20) + 1],
            rows: Vec::new(),
            secrets: OnceLock::new(),
        };
        cache.put("b", false, Arc::new(large));
        assert!(has("b", 0) && !has("a", 0), "one that is too large stays alone");
    }
}
