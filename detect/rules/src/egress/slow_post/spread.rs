//! What one agent sends to all its rare places together: who gives each of many a little sends as much as who gives one a lot.

use detect_core::episode::Before;
use detect_core::event::EventRow;
use detect_core::pack::whole_seq;
use detect_core::packed;
use detect_core::second::Moment;
use ledger::Seq;

use super::Parameters;
use super::trickle::{Load, Seen};
use crate::limits::{BUDGET_HALVED_SECONDS, SPREAD_EVIDENCE};

/// Data for rare places, within a window of days.
#[derive(Debug, Default)]
pub struct Spread {
    first: Moment,
    last: u32,
    /// One bit for each place, by its hash.
    places: u64,
    bytes: u32,
    largest: u32,
    writes: u16,
    addresses: u16,
    sized: u16,
    stretches: u16,
    text: u16,
    /// How often it was told: each time twice as much is needed.
    pub told: u8,
    remembered: u8,
    evidence: [u32; SPREAD_EVIDENCE],
}
packed!(Spread {
    first,
    last,
    places,
    bytes,
    largest,
    writes,
    addresses,
    sized,
    stretches,
    text,
    told,
    remembered,
    evidence,
});

/// Fewer places are a few trickles.
const PLACES_MIN: u32 = 6;

impl Spread {
    /// Adds a request that carries data out to a rare place.
    pub fn note(&mut self, event: &EventRow<'_>, load: Load, stretch_seconds: u32) {
        let second = event.second();
        if self.places == 0 || second - self.first.recorded.get() >= BUDGET_HALVED_SECONDS {
            *self = Self { first: Moment::of(event), ..Self::default() };
        }
        let stretch = |second: u32| second / stretch_seconds.max(1);
        let before = std::mem::replace(&mut self.last, second as u32);
        if self.places == 0 || stretch(before) != stretch(self.last) {
            self.stretches = self.stretches.saturating_add(1);
        }
        let is_new = self.places & bit(event) == 0;
        self.places |= bit(event);
        let count = if load.is_write { &mut self.writes } else { &mut self.addresses };
        *count = count.saturating_add(1);
        self.sized = self.sized.saturating_add(u16::from(load.is_write && load.carried.is_known));
        let bytes = u32::try_from(load.carried.bytes).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.largest = self.largest.max(bytes);
        self.text = self.text.saturating_add(u16::try_from(load.text).unwrap_or(u16::MAX));
        // The first request to each of the first places is the best evidence.
        if is_new && let Some(free) = self.evidence.get_mut(usize::from(self.remembered)) {
            *free = event.position().seq.get() as u32;
            self.remembered += 1;
        }
    }

    /// About how many places, from how many bits are set.
    pub fn places(&self) -> u32 {
        // 64 bits of which so many are free were hit by about 64 ln (64 / free) places.
        let free = self.places.count_zeros().max(1);
        (free..64).map(|left| 64_000 / (left + 1)).sum::<u32>().div_ceil(1_000)
    }

    /// Whether it is too much for so many places.
    pub fn is_told(&self, parameters: &Parameters) -> bool {
        let carried = u64::from(self.writes) + u64::from(self.addresses);
        let factor = 1u64 << self.told.min(32);
        let is_unsized = self.sized < self.writes;
        let is_slow = u32::from(self.stretches) >= parameters.stretches
            && carried >= 2 * u64::from(parameters.writes) * factor
            && (is_unsized || self.text >= 512);
        // One large upload is no spread.
        let is_much = u64::from(self.bytes - self.largest) >= u64::from(parameters.kilobytes) * 250 * factor;
        self.places.count_ones() >= PLACES_MIN && (is_much || is_slow)
    }

    /// The numbers so far.
    pub fn seen(&self) -> Seen {
        Seen {
            writes: self.writes.into(),
            addresses: self.addresses.into(),
            reads: 0,
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
        let count = u64::from(self.writes) + u64::from(self.addresses);
        let known = self.evidence.iter().take(self.remembered.into()).map(|half| whole_seq(seq, *half));
        let evidence = known.filter(|earlier| *earlier != seq).collect();
        Before { count: count.saturating_sub(1), first: Some(self.first.begin()), evidence }
    }
}

/// The bit of the event's place.
fn bit(event: &EventRow<'_>) -> u64 {
    1 << (event.place() % 64)
}
