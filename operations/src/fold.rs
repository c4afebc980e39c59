//! Folds over `operations`: what its entries amount to now. There is no second store: an outbox, a list of alerts or a
//! cursor is a fold.
//!
//! A fold is bounded by its own limit, reads the ledger from the start once and follows on from there. Whoever needs only
//! the newest entries of a kind reads [`backwards`] and stops at the first hit. The fold over alerts is
//! [`crate::triage::Triage`].

mod budgets;
mod exports;
mod outbox;
mod sink_orders;

use std::ops::ControlFlow;

pub use budgets::{Balance, BudgetAnswer, Budgets, OpenReservation, Refusal};
pub use exports::{Exported, newest_exported, newest_exported_since};
pub use outbox::{DeadLetter, Outbox, Thread, Told};
pub use sink_orders::{OpenBackfill, Paused, SinkOrders};

use ledger::LedgerError;
use ledger::Row;
use ledger::{ReadLimit, Reader, Seq};

use crate::limits::{FOLD_READ_BYTES, FOLD_READ_ROWS};

/// What entries amount to: a state that each row in order changes.
pub trait Fold {
    /// The kinds of which rows change the state, if it is few of many: rows of others need not be shown to it then.
    const KINDS: Option<&'static [&'static str]> = None;

    /// Takes the next row. Rows of kinds that the fold does not know leave it as it is.
    fn apply(&mut self, row: &Row<'_>);
}

/// A projection: what a fold makes of everything that is durable, with the reader that feeds it.
pub struct Projection<F> {
    fold: F,
    reader: Reader,
    next_seq: Seq,
}

impl<F: Fold> Projection<F> {
    /// Reads everything that is durable now.
    pub fn open(reader: Reader, fold: F) -> Result<Self, LedgerError> {
        Self::open_at(reader, fold, Seq::FIRST)
    }

    /// Reads everything from a position on that is durable now.
    pub fn open_at(reader: Reader, fold: F, from: Seq) -> Result<Self, LedgerError> {
        let mut folded = Self { next_seq: from, ..Self::unread(reader, fold) };
        folded.catch_up()?;
        Ok(folded)
    }

    /// A fold that has read nothing yet.
    pub fn unread(reader: Reader, fold: F) -> Self {
        Self { fold, reader, next_seq: Seq::FIRST }
    }

    /// Reads what became durable since. Returns by how many rows the ledger grew.
    pub fn catch_up(&mut self) -> Result<u64, LedgerError> {
        let start = self.next_seq;
        loop {
            let rows = match F::KINDS {
                Some(kinds) => self.reader.read_kinds(self.next_seq, kinds, READ_LIMIT)?,
                None => self.reader.read(self.next_seq, false, READ_LIMIT)?,
            };
            for row in rows.iter() {
                self.fold.apply(&row);
            }
            if rows.next_seq == self.next_seq {
                return Ok(self.next_seq.distance_from(start));
            }
            self.next_seq = rows.next_seq;
        }
    }

    /// The state.
    pub fn get(&self) -> &F {
        &self.fold
    }

    /// The state, to change what does not come from entries.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.fold
    }

    /// The position of the next row that it will read.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }
}

const READ_LIMIT: ReadLimit = ReadLimit { rows: FOLD_READ_ROWS, bytes: FOLD_READ_BYTES };

/// Shows `visit` every durable row, newest first, until it breaks. Returns what it broke with.
pub fn backwards<B>(
    reader: &Reader,
    mut visit: impl FnMut(&Row<'_>) -> ControlFlow<B>,
) -> Result<Option<B>, LedgerError> {
    let mut end = reader.durable()?.next_seq;
    while end > Seq::FIRST {
        let start = end.back(FOLD_READ_ROWS as u64);
        let mut blocks = Vec::new();
        let mut from = start;
        while from < end {
            let limit = ReadLimit { rows: end.distance_from(from) as usize, bytes: FOLD_READ_BYTES };
            let rows = reader.read(from, false, limit)?;
            if rows.is_empty() {
                break;
            }
            from = rows.next_seq;
            blocks.push(rows);
        }
        for rows in blocks.iter().rev() {
            for at in (0..rows.len()).rev() {
                if let Some(ControlFlow::Break(found)) = rows.get(at).map(|row| visit(&row)) {
                    return Ok(Some(found));
                }
            }
        }
        end = start;
    }
    Ok(None)
}

/// The position from which the newest `entries_max` entries stand for which `counts` holds, as far as they are among the newest
/// `rows_max`: where a fold begins that needs no more of them.
pub fn newest_from(
    reader: &Reader,
    entries_max: u64,
    rows_max: u64,
    counts: impl Fn(&Row<'_>) -> bool,
) -> Result<Seq, LedgerError> {
    let end = reader.durable()?.next_seq;
    let first = end.back(rows_max);
    if end.get() <= entries_max {
        return Ok(first);
    }
    let mut left = entries_max;
    let from = backwards(reader, |row| {
        left -= u64::from(counts(row));
        if left == 0 || row.position.seq <= first {
            ControlFlow::Break(row.position.seq)
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(from.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::export::{Cut, ExportWindow, INTENT_KIND, Intended, RECEIPT_KIND};
    use ledger::operations::column;
    use ledger::{Entry, Group};
    use ledger::{LedgerName, Position};
    use ledger::{Options, Store};

    fn append(store: &Store, entries: impl IntoIterator<Item = (&'static str, String, String)>) {
        let mut group = Group::new(&ledger::operations::TABLE);
        for (kind, to, record) in entries {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, kind);
            entry.set_text(column::SUBJECT, "siem");
            entry.set_text(column::FROM, &at(LedgerName::Events, 2));
            entry.set_text(column::TO, &to);
            entry.set_text(column::RECORD, &record);
            group.push(&entry).unwrap();
        }
        store.operations().appender().try_append(group).unwrap().wait().unwrap();
    }

    fn at(ledger: LedgerName, seq: u64) -> String {
        Position { ledger, shard: 0, seq: Seq::new(seq) }.to_string()
    }

    fn receipt(export_seq_next: u64) -> String {
        serde_json::json!({"export_seq": 0, "export_seq_next": export_seq_next, "count": 1, "excluded": 0, "rejected": 0,
            "bytes": 0, "attempts": 1, "ack": ""})
        .to_string()
    }

    fn intent() -> String {
        serde_json::json!({"export_seq": 0, "count": 1, "sha256": ""}).to_string()
    }

    /// The positions of tokens.
    #[derive(Default)]
    struct Tokens(Vec<(Seq, String)>);

    impl Fold for Tokens {
        const KINDS: Option<&'static [&'static str]> = Some(&["token", "token.more"]);

        fn apply(&mut self, row: &Row<'_>) {
            if row.text(column::KIND).is_some_and(|kind| kind.starts_with("token")) {
                self.0.push((row.position.seq, row.text(column::TO).unwrap_or_default().to_owned()));
            }
        }
    }

    #[test]
    fn a_fold_of_few_kinds_meets_all_rows_of_them() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store =
            Store::open(dir.path(), Options { segment_entries_max: 500, reserve_bytes: 0, ..Options::default() })
                .unwrap();
        let kind = |number: usize| match number % 97 {
            0 => "token",
            50 => "token.more",
            _ => "note",
        };
        let reader = store.operations().reader();
        let mut projection = Projection::open(reader.clone(), Tokens::default()).unwrap();
        let mut expected = Vec::new();
        for round in 0..4 {
            let numbers = round * 700..(round + 1) * 700;
            append(&store, numbers.map(|number| (kind(number), number.to_string(), String::new())));
            while store.operations().status().unsealed_files > 0 {
                std::thread::yield_now();
            }
            let mut from = Seq::FIRST;
            expected.clear();
            while from < reader.durable().unwrap().next_seq {
                let rows = reader.read(from, false, READ_LIMIT).unwrap();
                let tokens =
                    rows.iter().filter(|row| row.text(column::KIND).is_some_and(|kind| kind.starts_with("token")));
                expected.extend(tokens.map(|row| (row.position.seq, row.text(column::TO).unwrap().to_owned())));
                from = rows.next_seq;
            }
            assert!(expected.len() > round * 14);
            // From the start, from where it stood, and from the middle of a segment.
            assert_eq!(Projection::open(reader.clone(), Tokens::default()).unwrap().get().0, expected);
            projection.catch_up().unwrap();
            assert_eq!(projection.get().0, expected);
            let middle = Seq::new(from.get() / 2);
            let later: Vec<_> = expected.iter().filter(|(seq, _)| *seq >= middle).cloned().collect();
            assert_eq!(Projection::open_at(reader.clone(), Tokens::default(), middle).unwrap().get().0, later);
        }
        assert!(store.operations().status().segments > 2);
    }

    struct Count(u64);

    impl Fold for Count {
        fn apply(&mut self, _row: &Row<'_>) {
            self.0 += 1;
        }
    }

    #[test]
    fn every_row_is_seen_once_from_either_end() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        for _ in 0..3 {
            append(&store, (0..3_000).map(|_| ("note", String::new(), String::new())));
        }
        let reader = store.operations().reader();
        let mut projection = Projection::open(reader.clone(), Count(0)).unwrap();
        let mut expected = projection.next_seq();
        assert!(expected >= Seq::new(9_000) && projection.get().0 == expected.get());
        let end = backwards(&reader, |row| {
            expected = expected.back(1);
            assert_eq!(row.position.seq, expected);
            ControlFlow::<()>::Continue(())
        });
        assert_eq!((end.unwrap(), expected), (None, Seq::FIRST));
        append(&store, [("note", String::new(), String::new())]);
        assert!(projection.catch_up().unwrap() >= 1);
        store.stop();
    }

    #[test]
    fn what_others_write_does_not_push_out_what_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let reader = store.operations().reader();
        let from = |entries_max, rows_max| {
            newest_from(&reader, entries_max, rows_max, |row| row.text(column::KIND) == Some(RECEIPT_KIND)).unwrap()
        };
        let start = reader.durable().unwrap().next_seq;
        for _ in 0..3 {
            append(&store, [(RECEIPT_KIND, String::new(), String::new())]);
            append(&store, (0..9).map(|_| ("budget.reserve", String::new(), String::new())));
        }
        assert_eq!([1, 2, 3].map(|entries| from(entries, 1_000)), [start.skip(20), start.skip(10), start]);
        assert_eq!((from(4, 1_000), from(1_000, 1_000)), (Seq::FIRST, Seq::FIRST), "all of them");
        assert_eq!((from(3, 15), from(1_000, 15)), (start.skip(15), start.skip(15)), "not further back than the rows");
        store.stop();
    }

    #[test]
    fn a_sink_stands_at_its_newest_receipt_in_each_ledger() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let reader = store.operations().reader();
        let find = |ledger| newest_exported(&reader, "siem", ledger, 0).unwrap();
        assert_eq!(find(LedgerName::Events), None);
        append(&store, [(INTENT_KIND, at(LedgerName::Events, 5), intent())]);
        let unsent = find(LedgerName::Events).unwrap();
        assert_eq!(
            (unsent.next_seq, unsent.intent.map(|(range, _)| range)),
            (Seq::FIRST, Some(Seq::new(2)..Seq::new(5)))
        );
        append(
            &store,
            [
                (RECEIPT_KIND, at(LedgerName::Events, 5), receipt(4)),
                (INTENT_KIND, at(LedgerName::Events, 9), intent()),
                (RECEIPT_KIND, at(LedgerName::Operations, 7), receipt(2)),
            ],
        );
        let events = find(LedgerName::Events).unwrap();
        assert_eq!(
            (events.next_seq, events.export_seq, events.intent.map(|(range, _)| range)),
            (Seq::new(5), 4, Some(Seq::new(2)..Seq::new(9)))
        );
        let operations = find(LedgerName::Operations).unwrap();
        assert_eq!((operations.next_seq, operations.export_seq, operations.intent), (Seq::new(7), 2, None));
        // The newest intent counts, whatever its form: what it covers is cut as it says. A receipt takes its place.
        let window = serde_json::json!({"export_seq": 4, "records_max": 500, "cut": "ledger_batch"}).to_string();
        append(&store, [(INTENT_KIND, at(LedgerName::Events, 10_005), window)]);
        let events = find(LedgerName::Events).unwrap();
        let window = ExportWindow { export_seq: 4, records_max: 500, cut: Cut::LedgerBatch };
        assert_eq!(events.intent, Some((Seq::new(2)..Seq::new(10_005), Intended::Window(window))));
        append(&store, [(RECEIPT_KIND, at(LedgerName::Events, 40), receipt(30))]);
        let events = find(LedgerName::Events).unwrap();
        assert_eq!((events.next_seq, events.export_seq, events.intent), (Seq::new(40), 30, None));
        assert_eq!(events.receipt.map(|receipt| receipt.batches), Some(1), "older receipts stand for one batch");
        assert_eq!(newest_exported(&reader, "other", LedgerName::Events, 0).unwrap(), None);
        store.stop();
    }
}
