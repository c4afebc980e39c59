//! Decoded row groups that the readers of a ledger share. Followers that run close together decode each one once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::column::Part;
use crate::limits::{ROW_GROUP_CACHE_BYTES_MAX, ROW_GROUP_CACHE_ENTRIES_MAX};
use crate::segment::file::RowGroupRange;

/// One part of a row group's rows as canonical bytes, in order of position.
#[derive(Debug)]
pub(super) struct DecodedPart {
    pub(super) range: RowGroupRange,
    pub(super) bytes: Vec<u8>,
    pub(super) rows: Vec<DecodedRow>,
}

/// Where a row's part lies, and the position columns beside the facts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DecodedRow {
    pub(super) batch: u64,
    pub(super) recorded: i64,
    pub(super) flags: u32,
    pub(super) start: usize,
    pub(super) len: usize,
    /// Whether the file has a row for this position.
    pub(super) present: bool,
}

impl DecodedPart {
    /// The row at a position, if the file has one.
    pub(super) fn row(&self, seq: u64) -> Option<(&DecodedRow, &[u8])> {
        let row = self.rows.get(seq.checked_sub(self.range.first_seq)? as usize)?;
        row.present.then(|| (row, &self.bytes[row.start..row.start + row.len]))
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<DecodedRow>()
    }
}

/// What is cached: the file's name tells the segment.
#[derive(Debug)]
struct Entry {
    file: String,
    part: Part,
    decoded: Arc<DecodedPart>,
}

/// The cache; it is bounded in entries and in bytes.
#[derive(Debug, Default)]
pub struct RowGroupCache {
    /// Newest use last.
    entries: Mutex<Vec<Entry>>,
}

impl RowGroupCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The decoded part that covers a position.
    pub(super) fn get(&self, file: &str, part: Part, seq: u64) -> Option<Arc<DecodedPart>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |entry: &Entry| entry.part == part && entry.decoded.range.contains(seq) && entry.file == file;
        let at = entries.iter().position(wanted)?;
        let entry = entries.remove(at);
        let decoded = Arc::clone(&entry.decoded);
        entries.push(entry);
        Some(decoded)
    }

    /// Adds a decoded part and forgets those that were not used for the longest time.
    pub(super) fn put(&self, file: &str, part: Part, decoded: Arc<DecodedPart>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.part != part || entry.file != file || entry.decoded.range != decoded.range);
        entries.push(Entry { file: file.to_owned(), part, decoded });
        let too_many = |entries: &Vec<Entry>| {
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

    fn part(first_seq: u64, bytes: usize) -> Arc<DecodedPart> {
        let range = RowGroupRange { first_seq, end_seq: first_seq + 10 };
        Arc::new(DecodedPart { range, bytes: vec![0; bytes], rows: vec![DecodedRow::default(); 10] })
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = RowGroupCache::new();
        let has = |file: &str, seq| cache.get(file, Part::Facts, seq).is_some();
        for number in 0..ROW_GROUP_CACHE_ENTRIES_MAX as u64 {
            cache.put("a", Part::Facts, part(number * 10, 1));
        }
        assert!(has("a", 9) && !has("b", 9));
        cache.put("a", Part::Content, part(0, 1));
        assert!(has("a", 0), "used lately");
        assert!(!has("a", 10), "the oldest use");
        cache.put("b", Part::Facts, part(0, ROW_GROUP_CACHE_BYTES_MAX + 1));
        assert!(has("b", 0) && !has("a", 0), "one that is too large stays alone");
    }
}
