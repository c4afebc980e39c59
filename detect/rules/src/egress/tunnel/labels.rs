//! What one agent asked for below one domain: how much of it looks like no name and was not asked for before, in a fixed size.

use detect_core::egress::lookup::Lookup;
use detect_core::episode::Before;
use detect_core::event::EventRow;
use detect_core::pack::whole_seq;
use detect_core::packed;
use detect_core::second::Moment;
use ledger::{Seq, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{BUDGET_HALVED_SECONDS, SECRET_BEFORE_SECONDS, TRICKLE_EVIDENCE};

/// Labels below one domain that carry data.
#[derive(Debug, Default)]
pub struct Labels {
    first: Moment,
    last: u32,
    /// Bytes in new labels; half of them is forgotten in a while.
    bytes: u32,
    /// Those of them that are a text once decoded.
    text: u32,
    /// New names.
    names: u16,
    /// Those of them for which a type of record was asked whose answers carry data.
    wide: u16,
    /// Questions that carried nothing new.
    others: u16,
    /// The longest label.
    longest: u8,
    /// How often it was told: each time twice as much is needed.
    pub told: u8,
    remembered: u8,
    /// Which names were asked for: one bit for each, by its hash.
    known: [u64; 2],
    evidence: [u32; TRICKLE_EVIDENCE],
}
packed!(Labels { first, last, bytes, text, names, wide, others, longest, told, remembered, known, evidence });

/// The numbers that an alert states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Bytes in new labels.
    pub bytes: u64,
    /// Those of them that are a text once decoded.
    pub text: u64,
    /// New names.
    pub names: u32,
    /// Those of them with answers that carry data.
    pub wide: u32,
    /// Questions that carried nothing new.
    pub others: u32,
    /// The longest label.
    pub longest: u8,
    /// Seconds from the first to the latest.
    pub seconds: i64,
}

/// Bits of `known` that are set before it begins anew: with more it would take new names for known ones.
const KNOWN_MAX: u32 = 64;

impl Labels {
    /// Adds a question whose labels carry something; `hash` is that of its labels.
    pub fn note(&mut self, event: &EventRow<'_>, lookup: &Lookup<'_>, hash: u64) {
        let second = event.second();
        let (at, bit) = (usize::from(hash & 64 != 0), 1u64 << (hash % 64));
        if self.known.iter().map(|known| known.count_ones()).sum::<u32>() >= KNOWN_MAX {
            self.known = [0; 2];
        }
        let Some(known) = self.known.get_mut(at) else { return };
        if *known & bit != 0 {
            return self.note_plain();
        }
        *known |= bit;
        if self.names == 0 {
            self.first = Moment::of(event);
        } else {
            let pause = second - i64::from(self.last);
            let halvings = u32::try_from(pause / BUDGET_HALVED_SECONDS).unwrap_or(u32::MAX);
            for sum in [&mut self.bytes, &mut self.text] {
                *sum = sum.checked_shr(halvings).unwrap_or(0);
            }
        }
        self.last = second as u32;
        self.bytes = self.bytes.saturating_add(lookup.payload.bytes);
        self.text = self.text.saturating_add(lookup.payload.text);
        self.names = self.names.saturating_add(1);
        self.wide = self.wide.saturating_add(u16::from(lookup.is_wide()));
        let longest = lookup.labels().split('.').map(str::len).max().unwrap_or(0);
        self.longest = self.longest.max(u8::try_from(longest).unwrap_or(u8::MAX));
        if usize::from(self.remembered) < TRICKLE_EVIDENCE {
            self.remembered += 1;
        } else if let Some(later) = self.evidence.get_mut(1..) {
            later.rotate_left(1);
        }
        if let Some(latest) = self.evidence.get_mut(usize::from(self.remembered) - 1) {
            *latest = event.position().seq.get() as u32;
        }
    }

    /// Adds a question that carries nothing new.
    pub fn note_plain(&mut self) {
        self.others = self.others.saturating_add(1);
    }

    /// Whether so many bytes stand in so many names, and twice as many as when it was told before; fewer are enough where they are
    /// a text, or where the answers carry data, too. What is shared needs so many times more.
    pub fn is_told(&self, bytes: u32, names: u16, shared_factor: u64) -> bool {
        let again = 1u64 << self.told.min(32);
        let (bytes, names) = (u64::from(bytes) * again, u64::from(names) * again);
        let [sum, text, wide, all] = [self.bytes, self.text, self.wide.into(), self.names.into()].map(u64::from);
        let is_wide = wide >= names && wide * 2 >= all;
        let is_text = text >= bytes / 4 && text * 4 >= sum * 3;
        (sum >= bytes * shared_factor && all >= names)
            || (is_wide && sum >= bytes * shared_factor / 4)
            || (is_text && all >= names / 3)
    }

    /// Whether it follows what was recorded at this moment closely enough to have to do with it.
    pub fn follows(&self, recorded: Timestamp) -> bool {
        self.first.recorded.begin().micros_since(recorded) < SECRET_BEFORE_SECONDS * 1_000_000
    }

    /// The numbers so far.
    pub fn seen(&self) -> Seen {
        Seen {
            bytes: self.bytes.into(),
            text: self.text.into(),
            names: self.names.into(),
            wide: self.wide.into(),
            others: self.others.into(),
            longest: self.longest,
            seconds: i64::from(self.last) - self.first.recorded.get(),
        }
    }

    /// What came before the latest name, which was asked for at `seq`, for the episode that it opens.
    pub fn before(&self, seq: Seq) -> Before {
        let known = self.evidence.iter().take(self.remembered.into()).map(|half| whole_seq(seq, *half));
        let evidence = known.filter(|earlier| *earlier != seq).collect();
        Before { count: u64::from(self.names).saturating_sub(1), first: Some(self.first.begin()), evidence }
    }
}
