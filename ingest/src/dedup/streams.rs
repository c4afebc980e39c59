//! Windows over streams that count their records themselves: 12 bytes a record, without a hash per record.
//!
//! The windows lie in two generations. When the young one is full, it becomes the old one and the old one is forgotten;
//! a stream that is used moves to the young one. So the least recently used streams go first, at no cost per record.

use std::collections::VecDeque;

use ledger::Seq;

use super::Bounds;
use super::seen::{Packed, SeenRecord, State};
use crate::hashed::HashedMap;
use crate::limits::DEDUP_GAP_MAX;

/// Bytes of a window beside its records, for the estimate of memory.
const WINDOW_BYTES: usize = 96;

/// What a window says about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It is remembered.
    Seen(SeenRecord),
    /// It is not; the window has, or can make, a place for it.
    Free,
    /// As `Free`, but some numbers of the stream were remembered outside of the window.
    FreeAfterOutside,
    /// It is before or far beyond the window.
    Outside,
}

/// A seen record in 12 bytes.
#[derive(Debug, Clone, Copy)]
struct Short([u32; 3]);

impl Short {
    fn new(packed: Packed) -> Self {
        Self([(packed.body >> 32) as u32, packed.body as u32, packed.at])
    }

    fn packed(self) -> Packed {
        Packed { body: (u64::from(self.0[0]) << 32) | u64::from(self.0[1]), at: self.0[2] }
    }
}

#[derive(Debug, Default)]
struct Window {
    first: u64,
    seen: VecDeque<Short>,
    base: Option<Seq>,
    outside: bool,
}

impl Window {
    /// What is remembered of a number.
    fn find(&mut self, number: u64, bound: usize) -> Found {
        let end = self.first + self.seen.len() as u64;
        if self.seen.is_empty() {
            return Found::Free;
        }
        let found = if number < self.first {
            let reaches = self.first - number <= DEDUP_GAP_MAX && end - number <= bound as u64;
            if reaches { Found::Free } else { Found::Outside }
        } else if number >= end {
            if number - end <= DEDUP_GAP_MAX { Found::Free } else { Found::Outside }
        } else {
            let held = self.seen[(number - self.first) as usize].packed();
            held.unpack(self.base.unwrap_or_default()).map_or(Found::Free, Found::Seen)
        };
        match found {
            Found::Free if self.outside => Found::FreeAfterOutside,
            Found::Outside => {
                self.outside = true;
                Found::Outside
            }
            found => found,
        }
    }

    /// Remembers a number that has a place.
    fn set(&mut self, number: u64, seen: SeenRecord, bound: usize) {
        if self.seen.is_empty() {
            self.first = number;
        }
        let free = Short::new(Packed::FREE);
        while number < self.first {
            self.seen.push_front(free);
            self.first -= 1;
        }
        while number - self.first >= self.seen.len() as u64 {
            self.seen.push_back(free);
        }
        if let State::Durable(Some(row)) = seen.state {
            self.base.get_or_insert(row);
        }
        self.seen[(number - self.first) as usize] = Short::new(seen.pack(self.base.unwrap_or_default()));
        while self.seen.len() > bound {
            self.seen.pop_front();
            self.first += 1;
            // What left the window may come again: then it is looked for in the ring, not there, and recorded again.
            self.outside = true;
        }
    }
}

#[derive(Debug, Default)]
struct Generation {
    windows: HashedMap<Window>,
    seen: usize,
}

/// The windows of all streams.
#[derive(Debug)]
pub(super) struct Streams {
    bounds: Bounds,
    young: Generation,
    old: Generation,
}

impl Streams {
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, young: Generation::default(), old: Generation::default() }
    }

    pub fn len(&self) -> usize {
        self.young.windows.len() + self.old.windows.len()
    }

    pub fn size(&self) -> usize {
        (self.young.seen + self.old.seen) * size_of::<Short>() + self.len() * WINDOW_BYTES
    }

    /// What is remembered of `number` in `stream`.
    pub fn find(&mut self, stream: u64, number: u64) -> Found {
        let bound = self.bounds.window;
        self.touch(stream).map_or(Found::Free, |window| window.find(number, bound))
    }

    /// Says what is remembered of `number`, and remembers it as this record if that is [`Found::Free`]: one look for both.
    pub fn claim(&mut self, stream: u64, number: u64, seen: SeenRecord) -> Found {
        if self.is_full() {
            let found = self.find(stream, number);
            if found == Found::Free {
                self.set(stream, number, seen);
            }
            return found;
        }
        let window = self.young.windows.entry(stream).or_insert_with(|| {
            let window = self.old.windows.remove(&stream).unwrap_or_default();
            self.old.seen -= window.seen.len();
            self.young.seen += window.seen.len();
            window
        });
        let found = window.find(number, self.bounds.window);
        if found == Found::Free {
            let before = window.seen.len();
            window.set(number, seen, self.bounds.window);
            self.young.seen = self.young.seen + window.seen.len() - before;
        }
        found
    }

    /// Remembers a number for which [`Streams::find`] just said that there is a place.
    pub fn set(&mut self, stream: u64, number: u64, seen: SeenRecord) {
        if self.is_full() {
            self.old = std::mem::take(&mut self.young);
        }
        self.touch(stream);
        let window = self.young.windows.entry(stream).or_default();
        let before = window.seen.len();
        window.set(number, seen, self.bounds.window);
        self.young.seen = self.young.seen + window.seen.len() - before;
    }

    /// Whether the young generation becomes the old one before something is added.
    fn is_full(&self) -> bool {
        self.young.seen * 2 > self.bounds.seen || self.young.windows.len() * 2 > self.bounds.streams
    }

    /// Marks a record of a group as durable at `row`, or forgets it.
    pub fn settle(&mut self, stream: u64, number: u64, ticket: u32, row: Option<Seq>) {
        let window = self.young.windows.get_mut(&stream).or_else(|| self.old.windows.get_mut(&stream));
        let Some(window) = window else { return };
        let Some(at) = number.checked_sub(window.first) else { return };
        let base = window.base;
        let Some(held) = window.seen.get_mut(at as usize) else { return };
        let Some(seen) = held.packed().unpack(base.unwrap_or_default()) else { return };
        if seen.state != State::InFlight(ticket) {
            return;
        }
        *held = Short::new(match row {
            None => Packed::FREE,
            Some(row) => {
                let base = *window.base.get_or_insert(row);
                SeenRecord { body: seen.body, state: State::Durable(Some(row)) }.pack(base)
            }
        });
    }

    /// The stream's window, moved to the young generation.
    fn touch(&mut self, stream: u64) -> Option<&mut Window> {
        if let Some(window) = self.old.windows.remove(&stream) {
            self.old.seen -= window.seen.len();
            self.young.seen += window.seen.len();
            self.young.windows.insert(stream, window);
        }
        self.young.windows.get_mut(&stream)
    }
}
