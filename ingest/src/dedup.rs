//! Finds records that were taken before: a bounded memory of keys, with what was recorded under each.
//!
//! A key is (token, source, natural id). Records of a stream with a counter of its own are remembered in a window per
//! stream, which costs 12 bytes a record; all others in a ring of the last keys, 24 bytes a record. The memory holds
//! hashes only. It decides, and knows neither events nor the ledger; the pipeline asks it and tells it what became of a group.
//!
//! What is forgotten is recorded again when it is sent again: never the other way round.

mod memory;
mod ring;
mod seen;
mod streams;

use std::collections::HashMap;
use std::hash::Hasher;

use ledger::Seq;
use siphasher::sip::SipHasher13;
use tokio::sync::watch;

use crate::limits;
pub use memory::Memory;
use ring::Ring;
use seen::{SeenRecord, State};
use streams::{Found, Streams};

/// How much is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Keys in the ring; a power of two.
    pub keys: usize,
    /// Streams.
    pub streams: usize,
    /// Records in the windows of all streams.
    pub seen: usize,
    /// Records in the window of one stream.
    pub window: usize,
}

impl Bounds {
    /// The bounds in [`limits`].
    pub const DEFAULT: Self = Self {
        keys: limits::DEDUP_KEYS_MAX,
        streams: limits::DEDUP_STREAMS_MAX,
        seen: limits::DEDUP_SEEN_MAX,
        window: limits::DEDUP_WINDOW_MAX,
    };
}

/// Makes keys and fingerprints under a secret, so that nobody can choose records that collide.
#[derive(Debug, Clone)]
pub struct Keyring {
    key: [u8; 16],
}

impl Keyring {
    /// Derives its secret from the installation's fingerprint key.
    pub fn new(fingerprint_key: &[u8; 32]) -> Self {
        let half = |word: u64| {
            let mut hasher = SipHasher13::new_with_key(&fingerprint_key[..16].try_into().unwrap_or_default());
            hasher.write(&fingerprint_key[16..]);
            hasher.write(b"tachograph/dedup");
            hasher.write(&word.to_be_bytes());
            hasher.finish().to_be_bytes()
        };
        let mut key = [0; 16];
        key[..8].copy_from_slice(&half(0));
        key[8..].copy_from_slice(&half(1));
        Self { key }
    }

    /// The key of a record with a natural id.
    pub fn id(&self, token: &str, source: &str, id: &str) -> Key {
        Key { ring: self.hash(b'i', &[token.as_bytes(), source.as_bytes(), id.as_bytes()]), stream: None }
    }

    /// The key of record `number` of a stream that counts its records.
    pub fn counter(&self, token: &str, source: &str, stream: &str, number: u64) -> Key {
        let scope = self.hash(b's', &[token.as_bytes(), source.as_bytes(), stream.as_bytes()]);
        Key { ring: self.hash(b'n', &[&scope.to_be_bytes(), &number.to_be_bytes()]), stream: Some((scope, number)) }
    }

    /// The fingerprint of what a record says, given as columns with their values.
    pub fn body<'a>(&self, columns: impl IntoIterator<Item = (u8, &'a [u8])>) -> Body {
        let mut text = Text::new(&self.key, b'b');
        for (id, value) in columns {
            let head = (u64::from(id) << 32) | value.len() as u64;
            text.add(&head.to_be_bytes());
            text.add(value);
        }
        Body(seen::trim(text.hash()).max(1))
    }

    /// The hash of a file's first bytes.
    pub fn file(&self, head: &[u8]) -> u64 {
        self.hash(b'f', &[head])
    }

    fn hash(&self, domain: u8, parts: &[&[u8]]) -> u64 {
        let mut text = Text::new(&self.key, domain);
        for part in parts {
            text.add(&(part.len() as u64).to_be_bytes());
            text.add(part);
        }
        text.hash()
    }
}

/// Gathers short parts before they are hashed: the hash is slow to begin and quick to go on.
struct Text {
    hasher: SipHasher13,
    buffer: [u8; 256],
    len: usize,
}

impl Text {
    fn new(key: &[u8; 16], domain: u8) -> Self {
        let mut buffer = [0; 256];
        buffer[0] = domain;
        Self { hasher: SipHasher13::new_with_key(key), buffer, len: 1 }
    }

    fn add(&mut self, part: &[u8]) {
        if let Some(room) = self.buffer.get_mut(self.len..self.len + part.len()) {
            room.copy_from_slice(part);
            self.len += part.len();
            return;
        }
        self.hasher.write(&self.buffer[..self.len]);
        self.hasher.write(part);
        self.len = 0;
    }

    fn hash(mut self) -> u64 {
        self.hasher.write(&self.buffer[..self.len]);
        self.hasher.finish()
    }
}

/// A record's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    ring: u64,
    stream: Option<(u64, u64)>,
}

impl Key {
    /// The key under which other bytes for the same key are remembered.
    fn of_other(self, body: u64) -> u64 {
        // Both are outputs of a keyed hash, so their mix is as hard to meet as either.
        (self.ring ^ body.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ body
    }
}

/// A fingerprint of what a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body(u64);

impl Body {
    /// Not known: it contradicts nothing. So it is for an event that is one of many in its record.
    pub const UNKNOWN: Self = Self(0);

    fn contradicts(self, other: u64) -> bool {
        self.0 != other && self.0 != 0 && other != 0
    }
}

/// A group on its way into the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(u32);

/// Where a record is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locator {
    /// In the ring, by the number of its insertion.
    Ring(u64),
    /// In the window of a stream.
    Stream {
        /// Hash of the stream.
        stream: u64,
        /// The stream's counter.
        number: u64,
    },
}

/// What to do with a record.
#[derive(Debug)]
pub enum Decision {
    /// Append it; it is remembered at the place.
    New(Locator),
    /// It is in the ledger, or in a group of the same sender that is on its way.
    Duplicate,
    /// Append it as a conflict: other bytes came under the same key, at this row if it is known.
    Conflict(Locator, Option<Seq>),
    /// Another sender's group with this key is on its way: append what was taken so far, wait for the change, ask again.
    Wait(watch::Receiver<()>),
}

/// The memory.
#[derive(Debug)]
pub struct Dedup {
    ring: Ring,
    streams: Streams,
    in_flight: HashMap<u32, watch::Sender<()>>,
    next_ticket: u32,
}

impl Dedup {
    /// Remembers nothing yet; memory grows with use.
    pub fn new(bounds: Bounds) -> Self {
        Self { ring: Ring::new(bounds.keys), streams: Streams::new(bounds), in_flight: HashMap::new(), next_ticket: 0 }
    }

    /// Begins a group.
    pub fn open(&mut self) -> Ticket {
        while self.in_flight.contains_key(&self.next_ticket) {
            self.next_ticket = self.next_ticket.wrapping_add(1);
        }
        let ticket = self.next_ticket;
        self.next_ticket = ticket.wrapping_add(1);
        self.in_flight.insert(ticket, watch::Sender::new(()));
        Ticket(ticket)
    }

    /// Decides about a record that would go into the group `ticket`; `own` are the sender's groups that are on their way.
    pub fn decide(&mut self, key: Key, body: Body, ticket: Ticket, own: &[Ticket]) -> Decision {
        let seen = SeenRecord { body: body.0, state: State::InFlight(ticket.0) };
        let known = match key.stream {
            None => self.ring.find(key.ring),
            Some((stream, number)) => match self.streams.claim(stream, number, seen) {
                Found::Seen(seen) => Some(seen),
                Found::Free => return Decision::New(Locator::Stream { stream, number }),
                Found::Outside => self.ring.find(key.ring),
                Found::FreeAfterOutside => match self.ring.find(key.ring) {
                    None => {
                        self.streams.set(stream, number, seen);
                        return Decision::New(Locator::Stream { stream, number });
                    }
                    known => known,
                },
            },
        };
        match known {
            None => Decision::New(Locator::Ring(self.ring.insert(key.ring, seen))),
            Some(known) => self.decide_known(key, seen, known, ticket, own),
        }
    }

    /// The row of the record that is remembered under this key, once it is durable.
    pub fn row(&mut self, key: Key) -> Option<Seq> {
        let known = match key.stream.map(|(stream, number)| self.streams.find(stream, number)) {
            Some(Found::Seen(seen)) => Some(seen),
            _ => self.ring.find(key.ring),
        };
        known.and_then(SeenRecord::row)
    }

    fn decide_known(
        &mut self,
        key: Key,
        seen: SeenRecord,
        known: SeenRecord,
        ticket: Ticket,
        own: &[Ticket],
    ) -> Decision {
        if let Some(wait) = self.wait(known, ticket, own) {
            return wait;
        }
        if !Body(seen.body).contradicts(known.body) {
            return Decision::Duplicate;
        }
        let other = key.of_other(seen.body);
        match self.ring.find(other) {
            None => Decision::Conflict(Locator::Ring(self.ring.insert(other, seen)), known.row()),
            Some(known) => self.wait(known, ticket, own).unwrap_or(Decision::Duplicate),
        }
    }

    fn wait(&self, known: SeenRecord, ticket: Ticket, own: &[Ticket]) -> Option<Decision> {
        let State::InFlight(holder) = known.state else { return None };
        if holder == ticket.0 || own.contains(&Ticket(holder)) {
            return None;
        }
        self.in_flight.get(&holder).map(|sender| Decision::Wait(sender.subscribe()))
    }

    /// Ends a group: with the row of its first entry if it is durable, with `None` if it was not recorded. `places` are
    /// the remembered records with the number of their entry in the group.
    pub fn settle(&mut self, ticket: Ticket, first: Option<Seq>, places: &[(Locator, u32)]) {
        for &(place, entry) in places {
            self.settle_place(place, ticket, first.map(|first| first.skip(entry.into())));
        }
        // Whoever waits sees the sender go.
        self.in_flight.remove(&ticket.0);
    }

    /// Forgets a record that did not come into its group after all; the group goes on.
    pub fn forget(&mut self, ticket: Ticket, place: Locator) {
        self.settle_place(place, ticket, None);
    }

    fn settle_place(&mut self, place: Locator, ticket: Ticket, row: Option<Seq>) {
        match place {
            Locator::Ring(insertion) => self.ring.settle(insertion, ticket.0, row),
            Locator::Stream { stream, number } => self.streams.settle(stream, number, ticket.0, row),
        }
    }

    /// Remembers a row that the ledger holds. Rows are given in order.
    pub fn restore(&mut self, Memory { key, body, row, conflict }: Memory) {
        let seen = SeenRecord { body: body.0, state: State::Durable(Some(row)) };
        if conflict {
            self.ring.insert(key.of_other(seen.body), seen);
            return;
        }
        if let Some((stream, number)) = key.stream {
            match self.streams.find(stream, number) {
                Found::Free | Found::FreeAfterOutside => return self.streams.set(stream, number, seen),
                Found::Seen(_) => return,
                Found::Outside => {}
            }
        }
        self.ring.insert(key.ring, seen);
    }

    /// Number of keys in the ring.
    pub fn keys(&self) -> usize {
        self.ring.len()
    }

    /// Number of streams with a window.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Bytes of memory that are held, roughly.
    pub fn size(&self) -> usize {
        self.ring.size() + self.streams.size()
    }
}

#[cfg(test)]
mod tests;
