//! Windows over streams that count their records themselves: 12 bytes a record, without a hash per record.
//!
//! The windows lie in two generations. When the young one is full, it becomes the old one and the old one is forgotten;
//! a stream that is used moves to the young one. So the least recently used streams go first, at no cost per record.

use std::collections::VecDeque;

use super::Bounds;
use super::mark::{Mark, Packed, State};
use crate::hashed::HashedMap;
use crate::limits::DEDUP_GAP_MAX;

/// Bytes of a window beside its marks, for the estimate of memory.
const WINDOW_BYTES: usize = 96;

/// What a window says about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It is remembered.
    Mark(Mark),
    /// It is not; the window has, or can make, a place for it.
    Free,
    /// As `Free`, but some numbers of the stream were remembered outside of the window.
    FreeAfterOutside,
    /// It is before or far beyond the window.
    Outside,
}

/// A mark in 12 bytes.
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
    marks: VecDeque<Short>,
    base: Option<u64>,
    outside: bool,
}

#[derive(Debug, Default)]
struct Generation {
    windows: HashedMap<Window>,
    marks: usize,
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
        (self.young.marks + self.old.marks) * size_of::<Short>() + self.len() * WINDOW_BYTES
    }

    /// What is remembered of `number` in `stream`.
    pub fn find(&mut self, stream: u64, number: u64) -> Found {
        let bound = self.bounds.window as u64;
        let Some(window) = self.touch(stream) else { return Found::Free };
        let end = window.first + window.marks.len() as u64;
        if window.marks.is_empty() {
            return Found::Free;
        }
        let found = if number < window.first {
            let reaches = window.first - number <= DEDUP_GAP_MAX && end - number <= bound;
            if reaches { Found::Free } else { Found::Outside }
        } else if number >= end {
            if number - end <= DEDUP_GAP_MAX { Found::Free } else { Found::Outside }
        } else {
            let held = window.marks[(number - window.first) as usize].packed();
            held.unpack(window.base.unwrap_or(0)).map_or(Found::Free, Found::Mark)
        };
        match found {
            Found::Free if window.outside => Found::FreeAfterOutside,
            Found::Outside => {
                window.outside = true;
                Found::Outside
            }
            found => found,
        }
    }

    /// Remembers a number for which [`Streams::find`] just said that there is a place.
    pub fn set(&mut self, stream: u64, number: u64, mark: Mark) {
        let bound = self.bounds.window;
        if self.young.marks * 2 > self.bounds.marks || self.young.windows.len() * 2 > self.bounds.streams {
            self.old = std::mem::take(&mut self.young);
        }
        self.touch(stream);
        let window = self.young.windows.entry(stream).or_default();
        let before = window.marks.len();
        if window.marks.is_empty() {
            window.first = number;
        }
        let free = Short::new(Packed::FREE);
        while number < window.first {
            window.marks.push_front(free);
            window.first -= 1;
        }
        while number - window.first >= window.marks.len() as u64 {
            window.marks.push_back(free);
        }
        if let State::Durable(Some(row)) = mark.state {
            window.base.get_or_insert(row);
        }
        window.marks[(number - window.first) as usize] = Short::new(mark.pack(window.base.unwrap_or(0)));
        while window.marks.len() > bound {
            window.marks.pop_front();
            window.first += 1;
            // What left the window may come again: then it is looked for in the ring, not there, and recorded again.
            window.outside = true;
        }
        self.young.marks = self.young.marks + window.marks.len() - before;
    }

    /// Marks a record of a group as durable at `row`, or forgets it.
    pub fn settle(&mut self, stream: u64, number: u64, ticket: u32, row: Option<u64>) {
        let window = self.young.windows.get_mut(&stream).or_else(|| self.old.windows.get_mut(&stream));
        let Some(window) = window else { return };
        let Some(at) = number.checked_sub(window.first) else { return };
        let base = window.base;
        let Some(held) = window.marks.get_mut(at as usize) else { return };
        let Some(mark) = held.packed().unpack(base.unwrap_or(0)) else { return };
        if mark.state != State::InFlight(ticket) {
            return;
        }
        *held = Short::new(match row {
            None => Packed::FREE,
            Some(row) => {
                let base = *window.base.get_or_insert(row);
                Mark { body: mark.body, state: State::Durable(Some(row)) }.pack(base)
            }
        });
    }

    /// The stream's window, moved to the young generation.
    fn touch(&mut self, stream: u64) -> Option<&mut Window> {
        if let Some(window) = self.old.windows.remove(&stream) {
            self.old.marks -= window.marks.len();
            self.young.marks += window.marks.len();
            self.young.windows.insert(stream, window);
        }
        self.young.windows.get_mut(&stream)
    }
}
