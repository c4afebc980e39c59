//! What intake knew of the rows that it recorded, held until the files of keys are made of it, so that no row is read back for
//! them. What is held is bounded and may be too little: then the ledger is read, which says the same.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::Seq;
use tokio::sync::Notify;

use crate::dedup::Memory;

/// The rows that were handed on and have no file yet.
#[derive(Debug)]
pub(super) struct Handed {
    runs: Mutex<Runs>,
    changed: Notify,
    rows_max: u64,
}

/// Rows that follow each other, by the first of them.
#[derive(Debug, Default)]
struct Runs {
    by_first: BTreeMap<Seq, Run>,
    /// How many rows are held.
    rows: u64,
    /// Rows before this one have their files.
    start: Seq,
    /// Rows among which are some that were not held, for want of room or because intake did not know enough of them.
    lost: Range<Seq>,
}

#[derive(Debug)]
struct Run {
    rows: u64,
    /// What is remembered of them, in order; of some rows nothing is.
    memories: Vec<Memory>,
}

impl Handed {
    /// Holds so many rows at most.
    pub fn new(rows_max: u64) -> Self {
        Self { runs: Mutex::new(Runs::default()), changed: Notify::new(), rows_max }
    }

    /// Takes what is known of the rows of a group that became durable. `memories` have their number in the group for a row;
    /// without any, intake does not know enough of the rows.
    pub fn hand(&self, first: Seq, rows: u64, memories: Option<Vec<Memory>>) {
        let end = first.skip(rows);
        let mut runs = self.runs();
        match memories {
            _ if end <= runs.start || rows == 0 => return,
            Some(mut memories) if runs.rows + rows <= self.rows_max => {
                for memory in &mut memories {
                    memory.row = first.skip(memory.row.get());
                }
                runs.by_first.insert(first, Run { rows, memories });
                runs.rows += rows;
            }
            _ if runs.lost.is_empty() => runs.lost = first..end,
            _ => runs.lost = runs.lost.start.min(first)..runs.lost.end.max(end),
        }
        drop(runs);
        self.changed.notify_waiters();
    }

    /// Waits until all of these rows are known, or one of them never will be.
    pub async fn settled(&self, rows: Range<Seq>) {
        loop {
            let changed = self.changed.notified();
            if self.runs().are_settled(&rows) {
                return;
            }
            changed.await;
        }
    }

    /// What is remembered of these rows, if all of them are known. Neither they nor rows before them are held any longer.
    pub fn take(&self, rows: Range<Seq>) -> Option<Vec<Memory>> {
        self.runs().take(rows)
    }

    // What a panic under this lock leaves incomplete is read from the ledger.
    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    fn are_settled(&self, rows: &Range<Seq>) -> bool {
        let is_lost = self.lost.start.max(rows.start) < self.lost.end.min(rows.end);
        is_lost || self.are_known(rows)
    }

    fn are_known(&self, rows: &Range<Seq>) -> bool {
        let mut next = rows.start;
        for (&first, run) in self.by_first.range(..rows.end) {
            if first > next {
                break;
            }
            next = next.max(first.skip(run.rows));
        }
        next >= rows.end
    }

    fn take(&mut self, rows: Range<Seq>) -> Option<Vec<Memory>> {
        let are_known = self.are_known(&rows);
        let mut memories = Vec::new();
        let after = self.by_first.split_off(&rows.end);
        for (first, mut run) in std::mem::replace(&mut self.by_first, after) {
            self.rows -= run.rows;
            let inside = run.memories.partition_point(|memory| memory.row < rows.end);
            let rest = run.memories.split_off(inside);
            memories.extend(run.memories.into_iter().filter(|memory| memory.row >= rows.start));
            // A group may reach into the rows of the next file.
            let end = first.skip(run.rows);
            if end > rows.end {
                let further = end.distance_from(rows.end);
                self.rows += further;
                self.by_first.insert(rows.end, Run { rows: further, memories: rest });
            }
        }
        self.start = rows.end;
        self.lost.start = self.lost.start.max(rows.end).min(self.lost.end);
        are_known.then_some(memories)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::{Body, Keyring};
    use proptest::prelude::*;

    /// What is remembered of a row: nothing of each fifth.
    fn memory(row: u64) -> Option<Memory> {
        let key = Keyring::new(&[7; 32]).id("token", "source", &row.to_string());
        (!row.is_multiple_of(5)).then_some(Memory { key, body: Body::UNKNOWN, row: Seq::new(row), conflict: false })
    }

    fn seqs(rows: Range<u64>) -> Range<Seq> {
        Seq::new(rows.start)..Seq::new(rows.end)
    }

    fn hand(handed: &Handed, first: u64, rows: u64) {
        let numbered = |number: u64| memory(first + number).map(|memory| Memory { row: Seq::new(number), ..memory });
        handed.hand(Seq::new(first), rows, Some((0..rows).filter_map(numbered).collect()));
    }

    fn check(handed: &Handed, rows: Range<u64>, is_known: bool) {
        let expected = is_known.then(|| rows.clone().filter_map(memory).collect());
        assert_eq!(handed.take(seqs(rows.clone())), expected, "{rows:?}");
    }

    #[test]
    fn rows_are_given_back_by_the_block_whatever_groups_they_came_in() {
        let handed = Handed::new(100);
        hand(&handed, 8, 17);
        hand(&handed, 4, 4);
        check(&handed, 0..10, false);
        check(&handed, 10..20, true);
        assert_eq!(handed.runs().rows, 5);
        hand(&handed, 0, 10);
        assert_eq!(handed.runs().rows, 5, "these have their file");
        hand(&handed, 25, 5);
        check(&handed, 20..30, true);
        check(&handed, 30..40, false);
        assert_eq!(handed.runs().rows, 0);
    }

    #[test]
    fn what_is_held_is_bounded_and_what_is_lost_is_not_waited_for() {
        let handed = Handed::new(20);
        hand(&handed, 0, 20);
        assert!(!handed.runs().are_settled(&seqs(20..30)));
        hand(&handed, 20, 5);
        assert_eq!(handed.runs().rows, 20);
        assert!(handed.runs().are_settled(&seqs(20..30)) && handed.runs().are_settled(&seqs(0..20)));
        check(&handed, 0..20, true);
        check(&handed, 20..30, false);
        hand(&handed, 30, 10);
        assert!(handed.runs().are_settled(&seqs(30..40)));
        check(&handed, 30..40, true);
        handed.hand(Seq::new(40), 3, None);
        assert!(handed.runs().are_settled(&seqs(40..50)) && !handed.runs().are_settled(&seqs(50..60)));
        check(&handed, 40..50, false);
        assert!(handed.runs().lost.is_empty());
    }

    #[tokio::test]
    async fn a_wait_ends_with_the_last_group() {
        let handed = Handed::new(100);
        let hands = async {
            for first in [5, 0, 15, 10] {
                tokio::task::yield_now().await;
                hand(&handed, first, 5);
            }
        };
        tokio::join!(handed.settled(seqs(0..20)), hands);
        check(&handed, 0..20, true);
    }

    proptest! {
        #[test]
        fn groups_in_any_order_make_the_same_blocks(
            sizes in prop::collection::vec(1_u64..9, 1..20), block in 1_u64..12, seed: u64, left_out: Option<prop::sample::Index>,
        ) {
            let handed = Handed::new(1_000);
            let mut groups: Vec<(u64, u64)> = Vec::new();
            for size in &sizes {
                groups.push((groups.last().map_or(0, |(first, rows)| first + rows), *size));
            }
            let end = groups.last().map_or(0, |(first, rows)| first + rows);
            let gone = left_out.map(|index| groups[index.index(groups.len())]);
            groups.sort_by_key(|(first, _)| (first ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for (first, rows) in groups.iter().filter(|group| Some(**group) != gone) {
                hand(&handed, *first, *rows);
            }
            for start in (0..end.saturating_sub(block)).step_by(block as usize) {
                let rows = start..start + block;
                let is_known = gone.is_none_or(|(first, rows)| start + block <= first || first + rows <= start);
                check(&handed, rows, is_known);
            }
        }
    }
}
