//! What calls, prompts and texts name, as intake wrote it down: keyed hashes, never the names themselves.

use effects::text::{NameKind, Request, TOLD};
use ledger::events::column;

use crate::event::EventRow;
use crate::pack::{Pack, RestoreError};

/// A name by a part of its keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// What kind of thing.
    pub kind: NameKind,
    /// Its hash.
    pub hash: u32,
}

impl Named {
    /// `email:0123456789ab`.
    fn parse(text: &str) -> Option<Self> {
        let (kind, hash) = text.split_once(':')?;
        let hash = u64::from_str_radix(hash, 16).ok()?;
        Some(Self { kind: NameKind::of(kind)?, hash: hash as u32 })
    }

    fn half(self) -> u16 {
        (self.hash >> 16) as u16 ^ self.hash as u16
    }
}

/// What a call, a prompt or a request names.
pub fn named(event: &EventRow<'_>) -> impl Iterator<Item = Named> {
    event.list(column::NAMED).filter_map(Named::parse)
}

/// What a result told the agent.
pub fn told(event: &EventRow<'_>) -> impl Iterator<Item = Named> {
    event.list(column::NAMED).filter_map(|text| Named::parse(text.strip_prefix(TOLD)?))
}

/// Kinds of things that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requests {
    bits: u8,
}

crate::packed!(Requests { bits });

impl Requests {
    /// Those that a prompt or a text asks for.
    pub fn of(event: &EventRow<'_>) -> Self {
        event.list(column::TEXT_SIGNS).filter_map(Request::of).collect()
    }

    /// Whether one of these is among them.
    pub fn any(self, requests: &[Request]) -> bool {
        requests.iter().any(|request| self.bits & bit(*request) != 0)
    }
}

impl FromIterator<Request> for Requests {
    fn from_iter<I: IntoIterator<Item = Request>>(requests: I) -> Self {
        Self { bits: requests.into_iter().fold(0, |bits, request| bits | bit(request)) }
    }
}

// One bit for each of them.
const _: () = assert!(Request::ALL.len() <= u8::BITS as usize);

const fn bit(request: Request) -> u8 {
    1 << request as u8
}

/// Names of which a part of the hash is remembered, the latest of them.
#[derive(Debug, Clone, Copy)]
pub struct LatestNames<const N: usize> {
    halves: [u16; N],
    next: u8,
}

impl<const N: usize> Default for LatestNames<N> {
    fn default() -> Self {
        Self { halves: [0; N], next: 0 }
    }
}

impl<const N: usize> Pack for LatestNames<N> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.halves.pack(out);
        self.next.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok(Self { halves: Pack::unpack(input)?, next: u8::unpack(input)? })
    }
}

impl<const N: usize> LatestNames<N> {
    /// Adds one; of more than `N` the first is forgotten.
    pub fn add(&mut self, name: Named) {
        if !self.has(name) {
            let at = usize::from(self.next) % N;
            if let Some(place) = self.halves.get_mut(at) {
                *place = name.half();
            }
            self.next = ((at + 1) % N) as u8;
        }
    }

    /// Whether it is one of them.
    pub fn has(&self, name: Named) -> bool {
        self.halves.contains(&name.half())
    }
}
