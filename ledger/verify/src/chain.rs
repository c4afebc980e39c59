//! The chain of headers, the batch that is open at the end of it, and what batches say of the other ledger (FORMAT.md section 4).

use std::collections::BTreeMap;

use proof::inputs::{self, Input};
use proof::tree::Frontier;
use proof::{Digest, Header};

use crate::name::LedgerName;
use crate::part::Secrets;

/// The chain of headers as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Number of the next batch.
    pub next_batch: u64,
    /// Position of the next event.
    pub next_seq: u64,
    /// Hash of the newest header, or of the origin.
    pub previous: Digest,
    /// The log over all headers.
    pub log: Frontier,
    /// When the newest batch was closed.
    pub closed: i64,
}

impl Chain {
    /// The chain before batch 0 of the log `origin`.
    pub(crate) fn of(origin: &str) -> Self {
        let previous = proof::header::origin_hash(origin);
        Self { next_batch: 0, next_seq: 0, previous, log: Frontier::default(), closed: 0 }
    }

    /// What keeps a header from being the next one, if anything does.
    fn refuses(&self, header: &Header) -> Option<String> {
        let Header { batch, first_seq, previous, recorded_min, recorded_max, .. } = header;
        if *batch != self.next_batch {
            Some(format!("batch {batch} stands where batch {} belongs", self.next_batch))
        } else if *previous != self.previous {
            Some(format!("batch {batch} does not name the header before it"))
        } else if *first_seq != self.next_seq {
            Some(format!("batch {batch} starts at {first_seq} instead of {}", self.next_seq))
        } else if recorded_min > recorded_max || *recorded_min < self.closed {
            Some(format!("batch {batch} goes back in recorded time"))
        } else {
            None
        }
    }

    /// Goes on behind a header, whether or not it is the next one: so one fault is told once. `Err` says in words what is wrong.
    pub(crate) fn follow(&mut self, header: &Header) -> Result<(), String> {
        let refusal = self.refuses(header);
        if refusal.is_none() {
            self.log.push(header.leaf_hash());
        }
        self.next_batch = header.batch.saturating_add(1);
        self.next_seq = header.first_seq.saturating_add(u64::from(header.count));
        self.previous = header.hash();
        self.closed = header.recorded_max;
        refusal.map_or(Ok(()), Err)
    }

    /// The log as it stands.
    pub(crate) fn head(&self) -> TreeHead {
        TreeHead { root: self.log.root(), next_seq: self.next_seq }
    }
}

/// The log at one of its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeHead {
    /// Its root.
    pub(crate) root: Digest,
    /// The position after the last event of its batches.
    pub(crate) next_seq: u64,
}

/// The smallest and the largest of some numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Option<(i64, i64)>);

impl Span {
    /// Takes a number in.
    pub(crate) fn add(&mut self, number: i64) {
        let (min, max) = self.0.unwrap_or((number, number));
        self.0 = Some((min.min(number), max.max(number)));
    }
}

/// The batch that is open in the WAL.
pub(crate) struct OpenBatch {
    pub(crate) number: u64,
    pub(crate) first_seq: u64,
    pub(crate) secrets: Secrets,
    pub(crate) writer: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) leaves: Frontier,
    pub(crate) inputs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) times: Span,
    pub(crate) recorded: Option<i64>,
}

impl OpenBatch {
    /// The header that must close the batch, given what only its own header says: when it was closed.
    pub(crate) fn header(&self, shard: u32, previous: Digest, closed: i64) -> Header {
        let inputs: Vec<Input> =
            self.inputs.iter().map(|(key, value)| Input { key: key.clone(), value: value.clone() }).collect();
        let (time_min, time_max) = self.times.0.unwrap_or((0, 0));
        Header {
            shard,
            batch: self.number,
            first_seq: self.first_seq,
            count: self.leaves.size() as u32,
            root: self.leaves.root(),
            previous,
            time_min,
            time_max,
            recorded_min: self.recorded.unwrap_or(closed),
            recorded_max: closed,
            writer: self.writer,
            epoch: self.epoch,
            inputs_count: inputs.len() as u32,
            inputs_root: inputs::root(&inputs),
        }
    }
}

/// What a batch says of the other ledger's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The batch that says it.
    pub(crate) batch: u64,
    /// Size of the other log.
    pub(crate) size: u64,
    /// Its root at that size.
    pub(crate) root: Digest,
}

impl Statement {
    /// The key of the input by which a batch names the checkpoint of `ledger/shard`.
    pub(crate) fn key(ledger: LedgerName, shard: u32) -> Vec<u8> {
        format!("checkpoint:{ledger}/{shard}").into_bytes()
    }

    /// Reads that input's value.
    pub(crate) fn read(batch: u64, value: &[u8]) -> Option<Self> {
        let (size, root) = value.split_first_chunk::<8>()?;
        Some(Self { batch, size: u64::from_be_bytes(*size), root: Digest(root.try_into().ok()?) })
    }
}

/// What a torn copy lost of a log: batches that were signed and are not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The batch of `operations` that says so.
    pub(crate) batch: u64,
    /// The ledger that lost them.
    pub(crate) ledger: LedgerName,
    /// Batches that the copy had.
    pub(crate) kept: u64,
    /// Batches that were known to be signed.
    pub(crate) signed: u64,
    /// Batches of the other ledger then: what those say of the lost part is no contradiction.
    pub(crate) others: u64,
}

impl Gap {
    /// Reads an input; `None` if it is not one about a gap.
    pub(crate) fn read(batch: u64, shard: u32, key: &[u8], value: &[u8]) -> Option<Self> {
        let rest = key.strip_prefix(b"torn:")?;
        let ledger = LedgerName::ALL.into_iter().find(|ledger| rest == format!("{ledger}/{shard}").as_bytes())?;
        let (kept, rest) = value.split_first_chunk::<8>()?;
        let (signed, rest) = rest.split_first_chunk::<8>()?;
        let (_root, others) = rest.split_first_chunk::<32>()?;
        let number = u64::from_be_bytes;
        Some(Self {
            batch,
            ledger,
            kept: number(*kept),
            signed: number(*signed),
            others: number(others.try_into().ok()?),
        })
    }

    /// Whether a statement of the other ledger is about the lost part.
    pub(crate) fn explains(&self, statement: &Statement) -> bool {
        statement.size > self.kept && statement.batch < self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(batch: u64, previous: Digest) -> Header {
        Header {
            shard: 0,
            batch,
            first_seq: batch * 2,
            count: 2,
            root: Digest::ZERO,
            previous,
            time_min: 0,
            time_max: 0,
            recorded_min: batch as i64,
            recorded_max: batch as i64 + 1,
            writer: [0; 16],
            epoch: 0,
            inputs_count: 0,
            inputs_root: proof::tree::empty_root(),
        }
    }

    #[test]
    fn a_header_that_does_not_follow_is_told_once() {
        let mut chain = Chain::of("a/b");
        let first = header(0, chain.previous);
        chain.follow(&first).expect("the first");
        let check = |change: &dyn Fn(&mut Header), words: &str| {
            let (mut chain, mut next) = (chain.clone(), header(1, first.hash()));
            change(&mut next);
            let said = chain.follow(&next);
            if words.is_empty() {
                assert_eq!((said, chain.log.size()), (Ok(()), 2));
            } else {
                assert!(said.expect_err("refused").contains(words), "{words}");
                assert_eq!(chain.log.size(), 1);
            }
            let after = Header {
                first_seq: chain.next_seq,
                recorded_min: 9,
                recorded_max: 9,
                ..header(chain.next_batch, next.hash())
            };
            assert_eq!(chain.follow(&after), Ok(()), "{words}");
        };
        check(&|_| {}, "");
        check(&|next| next.batch = 5, "batch 5 stands where batch 1 belongs");
        check(&|next| next.previous = Digest::ZERO, "does not name the header before it");
        check(&|next| next.first_seq = 3, "starts at 3 instead of 2");
        check(&|next| next.recorded_min = 0, "goes back");
        check(&|next| next.recorded_max = 0, "goes back");
    }

    #[test]
    fn only_what_was_said_before_about_the_lost_part_is_explained() {
        let gap = Gap { batch: 0, ledger: LedgerName::Events, kept: 5, signed: 9, others: 20 };
        let explains = |batch, size| gap.explains(&Statement { batch, size, root: Digest::ZERO });
        assert!(explains(19, 6) && explains(0, 9));
        assert!(!explains(19, 5) && !explains(20, 6));
    }

    proptest! {
        #[test]
        fn inputs_about_the_other_ledger_are_read_whole_or_not_at_all(numbers: [u64; 3], root: [u8; 32], cut in 0_usize..56) {
            let [kept, signed, others] = numbers;
            let value = [&kept.to_be_bytes()[..], &signed.to_be_bytes(), &root, &others.to_be_bytes()].concat();
            let gap = Gap { batch: 4, ledger: LedgerName::Operations, kept, signed, others };
            prop_assert_eq!(Gap::read(4, 0, b"torn:operations/0", &value), Some(gap));
            prop_assert_eq!(Gap::read(4, 0, b"torn:operations/0", &value[..cut]), None);
            prop_assert_eq!(Gap::read(4, 0, b"torn:operations/1", &value), None);
            let statement = [&kept.to_be_bytes()[..], &root].concat();
            prop_assert_eq!(Statement::read(4, &statement), Some(Statement { batch: 4, size: kept, root: Digest(root) }));
            prop_assert_eq!(Statement::read(4, &statement[..cut.min(39)]), None);
        }
    }
}
