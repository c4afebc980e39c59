//! `receipts compare`: which records a receiver's copy lacks, has twice or has changed, by the receipts and the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use ledger::{LedgerName, Position, Seq};
use serde::Serialize;

use super::copy::{Copy, print};
use super::walk::{Expected, Read, Receipt, Visitor, replayed, sent_again, walk};
use super::{Evidence, Listed, ReceiptsError};
use crate::record::Record;
use crate::schemas::SchemaSpec;
use crate::sink::AnySink;
use crate::streams::Stream;

/// What a copy is worth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Records that the receipts say were acknowledged and that could be said again. What was sent once more by a backfill counts once.
    pub expected: u64,
    /// How many of them the copy has, word for word.
    pub equal: u64,
    /// What it lacks,
    pub missing: Listed,
    /// has more often than it was sent,
    pub doubled: Listed,
    /// and has with other words.
    pub changed: Listed,
    /// What it has shorter than it was recorded, and says so: the sink cut it, since the receiver takes no longer records.
    pub cut: Listed,
    /// Records with numbers that were never given, or of streams that are not this sink's.
    pub invented: Listed,
    /// Records beyond the newest receipt: they are on their way, and nothing can be said of them yet.
    pub beyond: u64,
    /// Records that the sink refused for ever, and whether it has them nevertheless.
    pub refused: u64,
    /// How many of the refused ones the copy has.
    pub refused_but_there: u64,
    /// What in the copy is no record of this sink, by where it stands there.
    pub foreign: Listed,
    /// Records that somebody sent as a test.
    pub tests: u64,
    /// Records of receipts that were made by other settings: nothing can be said of them with this configuration.
    pub by_other_settings: u64,
}

impl Comparison {
    /// Whether the copy has every record once and as it was sent, which may be cut.
    pub fn is_whole(&self) -> bool {
        [&self.missing, &self.doubled, &self.changed, &self.invented].iter().all(|listed| listed.total == 0)
    }
}

/// How much of what was sent a copy is meant to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Whole,
    /// In each stream everything between its first and its last record there.
    Part,
}

/// Compares a copy with what the receipts say.
pub fn compare(evidence: &Evidence<'_>, mut copy: Copy, extent: Extent) -> Result<Comparison, ReceiptsError> {
    let schema = evidence.schema()?;
    let AnySink::Stream(stream) = &evidence.sink.sink else {
        return Err(ReceiptsError::NoStream(evidence.sink.common.name.clone()));
    };
    let held = copy.streams.iter().filter(|_| extent == Extent::Part).filter_map(|(stream, records)| {
        let (first, last) = (records.first_key_value()?.0, records.last_key_value()?.0);
        Some((stream.clone(), *first..=*last))
    });
    let mut compare = Compare {
        stream: stream.as_ref(),
        schema,
        held: held.collect(),
        extent,
        replayed: replayed(evidence)?,
        again: sent_again(evidence)?,
        comparison: Comparison {
            foreign: std::mem::take(&mut copy.foreign),
            tests: copy.tests,
            ..Comparison::default()
        },
        copy: &mut copy,
        numbered: BTreeMap::new(),
    };
    walk(evidence, &mut compare)?;
    let Compare { mut comparison, numbered, .. } = compare;
    for (stream, records) in copy.streams {
        for (export_seq, found) in records {
            match numbered.get(&stream) {
                Some(numbered) if export_seq >= numbered.end => comparison.beyond += u64::from(found.times),
                Some(numbered) if numbered.is_by_other_settings(export_seq) => {}
                _ => comparison.invented.add(|| format!("{stream} export_seq {export_seq}")),
            }
        }
    }
    Ok(comparison)
}

/// The numbers that the receipts of one stream gave.
#[derive(Debug, Default)]
struct Numbered {
    /// The number after the newest receipt.
    end: u64,
    /// The numbers of receipts that were made by other settings, in order.
    by_other_settings: Vec<Range<u64>>,
}

impl Numbered {
    fn is_by_other_settings(&self, export_seq: u64) -> bool {
        let after = self.by_other_settings.partition_point(|range| range.start <= export_seq);
        after
            .checked_sub(1)
            .and_then(|at| self.by_other_settings.get(at))
            .is_some_and(|range| range.contains(&export_seq))
    }
}

struct Compare<'a> {
    stream: &'a dyn Stream,
    schema: &'static SchemaSpec,
    copy: &'a mut Copy,
    extent: Extent,
    /// The numbers that a copy of a part is about.
    held: BTreeMap<String, RangeInclusive<u64>>,
    /// What was refused and taken later is in the copy, too.
    replayed: BTreeSet<Position>,
    /// What was sent once more by backfills; a copy may have it as often, or less often if the receiver knows it again.
    again: Vec<(LedgerName, Range<Seq>)>,
    comparison: Comparison,
    numbered: BTreeMap<String, Numbered>,
}

impl Compare<'_> {
    fn is_expected(&self, stream: &str, export_seq: u64) -> bool {
        self.extent == Extent::Whole || self.held.get(stream).is_some_and(|held| held.contains(&export_seq))
    }
}

impl Compare<'_> {
    /// How often the sink was sent a record.
    fn times_sent(&self, record: &Record) -> u32 {
        let Position { ledger, seq, .. } = record.position;
        // A backfill with numbers of its own is sent once.
        if record.backfill.is_some() {
            return 1;
        }
        let again = self.again.iter().filter(|(of, range)| *of == ledger && range.contains(&seq)).count();
        u32::try_from(again).unwrap_or(u32::MAX).saturating_add(1)
    }
}

impl Visitor for Compare<'_> {
    fn receipt(&mut self, _: Position, receipt: &Receipt, _: &Expected) {
        if receipt.is_again {
            return;
        }
        let numbered = self.numbered.entry(receipt.stream.clone()).or_default();
        numbered.end = receipt.record.export_seq_next;
        numbered.by_other_settings.push(receipt.record.export_seq..receipt.record.export_seq_next);
        self.comparison.by_other_settings += receipt.record.count;
    }

    fn record(&mut self, receipt: &Receipt, record: &Record, refused: bool) {
        if receipt.is_again {
            return;
        }
        let stream = record.stream();
        let found = self.copy.streams.get_mut(&stream).and_then(|records| records.remove(&record.export_seq));
        if refused && !self.replayed.contains(&record.position) {
            self.comparison.refused += 1;
            self.comparison.refused_but_there += u64::from(found.is_some());
            return;
        }
        if !self.is_expected(&stream, record.export_seq) {
            return;
        }
        self.comparison.expected += 1;
        let name = || format!("{stream} export_seq {} ({})", record.export_seq, record.position);
        let Some(found) = found else { return self.comparison.missing.add(name) };
        let kept = self.stream.kept(record);
        let sent = self.times_sent(record);
        // What a sink adds to a record, not everybody who gives back a copy gives back.
        let is_sent = found.print == print(self.schema, &kept.text);
        let is_said = !is_sent && found.print == print(self.schema, &record.said.text);
        if found.differs || !(is_sent || is_said) {
            self.comparison.changed.add(name);
        } else if is_sent && kept.is_cut {
            self.comparison.cut.add(name);
        } else {
            self.comparison.equal += u64::from(found.times <= sent);
        }
        if found.times > sent {
            self.comparison.doubled.add(|| format!("{}, {} times", name(), found.times));
        }
    }

    fn reproduced(&mut self, _: Position, receipt: &Receipt, _: &Read) {
        if receipt.is_again {
            return;
        }
        self.comparison.by_other_settings -= receipt.record.count;
        if let Some(numbered) = self.numbered.get_mut(&receipt.stream) {
            numbered.by_other_settings.pop();
        }
    }

    fn done(&mut self, _: Position, _: &str, _: Position, _: &Expected) {}
}
