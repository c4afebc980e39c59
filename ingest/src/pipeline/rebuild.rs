//! Rebuilds what the pipeline remembers, so that a restart forgets no more than the bounds do: from files of keys where there are
//! some, and from the ledger's rows where there are none. While intake works, further files are written for the next start, of
//! what intake hands on where that is enough.

use std::ops::Range;

use ledger::events::column;
use ledger::{LedgerError, ReadLimit, Reader, Row, Seq};
use tokio_util::sync::CancellationToken;

use super::Pipeline;
use super::handed::Handed;
use super::intake::CONFLICT;
use super::key;
use super::key_files::KeyFiles;
use crate::dedup::{Body, Dedup, Keyring, Memory};
use crate::enrich::Enrichment;
use crate::event::finish::UNPARSED;
use crate::limits;
use crate::namespace::Sender;

/// How much is read at once.
const LIMIT: ReadLimit = ReadLimit { rows: limits::REBUILD_ROWS, bytes: limits::REBUILD_BYTES };

/// Keeps the memory of the pipeline over restarts.
pub(super) struct Keeper {
    reader: Reader,
    keyring: Keyring,
    files: KeyFiles,
    /// The first block that has no file yet.
    next: u64,
    /// The rows before the last ones whose joins are not learned yet.
    unlearned: Range<Seq>,
    /// How often the control plane had said something new when that was kept last.
    facts: u64,
}

impl Keeper {
    /// A keeper over the ledger that `reader` reads.
    pub fn open(reader: Reader, keyring: Keyring, secret: [u8; 32], rows_per_file: u64) -> Result<Self, LedgerError> {
        let files = KeyFiles::open(reader.data_directory(), secret, rows_per_file)?;
        Ok(Self { reader, keyring, files, next: 0, unlearned: Range::default(), facts: 0 })
    }

    /// Remembers the last rows, as many as there are keys to remember. Joins are learned from the rows that have to be read
    /// anyway; [`Keeper::learn`] goes on with those before them.
    pub fn rebuild(&mut self, dedup: &mut Dedup, enrichment: &mut Enrichment) -> Result<(), LedgerError> {
        let end = self.reader.durable()?.next_seq;
        let first = self.files.block(end.back(limits::DEDUP_KEYS_MAX as u64));
        self.next = self.files.block(end);
        self.files.keep_only(first..self.next)?;
        self.check_newest(first..self.next)?;
        // What was said before the rows that are read again.
        if let Some(facts) = self.files.read_facts() {
            enrichment.restore_facts(&facts);
            self.facts = enrichment.facts_changes();
        }
        let mut learned_from = self.files.rows(self.next).start;
        for block in first..self.next {
            let memories = if let Some(memories) = self.files.read(block) {
                learned_from = self.files.rows(self.next).start;
                memories
            } else {
                learned_from = learned_from.min(self.files.rows(block).start);
                let memories = self.memories(self.files.rows(block), |row| enrichment.restore(row))?;
                self.write(block, &memories);
                memories
            };
            for memory in memories {
                dedup.restore(memory);
            }
        }
        let rest = self.memories(self.files.rows(self.next).start..end, |row| enrichment.restore(row))?;
        for memory in rest {
            dedup.restore(memory);
        }
        self.unlearned = end.back(limits::REBUILD_JOIN_ROWS).min(learned_from)..learned_from;
        tracing::info!(keys = dedup.keys(), streams = dedup.streams(), "knows duplicates again");
        Ok(())
    }

    /// Deletes all files if the newest one does not say of its last rows what they say themselves: then another version, which
    /// made keys otherwise, wrote them, or they are of another history.
    fn check_newest(&self, blocks: Range<u64>) -> Result<(), LedgerError> {
        let newest = blocks.rev().find_map(|block| self.files.read(block).map(|memories| (block, memories)));
        let Some((block, memories)) = newest else { return Ok(()) };
        let rows = self.files.rows(block);
        let rows = rows.end.back(limits::KEY_FILE_CHECK_ROWS).max(rows.start)..rows.end;
        let last = memories.partition_point(|memory| memory.row < rows.start);
        if memories[last..] == self.memories(rows, |_| {})? {
            return Ok(());
        }
        tracing::warn!("the files of keys are not about these rows; reads the ledger instead");
        self.files.keep_only(0..0)
    }

    /// Learns joins from rows before those that [`Keeper::rebuild`] read.
    pub fn learn(&mut self, pipeline: &Pipeline, stop: &CancellationToken) -> Result<(), LedgerError> {
        while !self.unlearned.is_empty() && !stop.is_cancelled() {
            let rows = self.reader.read(self.unlearned.start, false, LIMIT)?;
            if rows.next_seq <= self.unlearned.start {
                break;
            }
            let mut enrichment = pipeline.enrichment();
            rows.iter()
                .take_while(|row| row.position.seq < self.unlearned.end)
                .for_each(|row| enrichment.restore(&row));
            self.unlearned.start = rows.next_seq;
        }
        Ok(())
    }

    /// The rows that the next file is about; it can be written when they are durable.
    pub fn due(&self) -> Range<Seq> {
        self.files.rows(self.next)
    }

    /// Writes the next file, of what was handed on or else of what the ledger says, and deletes those of rows that are too old.
    pub fn advance(&mut self, handed: &Handed) -> Result<(), LedgerError> {
        let rows = self.due();
        let memories = match handed.take(rows.clone()) {
            Some(memories) => memories,
            None => self.memories(rows, |_| {})?,
        };
        self.files.write(self.next, &memories)?;
        self.next += 1;
        let oldest = self.files.rows(self.next).start.back(limits::DEDUP_KEYS_MAX as u64);
        self.files.keep_only(self.files.block(oldest)..self.next)
    }

    /// Writes down what the control plane said, if that is more than was written down. Without it the next start knows what the rows
    /// say that it reads.
    pub fn keep_facts(&mut self, pipeline: &Pipeline) {
        if pipeline.enrichment().facts_changes() == self.facts {
            return;
        }
        let (changes, facts) = pipeline.enrichment().facts();
        match self.files.write_facts(&facts) {
            Ok(()) => self.facts = changes,
            Err(error) => tracing::warn!(%error, "what the control plane said is not kept for the next start"),
        }
    }

    /// Writes a file. Without it the next start takes longer, and nothing worse.
    fn write(&self, block: u64, memories: &[Memory]) {
        if let Err(error) = self.files.write(block, memories) {
            tracing::warn!(%error, "a file of keys cannot be written");
        }
    }

    /// What is remembered of a range of rows; `each` sees every row.
    fn memories(&self, range: Range<Seq>, mut each: impl FnMut(&Row<'_>)) -> Result<Vec<Memory>, LedgerError> {
        let (mut next, mut memories) = (range.start, Vec::<Memory>::new());
        // The row after them says whether the last one is the only event of its record: a record is durable as a whole.
        let end = self.reader.durable()?.next_seq.min(range.end.next()).max(range.end);
        while next < end {
            let limit = ReadLimit { rows: LIMIT.rows.min(end.distance_from(next) as usize), ..LIMIT };
            let rows = self.reader.read(next, false, limit)?;
            if rows.next_seq <= next {
                // Durable rows are always there; half of them must never pass for all.
                let place = format!("events, position {next}");
                return Err(LedgerError::corrupt(self.reader.data_directory(), place, "a durable row is not there"));
            }
            for row in rows.iter() {
                let is_further = is_further(&row);
                let seq = row.position.seq;
                if let Some(before) = memories.last_mut().filter(|before| is_further && before.row.next() == seq) {
                    before.body = Body::UNKNOWN;
                }
                if range.contains(&seq) {
                    memories.extend(memory(&self.keyring, &row, is_further));
                    each(&row);
                }
            }
            next = rows.next_seq;
        }
        Ok(memories)
    }
}

/// An event without a record is a further event of the record before it.
fn is_further(row: &Row<'_>) -> bool {
    let holds_record = [column::RECORD.id(), column::CONTENT_HASH.id()].iter().any(|&id| row.value(id).is_some());
    !holds_record && row.text(column::KIND) != Some(UNPARSED)
}

fn memory(keyring: &Keyring, row: &Row<'_>, many: bool) -> Option<Memory> {
    let key = key::key(keyring, Sender::of_row(row)?, row)?;
    let body = if many { Body::UNKNOWN } else { key::body(keyring, row) };
    // Earlier versions replaced the kind.
    let conflict = row.list(column::MARKS).any(|mark| mark == CONFLICT) || row.text(column::KIND) == Some(CONFLICT);
    Some(Memory { key, body, row: row.position.seq, conflict })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::dedup::Bounds;
    use crate::enrich::Names;
    use crate::fixtures::House;
    use crate::pipeline::tests::{Lists, feed, feed_in};

    fn seqs(rows: Range<u64>) -> Range<Seq> {
        Seq::new(rows.start)..Seq::new(rows.end)
    }

    /// Rebuilds with a new keeper, and says how many keys and streams are known then.
    fn rebuilt(house: &House) -> (Keeper, usize, usize) {
        let secret = house.store.fingerprint_key();
        let reader = house.store.events().reader();
        let mut keeper = Keeper::open(reader, Keyring::new(&secret), secret, 10).unwrap();
        let mut dedup = Dedup::new(Bounds::DEFAULT);
        keeper.rebuild(&mut dedup, &mut Enrichment::new(Names::default())).unwrap();
        (keeper, dedup.keys(), dedup.streams())
    }

    /// Checks that what intake handed on of all rows from a block of three on makes the same files as what the ledger says of
    /// them, wherever a file ends.
    pub fn check_handed(house: &House, first: u64) {
        let (secret, reader) = (house.store.fingerprint_key(), house.store.events().reader());
        let keeper = Keeper::open(reader, Keyring::new(&secret), secret, 3).unwrap();
        let end = keeper.files.block(keeper.reader.durable().unwrap().next_seq);
        let mut all = Vec::new();
        for block in first..end {
            let read = keeper.memories(keeper.files.rows(block), |_| {}).unwrap();
            let handed = house.collectors.pipeline().recording().unwrap().handed.take(keeper.files.rows(block));
            assert_eq!(handed.as_ref(), Some(&read), "block {block}");
            all.extend(read);
        }
        let rows = keeper.files.rows(first).start..keeper.files.rows(end).start;
        assert_eq!(keeper.memories(rows, |_| {}).unwrap(), all);
    }

    #[tokio::test]
    async fn what_intake_hands_on_is_what_the_rows_say() {
        let house = House::new("");
        let natives = [
            r#"{"kind":"audit","source_id":"a","action":"x"}"#,
            r#"{"kind":"audit","source_id":"a","action":"y"}"#,
            r#"{"kind":"audit","stream":"s","stream_seq":7}"#,
            r#"{"kind":"audit","stream":"s","stream_seq":7,"action":"z"}"#,
            r#"{"kind":"audit"}"#,
            "no JSON",
        ];
        assert_eq!(feed(&house, "native", &natives).await.conflicts, 2);
        feed_in(&house, &Lists, &["1 2", "2 1", "3 1 4", "4", "5", "5 1 6", "1 7", "8 9 10 11", "8 12"]).await;
        feed(&house, "native", &natives).await;
        let (handed, none) = (&house.collectors.pipeline().recording().unwrap().handed, Handed::new(0));
        let file = |handed: &Handed| {
            let secret = house.store.fingerprint_key();
            let reader = house.store.events().reader();
            let mut keeper = Keeper::open(reader, Keyring::new(&secret), secret, 3).unwrap();
            keeper.advance(handed).unwrap();
            std::fs::read(house.directory.path().join(format!("data/.intake/{:020}.keys", 0))).unwrap()
        };
        assert_eq!(file(&none), file(handed), "the same file, whoever knows what is in it");
        assert_eq!(handed.take(seqs(0..3)), None, "it was made of what was handed on");
        check_handed(&house, 1);
    }

    #[tokio::test]
    async fn files_of_keys_say_what_the_rows_say_whatever_happens_to_them() {
        let house = House::new("");
        let record = |number: usize| match number % 3 {
            0 => format!("{{\"kind\":\"audit\",\"stream\":\"s\",\"stream_seq\":{number}}}"),
            1 => format!("{{\"kind\":\"audit\",\"source_id\":\"{number}\"}}"),
            _ => "{\"kind\":\"audit\"}".to_owned(),
        };
        feed(&house, "native", &(0..47).map(record).collect::<Vec<_>>()).await;
        let (mut keeper, keys, streams) = rebuilt(&house);
        assert_eq!((keys, streams, keeper.next, keeper.due()), (16, 1, 4, seqs(40..50)));
        assert_eq!(keeper.unlearned, Range::default(), "every row was read");
        let path = |block: u64| house.directory.path().join(format!("data/.intake/{block:020}.keys"));
        for block in 0..4 {
            let rows = keeper.memories(keeper.files.rows(block), |_| {}).unwrap();
            assert_eq!(keeper.files.read(block), Some(rows), "block {block}");
        }
        let check = |unlearned: Range<u64>| {
            let (keeper, again, streams_again) = rebuilt(&house);
            assert_eq!((again, streams_again, keeper.unlearned), (keys, streams, seqs(unlearned)));
        };
        check(0..40);
        std::fs::remove_file(path(1)).unwrap();
        std::fs::write(path(2), "damaged").unwrap();
        check(0..40);
        check(0..40);
        std::fs::remove_file(path(3)).unwrap();
        check(0..30);
        std::fs::copy(path(3), path(7)).unwrap();
        check(0..40);
        assert!(!path(7).exists(), "it is about rows that the ledger does not have");
        // Files that another version wrote are sound and say something else.
        let mut other = keeper.files.read(3).unwrap();
        other.last_mut().unwrap().row = Seq::new(38);
        keeper.files.write(3, &other).unwrap();
        check(0..0);
        check(0..40);
        feed(&house, "native", &(47..60).map(record).collect::<Vec<_>>()).await;
        keeper.advance(&Handed::new(0)).unwrap();
        assert!(path(4).exists() && keeper.due() == seqs(50..60));
    }

    #[tokio::test]
    async fn what_the_control_plane_said_outlives_the_rows_that_are_read_again() {
        let house = House::new("");
        let said = r#"{"kind":"inventory","action":"workspace","workspace":"w-1","workspace_name":"refunds","time":"2026-09-14T09:30:00Z"}"#;
        feed(&house, "native", &[said]).await;
        let (secret, reader) = (house.store.fingerprint_key(), house.store.events().reader());
        let mut keeper = Keeper::open(reader, Keyring::new(&secret), secret, 10).unwrap();
        let pipeline = house.collectors.pipeline();
        keeper.keep_facts(pipeline);
        let kept = keeper.files.read_facts().unwrap();
        let known = pipeline.enrichment().facts();
        assert_eq!(known, (1, kept.clone()));
        assert!(String::from_utf8(kept.clone()).unwrap().contains("refunds"));
        // The rows themselves say the same, and files of keys are cleared without it.
        let mut enrichment = Enrichment::new(Names::default());
        house.rows().iter().for_each(|row| enrichment.restore(&row));
        assert_eq!(enrichment.facts().1, kept);
        keeper.files.keep_only(0..0).unwrap();
        assert_eq!(keeper.files.read_facts(), Some(kept));
        let path = house.directory.path().join("data/.intake/facts");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(keeper.files.read_facts(), None, "another word is not believed");
    }
}
