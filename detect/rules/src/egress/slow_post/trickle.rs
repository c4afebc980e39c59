//! What one agent sends to one rare domain over time: counts and sums in a fixed size. Words stand in the case.

use detect_core::egress::request::Request;
use detect_core::episode::Before;
use detect_core::event::EventRow;
use detect_core::pack::whole_seq;
use detect_core::packed;
use detect_core::second::Moment;
use ledger::Seq;
use ledger::Timestamp;
use ledger::events::column;
use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::egress::candidates::Candidate;
use crate::limits::{CANDIDATE_IDLE_SECONDS, SECRET_BEFORE_SECONDS, TRICKLE_EVIDENCE};

/// What one agent sends to one rare domain.
#[derive(Debug, Default)]
pub struct Trickle {
    domain: u32,
    /// When the first request was made.
    first: Moment,
    /// The second of the latest one.
    last: u32,
    /// How many stretches of time had requests.
    stretches: u16,
    writes: u32,
    queries: u32,
    reads: u32,
    bytes: u64,
    largest: u32,
    /// Requests whose size the source told.
    sized: u32,
    /// How many of the requests before the alert are remembered, and the low halves of their sequence numbers.
    remembered: u8,
    evidence: [u32; TRICKLE_EVIDENCE],
}
packed!(Trickle {
    domain,
    first,
    last,
    stretches,
    writes,
    queries,
    reads,
    bytes,
    largest,
    sized,
    remembered,
    evidence,
});

/// The numbers that an alert states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests with a method that writes.
    pub writes: u32,
    /// Requests of other methods whose query is long.
    pub queries: u32,
    /// Requests that carry nothing.
    pub reads: u32,
    /// Stretches of time with requests that carry data out.
    pub stretches: u32,
    /// Bytes that were sent, as far as it is told.
    pub bytes: u64,
    /// The most bytes of one request.
    pub largest: u64,
    /// Requests whose size was told.
    pub sized: u32,
    /// Seconds from the first to the latest.
    pub seconds: i64,
}

impl Candidate for Trickle {
    fn name(&self) -> u32 {
        self.domain
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
    pub fn new(domain: u32) -> Self {
        Self { domain, ..Self::default() }
    }

    /// Adds a request that carries data out. After a long pause it begins anew.
    pub fn note(&mut self, event: &EventRow<'_>, request: Request<'_>, stretch_seconds: u32) {
        let second = event.second();
        if self.stretches > 0 && second - i64::from(self.last) >= CANDIDATE_IDLE_SECONDS {
            *self = Self::new(self.domain);
        }
        if self.stretches == 0 {
            self.first = Moment::of(event);
        }
        // Stretches are numbered from 1970.
        let stretch = |second: u32| second / stretch_seconds.max(1);
        let before = std::mem::replace(&mut self.last, second as u32);
        if self.stretches == 0 || stretch(before) != stretch(self.last) {
            self.stretches = self.stretches.saturating_add(1);
        }
        let count = if request.is_write() { &mut self.writes } else { &mut self.queries };
        *count = count.saturating_add(1);
        // Without a size the query is what is known to have left.
        let told = event.integer(column::BYTES_OUT).and_then(|bytes| u64::try_from(bytes).ok());
        self.sized = self.sized.saturating_add(u32::from(told.is_some()));
        let bytes = told.unwrap_or(request.query_len() as u64);
        self.bytes = self.bytes.saturating_add(bytes);
        self.largest = self.largest.max(u32::try_from(bytes).unwrap_or(u32::MAX));
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

    /// Adds a request that carries nothing.
    pub fn note_read(&mut self) {
        self.reads = self.reads.saturating_add(1);
    }

    /// Whether it is what the parameters describe.
    pub fn is_slow(&self, parameters: &Parameters) -> bool {
        let carried = u64::from(self.writes) + u64::from(self.queries);
        let all = carried + u64::from(self.reads);
        carried >= u64::from(parameters.writes)
            && u32::from(self.stretches) >= parameters.stretches
            && carried * 100 >= all * u64::from(parameters.write_percent)
    }

    /// Whether it follows what was recorded at this moment closely enough to have to do with it.
    pub fn follows(&self, recorded: Timestamp) -> bool {
        self.first.recorded.begin().micros_since(recorded) < SECRET_BEFORE_SECONDS * 1_000_000
    }

    /// The numbers so far.
    pub fn seen(&self) -> Seen {
        let Self { writes, queries, reads, stretches, bytes, sized, .. } = *self;
        let (largest, stretches) = (u64::from(self.largest), u32::from(stretches));
        let seconds = i64::from(self.last) - self.first.recorded.get();
        Seen { writes, queries, reads, stretches, bytes, largest, sized, seconds }
    }

    /// What came before the latest request, which stands at `seq`, for the episode that it opens.
    pub fn before(&self, seq: Seq) -> Before {
        let earlier = self.evidence.iter().take(usize::from(self.remembered).saturating_sub(1));
        let count = u64::from(self.writes) + u64::from(self.queries);
        Before {
            count: count.saturating_sub(1),
            first: Some(self.first.begin()),
            evidence: earlier.map(|half| whole_seq(seq, *half)).collect(),
        }
    }
}
