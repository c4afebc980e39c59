//! The ring of the last keys: 16 bytes for each key and two table slots of 4 bytes, grown with use.
//!
//! Keys are outputs of a keyed hash; 57 of their 64 bits are compared and most of the rest chooses the place in the table.

use ledger::Seq;

use super::seen::{Packed, SeenRecord, State};

/// Keys in one block of the ring; blocks are allocated one by one, so that nothing is copied when the ring grows.
const BLOCK: usize = 1 << 12;
/// Insertions that share a base for their rows.
const BASE_SPAN: u64 = 1 << 16;
const TABLE_MIN: usize = 1 << 10;

/// A key of 48 bits and a seen record of 80.
#[derive(Debug, Clone, Copy)]
struct Slot {
    high: u64,
    low: u64,
}

impl Slot {
    fn new(key: u64, seen: Packed) -> Self {
        Self { high: (key & !0xffff) | (seen.body >> 32), low: (seen.body << 32) | u64::from(seen.at) }
    }

    fn packed(self) -> Packed {
        Packed { body: ((self.high & 0xffff) << 32) | (self.low >> 32), at: self.low as u32 }
    }

    /// The upper 48 bits of the key.
    fn key(self) -> u64 {
        self.high & !0xffff
    }
}

/// A bucket of the table: 22 bits of slot number, 9 bits of the key, and one bit that says that it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket(u32);

impl Bucket {
    const FREE: Self = Self(0);

    fn new(slot: usize, key: u64) -> Self {
        Self(((slot as u32) << 10) | Self::tag(key))
    }

    fn tag(key: u64) -> u32 {
        ((key as u32 & 0x1ff) << 1) | 1
    }

    fn slot(self) -> usize {
        (self.0 >> 10) as usize
    }

    fn has_tag(self, key: u64) -> bool {
        self.0 & 0x3ff == Self::tag(key)
    }
}

/// The last keys with the records seen under them.
#[derive(Debug)]
pub(super) struct Ring {
    capacity: usize,
    blocks: Vec<Box<[Slot]>>,
    table: Vec<Bucket>,
    /// Number of the next insertion; its slot is that number modulo the capacity.
    next: u64,
    len: usize,
    /// Base of the rows for each span of insertions that the ring may hold.
    bases: Vec<(u64, Seq)>,
}

impl Ring {
    /// An empty ring for `capacity` keys, a power of two of at most 2^22.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, blocks: Vec::new(), table: vec![Bucket::FREE; TABLE_MIN], next: 0, len: 0, bases: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn size(&self) -> usize {
        self.blocks.len() * BLOCK.min(self.capacity) * size_of::<Slot>() + self.table.len() * size_of::<Bucket>()
    }

    /// The record seen under a key.
    pub fn find(&self, key: u64) -> Option<SeenRecord> {
        let (_, slot) = self.locate(key)?;
        self.slot(slot)?.packed().unpack(self.base(slot))
    }

    /// Remembers a key that is not there, forgets the oldest if the ring is full, and returns the insertion's number.
    pub fn insert(&mut self, key: u64, seen: SeenRecord) -> u64 {
        let insertion = self.next;
        let slot = (insertion % self.capacity as u64) as usize;
        if insertion >= self.capacity as u64 {
            self.remove(slot);
        }
        self.next += 1;
        if let State::Durable(Some(row)) = seen.state {
            self.set_base(insertion, row);
        }
        let base = self.base(slot);
        let block_size = BLOCK.min(self.capacity);
        if slot / block_size >= self.blocks.len() {
            self.blocks.push(vec![Slot::new(0, Packed::FREE); block_size].into_boxed_slice());
        }
        self.put(slot, Slot::new(key, seen.pack(base)));
        if (self.len + 1) * 2 > self.table.len() {
            self.grow();
        }
        Self::link(&mut self.table, Bucket::new(slot, key), key);
        self.len += 1;
        insertion
    }

    /// Marks an insertion of a group as durable at `row`, or forgets it.
    pub fn settle(&mut self, insertion: u64, ticket: u32, row: Option<Seq>) {
        if insertion >= self.next || self.next - insertion > self.capacity as u64 {
            return;
        }
        let slot = (insertion % self.capacity as u64) as usize;
        let Some(held) = self.slot(slot) else { return };
        let Some(seen) = held.packed().unpack(self.base(slot)) else { return };
        if seen.state != State::InFlight(ticket) {
            return;
        }
        let Some(row) = row else { return self.remove(slot) };
        self.set_base(insertion, row);
        let seen = SeenRecord { body: seen.body, state: State::Durable(Some(row)) };
        self.put(slot, Slot::new(held.key(), seen.pack(self.base(slot))));
    }

    fn slot(&self, slot: usize) -> Option<Slot> {
        let block_size = BLOCK.min(self.capacity);
        self.blocks.get(slot / block_size)?.get(slot % block_size).copied()
    }

    fn put(&mut self, slot: usize, value: Slot) {
        let block_size = BLOCK.min(self.capacity);
        if let Some(held) = self.blocks.get_mut(slot / block_size).and_then(|block| block.get_mut(slot % block_size)) {
            *held = value;
        }
    }

    /// Number of the insertion that a slot holds.
    fn insertion(&self, slot: usize) -> u64 {
        let last = self.next.saturating_sub(1);
        let back = (last.wrapping_sub(slot as u64)) % self.capacity as u64;
        last.saturating_sub(back)
    }

    fn base(&self, slot: usize) -> Seq {
        let span = self.insertion(slot) / BASE_SPAN;
        self.bases.get(span as usize % self.spans()).filter(|(of, _)| *of == span).map_or(Seq::FIRST, |(_, base)| *base)
    }

    /// Gives a span its base with the first row that is known of it.
    fn set_base(&mut self, insertion: u64, row: Seq) {
        let (span, spans) = (insertion / BASE_SPAN, self.spans());
        let at = span as usize % spans;
        if self.bases.len() <= at {
            self.bases.resize(at + 1, (u64::MAX, Seq::FIRST));
        }
        if self.bases[at].0 != span {
            self.bases[at] = (span, row);
        }
    }

    fn spans(&self) -> usize {
        self.capacity / BASE_SPAN as usize + 2
    }

    /// The table's place and the slot of a key.
    fn locate(&self, key: u64) -> Option<(usize, usize)> {
        let mask = self.table.len() - 1;
        let mut at = Self::home(key, self.table.len());
        loop {
            let bucket = self.table[at];
            if bucket == Bucket::FREE {
                return None;
            }
            if bucket.has_tag(key) && self.slot(bucket.slot()).is_some_and(|slot| slot.key() == key & !0xffff) {
                return Some((at, bucket.slot()));
            }
            at = (at + 1) & mask;
        }
    }

    /// Where a key's search begins: its uppermost bits, which every slot holds.
    fn home(key: u64, table_len: usize) -> usize {
        (key >> (64 - table_len.trailing_zeros())) as usize
    }

    fn link(table: &mut [Bucket], bucket: Bucket, key: u64) {
        let mask = table.len() - 1;
        let mut at = Self::home(key, table.len());
        while table[at] != Bucket::FREE {
            at = (at + 1) & mask;
        }
        table[at] = bucket;
    }

    fn grow(&mut self) {
        let mut table = vec![Bucket::FREE; self.table.len() * 2];
        for &bucket in &self.table {
            if bucket != Bucket::FREE
                && let Some(slot) = self.slot(bucket.slot())
            {
                Self::link(&mut table, bucket, slot.key());
            }
        }
        self.table = table;
    }

    /// Forgets what a slot holds, if it holds something.
    fn remove(&mut self, slot: usize) {
        let Some(held) = self.slot(slot) else { return };
        if held.packed() == Packed::FREE {
            return;
        }
        self.put(slot, Slot::new(0, Packed::FREE));
        let mask = self.table.len() - 1;
        let mut hole = Self::home(held.key(), self.table.len());
        while self.table[hole] == Bucket::FREE || self.table[hole].slot() != slot {
            if self.table[hole] == Bucket::FREE {
                return;
            }
            hole = (hole + 1) & mask;
        }
        self.len -= 1;
        // Moves back every later bucket of the run that may stand in the hole, so that no search stops too early.
        let mut at = (hole + 1) & mask;
        while self.table[at] != Bucket::FREE {
            let bucket = self.table[at];
            let home = Self::home(self.slot(bucket.slot()).map_or(0, Slot::key), self.table.len());
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.table[hole] = bucket;
                hole = at;
            }
            at = (at + 1) & mask;
        }
        self.table[hole] = Bucket::FREE;
    }
}
