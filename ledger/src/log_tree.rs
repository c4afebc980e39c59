//! The tree over a log's batch headers, for proofs that one size of it begins with another.
//!
//! Of a long log only the roots of whole tiles are kept, 32 bytes for 256 batches; the leaves of the two tiles in which the sizes lie
//! are read again for each proof.

use std::collections::BTreeMap;

use proof::{Digest, tree};

use crate::error::LedgerError;
use crate::identity::Identity;
use crate::limits::{LOG_TREE_READ_BATCHES, LOG_TREE_TILE};
use crate::reader::Reader;

/// Proves that a log only grew. It remembers what it has read of the headers.
#[derive(Debug)]
pub struct LogTree {
    reader: Reader,
    tiles: Tiles,
}

/// What a proof is made of.
#[derive(Debug, Default)]
struct Tiles {
    /// Roots of whole tiles, in order.
    whole: Vec<Digest>,
    /// Leaves of tiles that are needed one by one.
    leaves: BTreeMap<u64, Vec<Digest>>,
}

impl LogTree {
    /// Of this ledger.
    pub fn new(reader: Reader) -> Self {
        Self { reader, tiles: Tiles::default() }
    }

    /// The newest signed checkpoint, if there is one, and the public key that the directory names.
    pub fn checkpoint(&self) -> Result<Option<(String, String)>, LedgerError> {
        let key = Identity::read(self.reader.data_directory())?.key;
        Ok(self.reader.checkpoint()?.map(|note| (note, key)))
    }

    /// The path that shows that the log of size `to` begins with that of size `from` (RFC 9162 section 2.1.4.1), lowest node first;
    /// `None` unless 1 ≤ `from` ≤ `to` ≤ size of the newest checkpoint. It reads the headers that it has not read yet.
    pub fn consistency(&mut self, from: u64, to: u64) -> Result<Option<Vec<Digest>>, LedgerError> {
        if from == 0 || from > to || self.reader.signed()?.is_none_or(|size| to > size) {
            return Ok(None);
        }
        self.learn(from / LOG_TREE_TILE)?;
        self.tiles.leaves.clear();
        let first = from / LOG_TREE_TILE * LOG_TREE_TILE;
        if to - first <= LOG_TREE_READ_BATCHES {
            // Whoever asks every minute needs one look at the newest headers.
            let leaves = self.reader.leaves(first..to)?;
            self.tiles.take(first / LOG_TREE_TILE, &leaves);
        } else {
            self.learn(to / LOG_TREE_TILE)?;
            for size in [from, to] {
                let first = size / LOG_TREE_TILE * LOG_TREE_TILE;
                let leaves = self.reader.leaves(first..to.min(first + LOG_TREE_TILE))?;
                self.tiles.take(first / LOG_TREE_TILE, &leaves);
            }
        }
        let path = self.tiles.path(from, to);
        self.tiles.leaves.clear();
        let lost =
            || LedgerError::corrupt(self.reader.data_directory(), "the log", "headers of its batches are missing");
        path.ok_or_else(lost).map(Some)
    }

    /// Reads the roots of so many tiles, a piece at a time.
    fn learn(&mut self, tiles: u64) -> Result<(), LedgerError> {
        while (self.tiles.whole.len() as u64) < tiles {
            let first = self.tiles.whole.len() as u64 * LOG_TREE_TILE;
            let end = (tiles * LOG_TREE_TILE).min(first + LOG_TREE_READ_BATCHES);
            let leaves = self.reader.leaves(first..end)?;
            self.tiles.whole.extend(leaves.chunks_exact(LOG_TREE_TILE as usize).map(tree::root));
            if (leaves.len() as u64) < end - first {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Tiles {
    /// Takes the leaves of tiles from this one on.
    fn take(&mut self, first: u64, leaves: &[Digest]) {
        for (tile, leaves) in (first..).zip(leaves.chunks(LOG_TREE_TILE as usize)) {
            if leaves.len() as u64 == LOG_TREE_TILE && self.whole.len() as u64 == tile {
                self.whole.push(tree::root(leaves));
            }
            self.leaves.insert(tile, leaves.to_vec());
        }
    }

    /// The path; `None` if something of it is not known.
    fn path(&self, from: u64, to: u64) -> Option<Vec<Digest>> {
        let (mut first, mut end, mut is_whole, mut path) = (0, to, true, Vec::new());
        while from < end {
            let middle = first + split(end - first);
            if from <= middle {
                path.push(self.root(middle, end)?);
                end = middle;
            } else {
                path.push(self.root(first, middle)?);
                first = middle;
                is_whole = false;
            }
        }
        if !is_whole {
            path.push(self.root(first, end)?);
        }
        path.reverse();
        Some(path)
    }

    /// The root over the leaves from `first` to before `end`, which are a node of a tree.
    fn root(&self, first: u64, end: u64) -> Option<Digest> {
        let count = end - first;
        if count > LOG_TREE_TILE {
            let middle = first + split(count);
            return Some(tree::node_hash(&self.root(first, middle)?, &self.root(middle, end)?));
        }
        let (tile, at) = (first / LOG_TREE_TILE, first % LOG_TREE_TILE);
        if count == LOG_TREE_TILE {
            return self.whole.get(tile as usize).copied();
        }
        self.leaves.get(&tile)?.get(at as usize..(at + count) as usize).map(tree::root)
    }
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_two_sizes_are_proven_as_over_all_leaves() {
        let leaves: Vec<Digest> = (0..1_100_u64).map(|at| tree::leaf_hash(&at.to_be_bytes())).collect();
        proptest!(|(to in 1..1_100_u64, share in 0.0..1.0_f64)| {
            let from = 1 + (share * (to - 1) as f64) as u64;
            let signed = &leaves[..to as usize];
            // All at once from the older size on, after what was known before.
            let first = from / LOG_TREE_TILE;
            let known = leaves[..(first * LOG_TREE_TILE) as usize].chunks_exact(LOG_TREE_TILE as usize);
            let mut tiles = Tiles { whole: known.map(tree::root).collect(), leaves: BTreeMap::new() };
            tiles.take(first, &signed[(first * LOG_TREE_TILE) as usize..]);
            prop_assert_eq!(tiles.whole.len() as u64, to / LOG_TREE_TILE);
            let path = tiles.path(from, to).unwrap();
            let expected = tree::consistency_proof(signed, from as usize);
            prop_assert_eq!(Some(&path), expected.as_ref());
            let (old, new) = (tree::root(&leaves[..from as usize]), tree::root(signed));
            prop_assert!(tree::verify_consistency(from, to, &old, &new, &path));
        });
    }
}
