//! What one agent sends to one rare place over time: counts and sums in a fixed size. Words stand in the case.

use detect_core::egress::request::Carried;
use detect_core::episode::Before;
use detect_core::event::EventRow;
use detect_core::pack::whole_seq;
use detect_core::packed;
use detect_core::second::Moment;
use ledger::Seq;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::egress::candidates::Candidate;
use crate::limits::{
    BUDGET_HALVED_SECONDS, BUDGET_IDLE_SECONDS, CANDIDATE_IDLE_SECONDS, SECRET_BEFORE_SECONDS, TRICKLE_EVIDENCE,
};

/// So many bytes of data in addresses are too many for names and identifiers, in however few requests.
const ADDRESS_BYTES: u32 = 4_096;
/// Where most requests read, so many bytes must have gone out.
const PADDED_BYTES: u32 = 16_384;

/// What one agent sends to one rare place.
#[derive(Debug, Default)]
pub struct Trickle {
    place: u32,
    /// When the first request was made.
    first: Moment,
    /// The second of the latest one.
    last: u32,
    /// Bytes that were sent, as far as they are known; half of them is forgotten in a while.
    bytes: u32,
    /// Those of them that stood in addresses.
    address: u32,
    largest: u32,
    /// How many stretches of time had requests.
    stretches: u16,
    writes: u16,
    addresses: u16,
    reads: u16,
    /// Writes whose size the source told.
    sized: u16,
    /// Bytes in addresses that are a text once decoded.
    text: u16,
    /// Parts of the hashes of the latest addresses: what is said again carries nothing.
    latest: [u16; 2],
    /// How often it was told: each time twice as much is needed.
    pub told: u8,
    /// How many of the requests before the alert are remembered, and the low halves of their sequence numbers.
    remembered: u8,
    evidence: [u32; TRICKLE_EVIDENCE],
}
packed!(Trickle {
    place,
    first,
    last,
    bytes,
    address,
    largest,
    stretches,
    writes,
    addresses,
    reads,
    sized,
    text,
    latest,
    told,
    remembered,
    evidence,
});

/// The numbers that an alert states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests with a method that writes.
    pub writes: u32,
    /// Requests of other methods that carry data in their addresses.
    pub addresses: u32,
    /// Requests that carry nothing.
    pub reads: u32,
    /// Stretches of time with requests that carry data out.
    pub stretches: u32,
    /// Bytes that were sent, as far as it is told.
    pub bytes: u64,
    /// Bytes in addresses that are a text once decoded.
    pub text: u64,
    /// The most bytes of one request.
    pub largest: u64,
    /// Writes whose size was told.
    pub sized: u32,
    /// Seconds from the first to the latest.
    pub seconds: i64,
}

/// What one request carries.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Whether its method says so; else it carries something in its address.
    pub is_write: bool,
    /// What it carries.
    pub carried: Carried,
    /// Part of the hash of its address.
    pub address: u16,
    /// Bytes in its address that are a text once decoded.
    pub text: u32,
}

impl Candidate for Trickle {
    fn name(&self) -> u32 {
        self.place
    }

    fn last(&self) -> i64 {
        i64::from(self.last)
    }

    fn weight(&self) -> u32 {
        self.stretches.into()
    }
}

impl Trickle {
    /// Nothing yet.
    pub fn new(place: u32) -> Self {
        Self { place, ..Self::default() }
    }

    /// Adds a request that carries data out, or says the same as one of the latest. After a long pause in which no bytes are
    /// known it begins anew; what is known is halved in a while.
    pub fn note(&mut self, event: &EventRow<'_>, load: Load, stretch_seconds: u32) {
        let second = event.second();
        let pause = second - i64::from(self.last);
        if self.stretches > 0 && pause >= CANDIDATE_IDLE_SECONDS && (self.bytes == 0 || pause >= BUDGET_IDLE_SECONDS) {
            *self = Self::new(self.place);
        }
        if !load.is_write {
            if self.latest.contains(&load.address) {
                return self.note_read();
            }
            self.latest = [load.address, self.latest[0]];
        }
        if self.stretches == 0 {
            self.first = Moment::of(event);
        } else {
            let halvings = u32::try_from(pause / BUDGET_HALVED_SECONDS).unwrap_or(u32::MAX);
            for sum in [&mut self.bytes, &mut self.address] {
                *sum = sum.checked_shr(halvings).unwrap_or(0);
            }
        }
        // Stretches are numbered from 1970.
        let stretch = |second: u32| second / stretch_seconds.max(1);
        let before = std::mem::replace(&mut self.last, second as u32);
        if self.stretches == 0 || stretch(before) != stretch(self.last) {
            self.stretches = self.stretches.saturating_add(1);
        }
        self.count(load);
        if usize::from(self.remembered) < TRICKLE_EVIDENCE {
            self.remembered += 1;
        } else if let Some(later) = self.evidence.get_mut(1..) {
            // The first stays: it says when it began.
            later.rotate_left(1);
        }
        if let Some(latest) = self.evidence.get_mut(usize::from(self.remembered) - 1) {
            *latest = event.position().seq.get() as u32;
        }
    }

    fn count(&mut self, load: Load) {
        let count = if load.is_write { &mut self.writes } else { &mut self.addresses };
        *count = count.saturating_add(1);
        let bytes = u32::try_from(load.carried.bytes).unwrap_or(u32::MAX);
        if load.is_write {
            self.sized = self.sized.saturating_add(u16::from(load.carried.is_known));
        } else {
            self.address = self.address.saturating_add(bytes);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.largest = self.largest.max(bytes);
        self.text = self.text.saturating_add(u16::try_from(load.text).unwrap_or(u16::MAX));
    }

    /// Adds a request that carries nothing.
    pub fn note_read(&mut self) {
        self.reads = self.reads.saturating_add(1);
    }

    /// Whether it is what the parameters describe, and twice as much as when it was told before: many requests over time, or
    /// much in however many.
    pub fn is_told(&self, parameters: &Parameters) -> bool {
        let factor = 1u64 << self.told.min(32);
        self.is_slow(parameters, factor)
            || u64::from(self.bytes) >= u64::from(parameters.kilobytes) * 1_000 * factor
            || u64::from(self.address) >= u64::from(ADDRESS_BYTES) * factor
            || u64::from(self.text) >= u64::from(ADDRESS_BYTES / 4) * factor
    }

    fn is_slow(&self, parameters: &Parameters, factor: u64) -> bool {
        let carried = u64::from(self.writes) + u64::from(self.addresses);
        let all = carried + u64::from(self.reads);
        let (writes, stretches) = (u64::from(parameters.writes) * factor, parameters.stretches);
        let is_enough = self.writes >= self.addresses || self.address >= ADDRESS_BYTES / 4;
        let is_mostly_out = carried * 100 >= all * u64::from(parameters.write_percent);
        // Reads in between hide nothing; they only ask for more of it.
        let is_much = self.bytes >= PADDED_BYTES || self.sized < self.writes;
        let is_padded = carried >= 8 * writes && u32::from(self.stretches) >= 2 * stretches && is_much;
        carried >= writes && u32::from(self.stretches) >= stretches && is_enough && (is_mostly_out || is_padded)
    }

    /// Whether it follows what was recorded at this moment closely enough to have to do with it.
    pub fn follows(&self, recorded: Timestamp) -> bool {
        self.first.recorded.begin().micros_since(recorded) < SECRET_BEFORE_SECONDS * 1_000_000
    }

    /// The numbers so far.
    pub fn seen(&self) -> Seen {
        Seen {
            writes: self.writes.into(),
            addresses: self.addresses.into(),
            reads: self.reads.into(),
            stretches: self.stretches.into(),
            bytes: self.bytes.into(),
            text: self.text.into(),
            largest: self.largest.into(),
            sized: self.sized.into(),
            seconds: i64::from(self.last) - self.first.recorded.get(),
        }
    }

    /// What came before the latest request, which stands at `seq`, for the episode that it opens.
    pub fn before(&self, seq: Seq) -> Before {
        let earlier = self.evidence.iter().take(usize::from(self.remembered).saturating_sub(1));
        let count = u64::from(self.writes) + u64::from(self.addresses);
        Before {
            count: count.saturating_sub(1),
            first: Some(self.first.begin()),
            evidence: earlier.map(|half| whole_seq(seq, *half)).collect(),
        }
    }
}
